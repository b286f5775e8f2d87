"""Command line: `python -m analysis.compare [STUDY ...] ARM_A ARM_B` compares two arms down to single questions.

With `--qrels FILE` it compares the rankings of anybody's systems (`analysis/runs/`).
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, Place
from analysis.facts.questions import Questions
from analysis.facts.texts import question_texts
from analysis.findings.comparisons import Comparisons, Judged, judge_pair
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table
from analysis.runs.command import add_options, check_options, compare_runs
from analysis.sections.cells import interval_cell, slug
from analysis.sections.comparisons import DETECTABLE, detectable_cell, difference_cell, notes, p_cell
from analysis.sections.questions import extremes, two_by_question
from analysis.statistics.questions import QuestionTable
from analysis.wording import count, paired_with
from study.study_folder import newest_study
from trainables.command import Parser, run_command
from trainables.errors import UserError
from trainables.plugins import load_plugins
from trainables.storage import Folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the comparison; returns the exit status (2 for a user's mistake)."""
    parser = _parser()
    # Intermixed: an option may stand among the names.
    return run_command(
        "analysis.compare", lambda: _run(parser.parse_intermixed_args(arguments)), "mend that, or name another folder."
    )


def _parser() -> Parser:
    parser = Parser(
        prog="python -m analysis.compare",
        usage="%(prog)s [options] [STUDY ...] ARM_A ARM_B\n       %(prog)s [options] --qrels FILE RUN RUN ...",
        description="Compares two arms of one or several studies: by benchmark and setting, by language, by question.",
        epilog='example: python -m analysis.compare studies/quick "best dynamic" "best static"',
    )
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="study folders (default: the newest in ./studies), and last the two arms, named as in the report; or runs",
    )
    parser.add_argument(
        "--margin", type=float, default=0.005, help="difference that counts as none (default: %(default)s)"
    )
    parser.add_argument(
        "--top", type=int, default=10, help="questions to show in each direction (default: %(default)s)"
    )
    parser.add_argument(
        "--language",
        help="language of the questions' texts, where the study kept them and they have it (default: en)",
    )
    parser.add_argument(
        "--plugin", action="append", default=[], metavar="MODULE", help="a module to import first; may be repeated"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="also write the tables, with every question, as files"
    )
    add_options(parser)
    return parser


def _run(options: argparse.Namespace) -> int:
    if not 0 < options.margin < 1:
        raise UserError(f"--margin is {options.margin}, but it must lie between 0 and 1: 0.005 is half a point of mAP.")
    if options.top < 1:
        raise UserError(f"--top is {options.top}, but it must be at least 1.")
    check_options(options)
    if options.qrels:
        load_plugins(options.plugin)
        return compare_runs(options)
    if len(options.names) < 2:
        raise UserError(f"{options.names[0]!r} alone cannot be compared: name two arms, after the studies if any.")
    load_plugins(options.plugin)
    from rich.console import Console

    from analysis.render.terminal import print_table

    *locations, one, other = options.names
    facts = Facts.of(locations or [newest_study()])
    first, second = facts.find(one), facts.find(other)
    if first.identity == second.identity:
        same = "name the same arm" if first is second else "are the same training under two names"
        raise UserError(f"{one!r} and {other!r} {same}, so that there is nothing to compare: name another arm.")
    findings = Findings(facts, options.margin)
    questions = findings.questions
    judged = judge_pair(facts, questions, first, second, options.margin)
    if not judged:
        reasons = " ".join([*questions.problems, *facts.problems]) or "they have no values per question."
        raise UserError(f"{first.label} and {second.label} cannot be compared: {reasons}")
    in_report = {j.place: findings.judge.find(first, second, j.place) for j in judged}
    tables = [overview(judged, options.margin, in_report)]
    tables += [of_report(list(filter(None, in_report.values())))] * any(in_report.values())
    every_question = []
    for found in (j for j in judged if j.is_quality):
        if found.place.setting != "overall":
            tables.append(by_language(facts, questions, found))
        texts: dict[str, str] = {}
        for study in facts.studies:
            texts = question_texts(study, found.place.benchmark, options.language or "en") | texts
        every_question.append(by_question(questions, found, texts))
        tables.append(extremes(every_question[-1], options.top))
    console = Console(markup=False, emoji=False)
    for line in [*questions.problems, *facts.problems]:
        console.print(f"! {line}", markup=False, highlight=False, style="yellow", soft_wrap=True)
    for table in tables:
        print_table(without_metric(table, judged), console)
        console.print()
    if options.output:
        from analysis.render.files import write_tables

        write_tables(
            [*(t for t in tables if t.name not in {q.name for q in every_question}), *every_question],
            Folder(options.output),
            ("csv",),
        )
        console.print(f"Written to {options.output}: *.csv", markup=False, highlight=False, soft_wrap=True)
    return 0


