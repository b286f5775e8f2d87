"""TMX 1.4, the exchange format of translation memories (OPUS): units of segments in two or more languages."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from trainables.corpora.text_files import open_text, without_packing
from trainables.corpora.training_files.bitext import both_ways
from trainables.corpora.training_files.layout import Example, FileLayout
from trainables.corpora.training_files.records import Reading, is_empty
from trainables.errors import UserError

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def _sets(files: Sequence[Path]) -> list[tuple[str, tuple[Path, ...]]]:
    return [(without_packing(path).stem, (path,)) for path in files if without_packing(path).suffix == ".tmx"]


def _examples(files: Sequence[Path], reading: Reading) -> Iterator[Example]:
    number = 0
    try:
        with open_text(files[0]) as stream:
            for _, element in ElementTree.iterparse(stream):
                if element.tag == "tu":
                    number += 1
                    yield from _unit(f"{files[0]}, unit {number}", str(number), element, reading)
                    # What has been read would else stay in memory.
                    element.clear()
    except ElementTree.ParseError as error:
        raise UserError(f"{files[0]} is no TMX file after unit {number} ({error}): write it again.") from error


def _unit(where: str, number: str, unit: ElementTree.Element, reading: Reading) -> Iterator[Example]:
    found: dict[str, str] = {}
    for variant in unit.iter("tuv"):
        segment = variant.find("seg")
        sentence = "" if segment is None else "".join(segment.itertext()).strip()
        if not is_empty(sentence):
            found.setdefault(reading.code(where, variant.get(_LANGUAGE) or variant.get("lang")), sentence)
    if len(found) < 2:
        reading.notes["units without a translation"] += 1
        return
    yield from both_ways(where, number, found)


LAYOUT = FileLayout(
    name="tmx",
    description="bitext as a translation memory (TMX), as OPUS has it",
    fields="files x.tmx of units <tu><tuv xml:lang><seg>",
    sets=_sets,
    examples=_examples,
)
