"""What the records of one or several studies hold, in the form that tables, figures and sentences read."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.merging import distinct, refuse_unlike, study_labels, trained_alike
from study.records import Study, Trial, UserError

SETTINGS = ("monolingual", "cross-lingual", "multilingual")
METRICS = ("map", "ndcg@10", "map@20", "mrr@10", "recall@100", "recall@10", "recall@1")
"""Quality metrics in the order of preference: the first one that a benchmark has speaks for it."""
DEV = "dev"
"""What metrics on the dev set are named after."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval; a single seed has none."""

    mean: float
    low: float | None
    high: float | None
    seeds: int


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm of the confirm phase on one model, with its finished trials by seed.

    `label` tells it from all others, `title` from all others on its model. `study` is the label of the study that
    defines it. Arms of one `group` may meet: its model and, unless the studies were put together, its study.
    """

    label: str
    title: str
    name: str
    model: str
    study: str
    group: tuple[str, str]
    definition: Mapping[str, Any]
    trials: tuple[Trial, ...]

    @property
    def role(self) -> str:
        """`strategy`, `static`, `dynamic` or `control`."""
        return str(self.definition.get("role", ""))

    @property
    def is_front(self) -> bool:
        """Whether it is a trial of the Pareto front of several objectives, and nothing else."""
        return re.fullmatch(r"front \d+", self.name) is not None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that finished."""
        return tuple(trial.seed for trial in self.trials)

    def values(self, metric: str) -> dict[int, float]:
        """The value of a summary metric by seed, without seeds that lack it."""
        found = ((trial.seed, (trial.result or {}).get("metrics", {}).get(metric)) for trial in self.trials)
        return {seed: float(value) for seed, value in found if value is not None and math.isfinite(value)}

    def costs(self, name: str) -> list[float]:
        """A field of `cost` over the seeds."""
        found = ((trial.result or {}).get("cost", {}).get(name) for trial in self.trials)
        return [float(value) for value in found if value is not None]

    def results(self, name: str) -> list[float]:
        """A numeric field of the result over the seeds."""
        found = ((trial.result or {}).get(name) for trial in self.trials)
        return [float(value) for value in found if value is not None]


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of the confirm phase with the settings and the metric that speak for it."""

    name: str
    settings: tuple[str, ...]
    metric: str
    info: Mapping[str, Any]

    def column(self, setting: str) -> str:
        """Name of the summary metric of a setting."""
        return f"{self.name}/{setting}/{self.metric}"


def estimate(values: Iterable[float]) -> Estimate | None:
    """Mean and Student's t interval over seeds; None without values, no interval for a single one."""
    found = list(values)
    if not found:
        return None
    mean = math.fsum(found) / len(found)
    if len(found) == 1:
        return Estimate(mean, None, None, 1)
    from scipy.special import stdtrit

    variance = math.fsum((value - mean) ** 2 for value in found) / (len(found) - 1)
    half = float(stdtrit(len(found) - 1, 0.975)) * math.sqrt(variance / len(found))
    return Estimate(mean, mean - half, mean + half, len(found))


