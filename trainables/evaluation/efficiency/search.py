"""Exact and approximate search: distance computations at equal recall, then time there; bytes; time to build.

The pool holds all languages. To tell queries whose language the pool has from those whose language it lacks, every
other language is taken out of it, and one HNSW index of the rest is searched by both.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trainables.evaluation.arrays import FloatArray, IntArray
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.indexes import HNSW, INDEXES, Index, IndexKind
from trainables.evaluation.efficiency.recall import Tradeoff
from trainables.evaluation.efficiency.records import CurvePoint, NumberRecord
from trainables.evaluation.efficiency.subject import Part, Subject
from trainables.evaluation.efficiency.timing import medians

Languages: TypeAlias = npt.NDArray[np.integer]
"""Numbers of languages."""

SPLIT = {
    "same-language": "queries whose language the pool has",
    "other-language": "queries whose language the pool lacks",
}


def numbers(config: EfficiencyConfig) -> Iterator[NumberRecord]:
    """What is known of every kind of index."""
    for kind in INDEXES.values():
        for recall in config.recalls if kind.setting else ():
            at, where = f"@{recall:g}", f"at recall {recall:g}"
            compared = recall == config.recall
            yield NumberRecord(
                name=f"{kind.name}/distances{at}",
                label=f"distance computations per query {where} ({kind.label})",
                part="search",
                is_compared=compared,
            )
            yield NumberRecord(
                name=f"{kind.name}/{kind.setting}{at}", label=f"{kind.setting} {where} ({kind.label})", part="search"
            )
            yield NumberRecord(
                name=f"{kind.name}/recall{at}",
                label=f"recall with the {kind.setting} {where} ({kind.label})",
                part="search",
                direction="maximize",
            )
            yield NumberRecord(
                name=f"{kind.name}/milliseconds{at}",
                label=f"median time of a search {where} ({kind.label})",
                part="search",
                unit="ms",
                is_timed=True,
                is_compared=compared,
            )
        if not kind.setting:
            yield NumberRecord(
                name=f"{kind.name}/recall", label=f"recall ({kind.label})", part="search", direction="maximize"
            )
            yield NumberRecord(
                name=f"{kind.name}/milliseconds",
                label=f"median time of a search ({kind.label})",
                part="search",
                unit="ms",
                is_timed=True,
            )
        yield NumberRecord(
            name=f"{kind.name}/bytes",
            label=f"size of the index ({kind.label})",
            part="search",
            unit="bytes",
            is_compared=kind is HNSW,
        )
        yield NumberRecord(
            name=f"{kind.name}/build",
            label=f"time to build the index ({kind.label})",
            part="search",
            unit="s",
            is_timed=True,
            is_compared=kind is HNSW,
        )
    for which, meaning in SPLIT.items():
        for recall in config.recalls:
            yield NumberRecord(
                name=f"hnsw/distances@{recall:g}/{which}",
                label=f"distance computations per query at recall {recall:g} (HNSW, {meaning})",
                part="search",
                is_compared=recall == config.recall,
            )
            yield NumberRecord(
                name=f"hnsw/ef@{recall:g}/{which}", label=f"ef at recall {recall:g} (HNSW, {meaning})", part="search"
            )
            yield NumberRecord(
                name=f"hnsw/recall@{recall:g}/{which}",
                label=f"recall with the ef at recall {recall:g} (HNSW, {meaning})",
                part="search",
                direction="maximize",
            )


def measure(subject: Subject) -> tuple[Mapping[str, float], Sequence[CurvePoint]]:
    """Builds every index in the subject's order of insertion and searches it."""
    found: dict[str, float] = {}
    curve: list[CurvePoint] = []
    for kind in INDEXES.values():
        index = subject.hnsw if kind is HNSW else _index(kind, subject)
        points: dict[int | None, tuple[float, float]]
        needed: dict[float, int] = {}
        if kind.setting:
            tradeoff = subject.hnsw_tradeoff if kind is HNSW else Tradeoff(index, subject.neighbours)
            costs, needed = _costs(tradeoff, kind, subject.config)
            points = {setting: tradeoff.at(setting) for setting in tradeoff.settings(needed.values())}
            found |= costs
        else:
            searched = index.search(subject.neighbours.queries, subject.neighbours.count)
            recall = float(subject.neighbours.recall(searched).mean())
            points = {None: (recall, searched.distances)}
            found[f"{kind.name}/recall"] = recall
        build, milliseconds = _times(index, list(points), subject)
        found |= {f"{kind.name}/bytes": float(index.size), f"{kind.name}/build": build}
        if not kind.setting:
            found[f"{kind.name}/milliseconds"] = milliseconds[None]
        found |= {f"{kind.name}/milliseconds@{recall:g}": milliseconds[at] for recall, at in needed.items()}
        curve += [
            CurvePoint(index=kind.name, setting=at, recall=recall, distances=distances, milliseconds=milliseconds[at])
            for at, (recall, distances) in points.items()
        ]
    return found | _split(subject), curve