_JUDGED = (
    Column("benchmark", "Benchmark"),
    Column("setting", "Setting"),
    Column("metric", "Metric"),
    Column("difference", "Difference", "difference"),
    Column("p", "p", "p"),
    Column("verdict", "Verdict"),
)


def _judged_cells(judged: Judged) -> list[Any]:
    place = judged.place
    return [
        place.benchmark,
        place.setting,
        place.measure.label,
        difference_cell(judged),
        p_cell(judged),
        judged.verdict,
    ]


def overview(judged: Sequence[Judged], margin: float, in_report: Mapping[Place, Judged | None] | None = None) -> Table:
    """The two arms on every benchmark and setting, judged by themselves.

    Args:
        judged: what to show.
        margin: the largest difference that counts as none.
        in_report: how the report judges the same, for the notes; None where there is no report.
    """
    in_report = in_report or {}
    columns = [*_JUDGED, Column("detectable", DETECTABLE, "size")]
    rows = [[*_judged_cells(j), detectable_cell(j)] for j in judged]
    title = f"{judged[0].first.label} minus {judged[0].second.label}"
    return make_table("overview", title, columns, rows, _notes(judged, margin, in_report))


def without_metric(table: Table, judged: Sequence[Judged]) -> Table:
    """A table for a terminal, without its column of metrics: that of quality is in the title, bias is a setting.

    The table as it is where there is no such column, or where benchmarks differ in their metric of quality.
    """
    keys = [column.key for column in table.columns]
    quality = list({j.place.measure.label for j in judged if j.is_quality})
    if "metric" not in keys or len(quality) != 1:
        return table
    metric, setting = keys.index("metric"), keys.index("setting")
    rows = []
    for row in table.rows:
        cells = list(row)
        if row[metric].value != quality[0]:
            cells[setting] = row[metric]
        del cells[metric]
        rows.append(tuple(cells))
    columns = tuple(column for column in table.columns if column.key != "metric")
    return replace(table, title=f"{table.title}, {quality[0]}", columns=columns, rows=tuple(rows))


def of_report(judged: Sequence[Judged]) -> Table:
    """What the report says about the two arms, with the family in which it does."""
    columns = [*_JUDGED, Column("family", "Family"), Column("family_size", "Of", "count")]
    rows = [[*_judged_cells(j), j.family, j.comparison.n_comparisons] for j in judged]
    return make_table("in_report", "The same two arms in the report", columns, rows)


def _notes(judged: Sequence[Judged], margin: float, in_report: Mapping[Place, Judged | None]) -> list[str]:
    """How the two arms were compared, here and in the report."""
    compared = Comparisons(margin, tuple(judged), {}, {})
    found = [_pairing(judged), *notes(compared, _together(judged))]
    if compared.tested and any(in_report.values()):
        found.append(
            "Here the two arms are judged by their own seeds, as if nothing else had been compared. The table below "
            "holds what the report says: its intervals hold together within each of its families, with the spread of "
            "the seeds that all arms of the group show. Its verdicts are those to cite."
        )
    elif compared.tested and in_report:
        found.append("The report does not compare these two arms: they are of different groups, or not in it.")
    return found


