"""The mean of the weights of several encoders: of the seeds of one arm, or of trainings on different mixtures.

Weights can be averaged only where all trainings set out from the same ones. Then they usually end in one valley of the
loss, whose middle is as good a place as its sides or a better one (model soups, Wortsman et al. 2022). Two trainings
from different random weights have learnt the same things in different places, and the mean of those is neither.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from trainables.encoders.adapters import without_adapters
from trainables.encoders.base import EncoderConfig
from trainables.encoders.model import Encoder
from trainables.encoders.registry import resolve_encoder
from trainables.errors import UserError


def check_one_origin(configs: Iterable[EncoderConfig]) -> None:
    """Raises UserError where trainings of these encoders did not set out from the same weights."""
    found = list(configs)
    scratch = next((one.name for one in found if not one.is_pretrained), None)
    if scratch is not None:
        raise UserError(
            f"The encoder {scratch} is trained from scratch, from other random weights for every seed, and the mean of "
            "such weights is no encoder: export one seed."
        )
    # What decides where a training goes, and not from where, may differ: a merged arm has several.
    origins = {(one.kind, one.token_key, one.pooling, getattr(one, "layers", ())) for one in found}
    if len(origins) > 1:
        names = sorted({one.name for one in found})
        raise UserError(
            f"The weights of {' and '.join(names)} cannot be averaged: they are of different checkpoints, tokenizers "
            "or poolings; average trainings of one encoder."
        )


def average(encoders: Iterable[Encoder], coefficients: Sequence[float]) -> Encoder:
    """Returns the encoder whose weights are the sum of coefficient times weight, added in float32.

    Adapters are merged into their model first: the mean of products of two matrices is not the product of the means.

    Args:
        encoders: as many as coefficients, on one device, of one origin (`check_one_origin`). They may be made one by
            one: no more than two are held. The first one is changed and returned, in evaluation mode.
        coefficients: sum to 1.

    Raises:
        UserError: their weights differ in name or shape, or buffers of whole numbers (positions) in value.
        ValueError: coefficients that do not sum to 1, or are not as many as encoders.
    """
    if abs(sum(coefficients) - 1) > _ROUNDING:
        raise ValueError(f"the coefficients {list(coefficients)} sum to {sum(coefficients)} and not to 1")
    first: Encoder | None = None
    sums: dict[str, Tensor] = {}
    with torch.no_grad():
        for encoder, coefficient in zip(encoders, coefficients, strict=True):
            for side in encoder.sides:
                side.transformer = without_adapters(side.transformer)
            if first is None:
                first = encoder
                sums = {name: coefficient * weight.float() for name, weight in _tensors(first) if _is_averaged(weight)}
            else:
                _check_alike(first, encoder)
                for name, weight in _tensors(encoder):
                    if _is_averaged(weight):
                        sums[name].add_(weight.float(), alpha=coefficient)
        if first is None:
            raise ValueError("there is no encoder to average")
        for name, weight in _tensors(first):
            if _is_averaged(weight):
                weight.copy_(sums[name])
    return first.eval()


def average_of_folders(
    folders: Sequence[Path], coefficients: Sequence[float], trained: EncoderConfig
) -> tuple[Encoder, PreTrainedTokenizerBase]:
    """Returns the average of kept encoders, and the tokenizer of the first one; raises UserError as `average` does.

    Args:
        folders: of the encoders.
        coefficients: as many, summing to 1.
        trained: the encoder of their trainings: whether code that it brings may run is said there alone.
    """
    code = {"trust_remote_code": True} if getattr(trained, "trust_remote_code", False) else {}
    configs = [resolve_encoder(str(folder)).model_copy(update=code) for folder in folders]
    tokenizer = configs[0].tokenizer([])
    # Adapters that are loaded are merged.
    return average((config.build(tokenizer, seed=0) for config in configs), coefficients), tokenizer


_ROUNDING = 1e-6


def _tensors(encoder: Encoder) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name; tensors that share their memory once."""
    yield from encoder.named_parameters()
    yield from encoder.named_buffers()


def _is_averaged(weight: Tensor) -> bool:
    return weight.is_floating_point()


def _check_alike(first: Encoder, other: Encoder) -> None:
    ours, theirs = dict(_tensors(first)), dict(_tensors(other))
    unlike = next((n for n in sorted(ours.keys() | theirs.keys()) if _shape(ours, n) != _shape(theirs, n)), None)
    if unlike is not None:
        raise UserError(
            f"The weights cannot be averaged: {unlike} is {_shape(ours, unlike)} in one encoder and "
            f"{_shape(theirs, unlike)} in another; average trainings of one encoder."
        )
    whole = (name for name, weight in ours.items() if not _is_averaged(weight) and not weight.equal(theirs[name]))
    unequal = next(whole, None)
    if unequal is not None:
        raise UserError(
            f"The weights cannot be averaged: {unequal} holds whole numbers that differ between the encoders; average "
            "trainings of one encoder."
        )


def _shape(weights: dict[str, Tensor], name: str) -> str:
    return "x".join(map(str, weights[name].shape)) or "a number" if name in weights else "missing"
