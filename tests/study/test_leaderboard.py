"""A leaderboard has the best search trial of every branch, later the mean of the seeds of every arm, best first."""

import io
from typing import Any

import pytest
from rich.console import Console

from study.leaderboard import Leaderboard
from study.records import ArmRecord, BranchRecord, ObjectiveRecord
from study.settings import StudySettings
from tests.study.toy_study import study_record
from tests.trainables.toy_trial import toy_trial
from trainables.records import TrialRecord

OBJECTIVES = (
    ObjectiveRecord(metric="overall/map", direction="maximize"),
    ObjectiveRecord(metric="bias/rank_distance", direction="minimize"),
)


def rows(board: Leaderboard, phase: str, most: int | None = None) -> list[list[str]]:
    """The table, cell by cell as far as cells hold no space, its heading first."""
    out = io.StringIO()
    table = board.table(phase, most)
    assert table is not None
    Console(file=out, width=200, no_color=True).print(table)
    return [line.split() for line in out.getvalue().splitlines()]


def search(branch: str, number: int = 0, **changes: Any) -> TrialRecord:
    names = {"id": f"search-{branch}-{number:03d}", "branch": branch, "number": number}
    return toy_trial().model_copy(update={**names, **changes})


def confirm(arm: str, seed: int, **changes: Any) -> TrialRecord:
    names = {"id": f"confirm-{arm}-{seed:03d}", "phase": "confirm", "branch": None, "arm": arm}
    return toy_trial().model_copy(update={**names, **changes})


def arm(name: str, **changes: Any) -> ArmRecord:
    config = toy_trial().config
    values = {"role": "dynamic", "config": config, "description": f"{name}-ratio", "mean_ratio": None}
    return ArmRecord(**{"arm": name, "constant_ratio": None, "chosen_from": None, **values, **changes})


def values(quality: float, distance: float = 1.0) -> dict[str, float]:
    return {"dev/overall/map": quality, "dev/bias/rank_distance": distance, "test/multilingual/map": 0.9999}


def branch(name: str, trials: int = 3, **changes: Any) -> BranchRecord:
    return BranchRecord(branch=name, role="dynamic", trials=trials, pairs=1, **changes)


def test_branches_stand_by_their_best_complete_trial_and_those_without_one_come_last() -> None:
    board = Leaderboard(
        study_record(branches=[branch("none"), branch("low"), branch("high", 4)], objectives=OBJECTIVES)
    )
    for number, quality in enumerate((0.25, 0.75, 0.5)):
        board.ended(search("high", number), "complete", values(quality, 10 + number))
    board.ended(search("high", 3), "pruned", values(0.99))
    board.ended(search("low"), "complete", values(0.6))
    board.ended(search("none"), "failed", {})
    heading, *found = rows(board, "search")
    assert heading == ["search", "trials", "dev", "overall/map", "dev", "bias/rank_distance", "best", "trial", "ratio"]
    assert [row[:5] for row in found] == [
        ["high", "4/4", "0.7500", "11.0000", "search-high-001"],
        ["low", "1/3", "0.6000", "1.0000", "search-low-000"],
        ["none", "1/3", "-", "-", "-"],
    ]
    assert "0.9999" not in str(found), "no result of a benchmark"
    assert [row[0] for row in rows(board, "search", most=2)[1:]] == ["high", "low"]


def test_the_first_objective_decides_in_its_direction() -> None:
    board = Leaderboard(study_record(branches=[branch("near"), branch("far")], objectives=OBJECTIVES[::-1]))
    for name, distance in (("far", 30.0), ("near", 20.0), ("far", 25.0)):
        board.ended(search(name), "complete", values(0.5, distance))
    assert [row[:3] for row in rows(board, "search")[1:]] == [["near", "1/3", "20.0000"], ["far", "2/3", "25.0000"]]


def test_cells_have_rows_of_their_own_and_repeated_searches_one_together() -> None:
    cells = [{"size": "24"}, {"size": "48"}]
    branches = [branch("linear", 2, cell=cell) for cell in cells]
    board = Leaderboard(study_record(branches=branches, settings=StudySettings(repeat_search=2)))
    for repetition, quality in ((0, 0.25), (1, 0.5)):
        trial = search("linear", cell=cells[1], repetition=repetition)
        board.ended(trial, "complete", {"dev/multilingual/map": quality})
    assert [row[:4] for row in rows(board, "search")[1:]] == [
        ["48", "linear", "2/4", "0.5000"],
        ["24", "linear", "0/4", "-"],
    ]


@pytest.mark.parametrize("phase", ["confirm", "measure"])
def test_arms_stand_by_the_mean_of_their_seeds_and_twins_share_them(phase: str) -> None:
    board = Leaderboard(study_record(branches=[branch("best")], objectives=OBJECTIVES))
    assert board.table(phase) is None, "not chosen yet"
    # A branch and its arm have one name.
    board.ended(search("best"), "complete", values(0.9))
    board.arms = [arm("best"), arm("waits"), arm("twin", same_as="best"), arm("other")]
    for seed, quality in enumerate((0.4, 0.6)):
        board.ended(confirm("best", seed), "complete", values(quality))
    board.ended(confirm("other", 0), "complete", values(0.7))
    board.ended(confirm("other", 1), "failed", {})
    heading, *found = rows(board, phase)
    assert heading[:5] == ["confirm", "seeds", "mean", "dev", "overall/map"]
    assert [row[:3] for row in found] == [
        ["other", "1", "0.7000"],
        ["best", "2", "0.5000"],
        ["twin", "2", "0.5000"],
        ["waits", "0", "-"],
    ]
    assert found[0][-1] == "other-ratio"
    assert rows(board, "search")[1][:3] == ["best", "1/3", "0.9000"]


def test_names_from_records_neither_steer_nor_style_a_terminal() -> None:
    board = Leaderboard(study_record(branches=[branch("[red]x[/red]\x1b[31m")]))
    assert rows(board, "search")[1][0] == "[red]x[/red]\\x1b[31m"