def _pairing(judged: Sequence[Judged]) -> str:
    """On what they were compared; the benchmarks differ in their questions."""
    places: dict[tuple[str, str], list[Judged]] = {}
    for j in judged:
        places.setdefault((j.place.benchmark, paired_with(j.comparison)), []).append(j)
    parts = []
    for (benchmark, paired), held in places.items():
        everywhere = len(held) == sum(j.place.benchmark == benchmark for j in judged)
        settings = ", ".join(j.place.setting if j.is_quality else j.place.measure.label for j in held)
        parts.append(f"{benchmark}: {paired}" if everywhere else f"{benchmark} ({settings}): {paired}")
    return f"Compared on {'; '.join(parts)}."


def _together(judged: Sequence[Judged]) -> str:
    """The rows whose intervals hold together, in words."""
    counts = {
        "quality" if j.is_quality else j.place.measure.label: sum(k.is_quality == j.is_quality for k in judged)
        for j in judged
    }
    return " and ".join(f"for the {count(number, 'row')} of {what}" for what, number in counts.items())


def by_language(facts: Facts, questions: Questions, judged: Judged) -> Table:
    """The difference for the queries of each language; the intervals of all languages hold together."""
    from analysis.statistics.significance import Contrast, compare

    place = judged.place
    one, other = _tables(questions, judged)
    contrasts, shown = [], []
    names = facts.languages(facts.benchmark(place.benchmark))
    for name in names:
        cells = {name} | {f"{name}-{pool}" for pool in names}
        if cells & set(one.cells):
            shown.append(name)
            contrasts.append(Contrast(_of_cells(one, cells), _of_cells(other, cells), margin=None))
    columns = [
        Column("language", "Query language"),
        Column("difference", "Difference", "difference"),
        Column("p", "p (all rows)", "p"),
        Column("verdict", "Verdict"),
    ]
    rows = []
    for name, found in zip(shown, compare(contrasts), strict=True):
        said = found.verdict if found.interval is not None else "single run"
        rows.append([name, interval_cell(found.difference, found.interval), found.p_adjusted, said])
    title = f"{place.benchmark}, {place.setting}: by query language"
    return make_table(f"languages_{slug(place.benchmark)}_{slug(place.setting)}", title, columns, rows)


def _of_cells(table: QuestionTable, cells: set[str]) -> QuestionTable:
    """The table of some cells only, weighted alike; questions without a query in them are left out."""
    kept = [i for i, cell in enumerate(table.cells) if cell in cells]
    asked = table.counts[:, kept].sum(axis=1) > 0
    return replace(
        table,
        questions=tuple(q for q, has in zip(table.questions, asked, strict=True) if has),
        cells=tuple(table.cells[i] for i in kept),
        sums=table.sums[:, asked][:, :, kept],
        counts=table.counts[asked][:, kept],
        weights=np.full(len(kept), 1 / len(kept)),
    )


def by_question(questions: Questions, judged: Judged, texts: Mapping[str, str]) -> Table:
    """Every question with the mean over its queries and the seeds in common, sorted by the difference.

    `texts`: what the questions ask, by id; empty if that is not at hand.
    """
    place = judged.place
    tables = _tables(questions, judged)
    seeds = set(tables[0].seeds) & set(tables[1].seeds)
    label = place.measure.label
    note = f"Mean {label} over {count(len(seeds), judged.comparison.unit)} and the question's queries in all languages."
    return two_by_question(
        f"questions_{slug(place.benchmark)}_{slug(place.setting)}",
        f"{place.benchmark}, {place.setting}: every question",
        (judged.first.label, judged.second.label),
        tables,
        texts,
        [note],
    )


def _tables(questions: Questions, judged: Judged) -> tuple[QuestionTable, QuestionTable]:
    return _table(questions, judged.first, judged), _table(questions, judged.second, judged)


def _table(questions: Questions, arm: Arm, judged: Judged) -> QuestionTable:
    table = questions.table(arm, judged.place)
    if table is None:
        benchmark = judged.place.benchmark
        raise UserError(f"{arm.label} has no values per question on {benchmark}: run its evaluation again.")
    return table


if __name__ == "__main__":
    sys.exit(main())
