"""Tables for programs: CSV, JSON and Parquet at full precision."""

import io
import json
from typing import TYPE_CHECKING

from analysis.render.table import Scalar, Table

if TYPE_CHECKING:
    import pandas as pd


_FORMULA = r"^([=+\-@\t\r])"
"""With what a text begins that spreadsheets carry out."""


def frame(table: Table) -> "pd.DataFrame":
    """A data frame with one typed column per key of `Table.records`."""
    import pandas as pd

    records = list(table.records())
    kinds = {column.key: column.kind for column in table.columns}
    columns = {}
    for key in table.record_keys():
        values = [record[key] for record in records]
        if kinds.get(key) == "text" or key.endswith(("_mark", "_remark")):
            columns[key] = pd.Series([None if v is None else str(v) for v in values], dtype="string")
        elif kinds.get(key) == "count" and all(v is None or float(v) == int(v) for v in values):
            columns[key] = pd.Series([None if v is None else int(v) for v in values], dtype="Int64")
        else:
            columns[key] = pd.Series([None if v is None else float(v) for v in values], dtype="float64")
    return pd.DataFrame(columns, columns=table.record_keys())


def comma_separated(table: Table) -> str:
    """CSV with a heading line, empty for a missing value; a text that spreadsheets take for a formula is quoted."""
    held = frame(table)
    texts = [key for key in table.record_keys() if held[key].dtype == "string"]
    for key in texts:
        held[key] = held[key].str.replace(_FORMULA, r"'\1", regex=True)
    return held.to_csv(index=False, lineterminator="\n")


def as_json(table: Table) -> str:
    """JSON: title, columns, records, notes. Values that are not finite become null."""
    # pandas rounds numbers in JSON to 15 digits at most; the standard library writes all of them.
    records = [{key: _finite(value) for key, value in record.items()} for record in table.records()]
    columns = [
        {"key": c.key, "label": c.label, "kind": c.kind, "unit": c.unit, "group": c.group} for c in table.columns
    ]
    content = {"title": table.title, "columns": columns, "rows": records, "notes": list(table.notes)}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: Scalar) -> Scalar:
    return None if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value


def parquet(table: Table) -> bytes:
    """Parquet with typed columns; the title and the notes are in the schema's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = frame(table)
    types = {"string": pa.string(), "Int64": pa.int64(), "float64": pa.float64()}
    schema = pa.schema([(key, types[str(kind)]) for key, kind in content.dtypes.items()])
    metadata = {"title": table.title, "notes": json.dumps(list(table.notes), ensure_ascii=False)}
    stream = io.BytesIO()
    arrow = pa.Table.from_pandas(content, schema=schema, preserve_index=False)
    pq.write_table(arrow.replace_schema_metadata(metadata), stream)
    return stream.getvalue()
