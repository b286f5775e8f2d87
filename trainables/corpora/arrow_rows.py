"""Rows of Parquet files and of other tables of Arrow, one after the other, with their places."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from trainables.errors import UserError, one_line

ROWS = 256
"""Rows of a file in memory at a time: a short file can hold the same long text in a million of them."""

Wanted = Callable[[Iterable[str]], list[str]]
"""Which of the columns of a table are read; none of them: all."""


def parquet_rows(path: Path, wanted: Wanted, remedy: str = "write it again") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the place and the fields of every row of a Parquet file.

    Args:
        path: the file.
        wanted: which columns are read.
        remedy: what to do about a broken file.

    Raises:
        UserError: there is no such file, or it is broken; names the row.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}: check the path.")
    # Imported late: --list must not wait for it.
    import pyarrow.parquet as pq

    def batches() -> Iterator[Any]:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(ROWS, columns=wanted(file.schema_arrow.names) or None)

    return arrow_rows(path, "Parquet", batches(), remedy)


def arrow_rows(
    path: Path, kind: str, batches: Iterable[Any], remedy: str = "write it again"
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the place and the fields of every row of some record batches.

    Args:
        path: the file that they are from.
        kind: what it is called in a message.
        batches: read only as far as rows are wanted.
        remedy: what to do about a broken file.

    Raises:
        UserError: the file is broken; names the row.
    """
    import pyarrow as pa

    row = 0
    try:
        for batch in batches:
            for position in range(batch.num_rows):
                row += 1
                fields = {name: batch.column(name)[position].as_py() for name in batch.schema.names}
                yield f"{path}, row {row}", fields
    except UnicodeDecodeError as error:
        raise UserError(f"{path}, row {row}: a text is not UTF-8: write string columns in UTF-8.") from error
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read as {kind} after row {row} ({one_line(error)}): {remedy}.") from error
