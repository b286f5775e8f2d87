"""The command line of a study: python -m study.run --space NAME."""

import argparse
import errno
import subprocess
import sys
import types
import typing
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from rich.console import Console

from study.settings import StudySettings, settings_from
from trainables.errors import UserError
from trainables.storage import Folder

DONE, SOME_FAILED, USER_ERROR, INTERRUPTED = 0, 1, 2, 130

_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR, errno.EEXIST)

_GROUPS = {
    "space": "what is studied",
    "objective": "how it is searched",
    "trials": "how much",
    "draw": "how a trial trains",
    "workers_per_trial": "on what",
    "keep_encoders": "what is kept, and where",
}
"""First setting of each group of flags, in the order of StudySettings."""

_MAY_CHANGE = frozenset(
    {"address", "max_concurrent_trials", "max_failures", "time_budget", "trial_budget", "pair_budget"}
)
"""Settings that a resumed study may be given anew: they do not touch the numbers."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0 done, 1 some trials failed, 2 a user's mistake."""
    options = vars(_parser().parse_args(arguments))
    console = Console(stderr=False)
    try:
        return _run(options, console)
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


def _run(options: dict[str, Any], console: Console) -> int:
    listing, dry_run, quiet = options.pop("list"), options.pop("dry_run"), options.pop("quiet")
    resume, confirm, config = options.pop("resume"), options.pop("confirm_only"), options.pop("config")
    flags = {name: value for name, value in options.items() if value is not None}
    if listing:
        from study.listing import print_lists

        print_lists(console)
        return DONE

    # Imported late: --help and mistakes in flags must not wait for torch and Ray.
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
        subprocess.run([sys.executable, "-m", "analysis.report", location], check=False)
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
    return (Folder(storage or str(StudySettings.model_fields["storage"].default)) / resume).location


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m study.run",
        description="Runs a whole study: searches, confirms with fresh seeds, and prints a comparison table.",
        epilog="Without flags: the embedded study, offline, in minutes. Example with real data: "
        "python -m study.run --model xlm-r-base --train pairs.jsonl --evaluate xquad-r --evaluate mlqa-r",
    )
    parser.add_argument("--list", action="store_true", help="list spaces, models, benchmarks and schedule families")
    parser.add_argument("--dry-run", action="store_true", help="check everything, print the plan, start nothing")
    parser.add_argument("--resume", metavar="STUDY", help="go on with an interrupted study: its name or folder")
    parser.add_argument(
        "--confirm-only",
        metavar="STUDY",
        help="add confirm seeds (--seeds, --until-separable) to a study; end its search first if it has not ended",
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="YAML file of the settings below; flags win")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    group: Any = parser
    for name, field in StudySettings.model_fields.items():
        if name in _GROUPS:
            group = parser.add_argument_group(_GROUPS[name])
        group.add_argument("--" + name.replace("_", "-"), **_flag(name, field))
    return parser


def _flag(name: str, field: FieldInfo) -> dict[str, Any]:
    """The argparse form of a setting: its type, its choices, its default in the help."""
    kind = _without_none(field.annotation)
    default = "" if field.default in (None, (), False) else f" (default: {field.default})"
    options: dict[str, Any] = {"help": f"{field.description}{default}".replace("%", "%%"), "default": None}
    if kind is bool:
        return {**options, "action": "store_true"}
    if typing.get_origin(kind) is typing.Literal:
        return {**options, "choices": typing.get_args(kind)}
    if typing.get_origin(kind) is tuple:
        return {**options, "action": "append", "metavar": "NAME"}
    metavar = {int: "N", float: "X", Path: "DIR"}.get(kind, "TEXT")
    # Values are checked by StudySettings, which names the rule; argparse only passes the text on.
    return {**options, "metavar": metavar}


def _without_none(annotation: Any) -> Any:
    """The type of a setting without `| None` and without its constraints."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation


if __name__ == "__main__":
    sys.exit(main())
