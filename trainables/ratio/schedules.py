"""Open-loop families: the ratio α as a function of training progress alone.

Progress is defined once, for every family: step t = 0, 1, ..., T - 1 of T has p = t / T. So p = 0 is reached, p = 1
is not. The ratios of a training are its `trajectory`; everything else (the mean, the twins) is derived from that
array. Formulas: a0 is `start`, a1 is `end`.
"""

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from trainables.parameters import Choice, Integer, Parameter, Real

Ratio = Annotated[float, Field(ge=0, le=1)]
PositiveRatio = Annotated[float, Field(ge=1e-6, le=1)]
Trajectory = npt.NDArray[np.float64]


class Family(BaseModel):
    """What every ratio family has, open or closed loop: a name (`family`), a line about it, a search space."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    description: ClassVar[str]
    closed_loop: ClassVar[bool]

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        """The search space: field name to range. Fields that are absent keep their defaults in a search."""
        return {}

    @abstractmethod
    def summary(self) -> str:
        """A short line for tables, such as "linear 1 → 0"."""

    def comparable_from(self) -> float:
        """The progress in [0, 1] before which dev scores say nothing about how a training will end."""
        return 0.0


class Schedule(Family):
    """A family whose ratios are known before the training starts."""

    closed_loop: ClassVar[bool] = False

    @abstractmethod
    def trajectory(self, total_steps: int) -> Trajectory:
        """The ratios of steps 0 to T - 1: float64 [T], each in [0, 1]."""

    def mean_ratio(self, total_steps: int) -> float:
        """The mean of the ratios that T steps use, correctly rounded before the division."""
        return math.fsum(self.trajectory(total_steps)) / total_steps


class Curve(Schedule):
    """A schedule given by a function of progress."""

    @abstractmethod
    def ratio(self, progress: float) -> float:
        """α(p) in [0, 1] at progress p in [0, 1]."""

    @override
    def trajectory(self, total_steps: int) -> Trajectory:
        """The ratios α(t / T) of steps 0 to T - 1: float64 [T]."""
        return np.array([self.ratio(step / total_steps) for step in range(total_steps)], dtype=np.float64)

    @override
    def comparable_from(self) -> float:
        """The progress at which half of all movement of α (its total variation) is done, to 0.001; 0 if α never moves.

        A schedule that begins monolingual scores low on cross-lingual dev data until it has moved away from its
        start; a step is comparable from its switch on, a straight line from the middle on.
        """
        moved = np.cumsum(np.abs(np.diff(self.trajectory(1000))))
        return float(np.argmax(moved >= moved[-1] / 2) + 1) / 1000 if moved[-1] > 0 else 0.0


class Constant(Curve):
    """α(p) = a."""

    description: ClassVar[str] = "the same ratio all the time"
    family: Literal["constant"] = "constant"
    value: Ratio = 0.5

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"value": Real(0, 1)}

    @override
    def ratio(self, progress: float) -> float:
        return self.value

    @override
    def summary(self) -> str:
        return f"constant {self.value:.3g}"


class Linear(Curve):
    """α(p) = a0 + (a1 - a0) p."""

    description: ClassVar[str] = "a straight line from start to end"
    family: Literal["linear"] = "linear"
    start: Ratio = 1.0
    end: Ratio = 0.0

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"start": Real(0, 1), "end": Real(0, 1)}

    @override
    def ratio(self, progress: float) -> float:
        return _between(self.start, self.end, progress)

    @override
    def summary(self) -> str:
        return f"linear {_arrow(self.start, self.end)}"


class Cosine(Curve):
    """α(p) = a1 + (a0 - a1) (1 + cos πp) / 2: flat at both ends."""

    description: ClassVar[str] = "half a cosine wave from start to end, flat at both ends"
    family: Literal["cosine"] = "cosine"
    start: Ratio = 1.0
    end: Ratio = 0.0

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"start": Real(0, 1), "end": Real(0, 1)}

    @override
    def ratio(self, progress: float) -> float:
        return _between(self.start, self.end, (1 - math.cos(math.pi * progress)) / 2)

    @override
    def summary(self) -> str:
        return f"cosine {_arrow(self.start, self.end)}"


class Exponential(Curve):
    """α(p) = a0 (a1 / a0)^p: the same factor in every step."""

    description: ClassVar[str] = "a constant factor per step from start to end, both above 0"
    family: Literal["exponential"] = "exponential"
    start: PositiveRatio = 1.0
    end: PositiveRatio = 0.05

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"start": Real(0.01, 1, log=True), "end": Real(0.01, 1, log=True)}

    @override
    def ratio(self, progress: float) -> float:
        value = float(self.start * (self.end / self.start) ** progress)
        return min(max(value, min(self.start, self.end)), max(self.start, self.end))

    @override
    def summary(self) -> str:
        return f"exponential {_arrow(self.start, self.end)}"


class Sigmoid(Curve):
    """α(p) = a0 + (a1 - a0) / (1 + e^(-k (p - p0))): a soft step; start and end are its limits, not its first and
    last value.
    """

    description: ClassVar[str] = "a soft step from start to end around a midpoint"
    family: Literal["sigmoid"] = "sigmoid"
    start: Ratio = 1.0
    end: Ratio = 0.0
    midpoint: Ratio = 0.5
    steepness: Annotated[float, Field(gt=0, le=500)] = 10.0

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {
            "start": Real(0, 1),
            "end": Real(0, 1),
            "midpoint": Real(0.1, 0.9),
            "steepness": Real(4, 40, log=True),
        }

    @override
    def ratio(self, progress: float) -> float:
        return _between(self.start, self.end, 1 / (1 + math.exp(-self.steepness * (progress - self.midpoint))))

    @override
    def summary(self) -> str:
        return f"sigmoid {_arrow(self.start, self.end)} around {self.midpoint:.3g}, steepness {self.steepness:.3g}"


class Step(Curve):
    """α(p) = a0 for p < p0, a1 from p0 on."""

    description: ClassVar[str] = "start before a switch point, end from it on"
    family: Literal["step"] = "step"
    start: Ratio = 1.0
    end: Ratio = 0.0
    switch: Ratio = 0.5

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {"start": Real(0, 1), "end": Real(0, 1), "switch": Real(0.1, 0.9)}

    @override
    def ratio(self, progress: float) -> float:
        return self.start if progress < self.switch else self.end

    @override
    def summary(self) -> str:
        return f"step {_arrow(self.start, self.end)} at {self.switch:.3g}"


class Cyclic(Curve):
    """α goes from a0 to a1 and back `cycles` times: with f the fraction of the cycle that is done, the share of the
    way to a1 is 1 - |1 - 2f| (triangle) or (1 - cos 2πf) / 2 (cosine).
    """

    description: ClassVar[str] = "from start to end and back, several times"
    family: Literal["cyclic"] = "cyclic"
    start: Ratio = 1.0
    end: Ratio = 0.0
    cycles: Annotated[int, Field(ge=1, le=10_000)] = 4
    shape: Literal["triangle", "cosine"] = "triangle"

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {
            "start": Real(0, 1),
            "end": Real(0, 1),
            "cycles": Integer(1, 16, log=True),
            "shape": Choice(("triangle", "cosine")),
        }

    @override
    def ratio(self, progress: float) -> float:
        done = math.fmod(progress * self.cycles, 1.0)
        share = 1 - abs(1 - 2 * done) if self.shape == "triangle" else (1 - math.cos(2 * math.pi * done)) / 2
        return _between(self.start, self.end, share)

    @override
    def summary(self) -> str:
        return f"cyclic {self.start:.3g} ⇄ {self.end:.3g}, {self.cycles} {self.shape} cycles"


class Competence(Curve):
    """The share of cross-lingual batches grows with competence: α(p) = 1 - (1 - a1) c(p).

    c(p) = min(1, (p / d (1 - c0^r) + c0^r)^(1/r)) is the competence of Platanios et al. 2019 (1903.09848): c0 at the
    start, 1 from progress d on, r = 1 linear, r = 2 the square root. There competence is the share of the examples,
    easiest first, that may be drawn; here the monolingual batch is the easy kind and the cross-lingual one is let in
    as competence grows. So α starts at 1 - (1 - a1) c0 and ends at a1.
    """

    description: ClassVar[str] = "starts monolingual, lets cross-lingual batches in as competence grows"
    family: Literal["competence"] = "competence"
    initial: Annotated[float, Field(ge=0, le=1)] = 0.1
    power: Annotated[float, Field(ge=1, le=20)] = 2.0
    duration: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    end: Ratio = 0.0

    @classmethod
    @override
    def parameters(cls) -> dict[str, Parameter]:
        return {
            "initial": Real(0.01, 1, log=True),
            "power": Real(1, 5, log=True),
            "duration": Real(0.25, 1),
            "end": Real(0, 1),
        }

    @override
    def ratio(self, progress: float) -> float:
        floor = self.initial**self.power
        competence = min(1.0, (progress / self.duration * (1 - floor) + floor) ** (1 / self.power))
        return _between(1.0, self.end, competence)

    @override
    def summary(self) -> str:
        first = self.ratio(0.0)
        return f"competence {_arrow(first, self.end)} by {self.duration:.3g}, power {self.power:.3g}"


def _between(start: float, end: float, share: float) -> float:
    # Rounding may overshoot by one unit in the last place; a ratio must not leave [start, end].
    value = start + (end - start) * share
    return min(max(value, min(start, end)), max(start, end))


def _arrow(start: float, end: float) -> str:
    return f"{start:.3g} → {end:.3g}"
