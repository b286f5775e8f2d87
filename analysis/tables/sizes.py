"""What becomes of the gains at larger sizes: models of several sizes, or several batch sizes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.findings import Arm, Benchmark, Findings
from analysis.labels import metric_label
from analysis.render.table import Cell, Column, Table, make_table
from study.records import UserError

if TYPE_CHECKING:
    from analysis.statistics.scaling import Scaling, SizedRun


@dataclass(frozen=True)
class Sizes:
    """What grows: its name, and the size of each arm's runs."""

    name: str
    of: dict[str, float]


def sizes(findings: Findings) -> Sizes | None:
    """The parameters of the models, or the batch sizes; None if all arms have one size."""
    parameters = {arm.label: max(arm.results("parameters"), default=0.0) for arm in findings.arms}
    batches = {arm.label: float(arm.trials[0].training.get("batch_size") or 0) for arm in findings.arms if arm.trials}
    for name, of in (("parameters", parameters), ("batch size", batches)):
        if len(set(of.values())) > 1 and min(of.values()) > 0:
            return Sizes(name, of)
    return None


def baseline(findings: Findings) -> str | None:
    """The arm that gains are measured against: the second one of the main comparison, else monolingual batches."""
    names = [str(name) for name in findings.info.get("main_comparison") or ()]
    known = {arm.name for arm in findings.arms}
    return next((name for name in [*names[1:], "X-X-mono", "X-Y"] if name in known), None)


@dataclass(frozen=True)
class Growth:
    """One benchmark and setting: the runs by size and what was fitted to them."""

    benchmark: Benchmark
    setting: str
    runs: tuple["SizedRun", ...]
    scaling: "Scaling"


def growths(findings: Findings) -> tuple[list[Growth], list[str]]:
    """The fits of every benchmark and setting, and why others have none."""
    found, against = sizes(findings), baseline(findings)
    if found is None or against is None:
        return [], []
    # scipy.stats takes most of a second to import.
    from analysis.statistics.scaling import SizedRun, fit_scaling

    arms, problems = alike(findings, found, against)
    if len({arm.name for arm in arms}) < 2 or against not in {arm.name for arm in arms}:
        return [], problems
    fits = []
    for benchmark in findings.benchmarks:
        for setting in benchmark.settings:
            metric = benchmark.column(setting)
            runs = [SizedRun(a.name, found.of[a.label], s, v) for a in arms for s, v in a.values(metric).items()]
            try:
                fits.append(Growth(benchmark, setting, tuple(runs), fit_scaling(runs, against, size_name=found.name)))
            except UserError as error:
                problems.append(str(error))
    return fits, list(dict.fromkeys(problems))


def alike(findings: Findings, found: Sizes, against: str) -> tuple[list[Arm], list[str]]:
    """The arms of several sizes that differ in nothing but their size, one of each training, and why others are not.

    What else differs between sizes would pass for their effect: a report may hold studies of other steps or data.
    """
    by_name: dict[str, list[Arm]] = {}
    for arm in findings.arms:
        by_name.setdefault(arm.name, []).append(arm)
    grown = {name: arms for name, arms in by_name.items() if len({found.of[a.label] for a in arms}) > 1}
    every = [arm for arms in grown.values() for arm in arms]
    if len({(arm.name, found.of[arm.label]) for arm in every}) < len(every):
        return [], [f"Several models have the same {found.name}: no trend by size is fitted."]
    # Arm by arm: within a study, loss mixing takes other steps than the rest.
    differences = [found_one for arms in grown.values() if (found_one := _difference(findings, arms, found))]
    if differences:
        return [], [f"The runs differ in {differences[0]}, not in {found.name} alone: no trend by size is fitted."]
    names = [str(name) for name in findings.info.get("main_comparison") or ()]
    kept: dict[str, list[Arm]] = {}
    problems = []
    # Twins are one training: the baseline and the main arm keep their names, the others would count it twice.
    for name in sorted(grown, key=lambda name: (name != against, name not in names)):
        sources = {str(arm.definition.get("same_as") or name) for arm in grown[name]}
        if len({repr(arm.definition.get("schedule")) for arm in grown[name]}) > 1:
            problems.append(f"{name} has another schedule at every size: it has no trend by size.")
        else:
            kept.setdefault(sources.pop() if len(sources) == 1 else name, grown[name])
    shown = {id(arm) for arms in kept.values() for arm in arms}
    return [arm for arm in every if id(arm) in shown], problems


