"""CQADupStack: duplicate questions of twelve forums, each a benchmark of its own; what is published is their mean."""

from trainables.corpora.retrieval.build import Counts
from trainables.corpora.retrieval.published import HubSet
from trainables.corpora.sources.base import BenchmarkSource, Collection

REFERENCE = """@inproceedings{hoogeveen2015cqadupstack,
  author    = {Doris Hoogeveen and Karin M. Verspoor and Timothy Baldwin},
  title     = {{CQADupStack}: A Benchmark Data Set for Community Question-Answering Research},
  booktitle = {Proceedings of ADCS},
  year      = {2015}
}"""

PUBLISHED = {
    "android": Counts(22998, 699, 1696),
    "english": Counts(40221, 1570, 3765),
    "gaming": Counts(45301, 1595, 2263),
    "gis": Counts(37637, 885, 1114),
    "mathematica": Counts(16705, 804, 1358),
    "physics": Counts(38316, 1039, 1933),
    "programmers": Counts(32176, 876, 1675),
    "stats": Counts(42269, 652, 913),
    "tex": Counts(68184, 2906, 5154),
    "unix": Counts(47382, 1072, 1693),
    "webmasters": Counts(17405, 506, 1395),
    "wordpress": Counts(48605, 541, 744),
}
"""By forum; translations have the same counts."""

_REVISIONS = {
    "android": "9be4c0e46342e8e3aff577a89b9a1ec9bc6b4af3",
    "english": "ad9991cb51e31e31e430383c75ffb2885547b5f0",
    "gaming": "4885aa143210c98657558c04aaf3dc47cfb54340",
    "gis": "5003b3064772da1887988e05400cf3806fe491f2",
    "mathematica": "90fceea13679c63fe563ded68f3b6f06e50061de",
    "physics": "79531abbd1fb92d06c6d6315a0cbbbf5bb247ea4",
    "programmers": "6184bc1440d2dbc7612be22b50686b8826d22b32",
    "stats": "65ac3a16b8e91f9cee4c9828cc7c335575432a2a",
    "tex": "46989137a86843e03a6195de44b09deda022eec7",
    "unix": "6c6430d3a6d36f8d2a829195bc5dc94d7e063e53",
    "webmasters": "160c094312a0e1facb97e55eeddb698c0abe3571",
    "wordpress": "4ffe81d471b1924886b33c7567bfb200e9eec5c4",
}


def _source(forum: str) -> BenchmarkSource:
    return HubSet(
        name=f"cqadupstack-{forum}",
        # One of the twelve has another id.
        repository="mteb/CQADupstackAndroidRetrieval" if forum == "android" else f"mteb/cqadupstack-{forum}",
        revision=_REVISIONS[forum],
        languages={"en": PUBLISHED[forum]},
        copies=(f"cqadupstack/{forum}", f"cqadupstack-{forum}"),
    ).source(
        description=f"duplicate questions of the forum {forum}: {PUBLISHED[forum].queries} queries, English",
        licence="Apache-2.0",
        references=(REFERENCE,),
    )


BENCHMARKS = [_source(forum) for forum in PUBLISHED]

COLLECTION = Collection(
    name="cqadupstack",
    description="twelve forums; what is published is their mean",
    members=tuple(source.name for source in BENCHMARKS),
)
