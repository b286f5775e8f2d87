"""Which encoders a study keeps: of every arm the best on the dev set, whatever ends first."""

from pathlib import Path

import pytest

from search_spaces.registry import space
from study.cluster.searcher import FINISHED, PlanSearcher
from study.kept_encoders import let_go
from study.plan.budget import Budget
from study.plan.program import StudyPlan
from study.settings import StudySettings
from study.study_folder import Study, create_study, open_study
from study.verify import damage
from tests.study.toy_study import study_record
from trainables.records import RESULT, Result, TrialRecord
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.trial import ENCODER, write_result

DEV = {0: 0.4, 1: 0.6, 2: 0.6}
"""What every arm reaches on the dev set, by seed."""


def settings(keep: str) -> StudySettings:
    return StudySettings(space="static_ratio", set={"steps": 4}, trials=1, seeds=len(DEV), keep_encoders=keep)


def run(study: Study, keep: str, most: int | None = None, last_first: bool = False) -> int:
    """Runs the plan of a study, three trials at a time and at most so many; returns how many were run."""
    plan = StudyPlan(space("static_ratio"), settings(keep))
    searcher = None
    started = 0
    while not plan.finished:
        searcher = PlanSearcher(plan, open_study(study.folder.location), Budget(), lambda *ended: None, searcher)
        running: list[tuple[str, TrialRecord, Folder]] = []
        while True:
            asked = searcher.suggest(str(started)) if len(running) < 3 and started != most else None
            if isinstance(asked, dict):
                running.append((str(started), TrialRecord.model_validate_json(asked["trial"]), Folder(asked["folder"])))
                started += 1
            elif running:
                _end(searcher, *running.pop(-1 if last_first else 0))
            elif asked == FINISHED:
                break
            else:
                return started
        if plan.phase == "search":
            plan.start_confirm_phase()
    return started


def _end(searcher: PlanSearcher, name: str, trial: TrialRecord, folder: Folder) -> None:
    value = DEV.get(trial.seed, 0.5)
    if trial.phase == "confirm":
        (folder / ENCODER).write_bytes("model.safetensors", trial.id.encode())
    result = Result(status="complete", steps=4, metrics={"dev/overall/map": value}, ended="", host="")
    write_result(folder, result)
    searcher.on_trial_complete(name)


def kept(study: Study) -> set[str]:
    return {path.parent.name for path in study.folder.local_path.glob(f"trials/*/{ENCODER}")}


@pytest.mark.parametrize("last_first", [False, True])
def test_the_best_of_every_arm_is_kept_whatever_ends_first_and_however_often_it_stops(
    tmp_path: Path, last_first: bool
) -> None:
    study = create_study(Folder(tmp_path / "s"), study_record(settings=settings("best")))
    # Of equals the first seed.
    best = {f"confirm-{arm}-001" for arm in ("X-X-mono", "X-Y", "hybrid-0.5")}
    run(study, "best", most=9, last_first=last_first)
    run(study, "best", last_first=last_first)
    found = open_study(study.folder.location)
    assert kept(found) >= best
    assert len(kept(found)) == len({trial.record.arm for trial in found.trials if trial.phase == "confirm"})
    assert damage(found) == []
    assert run(study, "best") == 0
    assert kept(found) >= best


@pytest.mark.parametrize(("keep", "count"), [("all", len(DEV)), ("best", 1)])
def test_all_are_kept_where_all_are_asked_for(tmp_path: Path, keep: str, count: int) -> None:
    study = create_study(Folder(tmp_path / "s"), study_record(settings=settings(keep)))
    run(study, keep)
    arms = {trial.record.arm for trial in open_study(study.folder.location).trials if trial.phase == "confirm"}
    assert len(kept(study)) == count * len(arms)


def test_an_encoder_goes_as_a_whole_even_where_its_removal_was_cut_short(tmp_path: Path) -> None:
    trial = Folder(tmp_path)
    (trial / ENCODER).write_bytes("1_Pooling/config.json", b"{}")
    trial.write_bytes("per_query.parquet", b"")
    write_result(trial, Result(status="complete", steps=1, ended="", host=""))
    # Killed after its seal was written anew: its files are still there.
    let_go(trial)
    (trial / ENCODER).write_bytes("1_Pooling/config.json", b"{}")
    let_go(trial)
    assert not (trial / ENCODER).exists()
    assert set(read_sealed(trial, RESULT, Result).files) == {"per_query.parquet"}
    let_go(trial)
