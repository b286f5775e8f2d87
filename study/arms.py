"""From search to comparison: which trials become arms of the confirm phase, and the controls beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from search_spaces.space import Branch, Control, Role, Space
from trainables.config import TrainingConfig
from trainables.errors import UserError
from trainables.mixing.controls import Reversed, Shuffled
from trainables.mixing.schedules import Constant, Schedule
from trainables.spec import Outcome, TrialSpec

SHUFFLE_SEED = 0


class Arm(BaseModel):
    """One strategy, schedule or control at fixed parameters, as it appears in the tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str
    role: Role
    family: str
    of: str | None = None
    """The arm that a control belongs to."""
    training: TrainingConfig
    chosen_from: str | None
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
            "schedule": training.ratio.model_dump(mode="json"),
            "mean_ratio": ratio.mean_ratio(training.steps) if isinstance(ratio, Schedule) else None,
            "learning_rate": training.learning_rate,
            "temperature": training.temperature,
            "mixing": training.mixing,
            "chosen_from": self.chosen_from,
            "description": ratio.summary(),
            "same_as": self.same_as,
        }


Tried = Mapping[str, Sequence[tuple[TrialSpec, Outcome]]]
"""Branch name to its search trials in order."""


def choose_arms(space: Space, tried: Tried, objective: str) -> list[Arm]:
    """Returns the arms of the confirm phase in the order of the tables.

    The strategies, the best constant (`best static`), the best of every family, the best of those again as
    `best dynamic`, and its controls. Chosen on dev data alone; equal values go to the earlier trial. Raises UserError
    if a branch has no complete trial.
    """
    best = {branch.name: _best(branch, tried[branch.name], objective) for branch in space.branches}
    arms = [_arm(b.name, b, best[b.name][0]) for b in space.branches if b.role == "strategy"]
    arms += [_arm("best static", b, best[b.name][0]) for b in space.branches if b.role == "static"]
    dynamic = [b for b in space.branches if b.role == "dynamic"]
    arms += [_arm(b.name, b, best[b.name][0]) for b in dynamic]
    if dynamic:
        winner = max(dynamic, key=lambda b: best[b.name][1])
        arms.append(_arm("best dynamic", winner, best[winner.name][0]))
        arms += [_control(control, arms[-1]) for control in space.controls]
    return _mark_identical(arms)


def _best(branch: Branch, trials: Sequence[tuple[TrialSpec, Outcome]], objective: str) -> tuple[TrialSpec, float]:
    complete = [(spec, o.metrics[f"dev/{objective}"]) for spec, o in trials if o.status == "complete"]
    if not complete:
        ends = ", ".join(f"{spec.id} {outcome.status}" for spec, outcome in trials)
        raise UserError(
            f"No search trial of {branch.name!r} completed ({ends}): see their error in result.json, "
            "and run the study again with more --trials or a lower --learning-rate."
        )
    return max(complete, key=lambda pair: pair[1])


def _arm(name: str, branch: Branch, spec: TrialSpec) -> Arm:
    return Arm(arm=name, role=branch.role, family=branch.family, training=spec.training, chosen_from=spec.id)


def _control(control: Control, winner: Arm) -> Arm:
    """The twin of a winner that changes one thing and keeps the rest, learning rate included."""
    training = winner.training
    ratio = training.ratio
    changes: dict[str, Any]
    match control:
        case "reversed":
            changes = {"ratio": Reversed(of=ratio)}
        case "shuffled":
            changes = {"ratio": Shuffled(of=ratio, seed=SHUFFLE_SEED)}
        case "same-mean":
            changes = {"ratio": Constant(value=ratio.mean_ratio(training.steps))}
        case "loss-mixing":
            # A step of loss mixing holds two batches: half the steps spend the same pairs.
            changes = {"mixing": "loss", "steps": max(1, training.steps // 2)}
    changed = training.model_copy(update=changes)
    return Arm(
        arm=f"best dynamic, {control}",
        role="control",
        family=changed.ratio.family,
        of=winner.arm,
        training=changed,
        chosen_from=winner.chosen_from,
    )


def _mark_identical(arms: list[Arm]) -> list[Arm]:
    first: dict[str, str] = {}
    marked = []
    for arm in arms:
        same = first.setdefault(arm.training.fingerprint, arm.arm)
        marked.append(arm if same == arm.arm else arm.model_copy(update={"same_as": same}))
    return marked
