"""What the Optuna journal of a study says to whoever opens it: every search, trials by their ids, true states."""

import shutil
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from search_spaces.registry import space
from study.plan.program import StudyPlan
from study.settings import StudySettings
from trainables.records import Outcome, Status

ENDS: tuple[Status, ...] = ("complete", "failed", "diverged", "pruned")
STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}


def test_a_copy_of_the_journal_shows_searches_ids_metrics_states_and_reasons(tmp_path: Path) -> None:
    settings = StudySettings(trials=4, seeds=1, objective=("overall/map",))
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "optuna.journal")))
    plan = StudyPlan(space("dynamic_vs_static"), settings, storage=storage)
    told: dict[str, Status] = {}
    while len(told) < 20 and (trial := plan.next_trial()) is not None:
        status = ENDS[(trial.number or 0) % 4] if trial.branch not in ("X-X-mono", "X-Y") else "complete"
        value = {"dev/overall/map": 0.5} if status == "complete" else {}
        error = "RuntimeError: no memory" if status == "failed" else None
        plan.complete(trial, Outcome(status=status, steps=4, metrics=value, dev_by_step={}, error=error))
        told[trial.id] = status

    shutil.copy(tmp_path / "optuna.journal", tmp_path / "copy.journal")
    copy = JournalStorage(JournalFileBackend(str(tmp_path / "copy.journal")))
    studies = {
        one.study_name: optuna.load_study(study_name=one.study_name, storage=copy) for one in copy.get_all_studies()
    }
    assert {one.branch for one in plan.branches if one.role != "control"} <= studies.keys()
    assert all(one.metric_names == ["overall/map"] for one in studies.values())
    shown = {t.user_attrs["trial"]: t for one in studies.values() for t in one.trials if "trial" in t.user_attrs}
    assert {name: shown[name].state for name in told} == {
        name: STATES.get(status, TrialState.FAIL) for name, status in told.items()
    }
    for name, status in told.items():
        why = {"failed": "RuntimeError: no memory", "diverged": "diverged"}.get(status)
        assert shown[name].user_attrs.get("why") == why
    never_run = [t for one in studies.values() for t in one.trials if "trial" not in t.user_attrs]
    assert {t.state for t in never_run} <= {TrialState.FAIL, TrialState.WAITING}
    assert all("never run" in t.user_attrs["why"] for t in never_run if t.state == TrialState.FAIL)
    ratios = {
        name: {key for t in one.trials for key in t.params if key.startswith("ratio.")} for name, one in studies.items()
    }
    assert "ratio.start" in ratios["linear"], "a family has its own parameters"
    assert ratios["linear"] != ratios["step"]
