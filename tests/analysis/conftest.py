"""Study folders written through the records of a study, with seeded numbers whose truth is known."""

import atexit
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from itertools import product
from pathlib import Path
from shutil import copyfile, copytree
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from search_spaces.space import Role, slug
from study.records import (
    ArmRecord,
    ArmsRecord,
    BenchmarkRecord,
    BranchRecord,
    CollectionRecord,
    DataRecord,
    EncoderRecord,
    FactorRecord,
    LevelRecord,
    ObjectiveRecord,
    OverlapExample,
    PhaseCounts,
    SetRecord,
    State,
    StatusRecord,
    StudyRecord,
    TrainingDataRecord,
)
from study.settings import StudySettings
from study.study_folder import create_study
from trainables.config import TrialConfig
from trainables.corpora.sources.registry import BENCHMARKS
from trainables.encoders.registry import PRESETS, encoder_config
from trainables.evaluation.means import collection_means
from trainables.evaluation.measures.registry import chosen_measures
from trainables.evaluation.tie_rule import TieRule
from trainables.options import patched
from trainables.records import PER_QUERY, REPORTS, RESULT, TRIAL, BatchRecord, Report, Result, Status, TrialRecord
from trainables.sealed import CHECKSUM, checksum, plain_json, validated, write_sealed
from trainables.storage import Folder

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
POOL = 600
PAIRS = 9_600
"""Training pairs of a trial, at any batch size."""


@dataclass(frozen=True)
class ArmTruth:
    """An arm and the true means (as logits) of its settings."""

    name: str
    role: Role
    family: str
    schedule: dict[str, Any]
    mono: float
    cross: float
    multi: float
    of: str | None = None
    same_as: str | None = None
    multi_by_model: dict[str, float] = field(default_factory=dict)
    """What it is instead of `multi` where it depends on the model."""

    def level(self, setting: str, model: str) -> float:
        multi = self.multi_by_model.get(model, self.multi)
        return {"monolingual": self.mono, "cross-lingual": self.cross, "multilingual": multi}[setting]


STRATEGIES = (
    ArmTruth("X-X-mono", "strategy", "constant", {"family": "constant", "value": 1.0}, 2.6, -1.6, -1.0),
    ArmTruth("X-Y", "strategy", "constant", {"family": "constant", "value": 0.0}, 2.1, 0.8, 0.6),
    ArmTruth("hybrid 0.5", "strategy", "constant", {"family": "constant", "value": 0.5}, 2.5, 0.7, 0.6),
)
ARMS = (
    *STRATEGIES,
    ArmTruth("best static", "static", "constant", {"family": "constant", "value": 0.3}, 2.4, 0.85, 0.7),
    ArmTruth("best dynamic", "dynamic", "linear", {"family": "linear", "start": 0.0, "end": 0.8}, 2.5, 1.1, 1.0),
    ArmTruth(
        "best dynamic reversed",
        "control",
        "linear",
        {"family": "linear", "start": 0.8, "end": 0.0},
        2.5,
        0.8,
        0.7,
        of="best dynamic",
    ),
)

FEW_ARMS = tuple(arm for arm in ARMS if arm.name in ("X-X-mono", "X-Y", "best static", "best dynamic"))


@dataclass(frozen=True)
class CellPlan:
    """One model at one batch size; `levels` names those that the study has several of."""

    model: str
    batch_size: int
    levels: dict[str, str]
    number: int

    @property
    def steps(self) -> int:
        return PAIRS // self.batch_size


@dataclass
class StudyPlan:
    """Everything that a written study may vary. Several models, or batch sizes, are a factor."""

    name: str = "quick"
    arms: Sequence[ArmTruth] = ARMS
    seeds: Sequence[int] = (11, 12, 13)
    languages: Sequence[str] = ("de", "en", "th")
    questions: int = 40
    benchmarks: Sequence[str] = ("atlas",)
    collections: Mapping[str, CollectionRecord] = field(default_factory=dict)
    models: Sequence[str] = ("small",)
    batch_sizes: Sequence[int] = (48,)
    search_trials: int = 6
    state: State = "complete"
    phase: Literal["search", "confirm"] = "confirm"
    updated: datetime = NOW
    failed: int = 0
    with_queries: bool = True
    fingerprints: dict[str, str] = field(default_factory=dict)
    metric_definition: int = 1
    ties: TieRule = "pessimistic"
    main_measure: str | None = None
    seed: int = 0

    @property
    def factors(self) -> tuple[FactorRecord, ...]:
        """The options that have several levels."""
        options = (("encoder", self.models), ("batches.size", self.batch_sizes))
        return tuple(
            FactorRecord(
                name=name, levels=tuple(LevelRecord(label=str(level), options={name: level}) for level in levels)
            )
            for name, levels in options
            if len(levels) > 1
        )

    @property
    def cells(self) -> list[CellPlan]:
        """Every combination of levels, the first factor slowest."""
        names = {factor.name for factor in self.factors}
        found = product(self.models, self.batch_sizes)
        return [
            CellPlan(
                model, size, {k: v for k, v in (("encoder", model), ("batches.size", str(size))) if k in names}, number
            )
            for number, (model, size) in enumerate(found)
        ]


