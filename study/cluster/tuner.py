"""Starts Ray, runs the plan through Ray Tune, and keeps the records up to date."""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import optuna
import ray
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from ray import tune
from ray.job_config import JobConfig

from search_spaces.space import Cell
from study.cluster.access import Dashboard
from study.cluster.cells import CellResources, of_cells
from study.cluster.full_memory import SparingTrials, memory_told, raise_if_memory_ran_out
from study.cluster.local_ray import ray_folder
from study.cluster.measuring import Measuring, Tell
from study.cluster.metrics import StudyMetrics
from study.cluster.resources import asked_resources, cores, gpu_count, plan_resources
from study.cluster.room import Room
from study.cluster.searcher import PlanSearcher
from study.cluster.trainable import REPORT
from study.listeners.listener import Listener
from study.plan.budget import Budget, parse_duration
from study.plan.program import StudyPlan
from study.records import PhaseCounts, State, StatusRecord
from study.settings import StudySettings
from study.study_folder import Study, open_study
from study.terminal import Progress
from trainables.errors import UserError, one_line
from trainables.evaluation.metric_name import named_dev
from trainables.measurement import Job
from trainables.records import Outcome, Report, TrialRecord, now
from trainables.storage import Folder
from trainables.trial_log import where_to_read_on

_OBJECT_STORE_BYTES = 200_000_000
"""Smallest object store: Ray's default takes 30 % of the machine's memory from the trials."""

_STATUS_SECONDS = 5.0
_GROWTH_SECONDS = 5.0
"""Time between two looks at a cluster that grows."""


@dataclass(frozen=True)
class Ended:
    """How a run of the study ended."""

    state: State
    failed: int


@contextmanager
def running_ray(settings: StudySettings, study: Folder, shared_bytes: int, log: Path) -> Iterator[Dashboard | None]:
    """Connects to the cluster of the settings, or starts Ray here, for the time of the block.

    Args:
        settings: the address, if any.
        study: where the study lies.
        shared_bytes: size of the arrays that trials share in the object store.
        log: file for Ray's messages.

    Raises:
        UserError: the address does not answer.
    """
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    _log_to_file(log)
    options: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "configure_logging": False,
        # What the dashboard shows of the job.
        "job_config": JobConfig(metadata={"study": study.name, "space": settings.space, "records": study.location}),
    }
    with nullcontext() if settings.address else ray_folder() as folder:
        try:
            if folder is None:
                options["address"] = settings.address
            else:
                # Nobody takes this machine away with notice; the process that looks out for it is one per worker group.
                os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
                options |= {
                    # A Ray of its own, even where RAY_ADDRESS is set or another one runs on this machine.
                    "address": "local",
                    "num_cpus": cores(),
                    "num_gpus": gpu_count(),
                    "object_store_memory": _OBJECT_STORE_BYTES + 2 * shared_bytes,
                    "include_dashboard": True,
                    "dashboard_host": "127.0.0.1",
                    "_temp_dir": str(folder.path),
                }
            with _handler_kept(signal.SIGTERM):
                context = ray.init(**options)
            if folder is not None:
                # Ray opens it to everybody.
                folder.path.chmod(0o700)
                folder.announce_metrics([f"{n['NodeManagerAddress']}:{n['MetricsExportPort']}" for n in ray.nodes()])
        except (ConnectionError, RuntimeError) as error:
            if not settings.address:
                raise
            raise UserError(
                f"--address {settings.address}: no Ray cluster answers there ({one_line(error)}); "
                "start one with `ray start --head`, or leave --address out to start Ray here."
            ) from error
        try:
            url = context.dashboard_url
            token = None if folder is None else folder.token
            yield Dashboard(f"http://{url}", token, settings.address) if url else None
        finally:
            # A cluster that has gone holds nothing.
            with suppress(Exception):
                if settings.wait_for_cluster is not None:
                    _ask_for([])
            ray.shutdown()


@contextmanager
def _handler_kept(number: int) -> Iterator[None]:
    """Puts a handler for a signal back after a block in which Ray sets another one, and leaves it."""
    before = signal.getsignal(number)
    try:
        yield
    finally:
        if callable(before):
            signal.signal(number, before)


