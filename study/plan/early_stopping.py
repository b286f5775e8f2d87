"""Fair early stopping: successive halving inside a branch, decided before a trial starts.

Asynchronous successive halving (Li et al., 2020, arXiv 1810.05934) compares a trial with all others at a rung. A
schedule that starts monolingual looks bad early and would die for it, so here a trial is compared with earlier trials
of its own branch at the same optimiser step only, and never before its schedule says that it can be judged. Because
earlier rounds of a branch have ended when a trial starts, its rungs are known beforehand: they are part of its
specification, the trial stops by itself, and what is stopped depends neither on timing nor on restarts.
"""

from collections.abc import Sequence

from study.plan.objective import Objective
from trainables.config import TrialConfig
from trainables.records import Outcome, Rung

REDUCTION = 3
"""A trial goes on if it is among the best 1 / REDUCTION of its branch at the rung."""

LEAST_HISTORY = 2
"""Earlier trials at a rung before it stops anything."""


def rungs(training: TrialConfig, earlier: Sequence[Outcome], objective: Objective) -> tuple[Rung, ...]:
    """Returns the rungs of a trial, given how the earlier trials of its branch did.

    Rungs are the dev evaluations before the last one, from the progress on at which the schedule can be judged.

    Args:
        training: the trial.
        earlier: how the trials of earlier rounds of its branch ended.
        objective: the dev metric that decides.
    """
    every = training.evaluate_every
    grace = training.ratio.comparable_from() * training.steps
    steps = [step for step in range(every, training.steps, every) if step >= grace] if every else []
    found = [_rung(step, earlier, objective) for step in steps]
    return tuple(rung for rung in found if rung is not None)


def _rung(step: int, earlier: Sequence[Outcome], objective: Objective) -> Rung | None:
    scores = [objective.score(outcome.dev_by_step[step]) for outcome in earlier if step in outcome.dev_by_step]
    if len(scores) < LEAST_HISTORY:
        return None
    # Among the best k of all that reached the rung, itself included: at least as good as the k-th best before it.
    k = max(1, (len(scores) + 1) // REDUCTION)
    bound = sorted(scores, reverse=True)[k - 1]
    if objective.direction == "maximize":
        return Rung(step=step, metric=objective.metric, minimum=bound)
    return Rung(step=step, metric=objective.metric, maximum=-bound)
