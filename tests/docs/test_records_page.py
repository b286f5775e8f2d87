"""docs/records.md is what the classes of the records say, and what it tells of the files is true of a study."""

import hashlib
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from study.records import COLUMNS
from study.records_page import page
from tests.analysis.conftest import FEW_ARMS, StudyPlan, write_study_files
from tests.docs.pages import DOCS, blocks

PAGE = "records.md"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    write_study_files(folder / "studies", StudyPlan(arms=FEW_ARMS, questions=4, search_trials=1))
    return folder


def test_the_page_is_current() -> None:
    assert (DOCS / PAGE).read_text("utf-8") == page(), "run: python -m study.records_page > docs/records.md"


def test_every_link_of_the_page_leads_to_a_heading() -> None:
    text = page()
    headings = {re.sub(r"[^\w-]", "", line.lstrip("# ").lower()) for line in text.splitlines() if line.startswith("#")}
    links = set(re.findall(r"\]\(#(\w+)\)", text))
    assert links
    assert links <= headings


def test_the_example_reads_a_study_without_the_project(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = blocks(PAGE, "python")
    assert "study." not in example
    monkeypatch.chdir(lab)
    exec(example, {})
    printed = capsys.readouterr().out
    for arm in FEW_ARMS:
        assert arm.name in printed


def test_every_json_file_carries_the_checksum_that_the_page_defines(lab: Path) -> None:
    (formula,) = re.findall(r"^`(hashlib\..+)`\.", page(), re.MULTILINE)
    files = list((lab / "studies" / "quick").rglob("*.json"))
    assert len(files) > 4
    for file in files:
        fields = json.loads(file.read_text("utf-8"))
        assert list(fields)[-1] == "sha256"
        assert fields.pop("sha256") == eval(formula, {"hashlib": hashlib, "json": json, "fields": fields}), file


@pytest.mark.parametrize("name", COLUMNS)
def test_the_columns_of_a_table_are_those_of_the_page(name: str, lab: Path) -> None:
    section = page().split(f"## trials/<id>/{name}\n")[1].split("\n## ")[0]
    documented = {column for row in re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE) for column in row.split(", ")}
    assert set(COLUMNS[name]) <= documented
    file = next((lab / "studies" / "quick").rglob(name), None)
    assert file is not None
    # Of the measures the page names some.
    assert set(pd.read_parquet(file).columns) - {"recall@10", "complete@10"} <= documented
