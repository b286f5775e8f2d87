"""Which documents are relevant to which query, and how much: qrels as TREC, BEIR and mteb write them."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from trainables.corpora.arrow_rows import parquet_rows
from trainables.corpora.text_files import text_lines
from trainables.errors import UserError, one_line
from trainables.evaluation.runs import ALL

_CODE = r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]+)*"
_OF_LANGUAGE = re.compile(rf"{_CODE}\|(?P<question>.+)")
_TOPIC = re.compile(rf"{_CODE}\|({_CODE})\|(?P<question>.+)")
"""As in run files that a study keeps: language of the query, of the pool, question."""

Pool = Literal["own", "all"]
"""The candidates of one language, or of all."""

COLUMNS = ("query-id", "corpus-id", "score")
"""Of BEIR's tables and of mteb's."""

_LAYOUTS = "write `qid 0 docid rel` (TREC), or begin with the header query-id, corpus-id, score (BEIR)"
_LARGEST_GRADE = 2**31 - 1

Row = tuple[str, str, str, Any]
"""Where it stands, query, document, grade."""


@dataclass(frozen=True, eq=False)
class Judgements:
    """The grade of every judged document by query, in the order of the file; a grade of 0 or less: not relevant."""

    name: str
    """Of the file."""
    grades: Mapping[str, Mapping[str, int]]

    @property
    def queries(self) -> tuple[str, ...]:
        """The ids of the judged queries."""
        return tuple(self.grades)

    @property
    def without_relevant(self) -> int:
        """How many of the queries have no relevant document."""
        return sum(all(grade <= 0 for grade in judged.values()) for judged in self.grades.values())


def read_judgements(path: Path) -> Judgements:
    """Reads qrels: TREC's four columns, BEIR's table, mteb's JSON lines or Parquet; text may be gzipped.

    Raises:
        UserError: the file breaks a rule; names the line or row.
    """
    grades: dict[str, dict[str, int]] = {}
    for where, query, document, value in _rows(path):
        judged, grade = grades.setdefault(query, {}), _grade(where, value)
        if judged.setdefault(document, grade) != grade:
            raise UserError(
                f"{where} gives document {document!r} of query {query!r} the grade {grade}, but an earlier one gives "
                f"it {judged[document]}: keep one of them."
            )
    if not grades:
        raise UserError(f"{path} holds no judgement: {_LAYOUTS}.")
    if not any(grade > 0 for judged in grades.values() for grade in judged.values()):
        raise UserError(f"{path} judges no document relevant: give judgements with grades above 0.")
    return Judgements(path.name, grades)


def _rows(path: Path) -> Iterator[Row]:
    if path.suffix == ".parquet":
        return _parquet_rows(path)
    return _json_rows(path) if ".jsonl" in path.suffixes[-2:] else _text_rows(path)


def _text_rows(path: Path) -> Iterator[Row]:
    header: list[str] | None = None
    is_first = True
    for number, line in text_lines(path):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        if is_first and COLUMNS[0] in line:
            header = _header(where, line.rstrip("\r\n").split("\t"))
        elif header is not None:
            cells = line.rstrip("\r\n").split("\t")
            if len(cells) != len(header):
                raise UserError(
                    f"{where} has {len(cells)} cells and the header {len(header)}: separate them by one tab each."
                )
            query, document, value = (cells[header.index(name)] for name in COLUMNS)
            yield where, query, document, value
        else:
            cells = line.split()
            if len(cells) != 4:
                raise UserError(f"{where} has {len(cells)} columns: {_LAYOUTS}.")
            yield where, cells[0], cells[2], cells[3]
        is_first = False


def _header(where: str, names: list[str]) -> list[str]:
    missing = [name for name in COLUMNS if names.count(name) != 1]
    if missing:
        raise UserError(
            f"{where}: the header must have each of {', '.join(COLUMNS)} once, separated by tabs, but "
            f"{', '.join(missing)} is missing or repeated: correct the first line."
        )
    return names


def _json_rows(path: Path) -> Iterator[Row]:
    for number, line in text_lines(path):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            held = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where} is not JSON ({one_line(error)}): write one object per line.") from error
        yield _json_row(where, held)


def _json_row(where: str, held: Any) -> Row:
    missing = [name for name in COLUMNS if not isinstance(held, dict) or name not in held]
    if missing:
        raise UserError(f"{where} has no {', '.join(missing)}: write one object with {', '.join(COLUMNS)} per line.")
    query, document, value = (held[name] for name in COLUMNS)
    return where, *_ids(where, query, document), value


def _parquet_rows(path: Path) -> Iterator[Row]:
    def wanted(names: Iterable[str]) -> list[str]:
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise UserError(f"{path} has no column {', '.join(missing)}: give it {', '.join(COLUMNS)}.")
        return list(COLUMNS)

    return (_json_row(where, held) for where, held in parquet_rows(path, wanted))


def _ids(where: str, *values: Any) -> tuple[str, ...]:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise UserError(f"{where} has the id {value!r}: ids are texts or whole numbers.")
    return tuple(str(value) for value in values)


def _grade(where: str, value: Any) -> int:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and number == int(number) and abs(number) <= _LARGEST_GRADE):
        raise UserError(f"{where} has the grade {value!r}: grades are whole numbers, 0 for not relevant.")
    return int(number)


def in_pool(judgements: Judgements, pool: Pool | None) -> Judgements:
    """The judgements of one pool, where the queries are those of run files that a study kept, `language|pool|id`.

    Args:
        judgements: all of a file.
        pool: `own`: every query in the pool of one language; `all`: every query in that of all languages.

    Raises:
        UserError: queries are in both pools and none is asked for, or one is asked for that no query is in.
    """
    found = {query: match[1] for query in judgements.queries if (match := _TOPIC.fullmatch(query))}
    pools: dict[str, Pool] = {query: "all" if name == ALL else "own" for query, name in found.items()}
    if len(found) < len(judgements.queries):
        pools = {}
    if pool is None:
        if len(set(pools.values())) > 1:
            raise UserError(
                f"{judgements.name} judges every query in two pools, that of one language and that of all languages: "
                "give --pool own or --pool all."
            )
        return judgements
    if pool not in pools.values():
        raise UserError(f"--pool {pool}: no query of {judgements.name} is in such a pool; leave it out.")
    return replace(judgements, grades={q: grades for q, grades in judgements.grades.items() if pools[q] == pool})


def translations(queries: tuple[str, ...], path: Path | None) -> tuple[str, ...]:
    """The question of every query: all translations of one are one question, the unit of resampling.

    A file says so (a line for every query: query id, tab, question id) or, if all of them have it, the form of the ids:
    `de|17` and `en|17`, or `de|all|17` and `en|all|17`, are question 17. Otherwise every query is a question.

    >>> translations(("de|17", "en|17", "en|18"), None), translations(("17", "en|17"), None)
    (('17', '17', '18'), ('17', 'en|17'))

    Raises:
        UserError: the file breaks a rule, or does not name every query.
    """
    if path is None:
        for form in (_TOPIC, _OF_LANGUAGE):
            found = [form.fullmatch(query) for query in queries]
            if all(found):
                return tuple(match["question"] if match else "" for match in found)
        return queries
    questions: dict[str, str] = {}
    for number, line in text_lines(path):
        cells = line.rstrip("\r\n").split("\t")
        if not line.strip() or (number == 1 and cells[0] == COLUMNS[0]):
            continue
        if len(cells) != 2 or not all(cells):
            raise UserError(f"{path}:{number} has not two cells: write query id, tab, question id.")
        if questions.setdefault(*cells) != cells[1]:
            raise UserError(f"{path}:{number} names a second question for query {cells[0]!r}: keep one of them.")
    missing = [query for query in queries if query not in questions]
    if missing:
        raise UserError(
            f"{path} names no question for {len(missing)} of {len(queries)} judged queries, such as {missing[0]!r}: "
            "give every query a line."
        )
    return tuple(questions[query] for query in queries)
