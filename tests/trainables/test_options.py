"""Options are declared once; a patch of dotted keys lies over nested values, and text becomes what it stands for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.config import trial_options
from trainables.options import flat, patched

NAMES = st.text("abc", min_size=1, max_size=3)
NESTED = st.recursive(
    st.dictionaries(NAMES, st.integers(), max_size=3),
    lambda inner: st.dictionaries(NAMES, inner | st.integers(), min_size=1, max_size=3),
    max_leaves=8,
)


@given(NESTED)
def test_flat_values_laid_over_nothing_give_the_nested_ones_back(values: dict[str, Any]) -> None:
    assert patched({}, flat(values)) == values


@given(NESTED, NESTED)
def test_a_patch_wins_and_changes_nothing_it_is_laid_over(values: dict[str, Any], patch: dict[str, Any]) -> None:
    before = repr(values)
    result = flat(patched({"in": values}, flat({"in": patch})))
    assert repr(values) == before
    for key, value in flat({"in": patch}).items():
        if value != {}:
            assert result[key] == value


def test_every_option_of_a_trial_has_a_description_and_no_two_share_a_flag() -> None:
    options = trial_options()
    assert {"encoder", "encoder.layers", "encoder.source", "ratio", "ratio.start", "optimiser.betas"} <= options.keys()
    assert not {"encoder.kind", "encoder.name", "ratio.family"} & options.keys()
    for key, one in options.items():
        assert key.startswith("ratio.") or one.field.description, f"{key} is not described"
    flags = [one.option.flag for one in options.values() if one.option.flag]
    assert len(set(flags)) == len(flags)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("steps", "30", "30"),
        ("optimiser.betas", "0.9, 0.98", ["0.9", "0.98"]),
        ("batches.language_temperature", "none", None),
        ("batches.set_weights", "{a: 1, b: 2}", {"a": 1, "b": 2}),
        ("encoder", "some, folder", "some, folder"),
    ],
)
def test_text_becomes_what_it_stands_for(key: str, text: str, value: Any) -> None:
    assert trial_options()[key].from_text(text) == value
