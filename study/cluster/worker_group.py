"""Workers that train one trial after the other.

Ray Train starts six processes for a group of two workers, which takes longer than a short trial does. So a group
outlives its trial: its workers ask a mailbox for what to do next, and go home if there is nothing for a while.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import ray
from ray import train
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.cluster.mailbox import Mailbox
from study.cluster.resources import Resources

Work = Callable[[], None]
"""What every worker of a group does for one trial; it finds its rank by torch.distributed."""

_LEAVING_SECONDS = 30.0
"""How long idle workers may take to leave."""

_PATIENCE_SECONDS = 86_400
"""How long workers wait for each other, as while the first one scores; of one that died Ray knows at once."""


def run_alone(work: Work, held: Resources, name: str) -> None:
    """Runs the work of one worker in this process, in Ray Train's local mode; raises what it raises."""
    _fit(_work_alone, {"work": work}, 0, held, name)


def run_together(
    work: Work, held: Resources, name: str, max_failures: int, may_pass: Callable[[train.TrainingFailedError], bool]
) -> None:
    """Runs the work on all workers of a group: that of this process's last trial, if it is alike and still there.

    Args:
        work: the same for every worker.
        held: how many workers, and what each of them holds.
        name: by which Ray's dashboard shows a new group.
        max_failures: how often the work is begun again, by new workers, after one of them raised or died. A worker
            that the owner of its machine took back does not count.
        may_pass: whether beginning again can help.

    Raises:
        ray.train.TrainingFailedError: it failed once more than that; `worker_failures` holds the errors by rank.
        ray.exceptions.RayActorError: what holds the group together has died.
    """
    failures = 0
    while True:
        try:
            if _group_of(held, name).run(work):
                return
        except train.TrainingFailedError as error:
            failures += not _is_of_preemption(error)
            if failures > max_failures or not may_pass(error):
                raise


def worker_errors(error: BaseException) -> tuple[BaseException, ...]:
    """What the workers raised or died of, of an error of Ray Train that stands for them; nothing of any other error."""
    return tuple(getattr(error, "worker_failures", {}).values())


def _is_of_preemption(error: train.TrainingFailedError) -> bool:
    """Whether a machine was taken back. As Ray Train sees it: errors of the other workers come of that."""
    died = (getattr(one, "health_check_failure", one) for one in worker_errors(error))
    return isinstance(error, train.PreemptionError) or any(getattr(one, "preempted", False) for one in died)


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
        self._is_busy = self._has_worked = False
        # Where this process is, so that no other machine can take it away.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._mailbox = ray.remote(num_cpus=0, scheduling_strategy=here)(Mailbox).remote(held.workers)
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
        """Returns once all workers have done it; False if they were not there any more when it was given to them.

        Raises what Ray Train raises.
        """
        # By reference: neither the mailbox nor Train's controller imports what the workers do.
        done: Future[bool] = self._mailbox.run.remote([ray.put(work)]).future()
        either: tuple[Future[Any], ...] = (done, self._life)
        self._is_busy = True
        wait(either, return_when=FIRST_COMPLETED)
        self._is_busy = False
        if not done.done():
            # No work is to blame for a worker that had died while it was idle.
            if not self._has_worked or ray.get(self._mailbox.all_have_begun.remote()):
                self._life.result()
        elif done.result():
            self._has_worked = True
            return True
        wait([self._life])
        return False

    def end(self) -> None:
        """Sends the workers home, and waits until they have left their cores to others; not for work they are at."""
        self._mailbox.close.remote()
        if not self._is_busy:
            wait([self._life], timeout=_LEAVING_SECONDS)
            # It would wait for workers that have died.
            ray.kill(self._mailbox)


def _work_alone(config: Mapping[str, Any]) -> None:
    config["work"]()


def _work_on(config: Mapping[str, Any]) -> None:
    """The life of a worker."""
    mailbox, done = config["mailbox"], 0
    while (work := ray.get(mailbox.next.remote(done))) is not None:
        ray.get(mailbox.begin.remote())
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
            # Workers that Train began again would not know what the group has done.
            run_config=train.RunConfig(
                name=name, storage_path=temporary, failure_config=train.FailureConfig(max_preemption_failures=0)
            ),
        ).fit()
