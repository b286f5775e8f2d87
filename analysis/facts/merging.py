"""Which studies may share a report, what each is called in it, and which of them may put their seeds together."""

import json
from collections.abc import Collection, Hashable, Iterable, Sequence

from analysis.facts.arms import cell_key
from analysis.facts.options import as_text, fingerprint
from analysis.facts.records import StudyRecords
from analysis.facts.runs import Cell, Run
from study.records import BenchmarkRecord
from trainables.errors import UserError
from trainables.inert import inert_line
from trainables.options import flat

CHOSEN = ("ratio", "batches.mixing", "optimiser.learning_rate", "steps")
"""Options that differ between the arms of one study, beside those that were searched; mixing losses takes half the
steps for the same pairs."""


def distinct(studies: Sequence[StudyRecords]) -> tuple[tuple[StudyRecords, ...], list[str]]:
    """The studies without those that were named before, and a sentence on each that was."""
    found: dict[str, StudyRecords] = {}
    repeated = []
    for study in studies:
        first = found.setdefault(study.place, study)
        if first is not study:
            repeated.append(inert_line(f"{first.location} was named more than once: it counts once."))
    return tuple(found.values()), list(dict.fromkeys(repeated))


def tell_apart(studies: Sequence[StudyRecords]) -> None:
    """Labels each study by its name and, where names repeat, by the end of its path that tells it apart."""
    names = [study.name for study in studies]
    parts = [study.place.split("/") for study in studies]
    labels = names
    for depth in range(1, 1 + max(map(len, parts))):
        if len(set(labels)) == len(studies):
            break
        tails = ["/".join(part[-depth:]) for part in parts]
        labels = [
            name if names.count(name) == 1 or tail == name else f"{name} ({tail})"
            for name, tail in zip(names, tails, strict=True)
        ]
    for study, label in zip(studies, labels, strict=True):
        # A folder may be called anything.
        study.label = inert_line(label)


def refuse_unlike(studies: Sequence[StudyRecords]) -> None:
    """Raises UserError if two studies measured a benchmark of one name on different data or by different rules, or
    efficiency by different options.
    """
    seen: dict[str, tuple[str, BenchmarkRecord]] = {}
    for study in studies:
        for name, own in study.info.data.benchmarks.items():
            other, first = seen.setdefault(name, (study.label, own))
            for meaning, one, two in (
                ("evaluation data", first.fingerprint, own.fingerprint),
                ("metric definition", first.metric_definition, own.metric_definition),
                ("rule for ties", first.ties, own.ties),
                ("main measure", first.main_measure, own.main_measure),
            ):
                if one != two:
                    raise UserError(
                        f"Studies {other} and {study.label} cannot share a report: benchmark {name} has {meaning} "
                        f"{one} in the one and {two} in the other, so that their numbers do not measure the same "
                        "thing; report them one by one."
                    )
    _refuse_other_efficiency(studies)


def _refuse_other_efficiency(studies: Sequence[StudyRecords]) -> None:
    """Raises UserError if two of the studies that measure efficiency do so by different options."""
    measured = [(study, found.options) for study in studies if (found := study.info.efficiency) is not None]
    for study, own in measured[1:]:
        first, options = measured[0]
        for name in dict.fromkeys((*options, *own)):
            one, other = (held.get(name, "unknown") for held in (options, own))
            if one != other:
                raise UserError(
                    f"Studies {first.label} and {study.label} cannot share a report: the option {name} of their "
                    f"measure phase is {as_text(one)} in the one and {as_text(other)} in the other, so that their "
                    "numbers of efficiency do not measure the same thing; report them one by one."
                )


def trained_alike(studies: Sequence[StudyRecords], cell: Cell) -> bool:
    """Whether the studies trained the arms of a cell in the same way, so that these may meet and share their seeds.

    The training data must agree, the encoders and every option that is not chosen per arm, and all of an arm that two
    of the studies have. What a study has not trained yet cannot disagree. Studies that repeated their search stand for
    themselves: an arm of theirs is no single training.
    """
    if len(studies) > 1 and any(study.searches > 1 for study in studies):
        return False
    confirm = {
        study: [run for run in study.runs if run.phase == "confirm" and cell_key(run.cell) == cell_key(cell)]
        for study in studies
    }
    names = dict.fromkeys(arm.arm for study in studies for arm in study.arms)
    searched = {key for study in studies for branch in study.info.branches for key in branch.searched}
    chosen = {*CHOSEN, *searched}
    searched_runs = {study: _of_searched_arms(study, runs) for study, runs in confirm.items()}
    return (
        _agree(study.info.data.training.fingerprint for study in studies)
        # Controls and arms from outside change other options; each is compared with its namesake below.
        and _agree(_trainings(study, searched_runs[study], chosen) for study in studies)
        and _agree(frozenset(run.config.steps for run in runs) for runs in searched_runs.values())
        and all(_agree(_definition(study, name, cell, chosen) for study in studies) for name in names)
        and all(
            _agree(_trainings(study, _of_arm(study, name, cell, runs)) for study, runs in confirm.items())
            for name in names
        )
    )


def _agree(found: Iterable[Hashable]) -> bool:
    return len({one for one in found if one}) <= 1


def _trainings(study: StudyRecords, runs: Iterable[Run], ignored: Collection[str] = ()) -> frozenset[tuple[str, str]]:
    """The different trainings of these runs: their options, and the encoders that they began with."""
    return frozenset((fingerprint(run.config, ignored), study.encoder_fingerprint(run.model)) for run in runs)


def _of_searched_arms(study: StudyRecords, runs: Iterable[Run]) -> list[Run]:
    """The runs of arms that were searched."""
    searched = {arm.arm for arm in study.arms if arm.role in ("strategy", "static", "dynamic") and arm.config.steps}
    return [run for run in runs if run.arm in searched]


def _of_arm(study: StudyRecords, name: str, cell: Cell, runs: Iterable[Run]) -> list[Run]:
    """The runs of an arm, those of another arm with the same training included."""
    sources = study.sources(name, cell)
    return [run for run in runs if (run.arm, run.repetition) in sources]


def _definition(study: StudyRecords, name: str, cell: Cell, chosen: Collection[str]) -> str:
    """What an arm is, in the options that are chosen per arm."""
    choices = study.choices(name, cell)
    if not choices:
        return ""
    # Studies that are put together have searched once.
    found = choices[0]
    values = flat(found.config.model_dump(mode="json"))
    own = {key: value for key, value in values.items() if key.startswith("ratio.") or key in chosen}
    return json.dumps([own, found.same_as], sort_keys=True)
