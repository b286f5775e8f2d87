"""Every worker holds a part of every weight, gradient and moment (FSDP2); a layer is whole only while it computes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from typing_extensions import override

from trainables.encoders.model import Encoder
from trainables.errors import UserError
from trainables.parallel.parts import gathered
from trainables.parallel.recompute import transformer_layers
from trainables.parallel.strategy import Build, Groups, Parallel
from trainables.parallel.worker import Worker


class Sharded(Parallel):
    """A part of the model on every worker.

    Gathered weights and gradients of the whole model never lie on one worker: a layer is gathered before it computes,
    forward and backward, and its gradient is scattered as soon as there is one.
    """

    passes_together: ClassVar[bool] = True

    @override
    def place(self, build: Build) -> Encoder:
        """Only the first worker builds the encoder, on the CPU. The others get its modules without weights, and then
        every worker its part of the weights, one layer after the other.

        Raises:
            UserError: layers share weights with what is outside of them, or weights differ in precision.
        """
        _join_alone(self.worker)
        mesh = init_device_mesh(self.worker.device.type, (self.worker.world,))
        whole = build() if self.worker.is_first else None
        encoder = self._modules_of(whole)
        self.set_up(encoder)
        for unit in _units(encoder):
            self._fill(encoder, whole, unit)
            self._shard(unit, mesh)
        return encoder

    def _modules_of(self, whole: Encoder | None) -> Encoder:
        """The first worker's encoder, on every worker, with nothing in its weights and buffers."""
        box: list[Any] = [None]
        if whole is not None:
            empty = {id(one): torch.empty_like(one, device="meta") for one in whole.buffers()}
            for one in whole.parameters():
                empty[id(one)] = nn.Parameter(torch.empty_like(one, device="meta"), one.requires_grad)
            box = [deepcopy(whole, empty)]
        if self.worker.world > 1:
            distributed.broadcast_object_list(box, src=0, device=self.worker.device)
        found: Encoder = box[0]
        return found

    def _fill(self, encoder: Encoder, whole: Encoder | None, unit: nn.Module) -> None:
        """Gives a unit, on every worker, the weights and buffers of the first worker, whole."""
        sources = {} if whole is None else dict(_tensors(whole))
        inside = {id(tensor) for _, tensor in _tensors(unit)}
        names: dict[int, list[str]] = {}
        for name, tensor in _tensors(encoder):
            if tensor.is_meta and id(tensor) in inside:
                names.setdefault(id(tensor), []).append(name)
        for same in names.values():
            empty = attrgetter(same[0])(encoder)
            filled = torch.empty_like(empty, device=self.worker.device)
            if whole is not None:
                filled.copy_(sources[same[0]])
            if self.worker.world > 1:
                distributed.broadcast(filled, src=0)
            if isinstance(empty, nn.Parameter):
                filled = nn.Parameter(filled, empty.requires_grad)
            # Tied weights have several names, and stay one.
            for name in same:
                place, _, attribute = name.rpartition(".")
                setattr(encoder.get_submodule(place), attribute, filled)

    def _shard(self, unit: nn.Module, mesh: DeviceMesh) -> None:
        half = self.compute.precision == "bfloat16"
        precision = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16 if half else None,
            reduce_dtype=torch.float32,
            # Autocast says what is computed in which precision, as for replicated weights.
            cast_forward_inputs=False,
        )
        fully_shard(unit, mesh=mesh, mp_policy=precision, reshard_after_forward=True)
        # Losses of the workers are parts of that of the global batch: their gradients are summed, not averaged.
        unit.set_gradient_divide_factor(1.0)  # type: ignore[operator]
        # Gloo knows no other reduction.
        unit.set_force_sum_reduction_for_comms(True)  # type: ignore[operator]

    @override
    def same_weights(self, encoder: nn.Module) -> None:
        """Nothing to do: no weight is on two workers."""

    @override
    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Nothing to do: every backward pass sums what it adds."""

    @override
    def write(self, folder: Path, groups: Groups) -> None:
        """Every worker writes a file of its own.

        Raises:
            UserError: the workers do not share the folder.
        """
        seen = torch.tensor(float(folder.is_dir()))
        if self.worker.world > 1:
            seen = seen.to(self.worker.device)
            distributed.all_reduce(seen)
        if int(seen) < self.worker.world:
            raise UserError(
                f"{folder.parent} is not there on every machine: use a storage that all machines share as a folder, or "
                "set monitoring.checkpoints to 0."
            )
        flat: dict[str, Tensor] = {}
        for group, tensors in groups.items():
            for name, tensor in tensors.items():
                # What has no rows is written by one worker for all.
                is_number = tensor.dim() == 0
                flat[f"{group}/{name}{_NUMBER if is_number else ''}"] = tensor.reshape(1) if is_number else tensor
        with _first_cause():
            save(flat, storage_writer=HuggingFaceStorageWriter(str(folder), save_distributed=True))

    @override
    def read(self, folder: Path, parameters: Mapping[str, nn.Parameter], groups: Iterable[str]) -> Groups:
        stored = HuggingFaceStorageReader(str(folder))
        contents = stored.read_metadata().state_dict_metadata
        sizes = {key: one.size for key, one in contents.items() if isinstance(one, TensorStorageMetadata)}
        wanted: dict[str, Tensor] = {}
        for key, size in sizes.items():
            name = key.partition("/")[2]
            like = parameters.get(name, parameters.get(name.rpartition("/")[0]))
            fits = like is not None and like.shape == size and not key.endswith(_NUMBER)
            wanted[key] = torch.zeros_like(like.detach()) if fits and like is not None else torch.zeros(size)
        with _first_cause():
            load(wanted, storage_reader=stored)
        found: dict[str, dict[str, Tensor]] = {group: {} for group in groups}
        for key, tensor in wanted.items():
            group, _, name = key.partition("/")
            found[group][name.removesuffix(_NUMBER)] = tensor[0] if name.endswith(_NUMBER) else tensor
        return found

    @override
    @torch.no_grad()
    def whole(self, encoder: Encoder, build: Build) -> Encoder | None:
        """Gathers one trained weight after the other into a new encoder on the first worker's CPU."""
        target = build() if self.worker.is_first else None
        for name, parameter in encoder.named_parameters():
            if parameter.requires_grad:
                weights = gathered(parameter)
                if target is not None:
                    target.get_parameter(name).copy_(weights)
        return target


