"""Names and places of training files: which files a path stands for, with or without its suffix, file or folder.

A training set may be cut into several files, its shards, as the hub does it: `train-00000-of-00002.parquet`. They are
one set; as two sets they would hold its items twice, or the translations of one item on both sides of a split.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainables.corpora.languages import is_known_language
from trainables.corpora.text_files import PACKINGS, without_packing
from trainables.errors import UserError

TRAINING_FILE_SUFFIXES = (
    *(f"{kind}{packing}" for kind in (".jsonl", ".json", ".csv", ".tsv") for packing in ("", *PACKINGS)),
    ".parquet",
)
SUFFIXES_IN_WORDS = ".jsonl, .json, .csv, .tsv (each also with .gz, .bz2 or .zst) or .parquet"
SAVED_DATASET = "state.json"
"""What a folder has in which `datasets` has saved a data set."""
_SAVED_SPLITS = "dataset_dict.json"
_NOT_RECORDS = frozenset(("dataset_info.json", "dataset_infos.json", "config.json", "metadata.json"))
"""Files that tell of a data set and hold none."""
_DEEPEST = 4
"""Folders below the one that is named in which a layout of several files is looked for."""

_SHARD = re.compile(r"(?P<name>.+?)[-_.](?P<number>\d{3,})-of-(?P<count>\d{3,})([-_][0-9a-f]+)?")
_NUMBERED = re.compile(r"(part[-_])?(?P<number>\d{4,})([-_.].*)?")
"""Files that have no name but a number: those of a converted set, or of a distributed job."""

_NAMELESS = "set"
"""What a set is called whose files are named after nothing but their languages."""

_TWO_SIDES = re.compile(r"(?P<base>.*?)[-_.]?context-(?P<passage>[A-Za-z]+)-question-(?P<query>[A-Za-z]+)")
_TRANSLATED = re.compile(r"(?P<base>.*translate[-_.]?train)[-_.][A-Za-z]{2,3}[-_](?P<code>[A-Za-z]{2,3})")
"""XTREME's `squad.translate.train.en-de`: English, translated into German."""
_ONE = re.compile(r"(?P<base>.+?)[-_.](?P<code>[A-Za-z]{2,3}([-_]([A-Za-z]{4}|[A-Za-z]{2}))*)")
_TWO = re.compile(r"(?P<base>.*?)[-_.]?(?P<first>[A-Za-z]{2,3})[-_](?P<second>[A-Za-z]{2,3})")


@dataclass(frozen=True)
class PairSet:
    """The files of one training set, more than one where it is cut into shards, in the order of their numbers."""

    name: str
    files: tuple[Path, ...]
    place: str = ""
    """Where sets of one name in different languages belong together; empty: the folder."""
    origin: str | None = None
    """Where files were fetched from, with their commit."""


@dataclass(frozen=True)
class NamedLanguages:
    """What the name of a file says: languages of questions and of passages, and what is left of it."""

    base: str
    query: str
    passage: str


def languages_in_name(stem: str) -> NamedLanguages | None:
    """The languages at the end of a name without its suffix; None where there are none, or two without a word on which
    is which.

    >>> languages_in_name("train.pt-BR"), languages_in_name("x.en-de")
    (NamedLanguages(base='train', query='pt-BR', passage='pt-BR'), None)
    >>> languages_in_name("de"), languages_in_name("deu_Latn").query, languages_in_name("war")
    (NamedLanguages(base='set', query='de', passage='de'), 'deu_Latn', None)
    >>> languages_in_name("test-context-de-question-en")
    NamedLanguages(base='test', query='en', passage='de')
    """
    if sides := _TWO_SIDES.fullmatch(stem):
        return NamedLanguages(sides["base"] or _NAMELESS, sides["query"], sides["passage"])
    if translated := _TRANSLATED.fullmatch(stem):
        return NamedLanguages(translated["base"], translated["code"], translated["code"])
    # Three letters alone are a word as often as a language.
    if len(stem) != 3 and is_known_language(stem) and not pair_in_name(stem):
        return NamedLanguages(_NAMELESS, stem, stem)
    one = _ONE.fullmatch(stem)
    if one is None or not is_known_language(one["code"]) or pair_in_name(stem):
        return None
    return NamedLanguages(one["base"], one["code"], one["code"])


