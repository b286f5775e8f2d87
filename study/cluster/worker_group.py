"""Workers that train one trial after the other.

Ray Train starts six processes for a group of two workers, which takes longer than a short trial does. So a group
outlives its trial: its workers ask a mailbox for what to do next, and go home if there is nothing for a while.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import ray
from ray import train
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.cluster.resources import Resources

Work = Callable[[], None]
"""What every worker of a group does for one trial; it finds its rank by torch.distributed."""

_IDLE_SECONDS = 5.0
"""How long workers hold their cores for another trial. Tune takes a fraction of a second to start it; a trial that
needs other workers waits for no longer than this."""

_LEAVING_SECONDS = 30.0
"""How long idle workers may take to leave."""

_PATIENCE_SECONDS = 86_400
"""How long workers wait for each other, as while the first one scores; of one that died Ray knows at once."""


def run_alone(work: Work, held: Resources, name: str) -> None:
    """Runs the work of one worker in this process, in Ray Train's local mode; raises what it raises."""
    _fit(_work_alone, {"work": work}, 0, held, name)


def run_together(work: Work, held: Resources, name: str, max_failures: int) -> None:
    """Runs the work on all workers of a group: that of this process's last trial, if it is alike and still there.

    Args:
        work: the same for every worker.
        held: how many workers, and what each of them holds.
        name: by which Ray's dashboard shows a new group.
        max_failures: how often the work is begun again, by new workers, after one of them raised or died.

    Raises:
        ray.train.TrainingFailedError: it failed once more than that; `worker_failures` holds the errors by rank.
        ray.exceptions.RayActorError: what holds the group together has died.
    """
    for left in reversed(range(max_failures + 1)):
        try:
            while not _group_of(held, name).run(work):
                pass
        except train.TrainingFailedError:
            if not left:
                raise
        else:
            return


def send_home() -> None:
    """Ends the group of this process, if there is one, in order: a process that just ends would leave it to Ray to find
    out, and not every Ray then gives back what the workers held."""
    while _last:
        _last.pop().end()


_last: "list[_Group]" = []
"""The group of this process, once there was one."""


def _group_of(held: Resources, name: str) -> "_Group":
    if _last and (_last[0].held != held or _last[0].has_ended):
        send_home()
    if not _last:
        _last.append(_Group(held, name))
    return _last[0]


class _Group:
    """A worker group of Ray Train that belongs to this process, and ends with it at the latest."""

    def __init__(self, held: Resources, name: str) -> None:
        self.held = held
        self._is_busy = False
        # Where this process is, so that no other machine can take it away.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._mailbox = ray.remote(num_cpus=0, scheduling_strategy=here)(_Mailbox).remote(held.workers)
        self._life: Future[None] = Future()
        # A daemon: the process may end while its workers wait for the next trial.
        Thread(target=self._live, args=(name,), daemon=True).start()

    def _live(self, name: str) -> None:
        try:
            _fit(_work_on, {"mailbox": self._mailbox}, self.held.workers, self.held, name)
            self._life.set_result(None)
        except BaseException as error:
            self._life.set_exception(error)

    @property
    def has_ended(self) -> bool:
        return self._life.done()

    def run(self, work: Work) -> bool:
        """Returns once all workers have done it; False if they had gone home before. Raises what Ray Train raises."""
        # By reference: neither the mailbox nor Train's controller imports what the workers do.
        done: Future[bool] = self._mailbox.run.remote([ray.put(work)]).future()
        either: tuple[Future[Any], ...] = (done, self._life)
        self._is_busy = True
        wait(either, return_when=FIRST_COMPLETED)
        self._is_busy = False
        if not done.done():
            self._life.result()
        elif done.result():
            return True
        wait([self._life])
        return False

    def end(self) -> None:
        """Sends the workers home, and waits until they have left their cores to others; not for work they are at."""
        self._mailbox.close.remote()
        if not self._is_busy:
            wait([self._life], timeout=_LEAVING_SECONDS)


class _Mailbox:
    """What the workers of a group are told. An actor: the workers may be on other machines."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._work: Any = None
        self._given = 0
        self._finished = 0
        """How many workers have done what was given last."""
        self._closed = False
        self._changed = asyncio.Condition()

    async def run(self, work: Any) -> bool:
        """Gives the work to all workers and returns when they have done it; False if there are none any more."""
        async with self._changed:
            if self._closed:
                return False
            self._work, self._given, self._finished = work, self._given + 1, 0
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._finished == self._workers)
            self._work = None
        self._closing = asyncio.create_task(self._close_if_idle(self._given))
        return True

    async def next(self, done: int) -> Any:
        """The next work of a worker that has done so many; None if there is no more."""
        async with self._changed:
            if done == self._given:
                self._finished += 1
                self._changed.notify_all()
            await self._changed.wait_for(lambda: self._given > done or self._closed)
            return self._work if self._given > done else None

    async def close(self) -> None:
        """Sends the workers home."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def _close_if_idle(self, given: int) -> None:
        await asyncio.sleep(_IDLE_SECONDS)
        if self._given == given:
            await self.close()


def _work_alone(config: Mapping[str, Any]) -> None:
    config["work"]()


def _work_on(config: Mapping[str, Any]) -> None:
    """The life of a worker."""
    mailbox, done = config["mailbox"], 0
    while (work := ray.get(mailbox.next.remote(done))) is not None:
        ray.get(work[0])()
        done += 1


def _fit(
    loop: Callable[[Mapping[str, Any]], None], config: dict[str, Any], workers: int, held: Resources, name: str
) -> None:
    # Train's own folder is never used: checkpoints and reports have their place in the study.
    with TemporaryDirectory() as temporary:
        TorchTrainer(
            loop,
            train_loop_config=config,
            scaling_config=train.ScalingConfig(
                num_workers=workers,
                use_gpu=held.gpus_per_worker > 0,
                resources_per_worker={"CPU": held.cpus_per_worker, "GPU": held.gpus_per_worker, **held.custom},
                placement_strategy=held.placement,
            ),
            torch_config=TorchConfig(timeout_s=_PATIENCE_SECONDS),
            run_config=train.RunConfig(name=name, storage_path=temporary),
        ).fit()
