"""Whatever `--list` prints as an option of a trial can be set."""

import json
from pathlib import Path

import pytest

from study.read_settings import settings_from
from trainables.config import trial_options

WITH_DEFAULT = {
    key: one for key, one in trial_options().items() if isinstance(one.field.default, str | int | float | tuple | None)
}


def as_text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


@pytest.mark.parametrize("key", WITH_DEFAULT)
def test_every_option_takes_its_own_default_as_text(key: str) -> None:
    assert key in settings_from(None, {"set": [f"{key}={as_text(WITH_DEFAULT[key].field.default)}"]}).set


@pytest.mark.parametrize("key", WITH_DEFAULT)
def test_every_option_takes_its_own_default_from_a_file(key: str, tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps({"set": {key: WITH_DEFAULT[key].field.default}}))
    assert key in settings_from(file, {}).set


@pytest.mark.parametrize("value", [True, False, "auto"])
def test_what_may_be_a_truth_value_or_a_text_is_either_in_a_file(value: object, tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(json.dumps({"set": {"compute.trim_vocabulary": value}}))
    assert settings_from(file, {}).set == {"compute.trim_vocabulary": value}


def test_a_mapping_is_written_as_in_yaml() -> None:
    settings = settings_from(None, {"set": ["batches.set_weights={web: 3, wiki: 1}"]})
    assert settings.set["batches.set_weights"] == {"web": 3, "wiki": 1}


@pytest.mark.parametrize("prefix", ["query: ", "[Q] ", "", " "])
def test_a_text_is_taken_as_it_is(prefix: str) -> None:
    """A prefix without its last space is another prefix."""
    settings = settings_from(None, {"set": [f"encoder.query_prefix={prefix}"]})
    assert settings.set["encoder.query_prefix"] == prefix
