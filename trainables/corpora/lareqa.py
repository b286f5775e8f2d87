"""XQuAD-R and MLQA-R (LAReQA, arXiv 2004.05484): answer-sentence retrieval from a pool of several languages.

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


@dataclass(frozen=True)
class SourceFile:
    """What is published of one language's file."""

    questions: int
    candidates: int
    sha256: str


@dataclass(frozen=True)
class SentenceBenchmark:
    """A benchmark of files `{language}.json`, published below `url`."""

    name: str
    url: str
    files: Mapping[str, SourceFile]

    def load(self, data_dir: Path | None) -> Benchmark:
        """Returns the benchmark from `<data_dir>/<name>/` or `data_dir` itself, or fetched where that is None.

        Files may be gzipped. Queries and candidates stand in the order of the sorted languages, then of the file. A
        candidate's id is `language:article:paragraph:sentence`, counted from 0 within file, article and paragraph.
        Raises UserError for a file that is missing, malformed or has other counts than the published ones.
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


_REPOSITORY = "https://raw.githubusercontent.com/google-research-datasets/lareqa"

XQUAD_R = SentenceBenchmark(
    "xquad-r",
    f"{_REPOSITORY}/9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c/xquad-r",
    {
        "ar": SourceFile(1190, 1222, "c52922d3b8ac1ae03ed5ac38647ad59870dca3dda2beefe18ecdc30729acb69d"),
        "de": SourceFile(1190, 1276, "16fb0f4bf4916154b585a20c24c66074591c9718a1affe764ff4697572328949"),
        "el": SourceFile(1190, 1234, "163fd43ee785a30eb534ae2061e9eaa766a7ee4e8ffce5e4b422480c150f64b6"),
        "en": SourceFile(1190, 1180, "7b0954f39297c27a31fef610f0883337dd2907fa8699151dc922afdd0fa12ffe"),
        "es": SourceFile(1190, 1215, "f8e836b2d91009c4363e04315f7ede363eedbbb49c67dda60de6c4aa782f58de"),
        "hi": SourceFile(1190, 1244, "ea45ba8ae4513d1533b222bebdc02a90bc319c055d3aeea68584a053d2e92872"),
        "ru": SourceFile(1190, 1219, "7f4dff853538b9a5fcc28c070b8bb983a5c5d190ac747b8e005a1ada9cab18f1"),
        "th": SourceFile(1190, 852, "c3a041864c3a9fb0b4dd91cfdf99cf36b411b3e704c58a303c97bc6dc786cfe4"),
        "tr": SourceFile(1190, 1167, "f3e8c13002bbce154a4578f535f7533cb70f3da08840e6b62735935baec7bd94"),
        "vi": SourceFile(1190, 1209, "e35926bf5cc6fc6ecbdfca49467aabeb454f08d152d7818143a906bd31dde995"),
        "zh": SourceFile(1190, 1196, "80c2cde7b9c2fb134c303cbb52f2ba396ead9eb0014aec43993543d2ba9e93ed"),
    },
)
# The repository's later commits do not have MLQA-R any more.
MLQA_R = SentenceBenchmark(
    "mlqa-r",
    f"{_REPOSITORY}/354d67d1cd066854cdfbf5ad0e6105528976141d/mlqa-r",
    {
        "ar": SourceFile(517, 2545, "2132fbc03208535c0fe01f2e2c5121d06f9c2aa799af93b0a719dbc105bdf137"),
        "de": SourceFile(512, 2362, "ce9454dc5aa6f2d85c23cd6e49cb367fbb7c4c6e62d7f71e355c6b5dae4d0886"),
        "en": SourceFile(1148, 6264, "fedd9a5cc0848dda80caf84aa36f482adaae230526a3f6e9e86926a93ef3b1e4"),
        "es": SourceFile(500, 1787, "70ecba276b8c96a692b120693a595d076ce94ad21d4b28311538a9fcbfe0f9d7"),
        "hi": SourceFile(507, 2426, "4dd0fb3c06f737a5481d705bc1dcac7876712a5815c9265908fbb3a0696cb654"),
        "vi": SourceFile(511, 2828, "9d3baff6ba03e6793b25594217265ea59a136b9733833dca8a9582a84a78ff85"),
        "zh": SourceFile(504, 2322, "57f01d2fff50cf3392805635b01445339f225ad5bf28ba8443b12f8dbd1e69dc"),
    },
)
