"""The card of an exported encoder (README.md, as the Hugging Face hub shows it): where it is from and what is known.

Numbers with their intervals, the paragraph on methods and the references are those of the report, read from its files.
Nothing in a card names a folder of the machine that it was written on.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from study.records import ArmRecord, SetRecord
from study.study_folder import Study, Trial
from trainables.corpora.sources.registry import TRAINING_SOURCES
from trainables.corpora.terms import terms
from trainables.encoders.base import LONGEST, EncoderConfig
from trainables.errors import UserError

LIBRARY, TASK = "sentence-transformers", "sentence-similarity"

_METHODS = re.compile(r"^## Methods\n\n(.*?)\n\n```bibtex\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_PUBLISHED = re.compile(r"hub:([^@]+)@(\w+)|https?://.*")
"""What a record says of the origin of files that others can fetch, too."""


@dataclass(frozen=True)
class Number:
    """A value of an arm in the report, the mean over its seeds with a 95 % interval where there is one."""

    column: str
    """Key of the column, the name of the metric with underscores."""
    label: str
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Reported:
    """What a report says that a card repeats."""

    numbers: tuple[Number, ...]
    seeds: int
    """Over which the numbers are means: those that all arms have."""
    notes: tuple[str, ...]
    methods: str
    references: str
    """BibTeX entries."""


def read_report(folder: Path, arm: ArmRecord) -> Reported:
    """Reads report.md and tables/results.json of a report; raises UserError where the arm has no results."""
    table = json.loads((folder / "tables" / "results.json").read_text(encoding="utf-8"))
    wanted = {"Arm": arm.arm, **{factor.capitalize(): level for factor, level in arm.cell.items()}}
    texts = {column["key"]: column["label"] for column in table["columns"] if column["kind"] == "text"}
    rows = [row for row in table["rows"] if all(row[key] == wanted.get(label) for key, label in texts.items())]
    said = _METHODS.search((folder / "report.md").read_text(encoding="utf-8"))
    if not rows or said is None:
        raise UserError(f"The report of the study has no results of {arm.arm!r}: confirm the arm first, by --resume.")
    row, numbers = rows[0], []
    for column in table["columns"]:
        key, label = column["key"], f"{column['group']}: {column['label']}"
        if column["kind"] == "score" and row[key] is not None:
            numbers.append(Number(key, label, row[key], row.get(f"{key}_low"), row.get(f"{key}_high")))
    return Reported(tuple(numbers), row["seeds"], tuple(table["notes"][:1]), said[1], said[2])


def model_card(
    study: Study, arm: ArmRecord, runs: Sequence[Trial], reported: Reported, chosen: str, name: str, revision: str
) -> str:
    """Returns the card of an encoder of an arm as Markdown, its metadata in front.

    Args:
        study: the records.
        arm: the arm.
        runs: the run whose encoder it is, or all of which it is the mean.
        reported: what the report says.
        chosen: how these runs were chosen, as a sentence.
        name: of the encoder, for its users to load.
        revision: what tells the content of its files from any other.
    """
    encoder = arm.config.encoder
    parts = [
        "---",
        yaml.safe_dump(metadata(study, encoder), allow_unicode=True, sort_keys=False).strip(),
        "---",
        "",
        f"# {_text(name)}",
        "",
        f"An encoder for multilingual retrieval: the arm **{_text(arm.arm)}**{_of_cell(arm)} of the study "
        f"*{_text(study.name)}*, which asked: {_text(study.info.question)}",
        "",
        f"The probability that a batch is monolingual, and not cross-lingual, followed: {_text(arm.description)}. "
        f"{chosen}{_state(study)}",
        "",
        "## How to use it",
        "",
        "```python",
        "from sentence_transformers import SentenceTransformer",
        "",
        f"model = SentenceTransformer({name!r})",
        'queries = model.encode_query(["..."])  # with the prompt that it was trained with',
        'passages = model.encode_document(["..."])',
        "scores = model.similarity(queries, passages)",
        "```",
        "",
        _lengths(encoder),
        "",
        f"Revision by the content of its files, for results that are kept by name and revision (mteb): `{revision}`.",
        "",
        "## Results",
        "",
        *_results(runs, reported),
        "",
        "## Training",
        "",
        _without_folders(reported.methods, encoder),
        "",
        "Every option:",
        "",
        "```json",
        _without_folders(json.dumps(_options(arm), ensure_ascii=False, indent=1), encoder),
        "```",
        "",
        "## Data and licences",
        "",
        *_data(study, encoder),
        "",
        "## Contamination",
        "",
        *_contamination(study, encoder),
        "",
        "## How to cite",
        "",
        "```bibtex",
        reported.references,
        "```",
        "",
    ]
    return "\n".join(parts)


def _lengths(encoder: EncoderConfig) -> str:
    lengths = (encoder.max_query_length, encoder.max_passage_length)
    queries, passages = ("read whole" if one == LONGEST else f"cut at {one} tokens" for one in lengths)
    said = f"Queries were {queries} and passages {passages} in training and evaluation"
    if lengths[0] == lengths[1] or encoder.has_routes:
        return f"{said}."
    return f"{said}; sentence-transformers has one length for both, the longer one."


def metadata(study: Study, encoder: EncoderConfig) -> dict[str, Any]:
    """The metadata of a card: languages, library, task, tags and, where they are on the hub, model and data."""
    source = getattr(encoder, "source", "")
    sets = [_PUBLISHED.fullmatch(one.origin or "") for one in _used(study)]
    datasets = sorted({found[1] for found in sets if found and found[1]})
    return {
        "language": sorted(study.info.data.training.languages),
        "library_name": LIBRARY,
        "pipeline_tag": TASK,
        "tags": [LIBRARY, TASK, "feature-extraction", "multilingual-retrieval", "hybrid-batch-training"],
        **({"base_model": source} if _HUB_ID.fullmatch(source) else {}),
        **({"datasets": datasets} if datasets else {}),
    }


def _results(runs: Sequence[Trial], reported: Reported) -> list[str]:
    """A table of the arm's numbers, beside those of the one run whose encoder this is."""
    own = _own(runs[0]) if len(runs) == 1 else {}
    seeds = f"{reported.seeds} seed{'s' * (reported.seeds > 1)}"
    heads = ["benchmark and setting", *(["this encoder"] if own else []), f"mean over {seeds} [95 % interval]"]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for number in reported.numbers:
        interval = "" if number.low is None or number.high is None else f" [{number.low:.3f}, {number.high:.3f}]"
        value = [f"{own[number.column]:.3f}" if number.column in own else ""] if own else []
        lines.append(_row([_text(number.label), *value, f"{number.mean:.3f}{interval}"]))
    if not own:
        which = ", those that all arms of the study have" * (reported.seeds < len(runs))
        lines += ["", f"The mean of the weights was not evaluated itself: these are the numbers of {seeds}{which}."]
    return [*lines, "", *reported.notes]


