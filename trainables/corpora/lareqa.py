"""Benchmarks of LAReQA (arXiv 2004.05484): answer sentences are searched in a pool of several languages.

A candidate is one entry of a paragraph's `sentence_breaks`, whether or not it answers anything and without removing
duplicates; its text is the string of `sentences` (slices of `context` are shifted in places). The relevant candidate
of a question in its language is the sentence with start <= answer_start < end, also when the answer runs over the end.
A question's relevant candidates are those of all languages in which the question exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.corpora.downloads import cache_folder, fetched
from trainables.corpora.text_files import read_text
from trainables.errors import UserError

REPOSITORY = "https://raw.githubusercontent.com/google-research-datasets/lareqa"
"""Where LAReQA's files are published, below a commit and a folder."""

REFERENCE = """@inproceedings{roy2020lareqa,
  author    = {Uma Roy and Noah Constant and Rami Al-Rfou and Aditya Barua and Aaron Phillips and Yinfei Yang},
  title     = {{LAReQA}: Language-Agnostic Answer Retrieval from a Multilingual Pool},
  booktitle = {Proceedings of EMNLP},
  year      = {2020}
}"""


@dataclass(frozen=True)
class PublishedFile:
    """What is published of one language's file."""

    questions: int
    candidates: int
    sha256: str


@dataclass(frozen=True)
class SentenceBenchmark:
    """A benchmark of files `{language}.json`, published below `url`."""

    name: str
    url: str
    files: Mapping[str, PublishedFile]

    def load(self, data_dir: Path | None) -> Benchmark:
        """Loads the benchmark.

        Queries and candidates stand in the order of the sorted languages, then of the file. A candidate's id is
        `language:article:paragraph:sentence`, counted from 0 within file, article and paragraph.

        Args:
            data_dir: the files, which may be gzipped, are in `<data_dir>/<name>/` or in `data_dir` itself; None: they
                are fetched.

        Raises:
            UserError: a file is missing, malformed, or has other counts than the published ones.
        """
        queries: list[Query] = []
        own_gold: list[int] = []
        candidates: list[Candidate] = []
        for language, path in self._paths(data_dir).items():
            part = _read_language(path, language)
            own_gold.extend(len(candidates) + position for position in part.gold)
            queries.extend(part.queries)
            candidates.extend(part.candidates)
            self._check_counts(path, language, part)
        gold: dict[str, list[int]] = {}
        for query, candidate in zip(queries, own_gold, strict=True):
            gold.setdefault(query.parallel_id, []).append(candidate)
        return benchmark(self.name, queries, candidates, [gold[query.parallel_id] for query in queries])

    def _paths(self, data_dir: Path | None) -> dict[str, Path]:
        """One file per language, in the order of the languages."""
        languages = sorted(self.files)
        if data_dir is None:
            remedy = f"fetch it on another machine into a folder {self.name} and name the folder above with --data-dir"
            folder = cache_folder() / self.name
            return {
                language: fetched(
                    f"{self.url}/{language}.json", folder / f"{language}.json", self.files[language].sha256, remedy
                )
                for language in languages
            }
        folder = data_dir / self.name if (data_dir / self.name).is_dir() else data_dir
        paths = {}
        for language in languages:
            choices = [folder / f"{language}.json", folder / f"{language}.json.gz"]
            present = [path for path in choices if path.is_file()]
            if not present:
                raise UserError(
                    f"{self.name} needs {language}.json or {language}.json.gz in {data_dir / self.name} or in "
                    f"{data_dir}: put it there, or leave out --data-dir to fetch it."
                )
            paths[language] = present[0]
        return paths

    def _check_counts(self, path: Path, language: str, part: "_LanguagePart") -> None:
        expected = self.files[language]
        for what, found, published in (
            ("candidates", len(part.candidates), expected.candidates),
            ("questions", len(part.queries), expected.questions),
        ):
            if found != published:
                raise UserError(
                    f"{path}: {self.name} has {published} {what} in language {language!r}, this file has {found}: "
                    f"take the original file from {self.url}."
                )


@dataclass(frozen=True)
class _LanguagePart:
    queries: list[Query]
    gold: list[int]
    """Per query, the position of its relevant candidate in `candidates`."""
    candidates: list[Candidate]


class _Answer(BaseModel):
    answer_start: int


class _Question(BaseModel):
    id: str
    question: str
    answers: list[_Answer] = Field(min_length=1)


class _Paragraph(BaseModel):
    qas: list[_Question]
    sentence_breaks: list[tuple[int, int]]
    sentences: list[str]


class _Article(BaseModel):
    paragraphs: list[_Paragraph]


class _File(BaseModel):
    data: list[_Article]


def _read_language(path: Path, language: str) -> _LanguagePart:
    try:
        articles = _File.model_validate_json(read_text(path)).data
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole file"
        raise UserError(f"{path} is no LAReQA file ({place}: {first['msg']}): take the original file.") from error
    part = _LanguagePart([], [], [])
    seen: set[str] = set()
    for article_number, article in enumerate(articles):
        for paragraph_number, paragraph in enumerate(article.paragraphs):
            place = f"{article_number}:{paragraph_number}"
            if len(paragraph.sentences) != len(paragraph.sentence_breaks):
                raise UserError(
                    f"{path}: paragraph {place} has {len(paragraph.sentences)} sentences and "
                    f"{len(paragraph.sentence_breaks)} sentence_breaks: take the original file."
                )
            for question in paragraph.qas:
                if question.id in seen:
                    raise UserError(f"{path}: the question id {question.id!r} occurs twice: take the original file.")
                seen.add(question.id)
                part.queries.append(Query(question.id, language, question.question))
                part.gold.append(len(part.candidates) + _answer_sentence(path, question, paragraph))
            part.candidates.extend(
                Candidate(f"{language}:{place}:{number}", language, sentence)
                for number, sentence in enumerate(paragraph.sentences)
            )
    return part


def _answer_sentence(path: Path, question: _Question, paragraph: _Paragraph) -> int:
    answer_start = question.answers[0].answer_start
    for number, (start, end) in enumerate(paragraph.sentence_breaks):
        if start <= answer_start < end:
            return number
    raise UserError(
        f"{path}: the answer of question {question.id!r} starts at {answer_start}, which is in none of its paragraph's "
        "sentences: take the original file."
    )
