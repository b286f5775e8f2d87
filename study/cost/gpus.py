"""GPUs that a study can be planned for, as their data sheets have them."""

from dataclasses import dataclass

from trainables.registry import Registry


@dataclass(frozen=True)
class Gpu:
    """A type of GPU. Speeds are peaks, of dense matrices."""

    name: str
    """With the gigabytes that are sold, of 10^9 bytes; the few per cent that a card has more are left to the driver."""
    float32: float
    """Operations per second."""
    bfloat16: float | None
    """Operations per second; None: it has no bfloat16, and `auto` computes in float32."""
    watts: int
    """What the board may take."""

    @property
    def gib(self) -> float:
        """Its memory in GiB."""
        return float(self.name.rpartition("-")[2]) * 1e9 / 2**30


GPUS: Registry[Gpu] = Registry(
    "GPU",
    lambda gpu: gpu.name,
    (
        # docs/cost.md has the source of each line.
        Gpu("t4-16", float32=8.1e12, bfloat16=None, watts=70),
        Gpu("v100-16", float32=15.7e12, bfloat16=None, watts=300),
        Gpu("v100-32", float32=15.7e12, bfloat16=None, watts=300),
        Gpu("a100-40", float32=19.5e12, bfloat16=312e12, watts=400),
        Gpu("a100-80", float32=19.5e12, bfloat16=312e12, watts=400),
        Gpu("h100-80", float32=67e12, bfloat16=989.5e12, watts=700),
        Gpu("h200-141", float32=67e12, bfloat16=989.5e12, watts=700),
        Gpu("l40s-48", float32=91.6e12, bfloat16=362.05e12, watts=350),
        Gpu("rtx4090-24", float32=82.6e12, bfloat16=165.2e12, watts=450),
    ),
)
