"""What records are kept in: JSON, JSON lines, CSV, TSV, Parquet, and folders that `datasets` has saved.

The suffix tells which; JSON and text files may be packed (`.gz`, `.bz2`, `.zst`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainables.corpora.arrow_rows import ROWS, Wanted, arrow_rows, parquet_rows
from trainables.corpora.pair_paths import SAVED_DATASET, SUFFIXES_IN_WORDS, training_file_suffix
from trainables.corpora.text_files import read_text, text_lines, without_packing
from trainables.corpora.training_files.records import Record
from trainables.corpora.training_files.tables import table_records
from trainables.each_once import RepeatedNameError, each_once
from trainables.errors import UserError


def records_of(path: Path, wanted: Wanted = list, header: Sequence[str] = ()) -> Iterator[Record]:
    """Yields the records of a file, or of a folder that `datasets` has saved.

    Args:
        path: the file or folder.
        wanted: which columns are read where that saves something.
        header: names of the columns of a table whose first line is no header.

    Raises:
        UserError: the file breaks a rule of its format; names the line or row.
    """
    if path.is_dir() and (path / SAVED_DATASET).is_file():
        return _saved_records(path, wanted)
    suffix = training_file_suffix(path)
    if suffix is None:
        raise UserError(f"{path} has no known suffix: name it {SUFFIXES_IN_WORDS}.")
    kind = without_packing(path).suffix
    if kind in (".csv", ".tsv"):
        return table_records(path, "," if kind == ".csv" else "\t", header)
    if kind == ".parquet":
        return _arrow_records(parquet_rows(path, wanted))
    return _json_records(path) if kind == ".json" else _json_lines(path)


def _json_lines(path: Path) -> Iterator[Record]:
    for number, line in text_lines(path):
        if line.strip():
            yield _json_record(f"{path}:{number}", line)


def _json_record(where: str, line: str) -> Record:
    value = _parsed(where, line, "write one object per line")
    if not isinstance(value, dict):
        raise UserError(f"{where} is JSON but no object (a {type(value).__name__}): write one object per line.")
    return Record(where, value)


def _json_records(path: Path) -> Iterator[Record]:
    """The elements of an array, or one object; some libraries also call JSON lines so."""
    lines = text_lines(path)
    filled = (one for one in lines if one[1].strip())
    first, second = next(filled, (0, "")), next(filled, (0, ""))
    with suppress(json.JSONDecodeError, RepeatedNameError, ValueError, RecursionError):
        if second[1] and isinstance(json.loads(first[1]), dict):
            lines.close()  # type: ignore[attr-defined]
            yield from _json_lines(path)
            return
    lines.close()  # type: ignore[attr-defined]
    content = read_text(path)
    if not content.strip():
        return
    value = _parsed(str(path), content, "write an array of objects, or one object per line")
    if not isinstance(value, dict | list):
        raise UserError(f"{path} is JSON but neither an object nor an array: write an array of objects.")
    for number, one in enumerate(value if isinstance(value, list) else [value], 1):
        where = f"{path}, element {number}" if isinstance(value, list) else str(path)
        if not isinstance(one, dict):
            raise UserError(f"{where} is JSON but no object (a {type(one).__name__}): write an array of objects.")
        yield Record(where, one)


def _parsed(where: str, content: str, remedy: str) -> Any:
    try:
        return json.loads(content, object_pairs_hook=each_once)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in content.strip() else ""
        raise UserError(f"{where} is not JSON ({error.msg}, {line}column {error.colno}): {remedy}.") from error
    except RepeatedNameError as error:
        raise UserError(f"{where}: the key {error.name!r} occurs twice in one object: keep one.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} cannot be read ({error}): write plain objects.") from error


def _saved_records(folder: Path, wanted: Wanted) -> Iterator[Record]:
    """The rows of `Dataset.save_to_disk`: files of the Arrow stream format, named by `state.json`."""
    import pyarrow as pa

    state = _parsed(str(folder / SAVED_DATASET), read_text(folder / SAVED_DATASET), "save the data set again")
    files = [entry.get("filename") for entry in state.get("_data_files") or () if isinstance(entry, dict)]
    if state.get("_indices_data_files"):
        raise UserError(f"{folder} was saved with a selection of its rows: call flatten_indices() before saving it.")
    for name in files:
        # Names come from the file: they may not lead out of the folder.
        if not isinstance(name, str) or Path(name).name != name:
            raise UserError(f"{folder / SAVED_DATASET} names {name!r} as a file of the data set: save it again.")
        path = folder / name
        if not path.is_file():
            raise UserError(f"{folder} lacks its file {name}: copy the whole folder again.")

        def batches(path: Path = path) -> Iterator[Any]:
            with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
                columns = wanted(stream.schema.names) or stream.schema.names
                for batch in stream:
                    chosen = batch.select(columns)
                    yield from (chosen.slice(start, ROWS) for start in range(0, chosen.num_rows, ROWS))

        yield from _arrow_records(arrow_rows(path, "Arrow", batches()))


def _arrow_records(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Record]:
    for where, fields in rows:
        try:
            yield Record(where, {name: _from_map(value) for name, value in fields.items()})
        except RepeatedNameError as error:
            raise UserError(f"{where}: the key {error.name!r} occurs twice in a map: keep one.") from error


def _from_map(value: Any) -> Any:
    """An Arrow map arrives as a list of (key, value)."""
    is_map = isinstance(value, list) and value and all(isinstance(pair, tuple) for pair in value)
    return each_once(value) if is_map else value
