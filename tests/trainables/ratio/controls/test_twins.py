"""What holds for the twins of every curve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainables.ratio.examples import curves, examples
from trainables.ratio.config import ratio_config
from trainables.ratio.controls.reversed import Reversed
from trainables.ratio.controls.shuffled import Shuffled
from trainables.ratio.registry import FAMILIES
from trainables.ratio.schedules.linear import Linear

steps = st.integers(1, 300)


@given(curves(), steps, st.integers(0, 10))
def test_twins_have_exactly_the_same_values(curve, total, seed):
    values = curve.trajectory(total)
    backwards = Reversed(of=curve).trajectory(total)
    shuffled = Shuffled(of=curve, seed=seed).trajectory(total)
    assert backwards.tolist() == values.tolist()[::-1]
    assert sorted(shuffled.tolist()) == sorted(values.tolist())
    assert Reversed(of=curve).mean_ratio(total) == Shuffled(of=curve, seed=seed).mean_ratio(total)
    assert Reversed(of=curve).mean_ratio(total) == curve.mean_ratio(total)


@pytest.mark.parametrize("twin", [Reversed, Shuffled])
def test_a_twin_is_made_from_an_open_loop_schedule_that_is_no_twin(twin):
    for original in (Reversed(of=Linear()), Shuffled(of=Linear()), *map(ratio_config, closed_loop())):
        with pytest.raises(ValueError, match="a twin is made from an open-loop schedule"):
            twin(of=original)


def closed_loop():
    return [values for name, family in FAMILIES.items() if family.closed_loop for values in examples(name)]
