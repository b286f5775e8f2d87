"""BEIR: a folder with `corpus.jsonl`, `queries.jsonl` and `qrels/train.tsv`."""

from trainables.corpora.training_files.judged_files import Names, judged_layout

LAYOUT = judged_layout(
    "beir_folder",
    "a folder of BEIR with judgements for training",
    "files corpus.jsonl, queries.jsonl, qrels/train.tsv",
    Names(
        queries=r"queries\.jsonl",
        passages=r"corpus\.jsonl",
        judgements=r"(train|dev|test)\.tsv",
    ),
)
