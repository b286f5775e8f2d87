"""Bitext: sentences and their translations, as in OPUS, Tatoeba, or captions in several languages (Multi30k).

*moses*: files of one name with a language each behind it, `train.en` and `train.de`, whose lines belong together.
*tatoeba*: a table without a header, sentence id, sentence, translation id, translation. *bitext_table*: two columns
without a header in a file whose name ends in both languages: `TED2020-en-de.tsv`.

A sentence is the question to its translation, and the other way round: two items of one group. None of them has both
sides in one language, where it would be its own answer, so that they serve cross-lingual batches only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import permutations, zip_longest
from pathlib import Path

from trainables.corpora.languages import is_known_language, language_code
from trainables.corpora.pair_paths import pair_in_name, training_file_stem
from trainables.corpora.text_files import text_lines, without_packing
from trainables.corpora.training_files.layout import Example, FileLayout, RecordLayout
from trainables.corpora.training_files.records import Pair, Reading, Record, is_empty, text
from trainables.errors import UserError


def both_ways(where: str, number: str, sentences: Mapping[str, str]) -> Iterator[Example]:
    """Every sentence as the question to every one of its translations."""
    for query, passage in permutations(sentences, 2):
        yield Example(
            where,
            f"{number}:{query}-{passage}",
            {query: text(where, "sentence", sentences[query])},
            {passage: text(where, "sentence", sentences[passage])},
            group=number,
        )


def _moses_sets(files: Sequence[Path]) -> list[tuple[str, tuple[Path, ...]]]:
    sides: dict[Path, list[Path]] = {}
    for path in files:
        name = without_packing(path)
        if is_known_language(name.suffix[1:]):
            sides.setdefault(name.with_suffix(""), []).append(path)
    return [(stem.name, tuple(paths)) for stem, paths in sides.items() if len(paths) > 1]


def _moses_examples(files: Sequence[Path], reading: Reading) -> Iterator[Example]:
    languages = [reading.code(str(path), without_packing(path).suffix[1:]) for path in files]
    if len(set(languages)) < len(languages):
        raise UserError(f"{files[0]} and {files[1].name} are in one language: name one side for each language.")
    for number, lines in enumerate(zip_longest(*map(text_lines, files)), 1):
        shorter = next((path for path, line in zip(files, lines, strict=True) if line is None), None)
        if shorter is not None:
            raise UserError(
                f"{shorter} ends before line {number}, and {next(p for p in files if p != shorter)} does not: lines "
                "of one number must be translations of each other."
            )
        found = {language: line[1].strip() for language, line in zip(languages, lines, strict=True)}
        filled = {language: sentence for language, sentence in found.items() if not is_empty(sentence)}
        # Bitexts are cleaned by emptying lines, so that the others keep their numbers.
        if len(filled) < 2:
            reading.notes["lines without a translation"] += 1
            continue
        yield from both_ways(f"{files[0]}:{number}", str(number), filled)


def _table_examples(records: Iterable[Record], reading: Reading) -> Iterator[Example]:
    pair = reading.known()
    for number, record in enumerate(records, 1):
        sentences = {pair.query: record.fields["sentence"], pair.passage: record.fields["translation"]}
        if len(sentences) < 2:
            raise UserError(f"{reading.file}: both sides are in {pair.query}: give --train-language en:de for two.")
        yield from both_ways(record.where, str(number), sentences)


def _both_in_name(stem: str) -> Pair | None:
    found = pair_in_name(stem)
    return Pair(language_code(found[0]), language_code(found[1])) if found else None


MOSES = FileLayout(
    name="moses",
    description="bitext or captions in one file per language, line by line",
    fields="files train.en, train.de, ... of equally many lines",
    sets=_moses_sets,
    examples=_moses_examples,
)

TATOEBA = RecordLayout(
    name="tatoeba",
    description="sentence pairs of Tatoeba",
    fields="id TAB sentence TAB id TAB translation",
    recognises=lambda fields: False,
    examples=_table_examples,
    header=("id", "sentence", "translation_id", "translation"),
    recognises_table=lambda file, cells: len(cells) == 4 and cells[0].isdigit() and cells[2].isdigit(),
    languages_in_name=_both_in_name,
)

BITEXT_TABLE = RecordLayout(
    name="bitext_table",
    description="sentences and translations in two columns, without a header",
    fields="sentence TAB translation, in a file named like pairs.en-de.tsv",
    recognises=lambda fields: False,
    examples=_table_examples,
    header=("sentence", "translation"),
    recognises_table=lambda file, cells: len(cells) == 2 and _both_in_name(training_file_stem(Path(file))) is not None,
    languages_in_name=_both_in_name,
)
