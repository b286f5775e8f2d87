"""What the arms reached: per benchmark and setting, per language, per pair of languages."""

from collections.abc import Collection, Mapping

from analysis.findings import Arm, Benchmark, Estimate, Findings, estimate
from analysis.labels import metric_label, slug
from analysis.means import Means
from analysis.render.table import Cell, Column, Kind, Mark, Table, make_table

BIAS_COLUMNS: tuple[tuple[str, str, Kind, bool], ...] = (
    ("rank_distance", "rank distance", "rank", True),
    ("rank_distance_median", "median", "rank", True),
    ("rank_distance_log", "log form", "score", True),
    ("diagonal_gap", "diagonal gap", "score", True),
    ("same_language_share@10", "same language in top 10", "share", False),
    ("same_language_pool_share", "in the pool", "share", False),
    ("ties", "ties", "count", False),
)


def estimate_cell(found: Estimate | None, mark: Mark = "") -> Cell:
    """A cell with mean and interval, missing if nothing was found."""
    return Cell(None) if found is None else Cell(found.mean, found.low, found.high, mark)


def seeds_note(findings: Findings) -> str:
    """What the brackets mean, in the words of the seeds at hand."""
    counts = sorted({len(arm.trials) for arm in findings.arms})
    if not counts or counts[-1] < 2:
        return "One seed per arm: single runs have no interval."
    note = "In brackets: 95 % interval of the mean over seeds (Student's t)."
    return note + (" Arms with one seed have no interval." if counts[0] == 1 else "")


def results(
    findings: Findings,
    tied: Mapping[str, Collection[str]] | None = None,
    only: Benchmark | None = None,
    means: Means | None = None,
) -> Table:
    """Arms x (benchmark, setting): mean with interval, the best of each column and group of arms in bold.

    `tied` names per summary metric the labels of the arms that the comparisons could not separate from the best.
    `means` gives the intervals; without it they are those over seeds.
    """
    means = means or Means(findings)
    columns = [*_arm_columns(findings), Column("seeds", "Seeds", "count")]
    metrics: list[str] = []
    estimates: dict[tuple[str, str], Estimate | None] = {}
    for benchmark in findings.benchmarks if only is None else (only,):
        label = metric_label(benchmark.metric)
        for setting in benchmark.settings:
            metrics.append(benchmark.column(setting))
            estimates |= {(arm.label, metrics[-1]): means.of(arm, benchmark, setting) for arm in findings.arms}
            columns.append(
                Column(slug(metrics[-1]), setting.capitalize(), "score", group=f"{benchmark.name} ({label})")
            )
    rows = []
    for arm in findings.arms:
        rivals = [other for other in findings.arms if other.group == arm.group]
        cells = []
        for metric in metrics:
            mark = _mark(arm, metric, rivals, estimates, (tied or {}).get(metric, ()))
            cells.append(estimate_cell(estimates[arm.label, metric], mark))
        rows.append([*_arm_cells(findings, arm), len(arm.trials), *cells])
    notes = [means.note]
    parts = ["model"] * findings.has_models + ["study"] * any(study for _, study in {a.group for a in findings.arms})
    best = f"Bold: best of its column{' for each ' * bool(parts)}{' and '.join(parts)}."
    if tied is not None:
        notes.append(f"{best} \N{DAGGER}: not separable from the best (paired test, Holm).")
    elif findings.arms:
        notes.append(best)
    twins = [f"{a.title} is {a.definition['same_as']}" for a in findings.arms if a.definition.get("same_as")]
    if twins:
        notes.append(f"The same training under two names: {', '.join(dict.fromkeys(twins))}.")
    return make_table("results", "Results by arm", columns, rows, notes)


def _arm_columns(findings: Findings) -> list[Column]:
    return [Column("arm", "Arm"), *([Column("model", "Model")] if findings.has_models else [])]


def _arm_cells(findings: Findings, arm: Arm) -> list[str]:
    return [arm.title, *([arm.model] if findings.has_models else [])]


def _mark(
    arm: Arm,
    metric: str,
    rivals: list[Arm],
    estimates: Mapping[tuple[str, str], Estimate | None],
    tied: Collection[str],
) -> Mark:
    found = estimates[arm.label, metric]
    means = [e.mean for rival in rivals if (e := estimates[rival.label, metric]) is not None]
    if found is None or len(means) < 2:
        return ""
    if found.mean == max(means):
        return "best"
    return "tied" if arm.label in tied else ""


def secondary(findings: Findings) -> Table:
    """The other quality metrics (recall, micro averages) in long form: arm, benchmark, setting, metric, value."""
    columns = [
        *_arm_columns(findings),
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("metric", "Metric"),
        Column("value", "Mean", "score"),
    ]
    rows = []
    for benchmark in findings.benchmarks:
        for setting in benchmark.settings:
            prefix = f"{benchmark.name}/{setting}/"
            names = [n for n in findings.metric_names if n.startswith(prefix) and n.count("/") == 2]
            for name in (n for n in names if n != benchmark.column(setting)):
                metric = name.removeprefix(prefix)
                for arm in findings.arms:
                    cell = estimate_cell(estimate(arm.values(name).values()))
                    rows.append([*_arm_cells(findings, arm), benchmark.name, setting, metric, cell])
    return make_table("other_metrics", "Other quality metrics", columns, rows, [seeds_note(findings)], long=True)


