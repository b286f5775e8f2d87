"""The measure phase: one measurement at a time, each a Ray task; nothing else of the study runs meanwhile."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.cluster.cells import CellResources
from study.cluster.resources import Resources
from study.plan.budget import Budget
from study.plan.measurements import measurement_jobs
from study.records import TRIALS
from study.study_folder import Study
from trainables.errors import UserError
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.held import HELD
from trainables.evaluation.efficiency.records import MeasurementRecord
from trainables.inputs import StudyInputs, TokenisedTexts
from trainables.measurement import Job, QueryTexts, run_measurement
from trainables.plugins import load_plugins
from trainables.storage import Folder

_TICK_SECONDS = 1.0


@dataclass(frozen=True)
class Measuring:
    """The measure phase of a study."""

    config: EfficiencyConfig
    baseline: str
    """The arm that others are compared with."""
    inputs: StudyInputs
    query_texts: QueryTexts
    """Queries that are timed, by benchmark."""
    plugins: tuple[str, ...] = ()

    def jobs(self, study: Study) -> list[Job]:
        """All measurements of a study whose confirm phase has ended."""
        trials = [trial.record for trial in study.trials if trial.phase == "confirm" and trial.status == "complete"]
        arms = [arm for arm in study.arms if arm.arm == self.baseline]
        baseline = {trial.id for arm in arms for trial in study.confirm_trials(arm)}
        return measurement_jobs(trials, baseline, self.config)

    def run(self, study: Study, resources: CellResources, budget: Budget, tell: "Tell") -> str | None:
        """Makes the measurements that the records do not hold; returns the limit that was reached, if one was.

        A measurement that fails is told, and made again when the study is resumed. What trials have left for the phase
        is deleted when all their measurements are there.

        Raises:
            UserError: a confirm run trained an encoder that is none of the study's.
        """
        jobs = self.jobs(study)
        for job in jobs:
            if job.trial.config.encoder.token_key not in self.inputs.by_token_key:
                raise UserError(
                    f"{(study.folder / TRIALS / job.trial.id).location}: trained an encoder that is none of the "
                    "study's; take that folder away, then go on with --resume."
                )
        known = study.measurements.keys() & {job.id for job in jobs}
        left = Counter(job.trial.id for job in jobs if job.id not in known)
        for job in jobs:
            if job.id in known:
                tell.ended(job, None)
        # What a driver that was killed did not come to delete.
        for trial in {job.trial.id for job in jobs} - left.keys():
            _held(study, trial).delete()
        texts = {key: ray.put(found) for key, found in self.inputs.by_token_key.items()}
        for job in jobs:
            if job.id in known:
                continue
            if budget.deadline is not None and (reached := budget.reached(0, 0)):
                return reached
            held = resources.of(job.trial.cell)
            error = self._run(job, study, texts[job.trial.config.encoder.token_key], held, tell)
            tell.ended(job, error)
            left[job.trial.id] -= error is None
            if not left[job.trial.id]:
                _held(study, job.trial.id).delete()
        return None

    def _run(
        self, job: Job, study: Study, texts: "ray.ObjectRef[TokenisedTexts]", resources: Resources, tell: "Tell"
    ) -> str | None:
        """Makes one measurement; returns why it failed, if it did."""
        trial = study.folder / TRIALS / job.trial.id
        if not (trial / HELD).exists():
            return (
                f"its trial has left no encoder to measure; delete {trial.location} and resume the study, which trains "
                "it again"
            )
        tell.began(job)
        task = _measured.options(
            num_cpus=resources.cpus_per_worker,
            num_gpus=resources.gpus_per_worker,
            # All on one machine: another one has other times.
            scheduling_strategy=NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True),
        )
        running = task.remote(
            job,
            self.config,
            texts,
            self.query_texts,
            trial,
            threads=resources.threads,
            on_gpu=resources.gpus_per_worker > 0,
            plugins=self.plugins,
        )
        try:
            while not ray.wait([running], timeout=_TICK_SECONDS)[0]:
                tell.tick()
            study.write_measurement(ray.get(running))
        except KeyboardInterrupt:
            ray.cancel(running, force=True)
            raise
        except ray.exceptions.RayError as error:
            return str(error).strip().splitlines()[-1]
        return None


@dataclass(frozen=True)
class Tell:
    """Who is told how the phase goes on."""

    began: Callable[[Job], None]
    ended: Callable[[Job, str | None], None]
    """With the reason, if it failed."""
    tick: Callable[[], None]


def _held(study: Study, trial: str) -> Folder:
    return study.folder / TRIALS / trial / HELD


@ray.remote(max_retries=2)
def _measured(
    job: Job,
    config: EfficiencyConfig,
    texts: TokenisedTexts,
    query_texts: QueryTexts,
    trial: Folder,
    *,
    threads: int,
    on_gpu: bool,
    plugins: tuple[str, ...],
) -> MeasurementRecord:
    load_plugins(plugins)
    device = torch.device("cuda" if on_gpu else "cpu")
    return run_measurement(job, config, texts, query_texts, trial, device=device, threads=threads)
