"""NanoBEIR in eleven languages: 13 sets of BEIR with fifty queries each and small pools, translated by machine.

Ids are those of the English sets in every language: queries and documents are parallel.
"""

from trainables.corpora.retrieval.build import Counts
from trainables.corpora.retrieval.published import HubSet
from trainables.corpora.sources.base import BenchmarkSource, Collection

REFERENCE = """@misc{liquidai2026nanobeir,
  author    = {{Liquid AI}},
  title     = {{NanoBEIR} multilingual extended},
  year      = {2026}
}"""

LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "ja", "ko", "no", "pt", "sv")


def _source(short: str, name: str, revision: str, counts: Counts) -> BenchmarkSource:
    return HubSet(
        name=f"nano-beir-{short}",
        repository=f"mteb/MultilingualNano{name}Retrieval",
        revision=revision,
        languages=dict.fromkeys(LANGUAGES, counts),
        prefixed=True,
        parallel=True,
    ).source(
        description=f"{counts.queries} queries and {counts.documents} documents in each of 11 languages, by machine",
        licence="CC-BY-4.0",
        references=(REFERENCE,),
    )


BENCHMARKS = [
    _source("arguana", "ArguAna", "c0b2a891577e87141baf768b28e7acb997ac5680", Counts(3635, 50, 50)),
    _source("climate-fever", "ClimateFever", "2fe8eb61630d248dc0bd1a13e4b7f6406b4a3e2a", Counts(3408, 50, 148)),
    _source("dbpedia", "DBPedia", "d190b64f4888205f70b5bfdd4fdf806100139dd0", Counts(6045, 50, 1158)),
    _source("fever", "FEVER", "58c0c39b5718de4c64ba115e30ae830f25fc6c62", Counts(4996, 50, 57)),
    _source("fiqa", "FiQA2018", "6af7d1d165dab5c41840440ee33373d3a459483a", Counts(4598, 50, 123)),
    _source("hotpotqa", "HotpotQA", "d226781cb805c360229d14c2efa8672d11226075", Counts(5090, 50, 100)),
    _source("msmarco", "MSMARCO", "f579311c703483afcec3062f58fe69e9f0813843", Counts(5043, 50, 50)),
    _source("nfcorpus", "NFCorpus", "4484b487f178125827f7dda052f1b2f5673548d6", Counts(2953, 50, 2518)),
    _source("nq", "NQ", "4104e3376fe243f0bd4845e204b01c0fc3f7d1d7", Counts(5035, 50, 57)),
    _source("quora", "Quora", "eb9418faade7449e869be388846f287aa3535b64", Counts(5046, 50, 70)),
    _source("scidocs", "SCIDOCS", "06cff48c8ebea5f46e3effa29573fc22a5b9d8fc", Counts(2210, 50, 244)),
    _source("scifact", "SciFact", "3e75543b8006c013ec14d36a17dd3010eb139f72", Counts(2919, 50, 56)),
    _source("touche2020", "Touche2020", "cc244b553d65a88fb66d913907146fe4c33aef29", Counts(5745, 49, 932)),
]

COLLECTION = Collection(
    name="nano-beir",
    description="13 small sets of BEIR in 11 languages, parallel",
    members=tuple(source.name for source in BENCHMARKS),
)
