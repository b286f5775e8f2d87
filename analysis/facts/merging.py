"""Which studies may share a report, what each is called in it, and which of them may put their seeds together."""

from collections.abc import Iterable, Sequence

from analysis.facts.arms import Cell, cell_key
from analysis.facts.records import Corpus, StudyRecords
from analysis.facts.runs import Run
from trainables.errors import UserError

CHOSEN = frozenset(("ratio", "mixing", "learning_rate", "temperature", "steps"))
"""Knobs that differ between the arms of one study; loss mixing takes half the steps for the same pairs."""


def distinct(studies: Sequence[StudyRecords]) -> tuple[tuple[StudyRecords, ...], list[str]]:
    """The studies without those that were named before, and a sentence on each that was."""
    found: dict[str, StudyRecords] = {}
    repeated = []
    for study in studies:
        first = found.setdefault(study.place, study)
        if first is not study:
            repeated.append(f"{first.location} was named more than once: it counts once.")
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
        study.label = label


def refuse_unlike(studies: Sequence[StudyRecords]) -> None:
    """Raises UserError if two studies measured a benchmark of one name on different data or by different rules."""
    seen: dict[str, tuple[str, Corpus]] = {}
    for study in studies:
        for name, own in study.benchmarks.items():
            other, first = seen.setdefault(name, (study.label, own))
            for meaning, one, two in (
                ("evaluation data", first.fingerprint, own.fingerprint),
                ("metric definition", first.metric_definition, own.metric_definition),
            ):
                if one != two:
                    raise UserError(
                        f"Studies {other} and {study.label} cannot share a report: benchmark {name} has {meaning} "
                        f"{one} in the one and {two} in the other, so that their numbers do not measure the same "
                        "thing; report them one by one."
                    )


def trained_alike(studies: Sequence[StudyRecords], cell: Cell) -> bool:
    """Whether the studies trained the arms of a cell in the same way, so that these may meet and share their seeds.

    The encoder, the training data and every knob that is not chosen per arm must agree, and all of an arm that two of
    the studies have. What a study has not trained yet cannot disagree.
    """
    confirm = {
        study: [run for run in study.runs if run.phase == "confirm" and cell_key(run.cell) == cell_key(cell)]
        for study in studies
    }
    names = dict.fromkeys(arm.name for study in studies for arm in study.arms)
    return (
        _agree(f"{study.encoder.fingerprint} {study.training_fingerprint}" for study in studies)
        and _agree(_knobs(runs, CHOSEN) for runs in confirm.values())
        # Half the steps of a control with loss mixing say nothing about the other arms.
        and _agree(
            frozenset(repr(run.training.steps) for run in runs if not run.training.mixes_losses)
            for runs in confirm.values()
        )
        and all(_agree(_definition(study, name) for study in studies) for name in names)
        and all(
            _agree(
                _knobs([run for run in runs if study.arm(name) and run.arm == study.source(name)])
                for study, runs in confirm.items()
            )
            for name in names
        )
    )


def _agree(found: Iterable[str | frozenset[str]]) -> bool:
    return len({one for one in found if one}) <= 1


def _knobs(runs: Iterable[Run], ignored: frozenset[str] = frozenset()) -> frozenset[str]:
    return frozenset(run.training.fingerprint(ignored) for run in runs)


def _definition(study: StudyRecords, name: str) -> str:
    found = study.arm(name)
    return "" if found is None else found.fingerprint