def cluster_resources(
    settings: StudySettings, cells: Sequence[Cell], storage: Folder, say: Callable[[str], None]
) -> CellResources:
    """Computes what trials get on the running cluster; raises UserError if it is too small or cannot share storage.

    `say` is told what a cluster that grows is waited for.
    """
    if settings.wait_for_cluster is not None:
        _wait_for_growth(settings, cells, parse_duration(settings.wait_for_cluster, "--wait-for-cluster"), say)
    nodes = _nodes()
    if len(nodes) > 1 and storage.is_local:
        _check_shared(storage, [node["NodeID"] for node in nodes])
    return _found(settings, cells, nodes)


def _found(settings: StudySettings, cells: Sequence[Cell], nodes: Sequence[Mapping[str, Any]]) -> CellResources:
    return of_cells(settings, cells, partial(plan_resources, nodes=_resources_of(nodes)))


def _nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _resources_of(nodes: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    return [node["Resources"] for node in nodes]


def _wait_for_growth(
    settings: StudySettings, cells: Sequence[Cell], seconds: float, say: Callable[[str], None]
) -> None:
    """Asks the autoscaler of the cluster for what the trials need, and waits; raises UserError when that takes longer.

    All kinds of trials are asked for at the same time, and each kind needs room. Where there is room for one trial but
    not for all, what there is has to do.
    """
    trials = settings.max_concurrent_trials or 1
    kinds = of_cells(settings, cells, asked_resources).kinds
    bundles = [asked.of_worker for asked in kinds for _ in range(asked.workers * trials)]
    began = time.monotonic()
    told = False
    while True:
        try:
            found = min(held.concurrent for held in _found(settings, cells, _nodes()).kinds)
            error = None
        except UserError as small:
            found, error = 0, small
        waited = time.monotonic() - began
        if found >= trials or (found and waited >= seconds):
            return
        if error is not None and waited >= seconds:
            raise UserError(f"--wait-for-cluster {settings.wait_for_cluster}: it is over. {error}") from error
        if not told:
            wanted = " and ".join(
                f"{asked.workers * trials} times "
                + ", ".join(f"{amount:g} {name}" for name, amount in asked.of_worker.items())
                for asked in kinds
            )
            say(f"waiting up to {settings.wait_for_cluster} for room for {trials} trials: {wanted}")
            told = True
            # A cluster that does not grow by itself takes no notice; somebody may add machines to it.
            _ask_for(bundles)
        time.sleep(min(_GROWTH_SECONDS, max(0.1, seconds - waited)))


def _ask_for(bundles: list[dict[str, float]]) -> None:
    """Asks the autoscaler for room for all of these, which it then keeps until it is asked for something else."""
    from ray.autoscaler.sdk import request_resources

    request_resources(bundles=bundles)


@memory_told()
def run_trials(
    study: Study,
    plan: StudyPlan,
    trainable: Callable[..., Any],
    resources: CellResources,
    settings: StudySettings,
    budget: Budget,
    progress: Progress,
    listeners: Sequence[Listener] = (),
    measuring: Measuring | None = None,
    still_holds: Callable[[], bool] = lambda: True,
) -> Ended:
    """Runs the plan to its end, or until it is interrupted; the records say at any time what is done.

    Args:
        study: where the records lie; trials that have ended there are not run again.
        plan: which trials there are.
        trainable: gets the config that `PlanSearcher.suggest` returns and writes reports and result into its folder.
        resources: how many trials run at a time, and which.
        settings: how often a trial whose process died is started again.
        budget: when no trial is started any more.
        progress: what the terminal shows.
        listeners: are told what trials report.
        measuring: what is measured of the encoders once the plan has ended.
        still_holds: whether the study is still run by this process; its status is that of who runs it.

    Raises:
        MemoryRanOutError: what ran until then goes on from its checkpoints with another Ray, and another plan.
    """
    counts = _Counts(study, plan, progress, listeners, still_holds)
    # A phase is a Tune run of its own. Between phases a core waits for the last search trial, and Tune would let its
    # actor go; a new one takes longer to start than a short trial, and Tune would run one trial at a time from then on.
    searcher = _run_phase(study, plan, trainable, resources, settings, budget, counts)
    if plan.phase_ended and not plan.finished:
        plan.start_confirm_phase()
        searcher = _run_phase(
            open_study(study.folder.location), plan, trainable, resources, settings, budget, counts, searcher
        )
    reached, interrupted = searcher.budget_reached, not plan.finished
    if plan.finished and measuring is not None:
        try:
            reached = _measure(open_study(study.folder.location), measuring, resources, budget, counts)
        except KeyboardInterrupt:
            interrupted = True
        except BaseException:
            with suppress(OSError):
                counts.write("interrupted")
            raise
    state: State
    if reached:
        state = "budget"
        best = "" if plan.arms else ", --confirm-only with a larger one confirms the best that was found so far"
        progress.line(f"The {reached} is spent; --resume with a larger one goes on{best}.")
    else:
        state = "interrupted" if interrupted else "complete"
    counts.write(state)
    return Ended(state, progress.failed)


def _run_phase(
    study: Study,
    plan: StudyPlan,
    trainable: Callable[..., Any],
    resources: CellResources,
    settings: StudySettings,
    budget: Budget,
    counts: "_Counts",
    before: PlanSearcher | None = None,
) -> PlanSearcher:
    """Runs the present phase of the plan through Tune; `before` is the searcher of the phase before it."""
    searcher = PlanSearcher(plan, study, budget, counts.completed, before, resources.fit)
    # What Ray's dashboard shows of the actors, each of which runs trial after trial.
    trainable.__name__ = f"{study.name}: {plan.phase} trials"
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=SparingTrials(),
            num_samples=-1,
            max_concurrent_trials=resources.concurrent,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=plan.phase,
            storage_path=(study.folder / "ray").location,
            failure_config=tune.FailureConfig(max_failures=settings.max_failures),
            callbacks=[_Watcher(counts, Room(resources, lambda: _resources_of(_nodes()), counts.progress.line))],
            verbose=0,
        ),
    )
    counts.write("running")
    try:
        with suppress(KeyboardInterrupt), _handler_kept(signal.SIGINT):
            tuner.fit()
        if searcher.broken is not None:
            raise searcher.broken
    except BaseException:
        with suppress(OSError):
            counts.write("interrupted")
        raise
    return searcher


