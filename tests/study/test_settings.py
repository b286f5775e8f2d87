"""Every mistake in a setting is one sentence that names the flag or the field, the value and the rule."""

from pathlib import Path

import pytest

from study.run import _parser
from study.settings import StudySettings, settings_from
from trainables.errors import UserError


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"seeds": "0"}, r"--seeds is '0': .*greater than or equal to 1"),
        ({"seeds": "three"}, r"--seeds is 'three': .*valid integer"),
        ({"trials": "-1"}, r"--trials is '-1'"),
        ({"batch_size": "1"}, r"--batch-size is '1': .*greater than or equal to 2"),
        ({"learning_rate": "0"}, r"--learning-rate is '0': .*greater than 0"),
        ({"workers_per_trial": "0"}, r"--workers-per-trial is '0'"),
        ({"cpus_per_worker": "nan"}, r"--cpus-per-worker is 'nan'"),
    ],
)
def test_a_flag_out_of_range_is_named_with_its_value_and_rule(flags: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        settings_from(None, flags)


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("steps: 10\nbatch-size: 16\ntrain: [a, b]\n")
    settings = settings_from(file, {"steps": "20"})
    assert (settings.steps, settings.batch_size, settings.train) == (20, 16, ("a", "b"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("stps: 10\n", r"study.yaml: there is no setting 'stps'; did you mean steps\?"),
        ("seeds: 0\n", r"study.yaml, field seeds is 0: .*greater than or equal to 1"),
        ("- steps\n", r"must hold one `setting: value` per line, found list"),
        ("steps: 10\nsteps: 20\n", r"study.yaml:2: steps is given twice"),
        ("steps: [1\n", r"study.yaml:2: .*; write one `setting: value` per line"),
    ],
)
def test_a_mistake_in_the_file_names_the_file_and_the_field(tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(content)
    with pytest.raises(UserError, match=sentence):
        settings_from(file, {})


def test_a_list_of_one_may_be_written_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("train: pairs.jsonl\nevaluate: xquad-r\n")
    settings = settings_from(tmp_path / "study.yaml", {})
    assert (settings.train, settings.evaluate) == (("pairs.jsonl",), ("xquad-r",))


def test_what_lies_here_is_found_from_elsewhere_and_what_is_known_keeps_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("pairs", "mine", "atlas", "xlm-r-base"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pairs" / "one.jsonl.gz").touch()
    settings = StudySettings(train=("pairs", "pairs/one", "atlas", "elsewhere"), model="mine").with_absolute_paths()
    assert settings.train == (str(tmp_path / "pairs"), str(tmp_path / "pairs" / "one"), "atlas", "elsewhere")
    assert settings.model == str(tmp_path / "mine")
    assert StudySettings(model="xlm-r-base").with_absolute_paths().model == "xlm-r-base"


def test_a_missing_or_binary_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        settings_from(tmp_path / "none.yaml", {})
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="must be YAML in UTF-8"):
        settings_from(tmp_path / "binary.yaml", {})


def test_every_setting_has_a_flag_and_a_description() -> None:
    flags = {action.dest for action in _parser()._actions}
    assert set(StudySettings.model_fields) <= flags
    assert all(field.description for field in StudySettings.model_fields.values())


def test_settings_survive_json() -> None:
    settings = settings_from(None, {"train": ["a"], "data_dir": "/x", "gpus_per_worker": "0.5"})
    assert StudySettings.model_validate_json(settings.model_dump_json()) == settings
