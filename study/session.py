"""One call of the command line: everything checked, then planned, then run."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from rich.console import Console

from search_spaces.registry import space as space_named
from search_spaces.space import Space
from study import environment
from study.checks import (
    check_batches,
    check_compiler,
    check_judged,
    check_objectives,
    check_room,
    check_same_inputs,
    check_search,
    check_seeds,
    check_shards,
    check_signals,
    check_storage,
)
from study.cluster.cells import CellResources, gpus_so_far, of_cells, settings_of
from study.cluster.full_memory import MemoryRanOutError
from study.cluster.measuring import Measuring
from study.cluster.resources import (
    asked_resources,
    check_address,
    check_local,
    on_gpus,
    plan_resources,
    this_machine,
)
from study.cluster.trainable import TrialResources, trial_trainable
from study.cluster.tuner import Ended, cluster_resources, optuna_journal, run_trials, running_ray
from study.cost.absent import is_here, tokenizer_or_stand_in
from study.cost.disk import disk
from study.cost.rental import HERE, Rental
from study.cost.worker import packs_as_planned
from study.data import StudyData, load_data, query_texts
from study.dry_run import estimates, print_plan, print_rest
from study.leaderboard import Leaderboard
from study.listeners.kind import folder_for_files
from study.listeners.listener import InBackground, closing_all
from study.listeners.registry import LISTENERS
from study.lock import only_driver
from study.plan.budget import budget_of
from study.plan.effect import check_without_rectangles
from study.plan.more_seeds import decide, first_look, looks_so_far, seeds_begun, seeds_had, trials_of_all
from study.plan.objective import asked_measures, asks_bilingual
from study.plan.program import StudyPlan, asked_space
from study.plan.replay import check_recorded, check_same_arms
from study.read_settings import validated
from study.records import STUDY, ArmsRecord, EncoderRecord, FactorRecord, LevelRecord, ObjectiveRecord, StudyRecord
from study.remote_code import asks_for_code, check_code
from study.run_again import run_again
from study.settings import StudySettings
from study.study_folder import Study, create_study, open_study, write_qrels, write_study, write_texts
from study.terminal import Progress
from study.verify import damage
from trainables.array_cache import ArrayCache
from trainables.corpora.downloads import cache_folder
from trainables.encoders.base import EncoderConfig
from trainables.encoders.registry import PRESETS
from trainables.errors import UserError
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.registry import efficiency_record
from trainables.evaluation.measures.registry import chosen_measures
from trainables.evaluation.runs import qrels_file
from trainables.inert import inert_line
from trainables.inputs import EvaluationRules, StudyInputs, load_tokenizer, prepare_inputs
from trainables.measurement import texts_to_time
from trainables.ratio.signals import signal_pairs
from trainables.records import TrialRecord, now
from trainables.storage import Folder
from trainables.watch import Watch, unwatched

_MEMORY = "The memory of a machine was nearly full, so that Ray ended a trial there, and with it all others"
_LESS_MEMORY = "Fewer trials at a time (--max-concurrent-trials) or more chunks (--gradient-accumulation) need less"
_PAUSE_SECONDS = 10.0
"""Before Ray is started anew, longer each time: whoever has filled the memory may have gone by then."""


class Session:
    """A study that is about to run: new, or taken up again from its records."""

    def __init__(
        self,
        settings: StudySettings,
        folder: Folder,
        recorded: Study | None,
        console: Console,
        watch: Watch = unwatched,
        planned_for: Rental | None = None,
        *,
        code_asked: bool = False,
    ) -> None:
        """Checks all that can be checked without Ray.

        Args:
            settings: what the user asked for.
            folder: where the records lie, or will.
            recorded: the study that is gone on with; None: a new one.
            console: where the study prints.
            watch: shows how far the work on the data is.
            planned_for: GPUs that nothing but a plan is wanted for, so that no checkpoint of a preset need be here.
            code_asked: whether code of the encoders of a recorded study may run; that of a new one was asked for.

        Raises:
            UserError: any mistake of the user's.
        """
        self._folder = folder
        self._recorded = recorded
        self._console = console
        self._budget = budget_of(settings)
        self._space: Space = space_named(settings.space)
        if "objective" not in settings.model_fields_set:
            settings = settings.model_copy(update={"objective": (self._space.objective,)})
        self._cells = asked_space(self._space, settings).cells()
        if recorded is not None and settings.gpus_per_worker is None:
            settings = settings.model_copy(update={"gpus_per_worker": gpus_so_far(settings, self._cells, recorded)})
        self.settings = settings
        self._resources: CellResources = of_cells(settings, self._cells, asked_resources)
        self._notes: list[str] = []
        if planned_for is not None and planned_for.gpu is not None:
            self._resources = of_cells(settings, self._cells, on_gpus)
        elif settings.address is None:
            for cell in self._cells:
                check_local(settings_of(settings, cell))
            # Before anything is loaded: a machine that is too small is said at once.
            self._resources = of_cells(settings, self._cells, partial(plan_resources, nodes=this_machine()))
        else:
            check_address(settings.address)
        for name in settings.log_to:
            LISTENERS.find(name).check()
        check_seeds(settings, self._space, recorded)
        check_search(settings, self._space)
        plan = StudyPlan(self._space, settings)
        if recorded is not None:
            # Before anything is loaded: a tokenizer is code already.
            check_code(recorded, plan.encoders, asked=code_asked)
        self._efficiency: EfficiencyConfig | None = plan.space.efficiency
        check_batches((self._resources.of(cell.levels), config) for cell, config in plan.first_of_cells)
        check_shards(plan.first_configs, settings)
        if settings.address is None and planned_for is None:
            check_compiler(plan.first_configs)
        batches = list({repr(config.batches): config.batches for config in plan.first_configs}.values())
        self._data: StudyData = load_data(settings, self._space, batches, self._cache / "texts", watch)
        check_objectives(settings, self._data.dev)
        if recorded is None:
            # A study of an earlier version may have begun with such a branch, whose trials failed; it goes on.
            check_signals(plan.dev_signals, self._data.dev)
        self._encoders = tuple(_encoder_record(one) for one in plan.encoders)
        if recorded is not None:
            check_same_inputs(recorded, self._data.record(), self._encoders)
        self._inputs: StudyInputs = prepare_inputs(
            plan.encoders,
            self._data.training,
            self._data.dev,
            self._data.tests,
            EvaluationRules(
                (*asked_measures(settings), *self._data.measures),
                settings.ties,
                asks_bilingual(settings),
                tuple((one.name, one.members) for one in self._data.collections),
                settings.keep_runs,
            ),
            ArrayCache(self._cache / "tokens"),
            watch=watch,
            tokenizer_of=load_tokenizer if planned_for is None else tokenizer_or_stand_in,
        )
        self._replayed: StudyPlan | None = None
        self._derived: Mapping[str, TrialRecord] = {}
        if recorded is not None:
            replayed = self._plan(
                seeds=None if settings.until_separable is None else seeds_begun(recorded, self._seeds),
                round_size=recorded.info.round_size,
                on_arms=partial(check_same_arms, recorded),
            )
            self._derived = check_recorded(replayed, recorded)
            self._replayed = replayed
            changed = environment.changes_since(recorded.info.versions, recorded.info.git_commit)
            self._notes = [*damage(recorded), *([inert_line(changed)] if changed else [])]
        self._absent = tuple(one for one in plan.encoders if planned_for is not None and not is_here(one))
        gpu = None if planned_for is None else planned_for.gpu
        packed = []
        for encoder in plan.encoders:
            if encoder not in self._absent:
                # Thrown away: an encoder that cannot be built is said before a cluster is asked for.
                built = encoder.build(self._inputs.of(encoder).texts.tokenizer, seed=0)
                packed += [
                    packs_as_planned(
                        built, config.compute, gpu, on_gpu=self._resources.of(cell.levels).gpus_per_worker > 0
                    )
                    for cell, config in plan.first_of_cells
                    if config.encoder == encoder
                ]
        # A study of an earlier version may have begun with them.
        if recorded is None and packed and all(packed):
            check_without_rectangles(plan.space, settings)

    @classmethod
    def new(
        cls,
        settings: StudySettings,
        name: str,
        console: Console,
        watch: Watch = unwatched,
        planned_for: Rental | None = None,
    ) -> "Session":
        """Prepares a new study, or nothing but its plan; raises UserError if the folder already holds one."""
        check_judged(settings)
        folder = Folder(settings.storage) / name
        # First of all: storage that does not answer would be asked again and again by whatever looks into it.
        check_storage(folder)
        if folder.exists(STUDY):
            raise UserError(
                f"{folder.location} already holds a study: give another --name, or go on with it by "
                f"--resume {folder.location}."
            )
        settings = settings.model_copy(update={"name": name}).with_absolute_paths()
        return cls(settings, folder, None, console, watch, planned_for)

    @classmethod
    def resumed(cls, location: str, changes: dict[str, Any], console: Console, watch: Watch = unwatched) -> "Session":
        """Prepares to go on with a recorded study, `changes` to its settings included.

        Of `set` they hold only that code of its encoders may run. Raises UserError for a study of format 1, one whose
        plugins are not named or whose code is not asked for, and one whose data have changed.
        """
        study = open_study(location)
        if study.cannot_go_on is not None:
            raise UserError(f"{study.folder.location} cannot be resumed: {study.cannot_go_on}")
        given = changes.get("plugin", ())
        missing = " ".join(f"--plugin {name}" for name in study.info.settings.plugin if name not in given)
        if missing:
            # A study may come from somebody else: what it names is not imported unasked.
            raise UserError(
                f"{study.folder.location} was started with {missing}, and a module that a study names is imported only "
                f"if you name it: give {missing}, too."
            )
        code = asks_for_code(changes)
        changes = {name: value for name, value in changes.items() if name != "set"}
        values = {**study.info.settings.model_dump(mode="json"), "address": None, **changes}
        origins = {name: "--" + name.replace("_", "-") for name in changes}
        settings = validated(values, origins, f"{study.folder.location}/{STUDY}")
        return cls(settings, study.folder, study, console, watch, code_asked=code)

    @classmethod
    def confirming(
        cls, location: str, changes: dict[str, Any], console: Console, watch: Watch = unwatched
    ) -> "Session":
        """Prepares to add confirm seeds to a study, or to confirm the best that an unfinished search has found.

        What is asked for becomes part of the study's settings. Raises UserError for fewer seeds than it has.
        """
        study = open_study(location)
        if not study.arms:
            changes = {**changes, "trials": trials_of_all(study)}
        session = cls.resumed(location, changes, console, watch)
        of_all, of_others = seeds_had(study)
        wished, wished_of_others = session.settings.seeds, session.settings.other_seeds
        if "seeds" in changes and wished is not None and wished < of_all:
            raise UserError(f"--seeds {wished}: the study has {of_all} seeds already; give at least as many.")
        if "other_seeds" in changes and wished_of_others is not None and wished_of_others < of_others:
            raise UserError(
                f"--other-seeds {wished_of_others}: the arms that the main comparison does not need have {of_others} "
                "seeds already; give at least as many."
            )
        return session

    @property
    def location(self) -> str:
        """Where the study lies."""
        return self._folder.location

    def run(self, quiet: bool) -> Ended:
        """Starts Ray, writes or takes up the records, and runs the plan to its end."""
        for line in (*self._notes, f"study {self._folder.location}: starting Ray"):
            self._say(quiet, line)
        created = not self._folder.exists()
        try:
            with only_driver(self._folder, partial(self._say, quiet)) as still_holds:
                failures, ended = 0, -1
                while True:
                    try:
                        return self._run_with_ray(quiet, still_holds)
                    except MemoryRanOutError as error:
                        before, ended = ended, self._ended()
                        failures = 1 if ended > before else failures + 1
                        if failures > self.settings.max_failures:
                            raise UserError(f"{_MEMORY} ({error}). {_LESS_MEMORY}: go on so with --resume.") from error
                        self._say(quiet, f"{_MEMORY}; the study goes on from its checkpoints. {_LESS_MEMORY}.")
                        time.sleep(failures * _PAUSE_SECONDS)
        except UserError:
            if created and not self._folder.exists(STUDY):
                self._folder.delete()
            raise

    def _ended(self) -> int:
        """How many trials have ended."""
        return sum(trial.result is not None for trial in open_study(self._folder.location).trials)

    def _run_with_ray(self, quiet: bool, still_holds: Callable[[], bool]) -> Ended:
        with running_ray(self.settings, self._folder, self._shared_bytes(), self.log_file) as dashboard:
            say = partial(self._say, quiet)
            resources = cluster_resources(self.settings, self._cells, self._folder, say)
            study = self._taken_up() if self._folder.exists(STUDY) else self._created(resources)
            for line in dashboard.lines() if dashboard and not quiet else ():
                self._say(quiet, line)
            address = None if dashboard is None else dashboard.address
            trainable = self._trainable(resources)
            run_plan = partial(self._run_plan, study, trainable, resources, address, quiet, still_holds)
            if self.settings.until_separable is None:
                return run_plan(None)
            return self._run_until_separable(run_plan, quiet, self.settings.until_separable)

    def run_again(self, trial: str) -> list[str]:
        """Runs a trial of the recorded study again, here, without Ray; returns a sentence for every difference."""
        resources = self._trial_resources(of_cells(self.settings, self._cells, asked_resources))
        return run_again(open_study(self.location), trial, self._derived, self._inputs, resources.options)

    def _say(self, quiet: bool, line: str) -> None:
        if not quiet:
            self._console.print(line, highlight=False, soft_wrap=True, markup=False)

    def _run_until_separable(self, run_plan: Callable[[int], Ended], quiet: bool, max_seeds: int) -> Ended:
        """Adds one seed to the arms of the main comparison until it has a verdict or `max_seeds` are reached."""
        looks = looks_so_far(open_study(self._folder.location), self._seeds)
        while True:
            ended = run_plan(looks[-1])
            if ended.state != "complete":
                return ended
            # What the plan has just done is in the records by now.
            study = open_study(self._folder.location)
            decision = decide(study, looks, max_seeds)
            study.write_decision(decision)
            if not quiet:
                self._console.print(decision.sentence, highlight=False, markup=False)
            if decision.stop:
                return ended
            looks.append(looks[-1] + 1)

    def _run_plan(
        self,
        study: Study,
        trainable: Callable[..., Any],
        resources: CellResources,
        dashboard: str | None,
        quiet: bool,
        still_holds: Callable[[], bool],
        seeds: int | None,
    ) -> Ended:
        plan = self._plan(
            seeds=seeds,
            round_size=study.info.round_size,
            storage=optuna_journal(study),
            on_arms=partial(_write_arms, study),
        )
        progress = Progress(
            self._console,
            study.name,
            dashboard,
            resources.concurrent,
            Leaderboard(study.info),
            quiet,
            planned=plan.planned,
        )
        with progress:
            # What an earlier plan of this session did is in the records by now.
            study = open_study(study.folder.location)
            with closing_all(self._listeners(study, progress)) as listeners:
                return run_trials(
                    study,
                    plan,
                    trainable,
                    resources,
                    self.settings,
                    self._budget,
                    progress,
                    listeners,
                    self._measuring(),
                    still_holds,
                )

    def _listeners(self, study: Study, progress: Progress) -> list[InBackground]:
        identity = study.info.identity
        told = study.name, identity, folder_for_files(study.folder, identity)
        kinds = [LISTENERS.find(name) for name in self.settings.log_to]
        return [InBackground(kind.name, partial(kind.start, *told), progress.line) for kind in kinds]

    def _measuring(self) -> Measuring | None:
        """The measure phase, where the space asks for one."""
        if self._efficiency is None:
            return None
        return Measuring(
            self._efficiency,
            self._space.main_comparison[1],
            self._inputs,
            texts_to_time(self._data.tests, self._efficiency),
            self.settings.plugin,
        )

    def _trainable(self, resources: CellResources) -> Callable[..., Any]:
        return trial_trainable(self._inputs, self._trial_resources(resources))

    def _trial_resources(self, resources: CellResources) -> TrialResources:
        return TrialResources(
            resources,
            self.settings.max_failures,
            self.settings.keep_encoders != "none",
            self._efficiency is not None,
            self.settings.plugin,
            self._cache,
            self._folder.name,
        )

    @property
    def _cache(self) -> Path:
        return self.settings.cache_dir or cache_folder()

    @property
    def log_file(self) -> Path:
        """The file with Ray's messages."""
        if self._folder.is_local:
            return self._folder.local_path / "log" / "ray.log"
        return Path(gettempdir()) / f"{self._folder.name}-ray.log"

    def print_plan(self, rental: Rental = HERE) -> None:
        """Prints what would run and what it would cost."""
        resources = of_cells(self.settings, self._cells, on_gpus) if rental.gpu else self._resources
        print_plan(
            self._console, self.settings, self._plan(), self._data, self._inputs, resources, rental, self._absent
        )

        if self._recorded is not None and self._replayed is not None:
            print_rest(self._console, self._replayed.planned, self._recorded, resources)

    def _plan(self, seeds: int | None = None, **parts: Any) -> StudyPlan:
        """The plan as it would begin; `parts` are more arguments of it.

        `seeds`: of the main comparison, where others were added than were asked for; other arms get none of these.
        """
        settings = self.settings
        if seeds is not None:
            others = settings.other_seeds or first_look(self._seeds)
            settings = settings.model_copy(update={"seeds": max(seeds, others), "other_seeds": others})
        dev_pairs = max(signal_pairs(texts.dev) for texts in self._inputs.by_token_key.values())
        return StudyPlan(self._space, settings, dev_pairs=dev_pairs, **parts)

    def _taken_up(self) -> Study:
        """The recorded study; what was asked for on top becomes part of its settings."""
        recorded = open_study(self._folder.location)
        before = recorded.info.settings
        asked = {name: getattr(self.settings, name) for name in ("seeds", "other_seeds", "until_separable", "trials")}
        if any(getattr(before, name) != value for name, value in asked.items()):
            seen = recorded.info.seen_at
            settings = before.model_copy(update=asked)
            adds = settings.until_separable is not None or self._seeds_of(settings) != self._seeds_of(before)
            if adds and recorded.status.state == "complete" and before.until_separable is None:
                seen = (*seen, before.seeds or self._space.seeds)
            changes = {"settings": settings, "seen_at": seen, "branches": self._plan().branches}
            write_study(self._folder, recorded.info.model_copy(update=changes))
        return open_study(self._folder.location)

    def _seeds_of(self, settings: StudySettings) -> tuple[int, int]:
        """Of the arms of the main comparison, and of the others."""
        seeds = settings.seeds or self._space.seeds
        return seeds, settings.other_seeds or seeds

    def _created(self, resources: CellResources) -> Study:
        check_room(self._folder, disk(self.settings, self._plan(), self._inputs, resources.concurrent))
        # First: whoever is killed after study.json is resumed, and a resumed study has all that a new one writes.
        files = dict(write_texts(self._folder, query_texts(self._data.tests)))
        if self.settings.keep_runs:
            files |= write_qrels(self._folder, {test.name: qrels_file(test) for test in self._data.tests})
        return create_study(self._folder, self._info(resources).model_copy(update={"files": files}))

    @property
    def record(self) -> StudyRecord:
        """The record that the study would begin with here."""
        return self._info(self._resources)

    @property
    def shape(self) -> tuple[int, int]:
        """Steps of a training and pairs of a step, at most: controllers pay for signals with steps."""
        configs = self._plan().first_configs
        return max(config.steps for config in configs), max(config.batches.size for config in configs)

    def training_hours(self, rental: Rental) -> float:
        """GPU hours of a training on the GPUs that are planned for, at their speed, at most."""
        resources = of_cells(self.settings, self._cells, on_gpus)
        costs = estimates(self._plan(), self._data, self._inputs, resources, rental)
        return max(cost.trial_seconds * held.workers for _, held, cost in costs) / 3600

    def _info(self, resources: CellResources) -> StudyRecord:
        plan = self._plan()
        return StudyRecord(
            name=self._folder.name,
            created=now(),
            space=self._space.name,
            question=self._space.question,
            settings=self.settings,
            objectives=tuple(ObjectiveRecord(metric=o.metric, direction=o.direction) for o in plan.objectives),
            main_comparison=plan.main_comparison,
            about=plan.space.about,
            least_movement=plan.space.least_movement,
            factors=tuple(
                FactorRecord(
                    name=factor.name,
                    levels=tuple(LevelRecord(label=level.label, options=level.patch) for level in factor.levels),
                )
                for factor in plan.space.factors
            ),
            branches=plan.branches,
            # Enough suggestions at a time to fill the cluster; part of what makes a study repeatable.
            round_size=-(
                -resources.concurrent // (plan.repetitions * sum(branch.role != "control" for branch in plan.branches))
            ),
            encoders=self._encoders,
            data=self._data.record(),
            efficiency=None if plan.space.efficiency is None else efficiency_record(plan.space.efficiency),
            measures={str(one): one.record() for one in chosen_measures(self._inputs.rules.measures)},
            versions=environment.versions(),
            git_commit=environment.git_commit(),
            hardware=environment.hardware(),
        )

    @property
    def _seeds(self) -> int:
        return self.settings.seeds or self._space.seeds

    def _shared_bytes(self) -> int:
        texts, data = self._inputs.by_token_key.values(), self._inputs.data
        tables = [table for one in texts for table in one.tables]
        pixels = sum(one.pixels.nbytes for one in texts if one.pixels is not None)
        ids = sum(t.ids.nbytes + t.offsets.nbytes for t in tables)
        return ids + pixels + data.query_text.nbytes + data.passage_text.nbytes


def _write_arms(study: Study, arms: ArmsRecord) -> None:
    check_same_arms(study, arms)
    if study.chosen is None:
        study.write_arms(arms)


def _encoder_record(encoder: EncoderConfig) -> EncoderRecord:
    preset = PRESETS.get(encoder.name)
    return EncoderRecord(config=encoder, files=encoder.files(), references=() if preset is None else preset.references)
