"""From search to comparison: which trials become arms of the confirm phase, and the controls beside them."""

from collections.abc import Collection, Mapping, Sequence

from analysis.statistics.pareto import front
from search_spaces.space import Branch, Cell, Role, Space, slug
from study.plan.objective import Objective
from study.records import ArmRecord
from trainables.config import TrialConfig
from trainables.errors import UserError, unknown_name
from trainables.evaluation.metric_name import only_dev
from trainables.options import patched
from trainables.ratio.controls.registry import CONTROLS
from trainables.ratio.family import Schedule, Trajectory, movement
from trainables.records import Outcome, TrialRecord

BEST_STATIC, BEST_DYNAMIC, BASE = "best static", "best dynamic", "base"

Ended = tuple[TrialRecord, Outcome]
"""A trial and how it ended."""

Tried = Mapping[str, Sequence[Ended]]
"""Branch name to its search trials in order, of one cell."""


def choose_arms(
    space: Space,
    cell: Cell,
    tried: Tried,
    objectives: Sequence[Objective],
    fixed: Mapping[str, TrialConfig],
    main_comparison: tuple[str, str] | None,
    tuned: Mapping[str, Sequence[Ended]],
) -> list[ArmRecord]:
    """Returns the arms of a cell in the order of the tables.

    The untrained encoder if it is among the fixed arms, the strategies, the best of all constants (`best static`, a
    strategy included if it is the best), the best of every family, the best of those again as `best dynamic`, its
    controls, the rivals that cost no training and all other fixed arms; with several objectives also every trial of the
    Pareto front. Best means by the first objective, on dev data alone; equal values go to the earlier trial. A branch
    without a complete trial has no arm. A dynamic arm moves its ratio: trials that did not are passed over (see
    `constants_of`).

    Args:
        space: the space, without what the user left out.
        cell: the levels of the factors.
        tried: the trials of the search in this cell.
        objectives: the dev metrics that choose; the first one decides.
        fixed: arms that are not searched, by name.
        main_comparison: the two arms that the question is about, if it has both.
        tuned: the trials of the controls and of the fixed arms that have a search of their own, by name.

    Raises:
        UserError: the main comparison is left without an arm.
    """
    best = best_of_branches(space, tried, objectives[0])
    branches = [b for b in space.branches if b.name in best]
    arms = [_fixed(name, cell, config) for name, config in fixed.items() if name == BASE]
    arms += [_arm(b.name, cell, b.role, best[b.name][0]) for b in branches if b.role == "strategy"]
    constants = [b for b in branches if b.role != "dynamic"]
    if constants:
        constant = _winner(constants, best, objectives[0])
        arms.append(_arm(BEST_STATIC, cell, "static", best[constant.name][0]))
    dynamic = [b for b in branches if b.role == "dynamic"]
    arms += [_arm(b.name, cell, b.role, *best[b.name]) for b in dynamic]
    if dynamic:
        trial, outcome = best[_winner(dynamic, best, objectives[0]).name]
        winner = _arm(BEST_DYNAMIC, cell, "dynamic", trial, outcome)
        controls = [(name, _best(tuned.get(name, ()), objectives[0])) for name in space.controls]
        arms += [winner, *(_control(name, winner, outcome.ratios, found) for name, found in controls)]
    arms += [_control(name, arm, (), None) for name, of in space.rivals.items() for arm in arms if arm.arm in of]
    missing = sorted(set(main_comparison or ()) - {arm.arm for arm in arms} - set(fixed))
    if missing:
        ends = ", ".join(f"{trial.id} {o.status}" for trials in tried.values() for trial, o in trials)
        still = constants_of(space, tried)
        why = f"; {', '.join(still)} moved the ratio by less than {space.least_movement:g}" if still else ""
        raise UserError(
            f"The search has no complete trial for {' and '.join(missing)} ({ends}{why}): see their error in "
            "result.json, and run the study again with a lower --learning-rate, more --steps or more --trials."
        )
    given = [
        (name, config, _best(tuned.get(name, ()), objectives[0])) for name, config in fixed.items() if name != BASE
    ]
    arms += [_fixed(name, cell, config, found) for name, config, found in given]
    if len(objectives) > 1:
        arms += _front(space, cell, tried, objectives)
    return _mark_identical(arms)


