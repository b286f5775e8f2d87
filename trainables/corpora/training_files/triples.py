"""MS MARCO's triples of texts, and pairs of texts, in a table without a header: query TAB positive[ TAB negative].

`triples.train.small.tsv` is known by its name. Other tables without a header need `--train-layout`: a first line of two
texts may as well be a header that is spelt wrongly.
"""

from collections.abc import Iterable, Iterator

from trainables.corpora.training_files.layout import Example, RecordLayout
from trainables.corpora.training_files.questions import question
from trainables.corpora.training_files.records import Reading, Record, required, some_texts, text


def _examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    for number, record in enumerate(records, 1):
        negative = record.fields.get("negative")
        negatives = () if negative is None else some_texts(record.where, "negative", negative, reading)
        asked = text(record.where, "query", required(record, "query"))
        positive = text(record.where, "positive", required(record, "positive"))
        yield from question(record, str(number), asked, [positive], negatives, reading)


TRIPLES = RecordLayout(
    name="text_triples",
    description="MS MARCO's triples of texts, without a header",
    fields="query TAB positive TAB negative",
    recognises=lambda fields: False,
    examples=_examples,
    header=("query", "positive", "negative"),
    recognises_table=lambda file, cells: file.startswith("triples") and len(cells) == 3,
)

PAIRS = RecordLayout(
    name="text_pairs",
    description="questions and passages in two columns, without a header",
    fields="query TAB passage",
    recognises=lambda fields: False,
    examples=_examples,
    header=("query", "positive"),
)
