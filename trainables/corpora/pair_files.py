"""The front door of training files: recognises their layout, reads them, and says what it saw.

What no file can say is asked for: the language of its texts, and the layout where several fit.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Any

from trainables.corpora.items import Items
from trainables.corpora.languages import is_known_language, language_code
from trainables.corpora.pair_paths import (
    SUFFIXES_IN_WORDS,
    PairSet,
    languages_in_name,
    pair_sets,
    training_file_suffix,
)
from trainables.corpora.text_files import without_packing
from trainables.corpora.training_files.containers import records_of
from trainables.corpora.training_files.layout import Example, FileLayout, RecordLayout, items_of
from trainables.corpora.training_files.records import Pair, Reading
from trainables.corpora.training_files.registry import LAYOUTS
from trainables.corpora.training_files.tables import first_cells
from trainables.errors import UserError, one_line, unknown_name
from trainables.inert import inert
from trainables.watch import Watch, unwatched

_MOST_WORDS = 3
_LONGEST_NAME = 40
"""Words and characters that the name of a column has at most."""


@dataclass(frozen=True)
class Asked:
    """What the user says about training files, by the name of a set; under "" what counts for all others."""

    layouts: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, Pair] = field(default_factory=dict)

    @classmethod
    def of(cls, layouts: Iterable[str] = (), languages: Iterable[str] = ()) -> "Asked":
        """Reads what `--train-layout` and `--train-language` give, each `VALUE` or `SET=VALUE`.

        >>> Asked.of(["tevatron"], ["en", "faq=de:en"]).languages["faq"]
        Pair(query='de', passage='en')

        Raises:
            UserError: a value is no layout or no language, or one is given twice.
        """
        found = {name: LAYOUTS.find(value).name for name, value in _by_set("--train-layout", layouts)}
        return cls(found, {name: _pair(value) for name, value in _by_set("--train-language", languages)})

    def check_used(self, names: Iterable[str]) -> None:
        """Raises UserError for what is said about a set that is not there."""
        known = list(names)
        for flag, given in (("--train-layout", self.layouts), ("--train-language", self.languages)):
            for name in given:
                if name and name not in known:
                    raise UserError(f"{flag} {name}=...: {one_line(unknown_name('training set', name, known))}.")


@dataclass(frozen=True)
class Seen:
    """How the files of a training set were understood."""

    layout: str
    columns: tuple[str, ...]
    """Fields that are read; empty where files are known by their names."""
    files: tuple[str, ...]
    spellings: Mapping[str, tuple[str, ...]]
    """How each language was written, in a column, a name or a flag."""
    notes: tuple[str, ...] = ()
    """What was left out, each with how often."""
    origin: str | None = None
    """Where the files were fetched from, with their commit."""


@dataclass(frozen=True)
class TrainingSet:
    """The items of a training set."""

    items: Items
    seen: Seen | None = None
    """None where no file was read."""


@dataclass(frozen=True)
class FileSet:
    """The files of one training set and their layout."""

    name: str
    layout: RecordLayout | FileLayout
    files: tuple[Path, ...]
    """Of records: the shards of all languages."""
    columns: tuple[str, ...] = ()
    by_language: tuple[PairSet, ...] = ()
    """Of records: one set of shards for each language where they are apart, else one."""


def load_pair_file(path: Path, asked: Asked | None = None) -> Items:
    """Loads the items of a file, in file order.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "pairs.csv"
    ...     _ = path.write_text("pair_id,language,query,passage\\n1,en,What is it?,A thing.\\n")
    ...     load_pair_file(path)
    [PairItem(id='1', group='1', query={'en': 'What is it?'}, passage={'en': 'A thing.'}, negatives={})]

    Raises:
        UserError: the file breaks a rule; names the line or row.
    """
    asked = asked or Asked()
    (found,) = file_sets([path], asked)
    return read_set(found, found.name, asked).items


def file_sets(files: Sequence[Path], asked: Asked, given: Sequence[PairSet] = ()) -> list[FileSet]:
    """Puts the files of each training set together and recognises its layout, by what the user says, by the names of
    the files, or by the fields of the first record.

    Args:
        files: whose names say what belongs together.
        asked: what the user says about them.
        given: sets whose files are known to belong together.

    Raises:
        UserError: no layout fits, or several do.
    """
    found: list[FileSet] = []
    left = list(files)
    for layout in LAYOUTS.values():
        if isinstance(layout, FileLayout):
            for name, own in layout.sets(left):
                found.append(FileSet(name, layout, own))
                left = [path for path in left if path not in own]
    return [*found, *_languages_together([_recognised(one, asked) for one in (*pair_sets(left), *given)])]


def read_set(
    files: FileSet, name: str, asked: Asked, folder: Path | None = None, watch: Watch = unwatched
) -> TrainingSet:
    """Reads the items of a training set; raises UserError.

    Args:
        files: what `file_sets` has found.
        name: of the set, by which the user calls it.
        asked: what the user says about it.
        folder: where texts are kept once they are too many for memory; None: in memory.
        watch: shows how far it is.
    """
    readings: list[Reading] = []
    layout = files.layout

    def examples() -> Iterable[Example]:
        readings.clear()
        return watch(chain.from_iterable(_examples(files, name, asked, readings)), f"reading {name}")

    items = items_of(
        examples,
        unique=isinstance(layout, RecordLayout) and layout.ids_are_unique,
        groups_are_translated=isinstance(layout, RecordLayout) and layout.groups_are_translated,
        folder=folder,
    )
    if not items:
        raise UserError(f"{files.files[0]} holds no records: name a file with at least one question-passage pair.")
    notes: Counter[str] = Counter()
    spellings: dict[str, set[str]] = {}
    for reading in readings:
        notes.update(reading.notes)
        for code, written in reading.spellings.items():
            spellings.setdefault(code, set()).update(written)
    used = items.languages_of(items.query, items.passage)
    return TrainingSet(
        items,
        Seen(
            layout=layout.name,
            columns=files.columns,
            files=tuple(str(path) for path in files.files),
            spellings={code: tuple(sorted(spellings.get(code, {code}))) for code in used},
            notes=tuple(f"{what}: {count:,}" for what, count in notes.items() if count),
            origin=next((one.origin for one in files.by_language), None),
        ),
    )


def _examples(files: FileSet, name: str, asked: Asked, readings: list[Reading]) -> Iterator[Iterator[Example]]:
    """The examples of every part of a set that is read on its own; what is noticed is added to `readings`."""
    layout = files.layout
    if isinstance(layout, FileLayout):
        readings.append(Reading(str(files.files[0]), asked.languages.get(name) or asked.languages.get("")))
        yield layout.examples(files.files, readings[-1])
        return
    for one in files.by_language:
        languages = _languages_of(one, layout, name, asked)
        reading = Reading(str(one.files[0]), languages, len(files.by_language) > 1)
        if languages and languages == layout.languages_in_name(one.name):
            _note_spelling(reading, one.name)
        readings.append(reading)
        records = chain.from_iterable(records_of(path, layout.reads, layout.header) for path in one.files)
        yield layout.examples(records, reading)


def _recognised(shards: PairSet, asked: Asked) -> FileSet:
    """The set of some shards, by what is in the first of them."""
    path = shards.files[0]
    if path.is_file() and training_file_suffix(path) is None:
        side = without_packing(path).suffix[1:]
        if is_known_language(side):
            stem = without_packing(path).with_suffix("").name
            raise UserError(
                f"{path} is one side of a bitext by its name: name the other one, too ({stem} stands for all of them), "
                f"or, if it is no bitext, give it one of the suffixes {SUFFIXES_IN_WORDS}."
            )
        raise UserError(f"{path} has no known suffix: name it {SUFFIXES_IN_WORDS}.")
    wanted = asked.layouts.get(shards.name) or asked.layouts.get("")
    fields, where = _first_fields(path)
    layout = LAYOUTS[wanted] if wanted else _layout_of(path, where, fields)
    if isinstance(layout, FileLayout):
        raise UserError(f"--train-layout {layout.name}: {path} is not one of {layout.fields}; name all of them.")
    columns = tuple(layout.header or layout.reads(fields))
    missing = [name for name in layout.required if name not in fields]
    if missing and (near := get_close_matches(missing[0], set(fields) - set(columns), n=1)):
        raise UserError(
            f"{where} has no column {missing[0]} for the layout {layout.name}: is {near[0]!r} meant? Correct its name."
        )
    if missing and not layout.header and training_file_suffix(path) not in (".jsonl", ".json"):
        raise UserError(
            f"{where}: {', '.join(missing)} is missing among {', '.join(fields)}; the layout {layout.name} has "
            f"{layout.fields}: correct the names of the columns."
        )
    for other in shards.files[1:]:
        theirs, place = _first_fields(other)
        if not wanted and _layout_of(other, place, theirs) is not layout:
            raise UserError(f"{other} and {path} are parts of one set in two layouts: write both alike.")
    return FileSet(shards.name, layout, shards.files, columns, (shards,))


def _first_fields(path: Path) -> tuple[Mapping[str, Any], str]:
    """The fields of the first record and its place; of a table the names of its columns, without values."""
    if without_packing(path).suffix in (".csv", ".tsv"):
        first = first_cells(path)
        if first is not None:
            return dict.fromkeys(first[1], ""), first[0]
    else:
        record = next(records_of(path), None)
        if record is not None:
            return record.fields, record.where
    raise UserError(f"{path} holds no records: name a file with at least one question-passage pair.")


def _layout_of(path: Path, where: str, fields: Mapping[str, Any]) -> RecordLayout:
    records = [layout for layout in LAYOUTS.values() if isinstance(layout, RecordLayout)]
    fitting = [layout for layout in records if layout.recognises(fields)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = " or ".join(f"--train-layout {layout.name}" for layout in fitting)
        raise UserError(
            f"{where} has the fields {', '.join(fields)}, which fit {' and '.join(one.name for one in fitting)}: say "
            f"which by {names}."
        )
    suffix = without_packing(path).suffix
    is_table = suffix in (".csv", ".tsv")
    if is_table and len(fields) == 1 and any(one in next(iter(fields)) for one in ",;\t"):
        expected = "commas" if suffix == ".csv" else "tabs"
        raise UserError(
            f"{where} has one column, for its cells are not separated by {expected} as those of {suffix} files are: "
            "write the table so, or change the suffix (.csv: commas, .tsv: tabs)."
        )
    if is_table and (layout := next((one for one in records if one.recognises_table(path.name, list(fields))), None)):
        return layout
    if renamed := _meant(fields, records):
        meant = " and ".join(f"{new} for {old!r}" for old, new in renamed.items())
        raise UserError(
            f"{where} has the fields {', '.join(fields)}, which are those of no layout: did you mean {meant}? "
            "Correct the names of the columns."
        )
    known = "; ".join(f"{layout.name}: {layout.fields}" for layout in records if not layout.header)
    without = [layout.name for layout in records if len(layout.header) == len(fields) > 0]
    if is_table and any(map(_reads_like_a_text, fields)):
        more = f" (or --train-layout {' or '.join(without)}, for a table without a header)" if without else ""
        example = ("," if suffix == ".csv" else " TAB ").join(("query", "passage"))
        raise UserError(
            f"{where} is read as the names of the columns, and looks like a row: {inert(', '.join(fields))[:80]!r}; "
            f"write a first line with their names, such as {example}{more}."
        )
    more = f", or say what the columns are by --train-layout {' or '.join(without)}" if without and is_table else ""
    raise UserError(
        f"{where} has the fields {', '.join(fields) or 'none'}, which are those of no layout: rename them as in "
        f"docs/training_files.md{more} ({known})."
    )


def _meant(fields: Mapping[str, Any], layouts: Sequence[RecordLayout]) -> dict[str, str]:
    """The fields that are spelt wrongly, if a layout has all fields once they are renamed; else empty."""
    known = sorted({word for one in layouts if not one.header for word in re.findall(r"\w{3,}", one.fields)})
    near = {name: get_close_matches(name.lower(), known, n=1, cutoff=0.75) for name in fields if name not in known}
    renamed = {name: found[0] for name, found in near.items() if found}
    right = {renamed.get(name, name): value for name, value in fields.items()}
    return renamed if renamed and any(one.recognises(right) for one in layouts) else {}


def _reads_like_a_text(cell: str) -> bool:
    """Whether a cell is longer than a name of a column, or ends as a sentence does."""
    return len(cell.split()) > _MOST_WORDS or len(cell) > _LONGEST_NAME or cell.strip().endswith(tuple(".?!。？！।"))


def _languages_together(sets: Sequence[FileSet]) -> list[FileSet]:
    """The same sets; files of one name in different languages are one set where their ids are shared."""
    found: dict[tuple[str, str, str], FileSet] = {}
    for one in sets:
        layout, named = one.layout, languages_in_name(one.name)
        key = (str(one.files[0]), one.name, "")
        if isinstance(layout, RecordLayout) and named and layout.joins(dict.fromkeys(one.columns)):
            key = (one.by_language[0].place or str(one.files[0].parent), named.base, layout.name)
        if key in found and named:
            other = found[key]
            found[key] = FileSet(
                named.base, layout, other.files + one.files, one.columns, other.by_language + one.by_language
            )
        else:
            found[key] = one
    return list(found.values())


def _languages_of(shards: PairSet, layout: RecordLayout, name: str, asked: Asked) -> Pair | None:
    """The languages of a file: what is said about this very set, else its name, else what is said about all."""
    said = asked.languages.get(name) if name == shards.name else None
    return said or layout.languages_in_name(shards.name) or asked.languages.get("")


def _note_spelling(reading: Reading, stem: str) -> None:
    """Notes how the name of a file writes its languages."""
    named = languages_in_name(stem)
    for code in (named.query, named.passage) if named else ():
        reading.code(reading.file, code)


def _by_set(flag: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for value in values:
        name, _, rest = value.rpartition("=")
        if name in seen:
            raise UserError(
                f"{flag} {value}: {f'the set {name} has' if name else 'all sets have'} another one already."
            )
        seen.add(name)
        yield name.strip(), rest.strip()


def _pair(value: str) -> Pair:
    query, _, passage = value.partition(":")
    try:
        return Pair(language_code(query), language_code(passage or query))
    except ValueError as error:
        raise UserError(
            f"--train-language {value}: {error}; give one code, or two as en:de for questions in en and passages in de."
        ) from error
