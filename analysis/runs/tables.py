"""What the comparison of systems says: tables, and the sentences around them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from analysis.render.table import Cell, Column, Table, make_table
from analysis.runs.comparisons import SystemComparisons
from analysis.sections.cells import difference_kind, interval_cell, measure_kind, slug
from analysis.sections.comparisons import DETECTABLE, DETECTABLE_NOTE
from analysis.sections.questions import extremes, two_by_question
from analysis.statistics.comparison import Comparison
from analysis.wording import DOUBTS, OBSTACLES, count, interval, listed, number, p_value, rough
from trainables.evaluation.measures.measure import RankingMeasure

FEW = 6
"""Pairs that the terminal shows all; of more the neighbours."""

TIE_RULES = {
    "pessimistic": "Of documents with one score the less relevant stand first (--ties trec: by id, as in trec_eval).",
    "trec": "Of documents with one score those with the greater id stand first, as in trec_eval.",
}


def headlines(found: SystemComparisons) -> list[str]:
    """The findings in a sentence for every measure."""
    return [_headline(found, measure) for measure in found.measures]


def _headline(found: SystemComparisons, measure: RankingMeasure) -> str:
    label = measure.record().label
    if not found.is_sample:
        return f"{found.names[0]} has the best {label}; a single question has nothing to tell it from chance by."
    if len(found.names) == 2:
        (pair,) = found.pairs
        one = found.find(pair, measure)
        verbs = {"better": "is better than", "worse": "is worse than", "equivalent": "is equivalent to"}
        verb = verbs.get(one.verdict, "cannot be told from")
        said = f"{number(one.difference, sign=True)} {interval(one.interval)}, {p_value(one.p_adjusted)}"
        return f"{pair[0]} {verb} {pair[1]} on {label}: {said}."
    if found.against is not None:
        verdicts = [found.find(pair, measure).verdict for pair in found.pairs]
        kinds = ("better", "worse", "equivalent", "not separable")
        counts = [f"{verdicts.count(kind)} {kind}" for kind in kinds if kind in verdicts]
        return f"Of {len(verdicts)} systems against {found.against} on {label}: {listed(counts)}."
    separable = [found.find(pair, measure).verdict in ("better", "worse") for pair in found.neighbours]
    return f"{sum(separable)} of {count(len(separable), 'pair')} of neighbours are separable on {label}."


def systems(found: SystemComparisons) -> Table:
    """What every system reached, best first; the best in bold, a dagger beside those that are not separable from it."""
    columns = [Column("system", "System"), Column("runs", "Runs", "count")]
    cells: list[list[Cell]] = []
    for measure in found.measures:
        record, marks = measure.record(), found.marks(measure)
        columns.append(
            Column(slug(record.name), record.label, measure_kind(record), lower_is_better=record.lower_is_better)
        )
        means = [found.mean(name, measure) for name in found.names]
        cells.append(
            [
                replace(interval_cell(one.mean, one.interval), mark=marks.get(name, ""))
                for name, one in zip(found.names, means, strict=True)
            ]
        )
    rows = [[name, found.runs[name], *own] for name, *own in zip(found.names, *cells, strict=True)]
    notes = []
    if found.is_sample:
        notes.append("In brackets: 95 % intervals, each for itself." + " Bold: best." * (found.against is None))
    if any(cell.mark == "tied" for column in cells for cell in column):
        notes[-1] += " \N{DAGGER}: by the verdicts of all pairs not separable from the best, or equivalent to it."
    return make_table("systems", "Systems, best first", columns, rows, notes)


def shown_comparisons(found: SystemComparisons, judgements: str, ties: str) -> list[Table]:
    """The comparisons for people, a table for every measure: all of few, otherwise those of neighbours.

    All notes stand below the last one.
    """
    are_all = found.against is not None or len(found.pairs) <= FEW
    pairs = found.pairs if are_all else found.neighbours
    title = "Neighbours" if not are_all else f"Against {found.against}" if found.against else "Comparisons"
    is_pair = len(found.names) == 2
    columns = [
        Column("system", "System"),
        *[Column("baseline", "Against")] * (found.against is None),
        Column("difference", "Difference", "difference"),
        Column("p", "p", "p"),
        Column("verdict", "Verdict"),
        *[Column("detectable", DETECTABLE, "size")] * is_pair,
    ]
    tables = []
    judged: list[Comparison] = []
    for measure in found.measures:
        rows = []
        for pair in pairs:
            judged.append(one := found.find(pair, measure))
            names = pair if found.against is None else pair[:1]
            rows.append([*names, *_judged(one, measure), *[_detectable(one)] * is_pair])
        record = measure.record()
        tables.append(make_table(f"shown_{slug(record.name)}", f"{title}, {record.label}", columns, rows))
    tables[-1] = replace(tables[-1], notes=tuple(notes(found, judged, judgements, ties)))
    return tables


def all_comparisons(found: SystemComparisons) -> Table:
    """Every comparison with all its numbers, for files."""
    columns = [
        Column("metric", "Metric"),
        Column("system", "System"),
        Column("baseline", "Against"),
        Column("difference", "Difference", "difference"),
        Column("p", "p (family)", "p"),
        Column("verdict", "Verdict"),
        Column("p_equivalence", "p equivalent", "p"),
        Column("detectable", DETECTABLE, "size"),
        Column("p_randomisation", "p (randomisation)", "p"),
        Column("p_ranks", "p (ranks)", "p"),
        Column("doubts", "Doubts"),
        Column("runs", "Runs", "count"),
        Column("questions", "Questions", "count"),
        Column("family_size", "Comparisons", "count"),
    ]
    rows = []
    for measure in found.measures:
        for pair in found.pairs:
            one = found.find(pair, measure)
            second = [one.p_equivalence, _detectable(one), one.p_randomisation, one.p_ranks, ", ".join(one.doubts)]
            size = [one.n_seeds, one.n_questions, one.n_comparisons]
            rows.append([measure.record().label, *pair, *_judged(one, measure), *second, *size])
    return make_table("comparisons", "All comparisons", columns, rows, long=True)


def by_question(found: SystemComparisons) -> list[Table]:
    """Every question with the mean of every system over its runs and the question's queries; of two, by difference."""
    tables = []
    for measure in found.measures:
        label = measure.record().label
        name, title = f"questions_{slug(str(measure))}", f"{label} of every question"
        held = [found.table(name, measure) for name in found.names]
        if len(held) == 2:
            tables.append(two_by_question(name, title, found.names, held))
            continue
        columns = [
            Column("question", "Question"),
            *(Column(f"system_{place}", of, "score") for place, of in enumerate(found.names, 1)),
        ]
        means = [table.own_means for table in held]
        rows = [[question, *(float(mean[i]) for mean in means)] for i, question in enumerate(held[0].questions)]
        tables.append(make_table(name, title, columns, rows, long=True))
    return tables


