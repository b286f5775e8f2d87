"""The study's plan behind Ray Tune's Searcher interface."""

import errno
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ray.tune.search import Searcher

from study.cluster.trainable import DISK_FULL
from study.kept_encoders import let_go
from study.plan.budget import PAIR_BUDGET, Budget
from study.plan.program import StudyPlan
from study.plan.replay import check_same_trial, whole_trials
from study.records import TRIALS
from study.study_folder import Study, Trial
from trainables.claim import take
from trainables.records import RESULT, TRIAL, Outcome, Result, TrialRecord
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.trial import CHECKPOINT, failure, write_result

_LEAST_FREE_BYTES = 1_000_000

FINISHED: str = Searcher.FINISHED
"""What Tune takes as the end of a search."""


class PlanSearcher(Searcher):
    """Gives Tune the plan's trials, skips those that the records hold already, and tells the plan how each ended.

    The records, not Tune's own state, are the truth: a study is resumed by giving a fresh plan its old outcomes.
    """

    def __init__(
        self,
        plan: StudyPlan,
        study: Study,
        budget: Budget,
        on_complete: Callable[[TrialRecord, Outcome], None],
        before: "PlanSearcher | None" = None,
        fit: Callable[[Sequence[Mapping[str, str]]], bool] = lambda cells: True,
    ) -> None:
        """Reads which trials the records hold already.

        Args:
            plan: which trial comes next.
            study: the records.
            budget: when no trial is started any more.
            on_complete: told every trial that has ended, those of the records included.
            before: the searcher of the phase before this one, whose trials and pairs count.
            fit: whether trials of these cells have room at the same time.
        """
        super().__init__()
        self._plan = plan
        self._study = study
        self._budget = budget
        self._on_complete = on_complete
        self._fit = fit
        # A driver that was killed while it wrote leaves half a file.
        study.folder.sweep()
        self._known = whole_trials(study)
        self._running: dict[str, TrialRecord] = {}
        self._waiting: TrialRecord | None = None
        self._trials: int
        self._pairs: int
        if before is not None:
            self._trials, self._pairs = before._trials, before._pairs
        else:
            # All that have ended, from the start: the plan comes to some later than to others that would be new.
            ended = [known for known in self._known.values() if _has_ended(known)]
            self._trials, self._pairs = len(ended), sum(map(_pairs_of, ended))
        self.budget_reached: str | None = None
        self.broken: OSError | None = None
        """Why the records cannot be kept any longer, such as a full disk."""

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Returns the next trial's configuration, None to be asked again later, or FINISHED.

        Raises OSError once the records cannot be kept any longer.
        """
        if self.broken is not None:
            raise self.broken
        while self.budget_reached is None:
            trial = self._waiting or self._plan.next_trial()
            self._waiting = None
            if trial is None:
                return FINISHED if self._plan.phase_ended else None
            known = self._known.get(trial.id)
            pairs = _planned_pairs(trial)
            if known is not None:
                check_same_trial(trial, known)
                if known.result is not None and _has_ended(known):
                    # Still there if the trial was killed between its result and its end.
                    (known.folder / CHECKPOINT).delete()
                    self._tell(trial, Outcome.of(known.result, known.reports()))
                    continue
            written = self._left_by_another(trial) if known is None else None
            if written is not None:
                self._study.write_trial(trial)
                self._spend(pairs)
                self._finish(trial, Outcome.of(written, ()))
                continue
            reached = self._budget.reached(self._trials + 1, self._pairs + pairs)
            if self._running and (reached == PAIR_BUDGET or (reached is None and not self._has_room(trial))):
                # Those that run may spend less than planned, and leave the room it needs; then it is this one's turn.
                self._waiting = trial
                return None
            if reached is not None:
                self.budget_reached = reached
                break
            self._spend(pairs)
            if known is None:
                # What a damaged trial has left must not count once it is run again.
                self._study.trial_folder(trial).delete()
            folder = self._study.write_trial(trial)
            folder.remove(RESULT)
            self._running[trial_id] = trial
            return {"trial": trial.model_dump_json(), "folder": folder.location}
        return FINISHED

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """Reads from the records how the trial ended; a trial that died before it could say so has failed."""
        trial = self._running.pop(trial_id)
        folder = self._study.trial_folder(trial)
        if result is not None and result.get("status") == DISK_FULL:
            # It has not ended: without a result it is run again when the study is resumed.
            self.broken = OSError(result["errno"], os.strerror(result["errno"]), result["where"])
            return
        try:
            if not folder.exists(RESULT):
                _check_disk(folder)
                # Its process may be alive, on a machine that was cut off: what it would still write comes too late.
                take(folder)
            if not folder.exists(RESULT):
                write_result(folder, failure("its process died more often than --max-failures allows"))
            ended = read_sealed(folder, RESULT, Result)
            if ended.status == "failed" and trial.phase == "search":
                # Of a confirm trial, which is run again when the study is resumed, it stays.
                (folder / CHECKPOINT).delete()
            self._finish(trial, Outcome.of(ended, Trial(folder, trial, ended).reports()))
        except OSError as error:
            # Tune would turn it into a traceback of its own; `suggest` may raise what it likes.
            self.broken = error

    def _left_by_another(self, trial: TrialRecord) -> Result | None:
        """The result that another trial with the same training has written, if there is one."""
        folder = self._study.trial_folder(trial)
        if folder.exists(TRIAL) or not folder.exists(RESULT):
            return None
        try:
            return read_sealed(folder, RESULT, Result)
        except ValueError:
            return None

    def _has_room(self, trial: TrialRecord) -> bool:
        return self._fit([*(one.cell for one in self._running.values()), trial.cell])

    def _spend(self, pairs: int) -> None:
        self._trials += 1
        self._pairs += pairs

    def _finish(self, trial: TrialRecord, outcome: Outcome) -> None:
        if outcome.status != "failed":
            # A trial that was stopped spent less than was planned.
            self._pairs += outcome.pairs - _planned_pairs(trial)
        self._tell(trial, outcome)

    def _tell(self, trial: TrialRecord, outcome: Outcome) -> None:
        self._plan.complete(trial, outcome)
        if trial.phase == "confirm" and self._study.info.settings.keep_encoders == "best":
            for outdone in self._plan.outdone(trial):
                let_go(self._study.folder / TRIALS / outdone)
        self._on_complete(trial, outcome)

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its parts for its own restore, which is never used."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the records hold it all."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the records hold it all."""


def _planned_pairs(trial: TrialRecord) -> int:
    return trial.config.steps * trial.config.batches.size


def _check_disk(folder: Folder) -> None:
    """Raises OSError if the disk is full: then a trial without a result has not failed, but must be run again."""
    if folder.is_local and shutil.disk_usage(folder.local_path).free < _LEAST_FREE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder.location)


def _has_ended(known: Trial) -> bool:
    """Whether a trial of the records is told to the plan as it is. A failed confirm trial is run again on resume; later
    suggestions do not depend on it as they do in the search."""
    return known.result is not None and not (known.phase == "confirm" and known.status == "failed")


def _pairs_of(ended: Trial) -> int:
    """What a trial has cost; one that failed, what was planned."""
    if ended.result is None or ended.status == "failed":
        return _planned_pairs(ended.record)
    return Outcome.of(ended.result, ()).pairs
