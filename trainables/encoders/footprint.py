"""The size of an encoder, and the memory that a training step of it takes, without its numbers.

A step is traced with tensors that have a size and no content (`FakeTensorMode`), so that an encoder of any size is
traced in seconds on any machine, and whatever its layers keep is counted as they keep it.
"""

import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from trainables.encoders import attention
from trainables.encoders.base import Shape
from trainables.encoders.model import Encoder
from trainables.encoders.packing import Packing
from trainables.encoders.quiet import quiet

_TRACED = ((2**16, 16), (2**18, 16), (2**18, 32), (2**18, 64))
"""Texts and tokens of each: four rectangles for four numbers that are sought, so large that activations outweigh the
gradient of any single weight, which is then not what the peak is made of."""

_WIDE = (2**18, 16, 2**10)
"""Packed texts, tokens of each, and the width that they are pooled in, so large that pooling takes the most."""

_PARTS = 2**3
"""In so many parts packed texts are attended to in a trace: what is in flight is little beside what is kept, as it is
where that is done text by text."""

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
    """Bytes of a rectangle: fixed + texts · (per_text + per_token · tokens + per_square · squares + per_place · width).

    Squares are those of the tokens of a text.
    """

    fixed: float
    per_text: float
    per_token: float
    per_square: float
    per_place: float = 0.0

    def of(self, texts: int, tokens: float, squares: float | None = None, width: int = 0) -> float:
        """For so many texts of so many tokens each; of packed texts the means of tokens and squares, and the width."""
        squares = tokens**2 if squares is None else squares
        each = self.per_text + self.per_token * tokens + self.per_square * squares + self.per_place * width
        return self.fixed + texts * each

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
    """What encoding a rectangle of texts, or a row of packed ones, takes in a training step, beside weights, gradients
    and optimiser."""

    kept: Bytes
    """From the end of its forward pass until its backward pass. Fixed are copies of weights in another precision."""
    layers: Bytes
    """At most while layers are carried back, the gradients of weights left aside."""
    pooling: Bytes | None = None
    """At most while packed texts, padded again for it, are pooled; none of a layer's is in flight then."""

    def peak(self, texts: int, tokens: float, squares: float | None = None, width: int = 0) -> float:
        """The most bytes at a time, of what `Bytes.of` takes."""
        return max(one.of(texts, tokens, squares, width) for one in (self.layers, self.pooling) if one is not None)

    def towards(self, other: "Footprint", share: float) -> "Footprint":
        """As `Bytes.towards`."""
        pooling = self.pooling.towards(other.pooling, share) if self.pooling and other.pooling else None
        return Footprint(self.kept.towards(other.kept, share), self.layers.towards(other.layers, share), pooling)


def footprint(
    skeleton: Encoder,
    precision: torch.dtype,
    *,
    on_gpu: bool = False,
    checkpointing: bool = False,
    packed: bool = False,
) -> Footprint:
    """Traces training steps of rectangles of several sizes.

    Args:
        skeleton: an encoder of float32 weights in training mode, on the meta device; left as it is.
        precision: what it computes in.
        on_gpu: whether attention and dropout are those of a GPU.
        checkpointing: whether every layer keeps its input only and computes the rest again in the backward pass.
        packed: whether texts are packed, which its encoder can.
    """
    queries, passages = skeleton.sides
    if queries is not passages:
        one, other = (footprint(side, precision, on_gpu=on_gpu, checkpointing=checkpointing) for side in skeleton.sides)
        return Footprint(one.kept.beside(other.kept), one.layers.beside(other.layers))
    with quiet():
        depth = len(_layers(skeleton))
        if depth <= max(_LAYERS):
            return _footprint(skeleton, depth, precision, on_gpu, checkpointing, packed)
        few, more = (_footprint(skeleton, layers, precision, on_gpu, checkpointing, packed) for layers in _LAYERS)
    share = (depth - _LAYERS[0]) / (_LAYERS[1] - _LAYERS[0])
    return few.towards(more, share)


def _layers(encoder: Encoder) -> nn.ModuleList:
    """The layers of a transformer; none if it does not hold them as a list."""
    depth = encoder.transformer.config.num_hidden_layers
    found = (one for one in encoder.transformer.modules() if isinstance(one, nn.ModuleList) and len(one) == depth)
    return next(found, nn.ModuleList())


