"""What holds for every registered family."""

import pytest
from pydantic import TypeAdapter

from tests.trainables.ratio.examples import LINE, examples
from trainables.parameters import Choice, Integer, Real
from trainables.ratio.config import RatioConfig, ratio_config
from trainables.ratio.family import Schedule
from trainables.ratio.policy import ratio_policy
from trainables.ratio.registry import FAMILIES

CONFIGS = [values for name in FAMILIES for values in examples(name)]
everywhere = pytest.mark.parametrize("values", CONFIGS, ids=lambda values: values["family"])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_describes_itself_in_a_line_and_searches_its_own_fields(name):
    family = FAMILIES[name]
    assert family.model_fields["family"].default == name
    assert family.description
    assert "\n" not in family.description
    assert set(family.parameters()) <= set(family.model_fields)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_point_at_the_edge_of_a_search_space_is_a_valid_config(name):
    edges = {Real: lambda p: (p.low, p.high), Integer: lambda p: (p.low, p.high), Choice: lambda p: p.options}
    for field, parameter in FAMILIES[name].parameters().items():
        for value in edges[type(parameter)](parameter):
            assert getattr(ratio_config({**examples(name)[0], field: value}), field) == value


@everywhere
def test_a_config_survives_json_and_is_frozen(values):
    adapter = TypeAdapter(RatioConfig)
    built = ratio_config(values)
    assert adapter.validate_json(adapter.dump_json(built)) == built
    assert adapter.dump_json(built) == built.model_dump_json().encode(), "the fields of the family itself"
    with pytest.raises(ValueError, match="frozen"):
        built.family = "other"


@everywhere
def test_every_summary_is_one_short_line(values):
    summary = ratio_config(values).summary()
    assert 0 < len(summary) < 80
    assert "\n" not in summary


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"family": "constant", "value": 0.5}, "constant 0.5"),
        ({"family": "linear", "start": 1, "end": 0}, "linear 1 → 0"),
        ({"family": "step", "start": 1, "end": 0.25, "switch": 0.3}, "step 1 → 0.25 at 0.3"),
        ({"family": "cyclic", "cycles": 3}, "cyclic 1 ⇄ 0, 3 triangle cycles"),
        ({"family": "cyclic", "cycles": 1, "shape": "cosine"}, "cyclic 1 ⇄ 0, 1 cosine cycle"),
        ({"family": "look-ahead", "looks": 1}, "look-ahead bandit, 1 look, η 0.1, ε 0.1"),
        ({"family": "replay", "ratios": [0.5]}, "replay of 1 ratio, mean 0.5"),
        ({"family": "reversed", "of": LINE}, "reversed (linear 0.25 → 0.75)"),
        ({"family": "shuffled", "of": LINE}, "shuffled (linear 0.25 → 0.75)"),
        ({"family": "replay", "ratios": [0, 1]}, "replay of 2 ratios, mean 0.5"),
        ({"family": "odm", "warmup": 0.02}, "odm, warm-up 0.02"),
    ],
)
def test_summaries_are_telling(values, text):
    assert ratio_config(values).summary() == text


@everywhere
def test_the_schedule_of_a_training_repeats_its_ratios(values):
    config = ratio_config(values)
    if isinstance(config, Schedule):
        assert config.as_schedule([0.5, 0.5]) is config
    else:
        assert config.as_schedule([0.25, 0.75]).trajectory(2).tolist() == [0.25, 0.75]


@everywhere
def test_a_family_says_what_it_measures_on_the_dev_set(values):
    config, steps = ratio_config(values), 60
    wanted: set[str] = set()
    if not isinstance(config, Schedule):
        policy = ratio_policy(config, steps)
        wanted |= {name for step in range(steps) for name in policy.wants(step) if name.startswith("dev/")}
    assert config.dev_signals(steps) == wanted
    assert config.dev_signals(0) == frozenset()


@everywhere
def test_a_policy_starts_with_a_probability_and_nothing_observed(values):
    policy = ratio_policy(ratio_config(values), 2)
    assert 0 <= policy.ratio(0) <= 1
    assert policy.log() == []
    with pytest.raises(ValueError, match="at least one"):
        ratio_policy(ratio_config(values), 0)
