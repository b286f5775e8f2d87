"""How long a large training set takes until its first batch, and how much memory.

    python benchmarks/training_rows.py --rows 5000000 --data-dir FOLDER [--folder FOLDER]

The rows are JSON lines as sentence-transformers has them: a question and its passage in one language, English or
Swahili, those of one `parallel_id` translations of each other, so that n rows are n / 2 items and 2 n texts; with
`--whole-items` they are this project's items, each in both languages, so that n rows are 4 n texts. They are made of
random words, a question of 4 to 12 and a passage of 15 to 75, as long as those of MS MARCO; one text in a thousand
holds a passage of XQuAD-R. They then go the way of a study: read, guarded against XQuAD-R, split, guarded against the
dev set, aligned, planned, and the first batch of both kinds is drawn. Printed are the seconds, those of the processor,
and the peak of memory at the end of every stage, what of it is a file mapped into memory included. Leaves with status 1
at more than 4 GB.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from trainables.batches.config import BatchConfig
from trainables.batches.planner import BatchPlanner
from trainables.corpora.dev_split import split_dev
from trainables.corpora.overlap import drop_overlap, find_overlap
from trainables.corpora.pair_files import Asked
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.registry import load_benchmark
from trainables.corpora.training_sets import read_training
from trainables.memory import peak_gib

MOST_GIB = 4e9 / 2**30
LANGUAGES = ("en", "sw")
WORDS = 50_000
KNOWN_EVERY = 1000


def words_of(language: str) -> list[str]:
    """The words of a language, of 2 to 10 letters."""
    generator = random.Random(language)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(generator.choices(letters, k=generator.randint(2, 10))) for _ in range(WORDS)]


def texts_of(known: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yields (language, question, passage) without an end, the languages in turn."""
    generator = random.Random(0)
    words = {language: words_of(language) for language in LANGUAGES}
    for number, language in enumerate(cycle(LANGUAGES)):
        own = words[language]
        question = " ".join(generator.choices(own, k=generator.randint(4, 12))) + "?"
        passage = " ".join(generator.choices(own, k=generator.randint(15, 75))) + "."
        if number % KNOWN_EVERY == 0:
            passage += f" {generator.choice(known)}"
        yield language, question, passage


def write_rows(path: Path, rows: int, known: list[str], whole_items: bool) -> None:
    """Writes so many rows."""
    texts = texts_of(known)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            if whole_items:
                sides = list(islice(texts, len(LANGUAGES)))
                row = {
                    "id": f"item-{number}",
                    "query": {language: question for language, question, _ in sides},
                    "passage": {language: passage for language, _, passage in sides},
                }
            else:
                language, question, passage = next(texts)
                item = number // len(LANGUAGES)
                row = {
                    "anchor": question,
                    "positive": passage,
                    "language": language,
                    "parallel_id": f"item-{item}",
                }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Prints what a stage took."""
    start, used = time.perf_counter(), time.process_time()
    yield
    seconds, used = time.perf_counter() - start, time.process_time() - used
    print(f"  {name:34} {seconds:8.1f} s ({used:6.1f} s of a core)   peak {peak_gib():6.2f} GiB", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--whole-items", action="store_true", help="every row is an item in both languages")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that holds xquad-r/")
    parser.add_argument("--folder", type=Path, help="where the rows are written; default: a temporary folder")
    arguments = parser.parse_args()
    judged = load_benchmark("xquad-r", "test", arguments.data_dir)
    with TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "rows.jsonl"
        known = [judged.candidate_texts[n] for n in range(0, len(judged.candidate_texts), 97)]
        write_rows(path, arguments.rows, known, arguments.whole_items)
        print(f"{arguments.rows:,} rows, {path.stat().st_size / 1e9:.2f} GB", flush=True)
        start = time.perf_counter()
        with stage("read"):
            read = read_training([str(path)], None, Asked(), Path(folder))
            sets = {name: one.items for name, one in read.items()}
        with stage("guard against xquad-r"):
            overlap = find_overlap(sets, [judged])
            sets = drop_overlap(sets, overlap)
        with stage("dev split"):
            sets, dev = split_dev(sets)
        with stage("guard against the dev set"):
            sets = drop_overlap(sets, find_overlap(sets, [dev]))
        with stage("training data"):
            data = training_data(sets)
        with stage("planner"):
            planner = BatchPlanner.of(data, BatchConfig(size=1024), seed=0)
        with stage("first batch of both kinds"):
            batches = [planner.batch(0, "mono"), planner.batch(0, "cross")]
            texts = [data.texts[text] for batch in batches for text in (*batch.query_text, *batch.passage_text)]
    print(
        f"{len(data):,} items and {len(data.texts):,} texts, {overlap.counts()} dropped, {len(texts):,} texts drawn: "
        f"{time.perf_counter() - start:.0f} s, {peak_gib():.2f} GiB, fingerprint {data.fingerprint[:12]}"
    )
    return int(peak_gib() > MOST_GIB)


if __name__ == "__main__":
    sys.exit(main())
