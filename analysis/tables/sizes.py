"""Whether the gains survive at larger sizes: models of several sizes, or several batch sizes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.findings import Arm, Benchmark, Findings
from analysis.labels import metric_label
from analysis.table import Cell, Column, Table, make_table
from study.records import UserError

if TYPE_CHECKING:
    from analysis.scaling import Scaling, SizedRun


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
    from analysis.scaling import SizedRun, fit_scaling

    by_name: dict[str, list[Arm]] = {}
    for arm in findings.arms:
        by_name.setdefault(arm.name, []).append(arm)
    grown = [arm for arms in by_name.values() if len({found.of[a.label] for a in arms}) > 1 for arm in arms]
    if len({arm.name for arm in grown}) < 2 or against not in {arm.name for arm in grown}:
        return [], []
    if len({(arm.name, found.of[arm.label]) for arm in grown}) < len(grown):
        return [], [f"Several models have the same {found.name}: no trend by size is fitted."]
    fits, problems = [], []
    for benchmark in findings.benchmarks:
        for setting in benchmark.settings:
            metric = benchmark.column(setting)
            runs = [SizedRun(a.name, found.of[a.label], s, v) for a in grown for s, v in a.values(metric).items()]
            try:
                fits.append(Growth(benchmark, setting, tuple(runs), fit_scaling(runs, against, size_name=found.name)))
            except UserError as error:
                problems.append(str(error))
    return fits, list(dict.fromkeys(problems))


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
        Column("verdict", "Verdict"),
    ]
    fits, notes = growths(findings)
    rows = []
    for growth in fits:
        for trend in growth.scaling.gains:
            change = Cell(trend.change, *(trend.change_interval or (None, None)))
            gain = Cell(trend.gain, *(trend.gain_interval or (None, None)))
            where = [growth.benchmark.name, growth.setting, trend.strategy, trend.baseline]
            rows.append([*where, change, trend.p, gain, trend.verdict])
    found = sizes(findings)
    name = found.name if found else "size"
    if rows:
        notes = [
            f"Least squares against the logarithm of {name}; the units are runs, paired by size and seed. "
            "p: no change with size. Brackets: 95 % intervals.",
            *notes,
        ]
    return make_table("sizes", f"Gains by {name}", columns, rows, notes)


def sentences(findings: Findings) -> list[str]:
    """What became of the gain of the main arm at larger sizes, one sentence per benchmark."""
    names = [str(name) for name in findings.info.get("main_comparison") or ()]
    setting = findings.objective[0].split("/")[0]
    return [
        f"{metric_label(growth.benchmark.metric)} of {growth.benchmark.name}, {growth.setting}: {trend.sentence}"
        for growth in growths(findings)[0]
        for trend in growth.scaling.gains
        if growth.setting == setting and trend.strategy == (names[0] if names else trend.strategy)
    ]
