"""The command line that packs a study for an archive: python -m study.bundle STUDY OUT.tar.

Equal studies make equal files, to the byte: names are in order, and no entry has a time or an owner.
"""

import argparse
import sys
import tarfile
import uuid
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from study.lock import no_driver
from study.records import ARMS, DECISION, MEASUREMENTS, QRELS, STATUS, STUDY, TEXTS, TRIALS
from study.study_folder import Study, open_study
from study.verify import damage
from trainables.command import Parser, run_command
from trainables.errors import UserError
from trainables.plain_files import create
from trainables.records import RESULT, TRIAL
from trainables.sealed import sealed
from trainables.storage import Folder

ENVIRONMENT = "environment.txt"
REPORT = "report"

_ENCODER, _HELD = "encoder", "held"
"""The folders of a trial with its encoder (trainables.trial) and with what is still to be measured of it
(trainables.evaluation.efficiency.held), which are named here without loading torch."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0 done, 2 a user's mistake."""
    return run_command(
        "study.bundle", lambda: _run(_parser().parse_args(arguments)), "mend that, or name another file."
    )


def _parser() -> Parser:
    parser = Parser(
        prog="python -m study.bundle",
        description="Packs a study for an archive: its records, its report and what it ran on, after checking each.",
        epilog="Example: python -m study.bundle studies/mine mine.tar --with-encoders",
    )
    parser.add_argument("study", metavar="STUDY", help="folder of the study")
    parser.add_argument("out", metavar="OUT.tar", type=Path, help="file to write, which must not exist")
    parser.add_argument(
        "--with-encoders",
        action="store_true",
        help="pack the trained encoders that were kept, too; always where trials are left that average them",
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    with no_driver(open_study(options.study).folder, print):
        study = open_study(options.study)
        check_packable(study, options.out)
        needed = needs_encoders(study)
        pack(study, options.out, with_encoders=options.with_encoders or needed)
    print(f"Written to {options.out}: {len(study.trials)} trials, {options.out.stat().st_size / 2**20:.1f} MiB.")
    if needed and not options.with_encoders:
        print("The encoders that were kept are packed, too: what is left of the study averages them.")
    if not (study.folder / REPORT).exists():
        print(f"It holds no report: `python -m analysis.report {study.folder.location}` makes one.")
    return 0


def check_packable(study: Study, out: Path) -> None:
    """Raises UserError for a study that is damaged, and for a file that exists or lies inside the study."""
    if out.exists() or out.is_symlink():
        raise UserError(f"{out} exists already: name a file that does not, or remove it.")
    if not out.absolute().parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.absolute().parent}; make it, or name another file.")
    where = study.folder.location
    if study.cannot_go_on is not None:
        raise UserError(f"{where} has records without checksums (format 1), which cannot be checked: pack it with tar.")
    # The folder itself may be reached by a link.
    if study.folder.is_local and out.resolve().is_relative_to(study.folder.local_path.resolve()):
        raise UserError(f"{out} lies inside the study that it is to hold: name a file outside.")
    if found := damage(study):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise UserError(f"{found[0].rstrip('.')}{more}: rebuild it with `python -m study.run --resume {where}`.")


def needs_encoders(study: Study) -> bool:
    """Whether a trial that a resumed study would run may average the encoders of others."""
    is_over = study.status.state == "complete" and not any(
        trial.phase == "confirm" and trial.status == "failed" for trial in study.trials
    )
    averages = any(arm.config.merging.cross_weight is not None for arm in study.arms)
    return not is_over and (averages or any(trial.record.is_source for trial in study.trials))


def pack(study: Study, out: Path, *, with_encoders: bool) -> None:
    """Writes the bundle, whole or not at all; what is unknown, unfinished or only for people stays out.

    Raises:
        OSError: a file cannot be read or written.
    """
    temporary = out.with_name(f".{out.name}.{uuid.uuid4().hex}")
    try:
        with (
            create(temporary) as stream,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name, content in sorted(_files(study, with_encoders), key=lambda file: file[0]):
                found = content if isinstance(content, bytes) else content.read_bytes(name)
                entry = tarfile.TarInfo(f"{study.folder.name}/{name}")
                entry.size, entry.mode = len(found), 0o644
                archive.addfile(entry, BytesIO(found))
        temporary.rename(out)
    finally:
        temporary.unlink(missing_ok=True)


def _files(study: Study, with_encoders: bool) -> Iterator[tuple[str, bytes | Folder]]:
    """The names of the files in a bundle, each with its content or with the study that holds it."""
    folder = study.folder
    yield ENVIRONMENT, _environment(study)
    for name in (STUDY, STATUS, ARMS, DECISION, TEXTS):
        if folder.exists(name):
            yield name, folder
    for inner in (QRELS, MEASUREMENTS, REPORT):
        for name in (folder / inner).file_names():
            yield f"{inner}/{name}", folder
    for trial in study.trials:
        # Not by its id, which a stranger may have written.
        result, place = trial.result, f"{TRIALS}/{trial.folder.name}"
        if result is None:
            continue
        kept = {name: sha for name, sha in result.files.items() if with_encoders or name.split("/")[0] != _ENCODER}
        # Sealed anew: what stays out must not be missed.
        yield f"{place}/{RESULT}", sealed(result.model_copy(update={"files": kept}))
        # What is measured is removed.
        held = (f"{_HELD}/{name}" for name in (trial.folder / _HELD).file_names())
        for name in {TRIAL, *kept, *held}:
            yield f"{place}/{name}", folder


def _environment(study: Study) -> bytes:
    """What the study ran on, as a file of requirements for pip."""
    info = study.info
    remarks = [f"commit: {info.git_commit or 'unknown'}", f"python: {info.versions.get('python', 'unknown')}"]
    remarks += [f"{name}: {value}" for name, value in sorted(info.hardware.items())]
    packages = {name: number for name, number in sorted(info.versions.items()) if name != "python"}
    found = {name: _requirement(name, number) for name, number in packages.items()}
    remarks += [f"left out: {name} {number}" for name, number in packages.items() if found[name] is None]
    lines = [*(f"# {' '.join(line.split())}" for line in remarks), *(line for line in found.values() if line)]
    # In other encodings, which a remark in the first two lines can name for pip (PEP 263) or a locale has, what stands
    # in a remark can end its line: the first one that is named counts, and ASCII is the same in all.
    return "\n".join(["# coding: ascii", *lines, ""]).encode("ascii", "backslashreplace")


def _requirement(name: str, number: str) -> str | None:
    """A line for pip; None for what is no name (PEP 508) or version (PEP 440): pip would read an option in it."""
    try:
        return f"{canonicalize_name(name, validate=True)}=={Version(number)}" if name.isascii() else None
    except (InvalidName, InvalidVersion):
        return None


if __name__ == "__main__":
    sys.exit(main())
