"""Command line: `python -m analysis.compare [STUDY ...] ARM_A ARM_B` compares two arms down to single questions."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts
from analysis.facts.questions import Questions
from analysis.facts.texts import question_texts
from analysis.findings.comparisons import Comparisons, Judged, judge_pair
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import interval_cell, slug
from analysis.sections.comparisons import detectable_cell, difference_cell, notes, p_cell
from analysis.statistics.questions import QuestionTable
from analysis.wording import count, paired_with
from study.records import newest_study
from trainables.command import run_command
from trainables.errors import UserError
from trainables.plugins import load_plugins
from trainables.storage import Folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the comparison; returns the exit status (2 for a user's mistake)."""
    # Intermixed: an option may stand among the names.
    options = _parser().parse_intermixed_args(arguments)
    return run_command("analysis.compare", lambda: _run(options), "mend that, or name another folder.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis.compare",
        usage="%(prog)s [options] [STUDY ...] ARM_A ARM_B",
        description="Compares two arms of one or several studies: by benchmark and setting, by language, by question.",
        epilog='example: python -m analysis.compare studies/quick "best dynamic" "best static"',
    )
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="study folders (default: the newest in ./studies), and last the two arms, named as in the report",
    )
    parser.add_argument(
        "--margin", type=float, default=0.005, help="difference that counts as none (default: %(default)s)"
    )
    parser.add_argument(
        "--top", type=int, default=10, help="questions to show in each direction (default: %(default)s)"
    )
    parser.add_argument(
        "--language",
        default="en",
        help="language of the questions' texts, where the study kept them and they have it (default: %(default)s)",
    )
    parser.add_argument(
        "--plugin", action="append", default=[], metavar="MODULE", help="a module to import first; may be repeated"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="also write the tables, with every question, as CSV")
    return parser


def _run(options: argparse.Namespace) -> int:
    if not 0 < options.margin < 1:
        raise UserError(f"--margin is {options.margin}, but it must lie between 0 and 1: 0.005 is half a point of mAP.")
    if options.top < 1:
        raise UserError(f"--top is {options.top}, but it must be at least 1.")
    if len(options.names) < 2:
        raise UserError(f"{options.names[0]!r} alone cannot be compared: name two arms, after the studies if any.")
    load_plugins(options.plugin)
    from rich.console import Console

    from analysis.render.terminal import print_table

    *locations, one, other = options.names
    facts = Facts.of(locations or [newest_study()])
    questions = Questions(facts)
    first, second = facts.find(one), facts.find(other)
    if first.identity == second.identity:
        same = "name the same arm" if first is second else "are the same training under two names"
        raise UserError(f"{one!r} and {other!r} {same}, so that there is nothing to compare: name another arm.")
    judged = judge_pair(facts, questions, first, second, options.margin)
    if not judged:
        reasons = " ".join([*questions.problems, *facts.problems]) or "they have no values per question."
        raise UserError(f"{first.label} and {second.label} cannot be compared: {reasons}")
    tables = [overview(judged, options.margin)]
    every_question = []
    for found in (j for j in judged if j.is_quality):
        tables.append(by_language(facts, questions, found))
        texts: dict[str, str] = {}
        for study in facts.studies:
            texts = question_texts(study, found.place.benchmark, options.language) | texts
        every_question.append(by_question(questions, found, texts))
        tables.append(_extremes(every_question[-1], options.top))
    console = Console()
    for line in [*questions.problems, *facts.problems]:
        console.print(f"! {line}", markup=False, highlight=False, style="yellow", soft_wrap=True)
    for table in tables:
        print_table(table, console)
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


