"""Topics, judgements and documents in the layouts of TREC, and of MIRACL, which has one such set per language.

Topics are `id TAB text`, or the old markup `<top> <num> Number: 301 <title> text ... </top>`; judgements are
`query 0 document grade`; documents are JSON lines with `docid`, `title`, `text`, or TSV: `id TAB text`, or
`id TAB title TAB text`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trainables.corpora.hub import HubFiles
from trainables.corpora.retrieval.build import Counts, Judgement, Part, Text
from trainables.corpora.retrieval.configs import SPLITS, document, grade
from trainables.corpora.retrieval.tables import cells, rows, suffix_of
from trainables.corpora.text_files import read_text, text_lines
from trainables.errors import UserError

_TOPIC = re.compile(r"<top>(.*?)(?=<top>|</top>|\Z)", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*([^<]*)", re.IGNORECASE)

_MIRACL_TOPICS = re.compile(r"miracl-v1\.0-([a-z]+)/topics/topics\.miracl-v1\.0-\1-([a-z-]+)\.tsv")
_MIRACL_CORPUS = "miracl-corpus-v1.0-{language}/docs-{number}.jsonl.gz"


def topics(path: Path) -> Iterator[Text]:
    """The queries of a file of topics; raises UserError."""
    if not any("<top>" in line.lower() for _, line in text_lines(path)):
        for where, found in cells(path):
            if len(found) != 2:
                raise UserError(f"{where} has {len(found)} cells: write the topic's id, a tab and its text.")
            yield Text(where, found[0].strip(), found[1].strip())
        return
    for number, match in enumerate(_TOPIC.finditer(read_text(path)), 1):
        where = f"{path}, topic {number}"
        identifier, title = _NUMBER.search(match[1]), _TITLE.search(match[1])
        if not identifier or not title:
            raise UserError(f"{where} has no <num> or no <title>: give it both.")
        yield Text(where, identifier[1], " ".join(title[1].split()))


def qrels(path: Path) -> Iterator[Judgement]:
    """The judgements of a file with four columns; raises UserError."""
    for number, line in text_lines(path):
        found = line.split()
        if not found:
            continue
        where = f"{path}:{number}"
        if len(found) != 4:
            raise UserError(
                f"{where} has {len(found)} columns: write the query's id, 0, the document's id and the grade."
            )
        yield Judgement(where, found[0], found[2], grade(where, found[3]))


def documents(path: Path) -> Iterator[Text]:
    """The documents of a file; raises UserError."""
    if suffix_of(path.name) not in (".tsv", ".tsv.gz"):
        yield from (document(row) for row in rows(path, ("docid", "_id", "id", "title", "text")))
        return
    for where, found in cells(path):
        if len(found) not in (2, 3):
            raise UserError(
                f"{where} has {len(found)} cells: write the document's id, its title if it has one, its text."
            )
        yield Text(where, found[0].strip(), " ".join(cell for cell in found[1:] if cell).strip())


def is_trec(files: HubFiles) -> bool:
    """Whether a folder holds topics, as TREC calls its queries."""
    return any("topics" in name for name in files.names if "/" not in name)


def trec_part(files: HubFiles, split: str | None, language: str | None) -> Part:
    """The set of a folder with files whose names hold `topics`, `qrels` and `corpus` or `docs`; raises UserError.

    Where there are several topics or judgements, one of them is taken by the split in its name.
    """
    top = [name for name in files.names if "/" not in name]
    asked = files.path(_one(files, [name for name in top if "topics" in name], split, "topics"))
    judged = files.path(_one(files, [name for name in top if "qrels" in name], split, "qrels"))
    corpus = [name for name in files.names if name.rpartition("/")[2].startswith(("corpus", "docs"))]
    corpus = [name for name in corpus if suffix_of(name) is not None]
    if not corpus:
        raise UserError(f"{files.origin} has topics and no corpus: add corpus.jsonl, corpus.jsonl.gz or corpus.tsv.")
    return Part(
        files.origin,
        language,
        documents=lambda: (one for name in corpus for one in documents(files.path(name))),
        queries=lambda: topics(asked),
        judgements=lambda: qrels(judged),
    )


def miracl_languages(files: HubFiles, split: str) -> list[str]:
    """The languages of which a folder holds MIRACL's topics of a split."""
    found = (_MIRACL_TOPICS.fullmatch(name) for name in files.names)
    return sorted(match[1] for match in found if match and match[2] == split)


def miracl_parts(
    files: HubFiles, corpus: HubFiles, languages: Sequence[str], split: str, published: Mapping[str, Counts]
) -> list[Part]:
    """The sets of some languages in MIRACL's own release.

    Args:
        files: the repository of topics and judgements.
        corpus: the repository of the documents; it may be the same folder.
        languages: which of them.
        split: `dev` or `train`.
        published: counts to check, by language.

    Raises:
        UserError: files of a language are missing.
    """
    return [_miracl_part(files, corpus, language, split, published.get(language, Counts())) for language in languages]


def _miracl_part(files: HubFiles, corpus: HubFiles, language: str, split: str, published: Counts) -> Part:
    folder = f"miracl-v1.0-{language}"
    stem = f"{folder}-{split}.tsv"
    numbers = range(sum(name.startswith(f"miracl-corpus-v1.0-{language}/docs-") for name in corpus.names) or 1)
    shards = [_MIRACL_CORPUS.format(language=language, number=number) for number in numbers]
    return Part(
        files.origin,
        language,
        documents=lambda: (one for name in shards for one in documents(corpus.path(name))),
        queries=lambda: topics(files.path(f"{folder}/topics/topics.{stem}")),
        judgements=lambda: qrels(files.path(f"{folder}/qrels/qrels.{stem}")),
        published=published,
    )


def _one(files: HubFiles, names: Sequence[str], split: str | None, what: str) -> str:
    for wanted in SPLITS if split is None else (split,):
        of_split = [name for name in names if re.search(rf"(^|[-_.]){re.escape(wanted)}([-_.]|$)", name)]
        if len(names) > 1 and len(of_split) == 1:
            return of_split[0]
    if len(names) != 1:
        raise UserError(
            f"{files.origin} has {len(names)} files of {what} ({', '.join(names) or 'none'}): keep one, or name the "
            'split in their names and in a file benchmark.json, {"split": "test"}.'
        )
    return names[0]
