"""The searcher spends the study's budget on what trials really cost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from search_spaces.recipes import MINI
from search_spaces.registry import space
from study.budget import Budget
from study.plan import StudyPlan
from study.records import create_study
from study.searcher import FINISHED, PlanSearcher
from study.settings import StudySettings
from trainables.storage import Folder

STEPS, BATCH = 40, 8
PAIRS = STEPS * BATCH


@pytest.fixture
def trials_within(tmp_path: Path) -> Callable[..., int]:
    """How many trials are started one after the other, if each costs so many pairs and signal pairs."""

    def count(budget: int, pairs: int, signal_pairs: int, status: str = "complete") -> int:
        study = create_study(Folder(tmp_path / f"{budget}-{pairs}-{signal_pairs}-{status}"), {"name": "s"})
        plan = StudyPlan(space("dynamic_vs_static"), MINI, StudySettings(steps=STEPS, batch_size=BATCH), "mini-xs")
        searcher = PlanSearcher(plan, study, Budget(pairs=budget), lambda spec, outcome: None)
        started = 0
        while (config := searcher.suggest(str(started))) != FINISHED:
            assert isinstance(config, dict)
            cost = {"pairs": pairs, "signal_pairs": signal_pairs}
            result = {"status": status, "steps": STEPS, "metrics": {"dev/multilingual/map": 0.5}, "cost": cost}
            Folder(config["folder"]).write_json("result.json", {**result, "error": None})
            searcher.on_trial_complete(str(started))
            started += 1
        assert searcher.budget_reached == "pair budget"
        return started

    return count


def test_a_pair_budget_is_spent_to_the_end(trials_within: Callable[..., int]) -> None:
    assert trials_within(10 * PAIRS, PAIRS, 0) == 10
    assert trials_within(10 * PAIRS - 1, PAIRS, 0) == 9


def test_the_signals_of_a_controller_count_in_the_budget(trials_within: Callable[..., int]) -> None:
    # After k trials 1.5 k of the ten are gone, and the next one needs at least one.
    assert trials_within(10 * PAIRS, PAIRS, PAIRS // 2) == 7


def test_what_a_stopped_trial_saved_is_spent_on_others(trials_within: Callable[..., int]) -> None:
    assert trials_within(10 * PAIRS, PAIRS // 2, 0, status="pruned") == 19


def test_a_failed_trial_counts_as_planned(trials_within: Callable[..., int]) -> None:
    assert trials_within(10 * PAIRS, 0, 0, status="failed") == 10
