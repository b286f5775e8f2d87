"""Levels that ask for machines of their own: never more than there are, never waiting for each other, and said."""

from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.space import Cell
from study.cluster.cells import CellResources, gpus_so_far, of_cells, settings_of
from study.cluster.resources import asked_resources, check_local, plan_resources
from study.plan.template import factor_levels, searched_factors
from study.read_settings import settings_from
from study.settings import StudySettings
from study.study_folder import open_study
from tests.analysis.conftest import StudyPlan, edit, write_study_files
from tests.study.conftest import run
from trainables.errors import UserError

FACTOR = {
    "base": {"encoder": "mini-xs"},
    "XXL": {"encoder": "mini-s", "cluster": {"workers_per_trial": 8, "resource": "fast=1"}},
}


def cells(**clusters: dict[str, Any]) -> list[Cell]:
    return [Cell(levels={"size": name}, patch={}, cluster=cluster) for name, cluster in clusters.items()]


def planned(nodes: list[dict[str, float]], own: list[Cell], **settings: Any) -> CellResources:
    return of_cells(StudySettings(**settings), own, partial(plan_resources, nodes=nodes))


NODES = st.lists(
    st.fixed_dictionaries({"CPU": st.integers(1, 8), "GPU": st.integers(0, 4), "disk": st.integers(0, 2)}),
    min_size=1,
    max_size=3,
)
ASKED = st.fixed_dictionaries(
    {
        "workers_per_trial": st.integers(1, 3),
        "cpus_per_worker": st.integers(1, 3),
        "gpus_per_worker": st.integers(0, 2),
        "resource": st.sampled_from([(), ("disk=1",)]),
    }
)