def _measure(
    study: Study, measuring: Measuring, resources: CellResources, budget: Budget, counts: "_Counts"
) -> str | None:
    """Runs the measure phase; returns the limit that was reached, if one was."""
    counts.begin_measuring(len(measuring.jobs(study)))
    return measuring.run(study, resources, budget, Tell(counts.measuring, counts.measured, counts.tick))


def optuna_journal(study: Study) -> optuna.storages.BaseStorage:
    """A fresh journal in the study folder; the plan fills it again from the records when a study is resumed."""
    if not study.folder.is_local:
        return optuna.storages.InMemoryStorage()
    path = study.folder.local_path / "optuna.journal"
    path.unlink(missing_ok=True)
    # Left by a driver that was killed while it wrote; Optuna would wait for it.
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    # The usual lock is a symbolic link, and a study that holds one is not gone on with.
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalFileOpenLock(str(path))))


class _Counts:
    """Keeps status.json, the terminal, metrics and listeners up to date."""

    def __init__(
        self,
        study: Study,
        plan: StudyPlan,
        progress: Progress,
        listeners: Sequence[Listener],
        still_holds: Callable[[], bool],
    ) -> None:
        self._study, self._plan, self.progress, self._still_holds = study, plan, progress, still_holds
        self._metrics = StudyMetrics(study.name)
        self._listeners = (self._metrics, *listeners)
        self._steps: dict[str, int] = {}
        """Last step told of the trials that run."""
        self._written = 0.0
        self._ended = {phase: {"done": 0, "failed": 0, "pruned": 0} for phase in ("search", "confirm")}
        self._measurements: int | None = None

    def completed(self, spec: TrialRecord, outcome: Outcome) -> None:
        """Counts a trial that has ended."""
        counts = self._ended[spec.phase]
        counts["done"] += 1
        counts["failed"] += outcome.status in ("failed", "diverged")
        counts["pruned"] += outcome.status == "pruned"
        self.progress.phase = self._plan.phase
        self.progress.planned = self._plan.planned
        error = outcome.error and outcome.error + where_to_read_on(self._study.trial_folder(spec))
        self.progress.trial_ended(spec, outcome.status, outcome.metrics, error)
        # Those taken over from the records were told when they ran.
        if self._steps.pop(spec.id, None) is not None:
            for listener in self._listeners:
                listener.ended(spec, outcome)
        self.write("running")

    def started(self, trial: TrialRecord) -> None:
        """Shows that a trial begins, or begins again."""
        self.progress.trial_started(trial.id, trial.config.steps)
        self._steps.setdefault(trial.id, 0)

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """Shows where a running trial stands; one whose process was started again tells its reports from the start."""
        value = self._objective_value(named_dev(report.dev or {}))
        self.progress.trial_reported(trial.id, {**report.model_dump(), "objective": value})
        if report.step > self._steps[trial.id]:
            self._steps[trial.id] = report.step
            for listener in self._listeners:
                listener.reported(trial, report)

    def begin_measuring(self, planned: int) -> None:
        """Begins the measure phase."""
        self._measurements = planned
        self._ended["measure"] = {"done": 0, "failed": 0, "pruned": 0}
        self.progress.phase = "measure"
        self.write("running")

    def measuring(self, job: Job) -> None:
        """Shows what is measured now."""
        self.progress.trial_started(job.id, 0)

    def measured(self, job: Job, error: str | None) -> None:
        """Counts a measurement that has ended."""
        self._ended["measure"]["done"] += 1
        self._ended["measure"]["failed"] += error is not None
        self.progress.measurement_ended(job.id, error)
        self.tick()

    @property
    def _planned(self) -> dict[str, int]:
        measured = {} if self._measurements is None else {"measure": self._measurements}
        return self._plan.planned | measured

    def _objective_value(self, metrics: Mapping[str, float]) -> float | None:
        return metrics.get(self._plan.objectives[0].on_dev)

    def write(self, state: State) -> None:
        """Writes status.json."""
        self.progress.planned = self._planned
        self.progress.leaders.arms = self._plan.arms
        self._written = time.monotonic()
        running = len(self.progress.running)
        now_in = self._plan.phase if self._measurements is None else "measure"
        trials = {
            phase: PhaseCounts(planned=self._planned[phase], running=running * (phase == now_in), **counts)
            for phase, counts in self._ended.items()
        }
        if self._still_holds():
            self._study.write_status(
                StatusRecord(
                    state=state,
                    phase=now_in,
                    updated=now(),
                    dashboard=self.progress.dashboard,
                    trials=trials,
                )
            )
        for phase, counted in trials.items():
            self._metrics.counted(phase, counted.model_dump())
        self._metrics.repeat()

    def tick(self) -> None:
        """Writes status.json if it is old: a study whose status is older still has been interrupted."""
        if time.monotonic() - self._written > _STATUS_SECONDS:
            self.write("running")