def _own(run: Trial) -> dict[str, float]:
    """The metrics of a run by the keys of the report's columns."""
    metrics = {} if run.result is None else run.result.metrics
    return {re.sub(r"\W", "_", name.lower()): value for name, value in metrics.items()}


def _used(study: Study) -> list[SetRecord]:
    return [one for one in study.info.data.training.sets if not one.left_out]


def _data(study: Study, encoder: EncoderConfig) -> list[str]:
    data, sets = study.info.data, _used(study)
    lines = [_row(["used for", "name", "size", "licence", "from"]), _row(["---"] * 5)]
    for one in sets:
        lines.append(_row(["training", _text(one.name), f"{one.items:,} items", _licence(one), _origin(one.origin)]))
    for use, them in (("choosing", [data.dev]), ("judging", data.benchmarks.values())):
        for corpus in them:
            size = f"{corpus.queries:,} queries, {corpus.candidates:,} candidates"
            lines.append(_row([use, _text(corpus.name), size, _licence(corpus), _origin(corpus.origin)]))
    if any(one.non_commercial for one in sets):
        lines += ["", "**The licence of a training set forbids commercial use.**"]
    begun = f"the checkpoint {_text(_public(encoder))}" if encoder.is_pretrained else "random weights"
    rest = (
        f"Training began from {begun}. The card names no licence of the weights: that is for whoever publishes them to "
        "choose, within those of the checkpoint and of the training data."
    )
    return [*lines, "", rest]


def _licence(of: Any) -> str:
    return _text(terms(of.licence, of.non_commercial) or "not stated")


def _origin(origin: str | None) -> str:
    return _text(origin) if origin and _PUBLISHED.fullmatch(origin) else ""


def _contamination(study: Study, encoder: EncoderConfig) -> list[str]:
    """What the overlap guard found and what became of it."""
    data, names = study.info.data, [one.name for one in _used(study)]
    evaluated = {data.dev.name, *data.benchmarks}
    exempt = {n: sorted(evaluated & set(TRAINING_SOURCES[n].overlap_exempt)) for n in names if n in TRAINING_SOURCES}
    treated = "were kept" if study.info.settings.keep_overlap else "were dropped before training"
    lines = [
        f"* {count:,} items of {_text(name)} shared running text with {_text(benchmark)} and {treated}."
        for name, counts in data.overlap.items()
        for benchmark, count in counts.items()
        if count
    ]
    lines += [
        f"* {count:,} explicit negatives of {_text(name)} shared running text with {_text(benchmark)} and {treated}."
        for name, counts in data.overlap_negatives.items()
        for benchmark, count in counts.items()
        if count
    ]
    lines += [
        f"* {_text(name)} was not compared with {', '.join(map(_text, others))}, with which it shares wordings on "
        "purpose."
        for name, others in exempt.items()
        if others
    ]
    lines = lines or ["* No training item shared running text with the dev set or a benchmark."]
    rest = (
        "Training texts were compared with those of the dev set and of the benchmarks before training (runs of 13 "
        "words, or of 30 characters in scripts without spaces). Translations are not seen by that"
    )
    before = ", and what the checkpoint saw before is not known" if encoder.is_pretrained else ""
    return [*lines, "", f"{rest}{before}."]


def _options(arm: ArmRecord) -> dict[str, Any]:
    values = arm.config.model_dump(mode="json", exclude={"seed", "monitoring"})
    if len(str(values["ratio"])) > _LONG:
        # A replayed controller has a ratio for every step.
        values["ratio"] = arm.description
    return values


_LONG = 2_000


def _state(study: Study) -> str:
    return "" if study.status.state == "complete" else " The study has not ended: its numbers may change."


def _of_cell(arm: ArmRecord) -> str:
    return f" ({_text(', '.join(f'{factor} {level}' for factor, level in arm.cell.items()))})" if arm.cell else ""


def _public(encoder: EncoderConfig) -> str:
    """The name of an encoder, without the folders that lead to it."""
    return Path(encoder.name).name if encoder.name.startswith(("/", ".", "~")) else encoder.name


def _without_folders(text: str, encoder: EncoderConfig) -> str:
    names: Mapping[str, str] = {encoder.name: _public(encoder)}
    source = getattr(encoder, "source", "")
    if source.startswith("/"):
        names = {**names, source: Path(source).name}
    for name in sorted(names, key=len, reverse=True):
        # Markdown has signs before some of its characters, JSON has none.
        text = text.replace(_text(name), _text(names[name])).replace(name, names[name])
    return text


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """A text as one line that Markdown shows as it stands."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", " ".join(text.split()))
