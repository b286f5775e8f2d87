"""The study as a deterministic program: which trial comes next, given how the earlier ones ended.

Nothing here knows Ray. `next_trial` depends only on the settings and on the outcomes told so far, never on time or on
the number of workers, so that the records of a study are enough to go on with it after any interruption: they are
told again, and the program stands where it stood.

>>> from search_spaces.registry import space
>>> plan = StudyPlan(space("static_ratio"), StudySettings(trials=3, seeds=2))
>>> plan.planned
{'search': 6, 'confirm': 8}
>>> trial = plan.next_trial()
>>> trial.id, trial.config.ratio.summary()
('search-X-X-mono-000', 'constant 1')
>>> metrics = {"dev/overall/map": 0.4}
>>> plan.complete(trial, Outcome(status="complete", steps=310, metrics=metrics, dev_by_step={}))
>>> plan.next_trial().id
'search-X-Y-000'
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import optuna

from search_spaces.space import Branch, Cell, Factor, Space, slug, strategies
from study.main_arms import MERGED, place_of, sources_of, trainings_of, views_of
from study.plan.arms import (
    BASE,
    Ended,
    best_dynamic,
    best_of_branches,
    choose_arms,
    constants_of,
    control_config,
    dev_metrics,
    is_untrained,
    limited,
    main_comparison,
    most_arms,
    most_rivals,
    ratios_of,
)
from study.plan.branch_search import BranchSearch
from study.plan.decided_once import check_decided_once
from study.plan.early_stopping import rungs
from study.plan.effect import check_effect
from study.plan.effort import effort
from study.plan.measurements import asked_efficiency
from study.plan.more_seeds import first_look
from study.plan.objective import parse_objectives
from study.plan.template import (
    Template,
    check_one_recipe,
    encoder_in,
    encoder_of,
    factor_levels,
    searched_factors,
    template_of,
    with_patch,
)
from study.records import ArmRecord, ArmsRecord, BranchRecord, RangeRecord
from study.settings import StudySettings
from trainables.batches.kinds import Kind
from trainables.config import TrialConfig
from trainables.encoders.base import EncoderConfig
from trainables.errors import UserError
from trainables.merging import CROSS_WEIGHT, SEARCHED
from trainables.options import flat
from trainables.parameters import Choice, Parameter, Real
from trainables.ratio.config import ratio_config
from trainables.ratio.controller import ENCODED_PER_TRAINED
from trainables.ratio.controls.centred import CENTRED
from trainables.ratio.controls.registry import CONTROLS
from trainables.ratio.family import Family, movement
from trainables.ratio.registry import FAMILIES, constant_ratio
from trainables.records import Outcome, TrialRecord


@dataclass
class _Search:
    """The search of one branch in one cell; `repetition`: in which search of the study."""

    repetition: int
    cell: Cell
    branch: Branch
    template: Template
    optuna: BranchSearch
    neighbour: "_Search | None" = None
    """The same branch in the cell before, if the search begins with what that one found."""
    sources: tuple[str, ...] = ()
    """The trials whose encoders its trials average."""
    asked: list[TrialRecord] = field(default_factory=list)
    told: dict[int, Outcome] = field(default_factory=dict)
    values: list[Mapping[str, Any]] = field(default_factory=list)
    """What was asked, by dotted key."""

    @property
    def ended(self) -> list[Ended]:
        """The trials that have ended, in order."""
        return [(self.asked[number], self.told[number]) for number in sorted(self.told)]

    @property
    def has_ended(self) -> bool:
        return len(self.told) == self.optuna.trials


class StudyPlan:
    """Yields the trials of a study in order: the search of every branch and cell, then every arm with fresh seeds.

    Where the search is repeated, every repetition is a search of its own, with its own seed, from which it chooses its
    own arms. Confirm seed s trains the arms of repetition s mod K.
    """

    def __init__(
        self,
        space: Space,
        settings: StudySettings,
        *,
        round_size: int = 1,
        storage: optuna.storages.BaseStorage | None = None,
        on_arms: Callable[[ArmsRecord], None] = lambda arms: None,
        dev_pairs: int = 0,
    ) -> None:
        """Raises UserError for settings that the space cannot follow.

        Args:
            space: the question.
            settings: what the user asked for.
            round_size: so many trials of a branch are suggested at a time, each from all earlier rounds.
            storage: where Optuna keeps the search, for people to look at.
            on_arms: told the arms once they are chosen.
            dev_pairs: pairs that a controller's measurement on the dev set encodes.
        """
        self.space = asked_space(space, settings)
        self.cells = self.space.cells()
        self.repetitions = settings.repeat_search
        self.objectives = parse_objectives(settings.objective)
        self.seeds = settings.seeds or space.seeds
        """Confirm seeds of an arm, in every repetition of the search."""
        self.other_seeds = settings.other_seeds or self.seeds
        """The same of an arm that the main comparison does not need."""
        self._settings = settings
        self._round_size = round_size
        self._dev_pairs = dev_pairs
        self._on_arms = on_arms
        self._fixed = {cell.label: self._fixed_arms(cell) for cell in self.cells}
        names = {name for fixed in self._fixed.values() for name in fixed}
        self.main_comparison = main_comparison(self.space, names)
        self._check_other_seeds()
        self._storage = storage
        self._searches = self._new_searches()
        self._controls: list[_Search] | None = None
        self._check_ratios()
        self._check_references()
        self._check_merging()
        self._check_centring()
        check_effect(self.space, settings, [(name, config) for _, name, config in self._first])
        self._confirm: list[TrialRecord] | None = None
        self._confirm_left: list[TrialRecord] = []
        self._confirm_told: dict[str, Outcome] = {}
        self.arms: list[ArmRecord] = []

    # What a reader of the plan asks.

    @property
    def encoders(self) -> tuple[EncoderConfig, ...]:
        """All encoders of the study, each once."""
        named = [encoder_of(self._settings, self.space, cell) for cell in self.cells]
        searched = [
            encoder_in(patch)
            for levels in searched_factors(self._settings).values()
            for patch in levels.values()
            if "encoder" in patch
        ]
        given = [config.encoder for fixed in self._fixed.values() for config in fixed.values()]
        return tuple({encoder.model_dump_json(): encoder for encoder in (*named, *searched, *given)}.values())

    @property
    def first_configs(self) -> list[TrialConfig]:
        """One configuration per branch, cell and level of a searched factor, and all fixed arms: what can be checked
        before anything is run.
        """
        return [config for _, config in self.first_of_cells]

    @property
    def first_of_cells(self) -> list[tuple[Cell, TrialConfig]]:
        """The first configurations, each with its cell."""
        return [(cell, config) for cell, _, config in self._first]

    @property
    def dev_signals(self) -> dict[str, frozenset[str]]:
        """What branches and fixed arms may measure on the dev set to decide their ratios, by name."""
        found: dict[str, frozenset[str]] = {}
        for _, name, config in self._first:
            found[name] = found.get(name, frozenset()) | config.ratio.dev_signals(config.steps)
        return found

    @cached_property
    def _first(self) -> list[tuple[Cell, str, TrialConfig]]:
        """The first configurations, each with its cell and the name of its branch or arm."""
        found = [
            (
                s.cell,
                s.branch.name,
                s.template.config({**s.template.any_values, **s.template.first, **levels}, self._settings.search_seed),
            )
            for s in self._searches
            if s.repetition == 0
            for levels in s.template.combined_levels
            # The curves that a family refers to are not known yet.
            if not self._family(s).references
        ]
        fixed = [(cell, name, config) for cell in self.cells for name, config in self._fixed[cell.label].items()]
        return [*found, *fixed]

    @property
    def branches(self) -> tuple[BranchRecord, ...]:
        """The budget of every branch in every cell, and of the controls that are tuned, in one repetition."""
        return (*self._budgets, *self._budgets_of_controls)

    @property
    def _budgets(self) -> tuple[BranchRecord, ...]:
        return tuple(
            BranchRecord(
                branch=s.branch.name,
                cell=s.cell.levels,
                role=s.branch.role,
                trials=s.optuna.trials,
                pairs=s.optuna.trials * self._pairs_per_trial(s),
                searched={key: _range(s.template.searched[key]) for key in s.optuna.searched},
            )
            for s in self._searches
            if s.repetition == 0
        )

    @property
    def _budgets_of_controls(self) -> tuple[BranchRecord, ...]:
        found = []
        for cell in self.cells:
            dynamic = next((s for s in self._searches if s.cell == cell and s.branch.role == "dynamic"), None)
            searched = {} if dynamic is None else _tuned(dynamic.template.searched)
            if dynamic is not None and searched:
                pairs = self._pairs_per_trial(dynamic)
                found += [self._budget_of_control(name, cell, pairs, searched) for name in self._tuned_controls]
            found += [self._budget_of_control(name, cell, 0, {CROSS_WEIGHT: _ANY_WEIGHT}) for name in self._weighed]
        return tuple(found)

    def _budget_of_control(self, name: str, cell: Cell, pairs: int, searched: Mapping[str, Parameter]) -> BranchRecord:
        """`pairs`: of a trial."""
        return BranchRecord(
            branch=name,
            cell=cell.levels,
            role="control",
            trials=self._trials,
            pairs=self._trials * pairs,
            searched={key: _range(parameter) for key, parameter in searched.items()},
        )

    @property
    def most_arms(self) -> int:
        """Arms of a confirm seed if no two turn out to be identical."""
        return sum(most_arms(self.space, self._fixed[cell.label]) for cell in self.cells)

    @property
    def most_main_arms(self) -> int:
        """Those of them that the main comparison needs, and which alone get the seeds that are added for it."""
        if self.main_comparison is None:
            return self.most_arms
        return sum(self._most_main_arms(self._fixed[cell.label]) for cell in self.cells)

    def _most_main_arms(self, fixed: Mapping[str, TrialConfig]) -> int:
        named = [fixed.get(name) for name in self.main_comparison or ()]
        untrained = sum(config is not None and is_untrained(config) for config in named)
        averages = any(config is not None and config.merging.cross_weight is not None for config in named)
        most = len(named) - untrained + averages * len(MERGED)
        return min(most, most_arms(self.space, fixed))

    @property
    def rival_trials(self) -> int:
        """Confirm trials of the rivals that cost no training, if no two are identical."""
        return len(self.cells) * most_rivals(self.space) * self.seeds * self.repetitions

    @property
    def kept_in_search(self) -> int:
        """Search trials whose encoders are kept, for others that average them."""
        return sum(s.optuna.trials for s in self._searches if self._is_source(s))

    @property
    def phase(self) -> Literal["search", "confirm"]:
        """The phase that the study is in."""
        return "search" if self._confirm is None else "confirm"

    @property
    def planned(self) -> dict[str, int]:
        """Trials per phase; of the confirm phase at most so many until its arms are chosen."""
        search = sum(s.optuna.trials for s in self._searches)
        if self._controls is None:
            search += self.repetitions * sum(budget.trials for budget in self._budgets_of_controls)
        else:
            search += sum(s.optuna.trials for s in self._controls)
        return {"search": search, "confirm": self._most_confirm_trials if self._confirm is None else len(self._confirm)}

    @property
    def phase_ended(self) -> bool:
        """Whether every trial of the present phase has ended."""
        if self._confirm is None:
            return all(s.has_ended for s in (*self._searches, *self._searches_of_controls()))
        return len(self._confirm_told) == len(self._confirm)

    @property
    def finished(self) -> bool:
        """Whether every trial of both phases has ended."""
        return self._confirm is not None and self.phase_ended

    # What runs it.

    def next_trial(self) -> TrialRecord | None:
        """The next trial to run, or None while the plan must first hear of running ones (or its phase has ended)."""
        if self._confirm is None:
            self._drop_without_reference()
            ready = [s for s in (*self._searches, *self._searches_of_controls()) if self._may_ask(s)]
            # All searches come to their ends together, those with more trials, too.
            return self._ask(min(ready, key=lambda s: len(s.asked) / s.optuna.trials)) if ready else None
        # One that another training writes the result of waits for that: it may have nothing left to do.
        running = {one.id for one in self._confirm} - set(self._confirm_told)
        awaited = {id_ for one in self._confirm if one.id in running for id_ in one.also}
        may_run = (one for one in self._confirm_left if one.id not in awaited and running.isdisjoint(one.sources))
        trial = next(may_run, None)
        if trial is not None:
            self._confirm_left.remove(trial)
        return trial

    def complete(self, trial: TrialRecord, outcome: Outcome) -> None:
        """Tells the plan how a trial ended. The order in which trials end does not matter."""
        if trial.phase == "confirm":
            self._confirm_told[trial.id] = outcome
            return
        searches = (*self._searches, *(self._controls or ()))
        place = trial.repetition, trial.branch, trial.cell
        search = next(s for s in searches if (s.repetition, s.branch.name, s.cell.levels) == place)
        number = trial.number or 0
        search.told[number] = outcome
        # Optuna hears of a round when it is over and in order, so that it never depends on who was faster.
        numbers = self._round(search, number) if self._learns(search) else [number]
        if all(n in search.told for n in numbers):
            for n in numbers:
                search.optuna.tell(n, search.told[n])

    def outdone(self, trial: TrialRecord) -> list[str]:
        """The ids of the complete confirm trials of an arm, given by one of them, but for the best on the dev set.

        That is by the first objective; of equals the one of the lowest seed. Every repetition of the search has a best
        of its own, since an arm may have the trainings of another one in some of them only.
        """
        place = trial.arm, trial.cell, trial.repetition
        same_arm = (one for one in self._confirm or () if (one.arm, one.cell, one.repetition) == place)
        told = [(one.id, self._confirm_told[one.id]) for one in same_arm if one.id in self._confirm_told]
        complete = {id_: dev_metrics(outcome) for id_, outcome in told if outcome.status == "complete"}
        best = max(complete, key=lambda id_: self.objectives[0].score(complete[id_]), default=None)
        return [id_ for id_ in complete if id_ != best]

    def start_confirm_phase(self) -> None:
        """Chooses the arms, once the search has ended; raises UserError if it has none for the main comparison."""
        places = [(repetition, cell) for repetition in range(self.repetitions) for cell in self.cells]
        self.arms = [arm for place in places for arm in self._arms_of(*place)]
        still = [name for place in places for name in constants_of(self.space, self._tried(*place))]
        self._on_arms(ArmsRecord(arms=tuple(self.arms), constants=tuple(still)))
        # Seed by seed: an interrupted study has whole repetitions of all arms.
        views, needed = views_of(self.arms), trainings_of(self.main_comparison, self.arms)
        self._confirm = [
            TrialRecord(
                id=_confirm_id(arm, seed),
                phase="confirm",
                arm=arm.arm,
                cell=arm.cell,
                repetition=arm.repetition,
                config=arm.config.model_copy(update={"seed": seed}),
                sources=tuple(_confirm_id(source, seed) for source in sources_of(arm, self.arms)),
                also={_confirm_id(other, seed): other.config.evaluation for other in views.get(place_of(arm), ())},
            )
            for seed in range(self.seeds * self.repetitions)
            for arm in self.arms
            if arm.repetition == seed % self.repetitions
            if arm.same_as is None and (seed == 0 or not arm.is_untrained)
            if seed < self.other_seeds * self.repetitions or place_of(arm) in needed
        ]
        self._confirm_left = list(self._confirm)

    # How it is made.

    def _check_other_seeds(self) -> None:
        """Raises UserError where no arm would have more seeds than others, or others more than the main comparison."""
        given, most = self._settings.other_seeds, self._settings.until_separable
        asked = f"--until-separable {most}" if most is not None else f"--other-seeds {given}"
        if self.main_comparison is None and (given, most) != (None, None):
            raise UserError(
                f"{asked}: an arm of the main comparison of {self.space.name}, which would get more seeds, was left "
                f"out; leave {asked.split()[0]} out, too."
            )
        least = self.seeds if most is None else first_look(self.seeds)
        if given is not None and given > least:
            raise UserError(
                f"--other-seeds {given} is more than the {least} that the main comparison has"
                + (" at its first look: give at most as many." if most else ": give at most as many, or more --seeds.")
            )

    def _check_merging(self) -> None:
        """Raises UserError for a merged arm without the encoders that it is made of, and for merging that is no arm."""
        settings = self._settings
        if any(CROSS_WEIGHT in keys for keys in (settings.set, settings.search, *(cell.patch for cell in self.cells))):
            raise UserError(
                f"{CROSS_WEIGHT} takes the place of a training, which a branch must have: give an arm of its own, such "
                f'as --arm "merged: steps=0 {CROSS_WEIGHT}={SEARCHED}".'
            )
        fixed = [one for arms in self._fixed.values() for one in arms.items()]
        merging = [name for name, config in fixed if config.merging.cross_weight is not None]
        if not merging:
            return
        if self._settings.keep_encoders != "all":
            raise UserError(
                f"--arm {merging[0]} averages encoders, but --keep-encoders is {self._settings.keep_encoders}: set it "
                "to all."
            )
        if len(self._merged_branches) < len(MERGED):
            raise UserError(f"--arm {merging[0]} averages X-X-mono and X-Y: name these in --arms, too.")
        controls = {slug(name) for name in self.space.controls}
        clash = next((name for name in self._weighed if slug(name) in controls), None)
        if clash is not None:
            raise UserError(f"--arm {clash}: the space has a control of this name; give another one.")

    def _check_centring(self) -> None:
        """Raises UserError for a centred arm where efficiency is measured: that of vectors as encoders give them."""
        if self.space.efficiency is None:
            return
        rule = f"the measure phase of the space {self.space.name} searches with vectors as an encoder gives them"
        remedy = "or choose another --space (see --list)"
        name = next((name for _, name, config in self._first if config.evaluation.centred), None)
        if name is not None:
            raise UserError(
                f"evaluation.centred is true of {name}, but {rule}: leave evaluation.centred out, {remedy}."
            )
        if CENTRED.name in {*self.space.controls, *self.space.rivals}:
            raise UserError(f"{CENTRED.name}: {rule}; add --without {CENTRED.name}, {remedy}.")

    @property
    def _merged_branches(self) -> list[str]:
        """The strategies that a merged arm is made of: X-X-mono, then X-Y."""
        found = [(b.patch["ratio"]["value"], b.name) for b in self.space.branches if b.role == "strategy"]
        return [name for ratio in MERGED for value, name in found if value == ratio]

    @property
    def _weighed(self) -> list[str]:
        """The merged arms whose weight is searched."""
        return [name for name, patch in self._settings.arm.items() if flat(patch).get(CROSS_WEIGHT) == SEARCHED]

    def _is_source(self, search: _Search) -> bool:
        return bool(self._weighed) and search.branch.name in self._merged_branches

    def _fixed_arms(self, cell: Cell) -> dict[str, TrialConfig]:
        """The arms of a cell that are not searched, by name: the untrained encoder, and those that the user gave."""
        arms: dict[str, Mapping[str, Any]] = dict(self._settings.arm)
        # What is searched is here as it is tried first.
        arms |= {name: {**flat(arms[name]), CROSS_WEIGHT: _FIRST_WEIGHT} for name in self._weighed}
        asked = {slug(name) for name in (*self._settings.arms, *self._settings.without)}
        encoder = encoder_of(self._settings, self.space, cell)
        if encoder.is_pretrained and BASE not in asked:
            arms = {BASE: {"steps": 0}, **arms}
        # Trials are named by the slugs.
        names = Counter(slug(name) for name in (*arms, *(branch.name for branch in self.space.branches)))
        clash = next((name for name in arms if names[slug(name)] > 1), None)
        if clash is not None:
            taken = slug(clash) in {slug(branch.name) for branch in self.space.branches}
            other = "the space has an arm of this name" if taken else "another --arm has this name, but for its signs"
            raise UserError(f"--arm {clash}: {other}; give another one.")
        # A ratio is needed even where nothing is trained.
        ratio, seed = {"ratio": constant_ratio(0.5).model_dump()}, self._settings.search_seed
        return {
            name: template_of(self._settings, self.space, cell, {**ratio, **patch}).config({}, seed)
            for name, patch in arms.items()
        }

    def _new_searches(self) -> list[_Search]:
        settings = self._settings
        for levels in searched_factors(settings).values():
            named = [encoder_in(patch) for patch in levels.values() if "encoder" in patch]
            if named:
                check_one_recipe(named, settings)
        return [
            search
            for repetition in range(self.repetitions)
            for search in self._searches_of_repetition(repetition, warm_start=settings.warm_start)
        ]

    def _searches_of_repetition(self, repetition: int, *, warm_start: bool) -> list[_Search]:
        found: list[_Search] = []
        for place, cell in enumerate(self.cells):
            templates = [template_of(self._settings, self.space, cell, b.patch, b) for b in self.space.branches]
            trials = self._effort(templates)
            for number, (branch, template) in enumerate(zip(self.space.branches, templates, strict=True)):
                search = self._branch_search(repetition, branch.name, cell, template, trials[branch.name])
                same_branch = found[(place - 1) * len(self.space.branches) + number] if place and warm_start else None
                found.append(_Search(repetition, cell, branch, template, search, same_branch))
        return found

    def _effort(self, templates: Sequence[Template]) -> dict[str, int]:
        """The search trials of every branch of a cell; a grid is as long as it is."""
        pairs = list(zip(self.space.branches, templates, strict=True))
        if self._sampler == "grid":
            return {branch.name: self._trials for branch, _ in pairs}
        searched = [(branch.name, branch.role, template.searched) for branch, template in pairs]
        return effort(searched, self._trials, self.main_comparison)

    def _branch_search(self, repetition: int, name: str, cell: Cell, template: Template, trials: int) -> BranchSearch:
        return BranchSearch(
            name,
            template.searched,
            sampler=self._sampler,
            seed=self._search_seed(repetition),
            trials=trials,
            first=template.first,
            objectives=self.objectives,
            study_name="/".join([*_of_repetition(repetition), *cell.levels.values(), name]),
            storage=self._storage,
        )

    def _check_ratios(self) -> None:
        """Raises UserError for a parameter of a ratio that was given and that no branch has."""
        given = {**self._settings.set, **{key: None for cell in self.cells for key in cell.patch}}
        fields = {field for search in self._searches for field in self._family(search).model_fields}
        for key in given:
            part, _, name = key.partition(".")
            if key == "ratio":
                raise UserError(
                    "--set ratio: every arm of a space has a ratio of its own; give one more arm with "
                    '--arm "NAME: ratio=...".'
                )
            if part == "ratio" and name not in fields:
                how = "--set" if key in self._settings.set else "--factor"
                raise UserError(f"{how} {key}: no strategy or family of this study has this parameter; leave it out.")

    def _check_references(self) -> None:
        """Raises UserError for a branch that follows losses of others that were left out."""
        for search in self._searches:
            kinds = self._family(search).references.values()
            if any(self._reference_source(search, kind) is None for kind in kinds):
                needed = [branch.name for branch in strategies() if branch.patch["ratio"]["value"] in (0.0, 1.0)]
                raise UserError(
                    f"{search.branch.name} follows the losses of {' and '.join(needed)}: name these in --arms, too, "
                    f"or leave {search.branch.name} out."
                )

    @property
    def _most_confirm_trials(self) -> int:
        untrained = sum(is_untrained(config) for fixed in self._fixed.values() for config in fixed.values())
        trained = (self.most_arms - untrained) * self.other_seeds
        trained += self.most_main_arms * (self.seeds - self.other_seeds)
        return trained * self.repetitions + self.rival_trials + untrained

    def _pairs_per_trial(self, search: _Search) -> int:
        """Training pairs of a trial, the same in every trial of a branch; signals are paid from them."""
        template = search.template
        values = with_patch(template.values, template.options(template.first))
        return int(values["steps"]) * int(values["batches"]["size"])

    def _may_ask(self, search: _Search) -> bool:
        asked = len(search.asked)
        if asked >= search.optuna.trials or self._references(search) is None:
            return False
        if search.neighbour is not None and not search.neighbour.has_ended:
            return False
        return all(number in search.told for number in range(self._round(search, asked).start))

    def _round(self, search: _Search, number: int) -> range:
        """The trials that are suggested with one, from all before them; every one where nothing is learned from any."""
        trials = search.optuna.trials
        size = self._round_size if self._learns(search) else trials
        start = number - number % size
        return range(start, min(start + size, trials))

    def _learns(self, search: _Search) -> bool:
        """Whether what a trial does depends on how others ended."""
        return search.optuna.learns or self._settings.early_stopping != "off"

    def _ask(self, search: _Search) -> TrialRecord:
        number = len(search.asked)
        if number == 0 and search.neighbour is not None:
            self._suggest_neighbours_best(search, search.neighbour)
        chosen = search.optuna.ask(number, lambda values: self._moves(search, values))
        values = {**chosen, **(self._references(search) or {})}
        config = self._affordable(search.template.config(values, self._search_seed(search.repetition)))
        earlier = [search.told[n] for n in range(self._round(search, number).start)]
        halving = self._settings.early_stopping == "halving"
        trial = TrialRecord(
            id="-".join(
                [
                    "search",
                    *_of_repetition(search.repetition),
                    *_in_id(search.cell.levels),
                    slug(search.branch.name),
                    f"{number:03d}",
                ]
            ),
            phase="search",
            branch=search.branch.name,
            cell=search.cell.levels,
            repetition=search.repetition,
            number=number,
            config=config,
            rungs=rungs(config, earlier, self.objectives[0]) if halving else (),
            sources=search.sources,
            is_source=self._is_source(search),
        )
        search.optuna.name(number, trial.id)
        search.asked.append(trial)
        search.values.append(chosen)
        return trial

    def _moves(self, search: _Search, chosen: Mapping[str, Any]) -> bool:
        """Whether values make what their branch is for: a schedule that moves less than it must is a constant.

        Where the ratio is decided in training, it is seen only afterwards.
        """
        if search.branch.role != "dynamic" or self._family(search).closed_loop:
            return True
        config = search.template.config(chosen, self._settings.search_seed)
        return movement(ratios_of(config, ())) >= self.space.least_movement

    def _affordable(self, config: TrialConfig) -> TrialConfig:
        steps = affordable_steps(config.ratio, config.steps, config.batches.size, self._dev_pairs)
        return config if steps == config.steps else config.model_copy(update={"steps": steps})

    def _tried(self, repetition: int, cell: Cell) -> dict[str, list[Ended]]:
        return {s.branch.name: s.ended for s in self._searches if (s.repetition, s.cell) == (repetition, cell)}

    def _arms_of(self, repetition: int, cell: Cell) -> list[ArmRecord]:
        controls = [s for s in self._searches_of_controls() if (s.repetition, s.cell) == (repetition, cell)]
        tried, tuned = self._tried(repetition, cell), {s.branch.name: s.ended for s in controls}
        # The weight of a merged arm may have been searched in vain.
        unknown = {name for name in self._weighed if all(o.status != "complete" for _, o in tuned.get(name, ()))}
        fixed = {name: config for name, config in self._fixed[cell.label].items() if name not in unknown}
        arms = choose_arms(self.space, cell, tried, self.objectives, fixed, self.main_comparison, tuned)
        return [arm.model_copy(update={"repetition": repetition}) for arm in arms]

    @property
    def _trials(self) -> int:
        """Search trials of a branch."""
        return self._settings.trials or self.space.trials

    @property
    def _sampler(self) -> Literal["tpe", "random", "nsga2", "grid"]:
        return self._settings.sampler or self.space.sampler

    def _search_seed(self, repetition: int) -> int:
        """The seed of the trainings and samplers of a repetition."""
        return self._settings.search_seed + repetition

    @property
    def _tuned_controls(self) -> list[str]:
        return [name for name in self.space.controls if CONTROLS.find(name).tuned]

    def _searches_of_controls(self) -> list[_Search]:
        """The searches of the controls that are tuned; none as long as it is not known whose controls they are."""
        if self._controls is None and all(s.has_ended for s in self._searches):
            self._controls = [
                one
                for repetition in range(self.repetitions)
                for cell in self.cells
                for one in (*self._new_controls(repetition, cell), *self._new_weights(repetition, cell))
            ]
        return self._controls or []

    def _new_controls(self, repetition: int, cell: Cell) -> list[_Search]:
        winner = best_dynamic(self.space, self._tried(repetition, cell), self.objectives[0])
        if winner is None:
            return []
        name, (trial, outcome) = winner
        place = repetition, cell, name
        search = next(s for s in self._searches if (s.repetition, s.cell, s.branch.name) == place)
        searched = _tuned(search.template.searched)
        # Begun with what suited the winner.
        first = {key: search.values[trial.number or 0][key] for key in searched}
        found = []
        for control in self._tuned_controls if searched else ():
            values = control_config(control, trial.config, outcome.ratios).model_dump()
            template = Template(values, searched, first, search.template.levels)
            branch = Branch(name=control, role="control", patch={})
            tuning = self._branch_search(repetition, control, cell, template, self._trials)
            found.append(_Search(repetition, cell, branch, template, tuning))
        return found

    def _new_weights(self, repetition: int, cell: Cell) -> list[_Search]:
        """The searches of the weights of merged arms, between the best X-X-mono and the best X-Y of the search."""
        best = best_of_branches(self.space, self._tried(repetition, cell), self.objectives[0])
        sources = tuple(best[name][0].id for name in self._merged_branches if name in best)
        # A grid holds what has a first value there.
        first = {} if self._sampler == "grid" else {CROSS_WEIGHT: _FIRST_WEIGHT}
        found = []
        for name in self._weighed if len(sources) == len(MERGED) else ():
            values = self._fixed[cell.label][name].model_dump()
            template = Template(values, {CROSS_WEIGHT: _ANY_WEIGHT}, first, {})
            search = self._branch_search(repetition, name, cell, template, self._trials)
            branch = Branch(name=name, role="control", patch={})
            found.append(_Search(repetition, cell, branch, template, search, sources=sources))
        return found

    def _suggest_neighbours_best(self, search: _Search, neighbour: _Search) -> None:
        complete = [n for n, outcome in neighbour.told.items() if outcome.status == "complete"]
        if complete:
            best = max(complete, key=lambda n: self.objectives[0].score(dev_metrics(neighbour.told[n])))
            search.optuna.begin_with(neighbour.values[best])

    def _references(self, search: _Search) -> dict[str, tuple[float, ...]] | None:
        """The reference loss curves that a family asks for, by option; None while they are not known.

        Those of a kind of batch come from the first training in the same cell that has only batches of that kind.
        """
        found: dict[str, tuple[float, ...]] = {}
        for name, kind in self._family(search).references.items():
            source = self._reference_source(search, kind)
            outcome = None if source is None else source.told.get(0)
            if outcome is None or outcome.status != "complete" or kind not in outcome.loss_curves:
                return None
            found[f"ratio.{name}"] = outcome.loss_curves[kind]
        return found

    def _reference_source(self, search: _Search, kind: Kind) -> _Search | None:
        only = {"mono": 1.0, "cross": 0.0}[kind]
        place = search.repetition, search.cell, "strategy"
        strategies_of_it = (s for s in self._searches if (s.repetition, s.cell, s.branch.role) == place)
        return next(
            (s for s in strategies_of_it if ratio_config(s.template.values["ratio"]).constant_value() == only), None
        )

    def _drop_without_reference(self) -> None:
        """Leaves out a branch whose references have ended without being any."""
        for search in self._searches:
            sources = [self._reference_source(search, kind) for kind in self._family(search).references.values()]
            over = all(source is None or 0 in source.told for source in sources)
            if sources and over and self._references(search) is None:
                search.optuna.trials = 0

    def _family(self, search: _Search) -> type[Family]:
        return FAMILIES[str(search.template.values["ratio"]["family"])]


def asked_space(space: Space, settings: StudySettings) -> Space:
    """Returns the space as the user asked for it: its factors and theirs, without the arms that were left out.

    Raises UserError for an arm that the space does not have, and for an option that two of them decide.
    """
    theirs = [Factor(name=name, levels=factor_levels(name, levels)) for name, levels in settings.factor.items()]
    # A level of the user's takes the place of the space's.
    own = tuple(factor for factor in space.factors if factor.name not in {*settings.factor, *settings.set})
    only = [name for name in settings.arms if slug(name) != BASE]
    without = [name for name in settings.without if slug(name) != BASE]
    asked = limited(space, only, without).model_copy(update={"factors": own})
    check_decided_once(asked, settings)
    efficiency = asked_efficiency(space, settings)
    return asked.model_copy(update={"factors": (*own, *theirs), "efficiency": efficiency})


def affordable_steps(ratio: Family, steps: int, batch_size: int, dev_pairs: int) -> int:
    """Returns the steps that, signals included, cost as much as `steps` without; at least 1.

    A pair that is only encoded costs a third of a trained one.

    Args:
        ratio: the family, which says what it measures.
        steps: optimiser steps without signals.
        batch_size: pairs of a batch.
        dev_pairs: pairs that a measurement on the dev set encodes.
    """

    def cost(count: int) -> int:
        return ENCODED_PER_TRAINED * count * batch_size + ratio.signal_pairs(count, batch_size, dev_pairs)

    if cost(steps) == ENCODED_PER_TRAINED * steps * batch_size:
        return steps
    return max(1, bisect_right(range(1, steps + 1), ENCODED_PER_TRAINED * steps * batch_size, key=cost))


def _tuned(searched: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Of what is searched in a branch, what is searched for a control of it, too: all but its ratio."""
    return {key: parameter for key, parameter in searched.items() if not key.startswith("ratio.")}


def _range(parameter: Parameter) -> RangeRecord:
    if isinstance(parameter, Choice):
        return RangeRecord(options=parameter.options)
    return RangeRecord(low=parameter.low, high=parameter.high, log=parameter.log)


_ANY_WEIGHT = Real(0, 1)
_FIRST_WEIGHT = 0.5
"""Of X-Y in a merged arm whose weight is searched."""


def _confirm_id(arm: ArmRecord, seed: int) -> str:
    return "-".join(["confirm", *_in_id(arm.cell), slug(arm.arm), f"{seed:03d}"])


def _of_repetition(repetition: int) -> list[str]:
    """What tells the searches of a study apart in names; nothing in the first one."""
    return [f"r{repetition}"] if repetition else []


def _in_id(levels: Mapping[str, str]) -> list[str]:
    return [slug(label) for label in levels.values()]
