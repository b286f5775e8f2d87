"""What becomes of the gains at larger sizes: models of several sizes, or several batch sizes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.facts.arms import Arm, cell_key
from analysis.facts.facts import Benchmark, Facts
from analysis.facts.options import option_words
from analysis.statistics.errors import StatisticsError

if TYPE_CHECKING:
    from analysis.statistics.scaling import Scaling, SizedRun

PARAMETERS, BATCH_SIZE = "parameters", "batch size"
FACTOR_OF = {PARAMETERS: "model", BATCH_SIZE: "batch size"}
"""The factor whose levels have a size of this name."""


@dataclass(frozen=True)
class Sizes:
    """What grows: its name, and the size of each arm's runs by the label of the arm."""

    name: str
    of: Mapping[str, float]


@dataclass(frozen=True)
class Growth:
    """One benchmark and setting: the runs by size and what was fitted to them.

    `within`: the levels of the other factors at which they are alike, in words; empty if there are none.
    """

    benchmark: Benchmark
    setting: str
    size: str
    within: str
    runs: tuple["SizedRun", ...]
    scaling: "Scaling"


def sizes(facts: Facts) -> list[Sizes]:
    """The parameters of the models, and the batch sizes, as far as the arms differ in them."""
    parameters = {arm.label: max((run.parameters or 0.0 for run in arm.runs), default=0.0) for arm in facts.arms}
    batches = {arm.label: float(arm.runs[0].config.batches.size) for arm in facts.arms}
    return [
        Sizes(name, of)
        for name, of in ((PARAMETERS, parameters), (BATCH_SIZE, batches))
        if len(set(of.values())) > 1 and min(of.values()) > 0
    ]


def baseline(facts: Facts) -> str | None:
    """The arm that gains are measured against: the second one of the main comparison, else monolingual batches."""
    known = {arm.name for arm in facts.arms}
    return next((name for name in [*facts.main_comparison[1:], "X-X-mono", "X-Y"] if name in known), None)


def growths(facts: Facts) -> tuple[list[Growth], list[str]]:
    """The fits of every benchmark and setting, and why others have none."""
    against = baseline(facts)
    fits: list[Growth] = []
    problems: list[str] = []
    for found in sizes(facts) if against is not None else ():
        for within, arms in _within(facts, FACTOR_OF[found.name]).items():
            if against is not None and len({found.of[arm.label] for arm in arms}) > 1:
                _fit(facts, found, within, arms, against, fits, problems)
    return fits, list(dict.fromkeys(problems))


def _within(facts: Facts, factor: str) -> dict[str, list[Arm]]:
    """The arms by the levels of all factors but one."""
    found: dict[str, list[Arm]] = {}
    for arm in facts.arms:
        others = {name: level for name, level in arm.cell.items() if name in facts.factors and name != factor}
        found.setdefault(", ".join(f"{name} {level}" for name, level in cell_key(others)), []).append(arm)
    return found


def _fit(
    facts: Facts,
    found: Sizes,
    within: str,
    held: Sequence[Arm],
    against: str,
    fits: list[Growth],
    problems: list[str],
) -> None:
    # scipy.stats takes most of a second to import.
    from analysis.statistics.scaling import SizedRun, fit_scaling

    arms, reasons = alike(facts, found, held, against)
    problems += reasons
    if len({arm.name for arm in arms}) < 2 or against not in {arm.name for arm in arms}:
        return
    for benchmark in facts.benchmarks:
        for setting in benchmark.settings:
            metric = benchmark.column(setting)
            runs = [SizedRun(a.name, found.of[a.label], s, v) for a in arms for s, v in a.values(metric).items()]
            try:
                scaling = fit_scaling(runs, against)
            except StatisticsError as error:
                problems.append(str(error))
            else:
                fits.append(Growth(benchmark, setting, found.name, within, tuple(runs), scaling))


def alike(facts: Facts, found: Sizes, held: Sequence[Arm], against: str) -> tuple[list[Arm], list[str]]:
    """The arms of several sizes that differ in nothing but their size, one of each training, and why others are not.

    What else differs between sizes would pass for their effect: a report may hold studies of other steps or data.
    """
    by_name: dict[str, list[Arm]] = {}
    for arm in held:
        by_name.setdefault(arm.name, []).append(arm)
    grown = {name: arms for name, arms in by_name.items() if len({found.of[a.label] for a in arms}) > 1}
    every = [arm for arms in grown.values() for arm in arms]
    if len({(arm.name, found.of[arm.label]) for arm in every}) < len(every):
        return [], [f"Several models have the same {found.name}: no trend by size is fitted."]
    # Arm by arm: within a study, loss mixing takes other steps than the rest.
    differences = [one for arms in grown.values() if (one := difference_of_runs(facts, arms, {FACTOR_OF[found.name]}))]
    if differences:
        return [], [f"The runs differ in {differences[0]}, not in {found.name} alone: no trend by size is fitted."]
    kept: dict[str, list[Arm]] = {}
    whole = {name: arms for name, arms in grown.items() if all(arm.compared and not arm.diverged for arm in arms)}
    problems = [
        f"{name} has lost or lacks seeds at some {found.name}: it has no trend by size."
        for name in grown
        if name not in whole
    ]
    # Twins are one training: the baseline and the main arm keep their names, the others would count it twice.
    for name in sorted(whole, key=lambda name: (name != against, name not in facts.main_comparison)):
        sources = {arm.same_as or name for arm in whole[name]}
        if len({one.config.ratio.model_dump_json() for arm in whole[name] for one in arm.choices}) > 1:
            problems.append(f"{name} has no one schedule for every size: it has no trend by size.")
        else:
            kept.setdefault(sources.pop() if len(sources) == 1 else name, whole[name])
    shown = {id(arm) for arms in kept.values() for arm in arms}
    return [arm for arm in every if id(arm) in shown], problems


def difference_of_runs(facts: Facts, arms: Iterable[Arm], factors: Collection[str]) -> str | None:
    """What the runs of one arm differ in but the given factors; None if in nothing that would pass for their effect."""
    data = {id(run): study.info.data.training.fingerprint for study in facts.studies for run in study.runs}
    runs = [run for arm in arms for run in arm.runs]
    steps = {run.config.steps for run in runs}
    batches = {run.config.batches.size for run in runs}
    pairs = {run.config.steps * run.config.batches.size for run in runs}
    if len({data[id(run)] for run in runs}) > 1:
        return "training data"
    declared = (
        factor for study in facts.studies for factor in study.info.factors if option_words(factor.name) in factors
    )
    set_by_levels = {option for factor in declared for level in factor.levels for option in level.options}
    # Larger batches may see more pairs in as many steps, or as many pairs in fewer steps.
    if len(steps) > 1 and "steps" not in set_by_levels and ("batch size" not in factors or len(pairs) > 1):
        return f"steps ({_listed(steps)})"
    if len(batches) > 1 and "batches.size" not in set_by_levels:
        return f"batch size ({_listed(batches)})"
    return None


def _listed(values: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, values), key=lambda text: (len(text), text)))