class Findings:
    """The studies of a report, merged."""

    def __init__(self, studies: Sequence[Study]) -> None:
        if not studies:
            raise UserError("There is no study to report: name at least one study folder.")
        self.merge_notes: list[str]
        self.studies, self.merge_notes = distinct(studies)
        self.labels = study_labels(self.studies)
        refuse_unlike(self.labels)

    @property
    def info(self) -> Mapping[str, Any]:
        """What the first study says about itself."""
        return self.studies[0].info

    @property
    def name(self) -> str:
        """The labels of the studies."""
        return " + ".join(self.labels.values())

    @cached_property
    def trials(self) -> tuple[Trial, ...]:
        """All trials of all studies."""
        return tuple(trial for study in self.studies for trial in study.trials)

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """The arms in the order of the tables: by model, then as the studies list them.

        The same arm of several studies is one arm with more seeds if the studies trained alike; otherwise each study's
        arms stand for themselves and carry the study's label.
        """
        confirm = {study: _confirm_trials(study) for study in self.studies}
        models = list(dict.fromkeys(model for found in confirm.values() for _, model in found))
        names = list(dict.fromkeys(str(arm["arm"]) for study in self.studies for arm in study.arms))
        arms: list[Arm] = []
        for model in models:
            held = [study for study in self.studies if any(of == model for _, of in confirm[study])]
            pooled = trained_alike(held, model)
            for name in names:
                holders = [study for study in held if study.arm(name) is not None]
                for group in [holders] if pooled and holders else [[study] for study in holders]:
                    arm = self._arm(name, model, group, confirm, pooled, label_model=len(models) > 1)
                    if arm.trials:
                        arms.append(arm)
        return tuple(arms)

    def _arm(
        self,
        name: str,
        model: str,
        studies: Sequence[Study],
        confirm: Mapping[Study, Mapping[tuple[str, str], list[Trial]]],
        pooled: bool,
        label_model: bool,
    ) -> Arm:
        by_seed: dict[int, Trial] = {}
        twice: dict[int, None] = {}
        for study in studies:
            for trial in confirm[study].get((study.source(name), model), []):
                if by_seed.setdefault(trial.seed, trial) is not trial:
                    twice[trial.seed] = None
        home = self.labels[studies[0]]
        of_study = "" if pooled else f" [{home}]"
        label = name + (f" ({model})" if label_model else "") + of_study
        if twice:
            seeds = f"Seed{'s' * (len(twice) > 1)} {', '.join(map(str, sorted(twice)))} of {label}"
            verb = "occurs" if len(twice) == 1 else "occur"
            self.merge_notes.append(f"{seeds} {verb} in more than one study: the first study counts.")
        definition = studies[0].arm(name) or {}
        trials = tuple(by_seed[seed] for seed in sorted(by_seed))
        group = model, "" if pooled else home
        return Arm(label, name + of_study, name, model, home, group, definition, trials)

    def find(self, name: str) -> Arm:
        """The arm with this label or, where it is unique, this name; raises UserError."""
        found = [arm for arm in self.arms if arm.label == name] or [arm for arm in self.arms if arm.name == name]
        if len(found) == 1:
            return found[0]
        known = ", ".join(repr(arm.label) for arm in self.arms) or "none yet"
        problem = "is ambiguous" if found else "is no arm with finished trials"
        raise UserError(f"{name!r} {problem}: the arms of {self.name} are {known}.")

    @cached_property
    def metric_names(self) -> tuple[str, ...]:
        """The names of all summary metrics of the confirm phase, sorted."""
        return tuple(sorted({n for arm in self.arms for t in arm.trials for n in (t.result or {}).get("metrics", {})}))

    @cached_property
    def benchmarks(self) -> tuple[Benchmark, ...]:
        """The benchmarks that have results, in the order of the studies."""
        infos: dict[str, Mapping[str, Any]] = {}
        for study in self.studies:
            for name, info in study.info.get("data", {}).get("benchmarks", {}).items():
                infos.setdefault(name, info)
        names = set(self.metric_names)
        for full in self.metric_names:
            # The dev set chose the parameters: what an arm reaches on it is no result.
            if (name := full.split("/")[0]) != DEV:
                infos.setdefault(name, {})
        found = []
        for name, info in infos.items():
            for metric in METRICS:
                settings = tuple(setting for setting in SETTINGS if f"{name}/{setting}/{metric}" in names)
                if settings:
                    found.append(Benchmark(name, settings, metric, info))
                    break
        return tuple(found)

    @property
    def has_models(self) -> bool:
        """Whether more than one model was trained."""
        return len({arm.model for arm in self.arms}) > 1

    @cached_property
    def objectives(self) -> tuple[tuple[str, bool], ...]:
        """The dev metrics that chose, each with whether it is maximised; the first one decides."""
        held = self.info.get("objective") or [{}]
        listed = held if isinstance(held, list) else [held]
        return tuple(
            (str(one.get("metric", "multilingual/map")), one.get("direction", "maximize") != "minimize")
            for one in listed
        )

    @property
    def objective(self) -> tuple[str, bool]:
        """Name of the dev metric that decides, and whether it is maximised."""
        return self.objectives[0]

    def search_trials(self, family: str | None = None) -> list[Trial]:
        """The trials of the search phase, of one family if named."""
        return [t for t in self.trials if t.phase == "search" and (family is None or t.family == family)]

    @property
    def problems(self) -> list[str]:
        """Files that were damaged and left out, and seeds that occurred twice."""
        found = [problem for study in self.studies for problem in study.problems]
        return list(dict.fromkeys([*found, *self.merge_notes]))


def objective_value(trial: Trial, objective: str) -> float | None:
    """The dev value that a search trial ended with."""
    metrics = (trial.result or {}).get("metrics", {})
    for name, value in metrics.items():
        if (name == objective or name.endswith(f"/{objective}")) and value is not None:
            return float(value)
    return None


def _confirm_trials(study: Study) -> dict[tuple[str, str], list[Trial]]:
    found: dict[tuple[str, str], list[Trial]] = {}
    for trial in study.trials:
        if trial.phase == "confirm" and trial.arm is not None and trial.status == "complete":
            found.setdefault((trial.arm, trial.model), []).append(trial)
    return found
