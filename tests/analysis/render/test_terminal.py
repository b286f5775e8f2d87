"""What the terminal shows at 80 columns and more: nothing cut, nothing broken that belongs together."""

import io
import re
from typing import Any

import pytest
from rich.console import Console

from analysis.contents import Report, build_report
from analysis.render.table import (
    HALF_WIDTH_NOTE,
    Cell,
    Column,
    Table,
    format_cell,
    format_half_width,
    format_interval,
    make_table,
)
from analysis.render.terminal import print_report, print_table


def shown(what: Report | Table, width: int) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None)
    if isinstance(what, Report):
        print_report(what, console)
    else:
        print_table(what, console)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.fixture(scope="module")
def report(finished_study) -> Report:
    return build_report([str(finished_study)])


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_no_row_takes_two_lines(report, width):
    lines = shown(report, width)
    assert all(len(line) <= width for line in lines)
    for arm in report.findings.facts.arms:
        # One line in the results of each of the two benchmarks.
        assert sum(bool(re.match(re.escape(arm.label) + r"  +[.\d]", line)) for line in lines) == 2
    verdicts = {judged.comparison.verdict for judged in report.findings.comparisons.main}
    for setting in ("monolingual", "cross-lingual", "multilingual"):
        rows = [line for line in lines if re.search(rf"{setting}  +[+−]?\.\d", line)]
        assert len(rows) == 2
        assert all(any(verdict in row for verdict in verdicts) for row in rows)


def test_intervals_are_short_where_space_is_short_and_whole_where_not(report):
    narrow, wide = shown(report, 80), shown(report, 120)
    pattern = r"\[[+−]?\.\d+, [+−]?\.\d+\]"
    row = next(line for line in wide if line.startswith("best dynamic reversed"))
    assert len(re.findall(pattern, row)) == 3
    place = next(i for i, line in enumerate(narrow) if line.startswith("best dynamic reversed"))
    # Whatever is lopsided stands on the line below.
    assert sum(len(re.findall(pattern, line)) + line.count("±") for line in narrow[place : place + 2]) >= 3
    assert "±" in " ".join(narrow)


def table(*cells: Cell, prose: str = "") -> Table:
    columns = [Column("arm", "Arm"), *(Column(f"c{i}", f"Column {i}", "score") for i in range(len(cells)))]
    row: list[Any] = ["an arm with a long name", *cells]
    if prose:
        columns.append(Column("text", "Text", prose=True))
        row.append(prose)
    return make_table("t", "Title", columns, [row])


def test_a_lopsided_interval_is_never_written_as_one_number():
    even, lopsided = Cell(0.5, 0.4, 0.61), Cell(0.5, 0.45, 0.7)
    lines = shown(table(even, lopsided, even), 60)
    assert any("±.110" in line for line in lines)
    assert any("[.450, .700]" in line for line in lines)
    assert not any("±.200" in line or "±.050" in line for line in lines)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Cell(0.5, 0.4, 0.61), "±.110"),
        (Cell(0.5, 0.39, 0.6), "±.110"),
        (Cell(0.5, 0.4, 0.5 + 0.1 / 0.74), ""),
        (Cell(0.5, 0.5, 0.5), "±.000"),
        (Cell(0.5), ""),
        (Cell(-0.02, -0.03, -0.01, kind="difference"), "±.0100"),
        (Cell(30.0, 10.0, 50.0, kind="ranks"), "±20.0"),
        # 26.6 ±26.9 would hold a zero that the interval leaves out.
        (Cell(26.6, 1.0, 53.5, kind="ranks"), ""),
        (Cell(-26.6, -53.5, -1.0, kind="ranks"), ""),
        (Cell(26.6, -0.3, 53.5, kind="ranks"), "±26.9"),
        # So would what rounds to +.0310 ±.0310.
        (Cell(0.03100205, 0.03100205 - 0.023699, 0.03100205 + 0.030957, kind="difference"), ""),
    ],
)
def test_the_half_width_is_the_longer_side(cell, expected):
    assert format_half_width(cell, "score") == expected


