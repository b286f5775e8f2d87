"""Studies whose truth is planted: trials that read their result off a known surface, run and judged as real ones are.

A trial's value is `0.6 + surface(trajectory) - 0.12 log10(learning rate / 0.003)^2` plus noise: an effect of its seed,
an effect of every question that all trials share, an effect of the question in this one run, and a rest. Values are
not cut to [0, 1], so that the planted differences are exact.
"""

import hashlib
import logging
import math
import os
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
from search_spaces.recipes import MINI
from trainables.spec import Outcome, TrialSpec

from analysis.facts.facts import Facts
from analysis.findings.comparisons import RESAMPLES
from analysis.findings.findings import Findings
from analysis.statistics.comparison import Comparison
from analysis.statistics.questions import question_table
from analysis.statistics.significance import MARGIN, Contrast, compare
from search_spaces.space import Branch, Space, strategies
from study.benchmarks import SETTINGS as TEST_SETTINGS
from study.plan.arms import Arm
from study.plan.budget import Budget
from study.plan.program import StudyPlan
from study.records import Study, create_study, open_study
from study.settings import StudySettings
from trainables.config import TrainingConfig
from trainables.ratio.family import Schedule, Trajectory
from trainables.records import now
from trainables.storage import Folder
from trainables.training.report_log import ReportLog, new_reports

BASE, BEST_RATE, RATE_COST = 0.6, 3e-3, 0.12
SEED_SPREAD, QUESTION_SPREAD, RUN_SPREAD, REST_SPREAD = 0.01, 0.3, 0.1, 0.15
DEV_SPREAD = 0.008
"""What a dev set of some hundred questions adds to a trial's own seed effect."""
QUESTIONS = 150
LANGUAGES = ("de", "en")
BENCHMARK = "planted"
GAIN = 0.04
"""By how much a falling ratio is better than every constant, where it is."""
BEST_RATIO = 0.35

Surface = Callable[[Trajectory], float]


def best_constant(ratios: Trajectory) -> float:
    """The constant 0.35 is best; whatever moves loses up to 0.05."""
    moved = float(np.abs(np.diff(ratios)).sum())
    return -0.25 * (float(ratios.mean()) - BEST_RATIO) ** 2 - 0.05 * (1 - math.exp(-moved / 0.1))


def falling_is_better(ratios: Trajectory) -> float:
    """A ratio whose first half is on average 0.5 above its second half gains all of `GAIN`; constants gain nothing."""
    half = len(ratios) // 2
    fall = float(ratios[:half].mean() - ratios[half:].mean())
    return GAIN * min(max(fall / 0.5, -1.0), 1.0) - 0.05 * (float(ratios.mean()) - 0.5) ** 2


def no_difference(ratios: Trajectory) -> float:
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
        Branch(name="static", role="static", family="constant"),
        Branch(name="linear", role="dynamic", family="linear"),
        Branch(name="step", role="dynamic", family="step"),
    ),
    trials=4,
    seeds=5,
    main_comparison=("best dynamic", "best static"),
)
SETTINGS = StudySettings(space="planted", steps=40, batch_size=8, evaluations=4, checkpoints=0)


@dataclass(frozen=True)
class Planted:
    """A truth, and one world of noise around it."""

    case: str
    world: int

    def truth(self, training: TrainingConfig) -> float:
        """What a training is worth, without noise."""
        if not isinstance(training.ratio, Schedule):
            raise TypeError(f"{training.ratio.family} is not planted: it has no trajectory before it has run")
        surface = SURFACES[self.case](training.ratio.trajectory(training.steps))
        return BASE + surface - RATE_COST * math.log10(training.learning_rate / BEST_RATE) ** 2

    def value(self, training: TrainingConfig) -> float:
        """What a run of the training has reached at its end: the truth and the luck of its seed."""
        return self.truth(training) + self._noise("seed", training).normal(0, SEED_SPREAD)

    def dev(self, training: TrainingConfig) -> dict[int, float]:
        """The dev value at every evaluation. Until it falls, a high ratio looks worse than it will end."""
        end = self.value(training) + self._noise("dev", training).normal(0, DEV_SPREAD)
        ratios = training.ratio.trajectory(training.steps) if isinstance(training.ratio, Schedule) else np.zeros(1)
        every = training.evaluate_every
        steps = range(every, training.steps + 1, every)
        left = {step: 1 - step / training.steps for step in steps}
        return {step: end - left[step] * (0.3 + 0.1 * float(ratios[step - 1])) for step in steps}

    def per_query(self, training: TrainingConfig) -> pa.Table:
        """The table of docs/records.md: every question in every language, in every setting."""
        of_question = self._noise("questions").normal(0, QUESTION_SPREAD, QUESTIONS)
        in_run = self._noise("run", training).normal(0, RUN_SPREAD, QUESTIONS)
        rest = self._noise("rest", training).normal(0, REST_SPREAD, (len(TEST_SETTINGS), len(LANGUAGES), QUESTIONS))
        values = (self.value(training) + of_question + in_run + rest).astype(np.float32).ravel()
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

    def _noise(self, kind: str, training: TrainingConfig | None = None) -> np.random.Generator:
        key = f"{self.world}/{kind}/{training.fingerprint if training else ''}"
        return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little"))


