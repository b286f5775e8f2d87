"""Studies whose truth is planted: trials that read their result off a known surface, run and judged as real ones are.

A trial's value is `0.5 + surface(trajectory) - 0.12 log10(learning rate / 0.003)^2` plus noise (`Noise`): what seeds,
questions and both together do. The effects of questions are uniform, so that values stay within 0 and 1 without being
cut and the planted differences are exact. The noise of a run is a function of its ratio, learning rate, seed and number
of steps: options that the surface does not know do not move it.
"""

import hashlib
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from analysis.findings.findings import DEFAULT_MARGIN, Findings
from analysis.statistics.comparison import Comparison
from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable, over_settings, question_table
from analysis.statistics.significance import judge
from search_spaces.space import Space, family_branch, static_branch, strategies
from study.plan.budget import Budget
from study.plan.objective import parse_objectives
from study.plan.program import StudyPlan
from study.records import ArmRecord, DataRecord, ObjectiveRecord, PhaseCounts, SetRecord, StatusRecord, StudyRecord
from study.settings import StudySettings
from study.study_folder import Study, create_study, open_study, write_study
from tests.study.toy_study import benchmark_record, study_record
from trainables.config import TrialConfig
from trainables.evaluation.metric_name import OVERALL_SETTINGS as TEST_SETTINGS
from trainables.ratio.family import Schedule, Trajectory
from trainables.records import PER_QUERY, Cost, Outcome, Report, Result, TrialRecord, now
from trainables.storage import Folder
from trainables.training.report_log import ReportLog
from trainables.trial import write_result

BASE, BEST_RATE, RATE_COST = 0.5, 3e-3, 0.12
QUESTIONS = 150
LANGUAGES = ("de", "en")
BENCHMARK = "planted"
GAIN = 0.04
"""By how much a falling ratio is better than every constant, where it is and nothing else is said."""
BEST_RATIO = 0.35


@dataclass(frozen=True)
class Noise:
    """The standard deviations of the effects that make one run of a training differ from another.

    seed: of a run, on all questions; common_seed: of a seed, the same in all trainings. question: of a question in all
    runs; arm_question: of a question in all runs of one training; seed_question: of a question in all runs of one seed;
    run: of a question in one run; rest: of one value. dev: what the dev set adds to a run's own luck.
    """

    seed: float = 0.01
    common_seed: float = 0.0
    question: float = 0.08
    arm_question: float = 0.0
    seed_question: float = 0.0
    run: float = 0.06
    rest: float = 0.08
    dev: float = 0.008


(OBJECTIVE,) = parse_objectives(["overall/map"])
"""The default: the mean of all settings."""

Surface = Callable[[Trajectory, float], float]
"""Of a ratio's trajectory and of what there is to gain, which only "falling is better" has."""


def best_constant(ratios: Trajectory, gain: float = GAIN) -> float:
    """The constant 0.35 is best; whatever moves loses up to 0.05."""
    moved = float(np.abs(np.diff(ratios)).sum())
    return -0.25 * (float(ratios.mean()) - BEST_RATIO) ** 2 - 0.05 * (1 - math.exp(-moved / 0.1))


def falling_is_better(ratios: Trajectory, gain: float = GAIN) -> float:
    """A ratio whose first half is on average 0.5 above its second half gains all of `gain`; constants gain nothing."""
    half = len(ratios) // 2
    fall = float(ratios[:half].mean() - ratios[half:].mean())
    return gain * min(max(fall / 0.5, -1.0), 1.0) - 0.05 * (float(ratios.mean()) - 0.5) ** 2


def no_difference(ratios: Trajectory, gain: float = GAIN) -> float:
    """The ratio does not matter at all."""
    return 0.0


SURFACES: Mapping[str, Surface] = {
    "best constant": best_constant,
    "falling is better": falling_is_better,
    "no difference": no_difference,
}