def overview(judged: Sequence[Judged], margin: float) -> Table:
    """The two arms on every benchmark and setting."""
    columns = [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("metric", "Metric"),
        Column("difference", "Difference", "difference"),
        Column("p", "p (Holm)", "p"),
        Column("verdict", "Verdict"),
        Column("detectable", "Detectable", "size"),
    ]
    rows = []
    for j in judged:
        where = [j.place.benchmark, j.place.setting, j.place.measure.label]
        rows.append([*where, difference_cell(j), p_cell(j), j.verdict, detectable_cell(j)])
    title = f"{judged[0].first.label} minus {judged[0].second.label}"
    return make_table("overview", title, columns, rows, _notes(judged, margin))


def _notes(judged: Sequence[Judged], margin: float) -> list[str]:
    """How the two arms were paired and judged."""
    compared = Comparisons(margin, tuple(judged), None)
    found = [_pairing(judged), *notes(compared, _families(judged))]
    if compared.tested:
        found.append(
            "The two arms were judged as if they were what the study asks about; p is corrected for the rows above "
            "only, and can differ from that of the report, which corrects for more or fewer comparisons."
        )
    return found


def _pairing(judged: Sequence[Judged]) -> str:
    """What was paired; the benchmarks differ in their questions, and a sequential decision may rest on fewer seeds."""
    places: dict[tuple[str, str], list[Judged]] = {}
    for j in judged:
        places.setdefault((j.place.benchmark, paired_with(j.comparison)), []).append(j)
    parts = []
    for (benchmark, paired), held in places.items():
        everywhere = len(held) == sum(j.place.benchmark == benchmark for j in judged)
        settings = ", ".join(j.place.setting if j.is_quality else j.place.measure.label for j in held)
        parts.append(f"{benchmark}: {paired}" if everywhere else f"{benchmark} ({settings}): {paired}")
    return f"Paired: {'; '.join(parts)}."


def _families(judged: Sequence[Judged]) -> str:
    """The rows that were corrected together, in words."""
    fixed = [j for j in judged if j.comparison.sequential is None]
    counts = {
        "quality" if j.is_quality else j.place.measure.label: sum(k.is_quality == j.is_quality for k in fixed)
        for j in fixed
    }
    families = [f"the {count(number, 'row')} of {what}" for what, number in counts.items()]
    return " and within ".join(families) or "no family: there is no such row"


def by_language(facts: Facts, questions: Questions, judged: Judged) -> Table:
    """The difference for the queries of each language; Holm's correction over the languages."""
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
        Column("p", "p (Holm)", "p"),
        Column("verdict", "Verdict"),
    ]
    rows = []
    for name, found in zip(shown, compare(contrasts), strict=True):
        said = found.verdict if found.interval is not None else "single run"
        rows.append([name, interval_cell(found.difference, found.interval), found.p_holm, said])
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
    one, other = _tables(questions, judged)
    seeds = tuple(sorted(set(one.seeds) & set(other.seeds)))
    means = [table.of_seeds(seeds).own_means for table in (one, other)]
    columns = [
        Column("question", "Question"),
        Column("first", judged.first.label, "score"),
        Column("second", judged.second.label, "score"),
        Column("difference", "Difference", "difference"),
        *([Column("text", "Text", prose=True)] if texts else []),
    ]
    difference = means[0] - means[1]
    order = np.lexsort((np.array(one.questions), difference))
    rows = [
        [
            one.questions[i],
            *(float(value[i]) for value in (*means, difference)),
            *([texts.get(one.questions[i])] if texts else []),
        ]
        for i in order
    ]
    place = judged.place
    title = f"{place.benchmark}, {place.setting}: every question"
    label = place.measure.label
    note = f"Mean {label} over {len(seeds)} seeds and the question's queries in all languages."
    return make_table(f"questions_{slug(place.benchmark)}_{slug(place.setting)}", title, columns, rows, [note])


def _extremes(table: Table, top: int) -> Table:
    rows = table.rows if len(table.rows) <= 2 * top else (*table.rows[:top], *table.rows[-top:])
    title = table.title.replace("every question", "the questions that changed most")
    return replace(table, title=title, rows=rows)


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
