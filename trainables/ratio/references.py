"""Reference loss curves: how the loss of one kind of batch fell in an earlier training."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from trainables.batches.kinds import Kind

LossCurve = Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]
"""Losses at evenly spaced progress from 0 to 1, joined by straight lines; a single one holds all the time."""

REFERENCE_POINTS = 21
"""Points of a curve that is taken from a training's reports."""


def reference_curve(reports: Sequence[Mapping[str, Any]], kind: Kind) -> tuple[float, ...]:
    """The loss curve of a kind in a finished training; empty if it had no batch of the kind.

    Args:
        reports: the lines of reports.jsonl. A report holds the mean since the report before it, which stands for the
            middle of these steps.
        kind: of batch.
    """
    steps = [0, *(report["step"] for report in reports)]
    seen = [
        ((before + report["step"]) / 2 / report["steps"], report[f"loss_{kind}"])
        for before, report in zip(steps, reports, strict=False)
        if report.get(f"loss_{kind}") is not None
    ]
    if not seen:
        return ()
    progress, losses = zip(*seen, strict=True)
    return tuple(np.interp(np.linspace(0, 1, REFERENCE_POINTS), progress, losses).tolist())