SPACE = Space(
    name="planted",
    question="Is what was planted found?",
    branches=(
        *(branch for branch in strategies() if branch.name == "hybrid 0.5"),
        static_branch(),
        family_branch("linear"),
        family_branch("step"),
    ),
    trials=4,
    seeds=5,
    main_comparison=("best dynamic", "best static"),
)
SETTINGS = StudySettings(
    space="planted",
    set={"steps": 40, "batches.size": 8, "monitoring.evaluations": 4, "monitoring.checkpoints": 0},
)


@dataclass(frozen=True)
class Planted:
    """A truth, and one world of noise around it."""

    case: str
    world: int
    gain: float = GAIN
    noise: Noise = Noise()

    def truth(self, config: TrialConfig) -> float:
        """What a training is worth, without noise."""
        surface = SURFACES[self.case](_trajectory(config), self.gain)
        return BASE + surface - RATE_COST * math.log10(config.optimiser.learning_rate / BEST_RATE) ** 2

    def value(self, config: TrialConfig) -> float:
        """What a run of the training has reached at its end: the truth and the luck of its seed."""
        common = self._numbers("common seed", str(config.seed)).normal(0, self.noise.common_seed)
        return self.truth(config) + common + self._numbers("seed", _run(config)).normal(0, self.noise.seed)

    def dev(self, config: TrialConfig) -> dict[int, float]:
        """The dev value at every evaluation. Until it falls, a high ratio looks worse than it will end."""
        end = self.value(config) + self._numbers("dev", _run(config)).normal(0, self.noise.dev)
        ratios, every = _trajectory(config), config.evaluate_every
        left = {step: 1 - step / config.steps for step in range(every, config.steps + 1, every)}
        return {step: end - left[step] * (0.3 + 0.1 * float(ratios[step - 1])) for step in left}

    def values(self, config: TrialConfig) -> np.ndarray:
        """What a run reaches in every question: [settings, languages, questions]."""
        noise, run = self.noise, _run(config)
        of_question = (
            _uniform(self._numbers("questions", ""), noise.question, QUESTIONS)
            + _uniform(self._numbers("arm", _run(config.model_copy(update={"seed": 0}))), noise.arm_question, QUESTIONS)
            + _uniform(self._numbers("seed questions", str(config.seed)), noise.seed_question, QUESTIONS)
            + _uniform(self._numbers("run", run), noise.run, QUESTIONS)
        )
        rest = _uniform(self._numbers("rest", run), noise.rest, (len(TEST_SETTINGS), len(LANGUAGES), QUESTIONS))
        values: np.ndarray = (self.value(config) + of_question + rest).astype(np.float32)
        return values

    def per_query(self, config: TrialConfig) -> pa.Table:
        """The table of docs/records.md: every question in every language, in every setting."""
        values = self.values(config).ravel()
        cells = [(setting, language) for setting in TEST_SETTINGS for language in LANGUAGES]
        rows = [(setting, language) for setting, language in cells for _ in range(QUESTIONS)]
        multilingual = np.array([setting == "multilingual" for setting, _ in rows])
        return pa.table(
            {
                "benchmark": [BENCHMARK] * len(rows),
                "parallel_id": [f"q{i:03d}" for i in range(QUESTIONS)] * len(cells),
                "query_language": [language for _, language in rows],
                "setting": [setting for setting, _ in rows],
                "pool_language": [_pool(setting, language) for setting, language in rows],
                "map": values,
                "recall@1": values,
                "recall@10": values,
                "rank_distance": pa.array(np.where(multilingual, 100.0, np.nan).astype(np.float32), from_pandas=True),
                "same_language_share@10": pa.array(
                    np.where(multilingual, 0.5, np.nan).astype(np.float32), from_pandas=True
                ),
            }
        )

    def _numbers(self, kind: str, of: str) -> np.random.Generator:
        """Random numbers of this world; equal for equal names."""
        key = f"{self.world}/{kind}/{of}"
        return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little"))


