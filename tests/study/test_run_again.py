"""A trial that is run again reads and writes what stands beside it in a folder that is gone afterwards."""

import tempfile
from pathlib import Path

import pytest

from study.run_again import run_again
from study.study_folder import Study, create_study, open_study
from tests.study.toy_study import study_record
from tests.trainables.toy_trial import toy_inputs, toy_trial
from trainables.errors import UserError
from trainables.evaluation.config import EvaluationConfig
from trainables.parallel.worker import Worker
from trainables.ratio.schedules.constant import Constant
from trainables.records import TRIAL, TrialRecord
from trainables.sealed import sealed
from trainables.storage import Folder
from trainables.trial import TrialOptions, run_trial


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Both strategies, which are judged anew as well, and what their encoders make together."""
    found = create_study(Folder(tmp_path_factory.mktemp("studies") / "s"), study_record())

    def run(name: str, record: TrialRecord) -> None:
        folder = found.write_trial(record.model_copy(update={"id": name}))
        inputs = toy_inputs().of(record.config.encoder)
        run_trial(record.model_copy(update={"id": name}), inputs, folder, Worker(), TrialOptions(keep_encoder=True))

    centred = toy_trial(**{"evaluation.centred": True}).config.evaluation
    for name, ratio in (("mono", 1.0), ("cross", 0.0)):
        record = toy_trial(Constant(value=ratio), phase="confirm").model_copy(update={"also": {f"{name}-2": centred}})
        run(name, record)
        judged = record.model_copy(
            update={"also": {}, "config": record.config.model_copy(update={"evaluation": centred})}
        )
        found.write_trial(judged.model_copy(update={"id": f"{name}-2"}))
    merged = toy_trial(phase="confirm", steps=0, **{"merging.cross_weight": 0.25})
    run("merged", merged.model_copy(update={"sources": ("mono", "cross")}))
    return open_study(found.folder.location)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mono", "mono-2", "merged"])
def test_a_trial_with_others_beside_it_comes_to_the_same_numbers_and_leaves_nothing(
    study: Study, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    derived = {trial.id: trial.record for trial in study.trials}
    assert run_again(study, name, derived, toy_inputs(), lambda _: TrialOptions()) == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_run_that_the_plan_does_not_derive(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (merged,) = (trial.record for trial in study.trials if trial.id == "merged")
    for derived in ({}, {"merged": merged.model_copy(update={"sources": ("cross", "mono")})}):
        with pytest.raises(UserError, match=r"--trial merged: .*trials/merged is not a trial that the plan"):
            run_again(study, "merged", derived, toy_inputs(), lambda _: TrialOptions())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "/etc", "../x", "a/b", ".hidden", "x[/foo]"])
def test_a_trial_is_named_by_what_leads_nowhere(name: str, study: Study) -> None:
    record = next(trial.record for trial in study.trials if trial.id == "mono")
    for part, value in (("id", name), ("sources", (name,)), ("also", {name: EvaluationConfig()})):
        folder = study.folder / "trials" / "forged"
        folder.write_bytes(TRIAL, sealed(record.model_copy(update={part: value})))
        opened = open_study(study.folder.location)
        assert "forged" not in [trial.folder.name for trial in opened.trials]
        assert any(f"forged/{TRIAL} is damaged" in line and "names no trial" in line for line in opened.problems)
        folder.delete()
