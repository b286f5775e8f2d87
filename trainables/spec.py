"""What a trial is asked to do and how it ended; nothing here needs torch or ray."""

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from trainables.batches.kinds import KINDS, Kind
from trainables.config import TrainingConfig
from trainables.ratio.controller import ENCODED_PER_TRAINED
from trainables.ratio.references import reference_curve

Status = Literal["complete", "pruned", "diverged", "failed"]


class Rung(BaseModel):
    """Stop the trial after this step if the dev metric is below the minimum or above the maximum."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    metric: str
    minimum: float | None = None
    maximum: float | None = None

    def misses(self, value: float) -> bool:
        """Whether a trial with this value must stop; NaN always must."""
        in_bounds = (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)
        return not in_bounds


class TrialSpec(BaseModel):
    """One trial, whole: the same specification always gives the same numbers (docs/records.md, trial.json)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    phase: Literal["search", "confirm"]
    family: str
    """The branch in the search phase, the family of the arm's schedule in the confirm phase."""
    arm: str | None = None
    number: int | None = None
    seed: int
    model: str
    training: TrainingConfig
    rungs: tuple[Rung, ...] = ()
    """Fixed before the trial starts, from earlier trials of its own family: it stops by itself."""


def failure(error: str) -> dict[str, Any]:
    """The result.json of a trial that did not come to an end of its own."""
    return {"status": "failed", "steps": 0, "metrics": {}, "cost": {}, "error": error}


class Outcome(BaseModel):
    """What the study needs to know of a finished trial."""

    model_config = ConfigDict(frozen=True)

    status: Status
    steps: int
    metrics: dict[str, float]
    dev_by_step: dict[int, dict[str, float]]
    """The dev metrics at every evaluation."""
    loss_curves: dict[Kind, tuple[float, ...]] = {}
    """The loss of each kind of batch over the training, as a reference for families that follow one."""
    error: str | None = None
    pairs: int = 0
    """Training pairs spent; pairs that were only encoded, for a controller's signals, count a third."""
    ratios: tuple[float, ...] = ()
    """α of every step of a closed-loop training; as a schedule they repeat it."""

    @classmethod
    def from_records(cls, result: dict[str, Any], reports: list[dict[str, Any]]) -> "Outcome":
        """Builds the outcome from result.json and reports.jsonl."""
        return cls(
            status=result["status"],
            steps=result["steps"],
            metrics=result["metrics"],
            error=result["error"],
            pairs=result["cost"].get("pairs", 0)
            + math.ceil(result["cost"].get("signal_pairs", 0) / ENCODED_PER_TRAINED),
            ratios=result.get("ratios", ()),
            dev_by_step={report["step"]: report["dev"] for report in reports if report.get("dev")},
            loss_curves={kind: curve for kind in KINDS if (curve := reference_curve(reports, kind))},
        )