def pair_in_name(stem: str) -> tuple[str, str] | None:
    """The two languages at the end of the name of a bitext, or None.

    >>> pair_in_name("TED2020-en-de"), pair_in_name("train.zh-CN"), pair_in_name("a_b")
    (('en', 'de'), None, None)
    """
    two = _TWO.fullmatch(stem)
    if two is None or not all(is_known_language(code) and code.islower() for code in two.group("first", "second")):
        return None
    return two["first"], two["second"]


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
        shard = _SHARD.fullmatch(training_file_stem(path))
        key = (path.parent, shard["name"], int(shard["count"])) if shard else (path, training_file_stem(path), 0)
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


def training_file_suffix(path: Path) -> str | None:
    """Returns the suffix that makes `path` a file of records, or None; the file itself is not looked at.

    >>> training_file_suffix(Path("pairs.v2.jsonl.gz"))
    '.jsonl.gz'
    """
    return next(
        (suffix for suffix in TRAINING_FILE_SUFFIXES if path.name.endswith(suffix) and path.name != suffix), None
    )


def training_file_stem(path: Path) -> str:
    """Returns the name of a file of records without its suffix."""
    return path.name.removesuffix(training_file_suffix(path) or "")


def find_training_files(place: Path) -> list[Path]:
    """Returns the files that a path stands for, an empty list where there is nothing of this name.

    Args:
        place: a folder, for all files of records directly in it, in the order of their names; a folder that `datasets`
            has saved, which stands for itself, or of whose splits `train` is taken; a file, whatever its suffix; a file
            of records without its suffix; or the files of a bitext without their languages.

    Raises:
        UserError: the folder holds nothing to read, or one training set is there in two formats.
    """
    if place.is_dir():
        return _files_in(place)
    if place.is_file():
        return [place]
    with_suffix = [path for suffix in TRAINING_FILE_SUFFIXES if (path := Path(f"{place}{suffix}")).is_file()]
    if len(with_suffix) > 1:
        raise UserError(f"The training set {place} may be {' or '.join(map(str, with_suffix))}: add the suffix.")
    return with_suffix or _sides_of(place)


def all_files(folder: Path) -> list[Path]:
    """All files in a folder and in those inside, hidden ones left out, in the order of their names."""
    found: list[Path] = []
    level = [folder]
    for _ in range(_DEEPEST):
        entries = sorted(one for inner in level for one in inner.iterdir() if not one.name.startswith("."))
        found += [one for one in entries if one.is_file()]
        level = [one for one in entries if one.is_dir() and not one.is_symlink()]
    return found


def _sides_of(place: Path) -> list[Path]:
    """Files of a bitext, `train.en` and `train.de` for `train`."""
    if not place.parent.is_dir():
        return []
    return sorted(
        path
        for path in place.parent.iterdir()
        if (name := without_packing(path)).stem == place.name and is_known_language(name.suffix[1:]) and path.is_file()
    )


def _files_in(folder: Path) -> list[Path]:
    if (folder / SAVED_DATASET).is_file():
        return [folder]
    if (folder / _SAVED_SPLITS).is_file():
        return [_training_split(folder)]
    by_stem: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if training_file_suffix(path) is None or path.name.startswith(".") or path.name in _NOT_RECORDS:
            continue
        other = by_stem.setdefault(training_file_stem(path), path)
        if other is not path:
            raise UserError(f"{other} and {path.name} look like one training set in two formats: name one of them.")
    return list(by_stem.values())


def _training_split(folder: Path) -> Path:
    splits = sorted(path.name for path in folder.iterdir() if (path / SAVED_DATASET).is_file())
    if "train" not in splits and len(splits) != 1:
        raise UserError(
            f"{folder} holds the splits {', '.join(splits) or 'none'}, and none of them is called train: name one, "
            f"such as {folder / (splits[0] if splits else 'train')}."
        )
    return folder / ("train" if "train" in splits else splits[0])
