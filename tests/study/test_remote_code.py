"""Code that a recorded study would run, whatever in its records asks for it, runs only if it is asked for again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.report import main as report
from study.records import ArmRecord, ArmsRecord
from study.run import main
from study.settings import StudySettings
from study.status import main as status
from study.study_folder import Study, create_study
from tests.analysis.conftest import StudyPlan, edit, write_study_files
from tests.study.toy_study import study_record
from tests.trainables.toy_trial import toy_trial
from trainables.encoders.base import EncoderConfig
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.storage import Folder

TRUST = "encoder.trust_remote_code"
AGAIN = ("--set", f"{TRUST}=true")
HOW = (("--resume",), ("--resume", "--dry-run"), ("--confirm-only",), ("--verify", "--trial", "t"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> EncoderConfig:
    """An encoder that brings code; a file `ran` beside its folder says that the code ran."""
    folder = tmp_path_factory.mktemp("code") / "checkpoint"
    mini = resolve_encoder("mini-xs")
    tokenizer = mini.tokenizer([f"some words and the number {n}" for n in range(2000)])
    save_encoder(mini.build(tokenizer, 7), tokenizer, folder)
    ran = f"from pathlib import Path\nPath({str(folder.with_name('ran'))!r}).touch()\n"
    (folder / "mine.py").write_text(f"{ran}from transformers import XLMRobertaConfig as MineConfig\n")
    settings = json.loads((folder / "config.json").read_text())
    code = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.MineConfig"}}
    (folder / "config.json").write_text(json.dumps({**settings, **code}))
    return resolve_encoder(str(folder)).model_copy(update={"trust_remote_code": True})


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*arguments: str) -> str:
        assert main(arguments) == 2
        return capsys.readouterr().err

    return call


def study_of(folder: Path, **settings: Any) -> Study:
    asked = StudySettings(space="static_ratio", trials=1, seeds=1, **settings)
    return create_study(Folder(folder), study_record(space="static_ratio", settings=asked))


def check_refused(study: Study, encoder: EncoderConfig, said: Callable[..., str], *how: str) -> None:
    """Refused as it is, and gone on with where its code is asked for: until the data are found to be others."""
    flag, *more = how or ("--resume",)
    where = study.folder.location
    refused = said(flag, where, *more)
    assert f"({TRUST}), and code that a study names is run only if you ask for it" in refused
    assert f"read it, then give {' '.join(AGAIN)}, too." in refused
    assert "cannot be resumed: the training data" in said(flag, where, *more, *AGAIN)
    assert not Path(encoder.name).with_name("ran").exists()


ASKED: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
    "set": lambda name, spec: {"set": {"encoder": name, TRUST: True}},
    "text": lambda name, spec: {"set": {"encoder": name, TRUST: "yes"}},
    "specification": lambda name, spec: {"set": {"encoder": spec}},
    "factor": lambda name, spec: {"set": {"encoder": name}, "factor": {TRUST: [False, True]}},
    "encoders": lambda name, spec: {"factor": {"encoder": ["mini-xs", spec]}},
    "level": lambda name, spec: {
        "factor": {"code": {"a": {"encoder": name, TRUST: True}, "b": {"encoder": "mini-xs"}}}
    },
    "arm": lambda name, spec: {"arm": {"mine": {"ratio": "constant(0.5)", "encoder": name, TRUST: True}}},
    "arm of its own": lambda name, spec: {"arm": {"mine": {"ratio": "constant(0.5)", "encoder": spec}}},
    "search factor": lambda name, spec: {
        "search_factor": {"code": {"a": {"encoder": name}, "b": {"encoder": name, TRUST: True}}},
        "sampler": "tpe",
    },
    "search": lambda name, spec: {"set": {"encoder": name}, "search": {TRUST: "true,false"}, "sampler": "tpe"},
}


@pytest.mark.parametrize("asked", ASKED)
def test_settings_that_run_code_must_be_given_again(
    asked: str, encoder: EncoderConfig, said: Callable[..., str], tmp_path: Path
) -> None:
    study = study_of(tmp_path / "s", **ASKED[asked](encoder.name, encoder.model_dump(exclude={"image", "lora"})))
    check_refused(study, encoder, said)


@pytest.mark.parametrize("how", HOW, ids=" ".join)
def test_however_a_study_is_gone_on_with(
    how: tuple[str, ...], encoder: EncoderConfig, said: Callable[..., str], tmp_path: Path
) -> None:
    study = study_of(tmp_path / "s", set={"encoder": encoder.name, TRUST: True})
    config = toy_trial(steps=0).config
    arm = {"arm": "X-Y", "role": "strategy", "config": config, "description": "", "mean_ratio": 0.0}
    study.write_arms(ArmsRecord(arms=(ArmRecord(**arm, constant_ratio=0.0, chosen_from=None),)))
    check_refused(study, encoder, said, *how)


def test_encoders_of_recorded_trials_and_arms_count(
    encoder: EncoderConfig, said: Callable[..., str], tmp_path: Path
) -> None:
    record = toy_trial(phase="confirm", encoder=encoder)
    with_trial, with_arm = study_of(tmp_path / "a"), study_of(tmp_path / "b")
    with_trial.write_trial(record)
    arm = {"arm": "X-Y", "role": "strategy", "config": record.config, "description": "", "mean_ratio": 0.0}
    with_arm.write_arms(ArmsRecord(arms=(ArmRecord(**arm, constant_ratio=0.0, chosen_from=None),)))
    for study in (with_trial, with_arm):
        check_refused(study, encoder, said)


def test_nothing_else_is_set_of_a_study_that_has_begun(said: Callable[..., str], tmp_path: Path) -> None:
    where = study_of(tmp_path / "s").folder.location
    assert f"no encoder of {where} brings code; leave it out." in said("--resume", where, *AGAIN)
    for given in (("steps=3",), (f"{TRUST}=false",), (f"{TRUST}=true", "steps=3")):
        flags = [part for one in given for part in ("--set", one)]
        assert f"{' '.join(flags)} cannot be given with a study that has begun" in said("--resume", where, *flags)


def test_a_study_whose_encoders_bring_code_is_reported_without_it(encoder: EncoderConfig, tmp_path: Path) -> None:
    study = write_study_files(tmp_path, StudyPlan(questions=8, seeds=(0, 1), search_trials=2))
    edit(study / "study.json", lambda values: values["settings"].update(set={"encoder": encoder.name, TRUST: True}))
    for path in study.glob("trials/*/trial.json"):
        edit(path, lambda values: values["config"].update(encoder=encoder.model_dump(mode="json")))
    assert report([str(study), "--format", "csv", "--output", str(tmp_path / "report")]) == 0
    assert status([str(study)]) == 0
    assert main(["--verify", str(study)]) in (0, 1)
    assert not Path(encoder.name).with_name("ran").exists()
