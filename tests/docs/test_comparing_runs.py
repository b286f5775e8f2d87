"""docs/comparing_runs.md is followed outside the tree: its files, its commands, what they say."""

import json

import pytest

from tests.docs.pages import Lab, commands

PAGE = "comparing_runs.md"


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Lab:
    return Lab(PAGE, tmp_path_factory.mktemp("runs"))


@pytest.mark.slow
def test_the_first_try_prints_and_writes_what_the_page_says(lab: Lab) -> None:
    printed = lab.run(lab.command("--output"))
    assert "bm25.trec lacks 1 of 4 judged queries: they count 0." in printed
    assert "org/dense" in printed
    assert "Compared on 4 questions of qrels.trec" in printed
    written = {path.name for path in (lab.folder / "compared").iterdir()}
    tables = {"systems", "comparisons", "questions_ndcg_10"}
    assert written == {"comparison.md"} | {f"{name}.{ending}" for name in tables for ending in ("csv", "json")}
    rows = json.loads((lab.folder / "compared" / "systems.json").read_text())["rows"]
    assert [row["system"] for row in rows] == ["org/dense", "bm25"]
    assert rows[0]["ndcg_10"] == 1.0


@pytest.mark.slow
def test_every_command_of_the_page_runs(lab: Lab) -> None:
    assert len(commands(PAGE)) == 2
    printed = lab.run(lab.command("--against"))
    for label in ("mAP", "recall@2"):
        assert f"org/dense cannot be told from bm25 on {label}: +." in printed
