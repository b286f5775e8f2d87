"""Telling a plan what its study has done already, before anything is started or written."""

from collections.abc import Mapping

from study.plan.program import StudyPlan
from study.records import ArmsRecord
from study.study_folder import Study, Trial
from trainables.errors import UserError
from trainables.records import Outcome, TrialRecord


def check_recorded(plan: StudyPlan, study: Study) -> dict[str, TrialRecord]:
    """Goes through a plan with the recorded trials of its study; nothing is written.

    Returns the trials that the plan derives from the records, by id.

    Args:
        plan: a fresh one, which is used up; it tells `check_same_arms` its arms.
        study: what it has done so far.

    Raises:
        UserError: a recorded trial, or the arms, are not what the plan derives from the records.
    """
    known = whole_trials(study)
    derived: dict[str, TrialRecord] = {}
    while not plan.finished:
        trial = plan.next_trial()
        if trial is not None:
            derived[trial.id] = trial
            _tell(plan, trial, known)
        elif plan.phase_ended:
            plan.start_confirm_phase()
        else:
            # The rest depends on trials that have not ended.
            break
    return derived


def whole_trials(study: Study) -> dict[str, Trial]:
    """The recorded trials by id, without those that must be run again because a file of theirs is damaged."""
    return {trial.id: trial for trial in study.trials if not trial.damaged_files}


def check_same_trial(trial: TrialRecord, known: Trial) -> None:
    """Raises UserError where a recorded trial is not the one that the plan derives."""
    if known.record != trial:
        raise UserError(
            f"{known.folder.location}/trial.json is not the trial that the plan derives from the records: "
            "the study was written by another version of this project or of Optuna; resume it with that version."
        )


def check_same_arms(study: Study, arms: ArmsRecord) -> None:
    """Raises UserError where the recorded arms are not those that the plan derives."""
    if study.chosen is not None and arms != study.chosen:
        raise UserError(
            f"{study.folder.location}/arms.json does not hold the arms that the plan derives from the records: the "
            "study was written by another version of this project or of Optuna, or trials of its search are not what "
            "they were; resume it with that version, or restore it from a copy."
        )


def _tell(plan: StudyPlan, trial: TrialRecord, known: Mapping[str, Trial]) -> None:
    found = known.get(trial.id)
    if found is None:
        return
    check_same_trial(trial, found)
    if found.result is not None:
        plan.complete(trial, Outcome.of(found.result, found.reports()))
