"""Where a training run stands, on disk: weights and moments as safetensors, the rest as JSON.

The last two checkpoints are kept, each in a folder named by its step, with the checksum of every file. One that is not
what was written is set aside, and the one before it is gone on with. One that cannot be read now stays where it is.
"""

import logging
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from trainables.config import TrialConfig
from trainables.errors import UserError
from trainables.parallel.strategy import Groups, Parallel
from trainables.parallel.worker import from_first
from trainables.sealed import read_sealed, write_sealed
from trainables.storage import NO_PLAIN_FILE, Folder
from trainables.training.optimiser import optimiser_state, restore_optimiser, trainable_parameters

_WEIGHTS, _MOMENTS, _STATE = "model", "optimiser", "state.json"
KEPT = 2
"""Checkpoints of a run that are on disk at a time."""

_BYTES_OF_WEIGHT = 12
"""A float32 weight and its two moments."""

_DAMAGED = "damaged-"

_logger = logging.getLogger(__name__)


def most_bytes(trained: int) -> int:
    """The most that the checkpoints of a run with so many trained weights take: a new one is whole before one goes."""
    return (KEPT + 1) * _BYTES_OF_WEIGHT * trained


class _Checkpoint(BaseModel):
    """state.json: what the checkpoint is of, and what is neither weights nor moments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[3] = 3
    config: str
    """Fingerprint of the options."""
    data: str
    """Fingerprint of the training data."""
    files: Mapping[str, str]
    """The sha256 of the other files, by name."""
    state: Mapping[str, Any]


def save_checkpoint(
    folder: Folder,
    encoder: nn.Module,
    optimiser: torch.optim.AdamW,
    config: TrialConfig,
    data_fingerprint: str,
    state: Mapping[str, Any],
    parallel: Parallel,
) -> None:
    """Adds a checkpoint, whole or not at all, and removes all but the last two. Every worker must call this.

    Args:
        folder: where the checkpoints of this run lie.
        encoder: its frozen parameters are left out: they are what they were at the start.
        optimiser: its moments.
        config: the training, which only an equal one may go on with.
        data_fingerprint: the training data, likewise.
        state: anything that JSON can hold, with `step` the number of steps done.
        parallel: how the workers hold the weights.

    Raises:
        UserError: every worker has to write, and they do not share the folder.
    """
    parameters = trainable_parameters(encoder)
    groups: Groups = {_WEIGHTS: parameters, _MOMENTS: optimiser_state(optimiser, parameters)}
    with ExitStack() as stack:
        first = parallel.worker.is_first
        path = stack.enter_context((folder / _name(state["step"])).uploaded()) if first else Path()
        if parallel.passes_together:
            path = Path(from_first(str(path), parallel.worker))
        parallel.write(path, groups)
        if first:
            inner = Folder(path)
            files = {name: inner.checksum(name) for name in inner.names()}
            write_sealed(
                inner, _STATE, _Checkpoint(config=config.fingerprint, data=data_fingerprint, files=files, state=state)
            )
    if first:
        for name in _names(folder)[KEPT:]:
            (folder / name).delete()


def load_checkpoint(
    folder: Folder,
    encoder: nn.Module,
    optimiser: torch.optim.AdamW,
    config: TrialConfig,
    data_fingerprint: str,
    parallel: Parallel,
) -> dict[str, Any] | None:
    """Puts weights and moments back and returns the state; None if there is no whole checkpoint.

    Every worker must call this; the first one finds out which checkpoint is whole.

    Raises:
        UserError: the checkpoint is of another configuration, other data or another encoder, or the workers do not
            share the folder.
        OSError: the newest one cannot be read, whole as it may be.
    """
    with ExitStack() as stack:
        newest = _newest_whole(folder, stack) if parallel.worker.is_first else None
        name = from_first(newest and newest[0], parallel.worker)
        if name is None:
            return None
        stored = folder / name
        path = stack.enter_context(stored.downloaded()) if newest is None else newest[1]
        try:
            found = read_sealed(Folder(path), _STATE, _Checkpoint)
        except FileNotFoundError as error:
            raise UserError(
                f"{folder.location} differs between workers: use a storage that all machines share."
            ) from error
        _check_same_run(stored, found, config, data_fingerprint)
        parameters = trainable_parameters(encoder)
        tensors = parallel.read(path, parameters, (_WEIGHTS, _MOMENTS))
    _restore_weights(parameters, tensors[_WEIGHTS], stored)
    restore_optimiser(optimiser, parameters, tensors[_MOMENTS])
    return dict(found.state)


def _newest_whole(folder: Folder, stack: ExitStack) -> tuple[str, Path] | None:
    """The last checkpoint that is what was written, and where it lies until `stack` is closed.

    Those after it are set aside. Raises OSError for one that cannot be read.
    """
    for name in _names(folder):
        with ExitStack() as here:
            path = here.enter_context((folder / name).downloaded())
            try:
                _check_whole(Folder(path))
            except (ValueError, OSError) as error:
                if isinstance(error, OSError) and error.errno not in NO_PLAIN_FILE:
                    raise
                _set_aside(folder, name, error)
                continue
            stack.enter_context(here.pop_all())
            return name, path
    return None


def _name(step: int) -> str:
    return f"{step:09d}"


def _names(folder: Folder) -> list[str]:
    """The checkpoints, the last one first."""
    return sorted((name for name in folder.names() if name.isdecimal()), reverse=True)


def _check_whole(folder: Folder) -> None:
    """Raises ValueError or OSError for a checkpoint that is not what was written."""
    found = read_sealed(folder, _STATE, _Checkpoint)
    for name, checksum in found.files.items():
        if folder.checksum(name) != checksum:
            raise ValueError(f"{name} is not what was written")


def _set_aside(folder: Folder, name: str, error: Exception) -> None:
    """Takes a damaged checkpoint out of the way. It stays for whoever wants to know what happened."""
    _logger.warning("the checkpoint %s in %s is damaged and was set aside: %s", name, folder.location, error)
    # Where folders cannot be renamed, the next start finds it damaged again.
    with suppress(OSError, NotImplementedError):
        folder.rename(name, _DAMAGED + name)


def _check_same_run(folder: Folder, found: _Checkpoint, config: TrialConfig, data_fingerprint: str) -> None:
    for kind, stored, wanted in (
        ("another configuration", found.config, config.fingerprint),
        ("other training data", found.data, data_fingerprint),
    ):
        if stored != wanted:
            raise UserError(
                f"The checkpoint in {folder.location} was written with {kind} ({stored[:12]}, now {wanted[:12]}): "
                "resume with what it was started with, or delete the folder to train anew."
            )


def _restore_weights(parameters: Mapping[str, nn.Parameter], weights: Mapping[str, Tensor], folder: Folder) -> None:
    shapes = {name: tuple(p.shape) for name, p in parameters.items()}
    if shapes != {name: tuple(w.shape) for name, w in weights.items()}:
        raise UserError(
            f"The checkpoint in {folder.location} is of another encoder (its trainable parameters differ in name or "
            "shape): resume with the encoder it was started with, or delete the folder to train anew."
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])
