"""The size of an encoder, and the memory that a training step of it takes, without its numbers.

A step is traced with tensors that have a size and no content (`FakeTensorMode`), so that an encoder of any size is
traced in seconds on any machine, and whatever its layers keep is counted as they keep it.
"""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from trainables.encoders.base import Shape
from trainables.encoders.model import Encoder
from trainables.encoders.quiet import quiet

_TRACED = ((2**16, 16), (2**18, 16), (2**18, 32), (2**18, 64))
"""Texts and tokens of each: four rectangles for four numbers that are sought, so large that activations outweigh the
gradient of any single weight, which is then not what the peak is made of."""

_LAYERS = (2, 4)
"""Layers of two encoders that are traced in place of a deeper one; what follows is more of the same."""


def shape_of(skeleton: Encoder) -> Shape:
    """Returns the size of an encoder on any device; of two in one, layers and width are those of the larger."""
    layers, width = max(
        (int(one.config.num_hidden_layers), int(one.config.hidden_size)) for one in skeleton.transformers
    )
    # Named once where a module or a tensor is shared.
    parameters = list(skeleton.parameters())
    trained = [one.numel() for one in parameters if one.requires_grad]
    return Shape(
        layers=layers,
        width=width,
        parameters=sum(one.numel() for one in parameters),
        embeddings=sum(one.get_input_embeddings().weight.numel() for one in skeleton.transformers),
        trained=sum(trained),
        largest=max(trained),
    )


