"""The command line that takes an encoder out of a study: python -m study.export STUDY ARM OUT."""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from study.plan.objective import parse_objectives
from study.records import ArmRecord
from study.remote_code import brings_code
from study.study_folder import Study, Trial, open_study
from trainables.command import Parser, run_command
from trainables.encoders.adapters import ADAPTER_FILE as _ADAPTER
from trainables.errors import UserError, one_line
from trainables.evaluation.metric_name import only_dev
from trainables.plugins import load_plugins
from trainables.storage import Folder

if TYPE_CHECKING:
    pass

_KEPT = "encoder"
"""The folder of a trial with its encoder (trainables.trial), which is named here without loading torch."""

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0 done, 2 a user's mistake."""

    def command() -> int:
        options = _parser().parse_args(arguments)
        load_plugins(options.plugin)
        return _run(options)

    return run_command("study.export", command, "mend that, or name another folder.")


def _parser() -> Parser:
    parser = Parser(
        prog="python -m study.export",
        description="Writes an encoder of a study as a folder of sentence-transformers, with a model card.",
        epilog="Example: python -m study.export studies/mine 'best dynamic' exported/mine",
    )
    parser.add_argument("study", metavar="STUDY", help="folder of the study")
    parser.add_argument("arm", metavar="ARM", help="name of the arm, as in the report")
    parser.add_argument("out", metavar="OUT", help="folder to write, which must not exist")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--seed", type=int, metavar="N", help="the encoder of this seed (default: that of the best on the dev set)"
    )
    which.add_argument("--average", action="store_true", help="the mean of the weights of all seeds that were kept")
    parser.add_argument(
        "--cell",
        action="append",
        default=[],
        metavar="FACTOR=LEVEL",
        help="in a study with factors, the level that is meant; repeatable",
    )
    parser.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="run code that the encoder brings, which must be loaded to average it or to merge its adapters",
    )
    parser.add_argument("--adapter", action="store_true", help="keep low-rank adapters beside the name of their model")
    parser.add_argument("--push", metavar="ORG/NAME", help="upload the folder to the Hugging Face hub, too")
    parser.add_argument(
        "--plugin", action="append", default=[], metavar="MODULE", help="a module that the study used; repeatable"
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    out = Folder(options.out)
    if options.push is not None:
        _check_push(options.push)
    if out.exists():
        raise UserError(f"{out.location} exists already: name a folder that does not, or remove it.")
    study = open_study(options.study)
    arm = _arm(study, options.arm, options.cell)
    kept = _kept_runs(study, arm)
    if options.average:
        runs = _all_seeds(arm, kept)
        chosen = f"Its weights are the mean of those of {len(runs)} seeds ({', '.join(str(r.seed) for r in runs)})."
    else:
        run, chosen = _one_seed(study, arm, kept, options.seed)
        runs = [run]
    if options.adapter and (options.average or _ADAPTER not in _sealed(runs[0])):
        why = "adapters are added to their model before they are averaged" if options.average else "it has no adapters"
        raise UserError(f"--adapter: {why}; leave it out.")
    _check_code(runs, adapter=options.adapter, asked=options.trust_remote_code)
    for run in runs:
        _check_whole(run)
    # Imported late: what stands above is said without waiting for torch.
    from study.model_card import model_card, read_report
    from trainables.encoders.averaging import check_one_origin

    if options.average:
        check_one_origin(run.config.encoder for run in runs)

    with TemporaryDirectory() as report:
        _write_report(study, Path(report), options.plugin)
        reported = read_report(Path(report), arm)
    with out.uploaded() as folder:
        _write_encoder(runs, folder, adapter=options.adapter)
        card = model_card(study, arm, runs, reported, chosen, options.push or out.name, _revision(folder))
        (folder / "README.md").write_text(card, encoding="utf-8")
    print(f"Written to {out.location}. {chosen}")
    if options.push is not None:
        with out.downloaded() as folder:
            print(f"Pushed to {_push(folder, options.push)}")
    return 0


# Which encoder.


def _arm(study: Study, name: str, cell: Sequence[str]) -> ArmRecord:
    """The arm of a name, in the cell that is meant; raises UserError if there is none, or if several could be."""
    arms = study.arms
    # All that this study is: what is damaged could be the arm that is asked for, or one of its numbers.
    _ = study.status, study.trials
    if study.problems:
        raise UserError(f"{study.problems[0]}: rebuild it with `python -m study.run --resume {study.folder.location}`.")
    if not arms:
        raise UserError(f"{study.folder.location} has no arms yet: its search has not ended; go on with --resume.")
    found = [arm for arm in arms if arm.arm == name]
    if not found:
        names = list(dict.fromkeys(arm.arm for arm in arms))
        raise UserError(f"Unknown arm {name!r}: the study has {', '.join(names)}.")
    asked = dict(part.partition("=")[::2] for part in cell)
    places = list(dict.fromkeys(_cell(arm) for arm in found))
    found = [arm for arm in found if asked.items() <= arm.cell.items()]
    if not found:
        raise UserError(f"--cell {' '.join(cell)}: the arm {name!r} is in {'; '.join(places) or 'no cell'}.")
    if len({_cell(arm) for arm in found}) > 1:
        raise UserError(f"The arm {name!r} is in several cells ({'; '.join(places)}): name one by --cell FACTOR=LEVEL.")
    return found[0]


def _cell(arm: ArmRecord) -> str:
    return ", ".join(f"{factor}={level}" for factor, level in arm.cell.items())


def _kept_runs(study: Study, arm: ArmRecord) -> list[Trial]:
    """The confirm runs of an arm whose encoder was kept, by seed, over all searches that chose an arm of its name."""
    same = [one for one in study.arms if (one.arm, one.cell) == (arm.arm, arm.cell)]
    runs = sorted((run for one in same for run in study.confirm_trials(one)), key=lambda run: run.seed)
    kept = [run for run in runs if _sealed(run)]
    if kept:
        return kept
    if arm.is_untrained:
        raise UserError(
            f"The arm {arm.arm!r} is the encoder as it came, which no study keeps: load it from its source."
        )
    source = None if arm.of is None else study.arm(arm.of, arm.cell)
    if source is not None and arm.is_judged_anew(source):
        raise UserError(
            f"The arm {arm.arm!r} is the encoder of {source.arm!r}, judged in another way: export {source.arm!r}."
        )
    if not runs:
        raise UserError(f"No confirm run of the arm {arm.arm!r} has ended yet: go on with --resume.")
    raise UserError(
        f"No encoder of the arm {arm.arm!r} was kept (the study was run with --keep-encoders "
        f"{study.info.settings.keep_encoders}): run it again with --keep-encoders best."
    )


def _one_seed(study: Study, arm: ArmRecord, kept: Sequence[Trial], seed: int | None) -> tuple[Trial, str]:
    """The run of a seed, or the best on the dev set, and how it was chosen."""
    objective = parse_objectives([f"{o.metric}:{o.direction}" for o in study.info.objectives])[0]
    if seed is not None:
        named = [run for run in kept if run.seed == seed]
        if not named:
            seeds = ", ".join(str(run.seed) for run in kept)
            raise UserError(f"--seed {seed}: no encoder of this seed of {arm.arm!r} was kept; those of {seeds} were.")
        return named[0], f"It is the run of seed {seed}."
    best = max(kept, key=lambda run: objective.score(only_dev(run.result.metrics if run.result else {})))
    return best, f"It is the run of seed {best.seed}, the best of its arm on the dev set ({objective.metric})."


def _all_seeds(arm: ArmRecord, kept: Sequence[Trial]) -> list[Trial]:
    if len(kept) < 2:
        raise UserError(
            f"--average needs encoders of two seeds at least, and of the arm {arm.arm!r} one was kept: run the study "
            "with --keep-encoders all."
        )
    return list(kept)


def _sealed(run: Trial) -> list[str]:
    """The files of the encoder of a run, inside its folder; none if it was not kept."""
    names = () if run.result is None else run.result.files
    return [name.removeprefix(f"{_KEPT}/") for name in names if name.startswith(f"{_KEPT}/")]


def _check_whole(run: Trial) -> None:
    """Raises UserError unless the encoder of a run is, file for file, what it was when the run ended."""
    if run.damaged_files:
        raise UserError(
            f"{run.folder.location}/{run.damaged_files[0]} is damaged or missing: rebuild it with "
            "`python -m study.run --resume`."
        )
    # What was put there later would be read, or published, with the others.
    if added := sorted(set((run.folder / _KEPT).file_names()) - set(_sealed(run))):
        raise UserError(f"{run.folder.location}/{_KEPT}/{added[0]} was not there when the run ended: remove it.")


def _check_code(runs: Sequence[Trial], *, adapter: bool, asked: bool) -> None:
    """Raises UserError for code that would run unasked, since a study may come from somebody else, or that will not."""
    encoder = runs[0].config.encoder
    runs_code = brings_code(encoder) and not _is_copied(runs, adapter=adapter)
    if runs_code and not asked:
        raise UserError(
            f"The encoder {encoder.name} brings code, which runs where it is averaged or its adapters are merged, and "
            "only if you ask for it: read it, then give --trust-remote-code, too."
        )
    if asked and not runs_code:
        raise UserError("--trust-remote-code: this runs no code of the encoder; leave it out.")


# Writing it.


def _write_report(study: Study, folder: Path, plugins: Sequence[str]) -> None:
    """Has the report of the study written; a process of its own, which reads records only."""
    named = [part for name in plugins for part in ("--plugin", name)]
    command = [sys.executable, "-m", "analysis.report", study.folder.location, "--format", "markdown,json"]
    done = subprocess.run([*command, "--output", str(folder), *named], capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().splitlines() or ["no reason given"]
        raise UserError(f"The study has no report ({why[-1].removeprefix('analysis.report: ').rstrip('.')}).")


def _write_encoder(runs: Sequence[Trial], folder: Path, *, adapter: bool) -> None:
    """Fills a folder with the encoder of a run, or with the mean of several; adapters are merged unless kept."""
    if _is_copied(runs, adapter=adapter):
        # As it was kept, to the byte.
        with _kept_folder(runs[0]) as kept:
            for name in _sealed(runs[0]):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(kept / name, folder / name)
        return
    from trainables.encoders.averaging import average_of_folders
    from trainables.encoders.model import save_encoder

    with ExitStack() as stack:
        folders = [stack.enter_context(_kept_folder(run)) for run in runs]
        trained = runs[0].config.encoder
        save_encoder(*average_of_folders(folders, [1 / len(runs)] * len(runs), trained), folder)


def _is_copied(runs: Sequence[Trial], *, adapter: bool) -> bool:
    """Whether an encoder is written as it was kept, without being loaded."""
    return len(runs) == 1 and (adapter or _ADAPTER not in _sealed(runs[0]))


def _revision(folder: Path) -> str:
    """The first 40 digits of the sha256 over the names and checksums of all files, as long as that of a commit."""
    files = Folder(folder)
    lines = "".join(f"{files.checksum(name)}  {name}\n" for name in files.file_names())
    return hashlib.sha256(lines.encode()).hexdigest()[:40]


@contextmanager
def _kept_folder(run: Trial) -> Iterator[Path]:
    with (run.folder / _KEPT).downloaded() as folder:
        yield folder


# The hub.


def _check_push(repository: str) -> None:
    """Raises UserError, before anything is written, for what cannot be pushed to."""
    from huggingface_hub import constants, get_token

    if not _REPOSITORY.fullmatch(repository):
        raise UserError(f"--push {repository}: a repository of the hub is named ORG/NAME.")
    if constants.HF_HUB_OFFLINE:
        raise UserError(f"--push {repository}: HF_HUB_OFFLINE is set; unset it, or leave --push out.")
    if get_token() is None:
        raise UserError(f"--push {repository}: the hub wants a token; set HF_TOKEN, or run `hf auth login`.")


def _push(folder: Path, repository: str) -> str:
    """Uploads a folder to a repository, which is made private if it is new; returns the address."""
    from huggingface_hub import HfApi

    try:
        api = HfApi()
        # Published is what somebody has decided to publish, on the hub.
        address = api.create_repo(repository, private=True, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Exported from a study")
    except Exception as error:
        # No connection, no such organisation, no right to write: each library below has an exception of its own.
        raise UserError(
            f"--push {repository}: the hub did not take it ({one_line(error)}); the folder is written, so push it with "
            "`hf upload` once that is mended."
        ) from error
    return str(address)


if __name__ == "__main__":
    sys.exit(main())
