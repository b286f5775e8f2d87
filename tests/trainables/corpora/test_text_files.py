import bz2
import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainables.corpora.text_files import read_text
from trainables.errors import UserError

TEXT = "Wer zahlt?\n" * 50


def spreadsheet() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("sheet.xml", TEXT)
    return content.getvalue()


def table() -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({"text": [TEXT * 9]}), content)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (gzip.compress(TEXT.encode(), mtime=0), "is packed with gzip, whatever its name says: name it a.jsonl.gz."),
        (bz2.compress(TEXT.encode()), "is packed with bzip2, whatever its name says: name it a.jsonl.bz2."),
        (pa.compress(TEXT.encode(), "zstd", asbytes=True), "is packed with zstd, whatever its name says: name it"),
        (table(), "is a Parquet file, whatever its name says: name it a.parquet."),
        (spreadsheet(), "is a zip archive or a spreadsheet, whatever its name says: unpack it, or save the table"),
        (TEXT.encode("utf-16"), "is UTF-16, whatever its name says: convert it to UTF-8."),
    ],
    ids=["gzip", "bzip2", "zstd", "Parquet", "spreadsheet", "UTF-16"],
)
def test_what_is_no_text_is_told_with_what_it_is(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_text(path)
    assert sentence in str(caught.value)
