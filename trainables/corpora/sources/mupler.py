"""MuPLeR: passages of EU law that are translations of each other, and questions about them, in 14 languages."""

from trainables.corpora.retrieval.build import Counts
from trainables.corpora.retrieval.published import HubSet

LANGUAGES = ("el", "en", "es", "fi", "fr", "it", "lt", "lv", "nl", "pl", "pt", "sk", "sl", "sv")

PUBLISHED = HubSet(
    name="mupler",
    repository="mteb/MuPLeR-retrieval",
    revision="43dff1bca775c1298511f6776f0ac1d5cc144ccb",
    languages=dict.fromkeys(LANGUAGES, Counts(documents=10_000, queries=200, relevant=200)),
    prefixed=True,
    parallel=True,
)

REFERENCES = (
    """@misc{herranen2026mupler,
  author = {Elias Herranen},
  title  = {{MuPLeR}: Multilingual Parallel Legal Retrieval},
  year   = {2026},
  url    = {https://huggingface.co/datasets/eherra/MuPLeR-retrieval}
}""",
    """@article{steinberger2014overview,
  author  = {Ralf Steinberger and Mohamed Ebrahim and Alexandros Poulis and Manuel Carrasco-Benitez and others},
  title   = {An Overview of the {E}uropean {U}nion's Highly Multilingual Parallel Corpora},
  journal = {Language Resources and Evaluation},
  year    = {2014}
}""",
)

BENCHMARK = PUBLISHED.source(
    description="200 questions and 10,000 passages of EU law, parallel in 14 languages",
    licence="EUPL-1.2",
    references=REFERENCES,
    measures=("ndcg@10",),
)