def seal(path: Path, values: dict[str, Any]) -> None:
    """Writes values with their checksum, whether they are a record or not."""
    path.write_text(json.dumps({**values, CHECKSUM: checksum(values)}), encoding="utf-8")


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes a record on disk, as its writer would have written it: `change` alters the values or returns others."""
    values = plain_json(path.read_bytes())
    del values[CHECKSUM]
    changed = change(values)
    seal(path, values if changed is None else changed)


def keep_queries(trial: Path, kept: Callable[[pd.DataFrame], Any]) -> None:
    """Leaves rows out of a trial's values per query, and out of the means that its result holds."""
    rows = pd.read_parquet(trial / PER_QUERY)
    rows = rows[kept(rows)]
    rows.to_parquet(trial / PER_QUERY)
    by_cell = rows.fillna({"pool_language": ""}).groupby(["benchmark", "setting", "query_language", "pool_language"])

    def summarised(result: dict[str, Any]) -> None:
        metrics = result["metrics"]
        for measure in ("map", "recall@1", "recall@10"):
            means = by_cell[measure].mean().astype(float).groupby(["benchmark", "setting"]).mean()
            micro = rows.groupby(["benchmark", "setting"])[measure].mean()
            for (benchmark, setting), mean in means.items():
                name = f"{benchmark}/{setting}/{measure}"
                known = {name: mean, f"{name}:micro": float(micro[benchmark, setting])}
                metrics.update({key: value for key, value in known.items() if key in metrics})

    edit(trial / RESULT, summarised)


def train_otherwise(folder: Path, options: Mapping[str, Any], trials: str = "*") -> None:
    """Changes options, by dotted key, in the records of the trials whose names match a pattern."""
    for path in folder.glob(f"trials/{trials}/{TRIAL}"):
        edit(path, lambda record: record | {"config": patched(record["config"], options)})


