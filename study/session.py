"""One call of the command line: everything checked, then planned, then run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from rich.console import Console

from search_spaces.recipes import Recipe, recipe_for
from search_spaces.registry import space as space_named
from search_spaces.space import Space
from study import environment
from study.checks import check_batch, check_objectives, check_same_inputs, check_search, check_seeds, check_space
from study.cluster.resources import Resources, asked_resources, check_address, plan_resources, this_machine
from study.cluster.tuner import Ended, cluster_resources, only_driver, optuna_journal, run_trials, running_ray
from study.data import StudyData, load_data, query_texts
from study.dry_run import print_plan
from study.plan.budget import budget_of
from study.plan.more_seeds import decide, looks_so_far, trials_of_all
from study.plan.program import StudyPlan
from study.records import DECISION, Study, create_study, now, open_study
from study.settings import StudySettings, validated
from study.terminal import Progress
from trainables.encoders.config import EncoderConfig, resolve_encoder
from trainables.encoders.model import build_encoder
from trainables.errors import UserError
from trainables.inputs import TrialInputs, prepare_inputs
from trainables.ratio.signals import signal_pairs
from trainables.storage import Folder
from trainables.trial import TrialResources, trial_trainable


class Session:
    """A study that is about to run: new, or taken up again from its records."""

    def __init__(self, settings: StudySettings, folder: Folder, recorded: Study | None, console: Console) -> None:
        """Checks all that can be checked without Ray; raises UserError for every mistake of the user's."""
        self.settings = settings
        self._folder = folder
        self._recorded = recorded
        self._console = console
        self._budget = budget_of(settings)
        self._space: Space = space_named(settings.space)
        self._encoder: EncoderConfig = resolve_encoder(settings.model or self._space.model)
        self._recipe: Recipe = recipe_for(self._encoder.source)
        self._resources: Resources | None = None
        if settings.address is None:
            # Before anything is loaded: a machine that is too small is said at once.
            self._resources = plan_resources(settings, this_machine())
        else:
            check_address(settings.address)
        check_batch(settings, self._recipe)
        check_seeds(settings, self._space, folder)
        check_search(settings, self._space)
        self._data: StudyData = load_data(settings, self._space, settings.batch_size or self._recipe.batch_size)
        check_objectives(settings, self._data.dev)
        if recorded is not None:
            check_same_inputs(recorded, self._data.record(), self._encoder_record())
        self._inputs: TrialInputs = prepare_inputs(self._encoder, self._data.training, self._data.dev, self._data.tests)
        # Thrown away: an encoder that cannot be built is said before a cluster is asked for.
        build_encoder(self._encoder, self._inputs.tokenizer, seed=0)

    @classmethod
    def new(cls, settings: StudySettings, name: str, console: Console) -> "Session":
        """Prepares a new study; raises UserError if the folder already holds one."""
        folder = Folder(settings.storage) / name
        if folder.exists("study.json"):
            raise UserError(
                f"{folder.location} already holds a study: give another --name, or go on with it by "
                f"--resume {folder.location}."
            )
        if folder.is_local:
            check_space(folder)
        return cls(settings.model_copy(update={"name": name}).with_absolute_paths(), folder, None, console)

    @classmethod
    def resumed(cls, location: str, changes: dict[str, Any], console: Console) -> "Session":
        """Prepares to go on with a recorded study, `changes` to its settings included."""
        study = open_study(location)
        values = {**study.info["settings"], "address": None, **changes}
        settings = validated(values, flags=changes, file=f"{study.folder.location}/study.json")
        return cls(settings, study.folder, study, console)

    @classmethod
    def confirming(cls, location: str, changes: dict[str, Any], console: Console) -> "Session":
        """Prepares to add confirm seeds to a study, or to confirm the best that an unfinished search has found.

        What is asked for becomes part of the study's settings. Raises UserError for fewer seeds than it has.
        """
        study = open_study(location)
        if not study.arms:
            changes = {**changes, "trials": trials_of_all(study)}
        session = cls.resumed(location, changes, console)
        before = 1 + max((trial.seed for trial in study.trials if trial.phase == "confirm"), default=-1)
        wished = session.settings.seeds
        if "seeds" in changes and wished is not None and wished < before:
            raise UserError(f"--seeds {wished}: the study has {before} seeds already; give more than that.")
        return session

    @property
    def location(self) -> str:
        """Where the study lies."""
        return self._folder.location

    def run(self, quiet: bool) -> Ended:
        """Starts Ray, writes or takes up the records, and runs the plan to its end."""
        if not quiet:
            self._console.print(f"study {self._folder.location}: starting Ray", highlight=False, soft_wrap=True)
        created = not self._folder.exists()
        try:
            with (
                only_driver(self._folder),
                running_ray(self.settings, self._shared_bytes(), self._log_file()) as dashboard,
            ):
                resources = cluster_resources(self.settings, self._folder)
                study = self._taken_up() if self._recorded else self._created(resources)
                if dashboard and not quiet:
                    self._console.print(f"dashboard: {dashboard} (if it asks for a token: `ray get-auth-token`)")
                run_plan = partial(self._run_plan, study, self._trainable(resources), resources, dashboard, quiet)
                if self.settings.until_separable is None:
                    return run_plan()
                return self._run_until_separable(run_plan, quiet, self.settings.until_separable)
        except UserError:
            if created and not self._folder.exists("study.json"):
                self._folder.delete()
            raise

    def _run_until_separable(self, run_plan: Callable[[], Ended], quiet: bool, max_seeds: int) -> Ended:
        """Adds one seed to every arm until the main comparison has a verdict or `max_seeds` are reached."""
        looks = looks_so_far(self._folder, self._seeds)
        while True:
            self.settings = self.settings.model_copy(update={"seeds": looks[-1]})
            ended = run_plan()
            if ended.state != "complete":
                return ended
            # What the plan has just done is in the records by now.
            decision = decide(open_study(self._folder.location), looks, max_seeds)
            self._folder.write_json(DECISION, {**decision, "asked": looks, "max_seeds": max_seeds})
            if not quiet:
                self._console.print(decision["sentence"], highlight=False)
            if decision["stop"]:
                return ended
            looks.append(looks[-1] + 1)

    def _run_plan(
        self, study: Study, trainable: Callable[..., Any], resources: Resources, dashboard: str | None, quiet: bool
    ) -> Ended:
        plan = self._plan(study)
        objective = plan.objectives[0]
        progress = Progress(
            self._console,
            study.name,
            dashboard,
            resources.concurrent,
            quiet,
            planned=plan.planned,
            objective=objective.metric,
            maximize=objective.direction == "maximize",
        )
        with progress:
            # What an earlier plan of this session did is in the records by now.
            study = open_study(study.folder.location)
            return run_trials(study, plan, trainable, resources, self.settings, self._budget, progress)

    def _trainable(self, resources: Resources) -> Callable[..., Any]:
        return trial_trainable(
            self._inputs,
            TrialResources(
                resources.workers,
                resources.cpus_per_worker,
                resources.gpus_per_worker,
                self.settings.max_failures,
                self.settings.keep_encoders,
            ),
        )

    def _log_file(self) -> Path:
        if self._folder.is_local:
            return self._folder.local_path / "log" / "ray.log"
        return Path(gettempdir()) / f"{self._folder.name}-ray.log"

    def print_plan(self) -> None:
        """Prints what would run and what it would cost."""
        resources = self._resources or asked_resources(self.settings)
        plan = self._plan()
        print_plan(self._console, self._space, self.settings, self._encoder, plan, self._data, self._inputs, resources)

    def _plan(self, study: Study | None = None) -> StudyPlan:
        """The plan of a study, or without one as it would begin."""
        plan = partial(
            StudyPlan,
            self._space,
            self._recipe,
            self.settings,
            self._encoder.name,
            dev_pairs=signal_pairs(self._inputs.dev),
        )
        if study is None:
            return plan()
        return plan(
            round_size=int(study.info["round_size"]),
            storage=optuna_journal(study),
            on_arms=lambda arms: study.write_arms(arm.record() for arm in arms),
        )

    def _taken_up(self) -> Study:
        """The recorded study; what was asked for on top becomes part of its settings."""
        recorded = open_study(self._folder.location)
        before = recorded.info["settings"]
        asked = {name: getattr(self.settings, name) for name in ("seeds", "until_separable", "trials")}
        if any(before.get(name) != value for name, value in asked.items()):
            seen = list(recorded.info.get("seen_at", []))
            if recorded.status["state"] == "complete" and before.get("until_separable") is None:
                seen.append(before.get("seeds") or self._space.seeds)
            families = self._plan().effort.families()
            info = {**recorded.info, "settings": {**before, **asked}, "seen_at": seen, "families": families}
            self._folder.write_json("study.json", info)
        return open_study(self._folder.location)

    def _created(self, resources: Resources) -> Study:
        # First: whoever is killed after study.json is resumed, and a resumed study has all that a new one writes.
        Study(self._folder, {}).write_texts(query_texts(self._data.tests))
        return create_study(self._folder, self._info(resources))

    def _info(self, resources: Resources) -> dict[str, Any]:
        """The content of study.json."""
        plan = self._plan()
        return {
            "name": self._folder.name,
            "created": now(),
            "space": self._space.name,
            "question": self._space.question,
            "settings": self.settings.model_dump(mode="json"),
            "objective": [{"metric": o.metric, "direction": o.direction} for o in plan.objectives],
            "main_comparison": list(self._space.main_comparison),
            "families": plan.effort.families(),
            # Enough suggestions at a time to fill the cluster; part of what makes a study repeatable.
            "round_size": -(-resources.concurrent // len(self._space.branches)),
            "encoder": self._encoder_record(),
            "data": self._data.record(),
            "versions": environment.versions(),
            "git_commit": environment.git_commit(),
            "hardware": environment.hardware(),
        }

    def _encoder_record(self) -> dict[str, Any]:
        """The encoder's settings, and for a local folder the sizes and times of its files."""
        folder = Path(self._encoder.source)
        files = {
            path.name: [path.stat().st_size, path.stat().st_mtime_ns]
            for path in sorted(folder.glob("*"))
            if folder.is_absolute() and path.is_file()
        }
        return {**self._encoder.model_dump(mode="json"), "files": files}

    @property
    def _seeds(self) -> int:
        return self.settings.seeds or self._space.seeds

    def _shared_bytes(self) -> int:
        tables = [self._inputs.queries, self._inputs.passages]
        for benchmark in (self._inputs.dev, *self._inputs.tests):
            tables += [benchmark.queries, benchmark.candidates]
        data = self._inputs.data
        return sum(t.ids.nbytes + t.offsets.nbytes for t in tables) + data.query_text.nbytes + data.passage_text.nbytes
