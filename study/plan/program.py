"""The study as a deterministic program: which trial comes next, given how the earlier ones ended.

Nothing here knows Ray. `next_trial` depends only on the settings and on the outcomes told so far, never on time or on
the number of workers, so that the records of a study are enough to go on with it after any interruption: they are
told again, and the program stands where it stood.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna

from search_spaces.recipes import Recipe
from search_spaces.space import Branch, Space
from study.plan.arms import Arm, choose_arms
from study.plan.branch_search import BranchSearch
from study.plan.early_stopping import rungs
from study.plan.objective import parse_objectives
from study.settings import StudySettings
from trainables.config import TrainingConfig
from trainables.parameters import Parameter
from trainables.ratio.controller import ENCODED_PER_TRAINED
from trainables.ratio.family import Family
from trainables.spec import Outcome, TrialSpec


@dataclass(frozen=True)
class Effort:
    """What a study will do: search trials per branch, confirm seeds per arm, and what one trial costs."""

    trials: Mapping[str, int]
    seeds: int
    steps: int
    batch_size: int

    @property
    def search_trials(self) -> int:
        """Trials of the search phase."""
        return sum(self.trials.values())

    @property
    def pairs_per_trial(self) -> int:
        """Training pairs of a trial, the same in every trial; a controller's signals are paid from them."""
        return self.steps * self.batch_size

    def families(self) -> dict[str, dict[str, int]]:
        """The search budget of every branch, as study.json holds it."""
        return {
            name: {"trials": trials, "pairs": trials * self.pairs_per_trial} for name, trials in self.trials.items()
        }


@dataclass
class _Branch:
    branch: Branch
    search: BranchSearch
    asked: list[TrialSpec] = field(default_factory=list)
    told: dict[int, Outcome] = field(default_factory=dict)