def edit_arms(folder: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Changes the arms of a study in its records: `change` returns those that it shall have."""
    edit(folder / "arms.json", lambda record: {"arms": change(record["arms"])})


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def ratio_at(schedule: dict[str, Any], p: float) -> float:
    if schedule["family"] == "constant":
        return float(schedule["value"])
    return float(schedule["start"] + (schedule["end"] - schedule["start"]) * p)


def _queries(
    plan: StudyPlan, benchmark: str, arm: ArmTruth, cell: CellPlan, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    truth = np.random.default_rng([plan.seed, len(benchmark)])
    difficulty = truth.normal(0, 1.0, plan.questions)
    language_level = dict(zip(plan.languages, truth.normal(0, 0.2, len(plan.languages)), strict=True))
    place = plan.arms.index(arm) if arm in plan.arms else 99
    noise = np.random.default_rng([plan.seed, seed, place + 100 * cell.number, len(benchmark)])
    ids = [f"q{i:04d}" for i in range(plan.questions)]
    frames: list[pd.DataFrame] = []
    ranks: list[pd.DataFrame] = []
    for query in plan.languages:
        cells = [("monolingual", query)]
        cells += [("cross-lingual", pool) for pool in plan.languages if pool != query]
        cells += [("multilingual", "*")]
        for setting, pool in cells:
            seed_effect = noise.normal(0, 0.05)
            logit = arm.level(setting, cell.model) + difficulty + language_level[query] + seed_effect
            values = _sigmoid(logit + noise.normal(0, 0.5, plan.questions))
            multi = setting == "multilingual"
            frame = pd.DataFrame(
                {
                    "benchmark": benchmark,
                    "parallel_id": ids,
                    "query_language": query,
                    "setting": setting,
                    "pool_language": pool,
                    "map": values.astype(np.float32),
                    "recall@1": (values > 0.6).astype(np.float32),
                    "recall@10": (values > 0.2).astype(np.float32),
                }
            )
            spread = np.exp(5.0 - arm.level("multilingual", cell.model) + noise.normal(0, 0.3, plan.questions))
            positions = [
                np.clip(np.round(1 + spread * i / len(plan.languages)), 1, POOL) for i in range(len(plan.languages))
            ]
            frame["rank_distance"] = (positions[-1] - positions[0]).astype(np.float32) if multi else np.float32(np.nan)
            frame["same_language_share@10"] = np.float32(0.4 if multi else np.nan)
            frames.append(frame)
            if multi:
                ranks += [
                    pd.DataFrame(
                        {
                            "benchmark": benchmark,
                            "parallel_id": ids,
                            "query_language": query,
                            "candidate_language": candidate,
                            "rank": rank.astype(np.int64),
                            "rank_alone": rank.astype(np.int64),
                        }
                    )
                    for candidate, rank in zip(plan.languages, positions, strict=True)
                ]
    return pd.concat(frames, ignore_index=True), pd.concat(ranks, ignore_index=True)


def summary_metrics(queries: pd.DataFrame, ranks: pd.DataFrame) -> dict[str, float]:
    """The summary values of docs/records.md, from the values per query."""
    metrics: dict[str, float] = {}
    for (benchmark, setting), frame in queries.groupby(["benchmark", "setting"]):
        for metric in ("map", "recall@1", "recall@10"):
            cells = frame.groupby(["query_language", "pool_language"])[metric].mean()
            name = f"{benchmark}/{setting}/{metric}"
            metrics[name] = float(cells.mean())
            metrics[f"{name}:micro"] = float(frame[metric].mean())
            for language, value in cells.groupby("query_language").mean().items():
                metrics[f"{name}/{language}"] = float(value)
            if setting == "cross-lingual":
                for (query, pool), value in cells.items():
                    metrics[f"{name}/{query}-{pool}"] = float(value)
        if setting == "multilingual":
            distance = frame.groupby("query_language")["rank_distance"].mean()
            bias = f"{benchmark}/bias"
            metrics[f"{bias}/rank_distance"] = float(distance.mean())
            metrics[f"{bias}/rank_distance_median"] = float(frame["rank_distance"].median())
            metrics[f"{bias}/rank_distance_log"] = float(np.log1p(frame["rank_distance"]).mean())
            for language, value in distance.items():
                metrics[f"{bias}/rank_distance/{language}"] = float(value)
            metrics[f"{bias}/same_language_share@10"] = 0.4
            first = {"right_own": 0.5, "right_other": 0.1, "wrong_own": 0.3, "wrong_other": 0.1}
            metrics |= {f"{bias}/first_{name}": share for name, share in first.items()}
            metrics[f"{bias}/same_language_pool_share"] = 1 / queries["query_language"].nunique()
            metrics[f"{bias}/ties"] = 0.0
    for (benchmark, query, candidate), frame in ranks.groupby(["benchmark", "query_language", "candidate_language"]):
        name = f"{benchmark}/bias/relevant_language_map/{query}-{candidate}"
        metrics[name] = float((1 / frame["rank_alone"]).mean())
    for benchmark in queries["benchmark"].unique():
        prefix = f"{benchmark}/bias/relevant_language_map/"
        pairs = {name.removeprefix(prefix).split("-")[0::1][0]: 0.0 for name in metrics if name.startswith(prefix)}
        matrix = {(a, b): metrics[f"{prefix}{a}-{b}"] for a in pairs for b in pairs if f"{prefix}{a}-{b}" in metrics}
        diagonal = np.mean([value for (a, b), value in matrix.items() if a == b])
        rest = np.mean([value for (a, b), value in matrix.items() if a != b])
        metrics[f"{benchmark}/bias/diagonal_gap"] = float(diagonal - rest)
    return metrics


def _config(arm: ArmTruth, cell: CellPlan, rate: float, seed: int) -> TrialConfig:
    return validated(
        {
            "encoder": {"kind": "test", "name": cell.model},
            "ratio": arm.schedule,
            "steps": cell.steps,
            "batches": {"size": cell.batch_size},
            "optimiser": {"learning_rate": rate},
            "seed": seed,
        },
        TrialConfig,
    )


def _reports(config: TrialConfig, arm: ArmTruth, final: float) -> Iterable[Report]:
    share = 0.0
    for index in range(1, 11):
        p = index / 10
        ratio = ratio_at(arm.schedule, p)
        share += (ratio - share) / index
        dev = {
            "multilingual/map": final * p,
            "monolingual/map": min(1.0, final * p + 0.2),
            "cross-lingual/map": final * p * 0.9,
        }
        yield Report(
            step=config.steps * index // 10,
            steps=config.steps,
            ratio=ratio,
            mono_share=share,
            loss=3.0 - 2 * p,
            loss_mono=2.5 - 2 * p if share > 0 else None,
            loss_cross=3.2 - 2 * p if share < 1 else None,
            learning_rate=config.optimiser.learning_rate,
            pairs_per_second=900.0,
            tokens_per_second=20_000.0,
            seconds=10.0 * p,
            dev=dev if index % 5 == 0 else None,
        )


def _write_trial(folder: Folder, record: TrialRecord, result: Result, reports: Iterable[Report] = ()) -> Path:
    trial = folder / "trials" / record.id
    write_sealed(trial, TRIAL, record)
    trial.write_bytes(REPORTS, "".join(report.model_dump_json() + "\n" for report in reports).encode())
    write_sealed(trial, RESULT, result)
    return trial.local_path


def _result(config: TrialConfig, metrics: dict[str, float], status: Status, mean: float, **changes: Any) -> Result:
    values: dict[str, Any] = {
        "status": status,
        "steps": config.steps,
        "metrics": metrics,
        "mean_ratio": mean,
        "mono_share": mean,
        "negatives_per_query": config.batches.size - 1,
        "parameters": 4_200_000,
        "cost": {
            "pairs": PAIRS,
            "tokens": 201_600,
            "train_seconds": 10.0,
            "encode_seconds": 2.0,
            "score_seconds": 1.0,
            "wait_seconds": 0.5,
            "total_seconds": 13.5,
            "cpu_seconds": 20.0,
            "device": "cpu",
        },
        "started": NOW.isoformat(),
        "ended": (NOW + timedelta(seconds=13.5)).isoformat(),
        "host": "node-a",
    }
    return Result.model_validate({**values, **changes})


def _batches(config: TrialConfig, mono_share: float) -> BatchRecord:
    """Two languages; the items of a seed and a size of batch are one stream, whatever the arm."""
    mono = round(PAIRS * mono_share)
    return BatchRecord(
        pairs=PAIRS,
        items=700,
        items_in_use=700,
        sets={"atlas": PAIRS},
        languages={"de": {"de": mono}, "en": {"de": PAIRS - mono}},
        false_negatives=0,
        item_streams={n: f"{config.seed}/{config.batches.size}/{n}" for n in (64, config.steps)},
    )


def _trial_id(phase: str, cell: CellPlan, name: str, number: str) -> str:
    return "-".join([phase, *map(slug, cell.levels.values()), slug(name), number])


def _write_search(folder: Folder, plan: StudyPlan, cell: CellPlan, family: str, rng: np.random.Generator) -> None:
    for number in range(plan.search_trials):
        rate = float(np.round(10 ** rng.uniform(-3.5, -2.3), 6))
        fixed = {arm.name: arm.schedule for arm in STRATEGIES}.get(family)
        if fixed is not None or family == "static":
            grid = float(np.round(number / max(1, plan.search_trials - 1), 3))
            schedule = fixed or {"family": "constant", "value": grid}
            final = 0.75 - 0.6 * (schedule["value"] - 0.35) ** 2
        else:
            schedule = {
                "family": family,
                "start": float(np.round(rng.uniform(), 3)),
                "end": float(np.round(rng.uniform(), 3)),
            }
            final = 0.70 + 0.05 * (schedule["end"] - schedule["start"])
        arm = ArmTruth("", "static", family, schedule, 0, 0, 0)
        config = _config(arm, cell, rate, 1_000_000)
        record = TrialRecord(
            id=_trial_id("search", cell, family, f"{number:03d}"),
            phase="search",
            branch=family,
            cell=cell.levels,
            number=number,
            config=config,
        )
        dev = {"dev/multilingual/map": final, "dev/monolingual/map": final + 0.2, "dev/cross-lingual/map": final * 0.9}
        # Better in one objective is not better in all: short distances go with low ratios.
        dev["dev/bias/rank_distance"] = 100 * (1 + ratio_at(schedule, 0.5)) + 200 * (1 - final)
        mean = (ratio_at(schedule, 0) + ratio_at(schedule, 1)) / 2
        is_pruned = number == plan.search_trials - 1 and plan.search_trials > 2
        result = (
            _result(config, dev, "pruned", mean, steps=config.steps // 2)
            if is_pruned
            else _result(config, dev, "complete", mean)
        )
        _write_trial(folder, record, result, _reports(config, arm, final))


def _write_confirm(folder: Folder, plan: StudyPlan, cell: CellPlan, arm: ArmTruth, seed: int) -> None:
    config = _config(arm, cell, 0.002, seed)
    record = TrialRecord(
        id=_trial_id("confirm", cell, arm.name, str(seed)),
        phase="confirm",
        arm=arm.name,
        cell=cell.levels,
        config=config,
    )
    frames = [_queries(plan, benchmark, arm, cell, seed) for benchmark in plan.benchmarks]
    queries = pd.concat([frame[0] for frame in frames], ignore_index=True)
    ranks = pd.concat([frame[1] for frame in frames], ignore_index=True)
    # Trials of both phases are judged on the dev set as well.
    judged = summary_metrics(queries, ranks)
    judged |= collection_means(judged, [(name, one.members) for name, one in plan.collections.items()])
    metrics = judged | {"dev/multilingual/map": 0.9, "dev/bias/rank_distance": 3.0}
    mean = (ratio_at(arm.schedule, 0) + ratio_at(arm.schedule, 1)) / 2
    result = _result(config, metrics, "complete", mean, batches=_batches(config, mean))
    trial = _write_trial(folder, record, result, _reports(config, arm, 0.7))
    if plan.with_queries:
        queries.to_parquet(trial / "per_query.parquet")
        ranks.to_parquet(trial / "relevant_ranks.parquet")


def _arm(arm: ArmTruth, cell: CellPlan) -> ArmRecord:
    return ArmRecord(
        arm=arm.name,
        cell=cell.levels,
        role=arm.role,
        of=arm.of,
        config=_config(arm, cell, 0.002, 0),
        description=f"{arm.name}, one line",
        mean_ratio=(ratio_at(arm.schedule, 0) + ratio_at(arm.schedule, 1)) / 2,
        constant_ratio=arm.schedule["value"] if arm.family == "constant" else None,
        chosen_from="search-linear-000" if arm.family == "linear" else "search-static-002",
        same_as=arm.same_as,
    )


def _benchmark(plan: StudyPlan, name: str, fingerprint: str) -> BenchmarkRecord:
    return BenchmarkRecord(
        name=name,
        fingerprint=fingerprint,
        metric_definition=plan.metric_definition,
        ties=plan.ties,
        main_measure=plan.main_measure,
        queries=plan.questions * len(plan.languages),
        candidates=POOL,
        languages=tuple(plan.languages),
        parallel_ids=plan.questions,
        references=BENCHMARKS[name].references if name in BENCHMARKS else (),
    )


def _info(plan: StudyPlan, branches: Sequence[str]) -> StudyRecord:
    count = plan.search_trials
    roles = {arm.name: arm.role for arm in plan.arms} | {"static": "static", "linear": "dynamic"}
    return StudyRecord(
        name=plan.name,
        created=NOW.isoformat(),
        space="dynamic_vs_static",
        question="Does changing the ratio during training beat the best constant ratio?",
        settings=StudySettings(
            trials=count or None,
            seeds=len(plan.seeds),
            set={} if len(plan.batch_sizes) > 1 else {"batches.size": plan.batch_sizes[0]},
            factor={factor.name: [level.label for level in factor.levels] for factor in plan.factors},
        ),
        objectives=(ObjectiveRecord(metric="multilingual/map", direction="maximize"),),
        main_comparison=("best dynamic", "best static"),
        factors=plan.factors,
        branches=tuple(
            BranchRecord(branch=branch, cell=cell.levels, role=roles[branch], trials=count, pairs=count * PAIRS)
            for cell in plan.cells
            for branch in branches
        ),
        round_size=1,
        encoders=tuple(
            EncoderRecord(
                config=encoder_config({"kind": "test", "name": model}),
                references=PRESETS[model].references if model in PRESETS else (),
            )
            for model in plan.models
        ),
        data=DataRecord(
            training=TrainingDataRecord(
                fingerprint="fp-training",
                languages=tuple(plan.languages),
                sets=(
                    SetRecord(name="atlas", items=500),
                    SetRecord(name="other", items=0, left_out="no two languages in common"),
                ),
            ),
            dev=_benchmark(plan, "dev", "fp-dev"),
            benchmarks={
                name: _benchmark(plan, name, plan.fingerprints.get(name, f"fp-{name}")) for name in plan.benchmarks
            },
            collections=plan.collections,
            overlap={"atlas": dict.fromkeys(plan.benchmarks, 2)},
            overlap_examples={"xquad-r": (OverlapExample(training="Who won?!", evaluation="who won"),)},
        ),
        measures={str(measure): measure.record() for measure in chosen_measures()},
        versions={"python": "3.11.9", "torch": "2.13.0", "hybrid-batch-studies": "0.1.0"},
        git_commit="0123456789abcdef",
        hardware={"processor": "test", "cores": 2, "memory": 8_000_000_000, "accelerators": []},
    )


@cache
def _written() -> Path:
    """Where the studies that were written once lie; each is copied from there, which is a hundred times faster."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Path(folder.name)


def write_study_files(storage: Path, plan: StudyPlan) -> Path:
    """Writes the study `plan` describes under `storage` and returns its folder."""
    known = _written() / sha256(repr((plan, chosen_measures())).encode()).hexdigest()
    if not known.exists():
        _write_study(known, plan)
    return Path(copytree(known / plan.name, storage / plan.name, copy_function=copyfile))


def _write_study(storage: Path, plan: StudyPlan) -> None:
    folder = Folder(storage) / plan.name
    branches = [arm.name for arm in plan.arms if arm.role == "strategy"] + ["static", "linear"]
    searches, confirm = len(branches) * len(plan.cells), len(plan.arms) * len(plan.seeds) * len(plan.cells)
    ended = plan.search_trials * searches
    study = create_study(folder, _info(plan, branches))
    study.write_status(
        StatusRecord(
            state=plan.state,
            phase=plan.phase,
            updated=plan.updated.isoformat(),
            trials={
                "search": PhaseCounts(planned=ended, done=ended, failed=plan.failed, pruned=searches),
                "confirm": PhaseCounts(planned=confirm, done=confirm),
            },
        )
    )
    rng = np.random.default_rng(plan.seed)
    for cell in plan.cells:
        for branch in branches:
            _write_search(folder, plan, cell, branch, rng)
    for number in range(900, 900 + plan.failed):
        arm = ArmTruth("", "dynamic", "linear", {"family": "linear", "start": 1.0, "end": 0.0}, 0, 0, 0)
        cell = plan.cells[0]
        config = _config(arm, cell, 0.1, 1_000_000)
        record = TrialRecord(
            id=_trial_id("search", cell, "linear", str(number)),
            phase="search",
            branch="linear",
            cell=cell.levels,
            number=number,
            config=config,
        )
        error = "The loss is not finite at step 7 <nan> & 50 %."
        _write_trial(folder, record, _result(config, {}, "failed", 0.5, error=error))
    if plan.phase == "confirm":
        study.write_arms(ArmsRecord(arms=tuple(_arm(arm, cell) for cell in plan.cells for arm in plan.arms)))
        for cell in plan.cells:
            for arm in plan.arms:
                for seed in plan.seeds if arm.same_as is None else ():
                    _write_confirm(folder, plan, cell, arm, seed)


@pytest.fixture(scope="session")
def write_study() -> Callable[..., Path]:
    """`write_study(storage, **changes of StudyPlan)` returns the folder of a written study.

    Four arms unless told otherwise; `twins=True` adds one whose truth is that of `best dynamic`.
    """

    def write(storage: Path, twins: bool = False, **changes: Any) -> Path:
        plan = StudyPlan(**{"arms": FEW_ARMS, **changes})
        if twins:
            best = next(arm for arm in plan.arms if arm.name == "best dynamic")
            twin = replace(best, name="twin", schedule={**best.schedule, "start": 0.01})
            plan = replace(plan, arms=(*plan.arms, twin))
        return write_study_files(Path(storage), plan)

    return write


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete study with six arms, three seeds and two benchmarks; read only."""
    return write_study_files(tmp_path_factory.mktemp("studies"), StudyPlan(benchmarks=("atlas", "xquad-r")))
