"""The command line of a study: python -m study.run --space NAME."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.cluster.local_ray import listen_on_this_machine_only, remove_folder_of
from study.command_line import parser, plugins_in
from study.cost.rental import FLAGS, Rental
from study.guard import watched
from study.settings import StudySettings
from trainables.command import INTERRUPTED, run_command
from trainables.errors import UserError
from trainables.inert import inert_line
from trainables.plugins import load_plugins

if TYPE_CHECKING:
    from rich.console import Console

DONE, SOME_FAILED = 0, 1

_MAY_CHANGE = frozenset(
    {
        "address",
        "max_concurrent_trials",
        "max_failures",
        "time_budget",
        "trial_budget",
        "pair_budget",
        "log_to",
        "resource",
        "placement",
        "wait_for_cluster",
        "plugin",
        "set",
        "gpus_per_worker",
    }
)
"""Settings that a resumed study may be given anew: they do not touch the numbers, but for GPUs, whose last bits are
others and which nobody takes or leaves without being asked. Of `set` it is one option (`study.remote_code`)."""


_SHOWN = 20
"""Differences of a trial that are printed."""


def main(
    arguments: Sequence[str] | None = None, study_starts: Callable[[str, str], None] = lambda location, log: None
) -> int:
    """Runs the command line; returns the exit status: 0 done, 1 some trials failed or damaged, 2 a user's mistake.

    `study_starts` is told where the study lies and where Ray's messages go, once it is about to run.
    """

    def command() -> int:
        # Before anything else: what plugins bring can be named by the other flags.
        load_plugins(plugins_in(arguments))
        return _run(vars(parser().parse_args(arguments)), study_starts)

    return run_command("study.run", command, "mend that or give another --storage, then go on with --resume.")


def _run(options: dict[str, Any], study_starts: Callable[[str, str], None]) -> int:
    # Imported late, as all that follows: --help and mistakes in flags must not wait for torch, Ray and what prints.
    from rich.console import Console

    from study.read_settings import settings_from

    console = Console(markup=False, emoji=False)
    given = {name for name, value in options.items() if value is not None and value is not False}
    listing, dry_run, quiet = options.pop("list"), options.pop("dry_run"), options.pop("quiet")
    verify, trial = options.pop("verify"), options.pop("trial")
    plan_for = options.pop("plan_for")
    rental = _rental({name: options.pop(name) for name in FLAGS}, dry_run)
    resume, confirm, config = options.pop("resume"), options.pop("confirm_only"), options.pop("config")
    flags = {name: value for name, value in options.items() if value is not None}
    if listing:
        from study.listing import print_lists

        _refuse(given - {"list", "plugin"}, "--list, which prints what flags can name")
        print_lists(console)
        return DONE
    if plan_for is not None:
        _refuse(given & {"verify", "trial", "resume", "confirm_only"}, "--plan-for, which plans a new study")
        return _plan_for(plan_for, settings_from(config, flags), rental if dry_run else None, console, study_starts)
    if trial is not None and verify is None:
        raise UserError(f"--trial {trial} names a trial to run again: give --verify STUDY, too, or leave it out.")
    if verify is not None:
        known = {"verify", "trial", "storage", "plugin"} | ({"set"} if trial is not None else set())
        what = "--verify, which reads a study" if trial is None else "--trial, which runs a trial"
        _refuse(given - known, f"{what} as it was recorded")
        location = _study_location("--verify", verify, flags.pop("storage", None))
        return _verify(location, console) if trial is None else _verify_trial(location, trial, flags, console)

    earlier = confirm if resume is None else resume
    settings = settings_from(config, flags) if earlier is None else None
    if (flags.get("address") if settings is None else settings.address) is None:
        listen_on_this_machine_only()
    from study.session import Session
    from study.watcher import Watcher
    from trainables.watch import unwatched

    watch = unwatched if quiet else Watcher(console)
    if settings is None:
        flag = "--confirm-only" if resume is None else "--resume"
        may_change = _MAY_CHANGE if resume is not None else _MAY_CHANGE | {"seeds", "other_seeds", "until_separable"}
        location = _study_location(flag, str(earlier), flags.pop("storage", None))
        refused = sorted(set(flags) - may_change)
        if refused or config or None not in (resume, confirm):
            other = "--config" if config else "--" + (refused or ["confirm_only"])[0].replace("_", "-")
            raise UserError(
                f"{other} cannot be given with {flag}: a study keeps the settings that it was started with; "
                "leave it out, or start a new study."
            )
        session = (Session.confirming if resume is None else Session.resumed)(location, flags, console, watch)
    else:
        name = settings.name or f"{settings.space}-{datetime.now().strftime('%Y%m%d-%H%M%S')}"
        session = Session.new(settings, name, console, watch, rental if dry_run else None)
    if dry_run:
        session.print_plan(rental)
        return DONE
    location = session.location
    study_starts(location, str(session.log_file))
    ended = session.run(quiet=quiet)
    if not quiet:
        # A process of its own: the report reads records only and knows nothing of studies.
        plugins = [part for name in session.settings.plugin for part in ("--plugin", name)]
        subprocess.run([sys.executable, "-m", "analysis.report", location, *plugins], check=False)
        console.print(f"\nstudy:  {location}", soft_wrap=True, markup=False)
        console.print(f"report: python -m analysis.report {location}", soft_wrap=True, markup=False)
        if ended.state == "interrupted":
            console.print(f"go on:  python -m study.run --resume {location}", soft_wrap=True, markup=False)
        page = Path(location).absolute() / "report" / "report.html"
        if page.is_file():
            console.print(f"page:   {page.as_uri()}", soft_wrap=True, markup=False)
    if ended.state == "interrupted":
        return INTERRUPTED
    return SOME_FAILED if ended.failed else DONE


def _plan_for(
    difference: str,
    settings: StudySettings,
    rental: Rental | None,
    console: "Console",
    study_starts: Callable[[str, str], None],
) -> int:
    """Prints how many seeds find a difference; where no study tells the variances, runs a pilot first.

    `rental` is what a dry run, which starts no pilot, is planned for.
    """
    from study.plan.plan_for import answer, asked_difference, check_can_be_planned, evidence_in, pilot_settings

    wanted = asked_difference(difference)
    if settings.address is None:
        listen_on_this_machine_only()
    from search_spaces.registry import space
    from study.plan.program import asked_space
    from study.session import Session

    # A study that never runs: its inputs say which of the earlier ones are like it.
    name = f"pilot-{settings.space}-{datetime.now().strftime('%Y%m%d-%H%M%S')}"
    planned = Session.new(settings, name, console, planned_for=rental)
    asked = planned.record
    check_can_be_planned(asked)
    evidence, left_out = evidence_in(settings.storage, asked, *planned.shape)
    if not evidence:
        for line in left_out:
            console.print(f"Not used: {line}", highlight=False, soft_wrap=True, markup=False)
        small = pilot_settings(settings, asked_space(space(settings.space), settings), name)
        pilot = Session.new(small, name, console, planned_for=rental)
        would = "would be" if rental is not None else "is"
        line = f"No study in {settings.storage} tells the variances: a pilot {would} run, {pilot.location}."
        console.print(line, highlight=False, soft_wrap=True, markup=False)
        if rental is not None:
            pilot.print_plan(rental)
            return DONE
        study_starts(pilot.location, str(pilot.log_file))
        ended = pilot.run(quiet=True)
        if ended.state == "interrupted":
            return INTERRUPTED
        evidence, left_out = evidence_in(settings.storage, asked, *planned.shape)
        if not evidence:
            why = next(line for line in left_out if line.startswith(name))
            raise UserError(f"--plan-for {difference}: the pilot does not tell the variances, either ({why}).")
    gpu_hours = planned.training_hours(rental) if rental is not None and rental.gpu is not None else None
    for line in answer(wanted, evidence, left_out, gpu_hours):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    return DONE


def _rental(flags: dict[str, Any], dry_run: bool) -> Rental:
    """What the plan is made for; raises UserError for flags that are wrong, or given where nothing is planned."""
    given = {name: value for name, value in flags.items() if value is not None}
    if given and not dry_run:
        raise UserError(f"--{next(iter(given))} says what the plan is made for: add --dry-run, or leave it out.")
    return Rental.of(given)


def _refuse(given: set[str], beside: str) -> None:
    """Raises UserError for a flag that would change nothing about what another one does."""
    if given:
        raise UserError(f"--{min(given).replace('_', '-')} cannot be given with {beside}; leave it out.")


def _verify(location: str, console: "Console") -> int:
    """Prints what is damaged or missing in a study; returns 1 if anything is."""
    from study.study_folder import open_study
    from study.verify import damage

    study = open_study(location)
    found = damage(study)
    for line in found:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    if found:
        return SOME_FAILED
    files = sum(len(trial.result.files) for trial in study.trials if trial.result is not None)
    place = inert_line(study.folder.location)
    console.print(
        f"{place} is whole: {len(study.trials)} trials, {files} sealed files.",
        soft_wrap=True,
        markup=False,
    )
    return DONE


def _verify_trial(location: str, trial: str, flags: dict[str, Any], console: "Console") -> int:
    """Runs a trial again and prints how it differs from its records; returns 1 if it does."""
    from study.environment import versions
    from study.session import Session
    from study.study_folder import open_study

    # Which GPUs are needed here, the record of the trial says.
    found = Session.resumed(location, {**flags, "gpus_per_worker": 0.0}, console).run_again(trial)
    if not found:
        console.print(f"{trial} came to the same numbers, to the bit.", soft_wrap=True, markup=False)
        return DONE
    for line in (*found[:_SHOWN], *([f"... and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else [])):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    before, here = open_study(location).info.versions, versions()
    other = [f"{name} {before[name]} (here {here.get(name)})" for name in before if before[name] != here.get(name)]
    why = f"The study ran with {', '.join(other)}." if other else "All versions are those of the study."
    console.print(f"{trial} came to other numbers. {why}", soft_wrap=True, markup=False)
    return SOME_FAILED


def _study_location(flag: str, study: str, storage: str | None) -> str:
    """Where a study lies that is given by its folder or, in the storage, by its name."""
    if not study.strip():
        raise UserError(f"{flag} names no study: give its name, or its folder.")
    from trainables.storage import Folder

    if "/" in study or Path(study).exists():
        if storage is not None:
            raise UserError(
                f"--storage {storage} is where studies lie that are named, and {flag} gives the folder {study}: leave "
                "--storage out, or give the name of the study."
            )
        Folder(study).check_reachable()
        return study
    folder = Folder(storage or str(StudySettings.model_fields["storage"].default)) / study
    folder.check_reachable()
    return folder.location


def mark_lost(location: str, process: int) -> bool:
    """Cleans up after a process that died; returns whether its study had begun, which is `lost` then."""
    from study.records import STUDY
    from study.study_folder import open_study
    from trainables.records import now
    from trainables.storage import Folder

    remove_folder_of(process)
    if not location or not Folder(location).exists(STUDY):
        return False
    study = open_study(location)
    study.write_status(study.status.model_copy(update={"state": "lost", "updated": now(), "dashboard": None}))
    return True


if __name__ == "__main__":
    sys.exit(watched(lambda parent: main(study_starts=parent.study_starts), mark_lost))
