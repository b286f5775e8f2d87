"""The plan's room on disk is what trials leave there."""

import importlib.util
from pathlib import Path

import pytest

from search_spaces.registry import space
from study.checks import check_room
from study.cost.disk import Disk, checkpoint_bytes, disk, held_bytes, kept_bytes
from study.plan.program import StudyPlan
from study.settings import StudySettings
from tests.trainables.toy_trial import run_toy_trial, toy_inputs, toy_trial
from trainables.encoders.adapters import LoraConfig
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.errors import UserError
from trainables.evaluation.efficiency.held import HELD, hold_encoder
from trainables.inputs import TokenisedTexts
from trainables.storage import Folder
from trainables.training.fine_tune import Report
from trainables.training.report_log import ReportLog
from trainables.trial import CHECKPOINT, ENCODER, TrialOptions

SMALL = 0.03
"""Share of headers, settings and the names of files."""


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def texts() -> TokenisedTexts:
    (found,) = toy_inputs().by_token_key.values()
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What a confirm run leaves, and the most that its checkpoints took when it reported."""
    folder = tmp_path_factory.mktemp("trial")
    sizes = [0]

    class Watched(ReportLog):
        def report(self, report: Report) -> bool:
            sizes.append(size(folder / CHECKPOINT))
            return super().report(report)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainables.trial.ReportLog", Watched)
        trial = toy_trial(phase="confirm", **{"monitoring.reports": 8, "monitoring.checkpoints": 8})
        run_toy_trial(trial, folder, TrialOptions(keep_encoder=True, hold=True))
    return {CHECKPOINT: max(sizes), ENCODER: size(folder / ENCODER), HELD: size(folder / HELD)}


def test_a_trial_leaves_what_was_planned(seen: dict[str, int]) -> None:
    encoder = toy_trial().config.encoder
    assert kept_bytes(encoder, texts()) == pytest.approx(seen[ENCODER], rel=SMALL)
    assert held_bytes(encoder, texts()) == pytest.approx(seen[HELD], rel=SMALL)


def test_checkpoints_take_what_was_planned_between_two_of_them(seen: dict[str, int]) -> None:
    """Two are there when a report is written; a third for a moment, before the first one goes."""
    planned = checkpoint_bytes(toy_trial().config, texts())
    assert planned * 2 / 3 == pytest.approx(seen[CHECKPOINT], rel=SMALL)
    assert checkpoint_bytes(toy_trial(**{"monitoring.checkpoints": 0}).config, texts()) == 0
    assert checkpoint_bytes(toy_trial(steps=0).config, texts()) == 0


@pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")
def test_adapters_are_counted_without_their_model_and_held_with_it(tmp_path: Path) -> None:
    mini, tokenizer = toy_trial().config.encoder, texts().tokenizer
    save_encoder(mini.build(tokenizer, 0), tokenizer, tmp_path / "model")
    whole = resolve_encoder(str(tmp_path / "model"))
    adapted = whole.model_copy(update={"lora": LoraConfig(rank=16)})
    encoder = adapted.build(tokenizer, 0)
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    (tmp_path / "held").mkdir()
    hold_encoder(tmp_path / "held", encoder)
    kept = kept_bytes(adapted, texts())
    assert kept == pytest.approx(size(tmp_path / "kept"), rel=SMALL)
    assert kept < kept_bytes(whole, texts())
    vectors = held_bytes(mini, texts()) - 4 * mini.shape(len(tokenizer)).parameters
    assert held_bytes(adapted, texts()) - vectors == pytest.approx(size(tmp_path / "held"), rel=SMALL)


def plan_of(name: str, **settings: object) -> tuple[StudySettings, StudyPlan]:
    asked = StudySettings(**{"space": name, "set": {"steps": 4}, "trials": 1, "seeds": 3, **settings})
    return asked, StudyPlan(space(name), asked)


def test_a_study_keeps_so_many_encoders() -> None:
    each = kept_bytes(toy_trial().config.encoder, texts())
    for keep in ("none", "best", "all"):
        asked, plan = plan_of("static_ratio", keep_encoders=keep)
        found = disk(asked, plan, toy_inputs(), concurrent=2)
        assert plan.planned["confirm"] - plan.rival_trials == 3 * plan.most_arms
        assert found.kept == {"none": 0, "best": plan.most_arms + 2, "all": 3 * plan.most_arms}[keep] * each
        assert found.held == 0, "nothing is measured"
        assert found.checkpoints == 2 * checkpoint_bytes(toy_trial().config, texts())


def test_the_trainings_of_the_search_that_merged_arms_average_are_kept_as_well() -> None:
    each = kept_bytes(toy_trial().config.encoder, texts())
    merged = {"merged": {"steps": 0, "merging.cross_weight": "searched"}}
    asked, plan = plan_of("static_ratio", keep_encoders="all", arm=merged)
    confirmed = plan.planned["confirm"] - plan.rival_trials
    assert plan.kept_in_search == 2, "a trial of each strategy"
    assert disk(asked, plan, toy_inputs(), concurrent=2).kept == (confirmed + 2) * each


def test_a_study_that_measures_holds_every_confirm_run_until_the_end() -> None:
    asked, plan = plan_of("inference_efficiency", keep_encoders="none")
    found = disk(asked, plan, toy_inputs(), concurrent=2)
    confirmed = plan.planned["confirm"] - plan.rival_trials
    assert found.held == confirmed * held_bytes(toy_trial().config.encoder, texts())
    assert found.total == found.held + found.checkpoints


def test_the_room_must_be_there(tmp_path: Path) -> None:
    check_room(Folder(tmp_path), Disk(1, 1, 1))
    with pytest.raises(UserError, match=r"up to 1048577.0 GiB are needed \(1.0 GiB for checkpoints, 0.0 GiB for kept"):
        check_room(Folder(tmp_path), Disk(1 << 30, 0, 1 << 50))
