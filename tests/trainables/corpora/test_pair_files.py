import csv
import gzip
import json
import string
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainables.corpora.items import PairItem
from trainables.corpora.pair_files import load_pair_file
from trainables.errors import UserError

LANGUAGES = ["ar", "de", "en", "th", "zh-Hant"]
Writer = Callable[[Path, Sequence[PairItem]], None]


def is_visible(text: str) -> bool:
    return any(not character.isspace() and unicodedata.category(character) != "Cf" for character in text)


def write_jsonl(path: Path, items: Sequence[PairItem]) -> None:
    lines = [
        json.dumps(
            {"id": i.id, "group": i.group, "kind": "x", "query": dict(i.query), "passage": dict(i.passage)},
            ensure_ascii=False,
        )
        for i in items
    ]
    content = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_parquet(path: Path, items: Sequence[PairItem], text_type: pa.DataType) -> None:
    as_map = pa.types.is_map(text_type)
    columns = {
        "id": pa.array([i.id for i in items]),
        "group": pa.array([i.group for i in items]),
        "other": pa.array([b"large"] * len(items)),
    }
    for name in ("query", "passage"):
        texts = [dict(getattr(i, name)) for i in items]
        columns[name] = pa.array([list(t.items()) for t in texts] if as_map else texts, type=text_type)
    pq.write_table(pa.table(columns), path, row_group_size=2)


def write_structs(path: Path, items: Sequence[PairItem]) -> None:
    write_parquet(path, items, pa.struct([(language, pa.string()) for language in LANGUAGES]))


def write_maps(path: Path, items: Sequence[PairItem]) -> None:
    write_parquet(path, items, pa.map_(pa.string(), pa.string()))


def flat_rows(items: Sequence[PairItem]) -> list[dict[str, str | None]]:
    rows = [
        {
            "pair_id": i.id,
            "group": i.group,
            "language": language,
            "query": i.query.get(language),
            "passage": i.passage.get(language),
        }
        for language in LANGUAGES  # the rows of an item are apart from each other
        for i in items
        if language in i.query or language in i.passage
    ]
    return sorted(rows, key=lambda row: [i.id for i in items].index(row["pair_id"]) % 2)


def write_flat_jsonl(path: Path, items: Sequence[PairItem]) -> None:
    path.write_text("\n".join(json.dumps(row) for row in flat_rows(items)), "utf-8")


def write_table(path: Path, items: Sequence[PairItem]) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.DictWriter(
            stream,
            ["query", "pair_id", "passage", "group", "language"],
            delimiter="," if path.suffix == ".csv" else "\t",
        )
        writer.writeheader()
        writer.writerows(flat_rows(items))


def write_flat_parquet(path: Path, items: Sequence[PairItem]) -> None:
    pq.write_table(pa.Table.from_pylist(flat_rows(items)), path)


FORMS: dict[str, tuple[str, Writer]] = {
    "whole items, JSON lines": ("a.jsonl", write_jsonl),
    "whole items, gzipped": ("a.jsonl.gz", write_jsonl),
    "whole items, structs": ("a.parquet", write_structs),
    "whole items, maps": ("b.parquet", write_maps),
    "rows, JSON lines": ("b.jsonl", write_flat_jsonl),
    "rows, CSV": ("a.csv", write_table),
    "rows, TSV": ("a.tsv", write_table),
    "rows, Parquet": ("c.parquet", write_flat_parquet),
}

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(is_visible)
names = st.text(string.printable + "éж中", min_size=1, max_size=6).filter(lambda text: text.strip())
text_maps = st.dictionaries(st.sampled_from(LANGUAGES), texts, min_size=1)
item_lists = st.lists(
    st.builds(PairItem, names, names, text_maps, text_maps), min_size=1, max_size=6, unique_by=lambda item: item.id
)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@given(items=item_lists)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_form_gives_back_the_items_that_were_written(tmp_path: Path, form: str, items: list[PairItem]) -> None:
    name, write = FORMS[form]
    write(tmp_path / name, items)
    found = load_pair_file(tmp_path / name)
    assert {item.id: item for item in found} == {item.id: item for item in items}
    if not form.startswith("rows"):
        assert found == items


