"""What one comparison of two arms found, in numbers and in a sentence."""

from dataclasses import dataclass
from typing import Literal

LEVEL = 0.05

Verdict = Literal["better", "worse", "equivalent", "not separable"]


@dataclass(frozen=True)
class Sequential:
    """How a comparison was decided that was looked at after every seed (--until-separable).

    looks: seeds at each look; level: what the last one may use; sentence: the decision in plain English.
    """

    looks: tuple[int, ...]
    max_seeds: int
    level: float
    sentence: str


@dataclass(frozen=True)
class Comparison:
    """What is known about arm minus baseline. Differences are in units of the metric; unknown numbers are None.

    interval: 95 %, of this comparison alone. p: randomisation test; p_holm: the same, adjusted for the family.
    With `sequential` the verdict is that of the sequential rule, the interval covers at all looks together, p is that
    of the t test at the last look, and p_holm, p_equivalence, smallest_detectable and seeds_needed are None.
    p_equivalence: two one-sided tests within the margin, adjusted for the family.
    smallest_detectable: the true difference found with 80 % chance at the strictest level of the family (None: no
    difference that the metric can have, or fewer than three seeds).
    seeds_needed: seeds that find a difference as large as the margin with 80 % chance at that level (None: no number
    of seeds would, or there is no margin, or fewer than three seeds).
    """

    arm: str
    baseline: str
    metric: str
    difference: float
    interval: tuple[float, float] | None
    p: float | None
    p_holm: float | None
    p_equivalence: float | None
    margin: float | None
    verdict: Verdict
    smallest_detectable: float | None
    seeds_needed: int | None
    n_seeds: int
    n_questions: int
    n_comparisons: int
    paired_with: str
    note: str
    sequential: Sequential | None = None

    @property
    def sentence(self) -> str:
        """The finding in plain English."""
        found = f"{self.arm} {self._verb} {self.baseline} on {self.metric}"
        if self.sequential is not None:
            return f"{found}: {self._sequential_evidence(self.sequential)}. {self.sequential.sentence}"
        if self.interval is None:
            return f"{found}: {_number(self.difference, sign=True)} ({self.note}; {self.paired_with})."
        return f"{found}: {self._evidence}{self._remark}."

    @property
    def _verb(self) -> str:
        verbs = {"better": "is better than", "worse": "is worse than", "equivalent": "is equivalent to"}
        return verbs.get(self.verdict, "cannot be told from")

    @property
    def _evidence(self) -> str:
        low, high = (_number(end, sign=True) for end in self.interval or ())
        family = f" after Holm's correction for {self.n_comparisons} comparisons" if self.n_comparisons > 1 else ""
        return (
            f"{_number(self.difference, sign=True)} (95 % interval {low} to {high}, "
            f"{_p(self.p_holm)}{family}; {self.paired_with})"
        )

    def _sequential_evidence(self, sequential: Sequential) -> str:
        low, high = (_number(end, sign=True) for end in self.interval or ())
        looks = len(sequential.looks)
        return (
            f"{_number(self.difference, sign=True)} (95 % repeated confidence interval {low} to {high}, "
            f"{looks} look{'s' * (looks > 1)}; {self.paired_with})"
        )

    @property
    def _remark(self) -> str:
        if self.verdict == "equivalent":
            real = self.p_holm is not None and self.p_holm <= LEVEL
            size = f"smaller than the margin of {_number(self.margin or 0.0)}"
            return f"; there is a difference, but one {size}" if real else f"; any difference is {size}"
        if self.verdict != "not separable" or self.n_seeds < 3:
            return ""
        if self.smallest_detectable is None:
            remark = f"; no true difference could have been found in 4 of 5 such studies with {self.n_seeds} seeds"
        else:
            detectable = _number(self.smallest_detectable)
            remark = f"; a true difference of {detectable} would have been found in 4 of 5 such studies"
        if self.margin is None:
            return remark
        if self.seeds_needed is None:
            return f"{remark}, one of {_number(self.margin)} needs more test questions"
        return f"{remark}, one of {_number(self.margin)} needs about {self.seeds_needed} seeds"


def _number(value: float, *, sign: bool = False) -> str:
    """Four decimals for shares such as mAP, one for ranks and other large numbers."""
    return f"{value:{'+' if sign else ''}.{4 if abs(value) < 2 else 1}f}"


def _p(value: float | None) -> str:
    return "p unknown" if value is None else "p < .001" if value < 0.001 else f"p = {value:.3f}".replace("0.", ".", 1)
