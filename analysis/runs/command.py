"""`python -m analysis.compare --qrels FILE RUN_A RUN_B ...`: the rankings of anybody's systems."""

import argparse
from pathlib import Path

from analysis.runs.evaluator import Evaluator, ranking_measures
from analysis.runs.judgements import in_pool, read_judgements, translations
from analysis.runs.systems import find_systems, one_name
from trainables.errors import UserError
from trainables.evaluation.tie_rule import TIE_RULES
from trainables.storage import Folder

DEFAULT_MEASURE = "ndcg@10"

_OF_STUDIES = {"--language": "language"}
_OF_RUNS = {
    "--measure": "measure",
    "--against": "against",
    "--ties": "tie_rule",
    "--pool": "pool",
    "--parallel-ids": "parallel_ids",
    "--part": "part",
    "--ignore-identical-ids": "ignore_identical_ids",
}
"""Options that go with one use of the command only, and where they are kept."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of runs to those of `analysis.compare`."""
    group = parser.add_argument_group(
        "runs",
        "Rankings of any systems instead of arms: a TREC run or predictions of mteb each, [NAME=]FILE, or several for "
        "the seeds of one system, NAME=FILE,FILE or [NAME=]FOLDER (docs/comparing_runs.md).",
    )
    group.add_argument("--qrels", type=Path, metavar="FILE", help="judgements as TREC, BEIR or mteb write them")
    group.add_argument(
        "--measure", action="append", metavar="NAME", help=f"may be repeated (default: {DEFAULT_MEASURE})"
    )
    group.add_argument("--against", metavar="NAME", help="compare the others with this system (default: all pairs)")
    group.add_argument(
        "--pool", choices=("own", "all"), help="of runs that a study kept: queries in one language's pool, or in all"
    )
    group.add_argument(
        "--ties",
        dest="tie_rule",
        choices=TIE_RULES,
        help=f"order of documents with one score (default: {TIE_RULES[0]})",
    )
    group.add_argument(
        "--parallel-ids", type=Path, metavar="FILE", help="query id, tab, question id: translations are one question"
    )
    group.add_argument("--part", metavar="SUBSET/SPLIT", help="of predictions of mteb that hold several")
    group.add_argument(
        "--ignore-identical-ids", action="store_true", help="leave out documents with the id of their query"
    )


def check_options(options: argparse.Namespace) -> None:
    """Raises UserError for options of runs without judgements, or those of studies with them."""
    given, there = (_OF_STUDIES, "of studies") if options.qrels else (_OF_RUNS, "of runs, which need --qrels FILE")
    for flag, name in given.items():
        if getattr(options, name):
            raise UserError(f"{flag} is an option {there}: leave it out.")


def compare_runs(options: argparse.Namespace) -> int:
    """Reads, measures and compares the systems; prints and writes the tables. Raises UserError."""
    from rich.console import Console

    # scipy takes a good part of a second to import.
    from analysis.render.terminal import print_table
    from analysis.runs.comparisons import SystemComparisons
    from analysis.runs.measured import measure_systems
    from analysis.runs.tables import all_comparisons, by_question, changed_most, headlines, shown_comparisons, systems

    measures = ranking_measures(options.measure or [DEFAULT_MEASURE])
    ties = options.tie_rule or TIE_RULES[0]
    named = find_systems(options.names)
    judgements = read_judgements(options.qrels)
    judgements = in_pool(judgements, options.pool)
    questions = translations(judgements.queries, options.parallel_ids)
    measured, problems = measure_systems(
        named,
        judgements,
        Evaluator(judgements, measures, ties),
        options.part,
        ignore_identical_ids=options.ignore_identical_ids,
    )
    found = SystemComparisons(measured, questions, measures, options.margin, options.against)
    console = Console(markup=False, emoji=False)
    for problem in problems:
        console.print(f"! {problem}", markup=False, highlight=False, style="yellow", soft_wrap=True)
    for line in (said := headlines(found)):
        console.print(line, markup=False, highlight=False, style="bold")
    shown = [systems(found), *shown_comparisons(found, one_name(judgements.name), ties)]
    every_question = by_question(found)
    for table in (*shown, *changed_most(every_question, options.top)):
        console.print()
        print_table(table, console)
    if options.output:
        from analysis.render.files import write_tables, write_text
        from analysis.render.markdown import escape, markdown

        folder = Folder(options.output)
        lines = [f"> {escape(problem)}\n" for problem in problems] + [f"**{escape(line)}**\n" for line in said]
        write_text(folder, "comparison.md", "\n".join([*lines, *map(markdown, shown)]))
        write_tables([shown[0], all_comparisons(found), *every_question], folder, ("csv", "json"))
        console.print(
            f"\nWritten to {options.output}: comparison.md, *.csv, *.json",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return 0