def test_without_a_group_every_item_is_its_own_group(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "x", "query": {"en": "q"}, "passage": {"en": "p"}}\n')
    (tmp_path / "b.csv").write_text("pair_id,language,query,passage\nx,en,q,p\nx,de,f,\n")
    assert load_pair_file(tmp_path / "a.jsonl") == [PairItem("x", "x", {"en": "q"}, {"en": "p"})]
    assert load_pair_file(tmp_path / "b.csv") == [PairItem("x", "x", {"en": "q", "de": "f"}, {"en": "p"})]


def test_whole_numbers_are_good_ids_in_every_format(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"pair_id": [7], "language": ["en"], "query": ["q"], "passage": ["p"]}), tmp_path / "a.parquet"
    )
    (tmp_path / "a.csv").write_text("pair_id,language,query,passage\n7,en,q,p\n")
    (tmp_path / "a.jsonl").write_text('{"id": 7, "query": {"en": "q"}, "passage": {"en": "p"}}\n')
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        assert load_pair_file(tmp_path / name) == [PairItem("7", "7", {"en": "q"}, {"en": "p"})]


def test_texts_keep_their_white_space_and_null_means_absent(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('\n{"id": "x", "query": {"en": " q\\n", "de": null}, "passage": {"en": "p"}}\n\n')
    assert load_pair_file(tmp_path / "a.jsonl")[0].query == {"en": " q\n"}


GOOD = '{"id": "a", "group": "g", "query": {"en": "q"}, "passage": {"en": "p"}}\n'


def second(line: str) -> bytes:
    """A file whose second line is the given one."""
    return (GOOD + line + "\n").encode()


HEAD = "pair_id,language,query,passage\n"
MALFORMED: dict[str, tuple[str, bytes, list[str]]] = {
    # what is wrong: file name, content, what the sentence must say (after the folder)
    "not JSON": ("a.jsonl", second('{"id": "b", '), ["a.jsonl:2 ", "not JSON"]),
    "bottomless JSON": ("a.jsonl", second('{"id": ' + "[" * 200_000), ["a.jsonl:2 ", "plain object"]),
    "endless number": ("a.jsonl", second('{"id": ' + "1" * 5000 + "}"), ["a.jsonl:2 ", "plain object"]),
    "no object": ("a.jsonl", second('["b"]'), ["a.jsonl:2 ", "list"]),
    "neither form": ("a.jsonl", b'{"question": "x"}\n', ["a.jsonl:1 ", "question", "pair_id"]),
    "no id": ("a.jsonl", second('{"query": {"en": "q"}, "passage": {"en": "p"}}'), ["a.jsonl:2", "'id' is missing"]),
    "no query": ("a.jsonl", second('{"id": "b", "passage": {"en": "p"}}'), ["a.jsonl:2", "'query' is missing"]),
    "no passage": ("a.jsonl", second('{"id": "b", "query": {"en": "p"}}'), ["a.jsonl:2", "'passage' is missing"]),
    "empty id": ("a.jsonl", GOOD.replace('"a"', '" "').encode(), ["a.jsonl:1", "'id'"]),
    "id true": ("a.jsonl", GOOD.replace('"a"', "true").encode(), ["a.jsonl:1", "'id' is True"]),
    "group list": ("a.jsonl", GOOD.replace('"g"', '["g"]').encode(), ["a.jsonl:1", "'group'"]),
    "query a string": (
        "a.jsonl",
        GOOD.replace('{"en": "q"}', '"q"').encode(),
        ["a.jsonl:1", "'query' is 'q'", "pair_id"],
    ),
    "empty language": ("a.jsonl", GOOD.replace('"en": "q"', '"": "q"').encode(), ["a.jsonl:1", "language is ''"]),
    "odd language": ("a.jsonl", GOOD.replace('"en": "q"', '"English": "q"').encode(), ["a.jsonl:1", "'English'", "en"]),
    "empty text": ("a.jsonl", GOOD.replace('"q"', '""').encode(), ["a.jsonl:1", "query in 'en' is empty"]),
    "blank text": ("a.jsonl", GOOD.replace('"p"', '"\\u3000\\n"').encode(), ["a.jsonl:1", "passage in 'en' is empty"]),
    "text a number": ("a.jsonl", GOOD.replace('"p"', "5").encode(), ["a.jsonl:1", "passage in 'en' is 5 (int)"]),
    "half a character": ("a.jsonl", GOOD.replace('"p"', '"\\ud83d"').encode(), ["a.jsonl:1", "\\ud83d"]),
    "same id": ("a.jsonl", (GOOD * 2).encode(), ["a.jsonl:2", "a.jsonl:1", "'a'"]),
    "same key": ("a.jsonl", GOOD.replace('"en": "q"', '"en": "q", "en": "r"').encode(), ["a.jsonl:1", "'en'", "twice"]),
    "no pair": (
        "a.jsonl",
        GOOD.replace('{"en": "p"}', '{"en": null}').encode(),
        ["a.jsonl:1", "passage", "any language"],
    ),
    "not UTF-8": ("a.jsonl", GOOD.encode() + "é\n".encode("latin-1"), ["a.jsonl:2", "byte 1", "0xe9", "UTF-8"]),
    "UTF-16": ("a.jsonl", GOOD.encode("utf-16"), ["a.jsonl is UTF-16", "convert it to UTF-8"]),
    "nothing": ("a.jsonl", b"", ["a.jsonl holds no records"]),
    "only blank lines": ("a.jsonl", b"\n\n", ["a.jsonl holds no records"]),
    "broken gzip": ("a.jsonl.gz", gzip.compress(GOOD.encode())[:-9], ["a.jsonl.gz", "broken gzip"]),
    "no gzip": ("a.jsonl.gz", GOOD.encode(), ["a.jsonl.gz", "no gzip file"]),
    "damaged gzip": ("a.jsonl.gz", gzip.compress(GOOD.encode())[:12] + b"\xff" * 40, ["a.jsonl.gz", "broken gzip"]),
    "unknown suffix": ("a.txt", GOOD.encode(), ["a.txt", ".jsonl"]),
    "no Parquet": ("a.parquet", GOOD.encode(), ["a.parquet", "Parquet"]),
    "header only": ("a.csv", HEAD.encode(), ["a.csv holds no records"]),
    "column missing": ("a.csv", b"pair_id,language,query\n1,en,q\n", ["a.csv:1", "passage is missing"]),
    "column twice": ("a.csv", b"pair_id,language,query,passage,query\n", ["a.csv:1", "query is repeated"]),
    "no language": ("a.csv", b"id,query,passage\n1,q,p\n", ["a.csv", "--train-language"]),
    "cell too many": ("a.csv", f"{HEAD}1,en,well, then,p\n".encode(), ["a.csv:2", "5 cells", "4"]),
    "stray quote": ("a.csv", f'{HEAD}1,en,"q" he,p\n'.encode(), ["a.csv:2", "quote"]),
    "open quote": ("a.csv", f'{HEAD}1,en,"a\nb",p\n2,en,"q,p\n3,en,q,p\n'.encode(), ["a.csv:4", "quote"]),
    "empty language cell": ("a.csv", f"{HEAD}1,,q,p\n".encode(), ["a.csv:2", "language is None"]),
    "blank cell": ("a.csv", f'{HEAD}1,en,"a\nb",p\n1,de," ",p\n'.encode(), ["a.csv:4", "query is empty"]),
    "row without texts": ("a.csv", f"{HEAD}1,en,q,p\n1,de,,\n".encode(), ["a.csv:3", "both"]),
    "same row": ("a.csv", f"{HEAD}1,en,q,p\n2,en,q,p\n1,en,r,p\n".encode(), ["a.csv:4", "a.csv:2", "'en'"]),
    "item without passage": ("a.csv", f"{HEAD}1,en,q,p\n2,en,q,\n2,de,q,\n".encode(), ["a.csv:3", "'2'", "no passage"]),
    "two groups": (
        "a.csv",
        b"pair_id,group,language,query,passage\n1,g,en,q,p\n1,h,de,q,p\n",
        ["a.csv:3", "a.csv:2", "'h'", "'g'"],
    ),
    "row without a field": (
        "a.jsonl",
        b'{"pair_id": 1, "language": "en", "query": "q", "passage": "p"}\n{"pair_id": 2, "language": "de"}\n',
        ["a.jsonl:2", "'query' is missing"],
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_file_is_told_in_one_sentence_with_its_place(tmp_path: Path, case: str) -> None:
    name, content, expected = MALFORMED[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        load_pair_file(tmp_path / name)
    message = str(caught.value).replace(f"{tmp_path}/", "")
    assert all(part in message for part in expected), message
    assert "\n" not in message
    assert message.endswith((".", ")."))
    assert name in message


STRUCT = pa.struct([("en", pa.string())])
MALFORMED_TABLES = {
    "no columns": (pa.table({"text": ["x"]}), ["row 1", "text", "pair_id"]),
    "no passage": (
        pa.table({"id": ["x"], "query": pa.array([{"en": "q"}], STRUCT)}),
        ["row 1", "'passage' is missing"],
    ),
    "no rows": (pa.table({"id": pa.array([], pa.string())}), ["holds no records"]),
    "null text": (
        pa.table({"pair_id": ["x", "y"], "language": ["en"] * 2, "query": ["q", None], "passage": ["p", None]}),
        ["row 2", "both"],
    ),
    "null struct": (
        pa.table(
            {
                "id": ["x", "y"],
                "query": pa.array([{"en": "q"}] * 2, STRUCT),
                "passage": pa.array([{"en": "p"}, None], STRUCT),
            }
        ),
        ["row 2", "'passage' is None"],
    ),
    "same key in a map": (
        pa.table(
            {
                "id": ["x"],
                "query": pa.array([[("en", "q"), ("en", "r")]], pa.map_(pa.string(), pa.string())),
                "passage": pa.array([[("en", "p")]], pa.map_(pa.string(), pa.string())),
            }
        ),
        ["row 1", "'en'", "twice"],
    ),
    "not UTF-8": (
        pa.table(
            {
                "pair_id": ["x", "y"],
                "language": ["en"] * 2,
                "query": ["q"] * 2,
                "passage": pa.Array.from_buffers(
                    pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"p\xe9")]
                ),
            }
        ),
        ["row 2", "UTF-8"],
    ),
    "same id": (
        pa.table(
            {
                "id": ["x"] * 2,
                "query": pa.array([{"en": "q"}] * 2, STRUCT),
                "passage": pa.array([{"en": "p"}] * 2, STRUCT),
            }
        ),
        ["row 2", "row 1"],
    ),
}


@pytest.mark.parametrize("case", MALFORMED_TABLES)
def test_a_malformed_parquet_file_is_told_with_its_row(tmp_path: Path, case: str) -> None:
    table, expected = MALFORMED_TABLES[case]
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError) as caught:
        load_pair_file(tmp_path / "a.parquet")
    message = str(caught.value)
    assert all(part in message for part in [*expected, "a.parquet"]), message
    assert "\n" not in message


def test_a_truncated_parquet_file_is_told(tmp_path: Path) -> None:
    write_structs(tmp_path / "a.parquet", [PairItem("x", "g", {"de": "q"}, {"de": "p"})] * 1)
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-30])
    with pytest.raises(UserError, match=r"a\.parquet cannot be read as Parquet"):
        load_pair_file(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv", "a.tsv", "a.parquet"])
def test_a_missing_file_and_a_folder_in_its_place_are_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="There is no file"):
        load_pair_file(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=name):
        load_pair_file(tmp_path / name)


def test_real_training_files_have_the_published_numbers_of_items(shared_data: Path) -> None:
    counts = {
        "train_parallel/mlqa_test": 9600,
        "train_parallel/xnli_dev_entailment": 830,
        "train_parallel/ntrex_headline_ict": 448,
        "train_parallel/belebele_en_de": 900,
        "train_parallel/bitcoin_org_faq": 61,
        "train_mono/tydi_goldp_ko": 1625,
    }
    found = {name: load_pair_file(shared_data / f"{name}.jsonl.gz") for name in counts}
    assert {name: len(items) for name, items in found.items()} == counts
    items = found["train_parallel/mlqa_test"]
    assert {lang: sum(lang in i.query for i in items) for lang in ("ar", "de", "en")} == {
        "ar": 4240,
        "de": 3768,
        "en": 0,
    }
    assert {lang: sum(lang in i.passage for i in items) for lang in ("vi", "zh", "ar")} == {
        "vi": 1632,
        "zh": 4977,
        "ar": 0,
    }
