"""The training loop: one for a worker in the caller's own process and for many in a process group."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import nn

from trainables.checkpoints import load_checkpoint, save_checkpoint
from trainables.clock import Clock
from trainables.config import TrainingConfig
from trainables.corpora.pairs import TrainingData
from trainables.errors import UserError
from trainables.gradient import GradientEngine, Tokens
from trainables.mixing.batches import Batch, BatchPlanner
from trainables.mixing.ratio import ratio_policy
from trainables.optimiser import build_optimiser, learning_rate, trainable_parameters
from trainables.progress import KINDS, Progress, diverged, mean
from trainables.storage import Folder
from trainables.workers import Worker, from_first, same_weights, sum_gradients, sum_over_workers

Evaluate = Callable[[nn.Module], Mapping[str, float]]
"""The dev metrics of an encoder by name; runs on the first worker."""

DevSignals = Callable[[nn.Module, Collection[str]], Mapping[str, float]]
"""The named signals of an encoder for a closed-loop controller, measured on dev data; runs on the first worker."""


class Sink(Protocol):
    """Where reports go."""

    def report(self, report: Mapping[str, Any]) -> bool:
        """Takes a line of reports.jsonl (docs/records.md); True asks the run to stop.

        Every worker's sink gets every report (the speeds are its own); the answer of the first worker counts.
        """


@dataclass(frozen=True)
class TrainingSummary:
    """How a training run ended."""

    status: Literal["complete", "pruned", "diverged"]
    steps: int
    """Optimiser steps done."""
    mean_ratio: float
    mono_share: float
    negatives_per_query: int
    parameters: int
    ratios: tuple[float, ...]
    """α of every step: as an open-loop schedule it replays the run."""
    dev: Mapping[str, float]
    """The last dev metrics; empty if the dev set was never evaluated."""
    pairs: int
    tokens: int
    """Of queries and passages, without padding."""
    signal_pairs: int
    """Pairs encoded beyond training, for a controller's signals."""
    seconds: Mapping[str, float]
    """train, signal, encode (the whole evaluation, less what it books elsewhere on the clock), wait (for reports,
    checkpoints and other workers)."""