def _times(index: Index, settings: Sequence[int | None], subject: Subject) -> tuple[float, dict[int | None, float]]:
    """The seconds that the index takes to build, and by setting the median milliseconds of a query searched alone."""

    def sweep() -> dict[str, FloatArray]:
        one = index.to_time()
        times = {
            str(setting): one.milliseconds(subject.timed, subject.neighbours.count, setting) for setting in settings
        }
        return {"build": np.array(one.build_seconds), **times}

    taken = medians(sweep, subject.config.repetitions)
    return float(taken["build"]), {setting: float(np.median(taken[str(setting)])) for setting in settings}


def _index(kind: IndexKind, subject: Subject) -> Index:
    return Index(kind, subject.candidates, subject.insertion(len(subject.candidates)), subject.config)


def _costs(
    tradeoff: Tradeoff, kind: IndexKind, config: EfficiencyConfig, suffix: str = ""
) -> tuple[dict[str, float], dict[float, int]]:
    """Distance computations and setting by name, and the setting by recall, of the recalls that are reached."""
    found: dict[str, float] = {}
    settings: dict[float, int] = {}
    for recall in config.recalls:
        needed = tradeoff.needed(recall)
        if needed is not None:
            found[f"{kind.name}/distances@{recall:g}{suffix}"] = needed.distances
            found[f"{kind.name}/{kind.setting}@{recall:g}{suffix}"] = float(needed.setting)
            found[f"{kind.name}/recall@{recall:g}{suffix}"] = needed.recall
            settings[recall] = needed.setting
    return found, settings


def _split(subject: Subject) -> dict[str, float]:
    """Costs of queries whose language is in the pool, and of those whose is not; empty where there are not both."""
    benchmark = subject.benchmark
    pool, kept = reduced_pool(benchmark.query_language, benchmark.candidate_language)
    inside = np.isin(benchmark.query_language[subject.searched], kept)
    if inside.all() or not inside.any():
        return {}
    candidates = np.ascontiguousarray(subject.candidates[pool])
    index = Index(HNSW, candidates, subject.insertion(len(pool)), subject.config)
    found: dict[str, float] = {}
    for which, queries in zip(SPLIT, (subject.searched[inside], subject.searched[~inside]), strict=True):
        tradeoff = Tradeoff(index, subject.neighbours_among(queries, pool))
        found |= _costs(tradeoff, HNSW, subject.config, f"/{which}")[0]
    return found


def reduced_pool(query_language: Languages, candidate_language: Languages) -> tuple[IntArray, Languages]:
    """Returns a pool without the language of some queries: candidates [n], and the languages that they have.

    The whole pool, where some queries find no candidate of their language in it; else every other language of it.
    """
    languages = np.unique(candidate_language)
    kept = languages[::2] if np.isin(query_language, languages).all() else languages
    return np.flatnonzero(np.isin(candidate_language, kept)), kept


PART = Part("search", numbers, measure)
