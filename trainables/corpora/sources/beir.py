"""BEIR: retrieval in English over many subjects (its public sets), with the versions that were made of it later.

The sets are those of `mteb/...` on the hub. A local copy may also be that of `BeIR/...` with its `...-qrels`, or a
folder of BEIR's own archives.
"""

from trainables.corpora.retrieval.build import Counts
from trainables.corpora.retrieval.published import HubSet
from trainables.corpora.sources import cqadupstack
from trainables.corpora.sources.base import BenchmarkSource, Collection

REFERENCE = """@inproceedings{thakur2021beir,
  author    = {Nandan Thakur and Nils Reimers and Andreas R{\\"u}ckl{\\'e} and Abhishek Srivastava and Iryna Gurevych},
  title     = {{BEIR}: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval Models},
  booktitle = {Proceedings of NeurIPS Datasets and Benchmarks},
  year      = {2021}
}"""

NOT_STATED = "not-stated"


def _source(
    short: str,
    repository: str,
    revision: str,
    counts: Counts,
    licence: str,
    subject: str,
    *,
    split: str = "test",
    ignore_identical_ids: bool = False,
    copies: tuple[str, ...] = (),
) -> BenchmarkSource:
    return HubSet(
        name=f"beir-{short}",
        repository=f"mteb/{repository}",
        revision=revision,
        split=split,
        languages={"en": counts},
        ignore_identical_ids=ignore_identical_ids,
        copies=(f"BeIR/{short}", short, *copies),
    ).source(
        description=f"{subject}: {_number(counts.queries)} queries, {_number(counts.documents)} documents, English",
        licence=licence,
        non_commercial="NC" in licence.split("-"),
        references=(REFERENCE,),
    )


def _number(count: int | None) -> str:
    return "many" if count is None else f"{count:,}"


_SETS = [
    _source(
        "arguana", "arguana", "c22ab2a51041ffd869aaddef7af8d8215647e41a",
        Counts(8674, 1406, 1406), "CC-BY-SA-4.0", "counterarguments", ignore_identical_ids=True,
    ),
    _source(
        "climate-fever", "climate-fever", "47f2ac6acb640fc46020b02a5b59fdda04d39380",
        Counts(5416593, 1535, 4681), "CC-BY-SA-4.0", "evidence for claims about the climate",
    ),
    _source(
        "dbpedia", "dbpedia", "c0f706b76e590d620bd6618b3ca8efdd34e2d659",
        Counts(4635922, 400, 15286), "MIT", "entities", copies=("BeIR/dbpedia-entity", "dbpedia-entity"),
    ),
    _source(
        "fever", "fever", "bea83ef9e8fb933d90a2f1d5515737465d613e12",
        Counts(5416568, 6666, 7937), "CC-BY-NC-SA-3.0", "evidence for claims", ignore_identical_ids=True,
    ),
    _source(
        "fiqa", "fiqa", "27a168819829fe9bcd655c2df245fb19452e8e06",
        Counts(57638, 648, 1706), NOT_STATED, "questions about finance", ignore_identical_ids=True,
    ),
    _source(
        "hotpotqa", "hotpotqa", "ab518f4d6fcca38d87c25209f94beba119d02014",
        Counts(5233329, 7405, 14810), "CC-BY-SA-4.0", "questions with two supporting passages",
    ),
    _source(
        "nfcorpus", "nfcorpus", "ec0fa4fe99da2ff19ca1214b7966684033a58814",
        Counts(3633, 323, 12334), NOT_STATED, "nutrition and medicine",
    ),
    _source(
        "nq", "nq", "b774495ed302d8c44a3a7ea25c90dbce03968f31",
        Counts(2681468, 3452, 4201), "CC-BY-NC-SA-3.0", "questions to a search engine",
    ),
    _source(
        "quora", "quora", "e4e08e0b7dbe3c8700f0daef558ff32256715259",
        Counts(522931, 10000, 15675), NOT_STATED, "duplicate questions", ignore_identical_ids=True,
    ),
    _source(
        "scidocs", "scidocs", "f8c2fcf00f625baaa80f62ec5bd9e1fff3b8ae88",
        Counts(25657, 1000, 4928), "CC-BY-SA-4.0", "cited papers",
    ),
    _source(
        "scifact", "scifact", "d56462d0e63a25450459c4f213e49ffdb866f7f9",
        Counts(5183, 300, 339), "CC-BY-NC-4.0", "evidence for scientific claims",
    ),
    _source(
        "touche2020", "touche2020", "a34f9a33db75fa0cbb21bb5cfc3dae8dc8bec93f",
        Counts(382545, 49, 932), "CC-BY-SA-4.0", "arguments", copies=("BeIR/webis-touche2020", "webis-touche2020"),
    ),
    _source(
        "trec-covid", "trec-covid", "bb9466bac8153a0349341eb1b22e06409e78ef4e",
        Counts(171332, 50, 24675), NOT_STATED, "papers on COVID-19",
    ),
]  # fmt: skip

