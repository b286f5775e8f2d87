"""MLQA-R: questions of MLQA's dev set, each in two to four of seven languages, and the sentences that answer them."""

from trainables.corpora.lareqa import REFERENCE, REPOSITORY, PublishedFile, SentenceBenchmark
from trainables.corpora.sources.base import BenchmarkSource

PUBLISHED = SentenceBenchmark(
    "mlqa-r",
    # The repository's later commits do not have these files any more.
    f"{REPOSITORY}/354d67d1cd066854cdfbf5ad0e6105528976141d/mlqa-r",
    {
        "ar": PublishedFile(517, 2545, "2132fbc03208535c0fe01f2e2c5121d06f9c2aa799af93b0a719dbc105bdf137"),
        "de": PublishedFile(512, 2362, "ce9454dc5aa6f2d85c23cd6e49cb367fbb7c4c6e62d7f71e355c6b5dae4d0886"),
        "en": PublishedFile(1148, 6264, "fedd9a5cc0848dda80caf84aa36f482adaae230526a3f6e9e86926a93ef3b1e4"),
        "es": PublishedFile(500, 1787, "70ecba276b8c96a692b120693a595d076ce94ad21d4b28311538a9fcbfe0f9d7"),
        "hi": PublishedFile(507, 2426, "4dd0fb3c06f737a5481d705bc1dcac7876712a5815c9265908fbb3a0696cb654"),
        "vi": PublishedFile(511, 2828, "9d3baff6ba03e6793b25594217265ea59a136b9733833dca8a9582a84a78ff85"),
        "zh": PublishedFile(504, 2322, "57f01d2fff50cf3392805635b01445339f225ad5bf28ba8443b12f8dbd1e69dc"),
    },
)

REFERENCE_OF_QUESTIONS = """@inproceedings{lewis2020mlqa,
  author    = {Patrick Lewis and Barlas Oguz and Ruty Rinott and Sebastian Riedel and Holger Schwenk},
  title     = {{MLQA}: Evaluating Cross-lingual Extractive Question Answering},
  booktitle = {Proceedings of ACL},
  year      = {2020}
}"""

BENCHMARK = BenchmarkSource(
    name=PUBLISHED.name,
    description="LAReQA MLQA-R: 1,148 questions in 2 to 4 of 7 languages, 20,534 sentences",
    licence="CC-BY-NC-4.0",
    origin=PUBLISHED.url,
    non_commercial=True,
    references=(REFERENCE, REFERENCE_OF_QUESTIONS),
    load=lambda split, data_dir: PUBLISHED.load(data_dir),
)
