import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.batches.kinds import BernoulliKinds, ExactKinds, batch_kinds

ratios = st.lists(
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.1, 1 / 3, 5e-324, 1 - 2**-53])), min_size=1, max_size=120
)


def _run(kinds, values):
    return [kinds.draw(step, ratio) for step, ratio in enumerate(values)]


@given(ratios, st.integers(0, 1000), st.data())
def test_any_run_of_batches_holds_the_sum_of_the_ratios_rounded_down_or_up(values, seed, data):
    mono = [kind == "mono" for kind in _run(ExactKinds(seed), values)]
    first = data.draw(st.integers(0, len(values)))
    last = data.draw(st.integers(first, len(values)))
    wanted = sum(Fraction(ratio) for ratio in values[first:last])
    slack = Fraction(last - first, 2**53)
    assert math.floor(wanted - slack) <= sum(mono[first:last]) <= math.ceil(wanted + slack)


@given(st.integers(0, 200), st.integers(1, 200))
def test_ratio_0_is_never_and_ratio_1_is_always_monolingual(seed, steps):
    for draw in ("exact", "bernoulli"):
        assert _run(batch_kinds(draw, seed), [0.0] * steps) == ["cross"] * steps
        assert _run(batch_kinds(draw, seed), [1.0] * steps) == ["mono"] * steps


def test_ratios_near_0_and_1_in_between_do_not_disturb_the_limits():
    values = [0.3, 0.0, 0.9999, 1.0, 1e-9] * 50
    for kind, ratio in zip(_run(ExactKinds(3), values), values, strict=True):
        assert (ratio, kind) not in [(0.0, "mono"), (1.0, "cross")]


def test_exact_kinds_do_not_drift():
    steps, ratio = 200_000, 0.1
    kinds = ExactKinds(1)
    offset = Fraction(kinds.state()["carry"], 2**53)
    count = _run(kinds, [ratio] * steps).count("mono")
    assert abs(Fraction(ratio) - Fraction(round(math.ldexp(ratio, 53)), 2**53)) <= Fraction(1, 2**54)
    assert count == math.floor(offset + steps * Fraction(ratio))


@given(ratios, st.integers(0, 50), st.data(), st.sampled_from(["exact", "bernoulli"]))
def test_going_on_from_a_state_equals_never_stopping(values, seed, data, draw):
    cut = data.draw(st.integers(0, len(values)))
    whole = _run(batch_kinds(draw, seed), values)
    first = batch_kinds(draw, seed)
    head = [first.draw(step, values[step]) for step in range(cut)]
    second = batch_kinds(draw, seed + 1 if draw == "exact" else seed)
    second.restore(json.loads(json.dumps(first.state())))
    assert head + [second.draw(step, values[step]) for step in range(cut, len(values))] == whole


def test_seeds_differ_in_where_they_begin():
    assert len({tuple(_run(ExactKinds(seed), [0.1] * 10)) for seed in range(30)}) > 4


def test_bernoulli_draws_use_the_same_numbers_in_every_arm():
    low = _run(BernoulliKinds(4), [0.3] * 2000)
    high = _run(BernoulliKinds(4), [0.6] * 2000)
    assert all(h == "mono" for low_kind, h in zip(low, high, strict=True) if low_kind == "mono")
    assert low.count("mono") == pytest.approx(600, abs=5 * math.sqrt(2000 * 0.21))
    lag = np.corrcoef(np.array(low[1:]) == "mono", np.array(low[:-1]) == "mono")[0, 1]
    assert abs(lag) < 5 / math.sqrt(2000)


def test_steps_out_of_order_and_ratios_out_of_range_are_refused():
    kinds = ExactKinds(0)
    with pytest.raises(ValueError, match="step 0 is next"):
        kinds.draw(1, 0.5)
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="ratio"):
            kinds.draw(0, bad)
