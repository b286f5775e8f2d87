"""Command line: `python -m analysis.report [STUDY ...]` reports what one or several studies found."""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from study.study_folder import newest_study
from trainables.command import Parser, run_command
from trainables.errors import UserError
from trainables.inert import inert_line
from trainables.plugins import load_plugins
from trainables.storage import Folder

PORT = 8000

EPILOG = """examples:
  python -m analysis.report                        the newest study in ./studies
  python -m analysis.report studies/a studies/b    two studies in one report
  python -m analysis.report --serve STUDY          the page on this machine, kept fresh while the study runs
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the report and writes its files; returns the exit status (2 for a user's mistake)."""
    parser = _parser()
    return run_command(
        "analysis.report", lambda: _run(parser.parse_args(arguments)), "mend that, or name another folder."
    )


def _parser() -> Parser:
    parser = Parser(
        prog="python -m analysis.report",
        description="Reports what studies found: the answer in the terminal, tables, figures and a page as files.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="study folders (default: the newest in ./studies)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where the files go (default: STUDY/report)")
    parser.add_argument(
        "--margin", type=float, default=0.005, help="difference that counts as none (default: %(default)s)"
    )
    parser.add_argument(
        "--watts",
        metavar="W",
        help="average power of one worker (a GPU, or the cores of a CPU worker): the cost table estimates the energy",
    )
    parser.add_argument(
        "--format",
        default="all",
        metavar="LIST",
        help="comma-separated: markdown, csv, latex, json, parquet, figures, html (default: all of them)",
    )
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module that brings sections of its own; may be repeated (docs/adding_a_section.md)",
    )
    parser.add_argument("--list", action="store_true", help="list the sections of a report, those of plugins included")
    parser.add_argument(
        "--serve",
        nargs="?",
        const=str(PORT),
        metavar="PORT",
        help=f"show the page on http://127.0.0.1:PORT (default: {PORT}) and keep it fresh",
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    if not 0 < options.margin < 1:
        raise UserError(f"--margin is {options.margin}, but it must lie between 0 and 1: 0.005 is half a point of mAP.")
    watts = None if options.watts is None else _power(options.watts)
    load_plugins(options.plugin)
    if options.list:
        from analysis.sections.registry import SECTIONS

        width = max(map(len, SECTIONS))
        print(*(f"{section.key:<{width}} {section.lead}" for section in SECTIONS.values()), sep="\n")
        return 0
    served, port = _served(options.serve)
    locations = [*served, *options.studies] or [newest_study()]
    if port is not None:
        from analysis.render.serve import serve

        return serve(locations, options.margin, port, watts)
    from rich.console import Console

    from analysis.contents import build_report
    from analysis.render.files import parse_formats, write_report
    from analysis.render.terminal import print_report

    formats = parse_formats(options.format)
    output = _default_output(locations) if options.output is None else Folder(options.output)
    report = build_report(locations, options.margin, watts)
    console = Console(markup=False, emoji=False)
    print_report(report, console)
    written = write_report(report, output, formats)
    console.print()
    said = inert_line(f"Written to {output.location}: {', '.join(written)}")
    console.print(said, markup=False, highlight=False, soft_wrap=True)
    if "html" in formats and output.is_local:
        page = (output.local_path / "report.html").absolute().as_uri()
        console.print(f"The page: {page}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _served(given: str | None) -> tuple[list[str], int | None]:
    """The studies and the port in what follows --serve: it takes the study for its own that stands behind it."""
    if given is None:
        return [], None
    if re.fullmatch(r"-?\d+", given):
        return [], int(given)
    return [given], PORT


def _power(text: str) -> float:
    try:
        watts = float(text)
    except ValueError:
        watts = math.nan
    if not 0 < watts < math.inf:
        raise UserError(f"--watts is {text}, but it must be a positive number: 250 is a worker that draws 250 W.")
    return watts


def _default_output(locations: Sequence[str]) -> Folder:
    return Folder(locations[0]) / "report"


if __name__ == "__main__":
    sys.exit(main())
