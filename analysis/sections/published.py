"""Published results: our numbers beside those in print, where benchmark and setting agree."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, Place, estimate
from analysis.facts.measures import bias_metric
from analysis.facts.published import STRATEGIES, Published, model_name, published_results
from analysis.findings.findings import Findings
from analysis.render.table import Cell, Column, Kind, Table, make_table
from analysis.sections.cells import estimate_cell, slug
from analysis.sections.section import Section
from trainables.evaluation.measures.record import MeasureRecord

HYBRID, BASELINES = "hybrid", ("X-X-mono", "X-Y")
SINGLE_RUN = "Published: single run: no interval."
SAME, OTHER, OPEN = "as in print", "not as in print", "open"
WHICH_MODEL = "The paper does not say whether its XLM-R is base or large"

Key = tuple[str, str, str, str]
"""Benchmark, setting, metric, strategy."""


def beside_ours(facts: Facts) -> Table:
    """Published results beside ours, with the difference, where benchmark, model, strategy and metric agree."""
    columns = [
        Column("arm", "Arm"),
        Column("metric", "Metric"),
        Column("published", "Published", "number"),
        Column("ours", "Ours", "number"),
        Column("difference", "Ours \N{MINUS SIGN} published", "difference"),
        Column("source", "Source"),
    ]
    rows = []
    for series in published_results():
        for arm in facts.arms:
            same = arm.name in (series.strategy, STRATEGIES.get(series.strategy))
            if model_name(arm.model) != series.model or not same:
                continue
            name = series.name_of(facts.measure(series.metric))
            ours = estimate(arm.values(name).values())
            if ours is None or series.mean is None:
                continue
            low = None if ours.low is None else ours.low - series.mean
            high = None if ours.high is None else ours.high - series.mean
            difference = Cell(ours.mean - series.mean, low, high)
            rows.append([arm.label, name, series.mean, estimate_cell(ours), difference, series.source])
    notes = [
        "Published numbers are single runs and have no interval of their own: the brackets hold the spread of our "
        f"seeds only. {WHICH_MODEL}."
    ]
    return make_table("published", "Published results beside ours", columns, rows, notes)


def means(findings: Findings) -> Table:
    """The published mean of each strategy, computed from its values by language, beside ours of every model."""
    facts = findings.facts
    series = _measured(facts)
    columns = [Column("strategy", "Strategy"), *_columns(facts, series, "number"), Column("source", "Source")]
    rows = []
    for key in dict.fromkeys(_key(one) for one in series):
        held = [one for one in series if _key(one) == key]
        measure = facts.measure(key[2])
        cells = [_mean(findings, key, model) for model in _models(facts)]
        printed = [Cell(mean, kind=_kind(measure, "rank")) for mean in _printed(series, held)]
        rows.append([key[3], *key[:2], measure.label, *printed, *cells, _sources(held)])
    return make_table("published_means", "Published means beside ours", columns, rows, _notes(findings.means.note))


def differences(findings: Findings) -> Table:
    """Hybrid minus X-X-mono and hybrid minus X-Y in print, beside the same differences of ours with their intervals."""
    facts = findings.facts
    compared_models = {one.model for one in _measured(facts) if one.strategy == HYBRID}
    series = [one for one in _measured(facts) if one.model in compared_models]
    columns = [Column("pair", "Difference"), *_columns(facts, series, "difference")]
    held = {(one.model, *_key(one)): one.mean for one in series}
    rows = []
    for key in dict.fromkeys(_key(one) for one in series):
        benchmark, setting, metric, strategy = key
        measure = facts.measure(metric)
        if strategy != HYBRID:
            continue
        for baseline in BASELINES:
            printed = []
            for model in _published_models(series):
                pair = [held.get((model, benchmark, setting, metric, name)) for name in (HYBRID, baseline)]
                gap = None if pair[0] is None or pair[1] is None else pair[0] - pair[1]
                printed.append(Cell(gap, kind=_kind(measure, "ranks")))
            ours = [_difference(findings, key, baseline, model) for model in _models(facts)]
            cells = [replace(cell, remark=_sign(printed, cell)) for cell in ours]
            name = f"{HYBRID} \N{MINUS SIGN} {baseline}"
            rows.append([name, benchmark, setting, measure.label, *printed, *cells])
    note = (
        "Ours: hybrid 0.5 against the strategy, paired by seed and question, with the interval of the comparison; "
        f"{SAME}, {OTHER}: the sign of all published models, or the other one, by an interval without zero; {OPEN}: an "
        "interval with zero."
    )
    return make_table(
        "published_differences", "Published differences between the strategies", columns, rows, _notes(note)
    )


def _sign(printed: Sequence[Cell], ours: Cell) -> str:
    """Whether a difference of ours has the sign that is in print; nothing where models in print have different ones."""
    signs = {float(cell.value) > 0 for cell in printed if isinstance(cell.value, float) and cell.value}
    if len(signs) != 1 or ours.low is None or ours.high is None:
        return ""
    if ours.low <= 0 <= ours.high:
        return OPEN
    return SAME if (ours.low > 0) in signs else OTHER


def signs(findings: Findings) -> Iterator[str]:
    """How many of the published differences have the same sign here."""
    table = differences(findings)
    for number, column in enumerate(table.columns):
        if not column.key.startswith("ours_"):
            continue
        found = Counter(row[number].remark for row in table.rows)
        told = sum(found[one] for one in (SAME, OTHER, OPEN))
        if told:
            model = f" with {column.label.removesuffix(' (ours)')}" if len(_models(findings.facts)) > 1 else ""
            yield (
                f"Of {told} published differences between hybrid batches and a pure strategy, {found[SAME]} have the "
                f"same sign here{model}, {found[OTHER]} the other one, and {found[OPEN]} cannot be told from zero."
            )


def _columns(facts: Facts, series: Sequence[Published], kind: Kind) -> list[Column]:
    return [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("metric", "Metric"),
        *(Column(f"published_{slug(m)}", f"{m} (published)", kind) for m in _published_models(series)),
        *(Column(f"ours_{slug(m)}", f"{m} (ours)", kind) for m in _models(facts)),
    ]


def _notes(ours: str) -> list[str]:
    return [SINGLE_RUN, f"{WHICH_MODEL}; models that are not its own are no replication.", ours]


def _measured(facts: Facts) -> list[Published]:
    """The published series of the three strategies that this report measured as well, whatever the model."""
    places = {(b.name, setting, b.measure.name) for b in facts.benchmarks for setting in b.settings}
    compared = {bias_metric(b.name, measure.name) for b in facts.benchmarks for measure in b.bias}
    return [
        one
        for one in published_results()
        if one.strategy in STRATEGIES
        and (_key(one)[:3] in places or one.name_of(facts.measure(one.metric)) in compared)
    ]


def _key(one: Published) -> Key:
    return one.benchmark, one.setting, one.metric, one.strategy


def _published_models(series: Sequence[Published]) -> list[str]:
    return list(dict.fromkeys(one.model for one in series))


def _models(facts: Facts) -> list[str]:
    """Our models, by cell; studies that were not put together stand apart."""
    return list(dict.fromkeys(_model(arm) for arm in facts.arms))


def _model(arm: Arm) -> str:
    cell, study = arm.group
    return f"{cell} [{study}]" if study else cell


def _printed(series: Sequence[Published], held: Sequence[Published]) -> list[float | None]:
    found = {one.model: one.mean for one in held}
    return [found.get(model) for model in _published_models(series)]


def _sources(held: Sequence[Published]) -> str:
    return "; ".join(dict.fromkeys(one.source for one in held))


def _kind(measure: MeasureRecord, kind: Kind) -> Kind | None:
    """Numbers of ranks are written as such, everything else as its column."""
    return kind if measure.unit == "ranks" else None


def _arm(facts: Facts, model: str, strategy: str) -> Arm | None:
    names = strategy, STRATEGIES.get(strategy)
    return next((arm for arm in facts.arms if _model(arm) == model and arm.name in names), None)


def _mean(findings: Findings, key: Key, model: str) -> Cell:
    arm = _arm(findings.facts, model, key[3])
    if arm is None:
        return Cell(None)
    benchmark, measure = findings.facts.benchmark(key[0]), findings.facts.measure(key[2])
    setting = "multilingual" if measure.is_bias else next(s for s in benchmark.settings if s == key[1])
    found = findings.means.at(arm, Place(benchmark.name, setting, measure))
    return estimate_cell(found, kind=_kind(measure, "rank"))


def _difference(findings: Findings, key: Key, baseline: str, model: str) -> Cell:
    """Our comparison of the two trainings, whatever other names they go by and whichever came first."""
    arms = _arm(findings.facts, model, HYBRID), _arm(findings.facts, model, baseline)
    if arms[0] is None or arms[1] is None:
        return Cell(None)
    wanted = arms[0].identity, arms[1].identity
    kind = _kind(findings.facts.measure(key[2]), "ranks")
    for judged in findings.comparisons.judged:
        place = judged.place
        if (place.benchmark, place.setting, place.measure.name) != key[:3]:
            continue
        low, high = judged.comparison.interval or (None, None)
        if (judged.first.identity, judged.second.identity) == wanted:
            return Cell(judged.comparison.difference, low, high, kind=kind)
        if (judged.second.identity, judged.first.identity) == wanted:
            low, high = (None, None) if low is None or high is None else (-high, -low)
            return Cell(-judged.comparison.difference, low, high, kind=kind)
    return Cell(None)


SECTION = Section(
    "published",
    "Published results",
    "Our numbers beside those in print, where benchmark and setting agree.",
    tables=lambda findings: [beside_ours(findings.facts), differences(findings), means(findings)],
    sentences=signs,
)