def best_of_branches(space: Space, tried: Tried, objective: Objective) -> dict[str, Ended]:
    """The best trial of every branch that has one, by name of the branch; of dynamic ones, of those that moved."""
    found = {
        branch.name: _best([one for one in tried[branch.name] if not _stood_still(space, branch, one)], objective)
        for branch in space.branches
    }
    return {name: one for name, one in found.items() if one is not None}


def best_dynamic(space: Space, tried: Tried, objective: Objective) -> tuple[str, Ended] | None:
    """The name of the best dynamic branch and its best trial; None if no schedule has one."""
    best = best_of_branches(space, tried, objective)
    dynamic = [branch for branch in space.branches if branch.role == "dynamic" and branch.name in best]
    if not dynamic:
        return None
    name = _winner(dynamic, best, objective).name
    return name, best[name]


def constants_of(space: Space, tried: Tried) -> list[str]:
    """The complete trials of dynamic branches that moved the ratio by less than the space asks for, by id."""
    return [
        trial.id
        for branch in space.branches
        for trial, outcome in tried[branch.name]
        if outcome.status == "complete" and _stood_still(space, branch, (trial, outcome))
    ]


def _stood_still(space: Space, branch: Branch, ended: Ended) -> bool:
    """Whether a trial of a dynamic branch was a constant; of a closed loop it is known only when it has run."""
    trial, outcome = ended
    return branch.role == "dynamic" and movement(ratios_of(trial.config, outcome.ratios)) < space.least_movement


def ratios_of(config: TrialConfig, used: Sequence[float]) -> Sequence[float] | Trajectory:
    """The ratios of a training: those that it used, or those of its schedule, where they follow from that."""
    return used or (config.ratio.trajectory(config.steps) if isinstance(config.ratio, Schedule) else ())


def limited(space: Space, only: Sequence[str], without: Sequence[str]) -> Space:
    """Returns the space with these strategies and families only, and without those and controls that are left out.

    Names may be written as in identifiers (`hybrid-0.5`). The static constant is kept out, too, unless it is named.
    Raises UserError for a name that the space does not have, and where nothing is left.
    """
    if not only and not without:
        return space
    branches = {slug(branch.name): branch for branch in space.branches}
    controls = [*space.controls, *space.rivals]
    known = {**branches, **{control: control for control in controls}}
    for name in (*only, *without):
        if slug(name) not in known:
            raise unknown_name("arm of the space", name, [*(branch.name for branch in space.branches), *controls])
    kept = _named(only) or set(branches)
    left = [branch for name, branch in branches.items() if name in kept - _named(without)]
    if not left:
        raise UserError("--arms and --without leave no strategy and no family: name at least one.")
    kept_controls = tuple(control for control in space.controls if control not in _named(without))
    rivals = {name: of for name, of in space.rivals.items() if name not in _named(without)}
    return space.model_copy(update={"branches": tuple(left), "controls": kept_controls, "rivals": rivals})


def main_comparison(space: Space, fixed: Collection[str]) -> tuple[str, str] | None:
    """The two arms that the question is about; None if the space has been left without one of them."""
    return space.main_comparison if set(space.main_comparison) <= _possible(space) | set(fixed) else None


def most_arms(space: Space, fixed: Collection[str]) -> int:
    """Arms of a cell with a training of their own, if no two turn out to be identical.

    The best static and dynamic ones repeat another training, and rivals cost none.
    """
    has_dynamic = any(branch.role == "dynamic" for branch in space.branches)
    return len(space.branches) + (len(space.controls) if has_dynamic else 0) + len(fixed)


def most_rivals(space: Space) -> int:
    """Arms of a cell that cost no training, likewise."""
    return sum(name in _possible(space) for of in space.rivals.values() for name in of)


def _possible(space: Space) -> set[str]:
    """The names of the arms that the space may choose, without controls."""
    roles = {branch.role for branch in space.branches}
    possible = {branch.name for branch in space.branches}
    possible |= {BEST_STATIC} if roles - {"dynamic"} else set()
    return possible | ({BEST_DYNAMIC} if "dynamic" in roles else set())


def dev_metrics(outcome: Outcome) -> dict[str, float]:
    """The dev metrics at the end of a trial, without their prefix."""
    return only_dev(outcome.metrics)


def _named(names: Sequence[str]) -> set[str]:
    return {slug(name) for name in names}


