"""Which files of a data set repository are its corpus, its queries and its judgements.

A repository has configurations (`corpus`, `queries`, `default` or `qrels`; with several languages `sw-corpus`, ...),
each with splits, each of some files. The README's metadata says which; where it does not, names of files do, as the hub
and BEIR have them: `corpus.jsonl`, `queries.jsonl.gz`, `qrels/test.tsv`, `corpus/dev-00000-of-00002.parquet`,
`data/test-00000-of-00001.parquet` (configuration `default`).

Of a configuration the split that is asked for is taken, else its only one. Judgements that a repository does not hold
are in its companion, `BeIR/scifact-qrels` of `BeIR/scifact`.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from trainables.corpora.hub import HubFiles, hub_files, local_files
from trainables.corpora.retrieval.build import Counts, Judgement, Part, Text
from trainables.corpora.retrieval.tables import SUFFIXES, Row, rows, suffix_of
from trainables.corpora.text_files import read_text
from trainables.errors import UserError, one_line

Configs = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Names of files, by configuration and split."""

SPLITS = ("test", "dev", "validation", "train")
"""Names of splits; where nobody asks for one, judgements are those of the first that there is."""

_OTHER_TASKS = {"top_ranked": "candidates to put in order, query by query", "instruction": "instructions to queries"}

_TEXT_COLUMNS = ("_id", "id", "docid", "title", "text", "language", "lang", "parallel_id")
_QUERY_ID = ("query-id", "query_id", "qid")
_DOCUMENT_ID = ("corpus-id", "corpus_id", "docid", "pid")
_GRADE = ("score", "relevance")
_SHARD = re.compile(r"(?P<name>.*?)[-_.]?(?P<number>\d{3,})-of-(?P<count>\d{3,})([-_][0-9a-f]+)?")
_NUMBER = re.compile(r"(^|[-_])\d+$")


def configs_of(files: HubFiles, suffixes: Sequence[str] = SUFFIXES) -> Configs:
    """The configurations of a repository, of files with these suffixes; raises UserError for a README whose metadata
    cannot be read.
    """
    declared = _declared(files, suffixes) if "README.md" in files.names else {}
    return declared or _by_name(files.names, suffixes)


def languages_of(configs: Configs) -> list[str]:
    """What stands before `-corpus` in the names of configurations: languages, where there are several."""
    return sorted(name.removesuffix("-corpus") for name in configs if name.endswith("-corpus"))


def split_paths(files: HubFiles, config: str, split: str) -> list[Path] | None:
    """The files of a split of a configuration; None if there is none. Raises UserError if a shard is missing."""
    names = configs_of(files).get(config, {}).get(split)
    return None if names is None else [files.path(name) for name in _whole(files, names)]


def card_language(files: HubFiles) -> str | None:
    """The language that the README's metadata names, if it is one."""
    if "README.md" not in files.names:
        return None
    named = _metadata(files).get("language")
    named = [named] if isinstance(named, str) else named
    return named[0] if isinstance(named, list) and len(named) == 1 and isinstance(named[0], str) else None


def part_of(
    files: HubFiles,
    split: str | None,
    *,
    language: str | None,
    prefix: str | None = None,
    companion: HubFiles | None = None,
    published: Counts | None = None,
) -> Part:
    """The corpus, the queries and the judgements of a repository in one language.

    Args:
        files: the repository.
        split: of the judgements, and of what has several; None: the first of `SPLITS` that there is.
        language: of what does not say its own.
        prefix: what the configurations of this language begin with.
        companion: the repository of the judgements, if it is another one.
        published: counts to check.

    Raises:
        UserError: a configuration or a split is not there, or a shard of it.
    """
    configs = configs_of(files)
    front = "" if prefix is None else f"{prefix}-"
    for other, meaning in _OTHER_TASKS.items():
        if f"{front}{other}" in configs:
            raise UserError(f"{files.origin} has {other} ({meaning}), which is another task than search in a pool.")
    if _is_old(configs):
        configs = {name: {name: configs["default"][name]} for name in ("corpus", "queries")}
    judged_in = files
    qrels_names = [f"{front}qrels"] if front else ["default", "qrels"]
    if companion is not None and not any(name in configs for name in qrels_names):
        judged_in = companion
    judged_configs = configs if judged_in is files else configs_of(companion or files)
    qrels_splits = _config(judged_in, judged_configs, qrels_names, "judgements")
    if split is None and len(qrels_splits) > 1:
        split = next((known for known in SPLITS if known in qrels_splits), None)
    qrels = _files(judged_in, qrels_splits, split, "judgements")
    corpus = _files(files, _config(files, configs, [f"{front}corpus"], "corpus"), split, "corpus")
    queries = _files(files, _config(files, configs, [f"{front}query", f"{front}queries"], "queries"), split, "queries")
    return Part(
        files.origin,
        language,
        documents=lambda: (document(row) for name in corpus for row in rows(files.path(name), _TEXT_COLUMNS)),
        queries=lambda: (query(row) for name in queries for row in rows(files.path(name), _TEXT_COLUMNS)),
        judgements=lambda: (one for name in qrels for one in judgements(judged_in.path(name))),
        published=published or Counts(),
    )


