"""What arms were trained on, and what may be said about it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.facts.batches import same_items
from analysis.facts.facts import Facts
from analysis.findings.findings import Findings
from analysis.methods.protocol import protocol
from analysis.sections.batches import batches, languages, sentences
from tests.analysis.conftest import PAIRS, edit
from trainables.records import RESULT

SAME = "All arms saw the same items in the same order."

Written = Callable[..., Path]


def change(folder: Path, trials: str, **values: object) -> None:
    for path in folder.glob(f"trials/confirm-{trials}/{RESULT}"):
        edit(path, lambda record: record | {"batches": record["batches"] and record["batches"] | values})


def said(folder: Path) -> list[str]:
    return list(sentences(Findings.of([str(folder)])))


def test_the_tables_say_what_the_records_hold(write_study: Written, tmp_path: Path) -> None:
    folder = write_study(tmp_path)
    change(folder, "X-Y-*", items=650, sets={"a": 3 * PAIRS // 4, "b": PAIRS // 4}, false_negatives=PAIRS // 100)
    facts = Facts.of([str(folder)])
    rows = {row["arm"]: row for row in batches(facts).records()}
    assert list(rows) == [arm.label for arm in facts.arms]
    assert rows["X-X-mono"]["mono"] == 1
    assert (rows["X-X-mono"]["items"], rows["X-X-mono"]["sets"], rows["X-X-mono"]["false_negatives"]) == (
        700,
        "atlas",
        0,
    )
    assert (rows["X-Y"]["mono"], rows["X-Y"]["items"], rows["X-Y"]["sets"]) == (0, 650, "a .75, b .25")
    assert rows["X-Y"]["false_negatives"] == pytest.approx(0.01)
    pairs = [
        (row["query_language"], row["passage_language"], row["pairs"])
        for row in languages(facts).records()
        if row["arm"] == "best static"
    ]
    assert pairs == [("de", "de", round(0.3 * PAIRS)), ("en", "de", round(0.7 * PAIRS))]


def test_that_all_arms_saw_the_same_items_is_said_where_the_records_prove_it(
    write_study: Written, tmp_path: Path
) -> None:
    folder = write_study(tmp_path)
    assert said(folder) == [SAME]
    assert "; all arms saw the same items in the same order." in protocol(Facts.of([str(folder)]))[-1]


def test_one_other_stream_of_one_seed_disproves_it(write_study: Written, tmp_path: Path) -> None:
    folder = write_study(tmp_path)
    change(folder, "X-Y-12", item_streams={"64": "12/48/64", "200": "other"}, items=640)
    (sentence,) = said(folder)
    assert sentence.startswith("Not all arms saw the same items in the same order: a difference between them may also")
    assert "the same items" not in protocol(Facts.of([str(folder)]))[-1]


def test_a_missing_record_proves_nothing(write_study: Written, tmp_path: Path) -> None:
    folder = write_study(tmp_path)
    for path in folder.glob(f"trials/confirm-X-Y-12/{RESULT}"):
        edit(path, lambda record: record | {"batches": None})
    assert said(folder) == []
    assert "the same items" not in protocol(Facts.of([str(folder)]))[-1]


def test_of_a_shorter_training_only_the_steps_in_common_are_claimed(write_study: Written, tmp_path: Path) -> None:
    """A controller that pays for its signals takes fewer steps than the others, of which none has a checksum there."""
    folder = write_study(tmp_path)
    for seed in (11, 12, 13):
        change(folder, f"best-dynamic-{seed}", item_streams={"64": f"{seed}/48/64", "190": "its end"})
    assert said(folder) == [
        "All arms saw the same items in the same order in the first 64 steps, as far as the records allow to compare "
        "them."
    ]
    found = same_items(Facts.of([str(folder)]).arms)
    assert found is not None
    assert (found.is_same, found.steps, found.is_whole) == (True, 64, False)
    for seed in (11, 12, 13):
        change(folder, f"best-dynamic-{seed}", item_streams={"64": f"{seed}/48/64"})
    assert said(folder) == [SAME]


def test_nothing_in_common_is_nothing_the_same(write_study: Written, tmp_path: Path) -> None:
    folder = write_study(tmp_path)
    change(folder, "X-Y-12", item_streams={})
    assert said(folder)[0].startswith("Not all arms saw")


def test_arms_of_different_cells_need_not_see_the_same(write_study: Written, tmp_path: Path) -> None:
    folder = write_study(tmp_path, batch_sizes=(48, 96))
    assert said(folder) == ["All arms of one batch size saw the same items in the same order."]
