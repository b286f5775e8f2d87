"""YAML as people mean it."""

import pytest
import yaml

from trainables.yaml_values import load_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("none", None),
        ("~", None),
        ("null", None),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("-2.", -2.0),
        ("5", 5),
        ("+5", 5),
        ("010", 10),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-11-26", "2026-11-26"),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
        ("-", [None]),
        ("0x10", "0x10"),
        ('"5"', "5"),
    ],
)
def test_words_and_numbers_mean_what_they_say(text: str, value: object) -> None:
    found = load_yaml(f"key: {text}" if text != "-" else "key:\n  -")["key"]
    assert found == value
    assert type(found) is type(value)


def test_an_empty_value_is_nothing() -> None:
    assert load_yaml("key:") == {"key": None}


def test_a_setting_that_is_given_twice_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="a is given twice"):
        load_yaml("a: 1\nb: 2\na: 3")


def test_tags_that_run_code_are_refused() -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml("!!python/object/apply:os.system [echo]")
