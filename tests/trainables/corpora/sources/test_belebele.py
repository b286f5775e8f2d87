import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainables.corpora.retrieval.build import Counts
from trainables.corpora.sources.belebele import VARIETIES, Belebele
from trainables.corpora.sources.registry import load_benchmark
from trainables.errors import UserError
from trainables.evaluation.evaluate import evaluate

A, B = "https://en.wikibooks.org/wiki/A", "https://en.wikinews.org/wiki/B"
SET = Belebele(published=Counts(documents=2, queries=3, relevant=3))


def rows(variety: str) -> list[dict[str, object]]:
    """Three questions about two passages; two of them have the same text in every variety."""
    asked = [(A, 1, "Wer?"), (A, 2, "Wann?"), (B, 1, "Wer?")]
    return [
        {
            "link": link, "question_number": number, "flores_passage": f"{variety} {link[-1]}", "question": question,
            "mc_answer1": "a", "mc_answer2": "b", "mc_answer3": "c", "mc_answer4": "d", "correct_answer_num": "1",
            "dialect": variety, "ds": "2023-05-03",
        }
        for link, number, question in asked
    ]  # fmt: skip


def write_jsonl(folder: Path, variety: str, name: str = "data/{}.jsonl") -> Path:
    path = folder / "belebele" / name.format(variety)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(variety)), "utf-8")
    return path


def write_parquet(folder: Path, variety: str) -> Path:
    """The form of a mirror: the day is a time."""
    path = folder / "mteb/belebele" / variety / "test-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows(variety))
    days = pa.array([0] * 3, pa.timestamp("us"))
    pq.write_table(table.set_column(table.schema.get_field_index("ds"), "ds", days), path)
    return path


CARDS = {
    "a configuration per variety": """
- config_name: {0}
  data_files:
  - split: test
    path: data/{0}.jsonl""",
    "a split per variety": """
- config_name: default
  data_files:
  - split: {0}
    path: data/{0}.jsonl""",
}


def write_card(folder: Path, kind: str) -> None:
    parts = [CARDS[kind].format(variety) for variety in ("deu_Latn", "ary_Arab")]
    (folder / "belebele/README.md").write_text(f"---\nconfigs:{''.join(parts)}\n---\n")


@pytest.mark.parametrize("layout", ["no card", *CARDS, "parquet"])
def test_every_layout_is_read(layout: str, tmp_path: Path) -> None:
    for variety in ("deu_Latn", "ary_Arab"):
        (write_parquet if layout == "parquet" else write_jsonl)(tmp_path, variety)
    if layout in CARDS:
        write_card(tmp_path, layout)
    built = SET.load(("deu_Latn", "ary_Arab"), tmp_path)
    assert built.name == "belebele:ary_Arab,deu_Latn"
    assert built.languages == ("ary", "de")
    assert built.query_texts == ("Wer?", "Wann?", "Wer?") * 2
    assert built.candidate_texts == ("deu_Latn A", "deu_Latn B", "ary_Arab A", "ary_Arab B")
    assert built.parallel_ids == (f"{A}#1", f"{A}#2", f"{B}#1")


def test_a_question_is_answered_by_its_passage_in_every_variety(tmp_path: Path) -> None:
    for variety in ("deu_Latn", "ary_Arab"):
        write_jsonl(tmp_path, variety)
    built = SET.load(("deu_Latn", "ary_Arab"), tmp_path)
    answers = [sorted(built.relevant[slice(*built.relevant_start[q : q + 2])].tolist()) for q in range(6)]
    assert answers == [[0, 2], [0, 2], [1, 3]] * 2
    found = evaluate(built, np.ones((6, 1), dtype=np.float32), np.ones((4, 1), dtype=np.float32)).headlines
    for name in ("monolingual/map", "cross-lingual/map", "multilingual/map", "overall/map", "bias/rank_distance"):
        assert name in found


def test_one_variety_is_monolingual_retrieval(tmp_path: Path) -> None:
    write_jsonl(tmp_path, "deu_Latn")
    built = SET.load(("deu_Latn",), tmp_path)
    assert len(built.query_texts) == 3
    assert len(built.candidate_texts) == 2


def test_a_variety_that_is_not_there_or_not_whole_is_told(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, "deu_Latn")
    with pytest.raises(
        UserError, match=r"belebele has no ary_Arab \(data/ary_Arab\.jsonl\): fetch it, or leave it out"
    ):
        SET.load(("deu_Latn", "ary_Arab"), tmp_path)
    with pytest.raises(UserError, match="2 documents in deu_Latn where 488 are published"):
        load_benchmark("belebele:deu_Latn", "test", tmp_path)
    path.write_text(path.read_text().replace('"flores_passage"', '"passage"'))
    with pytest.raises(UserError, match=r"deu_Latn\.jsonl:1: there is no column flores_passage"):
        SET.load(("deu_Latn",), tmp_path)


def test_a_question_number_that_occurs_twice_is_told(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, "deu_Latn")
    path.write_text(path.read_text().replace('"question_number": 2', '"question_number": 1'))
    with pytest.raises(UserError, match=r"deu_Latn\.jsonl:2: the query .*#1' stands already at .*:1"):
        SET.load(("deu_Latn",), tmp_path)


def test_there_are_122_varieties() -> None:
    assert len(set(VARIETIES)) == len(VARIETIES) == 122
    with pytest.raises(UserError, match="Unknown language of belebele 'deu_Lat': did you mean deu_Latn"):
        load_benchmark("belebele:deu_Lat", "test", Path())