@given(NODES, ASKED, ASKED, st.lists(st.booleans(), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_trials_that_are_said_to_fit_find_room_wherever_the_others_went(
    nodes: list[dict[str, float]], one: dict[str, Any], other: dict[str, Any], wanted: list[bool], chance: Random
) -> None:
    try:
        found = planned(nodes, cells(one=one, other=other))
    except UserError:
        return
    assert found.fit([{"size": "one"}])
    assert found.fit([{"size": "other"}])
    trials = [{"size": "one" if first else "other"} for first in wanted]
    if not found.fit(trials):
        return
    assert len(trials) <= found.concurrent
    left = [dict(node) for node in nodes]
    chance.shuffle(trials)
    for trial in trials:
        held = found.of(trial)
        for _ in range(held.workers):
            able = [node for node in left if all(node.get(k, 0) >= v for k, v in held.of_worker.items())]
            assert able, "a trial waits for another one"
            node = chance.choice(able)
            for name, amount in held.of_worker.items():
                node[name] -= amount


def test_a_large_level_runs_beside_a_small_one_where_there_is_room_for_both() -> None:
    eight = {"CPU": 16.0, "GPU": 8.0}
    asked = cells(base={}, XXL={"workers_per_trial": 8})
    base, large = ({"size": name} for name in ("base", "XXL"))
    found = planned([eight], asked)
    assert (found.of(base).concurrent, found.of(large).concurrent, found.concurrent) == (8, 1, 9)
    assert found.fit([base] * 8)
    assert not found.fit([base, large])
    two = planned([eight, eight], asked)
    assert two.fit([large, *[base] * 8])
    assert not two.fit([large, *[base] * 9])
    assert not two.fit([large, large, base])
    assert not planned([eight, eight], asked, placement="strict_pack").fit([large, base])
    few = planned([eight, eight], asked, max_concurrent_trials=2)
    assert few.concurrent == 2
    assert not few.fit([large, base, base])


def test_levels_that_ask_for_the_same_are_one_kind() -> None:
    found = planned([{"CPU": 4.0}], cells(a={}, b={"cpus-per-worker": 1}))
    assert len(found.kinds) == 1
    assert found.concurrent == 4


def test_a_cluster_too_small_for_the_largest_level_is_said_with_the_level() -> None:
    with pytest.raises(UserError, match=r"^XXL: One trial asks for 8 workers of .* room for 4: lower"):
        planned([{"CPU": 4.0}], cells(base={}, XXL={"workers_per_trial": 8}))
    (_, own) = cells(base={}, XXL={"resource": "fast=1"})
    with pytest.raises(UserError, match="--resource fast=1: only a cluster has that"):
        check_local(settings_of(StudySettings(), own))


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"workers": 8}, r"XXL, cluster: Unknown setting of a level 'workers': did you mean workers_per_trial"),
        ({"max_concurrent_trials": 8}, r"XXL, cluster: Unknown setting of a level 'max_concurrent_trials'"),
        ({"workers_per_trial": 0}, r"XXL, cluster: workers_per_trial is 0: "),
        ({"gpus-per-worker": True}, r"XXL, cluster: gpus_per_worker is True: "),
        ({"resource": ["fast"]}, r"NAME=AMOUNT"),
    ],
)
def test_what_no_level_can_ask_for_is_refused(cluster: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        of_cells(StudySettings(), cells(XXL=cluster), asked_resources)


def test_a_file_gives_a_level_its_cluster(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        "factor:\n  size:\n    base: {encoder: mini-xs}\n"
        "    XXL: {encoder: mini-s, cluster: {workers_per_trial: 8, resource: fast=1}}\n"
    )
    settings = settings_from(file, {"workers_per_trial": "2"})
    assert settings.factor == {"size": FACTOR}
    base, large = factor_levels("size", settings.factor["size"])
    assert (base.cluster, large.patch) == ({}, {"encoder": "mini-s"})
    own = [Cell(levels={"size": level.label}, patch=level.patch, cluster=level.cluster) for level in (base, large)]
    found = of_cells(settings, own, asked_resources)
    assert [held.workers for held in found.by_cell.values()] == [2, 8]
    assert found.of({"size": "XXL"}).custom == {"fast": 1}
    file.write_text("factor:\n  size:\n    base: {steps: 1}\n    XXL: {steps: 2, cluster: 8}\n")
    with pytest.raises(UserError, match="level XXL: cluster is 8: give settings such as workers-per-trial: 8"):
        settings_from(file, {})


def test_a_level_that_is_searched_has_no_cluster_of_its_own() -> None:
    with pytest.raises(UserError, match="--search-factor size, level XXL: a level that is searched cannot ask for"):
        searched_factors(StudySettings(search_factor={"size": FACTOR}))


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_study_of_one_and_of_two_workers(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        "space: static_ratio\narms: X-Y\ntrials: 1\nseeds: 1\nmodel: mini-xs\nbatch-size: 16\nlearning-rate: 0.001\n"
        "factor:\n  size:\n    one: {steps: 6}\n    two: {steps: 8, cluster: {workers-per-trial: 2}}\n"
    )
    asked = ("--config", str(file), "--storage", str(tmp_path), "--name", "s", "--max-concurrent-trials", "2")
    shown = run(*asked, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "each 1 x (1 CPUs, 0 GPUs); two: 1 trials at a time, each 2 x" in " ".join(shown.stdout.split())
    done = run(*asked, "--quiet", seconds=500)
    assert done.returncode == 0, done.stdout + done.stderr
    study = open_study(str(tmp_path / "s"))
    assert study.status.state == "complete"
    workers = {(trial.record.cell["size"], trial.result.cost.workers) for trial in study.trials if trial.result}
    assert workers == {("one", 1), ("two", 2)}
    again = run("--resume", str(tmp_path / "s"), "--quiet")
    assert again.returncode == 0, again.stderr


def test_a_study_stays_on_what_it_began_on(tmp_path: Path) -> None:
    """Whether trials get GPUs is left to the cluster until one has run, and not to the next cluster."""
    folder = write_study_files(tmp_path, StudyPlan(questions=8, seeds=(0, 1), search_trials=2))
    every = {tuple(trial.record.cell.items()) for trial in open_study(str(folder)).trials}
    own = [Cell(levels=dict(levels), patch={}) for levels in every]
    started = gpus_so_far(StudySettings(), own, open_study(str(folder)))
    assert started == 0
    with_gpus = [{"CPU": 8.0, "GPU": 4.0}]
    assert {held.gpus_per_worker for held in planned(with_gpus, own, gpus_per_worker=started).kinds} == {0}
    first, *others = sorted(folder.glob("trials/*/result.json"))
    # A trial that failed tells nothing.
    edit(first, lambda values: values["cost"].update(gpus=0.0, device=""))
    for path in others:
        edit(path, lambda values: values["cost"].update(gpus=2.0, workers=2, device="NVIDIA H100"))
    started = gpus_so_far(StudySettings(), own, open_study(str(folder)))
    assert started == 1
    with pytest.raises(UserError, match="of 1 CPUs and 1 GPUs each, the cluster has 8 CPUs and 0 GPUs"):
        planned([{"CPU": 8.0, "GPU": 0.0}], own, gpus_per_worker=started)
    said_by_the_level = [Cell(levels=cell.levels, patch={}, cluster={"gpus-per-worker": 1}) for cell in own]
    assert gpus_so_far(StudySettings(), said_by_the_level, open_study(str(folder))) is None
