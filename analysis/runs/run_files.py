"""One ranking of one system: a run as TREC has it, or the predictions that mteb saves.

mteb writes `{TASK}_predictions.json`: `{"mteb_model_meta": {...}, SUBSET: {SPLIT: {query: {document: score}}}}`; its
versions before 2 wrote `{query: {document: score}}` alone.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainables.corpora.text_files import read_text, text_lines
from trainables.each_once import RepeatedNameError, each_once
from trainables.errors import UserError, one_line

MOST_ROWS = 20_000_000
"""Of a run: 20,000 queries with 1,000 documents each."""

_LONGEST_JSON = 1 << 30
"""Bytes of a file of predictions, which is one line."""

_META = "mteb_model_meta"
_LARGEST = float(np.finfo(np.float32).max)

Scores = dict[str, float]
"""By document."""


@dataclass(frozen=True, eq=False)
class Run:
    """The scores of the documents that were found, by query; of judged queries only."""

    scores: Mapping[str, Scores]
    strangers: int
    """Queries without a judgement, which are left out."""
    system: str = ""
    """As the file names it; empty if it does not."""


def read_run(path: Path, queries: Collection[str], part: str | None = None) -> Run:
    """Reads a run: mteb's if its name ends in `.json` or `.json.gz`, else TREC's six columns, which may be gzipped.

    Args:
        path: the file.
        queries: those that have judgements.
        part: `SUBSET/SPLIT` of predictions; needed where there are several.

    Raises:
        UserError: the file breaks a rule, names the line or place; or it answers none of the queries.
    """
    is_json = ".json" in path.suffixes[-2:]
    run = _predictions(path, queries, part) if is_json else _trec(path, queries)
    if not run.scores:
        raise UserError(
            f"{path} answers none of the {len(queries)} judged queries"
            f"{f' ({run.strangers} others)' if run.strangers else ''}: give the run and the judgements of one set."
        )
    return run


def _trec(path: Path, queries: Collection[str]) -> Run:
    scores: dict[str, Scores] = {}
    strangers = set()
    rows = 0
    for number, line in text_lines(path):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 6:
            raise UserError(
                f"{path}:{number} has {len(cells)} columns: write `qid Q0 docid rank score tag`, or name predictions "
                "of mteb .json."
            )
        rows += 1
        if rows > MOST_ROWS:
            raise UserError(f"{path} has more than {MOST_ROWS:,} rows: keep the first documents of every query.")
        query, _, document, _, score, _ = cells
        if query in queries:
            _add(f"{path}:{number}", scores.setdefault(query, {}), document, score)
        else:
            strangers.add(query)
    return Run(scores, len(strangers))


def _predictions(path: Path, queries: Collection[str], part: str | None) -> Run:
    text = read_text(path, _LONGEST_JSON)
    try:
        held = json.loads(text, object_pairs_hook=each_once)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}:{error.lineno} is not JSON ({error.msg}, column {error.colno}): save the predictions again."
        ) from error
    except RepeatedNameError as error:
        raise UserError(f"{path}: the key {error.name!r} occurs twice in one object: keep one.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({one_line(error)}): save the predictions again.") from error
    if not isinstance(held, dict):
        raise UserError(f"{path} holds no predictions: write an object {{query: {{document: score}}}}.")
    meta = held.pop(_META, None)
    found = held if meta is None else _part(path, held, part)
    scores: dict[str, Scores] = {}
    strangers = 0
    for query, documents in found.items():
        where = f"{path}, query {query!r}"
        if not isinstance(documents, dict):
            raise UserError(f"{where} has {_short(documents)}: write an object {{document: score}}.")
        if query not in queries:
            strangers += 1
            continue
        own = scores.setdefault(query, {})
        for document, score in documents.items():
            _add(where, own, document, score)
    name = meta.get("model_name") if isinstance(meta, dict) else None
    return Run(scores, strangers, name if isinstance(name, str) else "")


def _part(path: Path, held: Mapping[str, Any], part: str | None) -> Mapping[str, Any]:
    """The predictions of the one subset and split that is asked for, or that there is."""
    parts = {
        f"{subset}/{split}": found
        for subset, splits in held.items()
        if isinstance(splits, dict)
        for split, found in splits.items()
    }
    if part is None and len(parts) == 1:
        (part,) = parts
    found = parts.get(part or "")
    if not isinstance(found, dict):
        raise UserError(
            f"{path} holds the predictions of {', '.join(parts) or 'nothing'}: "
            f"{f'there is no {part!r} among them' if part else 'say which with --part SUBSET/SPLIT'}."
        )
    return found


def _add(where: str, scores: Scores, document: str, score: Any) -> None:
    try:
        number = float(score) if isinstance(score, str | int | float) and not isinstance(score, bool) else None
    except (ValueError, OverflowError):
        number = None
    # In single precision, as trec_eval reads it.
    if number is None or not abs(number) <= _LARGEST:
        raise UserError(f"{where} gives document {document!r} the score {_short(score)}: scores are finite numbers.")
    if document in scores:
        raise UserError(f"{where} gives document {document!r} a second time for one query: keep one of them.")
    scores[document] = number


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
