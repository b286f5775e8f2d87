"""The two doors to a ratio config: what a user asks for, and what a record holds."""

import json
import re

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.trainables.ratio.examples import LINE
from tests.trainables.toy_run import toy_config
from trainables.config import TrialConfig
from trainables.errors import UserError
from trainables.ratio.config import RatioConfig, ratio_config
from trainables.ratio.family import Family
from trainables.ratio.policy import ratio_policy
from trainables.ratio.schedules.linear import Linear
from trainables.registry import RECORDED

UNKNOWN = {"slope": 2.5, "family": "of_a_plugin", "knots": [0, 0.5, 1], "shape": {"kind": "soft"}, "times": 3}


def training(ratio):
    return {**toy_config().model_dump(mode="json"), "ratio": ratio}


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
        ({"family": "reversed", "of": {"family": "liner"}}, "reversed: of: Unknown ratio family 'liner': did you mean"),
        ({"family": "reversed", "of": {**LINE, "start": 2}}, "Ratio family reversed: of start is 2: Input should be"),
    ],
)
def test_a_wrong_config_is_told_in_one_sentence(values, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        ratio_config(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ratio", "place", "message"),
    [
        ({"family": "liner"}, ("ratio",), "Unknown ratio family 'liner': did you mean linear"),
        ({"start": 1}, ("ratio",), "Unknown ratio family 'None'"),
        ({"family": "linear", "start": 2}, ("ratio", "start"), "less than or equal to 1"),
        ({"family": "linear", "begin": 2}, ("ratio", "begin"), "Extra inputs are not permitted"),
        ({"family": "reversed", "of": {"family": "step", "at": 1}}, ("ratio", "of", "at"), "Extra inputs"),
        (0.5, ("ratio",), "Input should be a"),
    ],
)
@pytest.mark.parametrize(
    "parse", [TrialConfig.model_validate, lambda values: TrialConfig.model_validate_json(json.dumps(values))]
)
def test_a_config_that_holds_a_ratio_tells_where_and_what_is_wrong(ratio, place, message, parse):
    with pytest.raises(ValidationError) as caught:
        parse(training(ratio))
    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert message in error["msg"]


def test_a_ratio_may_be_given_as_the_config_itself():
    line = Linear(start=0.5)
    assert TrialConfig.model_validate(training(line)).ratio is line


def recorded_ratio(values):
    return TypeAdapter(RatioConfig).validate_python(values, context=RECORDED)


def test_a_record_keeps_a_family_that_is_not_registered_as_it_is():
    text = json.dumps({**TrialConfig.model_validate(training(LINE)).model_dump(mode="json"), "ratio": UNKNOWN})
    read = TrialConfig.model_validate_json(text, context=RECORDED)
    assert read.ratio.family == "of_a_plugin"
    assert json.loads(read.model_dump_json()) == json.loads(text)
    assert list(json.loads(read.model_dump_json())["ratio"]) == list(UNKNOWN), "the order is part of the fingerprint"
    assert read == TrialConfig.model_validate_json(read.model_dump_json(), context=RECORDED)
    assert recorded_ratio(UNKNOWN) == read.ratio


def test_a_family_that_is_not_registered_is_shown_and_not_trained():
    ratio = recorded_ratio(UNKNOWN)
    assert ratio.summary() == "of_a_plugin, slope 2.5, knots [0, 0.5, 1], shape {'kind': 'soft'}, times 3"
    assert ratio.constant_value() is None
    for use in (lambda: ratio_policy(ratio, 10), lambda: ratio.mean_ratio(10)):
        with pytest.raises(UserError, match=r"'of_a_plugin' is not registered here.*--plugin\."):
            use()


def test_a_twin_of_a_family_that_is_not_registered_is_kept_as_well():
    twin = recorded_ratio({"family": "reversed", "of": UNKNOWN})
    assert json.loads(twin.model_dump_json()) == {"family": "reversed", "of": UNKNOWN}
    assert twin.summary().startswith("reversed (of_a_plugin")


def test_a_user_may_not_name_a_family_that_is_not_registered():
    for door in (ratio_config, TypeAdapter(RatioConfig).validate_python):
        with pytest.raises((UserError, ValidationError), match="Unknown ratio family 'of_a_plugin'"):
            door(UNKNOWN)
        with pytest.raises((UserError, ValidationError), match="Unknown ratio family 'of_a_plugin'"):
            door({"family": "reversed", "of": UNKNOWN})


@pytest.mark.parametrize("values", [{"family": "linear", "begin": 1}, {"start": 1}, {}])
def test_a_record_that_is_damaged_is_refused(values):
    with pytest.raises(ValueError):
        recorded_ratio(values)


def test_a_record_of_a_registered_family_is_that_family():
    assert isinstance(recorded_ratio(LINE), Linear)
    assert isinstance(recorded_ratio(LINE), Family)
