"""Files of training pairs: JSON lines, CSV, TSV and Parquet, in either form of `pair_records`."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from trainables.corpora.pair_paths import PAIR_FILE_SUFFIXES, pair_file_suffix
from trainables.corpora.pair_records import FIELDS, LONGEST_TEXT, Record, items_from_records
from trainables.corpora.pairs import PairItem
from trainables.corpora.text_files import text_lines
from trainables.errors import UserError, one_line

_ROWS = 256
"""Rows of a Parquet file in memory at a time: a short file can hold the same long text in a million of them."""


def load_pair_file(path: Path) -> list[PairItem]:
    """Loads the items of a file, in file order.

    The suffix tells the format (`.jsonl`, `.csv`, `.tsv`, each also with `.gz`, or `.parquet`), the first record's
    fields tell the form (see `pair_records`). In Parquet, `query` and `passage` of whole items are structs or maps.
    An empty cell of a CSV or TSV file means that the text is absent.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "pairs.csv"
    ...     _ = path.write_text("pair_id,language,query,passage\\n1,en,What is it?,A thing.\\n")
    ...     load_pair_file(path)
    [PairItem(id='1', group='1', query={'en': 'What is it?'}, passage={'en': 'A thing.'})]

    Raises:
        UserError: the file breaks a rule; names the line or row.
    """
    return load_pair_set([path])


def load_pair_set(paths: Sequence[Path]) -> list[PairItem]:
    """Loads the items of a set that may be cut into several files; an item's rows may stand in different ones.

    Raises:
        UserError: a file breaks a rule, or an id of whole items occurs in two files; names the line or row.
    """
    return items_from_records(str(paths[0]), chain.from_iterable(map(_records, paths)))


def _records(path: Path) -> Iterator[Record]:
    suffix = pair_file_suffix(path)
    if suffix is None:
        raise UserError(f"{path} has no known suffix: name it {', '.join(PAIR_FILE_SUFFIXES)}.")
    return _READERS[suffix.removesuffix(".gz")](path)


def _json_records(path: Path) -> Iterator[Record]:
    for number, line in text_lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = json.loads(line, object_pairs_hook=_unique)
        except json.JSONDecodeError as error:
            raise UserError(
                f"{where} is not JSON ({error.msg}, column {error.colno}): write one object per line."
            ) from (error)
        except _RepeatedKeyError as error:
            raise UserError(f"{where}: the key {error.args[0]!r} occurs twice in one object: keep one.") from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where} cannot be read ({error}): write one plain object per line.") from error
        if not isinstance(value, dict):
            raise UserError(f"{where} is JSON but no object (a {type(value).__name__}): write one object per line.")
        yield Record(where, value)


def _table_records(path: Path, delimiter: str) -> Iterator[Record]:
    # `strict` makes a stray quote an error, where the default would drop it silently.
    rows = csv.reader((line for _, line in text_lines(path)), delimiter=delimiter, strict=True)
    csv.field_size_limit(LONGEST_TEXT + 1)
    header: list[str] | None = None
    start = 1
    try:
        for cells in rows:
            where, start = f"{path}:{start}", rows.line_num + 1
            if not cells:
                continue
            if header is None:
                header = _table_header(where, cells)
                continue
            if len(cells) != len(header):
                raise UserError(
                    f"{where} has {len(cells)} cells and the header {len(header)}: give every column a cell, "
                    "and quote texts that hold a delimiter or a line break."
                )
            yield Record(where, {name: cell or None for name, cell in zip(header, cells, strict=True)})
    except csv.Error as error:
        if "field limit" in str(error):
            raise UserError(
                f"{path}:{start} has a cell of more than {LONGEST_TEXT:,} characters: cut its text."
            ) from error
        raise UserError(
            f"{path}:{start} is no row of a table ({error}): quote texts that hold quotes and double those, "
            "or write JSON lines."
        ) from error


def _table_header(where: str, names: list[str]) -> list[str]:
    missing = [name for name in ("pair_id", "language", "query", "passage") if names.count(name) != 1]
    if missing:
        raise UserError(
            f"{where}: the header must have each of pair_id, language, query, passage once, but {', '.join(missing)} "
            f"is missing or repeated in {', '.join(names)}: correct the first line."
        )
    return names


def _parquet_records(path: Path) -> Iterator[Record]:
    if not path.is_file():
        raise UserError(f"There is no file {path}: check the path.")
    # Imported late: --list must not wait for it.
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = 0
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            # Other columns may be large (images), but a file without an id is shown with all its columns.
            wanted = [name for name in names if name in FIELDS] if {"id", "pair_id"} & set(names) else None
            for batch in file.iter_batches(_ROWS, columns=wanted):
                for position in range(batch.num_rows):
                    row += 1
                    fields = {name: batch.column(name)[position].as_py() for name in batch.schema.names}
                    yield Record(f"{path}, row {row}", {name: _from_map(value) for name, value in fields.items()})
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, row {row}: a text is not UTF-8: write string columns in UTF-8.") from error
    except _RepeatedKeyError as error:
        raise UserError(f"{path}, row {row}: the key {error.args[0]!r} occurs twice in a map: keep one.") from error
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path} cannot be read as Parquet after row {row} ({one_line(error)}): write it again."
        ) from error


def _from_map(value: Any) -> Any:
    """An Arrow map arrives as a list of (key, value)."""
    return _unique(value) if isinstance(value, list) and all(isinstance(pair, tuple) for pair in value) else value


class _RepeatedKeyError(Exception):
    """A key that occurs twice in one object, which a plain dict would hide."""


def _unique(pairs: Iterable[tuple[str, Any]]) -> Mapping[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _RepeatedKeyError(key)
        result[key] = value
    return result


_READERS: Mapping[str, Callable[[Path], Iterator[Record]]] = {
    ".jsonl": _json_records,
    ".csv": lambda path: _table_records(path, ","),
    ".tsv": lambda path: _table_records(path, "\t"),
    ".parquet": _parquet_records,
}