def changed_most(tables: Iterable[Table], top: int) -> list[Table]:
    """The questions that changed most between two systems."""
    return [extremes(table, top) for table in tables if any(column.key == "difference" for column in table.columns)]


def notes(found: SystemComparisons, judged: Sequence[Comparison], judgements: str, ties: str) -> list[str]:
    """What was compared, and how."""
    said = [f"{_compared(found)} of {judgements}. {TIE_RULES[ties]}"]
    if not found.is_sample:
        return [*said, f"No interval and no test: {OBSTACLES['single question']}."]
    of = "all pairs of systems" if found.against is None else f"all systems against {found.against}"
    said += [
        f"Difference: on the same questions, with 95 % intervals that hold together for {of}"
        f"{' on all measures' * (len(found.measures) > 1)} ({count(found.number, 'comparison')}). The interval "
        "decides: better or worse if it excludes 0, equivalent if it lies within "
        f"\N{PLUS-MINUS SIGN}{found.margin:g}. p: the least error rate of all of them together at which it would "
        "exclude 0.",
        _trainings(found),
    ]
    said += _would_show(found, judged)
    raised = {doubt for one in judged for doubt in one.doubts}
    return [*said, *(f"Doubt, {doubt}: {meaning}" for doubt, meaning in DOUBTS.items() if doubt in raised)]


def _would_show(found: SystemComparisons, judged: Sequence[Comparison]) -> list[str]:
    """Which differences could have been found."""
    sizes = [one.detectable.size for one in judged if one.detectable is not None]
    if not sizes:
        return []
    if len(found.names) == 2:
        return [DETECTABLE_NOTE if found.common_runs > 1 else DETECTABLE_NOTE.replace("seeds", "questions")]
    least, most = rough(min(sizes)), rough(max(sizes))
    between = least if least == most else f"{least} to {most}, by pair"
    return [f"{DETECTABLE}: another study like this one finds a true difference of {between} in 4 of 5 cases."]


def _compared(found: SystemComparisons) -> str:
    if found.questions == found.queries:
        return f"Compared on {count(found.questions, 'question')}"
    return (
        f"Compared on {count(found.questions, 'question')} in {found.queries} queries (translations are one unit; "
        "means are over queries)"
    )


def _trainings(found: SystemComparisons) -> str:
    """What the intervals say of other trainings of the systems."""
    single = [name for name in found.names if found.runs[name] == 1]
    if found.common_runs == 1:
        return "One run for each system: the question is the unit, and the luck of a training is in no interval."
    more = [name for name in found.names if found.runs[name] > found.common_runs]
    said = f"Seeds and questions are sampled, {found.common_runs} runs for each system"
    if more:
        said += f" (the first ones of {listed(more)})"
    if single:
        said += f"; of {listed(single)} there is one, and the luck of its training is in no interval"
    return f"{said}."


def _judged(one: Comparison, measure: RankingMeasure) -> list[object]:
    kind = difference_kind(measure.record())
    verdict = one.verdict if one.interval is not None else one.obstacle
    return [interval_cell(one.difference, one.interval, kind), one.p_adjusted, verdict]


def _detectable(one: Comparison) -> Cell:
    size = one.detectable
    return Cell(None) if size is None else Cell(size.size, size.low, size.high)
