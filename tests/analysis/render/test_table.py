"""How values are written, and what a table holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.render.table import MINUS, MISSING, Cell, Column, format_interval, format_value, make_table


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.7977, "score", ".798"),
        (1.0, "score", "1.000"),
        (0.99996, "score", "1.000"),
        (0.0, "score", ".000"),
        (0.0056, "difference", "+.0056"),
        (-0.0056, "difference", f"{MINUS}.0056"),
        (-1.25, "difference", f"{MINUS}1.2500"),
        (0.0118, "size", ".0118"),
        (-18.34, "ranks", f"{MINUS}18.3"),
        (67.0, "rank", "67.0"),
        (-0.0001, "score", ".000"),
        (-0.00001, "difference", ".0000"),
        (13014, "count", "13,014"),
        (0.0004, "p", "<.001"),
        (0.0312, "p", ".031"),
        (0.4, "share", "40.0 %"),
        (410.2, "number", "410.2"),
        (None, "score", MISSING),
        (float("nan"), "score", MISSING),
        (True, "text", "yes"),
        ("a-b", "text", "a-b"),
    ],
)
def test_values_are_written_as_papers_write_them(value, kind, text):
    assert format_value(value, kind) == text


@given(st.floats(min_value=-1, max_value=1), st.sampled_from(["score", "difference"]))
def test_a_written_number_reads_back_as_itself_rounded(value, kind):
    digits = {"score": 3, "difference": 4}[kind]
    text = format_value(value, kind)
    assert "-" not in text
    assert float(text.replace(MINUS, "-")) == pytest.approx(value, abs=0.5 * 10**-digits + 1e-12)


def test_value_and_interval_are_rounded_alike():
    cell = Cell(0.79774, 0.79149, 0.80451)
    assert format_interval(cell, "score") == "[.791, .805]"
    assert format_interval(Cell(0.5), "score") == ""


def test_a_row_with_a_missing_cell_is_refused():
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        make_table("t", "T", [Column("a", "A"), Column("b", "B")], [[1]])


def test_records_hold_full_precision_and_intervals_only_where_there_are_some():
    table = make_table(
        "t",
        "T",
        [Column("arm", "Arm"), Column("map", "mAP", "score")],
        [["x", Cell(1 / 3, 0.3, 0.4, "best")], ["y", 0.1]],
    )
    first, second = table.records()
    assert first == {"arm": "x", "map": 1 / 3, "map_low": 0.3, "map_high": 0.4, "map_mark": "best"}
    assert second == {"arm": "y", "map": 0.1, "map_low": None, "map_high": None, "map_mark": ""}
    assert list(first) == table.record_keys()