def _best(trials: Sequence[Ended], objective: Objective) -> Ended | None:
    complete = [(trial, outcome) for trial, outcome in trials if outcome.status == "complete"]
    return max(complete, key=lambda pair: objective.score(dev_metrics(pair[1])), default=None)


def _winner(branches: Sequence[Branch], best: Mapping[str, Ended], objective: Objective) -> Branch:
    return max(branches, key=lambda branch: objective.score(dev_metrics(best[branch.name][1])))


def _front(space: Space, cell: Cell, tried: Tried, objectives: Sequence[Objective]) -> list[ArmRecord]:
    """The complete trials that no other one beats in every objective, best in the first objective first."""
    complete = [
        (branch, trial, tuple(objective.score(dev_metrics(outcome)) for objective in objectives))
        for branch in space.branches
        for trial, outcome in tried[branch.name]
        if outcome.status == "complete"
    ]
    members = [complete[i] for i in front([scores for _, _, scores in complete])]
    ordered = sorted(members, key=lambda member: -member[2][0])
    return [_arm(f"front {n}", cell, branch.role, trial) for n, (branch, trial, _) in enumerate(ordered, start=1)]


def _arm(name: str, cell: Cell, role: Role, trial: TrialRecord, outcome: Outcome | None = None) -> ArmRecord:
    arm = _record(name, cell.levels, role, trial.config, chosen_from=trial.id)
    if outcome is None or not outcome.ratios:
        return arm
    # What a controller does is not seen from its options.
    low, high = min(outcome.ratios), max(outcome.ratios)
    return arm.model_copy(update={"description": f"{arm.description}; α {low:.3g} to {high:.3g} in the search"})


def _fixed(name: str, cell: Cell, config: TrialConfig, tuned: Ended | None = None) -> ArmRecord:
    """A fixed arm; of one that has a search of its own the best of that."""
    if tuned is None:
        return _record(name, cell.levels, "fixed", config, chosen_from=None)
    return _record(name, cell.levels, "fixed", tuned[0].config, chosen_from=tuned[0].id)


def control_config(name: str, winner: TrialConfig, used: Sequence[float]) -> TrialConfig:
    """The twin of a winner that changes one thing and keeps the rest.

    used: the ratios of its training. A controller has no schedule before it has run: its controls are made from what it
    decided in the search.
    """
    return TrialConfig.model_validate(patched(winner.model_dump(), CONTROLS.find(name).changes(winner, used)))


def _control(name: str, winner: ArmRecord, used: Sequence[float], tuned: Ended | None) -> ArmRecord:
    """A control of an arm that used these ratios, with its options or, where it has a search of its own, with the best
    of that.
    """
    config = control_config(name, winner.config, used) if tuned is None else tuned[0].config
    chosen_from = winner.chosen_from if tuned is None else tuned[0].id
    return _record(f"{winner.arm}, {name}", winner.cell, "control", config, chosen_from=chosen_from, of=winner.arm)


def _record(
    name: str,
    cell: Mapping[str, str],
    role: Role,
    config: TrialConfig,
    *,
    chosen_from: str | None,
    of: str | None = None,
) -> ArmRecord:
    return ArmRecord(
        arm=name,
        cell=cell,
        role=role,
        of=of,
        config=config,
        description=config.summary,
        mean_ratio=_mean_ratio(config),
        constant_ratio=config.ratio.constant_value() if config.steps else None,
        chosen_from=chosen_from,
        is_untrained=is_untrained(config),
    )


def is_untrained(config: TrialConfig) -> bool:
    """Whether it is the encoder as it comes, the same for every seed."""
    return config.steps == 0 and config.merging.cross_weight is None


def _mean_ratio(config: TrialConfig) -> float | None:
    """The mean ratio that a schedule asks for; None where it is decided in training, or nothing is trained."""
    return config.ratio.mean_ratio(config.steps) if config.steps and isinstance(config.ratio, Schedule) else None


def _mark_identical(arms: Sequence[ArmRecord]) -> list[ArmRecord]:
    first: dict[str, str] = {}
    marked = []
    for arm in arms:
        same = first.setdefault(arm.config.fingerprint, arm.arm)
        marked.append(arm if same == arm.arm else arm.model_copy(update={"same_as": same}))
    return marked