def bias(findings: Findings) -> list[Table]:
    """Per benchmark: the measures of language bias, smaller is fairer."""
    tables = []
    for benchmark in findings.benchmarks:
        present = [c for c in BIAS_COLUMNS if f"{benchmark.name}/bias/{c[0]}" in findings.metric_names]
        if not present:
            continue
        columns = _arm_columns(findings)
        columns += [Column(slug(key), label, kind, lower_is_better=lower) for key, label, kind, lower in present]
        rows = []
        for arm in findings.arms:
            found = {key: estimate(arm.values(f"{benchmark.name}/bias/{key}").values()) for key, *_ in present}
            # Facts about the pool and counts are no estimates.
            cells = [
                Cell(e.mean) if e is not None and key in ("same_language_pool_share", "ties") else estimate_cell(e)
                for key, e in found.items()
            ]
            rows.append([*_arm_cells(findings, arm), *cells])
        notes = [
            "Rank distance: rank of the last minus rank of the first parallel relevant candidate in the pool of all "
            "languages. Diagonal gap: mAP with a relevant candidate in the query's language minus mAP with one in "
            "another language.",
            seeds_note(findings),
        ]
        tables.append(
            make_table(f"bias_{slug(benchmark.name)}", f"Language bias on {benchmark.name}", columns, rows, notes)
        )
    return tables


def languages(findings: Findings, benchmark: Benchmark) -> list[str]:
    """The query languages of a benchmark."""
    listed = [str(language) for language in benchmark.info.get("languages", ())]
    if listed:
        return listed
    prefix = f"{benchmark.column(benchmark.settings[-1])}/"
    return [name.removeprefix(prefix) for name in findings.metric_names if name.startswith(prefix)]


def per_language(findings: Findings) -> list[Table]:
    """Per benchmark and setting: arms x query languages."""
    tables = []
    for benchmark in findings.benchmarks:
        names = languages(findings, benchmark)
        for setting in benchmark.settings:
            metric = benchmark.column(setting)
            shown = [name for name in names if f"{metric}/{name}" in findings.metric_names]
            if not shown:
                continue
            rows = []
            for arm in findings.arms:
                cells = [estimate_cell(estimate(arm.values(f"{metric}/{name}").values())) for name in shown]
                rows.append([arm.label, *cells, estimate_cell(estimate(arm.values(metric).values()))])
            columns = [
                Column("arm", "Arm"),
                *(Column(slug(n), n, "score") for n in shown),
                Column("mean", "mean", "score"),
            ]
            title = f"{benchmark.name}, {setting}: {metric_label(benchmark.metric)} by query language"
            name = f"languages_{slug(benchmark.name)}_{slug(setting)}"
            # One of the settings stands open; the others would only push the rest of the page away.
            folded = setting != benchmark.settings[-1]
            tables.append(make_table(name, title, columns, rows, [seeds_note(findings)], long=folded))
    return tables


def pair_mean(arm: Arm, benchmark: Benchmark, query: str, pool: str) -> float | None:
    """Mean over seeds of the cell (query language, pool language); the diagonal is the monolingual setting."""
    setting = "monolingual" if query == pool else "cross-lingual"
    cell = query if query == pool else f"{query}-{pool}"
    found = estimate(arm.values(f"{benchmark.column(setting)}/{cell}").values())
    return None if found is None else found.mean


def language_pairs(findings: Findings) -> list[Table]:
    """Per benchmark: every arm and ordered pair of languages in long form."""
    tables = []
    for benchmark in findings.benchmarks:
        names = languages(findings, benchmark)
        if "cross-lingual" not in benchmark.settings or len(names) < 2:
            continue
        columns = [
            Column("arm", "Arm"),
            Column("query_language", "Query"),
            Column("pool_language", "Pool"),
            Column("value", metric_label(benchmark.metric), "score"),
        ]
        rows = [
            [arm.label, query, pool, value]
            for arm in findings.arms
            for query in names
            for pool in names
            if (value := pair_mean(arm, benchmark, query, pool)) is not None
        ]
        title = f"{benchmark.name}: every query language against every pool language"
        notes = ["Mean over seeds. Equal languages: the monolingual setting."]
        tables.append(make_table(f"pairs_{slug(benchmark.name)}", title, columns, rows, notes, long=True))
    return tables


def pair_matrix(findings: Findings, benchmark: Benchmark, arm: Arm) -> Table:
    """One arm on one benchmark: query languages down, pool languages across."""
    names = languages(findings, benchmark)
    rows = [[query, *(pair_mean(arm, benchmark, query, pool) for pool in names)] for query in names]
    columns = [Column("query", "Query \\ pool"), *(Column(slug(name), name, "score") for name in names)]
    title = f"{benchmark.name}: {arm.label}, query language by pool language"
    return make_table(f"matrix_{slug(benchmark.name)}_{slug(arm.label)}", title, columns, rows)
