"""Which studies may share a report, what each is called in it, and which of them may put their seeds together."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from study.records import Study, Trial, UserError

WITHOUT_EFFECT = frozenset(("seed", "report_every", "evaluate_every", "checkpoint_every"))
"""Knobs of a training that differ between its repetitions, or that its numbers do not depend on."""

CHOSEN = frozenset(("ratio", "mixing", "learning_rate", "temperature", "steps"))
"""Knobs that differ between the arms of one study; loss mixing takes half the steps for the same pairs."""

DEFINITION = ("schedule", "learning_rate", "temperature", "mixing", "same_as")
"""What an arm is, by arms.json."""


def distinct(studies: Sequence[Study]) -> tuple[tuple[Study, ...], list[str]]:
    """The studies without those that were named before, and a sentence on each that was."""
    found: dict[str, Study] = {}
    repeated = []
    for study in studies:
        first = found.setdefault(_place(study), study)
        if first is not study:
            repeated.append(f"{first.folder.location} was named more than once: it counts once.")
    return tuple(found.values()), list(dict.fromkeys(repeated))


def study_labels(studies: Sequence[Study]) -> dict[Study, str]:
    """What each study is called: its name and, where names repeat, the end of its path that tells it apart."""
    names = [study.name for study in studies]
    parts = [_place(study).split("/") for study in studies]
    labels = names
    for depth in range(1, 1 + max(map(len, parts))):
        if len(set(labels)) == len(studies):
            break
        tails = ["/".join(part[-depth:]) for part in parts]
        labels = [
            name if names.count(name) == 1 or tail == name else f"{name} ({tail})"
            for name, tail in zip(names, tails, strict=True)
        ]
    return dict(zip(studies, labels, strict=True))


def refuse_unlike(labels: Mapping[Study, str]) -> None:
    """Raises UserError if two studies measured a benchmark of one name on different data or by different rules."""
    seen: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for study, label in labels.items():
        for name, info in study.info.get("data", {}).get("benchmarks", {}).items():
            other, first = seen.setdefault(name, (label, info))
            for field, meaning in (("fingerprint", "evaluation data"), ("metric_definition", "metric definition")):
                if first.get(field) != info.get(field):
                    raise UserError(
                        f"Studies {other} and {label} cannot share a report: benchmark {name} has {meaning} "
                        f"{first.get(field)} in the one and {info.get(field)} in the other, so that their numbers "
                        "do not measure the same thing; report them one by one."
                    )


def trained_alike(studies: Sequence[Study], model: str) -> bool:
    """Whether the studies trained a model in the same way, so that their arms may meet and share their seeds.

    The encoder, the training data and every knob that is not chosen per arm must agree, and all of an arm that two of
    the studies have. What a study has not trained yet cannot disagree.
    """
    confirm = {study: [t for t in study.trials if t.phase == "confirm" and t.model == model] for study in studies}
    names = dict.fromkeys(str(arm["arm"]) for study in studies for arm in study.arms)
    return (
        _agree(_setting(study) for study in studies)
        and _agree(_knobs(trials, CHOSEN) for trials in confirm.values())
        # Half the steps of a control with loss mixing say nothing about the other arms.
        and _agree(
            frozenset(repr(t.training.get("steps")) for t in trials if _alternates(t)) for trials in confirm.values()
        )
        and all(_agree(_definition(study, name) for study in studies) for name in names)
        and all(
            _agree(
                _knobs([t for t in trials if study.arm(name) and t.arm == study.source(name)])
                for study, trials in confirm.items()
            )
            for name in names
        )
    )


def _agree(found: Iterable[str | frozenset[str]]) -> bool:
    return len({one for one in found if one}) <= 1


def _setting(study: Study) -> str:
    """The encoder and the training data. The times of an encoder's files change when the folder is copied."""
    encoder = {key: value for key, value in study.info.get("encoder", {}).items() if key != "description"}
    encoder["files"] = {name: list(held)[:1] for name, held in encoder.get("files", {}).items()}
    return json.dumps([encoder, study.info.get("data", {}).get("training", {}).get("fingerprint")], sort_keys=True)


def _knobs(trials: Iterable[Trial], ignored: frozenset[str] = frozenset()) -> frozenset[str]:
    kept = ({k: v for k, v in t.training.items() if k not in WITHOUT_EFFECT | ignored} for t in trials)
    return frozenset(json.dumps(one, sort_keys=True) for one in kept)


def _alternates(trial: Trial) -> bool:
    return trial.training.get("mixing") != "loss"


def _definition(study: Study, name: str) -> str:
    found = study.arm(name)
    return "" if found is None else json.dumps([found.get(key) for key in DEFINITION], sort_keys=True)


def _place(study: Study) -> str:
    folder = study.folder
    return Path(folder.location).resolve().as_posix() if folder.is_local else folder.location