_NUMBER = "#"
"""Stands behind the name of what is written as one row, and is a number."""


def _join_alone(worker: Worker) -> None:
    """Sets up the process group of one worker, which has none."""
    if worker.world == 1 and not distributed.is_initialized():
        backend = "nccl" if worker.device.type == "cuda" else "gloo"
        store = distributed.HashStore()  # type: ignore[attr-defined]
        distributed.init_process_group(backend, store=store, rank=0, world_size=1)


def _units(encoder: Encoder) -> list[nn.Module]:
    """What is gathered at a time: every layer, and then all that is left."""
    kinds = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in encoder.parameters()})
    if len(kinds) > 1:
        raise UserError(
            f"The encoder {encoder.config.name!r} has weights in {' and '.join(kinds)}, which cannot be sharded "
            "together: set compute.parallel to replicated."
        )
    layers = list(dict.fromkeys(transformer_layers(encoder)))
    uses = Counter(id(tensor) for _, tensor in encoder.named_parameters(remove_duplicate=False))
    for layer in layers:
        own = list(layer.named_parameters(remove_duplicate=False))
        inside = Counter(id(tensor) for _, tensor in own)
        shared = next((name for name, tensor in own if uses[id(tensor)] > inside[id(tensor)]), None)
        if shared is not None:
            raise UserError(
                f"The encoder {encoder.config.name!r} has a weight ({shared}) that a layer shares with what is outside "
                "of it, which cannot be sharded: set compute.parallel to replicated."
            )
    return [*layers, encoder]


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, tied ones under each of their names."""
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


@contextmanager
def _first_cause() -> Iterator[None]:
    """Raises what a worker raised, and not the collection of what all workers raised."""
    try:
        yield
    except CheckpointException as error:
        cause, _ = next(iter(error.failures.values()))
        raise cause from error
