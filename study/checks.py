"""What is wrong with what the user asked for, said before any time is spent."""

import os
import shutil
from collections.abc import Collection, Iterable, Mapping

import numpy as np

from search_spaces.space import Space
from study.cluster.resources import Resources
from study.cost.disk import Disk
from study.plan.more_seeds import first_look, last_decision
from study.plan.objective import asked_measures, asks_bilingual, parse_objectives, possible_objectives
from study.records import BenchmarkRecord, DataRecord, EncoderRecord
from study.settings import StudySettings
from study.study_folder import Study
from trainables.config import TrialConfig
from trainables.corpora.benchmark import Benchmark
from trainables.corpora.sources.registry import EMBEDDED, TRAINING_SOURCES
from trainables.errors import UserError
from trainables.evaluation.evaluate import available_metrics
from trainables.evaluation.measures.registry import chosen_measures
from trainables.parallel.compiled import find_compiler
from trainables.ratio.signals import available_signals
from trainables.storage import Folder

_LEAST_FREE_BYTES = 50_000_000


def check_batches(trials: Iterable[tuple[Resources, TrialConfig]]) -> None:
    """Raises UserError for a batch that the workers of a trial, and their chunks, cannot share."""
    for workers, batch, chunks in {
        (held.workers, config.batches.size, config.compute.gradient_accumulation) for held, config in trials
    }:
        if batch % workers:
            raise UserError(
                f"--batch-size {batch} is no multiple of --workers-per-trial {workers}: every worker encodes an equal "
                f"share; give {batch - batch % workers or workers} or {batch + workers - batch % workers}."
            )
        if chunks > batch // workers:
            raise UserError(
                f"--gradient-accumulation {chunks}: a worker has {batch // workers} pairs of a batch and can cut them "
                "in at most as many chunks; give a smaller number."
            )


def check_shards(configs: Iterable[TrialConfig], settings: StudySettings) -> None:
    """Raises UserError for checkpoints of sharded weights where workers cannot write into one folder."""
    remote = not Folder(settings.storage).is_local
    if remote and any(one.compute.parallel == "sharded" and one.monitoring.checkpoints for one in configs):
        raise UserError(
            f"--storage {settings.storage} with compute.parallel=sharded: every worker writes its part of a checkpoint "
            "into one folder; give a folder that all machines share, or --checkpoints 0."
        )


def check_compiler(configs: Iterable[TrialConfig]) -> None:
    """Raises UserError if layers are to be compiled, and this machine cannot."""
    if any(config.compute.compile for config in configs):
        find_compiler()


def check_judged(settings: StudySettings) -> None:
    """Raises UserError for training data of the user's own that nothing is named to judge."""
    own = next((name for name in settings.train if name not in TRAINING_SOURCES), None)
    if own is not None and not settings.evaluate:
        raise UserError(
            f"--train {own}: nothing is named to judge what is trained; give --evaluate with a benchmark of --list, "
            f"such as xquad-r, a folder or hub:org/name of your own, or {EMBEDDED}, which is built in."
        )


def check_seeds(settings: StudySettings, space: Space, recorded: Study | None) -> None:
    """Raises UserError for a sequential rule that cannot begin, or that a study has begun with another maximum."""
    most = settings.until_separable
    if most is None:
        return
    if settings.repeat_search > 1:
        raise UserError(
            f"--until-separable {most}: it adds seeds, and with --repeat-search {settings.repeat_search} a verdict "
            "needs more searches, not more seeds; leave one of the two out."
        )
    first = first_look(settings.seeds or space.seeds)
    if most < first:
        raise UserError(
            f"--until-separable {most}: the first look is at {first} seeds (--seeds, at least {first_look(1)}); give "
            "at least as many."
        )
    decision = last_decision(recorded) if recorded is not None else None
    if decision is not None and decision.max_seeds != most:
        raise UserError(
            f"--until-separable {most}: this study has looked at its results already and planned its error rate "
            f"for at most {decision.max_seeds} seeds; give {decision.max_seeds}."
        )


def check_search(settings: StudySettings, space: Space) -> None:
    """Raises UserError for an unknown measure, and for settings of the search that exclude each other."""
    objectives = parse_objectives(settings.objective)
    chosen_measures(asked_measures(settings))
    if settings.early_stopping == "halving" and len(objectives) > 1:
        raise UserError(
            "--early-stopping halving judges by one objective and would stop what is best in another one: give one "
            "--objective, or --early-stopping off."
        )
    if settings.repeat_search > 1 and len(objectives) > 1:
        raise UserError(
            f"--repeat-search {settings.repeat_search}: every search would have a Pareto front of its own, whose "
            "trials are no arms of one name; give one --objective, or leave it out."
        )
    if (settings.sampler or space.sampler) != "grid":
        return
    more = [*settings.search, *settings.search_factor]
    if more:
        raise UserError(
            f"--search {more[0]}: the space {space.name} tries a grid of ratios, all else equal; add --sampler tpe to "
            f"search {more[0]}, too, or leave it out."
        )
    if settings.warm_start:
        raise UserError(
            f"--warm-start: the space {space.name} tries the same grid of ratios at every level; leave it out, or add "
            "--sampler tpe."
        )


