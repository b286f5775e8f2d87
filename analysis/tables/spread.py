"""Where the spread of the numbers comes from: seeds, questions, and what only one run of one question shows."""

from typing import Any

from analysis.comparisons import Comparisons
from analysis.findings import Findings
from analysis.pairing import training
from analysis.queries import Queries
from analysis.render.table import Column, Table, make_table
from analysis.statistics.questions import QuestionTable


def spread(findings: Findings, queries: Queries, compared: Comparisons) -> Table:
    """Shares of the variance of the mean, for the question's own differences and per arm."""
    columns = [
        Column("of", "Of"),
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("seed", "From seeds", "share"),
        Column("question", "From questions", "share"),
        Column("seed_question", "From seed x question", "share"),
        Column("standard_error", "Standard error", "size"),
        Column("language", "Between languages", "size"),
        Column("seeds", "Seeds", "count"),
    ]
    rows = []
    for judged in compared.main:
        place = judged.benchmark, judged.setting, judged.metric
        one, other = (queries.table(arm, *place) for arm in (judged.first, judged.second))
        if one is not None and other is not None and set(one.seeds) & set(other.seeds):
            name = f"{judged.first.label} \N{MINUS SIGN} {judged.second.label}"
            rows += _row(name, judged.benchmark, judged.setting, one.minus(other))
    seen = set()
    for arm in findings.arms:
        if training(arm) in seen:
            continue
        seen.add(training(arm))
        for benchmark in findings.benchmarks:
            for setting in benchmark.settings:
                table = queries.table(arm, benchmark.name, setting, benchmark.metric)
                if table is not None:
                    rows += _row(arm.label, benchmark.name, setting, table)
    notes = [
        "Shares of the variance of the mean for new seeds and new questions: variance between seeds / seeds, between "
        "questions / questions, of seed and question together / both. More seeds help against the first and the third, "
        "more questions against the second and the third. Between languages: standard deviation of the means of the "
        "query languages at hand, which are taken as given."
    ]
    return make_table("spread", "Where the spread comes from", columns, rows, notes, long=True)


def _row(name: str, benchmark: str, setting: str, table: QuestionTable) -> list[list[Any]]:
    """One row; none for a single run or question, whose spread is unknown."""
    # scipy.special takes a moment to import: reports of single runs need not wait for it.
    from analysis.statistics.variance import variance_components

    found = variance_components(table)
    if found.seed is None or found.question is None or found.seed_question is None:
        return []
    n_seeds, n_questions = len(table.seeds), len(table.questions)
    variances = [
        found.seed**2 / n_seeds,
        found.question**2 / n_questions,
        found.seed_question**2 / (n_seeds * n_questions),
    ]
    total = sum(variances)
    shares = [variance / total if total > 0 else None for variance in variances]
    return [[name, benchmark, setting, *shares, total**0.5, found.language, n_seeds]]
