"""Names and places of pair files: which files a path stands for, with or without its suffix, file or folder.

A training set may be cut into several files, its shards, as the hub does it: `train-00000-of-00002.parquet`. They are
one set; as two sets they would hold its items twice, or the translations of one item on both sides of a split.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.errors import UserError

PAIR_FILE_SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")

_SHARD = re.compile(r"(?P<name>.+?)[-_.](?P<number>\d{3,})-of-(?P<count>\d{3,})([-_][0-9a-f]+)?")
_NUMBERED = re.compile(r"(part[-_])?(?P<number>\d{4,})([-_.].*)?")
"""Files that have no name but a number: those of a converted set, or of a distributed job."""


@dataclass(frozen=True)
class PairSet:
    """The files of one training set, more than one where it is cut into shards, in the order of their numbers."""

    name: str
    files: tuple[Path, ...]


def pair_sets(files: Iterable[Path]) -> list[PairSet]:
    """Puts the shards of one set together; the order is that in which the sets first occur.

    Shards are files of one folder and name that are numbered `-00000-of-00002`; or all files of a folder that have no
    name but a number, from 0 or 1 on without a gap, which are then called like the folder.

    >>> names = ["train-00000-of-00002.parquet", "b.csv", "train-00001-of-00002.parquet"]
    >>> found = pair_sets(Path(name) for name in names)
    >>> [(one.name, len(one.files)) for one in found]
    [('train', 2), ('b', 1)]

    Raises:
        UserError: a shard of a set is missing.
    """
    by_set: dict[tuple[Path, str, int], dict[int, Path]] = {}
    for place, path in enumerate(files):
        shard = _SHARD.fullmatch(pair_file_stem(path))
        key = (path.parent, shard["name"], int(shard["count"])) if shard else (path, pair_file_stem(path), 0)
        by_set.setdefault(key, {})[int(shard["number"]) if shard else place] = path
    for (folder, name, count), found in by_set.items():
        missing = sorted(set(range(count)) - set(found))
        if missing:
            raise UserError(
                f"{folder / name} is cut into {count} files, of which number {missing[0]} is not there "
                f"({len(missing)} of {count} are missing): fetch the rest, or rename the files to train on a part."
            )
    sets = [PairSet(name, tuple(found[n] for n in sorted(found))) for (_, name, _), found in by_set.items()]
    return _numbered_together(sets)


def _numbered_together(sets: Sequence[PairSet]) -> list[PairSet]:
    """The same sets; files that have no name but a number are one set where their numbers are those of shards."""
    numbered: dict[Path, dict[int, Path]] = {}
    for one in sets:
        if len(one.files) == 1 and (match := _NUMBERED.fullmatch(one.name)):
            numbered.setdefault(one.files[0].parent, {})[int(match["number"])] = one.files[0]
    shards = {
        folder: tuple(files[number] for number in sorted(files))
        for folder, files in numbered.items()
        if len(files) > 1 and sorted(files) in ([*range(len(files))], [*range(1, len(files) + 1)])
    }
    found: dict[tuple[Path, ...], PairSet] = {}
    for one in sets:
        folder = one.files[0].parent
        files = shards[folder] if one.files[0] in shards.get(folder, ()) else one.files
        found.setdefault(files, PairSet(folder.name if files is not one.files else one.name, files))
    return list(found.values())


def pair_file_suffix(path: Path) -> str | None:
    """Returns the suffix that makes `path` a pair file, or None; the file itself is not looked at.

    >>> pair_file_suffix(Path("pairs.v2.jsonl.gz"))
    '.jsonl.gz'
    """
    return next((suffix for suffix in PAIR_FILE_SUFFIXES if path.name.endswith(suffix) and path.name != suffix), None)


def pair_file_stem(path: Path) -> str:
    """Returns the name of a pair file without its suffix."""
    return path.name.removesuffix(pair_file_suffix(path) or "")


def find_pair_files(place: Path) -> list[Path]:
    """Returns the pair files that a path stands for, an empty list where there is nothing of this name.

    Args:
        place: a folder, for all pair files directly in it, in the order of their names; a file, whatever its suffix;
            or a pair file without its suffix.

    Raises:
        UserError: the folder holds no pair file, or one training set is there in two formats.
    """
    if place.is_dir():
        return _files_in(place)
    if place.is_file():
        return [place]
    with_suffix = [path for suffix in PAIR_FILE_SUFFIXES if (path := Path(f"{place}{suffix}")).is_file()]
    if len(with_suffix) > 1:
        raise UserError(f"The training set {place} may be {' or '.join(map(str, with_suffix))}: add the suffix.")
    return with_suffix


def _files_in(folder: Path) -> list[Path]:
    by_stem: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if pair_file_suffix(path) is None or path.name.startswith("."):
            continue
        other = by_stem.setdefault(pair_file_stem(path), path)
        if other is not path:
            raise UserError(f"{other} and {path.name} look like one training set in two formats: name one of them.")
    if not by_stem:
        raise UserError(f"The folder {folder} has no pair file: name one with files {', '.join(PAIR_FILE_SUFFIXES)}.")
    return list(by_stem.values())