def _run(config: TrialConfig) -> str:
    """What the noise of a run follows from, beside the world."""
    return f"{config.ratio.model_dump_json()}/{config.optimiser.learning_rate!r}/{config.seed}/{config.steps}"


def _uniform(rng: np.random.Generator, deviation: float, size: int | tuple[int, ...]) -> np.ndarray:
    """Uniform numbers of mean 0 and this standard deviation."""
    return rng.uniform(-math.sqrt(3) * deviation, math.sqrt(3) * deviation, size)


def _trajectory(config: TrialConfig) -> Trajectory:
    if not isinstance(config.ratio, Schedule):
        raise TypeError(f"{config.ratio.family} is not planted: it has no trajectory before it has run")
    return config.ratio.trajectory(config.steps)


def _pool(setting: str, language: str) -> str:
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    return {"monolingual": language, "cross-lingual": other, "multilingual": "*"}[setting]


# One trial: the numbers are the same with Ray and without.


def run_in_folder(planted: Planted, trial: TrialRecord, folder: Folder) -> Iterator[dict[str, Any]]:
    """Writes a trial's records as `trainables.trial` does, and yields what that tells Tune on the way."""
    config, started = trial.config, now()
    ratios = _trajectory(config)
    log = ReportLog(folder, trial.rungs)
    last = 0
    stopped = False
    for last, value in planted.dev(config).items():
        stopped = log.report(_report(config, last, float(ratios[last - 1]), value)) and last < config.steps
        yield {"step": last, "steps": config.steps, OBJECTIVE.on_dev: value}
        if stopped:
            break
    metrics = {OBJECTIVE.on_dev: value}
    if trial.phase == "confirm":
        table = planted.per_query(config)
        content = BytesIO()
        pq.write_table(table, content)
        folder.write_bytes(PER_QUERY, content.getvalue())
        means = table.to_pandas().groupby("setting")["map"].mean()
        metrics |= {f"{BENCHMARK}/{setting}/map": float(mean) for setting, mean in means.items()}
        metrics[f"{BENCHMARK}/{OBJECTIVE.metric}"] = float(means.mean())
    result = Result(
        status="pruned" if stopped else "complete",
        steps=last,
        metrics=metrics,
        mean_ratio=float(ratios[:last].mean()),
        mono_share=0.5,
        negatives_per_query=config.batches.size - 1,
        parameters=0,
        cost=Cost(pairs=last * config.batches.size, device="cpu"),
        started=started,
        ended=now(),
        host="planted",
    )
    write_result(folder, result)
    yield {"step": last, "status": result.status, "trial": trial.id, **metrics}


def _report(config: TrialConfig, step: int, ratio: float, value: float) -> Report:
    return Report(
        step=step,
        steps=config.steps,
        ratio=ratio,
        mono_share=0.5,
        loss=1.0,
        loss_mono=None,
        loss_cross=None,
        learning_rate=config.optimiser.learning_rate,
        pairs_per_second=0.0,
        tokens_per_second=0.0,
        seconds=0.0,
        dev={OBJECTIVE.metric: value},
    )


def outcome(planted: Planted, trial: TrialRecord) -> Outcome:
    """What `run_in_folder` leaves in the records, without a folder."""
    rungs = {rung.step: rung for rung in trial.rungs}
    seen: dict[int, dict[str, float]] = {}
    stopped = False
    for step, value in planted.dev(trial.config).items():
        seen[step] = {OBJECTIVE.metric: value}
        if stopped := step in rungs and rungs[step].misses(value) and step < trial.config.steps:
            break
    return Outcome(
        status="pruned" if stopped else "complete",
        steps=max(seen),
        metrics={OBJECTIVE.on_dev: seen[max(seen)][OBJECTIVE.metric]},
        dev_by_step=seen,
        pairs=max(seen) * trial.config.batches.size,
    )


# A whole study.