def companion_of(files: HubFiles) -> HubFiles | None:
    """What lies beside a repository that holds no judgements itself, called `...-qrels`; None if it holds some.

    Raises:
        UserError: there are judgements neither here nor there.
    """
    configs = configs_of(files)
    if any(name in ("default", "qrels") or name.endswith("-qrels") for name in configs) and not _is_old(configs):
        return None
    try:
        if files.folder is None:
            return hub_files(f"{files.repository}-qrels")
        beside = files.folder.with_name(f"{files.folder.name}-qrels")
        if not beside.is_dir():
            raise UserError(f"there is no folder {beside}.")
        return local_files(beside)
    except UserError as error:
        raise UserError(
            f"{files.origin} holds no judgements (a file qrels/test.tsv, or a configuration qrels), and there are none "
            f"beside it: {error}"
        ) from error


def _is_old(configs: Configs) -> bool:
    """Whether this is the old layout of C-MTEB: one configuration, whose splits are the corpus and the queries."""
    return "corpus" not in configs and {"corpus", "queries"} <= set(configs.get("default", {}))


def document(row: Row) -> Text:
    """A document: its text is the title, a blank and the text, or the text alone where there is no title."""
    title, text = row.optional("title"), row.text("text")
    return _text(row, f"{title} {text}".strip() if title else text.strip())


def query(row: Row) -> Text:
    """A query: its text stays as it is."""
    return _text(row, row.text("text"))


def judgements(path: Path) -> Iterator[Judgement]:
    """The judgements of a table with columns for query, document and grade; raises UserError."""
    for row in rows(path, (*_QUERY_ID, *_DOCUMENT_ID, *_GRADE)):
        yield Judgement(row.where, row.id(*_QUERY_ID), row.id(*_DOCUMENT_ID), grade(row.where, row.first(*_GRADE)))


