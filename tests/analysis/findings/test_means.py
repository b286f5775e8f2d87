"""Which interval stands beside a mean: over seeds and questions where both are known, over seeds where not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.contents import build_report
from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable
from analysis.statistics.significance import arm_mean
from tests.analysis.conftest import edit

KEY = "atlas_cross_lingual_map"
STUDENT = "for new seeds on the same questions (Student's t)"
BOTH = "for new seeds and new questions (Student's t)"


def results(folder: Path) -> tuple[dict[str, dict[str, float]], str, tuple[str, ...]]:
    report = build_report([str(folder)])
    table = report.table("results")
    assert table is not None
    return {row["arm"]: row for row in table.records()}, table.notes[0], report.first_lines


def student(folder: Path, arm: str) -> tuple[float, float]:
    values = [
        json.loads(path.read_text())["metrics"]["atlas/cross-lingual/map"]
        for path in sorted((folder / "trials").glob(f"confirm-{arm.replace(' ', '-')}-*/result.json"))
    ]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    return float(low), float(high)


def test_the_interval_is_that_of_all_arms_values_per_question(finished_study):
    rows, note, _ = results(finished_study)
    assert BOTH in note
    tables = {}
    for arm in rows:
        cells = []
        for seed in (11, 12, 13):
            path = finished_study / "trials" / f"confirm-{arm.replace(' ', '-')}-{seed}" / "per_query.parquet"
            part = pd.read_parquet(path).query("benchmark == 'atlas' and setting == 'cross-lingual'")
            cells.append(part.pivot(index="parallel_id", columns=["query_language", "pool_language"], values="map"))
        tables[arm] = QuestionTable.from_cells(
            (11, 12, 13), list(cells[0].index), [str(c) for c in cells[0].columns], np.stack(cells)
        )
    # The spread of the seeds is that of the arm, strengthened by that of all others.
    panel = Panel.of(tables)
    for arm, row in rows.items():
        expected = arm_mean(panel, arm).interval
        assert (row[f"{KEY}_low"], row[f"{KEY}_high"]) == pytest.approx(expected, abs=1e-6)
        low, high = student(finished_study, arm)
        # New questions are a further reason to vary: these 40 leave more doubt than the seeds.
        assert row[f"{KEY}_high"] - row[f"{KEY}_low"] > high - low


@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_one_arm_without_values_per_question_gives_all_arms_the_interval_over_seeds(tmp_path, write_study, damage):
    folder = write_study(tmp_path, questions=8)
    path = folder / "trials" / "confirm-X-Y-12" / "per_query.parquet"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    rows, note, _ = results(folder)
    assert STUDENT in note
    for arm, row in rows.items():
        assert (row[f"{KEY}_low"], row[f"{KEY}_high"]) == pytest.approx(student(folder, arm))


def test_values_per_question_that_do_not_average_to_the_summary_are_named_and_not_used(tmp_path, write_study):
    folder = write_study(tmp_path, questions=8)

    def shift(result):
        result["metrics"]["atlas/cross-lingual/map"] += 0.003

    edit(folder / "trials" / "confirm-X-Y-12" / "result.json", shift)
    _, note, lines = results(folder)
    assert STUDENT in note
    (damaged,) = [line for line in lines if "confirm-X-Y-12/per_query.parquet is damaged and was left out" in line]
    assert "atlas/cross-lingual/map in result.json is" in damaged


def test_a_single_seed_has_no_interval(tmp_path, write_study):
    folder = write_study(tmp_path, questions=8, seeds=(7,))
    rows, note, _ = results(folder)
    assert note == "One seed per arm: single runs have no interval."
    assert f"{KEY}_low" not in rows["X-Y"]