@pytest.mark.parametrize("width", [60, 80, 120])
def test_prose_wraps_between_words_and_everything_else_stays_whole(width):
    prose = "Which part of the world is the territory of Guatemala in, and which one is that of Malta?"
    lines = shown(table(Cell(0.25), prose=prose), width)
    assert any(line.startswith("an arm with a long name") and ".250" in line for line in lines)
    assert "".join(prose.split()) in "".join("".join(lines).split()).replace("anarmwithalongname.250", "")
    assert all(word in " ".join(lines) for word in prose.split())


@pytest.mark.parametrize("width", [20, 40])
def test_a_terminal_that_is_too_narrow_still_shows_every_number(width):
    lines = shown(table(Cell(0.5, 0.4, 0.6)), width)
    assert any(".500" in line for line in lines)


def test_a_column_that_says_the_same_everywhere_moves_to_the_title():
    columns = [Column("benchmark", "Benchmark"), Column("seeds", "Seeds", "count"), Column("value", "mAP", "score")]
    same = make_table("t", "Title", columns, [["atlas", 5, 0.1], ["atlas", 5, 0.2]])
    lines = shown(same, 80)
    assert lines[0] == "Title, 5 seeds, atlas"
    assert not any("Seeds" in line for line in lines)
    other = make_table("t", "Title", columns, [["atlas", 5, 0.1], ["other", 4, 0.2]])
    assert shown(other, 80)[:2] == ["Title", "Benchmark  Seeds   mAP"]


@pytest.mark.parametrize("width", [80, 140])
def test_what_is_said_of_a_name_takes_no_width_from_the_numbers(width):
    columns = [Column("arm", "Arm"), *(Column(f"c{i}", "Cross-lingual", "score") for i in range(5))]
    rows = [[Cell("best", remark="chosen " * 3), *[Cell(0.5, 0.4, 0.61)] * 5]]
    lines = shown(make_table("t", "Title", columns, rows), width)
    assert all(len(line) <= width for line in lines)
    (place,) = [place for place, line in enumerate(lines) if line.startswith("best")]
    assert lines[place].count(".500") == 5
    assert lines[place + 1].startswith("chosen chosen chosen")
    assert sum("±.110" in line or "[.400, .610]" in line for line in lines) == 1


def test_the_remark_of_a_cell_is_shown():
    assert any(line.endswith("– sequential") for line in shown(table(Cell(None, remark="sequential")), 80))


def judged(benchmarks: int) -> Table:
    """As many comparisons as a study of images has, and names as long."""
    keys = {"benchmark": "Benchmark", "setting": "Setting", "at": "At", "verdict": "Verdict"}
    numbers = {"difference": "Difference", "p": "p", "detectable": "Detectable"}
    columns = [Column(key, label) for key, label in keys.items()]
    columns += [Column(key, label, "size") for key, label in numbers.items()]
    names = ["pictograms-text-to-image", "pictograms-image-to-text", "pictograms"][:benchmarks]
    return make_table(
        "t",
        "Title",
        columns,
        [
            [
                name,
                "cross-lingual",
                f"mini-image-{size}",
                "not separable",
                Cell(0.0401 + i, 0.0302 + i, 0.0503 + i),
                Cell(0.0021 + i),
                Cell(0.0604 + i, 0.0505 + i, 0.1006 + i),
            ]
            for i, (name, size) in enumerate((name, size) for name in names for size in ("xs", "s"))
        ],
    )


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("benchmarks", [1, 3])
def test_a_table_that_is_too_wide_is_printed_in_parts_and_keeps_every_number(width, benchmarks):
    whole = judged(benchmarks)
    lines = shown(whole, width)
    assert all(len(line) <= width for line in lines)
    text = " ".join(lines)
    for row in whole.rows:
        for cell, column in zip(row, whole.columns, strict=True):
            if column.is_number:
                assert format_cell(cell, column.kind) in text
        assert format_interval(row[-1], "size") in text
        # A name in a title may wrap, one in a cell would be broken inside.
        assert str(row[0].value) in text
        assert str(row[2].value) in text
    assert "Detectable" in text


@pytest.mark.parametrize(("width", "has_note"), [(40, True), (200, False)])
def test_a_note_says_what_a_half_width_is_where_there_is_one(width, has_note):
    lines = shown(table(Cell(0.5, 0.4, 0.61), Cell(0.5, 0.4, 0.61)), width)
    assert any("±.110" in line for line in lines) == has_note
    assert (HALF_WIDTH_NOTE in " ".join(" ".join(lines).split())) == has_note
