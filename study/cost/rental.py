"""What GPUs a study is planned for, at what price and at what speed: the flags beside `--dry-run`."""

import re
from dataclasses import dataclass
from typing import Any

from study.cost.gpus import GPUS, Gpu
from trainables.errors import UserError

FLAGS = {
    "gpu": ("NAME", "plan for this GPU, such as a100-80 (see docs/cost.md)"),
    "price": ("X", "price of an hour of a GPU"),
    "flops": (
        "X",
        "operations per second that a GPU reaches in training, such as 1.5e14, or a share of its peak: 20%%",
    ),
}
"""Of each flag what stands behind it, and its help."""

_SHARE = 0.15
"""Share of the peak that XLM-R base reached on an H100, in bfloat16, 100 pairs of about 190 tokens a step."""


@dataclass(frozen=True)
class Rental:
    """GPUs of one type, or the machine that is here."""

    gpu: Gpu | None = None
    price: float | None = None
    """Of an hour of a GPU."""
    flops: float | None = None
    """Operations per second of a GPU in training; None: not said."""
    share: float = _SHARE
    """Of the peak, where no `flops` are said."""

    @classmethod
    def of(cls, flags: dict[str, Any]) -> "Rental":
        """Reads the flags. Raises UserError for a GPU that is not known, a price or a speed that is none."""
        named = flags.get("gpu")
        gpu = None if named is None else GPUS.find(named)
        price, flops = flags.get("price"), flags.get("flops")
        if price is not None and gpu is None:
            raise UserError(f"--price {price} is of an hour of a GPU: name the GPU with --gpu.")
        found: dict[str, float] = {}
        if price is not None:
            found["price"] = _number("price", price, "1.99")
        if flops is not None and flops.endswith("%"):
            if gpu is None:
                raise UserError(f"--flops {flops} is a share of the peak of a GPU: name the GPU with --gpu.")
            found["share"] = _number("flops", flops.removesuffix("%"), "20%") / 100
            if found["share"] > 1:
                raise UserError(f"--flops {flops} is more than the GPU can do: give at most 100%.")
        elif flops is not None:
            found["flops"] = _number("flops", flops, "1.5e14 or 20%")
        return cls(gpu, **found)

    def reached(self, in_float32: bool) -> float | None:
        """Operations per second of a GPU in training; None: neither said nor known."""
        if self.flops is not None or self.gpu is None:
            return self.flops
        peak = self.gpu.float32 if in_float32 or self.gpu.bfloat16 is None else self.gpu.bfloat16
        return self.share * peak


HERE = Rental()
"""No GPUs elsewhere: the machine that is here."""


def _number(flag: str, text: str, example: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?(e\d+)?", text.strip()) or not 0 < float(text) < 1e30:
        raise UserError(f"--{flag} {text!r} is no number above 0: give one such as {example}.")
    return float(text)