@dataclass(frozen=True)
class Finding:
    """What a study of a planted truth came to."""

    static: TrialConfig
    dynamic: TrialConfig
    true_difference: float
    """Best dynamic minus best static on the surface: their learning rates may differ even where ratios do not."""
    verdicts: Mapping[str, str]
    """Of the main comparison, by setting."""
    difference: float
    """As measured, mean over all settings."""
    searched_steps: int
    planned_steps: int

    @property
    def any_better(self) -> bool:
        """Whether a reader is told in any setting that the schedule is better."""
        return "better" in self.verdicts.values()


def of_world(settings: StudySettings, planted: Planted) -> StudySettings:
    """The settings with a search seed of the world's own, so that the searches of many worlds try other values."""
    return settings.model_copy(update={"search_seed": settings.search_seed + planted.world})


@contextmanager
def ray_for_many_studies(address: str = "local") -> Iterator[None]:
    """Ray started once, or connected to; every study in the block uses it."""
    root = str(Path(__file__).parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    import ray

    of_its_own = {"num_cpus": 2, "object_store_memory": 200_000_000, "include_dashboard": False}
    ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **(of_its_own if address == "local" else {}))
    for name in ("ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def study_with_ray(
    planted: Planted,
    folder: Path,
    space: Space = SPACE,
    settings: StudySettings = SETTINGS,
    at_a_time: int = 2,
    start_seconds: float = 0.0,
) -> tuple[Study, StudyPlan]:
    """Runs a study through Ray Tune and Optuna, as `study.session` does; Ray must run.

    Args:
        planted: the truth.
        folder: of the study.
        space: its arms.
        settings: its budget.
        at_a_time: trials that run at once.
        start_seconds: what the first trial of every process waits.
    """
    from ray import tune

    from study.cluster.cells import of_cells
    from study.cluster.resources import Resources
    from study.cluster.tuner import optuna_journal, run_trials
    from study.leaderboard import Leaderboard
    from study.terminal import Progress

    waits = [start_seconds]

    def trainable(config: Mapping[str, Any]) -> None:
        trial, place = TrialRecord.model_validate_json(config["trial"]), Folder(config["folder"])
        while waits:
            time.sleep(waits.pop())
        for report in run_in_folder(planted, trial, place):
            tune.report(report)

    settings = of_world(settings, planted)
    records = create_study(Folder(folder), _record(folder.name, space, settings))
    plan = StudyPlan(
        space,
        settings,
        storage=optuna_journal(records),
        on_arms=records.write_arms,
    )
    progress = Progress(
        Console(quiet=True), records.name, None, at_a_time, Leaderboard(records.info), quiet=True, planned=plan.planned
    )
    with progress:
        ended = run_trials(
            records,
            plan,
            tune.with_resources(trainable, {"CPU": 1}),
            of_cells(settings, plan.cells, lambda asked: Resources(1, 1.0, 0.0, at_a_time)),
            settings,
            Budget(),
            progress,
        )
    if ended.state != "complete" or ended.failed:
        raise RuntimeError(f"{folder}: the study ended {ended.state} with {ended.failed} failed trials")
    return open_study(str(folder)), plan


def study_in_folder(planted: Planted, folder: Path, space: Space = SPACE, settings: StudySettings = SETTINGS) -> Study:
    """The records of the same study, written without Ray."""
    settings = of_world(settings, planted)
    records = create_study(Folder(folder), _record(folder.name, space, settings))
    plan = StudyPlan(space, settings, on_arms=records.write_arms)
    write_study(records.folder, records.info.model_copy(update={"branches": plan.branches}))
    while not plan.finished:
        trial = plan.next_trial()
        if trial is None:
            plan.start_confirm_phase()
            continue
        for _ in run_in_folder(planted, trial, records.write_trial(trial)):
            pass
        plan.complete(trial, outcome(planted, trial))
    ended = {phase: PhaseCounts(planned=number, done=number) for phase, number in plan.planned.items()}
    records.write_status(StatusRecord(state="complete", phase="confirm", updated=now(), trials=ended))
    return open_study(str(folder))


