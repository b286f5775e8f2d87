"""How the weights of one model lie on the workers that train it: whole on each of them, or a part on each."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from trainables.encoders.attention import attend_without_waiting
from trainables.encoders.model import Encoder
from trainables.parallel.compiled import compile_layers
from trainables.parallel.recompute import recompute_activations
from trainables.parallel.worker import Worker
from trainables.training.config import ComputeConfig

Build = Callable[[], Encoder]
"""Returns the encoder as it is before the first step, whole, on the CPU."""

Groups = Mapping[str, Mapping[str, Tensor]]
"""Tensors by name, in groups such as weights and moments."""


@dataclass(frozen=True)
class Parallel(ABC):
    """What a training asks of the way in which its workers hold the model. Every worker makes every call."""

    compute: ComputeConfig
    """How the training computes."""
    worker: Worker
    """This process."""

    passes_together: ClassVar[bool]
    """Whether a forward pass of one worker needs one of all others: then all must make equally many."""

    @abstractmethod
    def place(self, build: Build) -> Encoder:
        """Returns the encoder on the worker's device."""

    def set_up(self, encoder: Encoder) -> None:
        """Makes an encoder compute as the device and the training ask; its vectors and gradients stay the same."""
        if self.worker.device.type == "cuda":
            attend_without_waiting(encoder)
        if self.compute.compile:
            compile_layers(encoder)
        if self.compute.activation_checkpointing:
            recompute_activations(encoder)

    @abstractmethod
    def same_weights(self, encoder: nn.Module) -> None:
        """Gives the model of all workers the weights of the first one's."""

    @abstractmethod
    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Makes every gradient the sum over the workers, if the backward passes have not."""

    @abstractmethod
    def write(self, folder: Path, groups: Groups) -> None:
        """Writes tensors, such as parameters and what has their shape, as safetensors into a folder that all share."""

    @abstractmethod
    def read(self, folder: Path, parameters: Mapping[str, nn.Parameter], groups: Iterable[str]) -> Groups:
        """Returns what `write` wrote, on any number of workers.

        Args:
            folder: where it lies.
            parameters: tensors named after one, or after one and a quantity (`name/quantity`), lie as it does.
            groups: names of those to be read.
        """

    @abstractmethod
    def whole(self, encoder: Encoder, build: Build) -> Encoder | None:
        """Returns the encoder, whole, on the first worker, and None on the others."""


def parallel_of(compute: ComputeConfig, worker: Worker) -> Parallel:
    """Returns what `compute.parallel` asks for."""
    if compute.parallel == "sharded":
        # What shards is imported where something is sharded.
        from trainables.parallel.sharded import Sharded

        return Sharded(compute, worker)
    from trainables.parallel.replicated import Replicated

    return Replicated(compute, worker)
