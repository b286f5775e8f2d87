from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.facts.facts import Facts
from analysis.sections.data import overlap
from study.records import STUDY
from tests.analysis.conftest import edit


@pytest.mark.parametrize(("kept", "treated"), [(False, "dropped"), (True, "kept")])
def test_the_overlap_table_counts_items_and_hard_negatives_and_says_what_became_of_them(
    write_study: Callable[..., Path], tmp_path: Path, kept: bool, treated: str
) -> None:
    folder = write_study(tmp_path, benchmarks=("atlas", "xquad-r"))
    negatives = {"atlas": {"xquad-r": 7}, "mine": {"atlas": 1}}
    edit(
        folder / STUDY,
        lambda study: (
            study
            | {
                "data": study["data"] | {"overlap_negatives": negatives},
                "settings": study["settings"] | {"keep_overlap": kept},
            }
        ),
    )
    columns = ("set", "benchmark", "items", "negatives", "treated")
    rows = {tuple(row[name] for name in columns) for row in overlap(Facts.of([str(folder)])).records()}
    assert rows == {
        ("atlas", "atlas", 2, 0, treated),
        ("atlas", "xquad-r", 2, 7, treated),
        ("mine", "atlas", 0, 1, treated),
    }
