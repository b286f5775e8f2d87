"""The layouts of training files."""

from trainables.corpora.training_files import (
    beir,
    bitext,
    captions,
    flag_embedding,
    mintaka,
    miracl,
    mkqa,
    ms_marco,
    rows,
    sentence_transformers,
    squad,
    tevatron,
    tmx,
    triples,
    whole_items,
)
from trainables.corpora.training_files.layout import FileLayout, RecordLayout
from trainables.registry import Registry


def _name(layout: RecordLayout | FileLayout) -> str:
    return layout.name


LAYOUTS: Registry[RecordLayout | FileLayout] = Registry(
    "layout of training files",
    _name,
    [
        whole_items.LAYOUT,
        rows.LAYOUT,
        sentence_transformers.LAYOUT,
        flag_embedding.LAYOUT,
        tevatron.LAYOUT,
        squad.LAYOUT,
        mintaka.LAYOUT,
        mkqa.LAYOUT,
        captions.LAYOUT,
        triples.TRIPLES,
        triples.PAIRS,
        bitext.TATOEBA,
        bitext.BITEXT_TABLE,
        bitext.MOSES,
        tmx.LAYOUT,
        ms_marco.LAYOUT,
        miracl.LAYOUT,
        beir.LAYOUT,
    ],
)
