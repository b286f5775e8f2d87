"""What a layout of training files is: how it is recognised, and how its records become examples."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainables.corpora.items import Items, ItemWriter
from trainables.corpora.languages import language_code
from trainables.corpora.pair_paths import languages_in_name
from trainables.corpora.training_files.records import Pair, Reading, Record
from trainables.errors import UserError


def pair_of_name(stem: str) -> Pair | None:
    """The languages of questions and of passages that the name of a file says."""
    found = languages_in_name(stem)
    return Pair(language_code(found.query), language_code(found.passage)) if found else None


@dataclass(frozen=True)
class Example:
    """A part of an item, in one language or several: examples with one id are one item."""

    where: str
    id: str
    query: Mapping[str, str]
    passage: Mapping[str, str]
    negatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group: str | None = None
    """None: a group of its own."""


@dataclass(frozen=True, kw_only=True)
class RecordLayout:
    """A layout of files that hold records with named fields: JSON, JSON lines, CSV, TSV, Parquet, saved datasets."""

    name: str
    """As `--train-layout` takes it."""
    description: str
    """One line: whose layout it is."""
    fields: str
    """The fields that it is known by, as a message shows them."""
    recognises: Callable[[Mapping[str, Any]], bool]
    """Whether the fields of the first record are those of this layout."""
    examples: Callable[[Iterable[Record], Reading], Iterator[Example]]
    """The examples of the records, in their order; raises UserError that names the place."""
    reads: Callable[[Iterable[str]], list[str]] = list
    """Which of the columns of a table are read; others may be large (images)."""
    required: tuple[str, ...] = ()
    """Columns without which a table is refused by its header."""
    header: tuple[str, ...] = ()
    """Names of the columns of a table whose first line is no header."""
    recognises_table: Callable[[str, Sequence[str]], bool] = lambda file, cells: False
    """Whether a table without a header, of this name and with these first cells, is in this layout."""
    languages_in_name: Callable[[str], Pair | None] = pair_of_name
    """The languages that the name of a file says, without its suffix."""
    joins: Callable[[Mapping[str, Any]], bool] = lambda fields: False
    """Whether examples with one id, in files of different languages, are translations of each other."""
    ids_are_unique: bool = False
    """Whether an id that occurs twice is a mistake."""
    groups_are_translated: bool = False
    """Whether an item may be in differently named groups in different languages; the first name counts."""


@dataclass(frozen=True, kw_only=True)
class FileLayout:
    """A layout of several files that belong together, known by their names."""

    name: str
    """As `--train-layout` takes it."""
    description: str
    """One line: whose layout it is."""
    fields: str
    """The names that it is known by, as a message shows them."""
    sets: Callable[[Sequence[Path]], list[tuple[str, tuple[Path, ...]]]]
    """The training sets in this layout among some files, each with its name."""
    examples: Callable[[Sequence[Path], Reading], Iterator[Example]]
    """The examples of the files of a set; raises UserError that names the place."""


def items_of(
    examples: Callable[[], Iterable[Example]],
    *,
    unique: bool = False,
    groups_are_translated: bool = False,
    folder: Path | None = None,
) -> Items:
    """Joins the examples of each id to an item, in the order in which ids first occur.

    Args:
        examples: begins to read the examples of one training set.
        unique: whether an id that occurs twice is a mistake.
        groups_are_translated: whether the first group of an item counts; else a second one is a mistake.
        folder: where texts are kept once they are too many for memory; None: in memory.

    Raises:
        UserError: two examples of one id differ in a text or a group, or an item lacks its question or passage.
    """
    writer = ItemWriter(folder)
    for one in examples():
        writer.add(one.id, one.id if one.group is None else one.group, one.query, one.passage, one.negatives)
    items, wrong = writer.joined(unique=unique, groups_are_translated=groups_are_translated)
    if wrong is not None:
        # Where examples stand is not kept: what is wrong is read once more.
        _tell((one for one in examples() if one.id == wrong), unique, groups_are_translated)
    return items


def _tell(examples: Iterable[Example], unique: bool, groups_are_translated: bool) -> None:
    """Raises UserError for what is wrong with the examples of one item."""
    first, *others = examples
    group = first.id if first.group is None else first.group
    sides = {"query": dict(first.query), "passage": dict(first.passage)}
    for one in others:
        own = one.id if one.group is None else one.group
        if unique:
            raise UserError(f"{one.where}: the id {one.id!r} was already used at {first.where}: ids must be unique.")
        if own != group and not groups_are_translated:
            raise UserError(
                f"{one.where}: the id {one.id!r} is in group {own!r} here and in group {group!r} at {first.where}: "
                "give all its rows one group."
            )
        for side, texts in (("query", one.query), ("passage", one.passage)):
            for language, text in texts.items():
                if sides[side].setdefault(language, text) != text:
                    raise UserError(
                        f"{one.where}: the id {one.id!r} has another {side} in language {language!r} already at "
                        f"{first.where}: write one row per id and language."
                    )
    lacking = next(side for side, texts in sides.items() if not texts)
    raise UserError(f"{first.where}: the id {first.id!r} has no {lacking} in any row: add one or drop it.")