def _footprint(
    skeleton: Encoder, layers: int, precision: torch.dtype, on_gpu: bool, checkpointing: bool, packed: bool
) -> Footprint:
    # Nothing but objects: there are no numbers on the meta device.
    encoder = deepcopy(skeleton)
    del _layers(encoder)[layers:]
    with FakeTensorMode():
        _make_fake(encoder)
        if checkpointing and layers:
            _checkpoint_layers(encoder.transformer)
        if packed:
            attention.attend_without_waiting(encoder)
            rows = [(texts, tokens, tokens) for texts, tokens in _TRACED]
            kept, _, layers_back = zip(*(_traced(encoder, precision, on_gpu, *row) for row in rows), strict=True)
            wide, *most = _traced(encoder, precision, on_gpu, *_WIDE)
            return _footprint_of_rows(_fitted(kept), _fitted(layers_back), wide, max(most))
        kept, _, layers_back = zip(*(_traced(encoder, precision, on_gpu, *size) for size in _TRACED), strict=True)
    return Footprint(_fitted(kept), _fitted(layers_back))


def _footprint_of_rows(kept: Bytes, layers: Bytes, wide: int, most: int) -> Footprint:
    """Of packed texts, from the bytes of rows as wide as their texts, and those that a wide one keeps and takes."""
    texts, tokens, width = _WIDE
    # What a place keeps is seen in the wide row, and was taken for what a token keeps in the others.
    place = (wide - kept.of(texts, tokens)) / (texts * (width - tokens))
    kept = replace(kept, per_token=kept.per_token - place, per_place=place)
    pooling = replace(kept, per_place=place + (most - wide) / (texts * width))
    return Footprint(kept, layers, pooling)


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


def _traced(
    encoder: Encoder, precision: torch.dtype, on_gpu: bool, texts: int, tokens: int, width: int | None = None
) -> tuple[int, int, int]:
    """Bytes that are kept at the end of a forward pass, and the most of that and of the backward pass.

    Texts are packed where there is a width of the rows that they are pooled in.
    """
    columns = tokens if width is None else width
    ids, mask = torch.zeros(texts, columns, dtype=torch.long), torch.ones(texts, columns, dtype=torch.bool)
    packing = None
    if width is not None:
        places, starts = torch.zeros(texts * tokens, dtype=torch.long), torch.zeros(texts + 1, dtype=torch.int32)
        packing = Packing(places, starts, width)
    with ExitStack() as stack:
        if packing is not None:
            stack.enter_context(_attending_in_parts(tokens, on_gpu))
        live = stack.enter_context(LiveBytes())
        if on_gpu:
            stack.enter_context(_as_on_gpu())
        # What a CPU computes in the lower precision a GPU does, too, in all but details.
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            # Which rows are images only numbers tell: an image counts as a text of as many tokens.
            vectors = Encoder.forward(encoder, ids, mask, packing)
        forward = live.peak
        kept = live.peak = live.now
        vectors.sum().backward()
        return kept, forward, live.peak


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
def _attending_in_parts(tokens: int, on_gpu: bool) -> Iterator[None]:
    """Lets packed texts of so many tokens each be attended to some at a time, on a GPU all at once.

    A trace does not know where they begin.
    """
    one_by_one = attention.one_by_one

    def in_parts(
        rows: Sequence[Tensor],
        starts: Tensor,
        longest: int,
        dropout: float,
        is_causal: bool,
        scale: float | None,
        window: int | None,
    ) -> Tensor:
        texts = [one.unflatten(0, (-1, tokens)) for one in rows]
        if on_gpu:
            return attention.attended(texts, None, dropout, scale).flatten(0, 1)
        mask = attention.mask_of(longest, is_causal, window, rows[0])
        parts = zip(*(one.chunk(_PARTS) for one in texts), strict=True)
        return torch.cat([attention.attended(part, mask, dropout, scale) for part in parts]).flatten(0, 1)

    attention.one_by_one = in_parts
    try:
        yield
    finally:
        attention.one_by_one = one_by_one


@contextmanager
def _as_on_gpu() -> Iterator[None]:
    """Lets attention and dropout keep what they keep on a GPU, where their kernels are others than on a CPU."""
    attend, dropout = functional.scaled_dot_product_attention, functional.dropout

    def fused(*args: Any, **kwargs: Any) -> Tensor:
        # Memory-efficient whether anything is dropped or not; on a CPU only where nothing is.
        return attend(*args, **{**kwargs, "dropout_p": 0.0})

    def with_mask_of_bytes(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        return torch.native_dropout(input, p, training)[0] if training and p else input

    # Not a TorchFunctionMode: what a backward pass computes again would not see it.
    functional.scaled_dot_product_attention, functional.dropout = fused, with_mask_of_bytes
    try:
        yield
    finally:
        functional.scaled_dot_product_attention, functional.dropout = attend, dropout
