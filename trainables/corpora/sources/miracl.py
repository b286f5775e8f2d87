"""MIRACL: questions and Wikipedia passages in 18 languages, each language with questions and judgements of its own.

`miracl` has the full pools and `miracl-hard` the first 250 passages of three systems per query, as mteb has them, with
relevant passages only; `miracl-original` is the authors' release, with the passages that were judged irrelevant.
"""

from collections.abc import Sequence
from pathlib import Path

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.hub import MAIN, hub_files
from trainables.corpora.retrieval.build import Counts, retrieval_benchmark
from trainables.corpora.retrieval.published import HubSet, with_languages
from trainables.corpora.retrieval.trec import miracl_parts
from trainables.corpora.sources.base import BenchmarkSource

REFERENCE = """@article{zhang2023miracl,
  author    = {Xinyu Zhang and Nandan Thakur and Odunayo Ogundepo and Ehsan Kamalloo and others},
  title     = {{MIRACL}: A Multilingual Retrieval Dataset Covering 18 Diverse Languages},
  journal   = {Transactions of the Association for Computational Linguistics},
  year      = {2023}
}"""

_LICENCE = "Apache-2.0"

_FULL = {
    "ar": Counts(2061414, 2896, 5658),
    "bn": Counts(297265, 411, 863),
    "de": Counts(15866222, 305, 811),
    "en": Counts(32893221, 799, 2326),
    "es": Counts(10373953, 648, 2987),
    "fa": Counts(2207172, 632, 1314),
    "fi": Counts(1883509, 1271, 2447),
    "fr": Counts(14636953, 343, 731),
    "hi": Counts(506264, 350, 752),
    "id": Counts(1446315, 960, 3088),
    "ja": Counts(6953614, 860, 1790),
    "ko": Counts(1486752, 213, 547),
    "ru": Counts(9543918, 1252, 3560),
    "sw": Counts(131924, 482, 910),
    "te": Counts(518079, 828, 854),
    "th": Counts(542166, 733, 1343),
    "yo": Counts(49043, 119, 144),
    "zh": Counts(4934368, 393, 994),
}

_HARD = {
    "ar": Counts(192103, 1000, 1982),
    "bn": Counts(297265, 411, 863),
    "de": Counts(71277, 305, 811),
    "en": Counts(178768, 799, 2326),
    "es": Counts(146750, 648, 2987),
    "fa": Counts(133596, 632, 1314),
    "fi": Counts(194415, 1000, 1918),
    "fr": Counts(75357, 343, 731),
    "hi": Counts(63066, 350, 752),
    "id": Counts(168173, 960, 3088),
    "ja": Counts(185319, 860, 1790),
    "ko": Counts(43293, 213, 547),
    "ru": Counts(219114, 1000, 2833),
    "sw": Counts(131924, 482, 910),
    "te": Counts(101961, 828, 854),
    "th": Counts(116649, 733, 1343),
    "yo": Counts(49043, 119, 144),
    "zh": Counts(81309, 393, 994),
}

_SPLIT = "dev"
_ORIGINAL = "miracl-original"
_RELEASE = {language: Counts(counts.documents, counts.queries) for language, counts in _FULL.items()}


def _load_release(languages: Sequence[str], data_dir: Path | None) -> Benchmark:
    """Both repositories are gated; a local copy may hold the folders of both."""
    topics = hub_files("miracl/miracl", MAIN, data_dir)
    corpus = hub_files("miracl/miracl-corpus", MAIN, data_dir, copies=("miracl",))
    parts = miracl_parts(topics, corpus, languages or list(_RELEASE), _SPLIT, _RELEASE)
    return retrieval_benchmark(with_languages(_ORIGINAL, languages), parts)


def _set(name: str, repository: str, revision: str, counts: dict[str, Counts], description: str) -> BenchmarkSource:
    return HubSet(
        name=name, repository=repository, revision=revision, split=_SPLIT, languages=counts, prefixed=True
    ).source(description=description, licence=_LICENCE, references=(REFERENCE,))


BENCHMARKS = [
    _set(
        "miracl",
        "mteb/MIRACLRetrieval",
        "9c09abc13478308c27598f350e31d8f06b9b5481",
        _FULL,
        "questions in 18 languages, 106 million Wikipedia passages; choose languages: miracl:sw,yo",
    ),
    _set(
        "miracl-hard",
        "mteb/MIRACLRetrievalHardNegatives",
        "d7d94fa4b946cec4a27c84653aa0cf6b33f74a3c",
        _HARD,
        "the same questions (at most 1,000 a language), 2.4 million passages of hard negatives",
    ),
    BenchmarkSource(
        name=_ORIGINAL,
        description="the authors' release of miracl, with judged negatives; needs a token, or a copy",
        licence=_LICENCE,
        references=(REFERENCE,),
        measures=("ndcg@10", "recall@100"),
        load=lambda split, data_dir: _load_release((), data_dir),
        languages=tuple(_RELEASE),
        load_languages=_load_release,
    ),
]
