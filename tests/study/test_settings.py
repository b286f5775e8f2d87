"""Every mistake in a setting is one sentence that names the flag or the field, the value and the rule."""

import re
from pathlib import Path

import pytest

from study.command_line import parser
from study.read_settings import settings_from
from study.settings import StudySettings
from trainables.errors import UserError


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"seeds": "0"}, r"--seeds is '0': .*greater than or equal to 1"),
        ({"seeds": "three"}, r"--seeds is 'three': .*valid integer"),
        ({"trials": "-1"}, r"--trials is '-1'"),
        ({"batch_size": ["1"]}, r"--batch-size is '1': .*greater than or equal to 2"),
        ({"learning_rate": ["0"]}, r"--learning-rate is '0': .*greater than 0"),
        ({"batch_size": ["24", "1"]}, r"--batch-size is '1': .*greater than or equal to 2"),
        ({"batch_size": ["24", "24"]}, r"--batch-size is .*: a factor has at least two different levels"),
        ({"model": ["mini-z"]}, r"--model is 'mini-z': unknown encoder 'mini-z': did you mean mini-"),
        ({"set": ["optimiser.betas=0.9,1.5"]}, r"--set optimiser.betas is '1.5': .*less than 1"),
        ({"set": ["optimiser.beta=0.9"]}, r"--set optimiser.beta: Unknown option .*did you mean optimiser.betas"),
        ({"set": ["steps"]}, r"--set steps: write it as OPTION=VALUE"),
        ({"set": ["steps=3", "steps=4"]}, r"--set steps is given twice"),
        ({"set": ["steps=3"], "factor": ["steps=3,4"]}, r"--steps is to be fixed and a factor"),
        ({"temperature": ["0.1"], "search_temperature": True}, r"--temperature is to be fixed and searched"),
        ({"factor": ["batches.size=24"]}, r"--factor batches.size is '24': a factor has at least two different levels"),
        ({"arm": ["mine: ratio"]}, r"--arm mine has ratio where OPTION=VALUE must stand"),
        ({"arm": ["mine: ratio=linaer(0,1)"]}, r"--arm mine: ratio is 'linaer\(0,1\)': unknown ratio family"),
        ({"workers_per_trial": "0"}, r"--workers-per-trial is '0'"),
        ({"cpus_per_worker": "nan"}, r"--cpus-per-worker is 'nan'"),
        ({"keep_encoders": "some"}, r"--keep-encoders is 'some': .*'best', 'all' or 'none'"),
    ],
)
def test_a_flag_out_of_range_is_named_with_its_value_and_rule(flags: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        settings_from(None, flags)


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("steps: 10\nbatch-size: 16\ntrain: [a, b]\n")
    settings = settings_from(file, {"steps": ["20"]})
    assert (dict(settings.set), settings.train) == ({"steps": "20", "batches.size": 16}, ("a", "b"))
    varied = settings_from(file, {"steps": ["20", "40"]})
    assert (dict(varied.set), dict(varied.factor)) == ({"batches.size": 16}, {"steps": ("20", "40")})


def test_options_of_a_trial_have_many_ways_in(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        "learning-rate: 1e-3\noptimiser:\n  betas: [0.9, 0.98]\n  weight_decay: 0\nset: {loss.symmetric: true}\n"
        "model: [mini-xs, mini-s]\nfactor:\n  size:\n    small: {batches.size: 8}\n    large: {batches.size: 16}\n"
        "arm: {mine: {ratio: 'linear(0.2, 0.8)', optimiser: {learning_rate: 0.01}}}\n"
    )
    settings = settings_from(file, {"set": ["compute.precision=float32"], "search": ["loss.temperature"]})
    assert settings.set == {
        "optimiser.learning_rate": 1e-3,
        "optimiser.betas": [0.9, 0.98],
        "optimiser.weight_decay": 0,
        "loss.symmetric": True,
        "compute.precision": "float32",
    }
    assert settings.factor == {
        "encoder": ("mini-xs", "mini-s"),
        "size": {"small": {"batches.size": 8}, "large": {"batches.size": 16}},
    }
    assert settings.search == {"loss.temperature": ""}
    assert settings.arm == {"mine": {"ratio": "linear(0.2, 0.8)", "optimiser.learning_rate": 0.01}}


def test_lists_and_brackets_survive_the_command_line() -> None:
    asked = (
        ["optimiser.betas=0.9,0.98"],
        ["optimiser.betas=0.9,0.98;0.9,0.95"],
        ["mine: ratio=linear(0.2, 0.8) steps=3"],
    )
    assert settings_from(None, {"set": asked[0]}).set == {"optimiser.betas": ["0.9", "0.98"]}
    assert settings_from(None, {"factor": asked[1]}).factor == {"optimiser.betas": (["0.9", "0.98"], ["0.9", "0.95"])}
    assert settings_from(None, {"arm": asked[2]}).arm == {"mine": {"ratio": "linear(0.2, 0.8)", "steps": "3"}}


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
    asked = {"train": ("pairs", "pairs/one", "atlas", "elsewhere"), "set": {"encoder": "mine"}}
    settings = StudySettings(**asked).with_absolute_paths()
    assert settings.train == (str(tmp_path / "pairs"), str(tmp_path / "pairs" / "one"), "atlas", "elsewhere")
    assert settings.set == {"encoder": str(tmp_path / "mine")}
    judged = StudySettings(evaluate=("mine:en", "mine", "atlas", "beir", "hub:org/name")).with_absolute_paths()
    assert judged.evaluate == (f"{tmp_path}/mine:en", f"{tmp_path}/mine", "atlas", "beir", "hub:org/name")
    several = StudySettings(factor={"encoder": ("mine", "xlm-r-base")}).with_absolute_paths()
    assert several.factor == {"encoder": (str(tmp_path / "mine"), "xlm-r-base")}


def test_a_missing_or_binary_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        settings_from(tmp_path / "none.yaml", {})
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="must be YAML in UTF-8"):
        settings_from(tmp_path / "binary.yaml", {})


def test_every_setting_has_a_flag_and_a_description() -> None:
    flags = {action.dest for action in parser()._actions}
    assert set(StudySettings.model_fields) <= flags
    assert all(field.description for field in StudySettings.model_fields.values())


def test_settings_survive_json() -> None:
    settings = settings_from(None, {"train": ["a"], "data_dir": "/x", "gpus_per_worker": "0.5"})
    assert StudySettings.model_validate_json(settings.model_dump_json()) == settings


def test_one_flag_takes_several_files_as_a_shell_names_them() -> None:
    flags = parser().parse_args(["--train", "a.jsonl", "b.jsonl", "--evaluate", "xquad-r", "--train", "c"])
    assert (flags.train, flags.evaluate) == (["a.jsonl", "b.jsonl", "c"], ["xquad-r"])


def test_a_flag_of_names_may_be_given_again() -> None:
    flags = parser().parse_args(["--without", "gap", "--without", "bias,cyclic", "--arms", "X-Y"])
    assert (flags.without, flags.arms) == (["gap", "bias", "cyclic"], ["X-Y"])


def test_studies_that_recorded_whether_encoders_are_kept_still_say_which() -> None:
    assert StudySettings().keep_encoders == "best"
    assert StudySettings(keep_encoders=True).keep_encoders == "all"
    assert StudySettings(keep_encoders=False).keep_encoders == "none"


def test_help_shows_values_as_they_are_written_on_the_command_line() -> None:
    for action in parser()._actions:
        _, _, default = str(action.help).partition("(default: ")
        assert not re.search(r"[(\[{<]|', '|None", default), action.help
