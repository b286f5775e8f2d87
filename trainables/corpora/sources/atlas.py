"""The atlas: the embedded question-passage set in eleven languages, built at first use from the Unicode CLDR.

An item is a fact ("the currency of France"): a question and a passage in every language, all naming the territory.
Facts are held out, not territories: two facts of a held-out territory go to the dev or test set, the others stay in
training. The two are each other's hardest candidates, since only the relation tells them apart. Texts are not held
out: dev and test share their wordings with training on purpose, so that no overlap of texts is looked for between them.
"""

from collections.abc import Sequence
from functools import cache

from trainables.corpora.atlas.facts import LANGUAGES, Fact, facts
from trainables.corpora.atlas.wordings import WORDINGS
from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.corpora.hashes import number_of
from trainables.corpora.items import PairItem
from trainables.corpora.sources.base import BenchmarkSource, TrainingSource

NAME = "atlas"
SPLITS = ("dev", "test")

_TERRITORIES = {"test": 75, "dev": 50}
"""How many territories lend two facts each."""


@cache
def atlas_training() -> tuple[PairItem, ...]:
    """Returns the training items; every fact is its own group, since no question is answered by another fact."""
    return tuple(_item(fact) for fact in _split()["train"])


@cache
def atlas_benchmark(split: str) -> Benchmark:
    """Returns the held-out facts of one of `SPLITS`: one question and one candidate per fact and language.

    The passages of a fact in all languages are relevant to its question in any language.
    """
    items = [_item(fact) for fact in _split()[split]]
    queries = [Query(item.id, language, item.query[language]) for item in items for language in LANGUAGES]
    candidates = [
        Candidate(f"{item.id}:{language}", language, item.passage[language]) for item in items for language in LANGUAGES
    ]
    width = len(LANGUAGES)
    relevant = [range(q - q % width, q - q % width + width) for q in range(len(queries))]
    return benchmark(_benchmark_name(split), queries, candidates, relevant)


@cache
def _split() -> dict[str, tuple[Fact, ...]]:
    """The facts of each split, decided by hash, so that they look random and never change."""
    by_territory: dict[str, list[Fact]] = {}
    for fact in sorted(facts(), key=lambda fact: number_of("fact", fact.id)):
        by_territory.setdefault(fact.territory, []).append(fact)
    # A territory lends two facts only if it keeps one for training.
    lenders = sorted(
        (t for t, known in by_territory.items() if len(known) >= 3), key=lambda t: number_of("held out", t)
    )
    held_out: dict[str, str] = {}
    start = 0
    for name, count in _TERRITORIES.items():
        held_out |= {
            fact.id: name for territory in lenders[start : start + count] for fact in by_territory[territory][:2]
        }
        start += count
    return {
        name: tuple(fact for fact in facts() if held_out.get(fact.id, "train") == name)
        for name in ("train", "dev", "test")
    }


def _item(fact: Fact) -> PairItem:
    query, passage = {}, {}
    for language in LANGUAGES:
        wording = WORDINGS[fact.relation][language]
        names = {"place": fact.place[language], "answer": fact.answer[language]}
        query[language] = _pick(wording.questions, "question", fact.id, language).format(**names)
        passage[language] = _pick(wording.passages, "passage", fact.id, language).format(**names)
    return PairItem(fact.id, fact.id, query, passage)


def _benchmark_name(split: str) -> str:
    return f"{NAME}-{split}"


def _pick(wordings: Sequence[str], *key: str) -> str:
    """One of the wordings, drawn for each fact and language afresh: a wording never gives away a match."""
    return wordings[number_of(*key) % len(wordings)]


_DESCRIPTION = "facts about territories from CLDR, 11 languages, built in"
_LICENCE = "Unicode-3.0"

BENCHMARK = BenchmarkSource(
    name=NAME,
    description=_DESCRIPTION,
    licence=_LICENCE,
    splits=SPLITS,
    load=lambda split, data_dir: atlas_benchmark(split),
)

TRAINING = TrainingSource(
    name=NAME,
    description=_DESCRIPTION,
    licence=_LICENCE,
    load=lambda data_dir: list(atlas_training()),
    dev=NAME,
    overlap_exempt=frozenset(map(_benchmark_name, SPLITS)),
)
