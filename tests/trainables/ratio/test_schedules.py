import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.errors import UserError
from trainables.parameters import Choice, Integer, Real
from trainables.ratio.controls import Replay, Reversed, Shuffled
from trainables.ratio.registry import FAMILIES, ratio_config
from trainables.ratio.schedules import (
    Competence,
    Constant,
    Cosine,
    Cyclic,
    Exponential,
    Linear,
    Sigmoid,
    Step,
)

CURVES = ["constant", "linear", "cosine", "exponential", "sigmoid", "step", "cyclic", "competence"]
steps = st.integers(1, 300)


@st.composite
def curves(draw):
    """Any curve of the search space, at any point, the ends of the ranges included."""
    family = draw(st.sampled_from(CURVES))
    values = {"family": family}
    for name, parameter in FAMILIES[family].parameters.items():
        match parameter:
            case Real(low, high):
                values[name] = draw(st.floats(low, high))
            case Integer(low, high):
                values[name] = draw(st.integers(low, high))
            case Choice(options):
                values[name] = draw(st.sampled_from(options))
    return ratio_config(values)


@given(curves(), st.floats(0, 1))
def test_ratios_stay_in_the_unit_interval(curve, progress):
    assert 0 <= curve.ratio(progress) <= 1


@given(curves(), steps)
def test_a_step_uses_the_ratio_at_its_share_of_all_steps(curve, total):
    trajectory = curve.trajectory(total)
    assert trajectory.dtype == np.float64
    assert trajectory.tolist() == [curve.ratio(t / total) for t in range(total)]


@given(curves(), steps)
def test_the_mean_is_the_mean_of_the_ratios_used(curve, total):
    exact = sum(Fraction(ratio) for ratio in curve.trajectory(total).tolist()) / total
    assert curve.mean_ratio(total) == pytest.approx(float(exact), rel=4e-16, abs=1e-300)


@given(curves(), steps, st.integers(0, 10))
def test_twins_have_exactly_the_same_values(curve, total, seed):
    values = curve.trajectory(total)
    backwards = Reversed(of=curve).trajectory(total)
    shuffled = Shuffled(of=curve, seed=seed).trajectory(total)
    assert backwards.tolist() == values.tolist()[::-1]
    assert sorted(shuffled.tolist()) == sorted(values.tolist())
    assert Reversed(of=curve).mean_ratio(total) == Shuffled(of=curve, seed=seed).mean_ratio(total)
    assert Reversed(of=curve).mean_ratio(total) == curve.mean_ratio(total)


def test_a_shuffle_is_an_order_of_its_seed_and_not_the_original_one():
    line = Linear(start=0, end=1)
    orders = [Shuffled(of=line, seed=seed).trajectory(50).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] not in (sorted(orders[0]), sorted(orders[0], reverse=True))


def test_a_shuffle_ignores_numpy_s_global_state():
    line = Shuffled(of=Linear(), seed=0)
    np.random.seed(1)
    first = line.trajectory(20)
    np.random.seed(2)
    assert np.array_equal(line.trajectory(20), first)


@pytest.mark.parametrize(
    ("curve", "progress", "ratio"),
    [
        (Constant(value=0.3), 0.9, 0.3),
        (Linear(start=0.8, end=0.2), 0.25, 0.65),
        (Cosine(start=1, end=0), 0.0, 1),
        (Cosine(start=1, end=0), 0.25, (1 + math.sqrt(0.5)) / 2),
        (Cosine(start=0.2, end=0.6), 0.5, 0.4),
        (Exponential(start=1, end=0.01), 0.5, 0.1),
        (Exponential(start=0.01, end=1), 0.25, 10**-1.5),
        (Sigmoid(start=0, end=1, midpoint=0.3, steepness=10), 0.3, 0.5),
        (Sigmoid(start=1, end=0, midpoint=0.5, steepness=4), 0.75, 1 - math.e / (1 + math.e)),
        (Step(start=0.9, end=0.1, switch=0.5), 0.4999, 0.9),
        (Step(start=0.9, end=0.1, switch=0.5), 0.5, 0.1),
        (Cyclic(start=1, end=0, cycles=2, shape="triangle"), 0.125, 0.5),
        (Cyclic(start=1, end=0, cycles=2, shape="triangle"), 0.75, 0),
        (Cyclic(start=0, end=0.8, cycles=1, shape="cosine"), 0.25, 0.4),
        (Competence(initial=0.2, power=1, end=0), 0.5, 1 - 0.6),
        (Competence(initial=0, power=2, end=0.2), 0.25, 1 - 0.8 * 0.5),
        (Competence(initial=0.1, power=2, end=0, duration=0.5), 0.7, 0),
        (Competence(initial=0.3, power=2, end=0.5), 0, 1 - 0.5 * 0.3),
    ],
)
def test_curves_follow_their_formula(curve, progress, ratio):
    assert curve.ratio(progress) == pytest.approx(ratio, abs=1e-12)


@pytest.mark.parametrize("start", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("end", [0.0, 0.9, 1.0])
def test_curves_from_start_to_end_never_leave_that_range(start, end):
    for curve in (Linear(start=start, end=end), Cosine(start=start, end=end), Sigmoid(start=start, end=end)):
        values = curve.trajectory(97)
        assert values.min() >= min(start, end)
        assert values.max() <= max(start, end)
        assert np.all(np.diff(values) * (end - start) >= 0)


@pytest.mark.parametrize(
    ("schedule", "progress"),
    [
        (Constant(value=1), 0),
        (Linear(start=0.4, end=0.4), 0),
        (Linear(start=1, end=0), 0.5),
        (Step(switch=0.3), 0.3),
        (Step(switch=0.7, start=0, end=1), 0.7),
        (Sigmoid(midpoint=0.6, steepness=100), 0.6),
        (Reversed(of=Step(switch=0.3)), 0.7),
        (Reversed(of=Constant(value=1)), 0),
        (Shuffled(of=Linear()), 0),
        (Replay(ratios=(0.1, 0.9)), 0),
    ],
)
def test_a_schedule_is_comparable_once_half_of_its_movement_is_done(schedule, progress):
    assert schedule.comparable_from() == pytest.approx(progress, abs=0.002)


@given(curves())
def test_comparable_from_is_a_progress(curve):
    assert 0 <= curve.comparable_from() <= 1


def test_a_replay_repeats_its_list_and_refuses_another_length():
    replay = Replay(ratios=(0.25, 1, 0))
    assert replay.trajectory(3).tolist() == [0.25, 1, 0]
    with pytest.raises(UserError, match=r"replay of 3 ratios cannot drive 4 steps"):
        replay.trajectory(4)
    assert Reversed(of=replay).trajectory(3).tolist() == [0, 1, 0.25]


@pytest.mark.parametrize(
    "build",
    [
        lambda: Linear(start=1.01),
        lambda: Linear(end=float("nan")),
        lambda: Exponential(end=0),
        lambda: Cyclic(cycles=0),
        lambda: Step(at=0.5),
        lambda: Replay(ratios=()),
        lambda: Replay(ratios=(0.5, 1.5)),
        lambda: Reversed(of=Reversed(of=Linear())),
    ],
)
def test_values_out_of_range_and_unknown_fields_are_refused(build):
    with pytest.raises(ValueError):
        build()
