"""MIRACL and Mr. TyDi as they are published: topics, judgements and a corpus for each language.

Ids are not shared by languages: an item is in one. Passages that are judged and not relevant are hard negatives.
"""

from trainables.corpora.training_files.judged_files import Names, judged_layout

LAYOUT = judged_layout(
    "miracl_files",
    "MIRACL and Mr. TyDi: topics, judgements and corpus",
    "files topics*.tsv, qrels*, and docs*.jsonl or corpus*.jsonl",
    Names(
        queries=r"topics?\..*tsv",
        passages=r"(docs|corpus).*\.jsonl",
        judgements=r"qrels\..*",
    ),
)
