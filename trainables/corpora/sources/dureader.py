"""DuReader-retrieval: questions to a Chinese search engine and passages of web pages.

Numbers of the two pools are not comparable: `dureader-100k` is the cut that C-MTEB and mteb use, `dureader` the full
pool of the authors' release, which is read from a local copy: `dev/dev.json`, `passage-collection/part-00` and so on,
`passage-collection/passage2id.map.json`. The authors report MRR@10 and the share of queries with a relevant passage
among the first 1 and 50, which they call recall.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.hub import HubFiles, local_files
from trainables.corpora.retrieval.build import Counts, Judgement, Part, Text, retrieval_benchmark
from trainables.corpora.retrieval.published import HubSet
from trainables.corpora.retrieval.tables import Row, cells, json_objects
from trainables.corpora.sources.base import BenchmarkSource
from trainables.corpora.text_files import read_text
from trainables.errors import UserError

REFERENCE = """@inproceedings{qiu2022dureader,
  author    = {Yifu Qiu and Hongyu Li and Yingqi Qu and Ying Chen and Qiaoqiao She and Jing Liu and Hua Wu and others},
  title     = {{DuReader-retrieval}: A Large-scale {C}hinese Benchmark for Passage Retrieval from Web Search Engine},
  booktitle = {Proceedings of EMNLP},
  year      = {2022}
}"""

_NAME = "dureader"
_LICENCE = "Apache-2.0"
_MEASURES = ("mrr@10", "success@1", "success@50")
_QUERIES = 2000
_PAGE = "https://github.com/baidu/DuReader"

_FOLDERS = ("dureader-retrieval-baseline-dataset", "dureader-retrieval", _NAME)
_QUESTIONS = "dev/dev.json"
_PASSAGES = "passage-collection"
_IDS = f"{_PASSAGES}/passage2id.map.json"
_IDS_BYTES = 1 << 30
"""The ids of eight million passages are one line."""


def load_release(data_dir: Path | None, queries: int | None = _QUERIES) -> Benchmark:
    """Loads the authors' release; raises UserError where it is not there, or not whole.

    Args:
        data_dir: where one of its usual folders lies.
        queries: how many there must be.
    """
    folders = [] if data_dir is None else [data_dir / name for name in _FOLDERS]
    folder = next((one for one in folders if one.is_dir()), None)
    if folder is None:
        raise UserError(
            f"The full pool of {_NAME} is not on the hub: unpack the authors' archive {_FOLDERS[0]}.tar.gz "
            f"({_PAGE}) and name the folder above with --data-dir, or take dureader-100k."
        )
    files = local_files(folder)
    # A relevant passage is in both files: its text tells whether ids and rows belong together.
    expected = {p.id: p.text for _, _, answers in _questions(files) for p in answers}
    return retrieval_benchmark(
        _NAME,
        [
            Part(
                files.origin,
                "zh",
                documents=lambda: _passages(files, expected),
                queries=lambda: (query for query, _, _ in _questions(files)),
                judgements=lambda: (judgement for _, judged, _ in _questions(files) for judgement in judged),
                published=Counts(queries=queries),
            )
        ],
    )


def _questions(files: HubFiles) -> Iterator[tuple[Text, list[Judgement], list[Text]]]:
    """(question, judgements, relevant passages) of every line of the questions' file."""
    for where, fields in json_objects(files.path(_QUESTIONS)):
        row = Row(where, fields)
        query = Text(where, row.id("question_id"), row.text("question"))
        paragraphs = row.first("answer_paragraphs")
        if not isinstance(paragraphs, list) or not all(isinstance(one, dict) for one in paragraphs):
            raise UserError(f"{where}: answer_paragraphs is no list of paragraphs: take the original file.")
        answers = [Row(where, one) for one in paragraphs]
        passages = [Text(where, one.id("paragraph_id"), one.text("paragraph_text")) for one in answers]
        # Some questions name a passage twice.
        ids = dict.fromkeys(passage.id for passage in passages)
        yield query, [Judgement(where, query.id, identifier, 1) for identifier in ids], passages


def _passages(files: HubFiles, expected: Mapping[str, str]) -> Iterator[Text]:
    """The passages: cells `query, title, passage, label`, of which the passage is filled and the title may be."""
    ids = _ids(files)
    parts = sorted(name for name in files.names if name.startswith(f"{_PASSAGES}/part-"))
    number = 0
    for name in parts:
        for where, found in cells(files.path(name)):
            if str(number) not in ids:
                raise UserError(f"{where}: {_IDS} has no id of row {number}: take both from one archive.")
            identifier = ids[str(number)]
            number += 1
            title, text = (found[1], found[2]) if len(found) >= 3 else ("", found[-1])
            if identifier in expected and text.strip() != expected[identifier].strip():
                raise UserError(
                    f"{where}: passage {identifier} has another text in {_QUESTIONS}: rows and {_IDS} do not belong "
                    "together; take all files from one archive."
                )
            title = "" if title.strip() == "-" else title.strip()
            yield Text(where, identifier, f"{title} {text.strip()}".strip())
    if number != len(ids):
        raise UserError(
            f"{files.origin} has {number:,} passages in {len(parts)} files and {len(ids):,} ids in {_IDS}: a file of "
            f"{_PASSAGES} is missing or cut."
        )


def _ids(files: HubFiles) -> dict[str, Any]:
    path = files.path(_IDS)
    try:
        found = json.loads(read_text(path, _IDS_BYTES))
    except ValueError as error:
        raise UserError(f"{path} is not JSON: take the original file.") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} is no object of ids by row: take the original file.")
    return found


BENCHMARKS = [
    BenchmarkSource(
        name=_NAME,
        description="2,000 questions to a Chinese search engine, 8.09 million passages, from a local copy",
        licence=_LICENCE,
        origin=_PAGE,
        references=(REFERENCE,),
        measures=_MEASURES,
        load=lambda split, data_dir: load_release(data_dir),
    ),
    HubSet(
        name=f"{_NAME}-100k",
        repository="mteb/DuRetrieval",
        revision="313c81b51311893c8fd09ca432f96b841ed0ebb3",
        split="dev",
        languages={"zh": Counts(100001, _QUERIES, 9839)},
        copies=("C-MTEB/DuRetrieval",),
    ).source(
        description="the same questions, 100,001 passages, as mteb has them: no numbers of the full pool",
        licence=_LICENCE,
        references=(REFERENCE,),
        measures=_MEASURES,
    ),
]
