"""The means and differences in print, beside those of this report where it has the benchmark and the setting."""

from collections.abc import Sequence

from analysis.comparisons import Comparisons
from analysis.findings import Arm, Findings, estimate
from analysis.labels import metric_label, slug
from analysis.means import Means
from analysis.pairing import training
from analysis.queries import RANK_DISTANCE
from analysis.reference import ARMS, SINGLE_RUN, STRATEGIES, Published, published_results
from analysis.render.table import Cell, Column, Kind, Table, make_table

HYBRID, BASELINES = "hybrid", ("X-X-mono", "X-Y")

Key = tuple[str, str, str, str]
"""Benchmark, setting, metric, strategy."""


def means(findings: Findings, ours: Means) -> Table:
    """The published mean of each strategy, computed from its values by language, beside ours of every model."""
    series = _measured(findings)
    columns = [
        Column("strategy", "Strategy"),
        *_columns(findings, series, "number"),
        Column("source", "Source"),
    ]
    rows = []
    for key in dict.fromkeys(_key(one) for one in series):
        held = [one for one in series if _key(one) == key]
        cells = [_mean(findings, ours, key, model) for model in _models(findings)]
        printed = [Cell(mean, kind=_kind(key, "rank")) for mean in _printed(series, held)]
        rows.append([key[3], *key[:2], metric_label(key[2]), *printed, *cells, _sources(held)])
    return make_table("published_means", "Published means beside ours", columns, rows, _notes(ours.note))


def differences(findings: Findings, compared: Comparisons) -> Table:
    """Hybrid minus X-X-mono and hybrid minus X-Y in print, beside the same differences of ours with their intervals."""
    compared_models = {one.model for one in _measured(findings) if one.strategy == HYBRID}
    series = [one for one in _measured(findings) if one.model in compared_models]
    columns = [Column("pair", "Difference"), *_columns(findings, series, "difference")]
    held = {(one.model, *_key(one)): one.mean for one in series}
    rows = []
    for key in dict.fromkeys(_key(one) for one in series):
        benchmark, setting, metric, strategy = key
        if strategy != HYBRID:
            continue
        for baseline in BASELINES:
            printed = []
            for model in _published_models(series):
                pair = [held.get((model, benchmark, setting, metric, name)) for name in (HYBRID, baseline)]
                gap = None if pair[0] is None or pair[1] is None else pair[0] - pair[1]
                printed.append(Cell(gap, kind=_kind(key, "ranks")))
            cells = [_difference(findings, compared, key, baseline, model) for model in _models(findings)]
            name = f"{HYBRID} \N{MINUS SIGN} {baseline}"
            rows.append([name, benchmark, setting, metric_label(metric), *printed, *cells])
    note = "Ours: hybrid 0.5 against the strategy, paired by seed and question, with the interval of the comparison."
    return make_table(
        "published_differences", "Published differences between the strategies", columns, rows, _notes(note)
    )


def _columns(findings: Findings, series: Sequence[Published], kind: Kind) -> list[Column]:
    return [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("metric", "Metric"),
        *(Column(f"published_{slug(m)}", f"{m} (published)", kind) for m in _published_models(series)),
        *(Column(f"ours_{slug(m)}", f"{m} (ours)", kind) for m in _models(findings)),
    ]


def _notes(ours: str) -> list[str]:
    return [
        f"Published: {SINGLE_RUN[:1].lower()}{SINGLE_RUN[1:]}",
        "The paper does not say whether its XLM-R is base or large; models that are not its own are no replication.",
        ours,
    ]


def _measured(findings: Findings) -> list[Published]:
    """The published series of the three strategies that this report measured as well, whatever the model."""
    places = {(b.name, setting, b.metric) for b in findings.benchmarks for setting in b.settings}
    return [
        one
        for one in published_results()
        if one.strategy in STRATEGIES
        and (_key(one)[:3] in places or (one.metric == RANK_DISTANCE and one.metric_name in findings.metric_names))
    ]


def _key(one: Published) -> Key:
    return one.benchmark, one.setting, one.metric, one.strategy


def _published_models(series: Sequence[Published]) -> list[str]:
    return list(dict.fromkeys(one.model for one in series))


def _models(findings: Findings) -> list[str]:
    """Our models; studies that were not put together stand apart."""
    return list(dict.fromkeys(_model(arm) for arm in findings.arms))


def _model(arm: Arm) -> str:
    return " ".join([arm.model, *([f"[{arm.group[1]}]"] if arm.group[1] else [])])


def _printed(series: Sequence[Published], held: Sequence[Published]) -> list[float | None]:
    found = {one.model: one.mean for one in held}
    return [found.get(model) for model in _published_models(series)]


def _sources(held: Sequence[Published]) -> str:
    return "; ".join(dict.fromkeys(one.source for one in held))


def _kind(key: Key, kind: Kind) -> Kind | None:
    """Rank distances are written as ranks, everything else as its column."""
    return kind if key[2] == RANK_DISTANCE else None


def _arm(findings: Findings, model: str, strategy: str) -> Arm | None:
    names = strategy, ARMS.get(strategy)
    return next((arm for arm in findings.arms if _model(arm) == model and arm.name in names), None)


def _mean(findings: Findings, ours: Means, key: Key, model: str) -> Cell:
    arm = _arm(findings, model, key[3])
    if arm is None:
        return Cell(None)
    if key[2] == RANK_DISTANCE:
        found = estimate(arm.values(f"{key[0]}/bias/{RANK_DISTANCE}").values())
    else:
        found = ours.of(arm, next(b for b in findings.benchmarks if b.name == key[0]), key[1])
    return Cell(None) if found is None else Cell(found.mean, found.low, found.high, kind=_kind(key, "rank"))


def _difference(findings: Findings, compared: Comparisons, key: Key, baseline: str, model: str) -> Cell:
    """Our comparison of the two trainings, whatever other names they go by and whichever came first."""
    arms = _arm(findings, model, HYBRID), _arm(findings, model, baseline)
    if arms[0] is None or arms[1] is None:
        return Cell(None)
    wanted = training(arms[0]), training(arms[1])
    for judged in compared.judged:
        is_there = judged.is_bias if key[2] == RANK_DISTANCE else (judged.setting, judged.metric) == key[1:3]
        if judged.benchmark != key[0] or not is_there:
            continue
        low, high = judged.comparison.interval or (None, None)
        if (training(judged.first), training(judged.second)) == wanted:
            return Cell(judged.comparison.difference, low, high, kind=_kind(key, "ranks"))
        if (training(judged.second), training(judged.first)) == wanted:
            low, high = (None, None) if low is None or high is None else (-high, -low)
            return Cell(-judged.comparison.difference, low, high, kind=_kind(key, "ranks"))
    return Cell(None)
