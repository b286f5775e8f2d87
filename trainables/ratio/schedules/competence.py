"""The competence schedule: a curriculum that begins monolingual and lets cross-lingual batches in."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from trainables.parameters import Parameter, Real
from trainables.ratio.family import Curve, Ratio, arrow, between


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
        return between(1.0, self.end, competence)

    @override
    def summary(self) -> str:
        first = self.ratio(0.0)
        return f"competence {arrow(first, self.end)} by {self.duration:.3g}, power {self.power:.3g}"