def finding_of(planted: Planted, records: Study, plan: StudyPlan) -> Finding:
    """Reads a study's records and judges its main comparison as the report does."""
    main = Findings.of([records.folder.location]).comparisons.main
    found: dict[str, Comparison] = {judged.place.setting: judged.comparison for judged in main}
    trials = [trial for trial in records.trials if trial.phase == "search"]
    steps = [trial.result.steps for trial in trials if trial.result is not None]
    return _finding(planted, plan, found, sum(steps), sum(trial.config.steps for trial in trials))


def study_without_ray(planted: Planted, space: Space = SPACE, settings: StudySettings = SETTINGS) -> Finding:
    """The same study from the same plan, outcomes and statistics, without Ray and without files."""
    plan = StudyPlan(space, of_world(settings, planted))
    searched = planned = 0
    while (trial := plan.next_trial()) is not None:
        ended = outcome(planted, trial)
        searched += ended.steps
        planned += trial.config.steps
        plan.complete(trial, ended)
    plan.start_confirm_phase()
    # As `analysis.findings.comparisons` does: all arms in one panel, the mean of all settings alone, these together.
    runs = {arm.arm: _runs(planted, arm, plan.seeds) for arm in plan.arms if arm.same_as is None}
    dynamic, static = (_arm(plan, name).same_as or name for name in space.main_comparison)
    tables: dict[str, dict[str, QuestionTable]] = {
        name: {setting: question_table(held, setting, "map") for setting in TEST_SETTINGS}
        for name, held in runs.items()
    }
    found: dict[str, Comparison] = {}
    for setting in (*TEST_SETTINGS, "overall"):
        is_question = setting == "overall"
        panel = Panel.of({name: over_settings(of) if is_question else of[setting] for name, of in tables.items()})
        number = 1 if is_question else len(TEST_SETTINGS)
        found[setting] = judge(panel, dynamic, static, number, margin=DEFAULT_MARGIN)
    return _finding(planted, plan, found, searched, planned)


def _runs(planted: Planted, arm: ArmRecord, seeds: int) -> dict[int, pd.DataFrame]:
    configs = {seed: arm.config.model_copy(update={"seed": seed}) for seed in range(seeds)}
    return {seed: planted.per_query(config).to_pandas() for seed, config in configs.items()}


def _finding(planted: Planted, plan: StudyPlan, found: Mapping[str, Comparison], steps: int, planned: int) -> Finding:
    static, dynamic = (_arm(plan, name).config for name in ("best static", "best dynamic"))
    return Finding(
        static=static,
        dynamic=dynamic,
        true_difference=planted.truth(dynamic) - planted.truth(static),
        verdicts={setting: comparison.verdict for setting, comparison in found.items()},
        difference=found["overall"].difference,
        searched_steps=steps,
        planned_steps=planned,
    )


def _arm(plan: StudyPlan, name: str) -> ArmRecord:
    return next(arm for arm in plan.arms if arm.arm == name)


def _record(name: str, space: Space, settings: StudySettings) -> StudyRecord:
    toy = study_record()
    training = toy.data.training.model_copy(update={"sets": (SetRecord(name=BENCHMARK, items=QUESTIONS),)})
    judged = benchmark_record(
        BENCHMARK, queries=QUESTIONS * len(LANGUAGES), candidates=600, languages=LANGUAGES, parallel_ids=QUESTIONS
    )
    return study_record(
        name,
        space=space.name,
        question=space.question,
        settings=settings,
        objectives=(ObjectiveRecord(metric=OBJECTIVE.metric, direction=OBJECTIVE.direction),),
        main_comparison=space.main_comparison,
        data=DataRecord(training=training, dev=toy.data.dev, benchmarks={BENCHMARK: judged}),
    )


def recorded(records: Study) -> dict[str, Outcome]:
    """The outcome of every trial as the records tell it."""
    return {t.id: Outcome.of(t.result, t.reports()) for t in records.trials if t.result is not None}