def _difference(findings: Findings, arms: list[Arm], found: Sizes) -> str | None:
    """What the runs of one arm differ in but their size; None if in nothing that would pass for its effect."""
    data = {
        id(trial): study.info.get("data", {}).get("training", {}).get("fingerprint")
        for study in findings.studies
        for trial in study.trials
    }
    trials = [trial for arm in arms for trial in arm.trials]
    steps = {trial.training.get("steps") for trial in trials}
    batches = {trial.training.get("batch_size") for trial in trials}
    pairs = {(trial.training.get("steps") or 0) * (trial.training.get("batch_size") or 0) for trial in trials}
    if len({data[id(trial)] for trial in trials}) > 1:
        return "training data"
    # Larger batches may see more pairs in as many steps, or as many pairs in fewer steps.
    if len(steps) > 1 and (found.name == "parameters" or len(pairs) > 1):
        return f"steps ({_listed(steps)})"
    if len(batches) > 1 and found.name == "parameters":
        return f"batch size ({_listed(batches)})"
    return None


def _listed(values: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, values), key=lambda text: (len(text), text)))


def gains(findings: Findings) -> Table:
    """How the gain of each arm over the baseline changes with size, and what is left of it at the largest."""
    columns = [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("arm", "Arm"),
        Column("baseline", "Against"),
        Column("change", "Change per factor of ten", "difference"),
        Column("p", "p", "p"),
        Column("gain", "Gain at the largest size", "difference"),
        Column("verdict", "There it is"),
        Column("interaction", "p (arms x size)", "p"),
    ]
    fits, notes = growths(findings)
    rows = []
    for growth in fits:
        for trend in growth.scaling.gains:
            change = Cell(trend.change, *(trend.change_interval or (None, None)))
            gain = Cell(trend.gain, *(trend.gain_interval or (None, None)))
            where = [growth.benchmark.name, growth.setting, trend.strategy, trend.baseline]
            rows.append([*where, change, trend.p, gain, trend.verdict, growth.scaling.interaction_p])
    found = sizes(findings)
    name = found.name if found else "size"
    if rows:
        notes = [
            f"Least squares against the logarithm of {name}; the units are runs, paired by size and seed. "
            "p: no change with size; p (arms x size): all arms of a benchmark and setting have the same slope, the F "
            "test of the interaction of strategy and size. Brackets: 95 % intervals. Questions are taken as given: "
            "whether a difference holds for new ones is what the comparisons say.",
            *notes,
        ]
    return make_table("sizes", f"Gains by {name}", columns, rows, notes)


def sentences(findings: Findings) -> list[str]:
    """What becomes of the gain of the main arm at larger sizes, one sentence per benchmark, or why it has no trend."""
    names = [str(name) for name in findings.info.get("main_comparison") or ()]
    setting = findings.objective[0].split("/")[0]
    fits, problems = growths(findings)
    found = [
        f"{metric_label(growth.benchmark.metric)} of {growth.benchmark.name}, {growth.setting}: {trend.sentence}"
        + _interaction(growth)
        for growth in fits
        for trend in growth.scaling.gains
        if growth.setting == setting and trend.strategy == (names[0] if names else trend.strategy)
    ]
    return found or problems


def _interaction(growth: Growth) -> str:
    p = growth.scaling.interaction_p
    arms = len(growth.scaling.curves)
    if p is None:
        return ""
    said = "p < .001" if p < 0.001 else f"p = {p:.3f}"
    return f" That all {arms} arms change alike with size (no interaction of strategy and size) has {said}."
