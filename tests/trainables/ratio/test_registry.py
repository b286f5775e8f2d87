import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter

from trainables.errors import UserError
from trainables.parameters import Choice, Integer, Real
from trainables.ratio import schedules
from trainables.ratio.controllers import ControllerFamily
from trainables.ratio.registry import FAMILIES, RatioConfig, describe, ratio_config, ratio_policy
from trainables.ratio.schedules import Curve, Schedule

LINE = {"family": "linear", "start": 0.25, "end": 0.75}
NEEDED = {
    "excess": {"reference_mono": [3.0, 1.0], "reference_cross": [3.0]},
    "bias": {"target": 50},
    "reversed": {"of": LINE},
    "shuffled": {"of": LINE},
    "replay": {"ratios": [0.1, 0.9]},
}
GUIDE = Path(__file__).parents[3] / "docs" / "adding_a_schedule_family.md"


def config(name):
    return ratio_config({"family": name, **NEEDED.get(name, {})})


def test_the_registry_holds_every_family_once_with_its_loop_and_its_search_space():
    open_loop = {"constant", "linear", "cosine", "exponential", "sigmoid", "step", "cyclic", "competence"}
    closed_loop = {"gap", "progress", "odm", "excess", "bias"}
    assert {name for name, info in FAMILIES.items() if not info.closed_loop and info.parameters} >= open_loop
    assert {name for name, info in FAMILIES.items() if info.closed_loop} >= closed_loop
    for name, info in FAMILIES.items():
        assert info.closed_loop == issubclass(info.config, ControllerFamily) != issubclass(info.config, Schedule)
        assert bool(info.parameters) == (name not in ("reversed", "shuffled", "replay"))
        assert set(info.parameters) <= set(info.config.model_fields)
        assert info.description
        assert "\n" not in info.description


@pytest.mark.parametrize("name", FAMILIES)
def test_every_point_at_the_edge_of_a_search_space_is_a_valid_config(name):
    edges = {Real: lambda p: (p.low, p.high), Integer: lambda p: (p.low, p.high), Choice: lambda p: p.options}
    for field, parameter in FAMILIES[name].parameters.items():
        for value in edges[type(parameter)](parameter):
            assert getattr(ratio_config({"family": name, **NEEDED.get(name, {}), field: value}), field) == value


@pytest.mark.parametrize("name", FAMILIES)
def test_a_config_survives_json_and_is_frozen(name):
    adapter = TypeAdapter(RatioConfig)
    built = config(name)
    assert adapter.validate_json(adapter.dump_json(built)) == built
    with pytest.raises(ValueError, match="frozen"):
        built.family = "other"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"family": "constant", "value": 0.5}, "constant 0.5"),
        ({"family": "linear", "start": 1, "end": 0}, "linear 1 → 0"),
        ({"family": "step", "start": 1, "end": 0.25, "switch": 0.3}, "step 1 → 0.25 at 0.3"),
        ({"family": "cyclic", "cycles": 3}, "cyclic 1 ⇄ 0, 3 triangle cycles"),
        ({"family": "reversed", "of": LINE}, "reversed (linear 0.25 → 0.75)"),
        ({"family": "shuffled", "of": LINE}, "shuffled (linear 0.25 → 0.75)"),
        ({"family": "replay", "ratios": [0, 1]}, "replay of 2 ratios, mean 0.5"),
        ({"family": "odm", "warmup": 0.02}, "odm, warm-up 0.02"),
    ],
)
def test_descriptions_are_short_and_telling(values, text):
    assert describe(ratio_config(values)) == text


@pytest.mark.parametrize("name", FAMILIES)
def test_every_description_is_one_line(name):
    assert 0 < len(describe(config(name))) < 80
    assert "\n" not in describe(config(name))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"family": "liner"}, "Unknown ratio family 'liner': did you mean linear"),
        ({}, "Unknown ratio family 'None'"),
        ({"family": "linear", "start": 2}, "Ratio family linear: start is 2: Input should be less than or equal to 1"),
        (
            {"family": "linear", "begin": 1},
            "Ratio family linear: begin is 1: Extra inputs are not permitted; its fields are start, end.",
        ),
        ({"family": "bias"}, "Ratio family bias: target: Field required"),
        ({"family": "gap", "low": 0.6}, "Ratio family gap: initial is 0.5, but must be in [low, high] = [0.6, 1.0]"),
        ({"family": "reversed", "of": {"family": "odm"}}, "Ratio family reversed: of"),
    ],
)
def test_a_wrong_config_is_told_in_one_sentence(values, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        ratio_config(values)
    assert "\n" not in str(caught.value)


def test_an_open_loop_follows_its_trajectory_and_wants_nothing():
    line = ratio_config(LINE)
    policy = ratio_policy(line, 4)
    assert policy.planned.tolist() == line.trajectory(4).tolist() == [0.25, 0.375, 0.5, 0.625]
    for step in range(3):
        assert policy.wants(step) == frozenset()
        policy.observe(step, "mono", {})
    assert policy.log() == [0.25, 0.375, 0.5]
    resumed = ratio_policy(line, 4)
    resumed.restore(policy.state())
    resumed.observe(3, "cross", {})
    assert resumed.log() == line.trajectory(4).tolist()


def test_a_training_has_at_least_one_step():
    for name in ("linear", "odm"):
        with pytest.raises(ValueError, match="at least one"):
            ratio_policy(config(name), 0)


def test_mixing_is_cheap_to_import():
    code = (
        "import sys, trainables.batches.planner; print({'torch', 'ray', 'transformers', 'pandas'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_the_family_of_the_guide_works_as_it_stands():
    code = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL).group(1)
    names = dict(vars(schedules))
    exec(code, names)
    quadratic = names["Quadratic"](start=0.9, end=0.1)
    assert isinstance(quadratic, Curve)
    assert quadratic.ratio(0.5) == pytest.approx(0.7)
    assert quadratic.summary() == "quadratic 0.9 → 0.1"
    assert quadratic.comparable_from() == pytest.approx(0.5**0.5, abs=0.002)
    assert set(quadratic.parameters()) == {"start", "end"}


def test_the_guide_names_what_there_is():
    text = GUIDE.read_text(encoding="utf-8")
    root = GUIDE.parents[1]
    for path in re.findall(r"`((?:trainables|tests)/[\w/]+\.py)`", text):
        assert (root / path).is_file(), path
    assert {cls.model_fields["family"].default for cls in get_args(get_args(RatioConfig)[0])} == set(FAMILIES)
