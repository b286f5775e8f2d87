"""Anybody's benchmark: a folder, or a repository of the hub, in one of the layouts that are read here.

A folder holds `corpus`, `queries` and `qrels/test` as BEIR has them (JSON lines, TSV or Parquet), or the topics, qrels
and corpus of TREC, or MIRACL's files; or one such folder per language, called by its code. The language of a folder
without such folders stands behind a colon (`own:en`), in a file `benchmark.json` in it, in a column `language`, or in
front of its ids (`en|17`).

Equal ids in several languages are translations only where `benchmark.json` says `"parallel": true`, or a column
`parallel_id` does: the ids of most sets begin with 1 in every language.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.hub import PREFIX, HubFiles, hub_files, hub_id, local_files
from trainables.corpora.image_text import DIRECTIONS
from trainables.corpora.image_text_folder import image_text_benchmark, is_image_text_folder
from trainables.corpora.languages import is_known_language, language_code, language_named, language_of_territory
from trainables.corpora.retrieval.build import Part, Text, retrieval_benchmark
from trainables.corpora.retrieval.configs import card_language, companion_of, configs_of, languages_of, part_of
from trainables.corpora.retrieval.published import with_languages
from trainables.corpora.retrieval.trec import is_trec, miracl_languages, miracl_parts, trec_part
from trainables.corpora.sources.base import BenchmarkSource
from trainables.corpora.text_files import read_text
from trainables.errors import UserError, one_line, unknown_name
from trainables.evaluation.metric_name import check_benchmark_name
from trainables.home import with_home

FACTS_FILE = "benchmark.json"

_SETS = ("corpus", "topics")
"""What the files begin with that make a folder a set of its own."""


class Facts(BaseModel):
    """What a folder may say of itself in `benchmark.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    language: str | None = None
    """Of the texts that do not say their own."""
    split: str | None = None
    """Of the judgements; by default the first of test, dev, validation, train that there is."""
    parallel: bool = False
    """Whether equal ids in different languages are translations."""
    ignore_identical_ids: bool = False
    """Whether a query does not see the document that has its id."""
    measures: list[str] = []
    """What its authors report, the main one first."""
    description: str = "own benchmark"
    licence: str = "not-stated"
    non_commercial: bool = False


def own_benchmark(text: str, data_dir: Path | None = None) -> BenchmarkSource | None:
    """The benchmark that a folder or `hub:org/name[@revision]` stands for, with languages behind a colon.

    Args:
        text: what was asked for.
        data_dir: folder with local copies of data, in which the folder may lie.

    Returns:
        None if there is no such folder.

    Raises:
        UserError: the folder cannot be called so, its `benchmark.json` is wrong, or it is no id of the hub.
    """
    if text.startswith(PREFIX):
        place, _, written = text.removeprefix(PREFIX).partition(":")
        repository, revision = hub_id(place)
        return _source(
            repository.partition("/")[2],
            _languages(text, written),
            Facts(description=f"{repository} of the hub"),
            lambda: hub_files(repository, revision, data_dir),
        )
    folder, written = _folder(text, data_dir)
    if folder is None:
        return None
    if is_image_text_folder(folder):
        return _image_source(folder, text, written)
    return _source(folder.resolve().name, _languages(text, written), _facts(folder), lambda: local_files(folder))


def absolute(text: str) -> str:
    """The same benchmark, valid from any folder, if it is a folder here; what is none stays as it is."""
    folder, written = _folder(text, None)
    if folder is None:
        return text
    return f"{folder.absolute()}:{written}" if written else str(folder.absolute())


def _folder(text: str, data_dir: Path | None) -> tuple[Path | None, str]:
    """The folder and the languages that a text stands for."""
    front, _, behind = text.rpartition(":")
    for name, languages in ((text, ""), (front, behind)):
        for place in (with_home(name), *([] if data_dir is None else [data_dir / name])):
            if name and place.is_dir():
                return place, languages
    return None, ""


def _languages(text: str, written: str) -> tuple[str, ...]:
    try:
        return tuple(sorted({language_code(one.strip()) for one in written.split(",")})) if written else ()
    except ValueError as error:
        raise UserError(f"--evaluate {text}: {error}.") from error


def _facts(folder: Path) -> Facts:
    path = folder / FACTS_FILE
    if not path.exists():
        return Facts()
    try:
        return Facts.model_validate_json(read_text(path))
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "extra_forbidden":
            wrong = unknown_name("entry", str(first["loc"][0]), Facts.model_fields)
            raise UserError(f"{path}: {one_line(wrong)}") from error
        place, rule = ".".join(map(str, first["loc"])) or "the file", first["msg"]
        raise UserError(
            f"{path}: {place}: {rule[:1].lower()}{rule[1:]} (known are {', '.join(Facts.model_fields)})."
        ) from error


def _source(called: str, languages: tuple[str, ...], facts: Facts, listed: Callable[[], HubFiles]) -> BenchmarkSource:
    name = with_languages(called, languages)
    try:
        check_benchmark_name(name)
    except ValueError as error:
        raise UserError(f"{one_line(error)}: rename its folder.") from error

    def load(split: str, data_dir: Path | None) -> Benchmark:
        files = listed()
        parts = list(_parts(files, languages, facts))
        built = retrieval_benchmark(
            name, parts, parallel=facts.parallel, ignore_identical_ids=facts.ignore_identical_ids
        )
        return built if facts.parallel else replace(built, remarks=(*built.remarks, *_shared_ids(built, parts)))

    return BenchmarkSource(
        name=name,
        description=facts.description,
        licence=facts.licence,
        non_commercial=facts.non_commercial,
        measures=tuple(facts.measures),
        load=load,
    )


def _shared_ids(built: Benchmark, parts: Sequence[Part]) -> list[str]:
    """What to know of a benchmark whose languages have ids in common that are not declared as translations."""
    ids = Counter(
        own for part in parts for one in built.parallel_ids if (own := one.removeprefix(f"{part.language}:")) != one
    )
    shared = sum(number > 1 for number in ids.values())
    if not shared:
        return []
    return [
        f"{shared:,} ids of queries stand in several languages and are not declared as translations: every language is "
        f'searched by itself, and language bias is left out; if equal ids are translations, say "parallel": true in '
        f"{FACTS_FILE} beside the files"
    ]


def _image_source(folder: Path, text: str, direction: str) -> BenchmarkSource:
    """A folder of images and captions is two benchmarks: which one stands behind the colon."""
    if direction not in DIRECTIONS:
        raise UserError(
            f"--evaluate {text}: images and captions are searched in two directions; name one behind a colon, as in "
            f"{' or '.join(f'{folder.name}:{one}' for one in DIRECTIONS)}."
        )
    return BenchmarkSource(
        name=f"{folder.resolve().name}-{direction}",
        description=Facts().description,
        licence=Facts().licence,
        measures=("success@1", "success@5", "success@10", "ndcg@10"),
        load=lambda split, data_dir: image_text_benchmark(folder, direction),
    )


def _parts(files: HubFiles, languages: Sequence[str], facts: Facts) -> Iterator[Part]:
    """The parts of a folder or repository, whatever its layout; raises UserError for one that is not known."""
    of_miracl = miracl_languages(files, facts.split or "dev")
    if of_miracl:
        yield from miracl_parts(files, files, _chosen(files, of_miracl, languages), facts.split or "dev", {})
        return
    configs = {} if is_trec(files) else configs_of(files)
    if prefixes := languages_of(configs):
        for language in _chosen(files, prefixes, languages):
            yield part_of(files, facts.split, language=language, prefix=language)
        return
    if folders := _language_folders(files):
        _check_folders(files, folders)
        for language in _chosen(files, folders, languages):
            yield _single(_inside(files, language), language, facts)
        return
    yield _single(files, _one_language(files, languages, facts), facts)


def _single(files: HubFiles, language: str | None, facts: Facts) -> Part:
    if is_trec(files):
        return trec_part(files, facts.split, language)
    part = part_of(files, facts.split, language=language, companion=companion_of(files))
    return _with_languages_of_ids(part, facts.parallel)


def _one_language(files: HubFiles, languages: Sequence[str], facts: Facts) -> str | None:
    if len(languages) > 1:
        raise UserError(
            f"{files.origin} is in one language, or says each text's own: give one, not {', '.join(languages)}."
        )
    given = {language for language in (*languages, facts.language) if language}
    if len(given) > 1:
        raise UserError(
            f"{files.origin}: its {FACTS_FILE} says {facts.language}, not {languages[0]}: give one of them."
        )
    return next(iter(given), None) or card_language(files)


def _chosen(files: HubFiles, known: Sequence[str], languages: Sequence[str]) -> list[str]:
    """The languages that were asked for, or all, as they are called in the files."""
    try:
        by_code = {language_code(one): one for one in known}
    except ValueError as error:
        raise UserError(f"{files.origin} has configurations of another kind than languages: {error}.") from error
    for language in languages:
        if language not in by_code:
            raise UserError(f"{files.origin} is not in {language}: it is in {', '.join(sorted(by_code))}.")
    return [by_code[language] for language in languages or sorted(by_code)]


def _language_folders(files: HubFiles) -> list[str]:
    """The folders that hold a set of their own and are called like a language."""
    folders = (name.partition("/") for name in files.names)
    return sorted({f for f, _, rest in folders if rest.startswith(_SETS) and is_known_language(f)})


def _check_folders(files: HubFiles, languages: Sequence[str]) -> None:
    """A folder with a set of its own that is not called like a language would be left out without a word."""
    folders = (name.partition("/") for name in files.names)
    if others := sorted({folder for folder, _, rest in folders if rest.startswith(_SETS)} - {*languages}):
        code = language_named(others[0]) or language_of_territory(others[0])
        meant = f" (did you mean {code}?)" if code else ""
        raise UserError(
            f"{files.origin} has the folder {others[0]} beside {', '.join(languages)}, and {others[0]!r} is no code of "
            f"a language{meant}: rename it, or move it away."
        )


def _inside(files: HubFiles, folder: str) -> HubFiles:
    names = tuple(name.removeprefix(f"{folder}/") for name in files.names if name.startswith(f"{folder}/"))
    return replace(files, names=names, folder=files.folder and files.folder / folder)


def _with_languages_of_ids(part: Part, parallel: bool) -> Part:
    """The same part, in which ids such as `en|17` say the language of texts that nothing else tells and, if equal ids
    are translations, that `de|17` is one of it.
    """

    def told(texts: Callable[[], Iterator[Text]]) -> Callable[[], Iterator[Text]]:
        return lambda: (_told(text, parallel) for text in texts())

    if part.language is not None:
        return part
    return replace(part, documents=told(part.documents), queries=told(part.queries))


def _told(text: Text, parallel: bool) -> Text:
    front, bar, rest = text.id.partition("|")
    if not bar or text.language is not None or not is_known_language(front):
        return text
    return replace(text, language=front, parallel_id=text.parallel_id or (rest if parallel else None))
