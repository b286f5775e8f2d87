"""Where a training run stands, on disk: weights and moments as safetensors, the rest as JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from trainables.config import TrialConfig
from trainables.errors import UserError
from trainables.storage import Folder
from trainables.training.optimiser import optimiser_state, restore_optimiser, trainable_parameters

_FORMAT = 2
_WEIGHTS, _MOMENTS, _STATE = "model.safetensors", "optimiser.safetensors", "state.json"


def save_checkpoint(
    folder: Folder,
    encoder: nn.Module,
    optimiser: torch.optim.AdamW,
    config: TrialConfig,
    data_fingerprint: str,
    state: Mapping[str, Any],
) -> None:
    """Replaces the folder's checkpoint by this one, whole or not at all.

    Frozen parameters are left out: they are what they were at the start.

    Args:
        folder: of the checkpoint.
        encoder: whose parameters are kept.
        optimiser: whose moments are kept.
        config: the training, which only an equal one may go on with.
        data_fingerprint: the training data, likewise.
        state: anything that JSON can hold, with `step` the number of steps done.
    """
    parameters = trainable_parameters(encoder)
    weights = {name: parameter.detach() for name, parameter in parameters.items()}
    moments = optimiser_state(optimiser, parameters)
    # On an object store the files appear one by one; the step in each tells whether they belong together.
    mark = {"step": str(state["step"])}
    with folder.uploaded() as path:
        save_file({name: value.contiguous() for name, value in weights.items()}, path / _WEIGHTS, metadata=mark)
        save_file(moments, path / _MOMENTS, metadata=mark)
        Folder(path).write_json(
            _STATE,
            {"format": _FORMAT, "config": config.fingerprint, "data": data_fingerprint, **state},
        )


def load_checkpoint(
    folder: Folder, encoder: nn.Module, optimiser: torch.optim.AdamW, config: TrialConfig, data_fingerprint: str
) -> dict[str, Any] | None:
    """Puts weights and moments back and returns the state; None if the folder holds no whole checkpoint.

    Raises UserError if the checkpoint is of another configuration, other data or another encoder.
    """
    stored = folder.whole()
    if not stored.exists(_STATE):
        return None
    state: dict[str, Any] = stored.read_json(_STATE)
    if state["format"] != _FORMAT:
        raise UserError(
            f"The checkpoint in {folder.location} has format {state['format']}, but this version reads {_FORMAT}: "
            "delete the folder to train from the start."
        )
    for what, fingerprint in (("config", config.fingerprint), ("data", data_fingerprint)):
        if state[what] != fingerprint:
            kind = "another configuration" if what == "config" else "other training data"
            raise UserError(
                f"The checkpoint in {folder.location} was written with {kind} ({state[what][:12]}, now "
                f"{fingerprint[:12]}): resume with what it was started with, or delete the folder to train anew."
            )
    with stored.downloaded() as path:
        weights, moments = (_read(path / name, state["step"]) for name in (_WEIGHTS, _MOMENTS))
    if weights is None or moments is None:
        return None
    parameters = trainable_parameters(encoder)
    _restore_weights(parameters, weights, folder)
    restore_optimiser(optimiser, parameters, moments)
    return state


def _read(path: Path, step: int) -> dict[str, Tensor] | None:
    """The tensors of a file, or None if it is not there or belongs to another step."""
    if not path.is_file():
        return None
    with safe_open(path, framework="pt") as file:
        if file.metadata() != {"step": str(step)}:
            return None
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (the file is no dict)


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
