"""MS MARCO and mMARCO: `collection.tsv`, `queries.train.tsv`, and `qrels.train.tsv` or triples of ids.

mMARCO has a collection and the queries in each language (`german_collection.tsv`, `german_queries.train.tsv`; also
`collection.de.tsv`), whose ids are shared, so that an item has its question and its passage in all of them.
"""

from trainables.corpora.training_files.judged_files import Names, judged_layout

LAYOUT = judged_layout(
    "ms_marco",
    "MS MARCO and mMARCO: ids shared by all languages",
    "files collection*.tsv, queries*.tsv, and qrels*.tsv or triples*ids*.tsv",
    Names(
        queries=r"(\w+[_.-])?queries(\..+)?\.tsv",
        passages=r"(\w+[_.-])?collection(\..+)?\.tsv",
        judgements=r"qrels.*\.(tsv|txt)",
        triples=r"(qidpidtriples.*|triples.*ids.*)\.tsv",
        shared_ids=True,
    ),
)