_IN_DOMAIN = _source(
    "msmarco", "msmarco", "c5a29a104738b98a9e76336939199e264163d4a0",
    Counts(8841823, 6980, 7437), "MSR-LA-NC", "questions to a search engine, dev", split="dev",
    ignore_identical_ids=True,
)  # fmt: skip
"""What most encoders of BEIR's tables were trained on, so that no mean over BEIR holds it."""

_HARD = [
    _source(
        f"{short}-hard", f"{name}_test_top_250_only_w_correct-v2", revision, counts, licence,
        f"{short} with the first 250 documents of three systems per query", ignore_identical_ids=ignored,
    )
    for short, name, revision, counts, licence, ignored in (
        ("climate-fever", "ClimateFEVER", "3a309e201f3c2c4b13bd4a367a8f37eee2ec1d21",
         Counts(47416, 1000, 3048), "CC-BY-SA-4.0", False),
        ("dbpedia", "DBPedia", "943ec7fdfef3728b2ad1966c5b6479ff9ffd26c9", Counts(90070, 400, 15286), "MIT", False),
        ("fever", "FEVER", "080c9ed6267b65029207906e815d44a9240bafca",
         Counts(163698, 1000, 1171), "CC-BY-NC-SA-3.0", True),
        ("hotpotqa", "HotpotQA", "617612fa63afcb60e3b134bed8b7216a99707c37",
         Counts(225621, 1000, 2000), "CC-BY-SA-4.0", False),
        ("msmarco", "MSMARCO", "67c0b4f7f15946e0b15cf6cf3b8993d04cb3efc6", Counts(8812, 43, 4102), "MSR-LA-NC", True),
        ("nq", "NQ", "d700fe4f167a5db8e6c9b03e8c26e7eaf66faf97", Counts(198779, 1000, 1213), "CC-BY-NC-SA-3.0", False),
        ("quora", "QuoraRetrieval", "907a33577e9506221d3ba20f5a851b7c3f8dc6d3",
         Counts(177163, 1000, 1641), NOT_STATED, True),
    )
]  # fmt: skip

_VERSION_2 = [
    _source(
        "climate-fever-v2", "climate-fever-v2", "e438c9586767800aeb10dbe8a245c41dbea4e5f4",
        Counts(7675, 1535, 5732), "CC-BY-SA-4.0", "climate-fever with a pool of its own documents",
    ),
    _source(
        "msmarco-v2", "msmarco-v2", "b1663124850d305ab7c470bb0548acf8e2e7ea43",
        Counts(), "MSR-LA-NC", "MS MARCO's second corpus, dev", split="dev",
    ),
    _source(
        "touche2020-v3", "webis-touche2020-v3", "431886eaecc48f067a3975b70d0949ea2862463c",
        Counts(303732, 49, 1712), "CC-BY-SA-4.0", "touche2020 judged again, without short arguments",
    ),
]  # fmt: skip

BENCHMARKS = [*_SETS, _IN_DOMAIN, *_HARD, *_VERSION_2]


COLLECTION = Collection(
    name="beir",
    description="BEIR's public sets without MS MARCO; the forums of CQADupStack are one of 14",
    members=(*(source.name for source in _SETS), cqadupstack.COLLECTION.name),
)

HARD_NEGATIVES = Collection(
    name="beir-hard",
    description="BEIR's large sets with small pools of hard negatives, as mteb has them",
    members=tuple(source.name for source in _HARD),
)

VERSION_2 = Collection(
    name="beir-v2", description="later versions of sets of BEIR", members=tuple(source.name for source in _VERSION_2)
)
