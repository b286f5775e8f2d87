"""Questions, passages and judgements in files of their own, joined by ids, as MS MARCO, MIRACL and BEIR have them.

Passages that are judged relevant are the positives of a question, each an item; what is judged and not relevant is its
hard negatives. Only passages with a judgement are kept in memory.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainables.corpora.languages import is_known_language, language_code, language_named
from trainables.corpora.text_files import text_lines, without_packing
from trainables.corpora.training_files.layout import Example, FileLayout
from trainables.corpora.training_files.records import Pair, Reading, text, titled
from trainables.errors import UserError

_MOST_NEGATIVES = 100
"""Hard negatives of a question; MS MARCO has triples with up to a thousand."""

Files = Mapping[str | None, Sequence[Path]]
"""By language; None: nothing says it."""

_OTHER_SPLITS = frozenset(("dev", "test", "eval", "valid", "validation"))


@dataclass(frozen=True)
class Names:
    """How the files of a layout are called, packed or not."""

    queries: str
    passages: str
    judgements: str
    triples: str = "(?!)"
    """Files of (question id, relevant id, other id)."""
    shared_ids: bool = False
    """Whether a question or a passage has one id in all languages."""

    def part(self, path: Path) -> str | None:
        """`queries`, `passages`, `judgements` or `triples`; None for another file."""
        name = without_packing(path).name
        parts = ("queries", "passages", "triples", "judgements")
        return next((part for part in parts if re.fullmatch(getattr(self, part), name)), None)


def judged_layout(name: str, description: str, fields: str, names: Names) -> FileLayout:
    """The layout of files with such names."""

    def sets(files: Sequence[Path]) -> list[tuple[str, tuple[Path, ...]]]:
        own = [path for path in files if names.part(path) is not None]
        parts = {names.part(path) for path in own}
        whole = {"queries", "passages"} <= parts and parts & {"judgements", "triples"}
        return [(_common_folder(own).name, tuple(own))] if whole else []

    def examples(files: Sequence[Path], reading: Reading) -> Iterator[Example]:
        return _examples(files, reading, names)

    return FileLayout(name=name, description=description, fields=fields, sets=sets, examples=examples)


@dataclass
class _Judged:
    """Ids of relevant and of other passages by id of the question, and where they stand."""

    positives: dict[str, list[str]] = field(default_factory=dict)
    negatives: dict[str, list[str]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    left_out: int = 0
    """Negatives beyond the most that a question may have."""

    def add(self, where: str, query: str, passage: str, relevant: bool) -> None:
        self.places.setdefault(query, where)
        own = (self.positives if relevant else self.negatives).setdefault(query, [])
        if passage in own:
            return
        if relevant or len(own) < _MOST_NEGATIVES:
            own.append(passage)
        else:
            self.left_out += 1

    @property
    def passages(self) -> set[str]:
        return {one for judged in (self.positives, self.negatives) for ids in judged.values() for one in ids}


def _examples(files: Sequence[Path], reading: Reading, names: Names) -> Iterator[Example]:
    root = _common_folder(files)
    parts: dict[str, dict[str | None, list[Path]]] = {}
    for path in _of_training(files, names):
        language = _language_in(path, root, reading)
        parts.setdefault(str(names.part(path)), {}).setdefault(language, []).append(path)
    for part in ("queries", "passages"):
        if None in parts[part]:
            known = reading.known()
            nameless = parts[part].pop(None)
            parts[part].setdefault(known.query if part == "queries" else known.passage, []).extend(nameless)
    if names.shared_ids:
        everywhere = [
            path for part in ("judgements", "triples") for own in parts.get(part, {}).values() for path in own
        ]
        yield from _joined(parts["queries"], parts["passages"], _judgements(everywhere, names, reading), "", root)
    else:
        for language, paths in parts["judgements"].items():
            of = Pair(language, language) if language else reading.known()
            queries: Files = {of.query: parts["queries"].get(of.query, [])}
            passages: Files = {of.passage: parts["passages"].get(of.passage, [])}
            yield from _joined(queries, passages, _judgements(paths, names, reading), f"{of.query}:", root)


def _joined(
    queries: Files,
    passages: Files,
    judged: _Judged,
    prefix: str,
    root: Path,
) -> Iterator[Example]:
    wanted = judged.passages
    asked = {
        str(lang): _texts(paths, judged.positives, f"questions in {lang}", root) for lang, paths in queries.items()
    }
    told = {str(lang): _texts(paths, wanted, f"passages in {lang}", root) for lang, paths in passages.items()}
    for query, positives in judged.positives.items():
        negatives = [one for one in judged.negatives.get(query, ()) if one not in positives]
        for place, positive in enumerate(positives, 1):
            yield Example(
                judged.places[query],
                f"{prefix}{query}" if place == 1 else f"{prefix}{query}.{place}",
                {language: found[query] for language, found in asked.items()},
                {language: found[positive] for language, found in told.items()},
                {language: tuple(found[one] for one in negatives) for language, found in told.items() if negatives},
                f"{prefix}{query}",
            )


def _judgements(paths: Iterable[Path], names: Names, reading: Reading) -> _Judged:
    found = _Judged()
    for path in paths:
        for number, line in text_lines(path):
            cells = line.split()
            where = f"{path}:{number}"
            if not cells or (number == 1 and cells[0] in ("query-id", "query_id", "qid")):
                continue
            if names.part(path) == "triples":
                if len(cells) != 3:
                    raise UserError(f"{where} has {len(cells)} cells: write question id, relevant id, other id.")
                found.add(where, cells[0], cells[1], relevant=True)
                found.add(where, cells[0], cells[2], relevant=False)
                continue
            if len(cells) not in (3, 4):
                raise UserError(
                    f"{where} has {len(cells)} cells: write question id, 0, passage id, grade (trec), or question id, "
                    "passage id, grade (BEIR)."
                )
            try:
                grade = float(cells[-1])
            except ValueError:
                raise UserError(f"{where}: the grade is {cells[-1]!r}: give a number, 0 for not relevant.") from None
            found.add(where, cells[0], cells[-2], relevant=grade > 0)
    if not found.positives:
        raise UserError(f"{', '.join(map(str, paths))}: no passage is judged relevant: give judgements for training.")
    reading.notes[f"negatives beyond {_MOST_NEGATIVES} of a question"] += found.left_out
    return found


def _texts(paths: Sequence[Path], wanted: Iterable[str], what: str, root: Path) -> dict[str, str]:
    wanted = set(wanted)
    found: dict[str, str] = {}
    for path in paths:
        for number, line in text_lines(path):
            identifier, written = _entry(f"{path}:{number}", line, without_packing(path).suffix)
            if identifier in wanted and identifier is not None:
                found[identifier] = text(f"{path}:{number}", "text", written)
    missing = sorted(wanted - found.keys())
    if missing:
        where = ", ".join(map(str, paths)) or f"any file below {root}"
        raise UserError(
            f"{len(missing):,} of {len(wanted):,} {what} that are judged, such as {missing[0]!r}, are not in {where}: "
            "fetch the rest, or give the judgements that belong to it."
        )
    return found


def _entry(where: str, line: str, suffix: str) -> tuple[str | None, str]:
    """The id and the text of a line of a TSV file, or of JSON lines as Pyserini, MIRACL and BEIR write them."""
    if not line.strip():
        return None, ""
    if suffix != ".jsonl":
        identifier, tab, written = line.rstrip("\r\n").partition("\t")
        if not tab:
            raise UserError(f"{where} has no tab: write an id, a tab and a text.")
        return identifier.strip(), written
    try:
        value = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where} is not JSON ({error}): write one object per line.") from error
    fields = value if isinstance(value, dict) else {}
    number = next((fields[name] for name in ("_id", "docid", "id") if name in fields), None)
    body = next((fields[name] for name in ("text", "contents") if isinstance(fields.get(name), str)), None)
    if number is None or body is None:
        raise UserError(f"{where} has the fields {', '.join(fields) or 'none'}: write _id, title and text.")
    return str(number), titled(fields.get("title"), body)


def _of_training(files: Sequence[Path], names: Names) -> list[Path]:
    """The files without those of other splits; where some say that they are of the training split, those only."""
    kept = []
    for part in ("queries", "passages", "judgements", "triples"):
        own = [path for path in files if names.part(path) == part]
        of_training = [path for path in own if "train" in _words(without_packing(path).stem)]
        rest = [path for path in own if not _OTHER_SPLITS & set(_words(without_packing(path).stem))]
        kept += of_training or rest
        if own and not (of_training or rest):
            raise UserError(
                f"{own[0]} is of another split ({part}), and no file here is for training: add one, called train like "
                "the others of its layout."
            )
    return kept


def _language_in(path: Path, root: Path, reading: Reading) -> str | None:
    """The language that stands in the name of a file or of a folder: its code, or its English name.

    A code counts below `root` only: that is called as its owner likes, `my-data` too.
    """
    below = path.absolute().relative_to(root)
    for word in reversed(_words(str(without_packing(below).with_suffix("")))):
        if len(word) == 2 and is_known_language(word):
            return reading.code(str(path), word)
        if code := _named(word):
            return code
    return next((code for word in _words(root.name) if (code := _named(word))), None)


def _named(word: str) -> str | None:
    code = language_named(word) if len(word) > 3 else None
    return code and language_code(code)


def _words(name: str) -> list[str]:
    return re.split(r"[^A-Za-z0-9]+", name)


def _common_folder(files: Sequence[Path]) -> Path:
    parents = [path.absolute().parent for path in files]
    return next(
        folder for folder in (parents[0], *parents[0].parents) if all(p.is_relative_to(folder) for p in parents)
    )
