"""The command line of a study: python -m study.run --space NAME."""

import errno
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from study.command_line import parser, plugins_in
from study.settings import StudySettings
from trainables.errors import UserError
from trainables.plugins import load_plugins

DONE, SOME_FAILED, USER_ERROR, INTERRUPTED = 0, 1, 2, 130

_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR, errno.EEXIST)

_MAY_CHANGE = frozenset(
    {"address", "max_concurrent_trials", "max_failures", "time_budget", "trial_budget", "pair_budget", "plugin"}
)
"""Settings that a resumed study may be given anew: they do not touch the numbers."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0 done, 1 some trials failed, 2 a user's mistake."""
    try:
        # Before anything else: what plugins bring can be named by the other flags.
        load_plugins(plugins_in(arguments))
        return _run(vars(parser().parse_args(arguments)))
    except UserError as error:
        print(f"study.run: {error}", file=sys.stderr)
        return USER_ERROR
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        print(
            f"study.run: cannot write {error.filename or 'the study'}: {(error.strerror or str(error)).lower()}; "
            "free some space or give another --storage, then go on with --resume.",
            file=sys.stderr,
        )
        return USER_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(options: dict[str, Any]) -> int:
    # Imported late, as all that follows: --help and mistakes in flags must not wait for torch, Ray and what prints.
    from rich.console import Console

    from study.read_settings import settings_from

    console = Console()
    listing, dry_run, quiet = options.pop("list"), options.pop("dry_run"), options.pop("quiet")
    resume, confirm, config = options.pop("resume"), options.pop("confirm_only"), options.pop("config")
    flags = {name: value for name, value in options.items() if value is not None}
    if listing:
        from study.listing import print_lists

        print_lists(console)
        return DONE

    from study.session import Session

    earlier = resume or confirm
    if earlier is not None:
        flag = "--resume" if resume else "--confirm-only"
        may_change = _MAY_CHANGE if resume else _MAY_CHANGE | {"seeds", "until_separable"}
        location = _study_location(earlier, flags.pop("storage", None))
        refused = sorted(set(flags) - may_change)
        if refused or config or (resume and confirm):
            other = "--config" if config else "--" + (refused or ["confirm_only"])[0].replace("_", "-")
            raise UserError(
                f"{other} cannot be given with {flag}: a study keeps the settings that it was started with; "
                "leave it out, or start a new study."
            )
        session = (Session.resumed if resume else Session.confirming)(location, flags, console)
    else:
        settings = settings_from(config, flags)
        name = settings.name or f"{settings.space}-{datetime.now().strftime('%Y%m%d-%H%M%S')}"
        session = Session.new(settings, name, console)
    if dry_run:
        session.print_plan()
        return DONE
    ended = session.run(quiet=quiet)
    location = session.location
    if not quiet:
        # A process of its own: the report reads records only and knows nothing of studies.
        plugins = [part for name in session.settings.plugin for part in ("--plugin", name)]
        subprocess.run([sys.executable, "-m", "analysis.report", location, *plugins], check=False)
        console.print(f"\nstudy:  {location}", soft_wrap=True)
        console.print(f"report: python -m analysis.report {location}", soft_wrap=True)
        if ended.state == "interrupted":
            console.print(f"go on:  python -m study.run --resume {location}", soft_wrap=True)
    if ended.state == "interrupted":
        return INTERRUPTED
    return SOME_FAILED if ended.failed else DONE


def _study_location(resume: str, storage: str | None) -> str:
    if "/" in resume or Path(resume).exists():
        return resume
    from trainables.storage import Folder

    return (Folder(storage or str(StudySettings.model_fields["storage"].default)) / resume).location


if __name__ == "__main__":
    sys.exit(main())
