"""What the batches of a training are expected to hold: how many per kind, language and training set."""

import math

import numpy as np
import numpy.typing as npt

from trainables.batches.planner import BatchPlanner


def describe_batches(planner: BatchPlanner, ratios: npt.NDArray[np.float64] | None) -> str:
    """Returns one line per kind, language and training set with the expected number of batches.

    Args:
        planner: of the training.
        ratios: [T], α of each of the training's first T batches; None if they are decided in training.
    """
    if ratios is None:
        return f"batches of {planner.batch_size} pairs; how many are monolingual is decided in training"
    mono = math.fsum(ratios)
    cross = len(ratios) - mono
    rows = {"monolingual": mono}
    rows |= {f"  {language}": mono * share for language, share in planner.language_shares.items()}
    rows["cross-lingual"] = cross
    from_mono, from_cross = planner.set_shares("mono"), planner.set_shares("cross")
    for name in from_mono or from_cross:
        rows[f"set {name}"] = mono * from_mono.get(name, 0.0) + cross * from_cross.get(name, 0.0)
    width = max(map(len, rows))
    head = f"the first {len(ratios)} batches of {planner.batch_size} pairs, expected:"
    return "\n".join([head, *(f"{name:<{width}} {count:10.1f} batches" for name, count in rows.items())])
