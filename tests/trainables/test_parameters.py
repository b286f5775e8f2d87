import pytest

from trainables.parameters import Choice, Integer, Real


@pytest.mark.parametrize("kind", [Real, Integer])
@pytest.mark.parametrize(("low", "high", "log"), [(1, 1, False), (2, 1, False), (0, 1, True), (-1, 1, True)])
def test_empty_ranges_and_logs_of_zero_are_refused(kind, low, high, log):
    with pytest.raises(ValueError, match="range"):
        kind(low, high, log)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_ranges_are_finite(bad):
    with pytest.raises(ValueError, match="finite"):
        Real(0, bad)


@pytest.mark.parametrize("options", [(), ("a", "a")])
def test_a_choice_needs_distinct_options(options):
    with pytest.raises(ValueError, match="distinct"):
        Choice(options)
