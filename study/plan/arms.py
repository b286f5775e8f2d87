"""From search to comparison: which trials become arms of the confirm phase, and the controls beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from analysis.statistics.pareto import front
from search_spaces.space import Branch, Control, Role, Space
from study.plan.objective import Objective
from trainables.config import TrainingConfig
from trainables.errors import UserError
from trainables.ratio.controls import Replay, Reversed, Shuffled
from trainables.ratio.schedules import Constant, Schedule
from trainables.spec import Outcome, TrialSpec

SHUFFLE_SEED = 0

Tried = Mapping[str, Sequence[tuple[TrialSpec, Outcome]]]
"""Branch name to its search trials in order."""


class Arm(BaseModel):
    """One strategy, schedule or control at fixed parameters, as it appears in the tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str
    role: Role
    family: str
    of: str | None = None
    """The arm that a control belongs to."""
    training: TrainingConfig
    chosen_from: str
    """Id of the search trial whose parameters these are."""
    same_as: str | None = None
    """Another arm with identical training: its trials count for both."""

    def record(self) -> dict[str, Any]:
        """The arm as arms.json holds it."""
        training, ratio = self.training, self.training.ratio
        return {
            "arm": self.arm,
            "role": self.role,
            "family": self.family,
            "of": self.of,
            "schedule": ratio.model_dump(mode="json"),
            "mean_ratio": ratio.mean_ratio(training.steps) if isinstance(ratio, Schedule) else None,
            "learning_rate": training.learning_rate,
            "temperature": training.temperature,
            "mixing": training.mixing,
            "chosen_from": self.chosen_from,
            "description": ratio.summary(),
            "same_as": self.same_as,
        }


def choose_arms(space: Space, tried: Tried, objectives: Sequence[Objective]) -> list[Arm]:
    """Returns the arms of the confirm phase in the order of the tables.

    The strategies, the best of all constants (`best static`, a strategy included if it is the best), the best of every
    family, the best of those again as `best dynamic`, and its controls; with several objectives also every trial of
    the Pareto front. Best means by the first objective, on dev data alone; equal values go to the earlier trial.
    A branch without a complete trial has no arm. Raises UserError if that leaves the main comparison without one.
    """
    best = {b.name: found for b in space.branches if (found := _best(tried[b.name], objectives[0])) is not None}
    branches = [b for b in space.branches if b.name in best]
    arms = [_arm(b.name, b, best[b.name][0]) for b in branches if b.role == "strategy"]
    constants = [b for b in branches if b.role != "dynamic"]
    if constants:
        constant = _winner(constants, best, objectives[0])
        arms.append(_arm("best static", constant, best[constant.name][0], role="static"))
    dynamic = [b for b in branches if b.role == "dynamic"]
    arms += [_arm(b.name, b, best[b.name][0]) for b in dynamic]
    if dynamic:
        winner = _winner(dynamic, best, objectives[0])
        spec, outcome = best[winner.name]
        champion = _arm("best dynamic", winner, spec)
        arms += [champion, *(_control(control, champion, outcome) for control in space.controls)]
    missing = sorted(set(space.main_comparison) - {arm.arm for arm in arms})
    if missing:
        ends = ", ".join(f"{spec.id} {o.status}" for trials in tried.values() for spec, o in trials)
        raise UserError(
            f"The search has no complete trial for {' and '.join(missing)} ({ends}): see their error in result.json, "
            "and run the study again with a lower --learning-rate, more --steps or more --trials."
        )
    if len(objectives) > 1:
        arms += _front(space, tried, objectives)
    return _mark_identical(arms)


def dev_metrics(outcome: Outcome) -> dict[str, float]:
    """The dev metrics at the end of a trial, without their prefix."""
    return {name.removeprefix("dev/"): value for name, value in outcome.metrics.items() if name.startswith("dev/")}


def _best(trials: Sequence[tuple[TrialSpec, Outcome]], objective: Objective) -> tuple[TrialSpec, Outcome] | None:
    complete = [(spec, outcome) for spec, outcome in trials if outcome.status == "complete"]
    return max(complete, key=lambda pair: objective.score(dev_metrics(pair[1])), default=None)


def _winner(branches: Sequence[Branch], best: Mapping[str, tuple[TrialSpec, Outcome]], objective: Objective) -> Branch:
    return max(branches, key=lambda branch: objective.score(dev_metrics(best[branch.name][1])))


def _front(space: Space, tried: Tried, objectives: Sequence[Objective]) -> list[Arm]:
    """The complete trials that no other one beats in every objective, best in the first objective first."""
    complete = [
        (branch, spec, tuple(objective.score(dev_metrics(outcome)) for objective in objectives))
        for branch in space.branches
        for spec, outcome in tried[branch.name]
        if outcome.status == "complete"
    ]
    members = [complete[i] for i in front([scores for _, _, scores in complete])]
    ordered = sorted(members, key=lambda member: -member[2][0])
    return [_arm(f"front {n}", branch, spec) for n, (branch, spec, _) in enumerate(ordered, start=1)]


def _arm(name: str, branch: Branch, spec: TrialSpec, role: Role | None = None) -> Arm:
    return Arm(arm=name, role=role or branch.role, family=branch.family, training=spec.training, chosen_from=spec.id)


def _control(control: Control, winner: Arm, outcome: Outcome) -> Arm:
    """The twin of a winner that changes one thing and keeps the rest, learning rate included."""
    training = winner.training
    changes: dict[str, Any]
    if control == "loss-mixing":
        # A step of loss mixing holds two batches: half the steps spend the same pairs.
        changes = {"mixing": "loss", "steps": max(1, training.steps // 2)}
        if not isinstance(training.ratio, Schedule):
            changes["ratio"] = Replay(ratios=_means_of_two(outcome.ratios))
    else:
        # A controller has no schedule before it has run; its twins are made from what it decided in the search.
        ratio = training.ratio if isinstance(training.ratio, Schedule) else Replay(ratios=outcome.ratios)
        match control:
            case "reversed":
                changes = {"ratio": Reversed(of=ratio)}
            case "shuffled":
                changes = {"ratio": Shuffled(of=ratio, seed=SHUFFLE_SEED)}
            case "same-mean":
                changes = {"ratio": Constant(value=ratio.mean_ratio(training.steps))}
    changed = training.model_copy(update=changes)
    return Arm(
        arm=f"{winner.arm}, {control}",
        role="control",
        family=changed.ratio.family,
        of=winner.arm,
        training=changed,
        chosen_from=winner.chosen_from,
    )


def _means_of_two(ratios: Sequence[float]) -> tuple[float, ...]:
    """The mean of every two ratios in a row; of a single one, itself."""
    return tuple((a + b) / 2 for a, b in zip(ratios[::2], ratios[1::2], strict=False)) or tuple(ratios)


def _mark_identical(arms: list[Arm]) -> list[Arm]:
    first: dict[str, str] = {}
    marked = []
    for arm in arms:
        same = first.setdefault(arm.training.fingerprint, arm.arm)
        marked.append(arm if same == arm.arm else arm.model_copy(update={"same_as": same}))
    return marked
