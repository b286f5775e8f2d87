"""Text from files steers nothing."""

from hypothesis import given
from hypothesis import strategies as st

from analysis.render.data import comma_separated
from analysis.render.table import Column, make_table
from trainables.inert import inert, inert_values


def test_escape_sequences_and_overrides_of_direction_become_visible() -> None:
    assert inert("a\x1b]0;owned\x07b\u202egnp.exe") == r"a\x1b]0;owned\x07b\u202egnp.exe"


def test_ordinary_text_of_any_script_stays_as_it_is() -> None:
    for text in ("α → β", "ภาษาไทย", "العربية", "日本語\n\ttabbed", "a\u200dz"):
        assert inert(text) == text


@given(st.text())
def test_nothing_that_steers_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    shown = inert(text)
    assert inert(shown) == shown
    assert not any(ord(c) < 32 and c not in "\t\n" for c in shown)
    assert not set(shown) & set("\x7f\x9b\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def test_names_and_values_are_inert_however_deep() -> None:
    assert inert_values({"a\x1b": [{"b": "\x07"}, 1, None]}) == {r"a\x1b": [{"b": r"\x07"}, 1, None]}


def test_a_text_that_spreadsheets_carry_out_is_quoted_and_numbers_are_not() -> None:
    rows: list[list[object]] = [["=cmd|'/C calc'!A0", -1.5], ["@sum", 2.0], ["plain", -3.0], ["-x", None]]
    lines = comma_separated(make_table("t", "t", [Column("n", "N"), Column("v", "V", "number")], rows)).splitlines()
    assert lines == ["n,v", "'=cmd|'/C calc'!A0,-1.5", "'@sum,2.0", "plain,-3.0", "'-x,"]