@dataclass(frozen=True)
class Bytes:
    """Bytes of a rectangle: fixed + texts · (per_text + per_token · tokens + per_square · tokens²)."""

    fixed: float
    per_text: float
    per_token: float
    per_square: float

    def of(self, texts: int, tokens: float) -> float:
        """For so many texts of so many tokens each, or on average where squares weigh nothing."""
        return self.fixed + texts * (self.per_text + self.per_token * tokens + self.per_square * tokens**2)

    def beside(self, other: "Bytes") -> "Bytes":
        """At most those of a rectangle of which each text is encoded by one of two encoders."""
        worst = (max(pair) for pair in zip(astuple(self)[1:], astuple(other)[1:], strict=True))
        return Bytes(self.fixed + other.fixed, *worst)

    def towards(self, other: "Bytes", share: float) -> "Bytes":
        """What lies so far on the line from these to others; they are reached at 1."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Bytes(*(mine + share * (yours - mine) for mine, yours in pairs))


@dataclass(frozen=True)
class Footprint:
    """What encoding a rectangle of texts takes in a training step, beside weights, gradients and optimiser."""

    kept: Bytes
    """From the end of its forward pass until its backward pass. Fixed are copies of weights in another precision."""
    peak: Bytes
    """At most during its backward pass, the gradients of weights left aside."""


def footprint(
    skeleton: Encoder, precision: torch.dtype, *, on_gpu: bool = False, checkpointing: bool = False
) -> Footprint:
    """Traces training steps of rectangles of several sizes.

    Args:
        skeleton: an encoder of float32 weights in training mode, on the meta device; left as it is.
        precision: what it computes in.
        on_gpu: whether attention and dropout are those of a GPU.
        checkpointing: whether every layer keeps its input only and computes the rest again in the backward pass.
    """
    queries, passages = skeleton.sides
    if queries is not passages:
        one, other = (footprint(side, precision, on_gpu=on_gpu, checkpointing=checkpointing) for side in skeleton.sides)
        return Footprint(one.kept.beside(other.kept), one.peak.beside(other.peak))
    with quiet():
        depth = len(_layers(skeleton))
        if depth <= max(_LAYERS):
            return _footprint(skeleton, depth, precision, on_gpu, checkpointing)
        few, more = (_footprint(skeleton, layers, precision, on_gpu, checkpointing) for layers in _LAYERS)
    share = (depth - _LAYERS[0]) / (_LAYERS[1] - _LAYERS[0])
    return Footprint(few.kept.towards(more.kept, share), few.peak.towards(more.peak, share))


def _layers(encoder: Encoder) -> nn.ModuleList:
    """The layers of a transformer; none if it does not hold them as a list."""
    depth = encoder.transformer.config.num_hidden_layers
    found = (one for one in encoder.transformer.modules() if isinstance(one, nn.ModuleList) and len(one) == depth)
    return next(found, nn.ModuleList())


def _footprint(skeleton: Encoder, layers: int, precision: torch.dtype, on_gpu: bool, checkpointing: bool) -> Footprint:
    # Nothing but objects: there are no numbers on the meta device.
    encoder = deepcopy(skeleton)
    del _layers(encoder)[layers:]
    with FakeTensorMode():
        _make_fake(encoder)
        if checkpointing and layers:
            _checkpoint_layers(encoder.transformer)
        kept, peaks = zip(*(_traced(encoder, precision, on_gpu, *size) for size in _TRACED), strict=True)
    return Footprint(_fitted(kept), _fitted(peaks))


def _make_fake(encoder: Encoder) -> None:
    """Gives an encoder fake tensors on the CPU, whose gradients vanish once they are whole."""
    made: dict[int, Any] = {}
    for module in encoder.modules():
        for name, one in module.named_parameters(recurse=False):
            if id(one) not in made:
                fake = nn.Parameter(torch.empty(one.shape, dtype=one.dtype), requires_grad=one.requires_grad)
                if one.requires_grad:
                    fake.register_post_accumulate_grad_hook(_forget_gradient)
                made[id(one)] = fake
            module._parameters[name] = made[id(one)]
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


def _forget_gradient(parameter: Tensor) -> None:
    parameter.grad = None


def _checkpoint_layers(transformer: Any) -> None:
    # The name of transformers 6; version 5 began with the older one.
    enable = getattr(transformer, "activation_checkpointing_enable", None) or transformer.gradient_checkpointing_enable
    enable()


def _fitted(found: Sequence[int]) -> Bytes:
    rows = [(1, texts, texts * tokens, texts * tokens**2) for texts, tokens in _TRACED]
    return Bytes(*np.linalg.solve(np.array(rows, dtype=float), np.array(found, dtype=float)).tolist())


def _traced(encoder: Encoder, precision: torch.dtype, on_gpu: bool, texts: int, tokens: int) -> tuple[int, int]:
    """Bytes that are kept at the end of a forward pass, and the most of the backward pass."""
    ids, mask = torch.zeros(texts, tokens, dtype=torch.long), torch.ones(texts, tokens, dtype=torch.bool)
    with ExitStack() as stack:
        live = stack.enter_context(LiveBytes())
        if on_gpu:
            stack.enter_context(_as_on_gpu())
        # What a CPU computes in the lower precision a GPU does, too, in all but details.
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            # Which rows are images only numbers tell: an image counts as a text of as many tokens.
            vectors = Encoder.forward(encoder, ids, mask)
        kept = live.peak = live.now
        vectors.sum().backward()
        return kept, live.peak


class LiveBytes(TorchDispatchMode):
    """The bytes of all tensors that were made since it was entered and are alive `now`, and their `peak`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._counted: weakref.WeakSet[Any] = weakref.WeakSet()

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {id(one.untyped_storage()) for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        for one in tree_leaves(result):
            # Views, and what is changed in place, have the memory of what was given.
            if isinstance(one, Tensor) and id(one.untyped_storage()) not in given:
                self._count(one.untyped_storage())
        return result

    def _count(self, storage: Any) -> None:
        if storage not in self._counted:
            self._counted.add(storage)
            size = storage.nbytes()
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._forget, size).atexit = False

    def _forget(self, size: int) -> None:
        self.now -= size


@contextmanager
def _as_on_gpu() -> Iterator[None]:
    """Lets attention and dropout keep what they keep on a GPU, where their kernels are others than on a CPU."""
    attention, dropout = functional.scaled_dot_product_attention, functional.dropout

    def fused(*args: Any, **kwargs: Any) -> Tensor:
        # Memory-efficient whether anything is dropped or not; on a CPU only where nothing is.
        return attention(*args, **{**kwargs, "dropout_p": 0.0})

    def with_mask_of_bytes(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        return torch.native_dropout(input, p, training)[0] if training and p else input

    # Not a TorchFunctionMode: what a backward pass computes again would not see it.
    functional.scaled_dot_product_attention, functional.dropout = fused, with_mask_of_bytes
    try:
        yield
    finally:
        functional.scaled_dot_product_attention, functional.dropout = attention, dropout