class _Watcher(tune.Callback):
    """Brings what Tune sees of running trials to the terminal."""

    def __init__(self, counts: _Counts, room: Room) -> None:
        self._counts, self._room = counts, room

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its parts for its own restore, which is never used."""
        return {}

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self._counts.tick()
        self._room.look(_record(trial).cell for trial in trials if not trial.is_finished())

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._counts.started(_record(trial))

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        raise_if_memory_ran_out(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: Mapping[str, Any], **info: Any
    ) -> None:
        if REPORT in result:
            self._counts.reported(_record(trial), Report.model_validate(result[REPORT]))


def _trial_name(trial: Any) -> str:
    return _record(trial).id


def _record(trial: Any) -> TrialRecord:
    return _read(trial.config["trial"])


@lru_cache(maxsize=1024)
def _read(text: str) -> TrialRecord:
    return TrialRecord.model_validate_json(text)


def _log_to_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    for name in ("ray", "ray.tune", "ray.train", "ray.data"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
    # A new cluster asks for a token by default, and Ray says so at every start.
    logging.getLogger("ray._private.authentication.authentication_token_setup").setLevel(logging.ERROR)


def _check_shared(storage: Folder, node_ids: list[str]) -> None:
    """Raises UserError unless every node sees the storage folder of this one."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    storage.write_json(".shared", {"written": time.time()})

    @ray.remote(num_cpus=0)
    def sees(location: str) -> bool:
        return Folder(location).exists(".shared")

    checks = [
        sees.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(storage.location)
        for node in node_ids
    ]
    blind = sum(not seen for seen in ray.get(checks))
    if blind:
        raise UserError(
            f"--storage {storage.location} is not seen by {blind} of the cluster's {len(node_ids)} nodes: "
            "use a folder that all nodes share, or a URI such as s3://bucket/folder."
        )
