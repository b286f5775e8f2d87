"""What closed-loop families share: a ratio that is decided anew after every step, deterministically and on the
record.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from trainables.batches.kinds import Kind
from trainables.ratio.controls.replay import Replay
from trainables.ratio.family import Family, Schedule

Signal = str
"""Something that is measured after a step: `loss`, the training loss of the step's own batch; `loss_after`, the loss of
that batch after the update; or `dev/` and what is measured on the dev slice: `loss/mono` or `loss/cross`, the loss of
its pairs of one kind, or any metric by its name in the records, such as `dev/monolingual/map` and
`dev/bias/rank_distance`.
"""

ON_DEV = "dev/"
"""How the signals that are measured on the dev slice begin."""

ENCODED_PER_TRAINED = 3
"""Pairs that are only encoded for the cost of training on one: a backward pass costs two forward ones (2001.08361)."""


class Controller(ABC):
    """Decides the ratio of the next batch from what was seen. Uses no random numbers: equal signals give equal ratios.

    Per step the training loop asks `ratio(step)`, trains, and hands `observe` at least the signals of `wants(step)`.
    """

    def __init__(self, initial: float) -> None:
        self._log: list[float] = []
        self._ratio = initial

    def ratio(self, step: int) -> float:
        """The ratio of a step that is done or next. Raises ValueError for a later one."""
        if step > len(self._log):
            raise ValueError(f"the ratio of step {step} is not decided: step {len(self._log)} has not been observed")
        return self._ratio if step == len(self._log) else self._log[step]

    @abstractmethod
    def wants(self, step: int) -> frozenset[Signal]:
        """The signals to measure after a step; they depend on nothing but the step, so that their cost is known."""

    def observe(self, step: int, kind: Kind, signals: Mapping[str, float]) -> None:
        """Takes in what was seen after `step`, a batch of `kind`, and decides the ratio of the step after it.

        Raises:
            ValueError: a step out of order; a wanted signal that is missing or not finite: a training that diverged
                must be ended by the loop, not steered.
        """
        if step != len(self._log):
            raise ValueError(f"step {step} was observed, but step {len(self._log)} is next")
        for name in self.wants(step):
            if not math.isfinite(signals.get(name, math.nan)):
                raise ValueError(f"signal {name!r} of step {step} is {signals.get(name)}, but must be a finite number")
        self._log.append(self._ratio)
        self._ratio = self._decide(step, kind, signals)

    @abstractmethod
    def _decide(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float:
        """The next ratio, in [0, 1]."""

    def log(self) -> list[float]:
        """The ratios of the steps done so far; as a schedule they repeat the training."""
        return list(self._log)

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on from here, as JSON values that survive the round trip exactly."""
        return {"log": list(self._log), "ratio": self._ratio, "memory": self._memory()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to where `state` was taken."""
        self._log = [float(ratio) for ratio in state["log"]]
        self._ratio = float(state["ratio"])
        self._recall(state["memory"])

    @abstractmethod
    def _memory(self) -> dict[str, Any]:
        """Everything but the log and the ratio that the next decision depends on."""

    @abstractmethod
    def _recall(self, memory: Mapping[str, Any]) -> None:
        """Takes `_memory` back."""


class ControllerFamily(Family):
    """The config of a closed-loop family."""

    closed_loop: ClassVar[bool] = True

    @override
    def comparable_from(self) -> float:
        """The middle, as of a straight line: where a controller leads, and when it gets there, is not known before."""
        return 0.5

    @abstractmethod
    def controller(self, total_steps: int) -> Controller:
        """A controller at step 0 of a training of `total_steps`."""

    @override
    def signal_pairs(self, total_steps: int, batch_size: int, dev_pairs: int) -> int:
        controller = self.controller(total_steps)
        wanted = [controller.wants(step) for step in range(total_steps)]
        again = sum("loss_after" in names for names in wanted)
        measurements = sum(any(name.startswith(ON_DEV) for name in names) for names in wanted)
        return again * batch_size + measurements * dev_pairs

    @override
    def dev_signals(self, total_steps: int) -> frozenset[Signal]:
        controller = self.controller(total_steps)
        wanted = (name for step in range(total_steps) for name in controller.wants(step))
        return frozenset(name for name in wanted if name.startswith(ON_DEV))

    @override
    def as_schedule(self, ratios: Sequence[float]) -> Schedule:
        """A replay of the ratios."""
        return Replay(ratios=tuple(ratios))