def _pool(setting: str, language: str) -> str:
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    return {"monolingual": language, "cross-lingual": other, "multilingual": "*"}[setting]


# One trial: the numbers are the same with Ray and without.


def run_in_folder(planted: Planted, spec: TrialSpec, folder: Folder) -> Iterator[dict[str, Any]]:
    """Writes a trial's records as `trainables.trial` does, and yields what that tells Tune on the way."""
    training, started = spec.training, now()
    log = ReportLog(folder, spec.rungs)
    status, last = "complete", 0
    for last, value in planted.dev(training).items():
        report = {"step": last, "steps": training.steps, "loss": 1.0, "dev": {"multilingual/map": value}}
        stop = log.report(report)
        yield {"step": last, "steps": training.steps, "dev/multilingual/map": value}
        if stop and last < training.steps:
            status = "pruned"
            break
    metrics = {"dev/multilingual/map": value}
    if spec.phase == "confirm":
        table = planted.per_query(training)
        content = BytesIO()
        pq.write_table(table, content)
        folder.write_bytes("per_query.parquet", content.getvalue())
        means = table.to_pandas().groupby("setting")["map"].mean()
        metrics |= {f"{BENCHMARK}/{setting}/map": float(mean) for setting, mean in means.items()}
    result = {
        "status": status,
        "steps": last,
        "metrics": metrics,
        "mean_ratio": training.ratio.mean_ratio(training.steps) if isinstance(training.ratio, Schedule) else 0.5,
        "mono_share": 0.5,
        "negatives_per_query": training.batch_size - 1,
        "parameters": 0,
        "cost": {"pairs": last * training.batch_size, "workers": 1, "gpus": 0, "device": "cpu"},
        "started": started,
        "ended": now(),
        "host": "planted",
        "error": None,
    }
    folder.write_json("result.json", result)
    yield {"step": last, "status": status, "trial": spec.id, **metrics}


def outcome(planted: Planted, spec: TrialSpec) -> Outcome:
    """What `run_in_folder` leaves in the records, without a folder."""
    rungs = {rung.step: rung for rung in spec.rungs}
    seen: dict[int, dict[str, float]] = {}
    status = "complete"
    for step, value in planted.dev(spec.training).items():
        seen[step] = {"multilingual/map": value}
        if step in rungs and rungs[step].misses(value):
            status = "pruned"
            break
    return Outcome(
        status="complete" if status == "complete" else "pruned",
        steps=max(seen),
        metrics={"dev/multilingual/map": seen[max(seen)]["multilingual/map"]},
        dev_by_step=seen,
        pairs=max(seen) * spec.training.batch_size,
    )


# A whole study.


