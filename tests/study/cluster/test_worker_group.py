"""Workers that train one trial after the other, in real worker groups of Ray Train."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import ray
from ray import train
from torch import distributed

from study.cluster.mailbox import IDLE_SECONDS
from study.cluster.resources import Resources
from study.cluster.worker_group import Work, run_together, send_home
from tests.study.cluster.actors import GROUP, processes, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TWO = Resources(2, 1, 0, 1)


@pytest.fixture(scope="module", autouse=True)
def two_cores() -> Iterator[None]:
    ray.init("local", num_cpus=2, object_store_memory=200_000_000, include_dashboard=False, log_to_driver=False)
    os.environ["RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"] = "0.2"
    yield
    ray.shutdown()


def together(work: Work, max_failures: int = 0, held: Resources = TWO) -> None:
    run_together(work, held, "test", max_failures, lambda error: True)


def note_who_works(folder: Path) -> None:
    """Needs all workers, and counts how often each rank worked."""
    rank, everyone = distributed.get_rank(), [None] * distributed.get_world_size()
    distributed.all_gather_object(everyone, os.getpid())
    with (folder / str(rank)).open("a") as lines:
        print(everyone[rank], file=lines)


def die_once(folder: Path, rank: int) -> None:
    """Work during which a worker dies, the first time."""
    died = folder / "died"
    if distributed.get_rank() == rank and not died.exists():
        died.touch()
        os.kill(os.getpid(), 9)
    note_who_works(folder)


def refuse(folder: Path) -> None:
    raise ValueError(f"nothing to do in {folder.name}")


def workers_of(folder: Path, held: Resources = TWO) -> list[int]:
    """The process of every rank, after a work that notes them; each rank must have worked once."""
    folder.mkdir()
    together(partial(note_who_works, folder), held=held)
    lines = [(folder / str(rank)).read_text().splitlines() for rank in range(held.workers)]
    assert [len(of_one) for of_one in lines] == [1] * held.workers
    return [int(of_one[0]) for of_one in lines]


def wait_for_cores() -> None:
    wait_until(lambda: ray.available_resources().get("CPU") == 2, "the workers still hold their cores")


def test_the_next_trial_has_the_same_workers_and_idle_ones_leave_their_cores(tmp_path: Path) -> None:
    first = workers_of(tmp_path / "first")
    assert [workers_of(tmp_path / str(number)) for number in range(5)] == [first] * 5
    time.sleep(IDLE_SECONDS)
    wait_for_cores()
    assert not set(workers_of(tmp_path / "later")) & set(first)


def test_a_trial_that_needs_other_workers_gets_them_at_once(tmp_path: Path) -> None:
    before = workers_of(tmp_path / "before")
    # The cores of those before are what these need.
    others = workers_of(tmp_path / "others", Resources(2, 0.75, 0, 1))
    assert not set(before) & set(others)


def test_a_worker_that_died_is_replaced_and_the_work_begun_again(tmp_path: Path) -> None:
    before = workers_of(tmp_path / "before")
    (tmp_path / "now").mkdir()
    together(partial(die_once, tmp_path / "now", 1), 1)
    now = [int((tmp_path / "now" / str(one)).read_text().split()[-1]) for one in range(2)]
    assert not set(before) & set(now)
    assert workers_of(tmp_path / "after") == now


@pytest.mark.nightly
@pytest.mark.parametrize("rank", [0, 1])
def test_failures_are_counted_for_each_trial_anew(rank: int, tmp_path: Path) -> None:
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        together(partial(die_once, folder, rank), 1)
    (tmp_path / "last").mkdir()
    with pytest.raises(train.TrainingFailedError):
        together(partial(die_once, tmp_path / "last", rank))
    assert workers_of(tmp_path / "after")


def test_an_error_is_told_with_who_raised_it_and_ends_no_other_trial(tmp_path: Path) -> None:
    with pytest.raises(train.WorkerGroupError, match="nothing to do in") as raised:
        together(partial(refuse, tmp_path))
    assert {type(error) for error in raised.value.worker_failures.values()} == {ValueError}
    assert workers_of(tmp_path / "after")


def test_what_cannot_pass_is_not_begun_again(tmp_path: Path) -> None:
    def note_and_refuse(folder: Path) -> None:
        with (folder / str(distributed.get_rank())).open("a") as lines:
            print("begun", file=lines)
        raise ValueError(f"nothing to do in {folder.name}")

    with pytest.raises(train.WorkerGroupError):
        run_together(partial(note_and_refuse, tmp_path), TWO, "test", 2, lambda error: False)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["begun\n"] * 2


def test_a_worker_that_died_while_it_waited_is_no_failure_of_the_next_trial(tmp_path: Path) -> None:
    before = workers_of(tmp_path / "before")
    os.kill(before[1], signal.SIGKILL)
    assert not set(workers_of(tmp_path / "after")) & set(before)


def test_groups_that_failed_leave_nothing_behind(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(train.WorkerGroupError):
            together(partial(refuse, tmp_path))
    send_home()
    wait_until(lambda: not processes(*GROUP), "something was left running")
