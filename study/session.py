"""One call of the command line: everything checked, then planned, then run."""

import shutil
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from rich.console import Console
from rich.table import Table

from search_spaces.recipes import Recipe, recipe_for
from search_spaces.registry import space as space_named
from search_spaces.space import Space
from study import environment
from study.budget import budget_of
from study.cluster import Resources, plan_resources, this_machine
from study.data import StudyData, load_data
from study.estimate import estimate
from study.launch import Ended, cluster_resources, optuna_journal, run_trials, running_ray
from study.objective import parse_objectives
from study.plan import StudyPlan
from study.progress import Progress
from study.records import Study, create_study, now, open_study
from study.settings import StudySettings
from trainables.encoders.config import EncoderConfig, resolve_encoder
from trainables.errors import UserError
from trainables.inputs import TrialInputs, prepare_inputs
from trainables.storage import Folder

_LEAST_FREE_BYTES = 50_000_000


class Session:
    """A study that is about to run: new, or taken up again from its records."""

    def __init__(self, settings: StudySettings, folder: Folder, recorded: Study | None, console: Console) -> None:
        """Checks all that can be checked without Ray; raises UserError for every mistake of the user's."""
        self.settings = settings
        self._folder = folder
        self._recorded = recorded
        self._console = console
        parse_objectives(settings.objective)
        self._budget = budget_of(settings)
        self._space: Space = space_named(settings.space)
        self._encoder: EncoderConfig = resolve_encoder(settings.model or self._space.model)
        self._recipe: Recipe = recipe_for(self._encoder.source)
        self._resources: Resources | None = None
        if settings.address is None:
            # Before anything is loaded: a machine that is too small is said at once.
            self._resources = plan_resources(settings, this_machine())
        self._check_batch()
        self._data: StudyData = load_data(settings, self._space, settings.batch_size or self._recipe.batch_size)
        if recorded is not None:
            self._check_same_data(recorded)
        self._inputs: TrialInputs = prepare_inputs(self._encoder, self._data.training, self._data.dev, self._data.tests)

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
            _check_space(folder)
        return cls(settings.model_copy(update={"name": name}), folder, None, console)

    @classmethod
    def resumed(cls, location: str, changes: dict[str, Any], console: Console) -> "Session":
        """Prepares to go on with a recorded study."""
        study = open_study(location)
        settings = StudySettings.model_validate({**study.info["settings"], "address": None, **changes})
        return cls(settings, study.folder, study, console)

    @property
    def location(self) -> str:
        """Where the study lies."""
        return self._folder.location

    def run(self, quiet: bool) -> Ended:
        """Starts Ray, writes or takes up the records, and runs the plan to its end."""
        log = (
            self._folder.local_path / "log" / "ray.log"
            if self._folder.is_local
            else Path(gettempdir()) / f"{self._folder.name}-ray.log"
        )
        if not quiet:
            self._console.print(f"study {self._folder.location}: starting Ray", highlight=False, soft_wrap=True)
        created = not self._folder.exists()
        try:
            with running_ray(self.settings, self._shared_bytes(), log) as dashboard:
                resources = cluster_resources(self.settings, self._folder)
                study = self._recorded or create_study(self._folder, self._info(resources))
                plan = self._plan(study, int(study.info["round_size"]))
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
                if dashboard:
                    progress.line(f"dashboard: {dashboard} (if it asks for a token: `ray get-auth-token`)")
                with progress:
                    return run_trials(study, plan, self._inputs, resources, self.settings, self._budget, progress)
        except UserError:
            if created and not self._folder.exists("study.json"):
                self._folder.delete()
            raise

    def print_plan(self) -> None:
        """Prints what would run and what it would cost."""
        resources = self._resources or plan_resources(self.settings, this_machine())
        plan = StudyPlan(self._space, self._recipe, self.settings, self._encoder.name)
        effort, seeds = plan.effort, plan.effort.seeds
        arms = plan.most_arms
        cost = estimate(self._inputs, effort, resources, arms * seeds, self.settings.gradient_accumulation)
        print_line = self._console.print
        print_line(f"[bold]{self._space.name}[/bold]: {self._space.question}")
        rows = Table(box=None, show_header=False, pad_edge=False)
        rows.add_column(style="dim")
        rows.add_column()
        data = self._data
        overlapping = sum(len(data.overlap.of_set(name)) for name in data.overlap.items)
        for name, value in (
            ("encoder", f"{self._encoder.name} ({cost.parameters:,} parameters)"),
            ("training", f"{', '.join(data.training.set_names)}: {len(data.training):,} items, "
                         f"{len(data.training.languages)} languages"),
            ("left out", "; ".join(f"{name}: {why}" for name, why in data.planner.left_out) or "nothing"),
            ("overlap", f"{overlapping} items share text with a benchmark, "
                        f"{'kept' if self.settings.keep_overlap else 'dropped'}"),
            ("dev set", f"{len(data.dev.query_language):,} queries, {len(data.dev.candidate_language):,} candidates"),
            ("benchmarks", ", ".join(f"{t.name} ({len(t.query_language):,} queries, "
                                     f"{len(t.candidate_language):,} candidates)" for t in data.tests)),
            ("search", f"{len(effort.trials)} strategies and families, {effort.search_trials} trials, "
                       f"chosen by dev {' and '.join(o.metric for o in plan.objectives)}"),
            ("confirm", f"up to {arms} arms x {seeds} fresh seeds"),
            ("trial", f"{effort.steps:,} steps x {effort.batch_size} pairs = {effort.pairs_per_trial:,} pairs"),
            ("resources", f"{resources.concurrent} trials at a time, each {resources.workers} x "
                          f"({resources.cpus_per_worker:g} CPUs, {resources.gpus_per_worker:g} GPUs)"),
            ("estimate", f"{cost.memory_gib:.2f} GiB per worker, {cost.trial_seconds:.0f} s per trial, "
                         f"{cost.study_seconds / 3600:.2f} h in all (rough)"),
        ):  # fmt: skip
            rows.add_row(name, value)
        print_line(rows)
        branches = Table("strategy or family", "role", "searched", "trials", "pairs", box=None, header_style="dim")
        for branch in self._space.branches:
            searched = [*branch.parameters, *(["learning_rate"] if self.settings.learning_rate is None else [])]
            branches.add_row(
                branch.name,
                branch.role,
                ", ".join(searched) or "nothing",
                str(effort.trials[branch.name]),
                f"{effort.trials[branch.name] * effort.pairs_per_trial:,}",
            )
        print_line(branches)

    def _plan(self, study: Study, round_size: int) -> StudyPlan:
        return StudyPlan(
            self._space,
            self._recipe,
            self.settings,
            self._encoder.name,
            round_size=round_size,
            storage=optuna_journal(study),
            on_arms=lambda arms: study.write_arms(arm.record() for arm in arms),
        )

    def _info(self, resources: Resources) -> dict[str, Any]:
        """The content of study.json."""
        plan = StudyPlan(self._space, self._recipe, self.settings, self._encoder.name)
        return {
            "name": self._folder.name,
            "created": now(),
            "space": self._space.name,
            "question": self._space.question,
            "settings": self.settings.model_dump(mode="json"),
            "objective": [{"metric": o.metric, "direction": o.direction} for o in plan.objectives],
            "main_comparison": list(self._space.main_comparison),
            "families": {
                name: {"trials": trials, "pairs": trials * plan.effort.pairs_per_trial}
                for name, trials in plan.effort.trials.items()
            },
            # Enough suggestions at a time to fill the cluster; part of what makes a study repeatable.
            "round_size": -(-resources.concurrent // len(self._space.branches)),
            "encoder": self._encoder.model_dump(mode="json"),
            "data": self._data.record(),
            "versions": environment.versions(),
            "git_commit": environment.git_commit(),
            "hardware": environment.hardware(),
        }

    def _check_batch(self) -> None:
        batch = self.settings.batch_size or self._recipe.batch_size
        workers = self.settings.workers_per_trial
        if batch % workers:
            raise UserError(
                f"--batch-size {batch} is no multiple of --workers-per-trial {workers}: every worker encodes an equal "
                f"share; give {batch - batch % workers or workers} or {batch + workers - batch % workers}."
            )

    def _check_same_data(self, recorded: Study) -> None:
        was, here = recorded.info["data"], self._data.record()
        changed = [
            what
            for what, old, new in (
                ("the training data", was["training"]["fingerprint"], here["training"]["fingerprint"]),
                ("the dev set", was["dev"]["fingerprint"], here["dev"]["fingerprint"]),
                *(
                    (f"benchmark {name}", old["fingerprint"], here["benchmarks"].get(name, {}).get("fingerprint"))
                    for name, old in was["benchmarks"].items()
                ),
            )
            if old != new
        ]
        if changed:
            raise UserError(
                f"{self._folder.location} cannot be resumed: {' and '.join(changed)} changed since it was started; "
                "restore the files, or start a new study."
            )

    def _shared_bytes(self) -> int:
        tables = [self._inputs.queries, self._inputs.passages]
        for benchmark in (self._inputs.dev, *self._inputs.tests):
            tables += [benchmark.queries, benchmark.candidates]
        data = self._inputs.data
        return sum(t.ids.nbytes + t.offsets.nbytes for t in tables) + data.query_text.nbytes + data.passage_text.nbytes


def _check_space(folder: Folder) -> None:
    """Raises UserError if the disk is full before anything is started."""
    existing = next(p for p in folder.local_path.parents if p.exists())
    free = shutil.disk_usage(existing).free
    if free < _LEAST_FREE_BYTES:
        raise UserError(
            f"--storage {folder.local_path.parent}: no space left ({free / 1e6:.0f} MB free, at least "
            f"{_LEAST_FREE_BYTES / 1e6:.0f} MB needed); free some or give another --storage."
        )