@dataclass(frozen=True)
class Finding:
    """What a study of a planted truth came to."""

    static: TrainingConfig
    dynamic: TrainingConfig
    true_difference: float
    """Best dynamic minus best static on the surface: their learning rates may differ even where ratios do not."""
    verdicts: Mapping[str, str]
    """Of the main comparison, by setting."""
    difference: float
    """As measured, multilingual."""
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
def ray_for_many_studies() -> Iterator[None]:
    """Ray started once; every study in the block uses it."""
    root = str(Path(__file__).parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    import ray

    ray.init(
        num_cpus=2,
        object_store_memory=200_000_000,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    for name in ("ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def study_with_ray(
    planted: Planted, folder: Path, space: Space = SPACE, settings: StudySettings = SETTINGS
) -> tuple[Study, StudyPlan]:
    """Runs a study through Ray Tune and Optuna, as `study.session` does; Ray must run."""
    from ray import tune

    from study.cluster.resources import Resources
    from study.cluster.tuner import optuna_journal, run_trials
    from study.terminal import Progress

    def trial(config: Mapping[str, Any]) -> None:
        spec, place = TrialSpec.model_validate_json(config["spec"]), Folder(config["folder"])
        for report in run_in_folder(planted, spec, place):
            tune.report(report)

    settings = of_world(settings, planted)
    records = create_study(Folder(folder), _info(folder.name, space, settings))
    plan = StudyPlan(
        space,
        MINI,
        settings,
        "planted",
        storage=optuna_journal(records),
        on_arms=lambda arms: records.write_arms(arm.record() for arm in arms),
    )
    progress = Progress(Console(quiet=True), records.name, None, 2, quiet=True, planned=plan.planned)
    trainable = tune.with_resources(trial, {"CPU": 1})
    with progress:
        ended = run_trials(records, plan, trainable, Resources(1, 1.0, 0.0, 2), settings, Budget(), progress)
    if ended.state != "complete" or ended.failed:
        raise RuntimeError(f"{folder}: the study ended {ended.state} with {ended.failed} failed trials")
    return open_study(str(folder)), plan


def finding_of(planted: Planted, records: Study, plan: StudyPlan) -> Finding:
    """Reads a study's records and judges its main comparison as the report does."""
    main = Findings(Facts([records]), MARGIN).comparisons.main
    found = {judged.place.setting: judged.comparison for judged in main}
    steps = [(t.result or {})["steps"] for t in records.trials if t.phase == "search"]
    return _finding(planted, plan, found, sum(steps), len(steps) * plan.effort.steps)


def study_without_ray(planted: Planted, space: Space = SPACE, settings: StudySettings = SETTINGS) -> Finding:
    """The same study from the same plan, outcomes and statistics, without Ray and without files."""
    plan = StudyPlan(space, MINI, of_world(settings, planted), "planted")
    steps: list[int] = []
    while (spec := plan.next_trial()) is not None:
        ended = outcome(planted, spec)
        steps.append(ended.steps)
        plan.complete(spec, ended)
    plan.start_confirm_phase()
    dynamic, static = (_arm(plan, name) for name in space.main_comparison)
    tables = [_runs(planted, arm, plan.effort.seeds) for arm in (dynamic, static)]
    # As `analysis.findings.comparisons` builds its contrasts.
    contrasts = [
        Contrast(question_table(tables[0], setting, "map"), question_table(tables[1], setting, "map"), margin=MARGIN)
        for setting in TEST_SETTINGS
    ]
    found = dict(zip(TEST_SETTINGS, compare(contrasts, resamples=RESAMPLES), strict=True))
    return _finding(planted, plan, found, sum(steps), len(steps) * plan.effort.steps)


def _runs(planted: Planted, arm: Arm, seeds: int) -> dict[int, pd.DataFrame]:
    trainings = {seed: arm.training.model_copy(update={"seed": seed}) for seed in range(seeds)}
    return {seed: planted.per_query(training).to_pandas() for seed, training in trainings.items()}


def _finding(planted: Planted, plan: StudyPlan, found: Mapping[str, Comparison], steps: int, planned: int) -> Finding:
    static, dynamic = (_arm(plan, name).training for name in ("best static", "best dynamic"))
    return Finding(
        static=static,
        dynamic=dynamic,
        true_difference=planted.truth(dynamic) - planted.truth(static),
        verdicts={setting: comparison.verdict for setting, comparison in found.items()},
        difference=found["multilingual"].difference,
        searched_steps=steps,
        planned_steps=planned,
    )


def _arm(plan: StudyPlan, name: str) -> Arm:
    return next(arm for arm in plan.arms if arm.arm == name)


def _info(name: str, space: Space, settings: StudySettings) -> dict[str, Any]:
    return {
        "name": name,
        "created": now(),
        "space": space.name,
        "question": space.question,
        "settings": settings.model_dump(mode="json"),
        "objective": [{"metric": "multilingual/map", "direction": "maximize"}],
        "main_comparison": list(space.main_comparison),
        "families": {},
        "round_size": 1,
        "encoder": {"name": "planted"},
        "data": {
            "training": {"fingerprint": "planted", "sets": [], "languages": list(LANGUAGES)},
            "dev": {},
            "benchmarks": {
                BENCHMARK: {
                    "name": BENCHMARK,
                    "fingerprint": "planted",
                    "metric_definition": 1,
                    "queries": QUESTIONS * len(LANGUAGES),
                    "candidates": 600,
                    "languages": list(LANGUAGES),
                    "parallel_ids": QUESTIONS,
                }
            },
            "overlap": {},
        },
        "versions": {},
        "git_commit": None,
        "hardware": {},
    }


def recorded(records: Study) -> dict[str, Outcome]:
    """The outcome of every trial as the records tell it."""
    return {t.id: Outcome.from_records(t.result or {}, new_reports(t.folder, 0)) for t in records.trials}
