"""BEIR-PL: sets of BEIR and the forums of CQADupStack, translated into Polish by machine."""

from trainables.corpora.retrieval.build import Counts
from trainables.corpora.retrieval.published import HubSet
from trainables.corpora.sources import cqadupstack
from trainables.corpora.sources.base import BenchmarkSource, Collection

REFERENCE = """@misc{wojtasik2024beirpl,
  author    = {Konrad Wojtasik and Vadim Shishkin and Kacper Wołowiec and Arkadiusz Janz and Maciej Piasecki},
  title     = {{BEIR-PL}: Zero Shot Information Retrieval Benchmark for the {P}olish Language},
  eprint    = {2305.19840},
  year      = {2024}
}"""

_BY_SA, _NOT_STATED = "CC-BY-SA-4.0", "not-stated"


def _source(
    name: str, repository: str, revision: str, counts: Counts, licence: str, ignore_identical_ids: bool = False
) -> BenchmarkSource:
    return HubSet(
        name=name,
        repository=f"mteb/{repository}",
        revision=revision,
        languages={"pl": counts},
        ignore_identical_ids=ignore_identical_ids,
    ).source(
        description=f"{repository}: {counts.queries:,} queries, {counts.documents:,} documents, Polish by machine",
        licence=licence,
        non_commercial="NC" in licence.split("-"),
        references=(REFERENCE,),
    )


_SETS = [
    _source(
        "beir-pl-arguana",
        "ArguAna-PL",
        "0019de73979daf75f6526a0fc5ef77ebce27b8f9",
        Counts(8674, 1406, 1406),
        _BY_SA,
        True,
    ),
    _source(
        "beir-pl-dbpedia", "DBPedia-PL", "02df64930a070bf7cc14f9a1bd52d996b567eea5", Counts(4635922, 400, 15286), "MIT"
    ),
    _source(
        "beir-pl-fiqa",
        "FiQA-PL",
        "788508256800f93c2ad033e96243bc801f9ee525",
        Counts(57638, 648, 1706),
        _NOT_STATED,
        True,
    ),
    _source(
        "beir-pl-hotpotqa",
        "HotpotQA-PL",
        "49835d4dc7312e5d8df554462438f0b65c8ef6a6",
        Counts(5233329, 7405, 14810),
        _BY_SA,
    ),
    _source(
        "beir-pl-msmarco",
        "MSMARCO-PL",
        "a4c521ec67407f75c0df31815d2032f0e232c6a7",
        Counts(8841823, 43, 4102),
        "MSR-LA-NC",
        True,
    ),
    _source(
        "beir-pl-nfcorpus", "NFCorpus-PL", "3f30ff532ac2f61a585673ee7634301ef52b1ad3", Counts(3633, 323, 12334), _BY_SA
    ),
    _source("beir-pl-nq", "NQ-PL", "b784c0399830a24e4ce0f9df2bb5b6be7fc8b246", Counts(2681468, 3452, 4201), _BY_SA),
    _source(
        "beir-pl-quora", "Quora-PL", "be9af3403db0afb13aa0837a047271b6eb073c58", Counts(522931, 10000, 15675), _BY_SA
    ),
    _source(
        "beir-pl-scidocs", "SCIDOCS-PL", "de1caaae2a2880b02023b7fdd36fad58e2470cc1", Counts(25657, 1000, 4928), _BY_SA
    ),
    _source(
        "beir-pl-scifact", "SciFact-PL", "d9707265734052a21d5892b6300ca11028fa067b", Counts(5183, 300, 339), _BY_SA
    ),
    _source(
        "beir-pl-touche2020",
        "Touche2020-PL",
        "ec535fbc3776cfc96d72ad0cb5e8f81e74b2fd4e",
        Counts(382545, 49, 932),
        _NOT_STATED,
    ),
    _source(
        "beir-pl-trec-covid",
        "TRECCOVID-PL",
        "1e710582482d4199ff690e5dd2491a70627523f5",
        Counts(171332, 50, 24675),
        _NOT_STATED,
    ),
]

_HARD = [
    _source(
        "beir-pl-dbpedia-hard",
        "DBPedia-PLHardNegatives",
        "ec0b954f7f7365a11ab2b920ff37cc2c3b79fce3",
        Counts(88542, 400, 15286),
        "MIT",
    ),
    _source(
        "beir-pl-hotpotqa-hard",
        "HotpotQA-PLHardNegatives",
        "5e60f7c366d400eb813602f0f72b9e2ca839f132",
        Counts(212774, 1000, 2000),
        _BY_SA,
    ),
    _source(
        "beir-pl-msmarco-hard",
        "MSMARCO-PLHardNegatives",
        "a405b2712e5b06632b06636f7aeef617467d1c13",
        Counts(9481, 43, 4102),
        "MSR-LA-NC",
        True,
    ),
    _source(
        "beir-pl-nq-hard",
        "NQ-PLHardNegatives",
        "cd0cab9433aa7f4e939883d822fb93e362fd493a",
        Counts(184765, 1000, 1213),
        "CC-BY-NC-SA-3.0",
    ),
    _source(
        "beir-pl-quora-hard",
        "Quora-PLHardNegatives",
        "f9135f0b4610db2225a957c1dd68960b5c572270",
        Counts(172031, 1000, 1641),
        _BY_SA,
    ),
]

_FORUMS = [
    _source(
        f"cqadupstack-pl-{forum}",
        f"CQADupstack-{forum.title()}-PL",
        revision,
        cqadupstack.PUBLISHED[forum],
        _NOT_STATED,
    )
    for forum, revision in {
        "android": "1f7d469f28e94c23164476fc4115f14fb3b95a6c",
        "english": "27402a7ed3c8a51f45f2a84cb7dfaf6ab4729dad",
        "gaming": "7ae0bc1b9a8a1d5a8587a464e25c853552302ce7",
        "gis": "784afb42ad5c0f2e71630644a32f08645bbc87fa",
        "mathematica": "f8c9c441534d4823bf9b06573e239841900dec3e",
        "physics": "a61c9ba627e0fa44b85578812577e6665a60661c",
        "programmers": "6536329882b0f06bf6406fdafedc434603fe8ed9",
        "stats": "c1fac8ba4c0f1ed59910f5278c6bf071008b0180",
        "tex": "7e24a1d7543917b655899680f7e03fed3fe967d4",
        "unix": "f41e1fefa91ccb25964afb24e193d1e2a14bb4a3",
        "webmasters": "aca4f7fb71a6d367e1c8f5e3fda118a4bcdb41d3",
        "wordpress": "b93d34a19cea03d6c7b00e261eccace6b29535ee",
    }.items()
]

BENCHMARKS = [*_SETS, *_HARD, *_FORUMS]

COLLECTIONS = [
    Collection(
        name="beir-pl",
        description="BEIR-PL; the forums of CQADupStack are one of 13",
        members=(*(source.name for source in _SETS), "cqadupstack-pl"),
    ),
    Collection(
        name="beir-pl-hard",
        description="its large sets with small pools of hard negatives",
        members=tuple(source.name for source in _HARD),
    ),
    Collection(
        name="cqadupstack-pl", description="its twelve forums", members=tuple(source.name for source in _FORUMS)
    ),
]