def grade(where: str, value: Any) -> int:
    """A grade, which files hold as a whole number, a float or a text; raises UserError for what is none."""
    try:
        number = float(value)
        if isinstance(value, bool) or int(number) != number:
            raise ValueError
    except (TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{where}: the grade is {value!r}: give a whole number, 0 for what is not relevant.") from error
    return int(number)


def _text(row: Row, text: str) -> Text:
    language = row.optional("language") or row.optional("lang")
    parallel = row.fields.get("parallel_id")
    parallel_id = None if parallel in (None, "") else row.id("parallel_id")
    return Text(row.where, row.id("_id", "id", "docid"), text, language, parallel_id)


def _config(files: HubFiles, configs: Configs, names: Sequence[str], what: str) -> Mapping[str, tuple[str, ...]]:
    for name in names:
        if name in configs:
            return configs[name]
    raise UserError(
        f"{files.origin} has no {what}: expected a file or folder called {names[-1]} ({names[-1]}.jsonl, .jsonl.gz, "
        f".tsv or .parquet); it has {', '.join(sorted(configs)) or 'nothing of the kind'}."
    )


def _files(files: HubFiles, splits: Mapping[str, tuple[str, ...]], split: str | None, what: str) -> tuple[str, ...]:
    if split in splits:
        found = splits[str(split)]
    elif len(splits) == 1:
        (found,) = splits.values()
    else:
        raise UserError(
            f"{files.origin}: the {what} have no split {split or 'test'} among {', '.join(sorted(splits))}: name the "
            'one that counts in a file benchmark.json, {"split": "..."}.'
        )
    kinds = {str(suffix_of(name)).removesuffix(".gz") for name in found}
    if len(kinds) > 1:
        raise UserError(f"{files.origin} has its {what} in several formats ({', '.join(found)}): keep one of them.")
    return _whole(files, found)


def _whole(files: HubFiles, names: Sequence[str]) -> tuple[str, ...]:
    """The files in the order of their numbers; raises UserError if a shard is missing."""
    shards = [match for name in names if (match := _SHARD.fullmatch(_stem(name)))]
    for shard in shards:
        missing = set(range(int(shard["count"]))) - {int(other["number"]) for other in shards}
        if missing:
            raise UserError(
                f"{files.origin}: of the {shard['count']} files of {PurePosixPath(names[0]).parent} number "
                f"{min(missing)} is not there: fetch the rest."
            )
    return tuple(sorted(names, key=lambda name: (len(name), name)))


def _metadata(files: HubFiles) -> Mapping[str, Any]:
    """What stands between the two lines `---` at the start of the README."""
    import yaml

    text = read_text(files.path("README.md"))
    match = re.match(r"---\s*\n(.*?\n)---\s*(\n|$)", text, re.DOTALL)
    try:
        found = yaml.safe_load(match[1]) if match else {}
    except yaml.YAMLError as error:
        raise UserError(f"{files.origin}: the metadata of README.md is no YAML ({one_line(error)}).") from error
    return found if isinstance(found, dict) else {}


def _declared(files: HubFiles, suffixes: Sequence[str]) -> Configs:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    configs = _metadata(files).get("configs")
    for config in configs if isinstance(configs, list) else []:
        name = str(config.get("config_name", "default"))
        for split, patterns in _patterns(config.get("data_files")):
            known = [n for n in files.names if n.endswith(tuple(suffixes))]
            names = tuple(n for n in known if any(_matches(n, one) for one in patterns))
            if names:
                found.setdefault(name, {})[split] = names
    return found


def _patterns(data_files: Any) -> Iterator[tuple[str, list[str]]]:
    """(split, patterns of names) of what metadata may write: a pattern, a list of them, or one of them per split."""
    if isinstance(data_files, str):
        yield "train", [data_files]
    elif isinstance(data_files, dict):
        for split, paths in data_files.items():
            yield str(split), [paths] if isinstance(paths, str) else list(paths)
    elif isinstance(data_files, list):
        plain = [one for one in data_files if isinstance(one, str)]
        if plain:
            yield "train", plain
        for one in data_files:
            if isinstance(one, dict):
                paths = one.get("path", [])
                yield str(one.get("split", "train")), [paths] if isinstance(paths, str) else list(paths)


def _matches(name: str, pattern: str) -> bool:
    """Whether a file is one of a pattern; a local copy may be gzipped."""
    return any(fnmatch.fnmatchcase(one, pattern.removeprefix("./")) for one in (name, name.removesuffix(".gz")))


def _by_name(names: Sequence[str], suffixes: Sequence[str]) -> Configs:
    found: dict[str, dict[str, list[str]]] = {}
    for name in names:
        if not name.endswith(tuple(suffixes)):
            continue
        folder, _, _ = name.rpartition("/")
        stem = _stem(name, suffixes)
        shard = _SHARD.fullmatch(stem)
        split = shard["name"] if shard else _NUMBER.sub("", stem) if folder else stem
        if folder in ("", "data"):
            is_split = folder == "data" or split in SPLITS
            config = "default" if is_split else split
        elif "/" in folder:
            continue
        else:
            config, split = folder, split or folder
        found.setdefault(config, {}).setdefault(split, []).append(name)
    return {config: {split: tuple(files) for split, files in splits.items()} for config, splits in found.items()}


def _stem(name: str, suffixes: Sequence[str] = SUFFIXES) -> str:
    base = name.rpartition("/")[2]
    return base.removesuffix(next((suffix for suffix in suffixes if base.endswith(suffix)), ""))
