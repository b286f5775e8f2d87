"""Which files are the runs of which system, as they are named on the command line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.errors import UserError
from trainables.inert import inert
from trainables.plain_files import first_link

ENDINGS = (".gz", ".json", ".trec", ".run", ".txt", ".tsv", ".res")
"""Of file names, that are no part of a system's name."""

_LONGEST_NAME = 200


@dataclass(frozen=True)
class System:
    """A system and its runs: one, or one for each seed of its training. `name` is empty if none was given."""

    name: str
    fallback: str
    """What it is called if neither the command line nor its file names it."""
    paths: tuple[Path, ...]


def find_systems(texts: Iterable[str]) -> list[System]:
    """The systems that `FILE`, `FOLDER`, `NAME=FILE[,FILE ...]` or `NAME=FOLDER` name; a folder holds one run per seed.

    Raises:
        UserError: there is no such file, a folder holds none, or one file is named twice.
    """
    systems = [_system(text) for text in texts]
    seen: dict[Path, str] = {}
    for system in systems:
        for path in system.paths:
            if path.resolve() in seen:
                raise UserError(f"{path} is named twice: give every run once.")
            seen[path.resolve()] = system.name
    return systems


def _system(text: str) -> System:
    # A file whose name holds an = or a comma is that file.
    if Path(text).exists():
        return System("", _plain(Path(text).name), _files(Path(text)))
    name, equals, rest = text.partition("=")
    if not equals:
        several = any(Path(part).exists() for part in text.split(","))
        raise UserError(
            f"There is no file or folder {text!r}: "
            + (f"write NAME={text} for several runs of one system." if several else "check the path.")
        )
    if not name.strip():
        raise UserError(f"{text!r} names no system: write NAME=FILE.")
    parts = [rest] if rest and Path(rest).exists() else [part for part in rest.split(",") if part]
    missing = [part for part in parts if not Path(part).exists()] if parts else [rest]
    if missing:
        raise UserError(f"There is no file or folder {missing[0]!r} for {name!r}: check the path.")
    return System(one_name(name), "", tuple(path for part in parts for path in _files(Path(part))))


def _files(path: Path) -> tuple[Path, ...]:
    if not path.is_dir():
        return (path,)
    if (link := first_link(path)) is not None:
        raise UserError(f"{link} is a link, which is not followed: name the file itself.")
    # A study keeps judgements beside its runs.
    held = (inside for inside in path.iterdir() if not inside.name.startswith("."))
    found = sorted(inside for inside in held if ".qrels" not in inside.suffixes)
    if folders := [inside for inside in found if inside.is_dir()]:
        raise UserError(f"{path} holds the folder {folders[0].name}: name the run files, as in NAME=FILE,FILE.")
    if not found:
        raise UserError(f"{path} holds no file: put one run for each seed there.")
    return tuple(found)


def _plain(name: str) -> str:
    while (ending := Path(name).suffix) in ENDINGS:
        name = name.removesuffix(ending)
    return one_name(name)


def one_name(text: str) -> str:
    """A name on one line that steers nothing, of bounded length."""
    return " ".join(inert(text).split())[:_LONGEST_NAME]


def check_names(names: Sequence[str]) -> None:
    """Raises UserError for two systems of one name."""
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"Two systems are called {name!r}: give them names, as in mine=FILE.")