def check_objectives(settings: StudySettings, dev: Benchmark) -> None:
    """Raises UserError for an objective that the dev set cannot have."""
    objectives = parse_objectives(settings.objective)
    possible = possible_objectives(
        available_metrics(dev, measures=asked_measures(settings), bilingual=asks_bilingual(settings))
    )
    for objective in objectives:
        if objective.metric not in possible:
            raise UserError(
                f"--objective {objective.metric}: the dev set (languages {', '.join(dev.languages)}) has no "
                f"such value; give one of {', '.join(sorted(possible))}, or training items "
                "in several languages each."
            )


def check_signals(wanted: Mapping[str, Collection[str]], dev: Benchmark) -> None:
    """Raises UserError for a controller that follows what the dev set does not have.

    Args:
        wanted: what is measured on the dev set, by name of the branch or arm.
        dev: the dev set.
    """
    if not any(wanted.values()):
        return
    known = available_signals(dev)
    lacking = {name: missing for name, signals in wanted.items() if (missing := sorted(set(signals) - known))}
    if not lacking:
        return
    queries, candidates = (
        ", ".join(dev.languages[code] for code in np.unique(codes))
        for codes in (dev.query_language, dev.candidate_language)
    )
    # Of metrics it is enough to name the settings.
    there = sorted({"/".join(one.split("/")[: 3 if one.startswith("dev/loss/") else 2]) for one in known})
    arms = " and ".join(f"{name} ({', '.join(missing)})" for name, missing in lacking.items())
    raise UserError(
        f"{arms} would follow what the dev set {dev.name} (queries: {queries}; candidates: {candidates}) does not "
        f"have: it has {', '.join(there)}; leave {' and '.join(lacking)} out, or give training items that have it."
    )


def check_same_inputs(recorded: Study, data: DataRecord, encoders: Collection[EncoderRecord]) -> None:
    """Raises UserError if the data or the encoders are not those of the recorded study."""
    was = recorded.info.data
    changed = [
        what
        for what, old, new in (
            ("the training data", was.training.fingerprint, data.training.fingerprint),
            ("the dev set", was.dev.fingerprint, data.dev.fingerprint),
            *(
                (f"benchmark {name}", old.fingerprint, _fingerprint(data.benchmarks, name))
                for name, old in was.benchmarks.items()
            ),
        )
        if old != new
    ]
    if [(one.config, one.files) for one in recorded.info.encoders] != [(one.config, one.files) for one in encoders]:
        changed.append("the encoder")
    if changed:
        raise UserError(
            f"{recorded.folder.location} cannot be resumed: {' and '.join(changed)} changed since it was started; "
            "restore the files, or start a new study."
        )


def check_storage(folder: Folder) -> None:
    """Raises UserError where a study could not be written: nothing there answers, or may be written, or is free."""
    folder.check_reachable()
    if not folder.is_local:
        return
    existing = next(p for p in (folder.local_path, *folder.local_path.parents) if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        what = "it is no folder" if not existing.is_dir() else "no file may be written there"
        raise UserError(f"--storage {folder.local_path.parent}: cannot write to {existing} ({what}); give another one.")
    free = shutil.disk_usage(existing).free
    if free < _LEAST_FREE_BYTES:
        raise UserError(
            f"--storage {folder.local_path.parent}: no space left ({free / 1e6:.0f} MB free, at least "
            f"{_LEAST_FREE_BYTES / 1e6:.0f} MB needed); free some or give another --storage."
        )


def check_room(folder: Folder, needed: Disk) -> None:
    """Raises UserError where a study may take more bytes than are free."""
    if not folder.is_local:
        return
    free = shutil.disk_usage(next(p for p in (folder.local_path, *folder.local_path.parents) if p.exists())).free
    if needed.total > free:
        gib = {name: f"{getattr(needed, name) / 2**30:.1f} GiB" for name in ("checkpoints", "kept", "held", "total")}
        raise UserError(
            f"--storage {folder.local_path.parent}: up to {gib['total']} are needed ({gib['checkpoints']} for "
            f"checkpoints, {gib['kept']} for kept encoders, {gib['held']} for what is measured last), and it has "
            f"{free / 2**30:.1f} GiB free; free some, give another one, --keep-encoders none, or --checkpoints 0."
        )


def _fingerprint(benchmarks: Mapping[str, BenchmarkRecord], name: str) -> str | None:
    return benchmarks[name].fingerprint if name in benchmarks else None