class StudyPlan:
    """Yields the trials of a study in order: the search of every branch, then every arm with fresh seeds."""

    def __init__(
        self,
        space: Space,
        recipe: Recipe,
        settings: StudySettings,
        model: str,
        *,
        round_size: int = 1,
        storage: optuna.storages.BaseStorage | None = None,
        on_arms: Callable[[list[Arm]], None] = lambda arms: None,
        dev_pairs: int = 0,
    ) -> None:
        """`round_size` trials of a branch are suggested at a time, each from all earlier rounds.

        dev_pairs: pairs that a controller's measurement on the dev set encodes.
        """
        self._recipe = recipe
        self._settings = settings
        self._model = model
        self._space = space
        self.objectives = parse_objectives(settings.objective)
        self._round_size = round_size
        self._dev_pairs = dev_pairs
        self._on_arms = on_arms
        self._branches = [_Branch(branch, self._branch_search(branch, storage)) for branch in space.branches]
        self.effort = Effort(
            trials={b.branch.name: b.search.trials for b in self._branches},
            seeds=settings.seeds or space.seeds,
            steps=settings.steps or recipe.steps,
            batch_size=settings.batch_size or recipe.batch_size,
        )
        self._confirm: list[TrialSpec] | None = None
        self._confirm_next = 0
        self._confirm_told: dict[str, Outcome] = {}
        self.arms: list[Arm] = []

    def next_trial(self) -> TrialSpec | None:
        """The next trial to run, or None while the plan must first hear of running ones (or its phase has ended)."""
        if self._confirm is None:
            self._drop_without_reference()
            ready = [b for b in self._branches if self._may_ask(b)]
            return self._ask(min(ready, key=lambda b: len(b.asked))) if ready else None
        if self._confirm_next < len(self._confirm):
            self._confirm_next += 1
            return self._confirm[self._confirm_next - 1]
        return None

    def complete(self, spec: TrialSpec, outcome: Outcome) -> None:
        """Tells the plan how a trial ended. The order in which trials end does not matter."""
        if spec.phase == "confirm":
            self._confirm_told[spec.id] = outcome
            return
        branch = next(b for b in self._branches if b.branch.name == spec.family)
        number = spec.number or 0
        branch.told[number] = outcome
        # Optuna hears of a round when it is over and in order, so that it never depends on who was faster.
        start = number - number % self._round_size
        round_numbers = range(start, min(start + self._round_size, branch.search.trials))
        if all(n in branch.told for n in round_numbers):
            for n in round_numbers:
                branch.search.tell(n, branch.told[n])

    @property
    def phase_ended(self) -> bool:
        """Whether every trial of the present phase has ended."""
        if self._confirm is None:
            return all(len(b.told) == b.search.trials for b in self._branches)
        return len(self._confirm_told) == len(self._confirm)

    @property
    def finished(self) -> bool:
        """Whether every trial of both phases has ended."""
        return self._confirm is not None and self.phase_ended

    @property
    def most_arms(self) -> int:
        """Arms of the confirm phase if no two turn out to be identical; `best dynamic` is one of the families'."""
        return len(self._space.branches) + len(self._space.controls)

    @property
    def searched(self) -> dict[str, tuple[str, ...]]:
        """The searched parameters of every branch; those of the ratio as `ratio.<name>`."""
        return {b.branch.name: b.search.searched for b in self._branches}

    @property
    def phase(self) -> str:
        """`search` or `confirm`."""
        return "search" if self._confirm is None else "confirm"

    @property
    def planned(self) -> dict[str, int]:
        """Trials per phase; of the confirm phase at most so many until its arms are chosen."""
        confirm = self.most_arms * self.effort.seeds if self._confirm is None else len(self._confirm)
        return {"search": self.effort.search_trials, "confirm": confirm}

    def _may_ask(self, branch: _Branch) -> bool:
        asked = len(branch.asked)
        if asked >= branch.search.trials or len(self._references(branch)) < len(branch.branch.wanted_references):
            return False
        round_start = asked - asked % self._round_size
        return all(number in branch.told for number in range(round_start))

    def _references(self, branch: _Branch) -> dict[str, tuple[float, ...]]:
        """The reference curves of a branch that are known by now, by field: those of other branches' first trials."""
        return {
            field: b.told[0].loss_curves[kind]
            for field, kind in branch.branch.wanted_references.items()
            for b in self._branches
            if b.branch.name == branch.branch.references[kind]
            if 0 in b.told and b.told[0].status == "complete"
            if kind in b.told[0].loss_curves
        }

    def _drop_without_reference(self) -> None:
        """Leaves out a branch whose references have ended without being any."""
        for branch in self._branches:
            names = set(branch.branch.references.values())
            over = all(0 in b.told for b in self._branches if b.branch.name in names)
            if over and len(self._references(branch)) < len(branch.branch.wanted_references):
                branch.search.trials = 0

    def _ask(self, branch: _Branch) -> TrialSpec:
        number = len(branch.asked)
        training = self._training(branch, branch.search.ask(number))
        earlier = [branch.told[n] for n in range(number - number % self._round_size)]
        halving = self._settings.early_stopping == "halving"
        spec = TrialSpec(
            id=f"search-{_slug(branch.branch.name)}-{number:03d}",
            phase="search",
            family=branch.branch.name,
            number=number,
            seed=self._settings.search_seed,
            model=self._model,
            training=training,
            rungs=rungs(training, earlier, self.objectives[0]) if halving else (),
        )
        branch.asked.append(spec)
        return spec

    def _training(self, branch: _Branch, values: dict[str, Any]) -> TrainingConfig:
        settings, effort = self._settings, self.effort
        parameters = {name: values[_ratio_key(name)] for name in branch.branch.parameters}
        ratio = branch.branch.ratio({**parameters, **self._references(branch)})
        steps = affordable_steps(ratio, effort.steps, effort.batch_size, self._dev_pairs)
        return TrainingConfig(
            ratio=ratio,
            draw=settings.draw,
            steps=steps,
            batch_size=effort.batch_size,
            learning_rate=values.get("learning_rate", settings.learning_rate),
            temperature=values.get("temperature", settings.temperature or self._recipe.temperature),
            gradient_accumulation=settings.gradient_accumulation,
            precision=settings.precision,
            seed=settings.search_seed,
            report_every=max(1, steps // 20),
            evaluate_every=-(-steps // settings.evaluations),
            checkpoint_every=-(-steps // settings.checkpoints) if settings.checkpoints else 0,
        )

    def _branch_search(self, branch: Branch, storage: optuna.storages.BaseStorage | None) -> BranchSearch:
        settings = self._settings
        parameters: dict[str, Parameter] = {_ratio_key(name): p for name, p in branch.parameters.items()}
        first: dict[str, Any] = {}
        if settings.learning_rate is None:
            parameters["learning_rate"] = self._recipe.learning_rate
            first["learning_rate"] = self._recipe.first_learning_rate
        if settings.search_temperature:
            parameters["temperature"] = self._recipe.temperatures
            first["temperature"] = self._recipe.temperature
        if branch.role == "dynamic":
            first |= {_ratio_key(name): value for name, value in branch.defaults.items()}
        return BranchSearch(
            branch.name,
            parameters,
            sampler=settings.sampler or self._space.sampler,
            seed=settings.search_seed,
            trials=settings.trials or self._space.trials,
            first=first,
            objectives=self.objectives,
            storage=storage,
        )

    def start_confirm_phase(self) -> None:
        """Chooses the arms, once the search has ended; raises UserError if it has none for the main comparison."""
        tried = {b.branch.name: [(b.asked[n], b.told[n]) for n in sorted(b.told)] for b in self._branches}
        self.arms = choose_arms(self._space, tried, self.objectives)
        self._on_arms(self.arms)
        # Seed by seed: an interrupted study has whole repetitions of all arms.
        self._confirm = [
            TrialSpec(
                id=f"confirm-{_slug(arm.arm)}-{seed:03d}",
                phase="confirm",
                family=arm.family,
                arm=arm.arm,
                seed=seed,
                model=self._model,
                training=arm.training.model_copy(update={"seed": seed}),
            )
            for seed in range(self.effort.seeds)
            for arm in self.arms
            if arm.same_as is None
        ]


def affordable_steps(ratio: Family, steps: int, batch_size: int, dev_pairs: int) -> int:
    """Returns the steps that cost as much as `steps` without signals: a controller pays for its signals with steps.

    dev_pairs: pairs that a measurement on the dev set encodes. A pair that is only encoded costs a third.
    """

    def cost(count: int) -> int:
        return ENCODED_PER_TRAINED * count * batch_size + ratio.signal_pairs(count, batch_size, dev_pairs)

    return max(1, bisect_right(range(1, steps + 1), ENCODED_PER_TRAINED * steps * batch_size, key=cost))


def _ratio_key(name: str) -> str:
    """The search's name of a ratio parameter: a controller may have a learning rate of its own."""
    return f"ratio.{name}"


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name)
