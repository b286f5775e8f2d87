"""What a training run has done so far: losses since the last report, batches, pairs, tokens."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from trainables.batches.kinds import KINDS
from trainables.parallel.worker import Worker, sum_over_workers

_MARGIN = 2.0
_NEAR_CHANCE = 0.99


@dataclass
class LossWindow:
    """The losses of one kind since the last report; those on an accelerator are fetched only when somebody looks."""

    known: list[float] = field(default_factory=list)
    pending: list[Tensor] = field(default_factory=list)

    def fetch(self, worker: Worker) -> list[float]:
        """Returns the losses of the global batches as numbers; waits for the accelerator and the other workers."""
        if self.pending:
            self.known += sum_over_workers(torch.stack(self.pending), worker).tolist()
            self.pending = []
        return self.known


def mean(values: Sequence[float]) -> float | None:
    """The exact mean, or None of nothing."""
    return math.fsum(values) / len(values) if values else None


@dataclass
class Progress:
    """Everything about a run, besides weights, moments and the state of a controller, that a resumed run must know."""

    step: int = 0
    pairs: int = 0
    mono_pairs: int = 0
    tokens: int = 0
    signal_pairs: int = 0
    first_loss: dict[str, float] = field(default_factory=dict)
    """Mean loss, of all batches and per kind, in the first report that had any."""
    windows: dict[str, LossWindow] = field(default_factory=lambda: {name: LossWindow() for name in ("loss", *KINDS)})
    dev: dict[str, float] = field(default_factory=dict)
    """The last dev metrics."""
    signals: dict[str, float] = field(default_factory=dict)
    """What a closed-loop controller saw last."""
    rechunked: dict[int, int] = field(default_factory=dict)
    """Chunks of a batch from a step on, where memory ran out."""
    reported_pairs: int = 0
    reported_tokens: int = 0
    reported_seconds: float = 0.0

    @property
    def mono_share(self) -> float:
        """Share of monolingual ones among the pairs trained so far."""
        return self.mono_pairs / max(1, self.pairs)

    @property
    def chunks(self) -> int | None:
        """Chunks of a batch since memory last ran out; None if it never has."""
        return next(reversed(self.rechunked.values()), None)

    def note_chunks(self, step: int, chunks: int, asked: int) -> None:
        """Keeps in mind from which step on a batch has more chunks than it had."""
        if chunks != (self.chunks or asked):
            self.rechunked[step] = chunks

    def read(self, worker: Worker) -> dict[str, list[float]]:
        """Returns the losses since the last report under `loss`, `mono` and `cross`."""
        return {name: window.fetch(worker) for name, window in self.windows.items()}

    def close_window(self, seconds: float) -> None:
        """Starts the next report; `seconds` is the training time so far."""
        for name, window in self.windows.items():
            if (value := mean(window.known)) is not None:
                self.first_loss.setdefault(name, value)
        self.windows = {name: LossWindow() for name in self.windows}
        self.reported_pairs, self.reported_tokens, self.reported_seconds = self.pairs, self.tokens, seconds

    def state(self, worker: Worker) -> dict[str, Any]:
        """Returns the progress as JSON; every worker must ask."""
        losses = self.read(worker)
        return {**vars(self), "windows": {name: list(values) for name, values in losses.items()}}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Progress":
        """Returns the progress that `state` described."""
        windows = {name: LossWindow(list(known)) for name, known in state["windows"].items()}
        # JSON has no numbers as names.
        rechunked = {int(step): chunks for step, chunks in state["rechunked"].items()}
        return cls(**{**state, "windows": windows, "rechunked": rechunked})


def diverged(losses: Mapping[str, Sequence[float]], first: Mapping[str, float], late: bool, passages: int) -> bool:
    """Tells whether a run has diverged, from the losses since the last report.

    It has when a loss is infinite or not a number; or, `late` in the training, when the mean loss of every kind that
    occurred is twice the same kind's mean in its first report and no better than log(passages) less a
    hundredth, the loss of an encoder that tells nothing apart. Kinds are kept apart, and chance must be reached: a
    schedule that moves from easy to hard batches raises the loss of a healthy run, and may let it forget one kind.
    Batches of both kinds are judged by their loss as a whole.

    Args:
        losses: of all batches and of each kind, since the last report.
        first: mean loss of each of these in its first report.
        late: whether the training is in its second half.
        passages: how many positives of a batch a query chooses among.
    """
    if not all(math.isfinite(value) for values in losses.values() for value in values):
        return True
    if not late:
        return False
    chance = _NEAR_CHANCE * math.log(passages)
    means: dict[str, float] = {name: value for name in KINDS if (value := mean(losses[name])) is not None}
    if not means and (value := mean(losses["loss"])) is not None:
        means = {"loss": value}
    lost = [name in first and value > _MARGIN * first[name] and value > chance for name, value in means.items()]
    return bool(lost) and all(lost)
