"""Reads the records of studies of format 1 (version 0.1.0) as those of today, so that they can still be reported."""

from collections.abc import Callable, Mapping
from typing import Any

from study.records import ARMS, STATUS, StudyRecord
from study.study_folder import Kind
from trainables.evaluation.measures.registry import chosen_measures
from trainables.records import RESULT, TRIAL
from trainables.sealed import plain_json, validated
from trainables.storage import Folder

_OPTIONS = {
    "model": "encoder",
    "steps": "steps",
    "batch_size": "batches.size",
    "learning_rate": "optimiser.learning_rate",
    "temperature": "loss.temperature",
    "draw": "batches.draw",
    "gradient_accumulation": "compute.gradient_accumulation",
    "precision": "compute.precision",
    "evaluations": "monitoring.evaluations",
    "checkpoints": "monitoring.checkpoints",
}
"""Settings of format 1 that are options of a trial today."""


def info_of(values: Mapping[str, Any]) -> StudyRecord:
    """Returns study.json as today's record; raises ValueError with the reason for a damaged one."""
    return validated(_upgraded(_study, values), StudyRecord)


def read_record(folder: Folder, name: str, kind: type[Kind], /) -> Kind:
    """Reads a record as today's; raises FileNotFoundError, and ValueError with the reason for a damaged one."""
    return validated(_upgraded(_UPGRADES.get(name, dict), plain_json(folder.read_bytes(name))), kind)


def _upgraded(upgrade: Callable[[Any], dict[str, Any]], old: Any) -> dict[str, Any]:
    try:
        return upgrade(old)
    except KeyError as error:
        raise ValueError(f"it lacks {error.args[0]}") from error
    except (TypeError, AttributeError) as error:
        raise ValueError("it has another shape") from error


def _study(old: Mapping[str, Any]) -> dict[str, Any]:
    data, encoder = old["data"], dict(old["encoder"])
    # Format 1 knew files by size and time.
    files = {name: f"{found[0]} bytes" for name, found in encoder.pop("files", {}).items()}
    return {
        "name": old["name"],
        "created": old["created"],
        "space": old["space"],
        "question": old["question"],
        "settings": _settings(old["settings"]),
        "objectives": old["objective"],
        "main_comparison": old["main_comparison"],
        "branches": [{"branch": name, "role": _role_of(name), **budget} for name, budget in old["families"].items()],
        "round_size": old["round_size"],
        "encoders": [{"config": _encoder(encoder), "files": files}],
        "data": {**data, "overlap": data.get("overlap") or {}},
        "measures": {str(one): one.record().model_dump() for one in chosen_measures()},
        "seen_at": old.get("seen_at", []),
        "versions": old["versions"],
        "git_commit": old["git_commit"],
        "hardware": old["hardware"],
    }


def _settings(old: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in old.items() if name not in {*_OPTIONS, "search_temperature"}}
    fixed = {key: old[name] for name, key in _OPTIONS.items() if old.get(name) is not None}
    return {**kept, "set": fixed, "search": {"loss.temperature": ""} if old.get("search_temperature") else {}}


def _role_of(branch: str) -> str:
    """The role of a branch of the spaces that there were."""
    return {"X-X-mono": "strategy", "X-Y": "strategy", "hybrid 0.5": "strategy", "static": "static"}.get(
        branch, "dynamic"
    )


def _encoder(old: Mapping[str, Any]) -> dict[str, Any]:
    shape, hub = ("layers", "width", "heads", "vocabulary"), ("source", "revision", "trust_remote_code")
    is_mini = old["source"] == "mini"
    dropped = {"description", *(hub if is_mini else shape)}
    kept = {name: value for name, value in old.items() if name not in dropped}
    return {"kind": "mini" if is_mini else "hugging_face", **kept}


def _config(training: Mapping[str, Any], encoder: str) -> dict[str, Any]:
    return {
        # Trials of format 1 named their encoder; its options stand in study.json.
        "encoder": {"kind": "format 1", "name": encoder},
        "ratio": training["ratio"],
        "steps": training["steps"],
        "batches": {"size": training["batch_size"], "draw": training["draw"], "mixing": training["mixing"]},
        "loss": {"temperature": training["temperature"], "symmetric": training["symmetric"]},
        "optimiser": {
            name: training[name] for name in ("learning_rate", "weight_decay", "gradient_clip", "warmup_share", "decay")
        },
        "compute": {name: training[name] for name in ("precision", "gradient_accumulation")},
        "seed": training["seed"],
    }


def _trial(old: Mapping[str, Any]) -> dict[str, Any]:
    is_search = old["phase"] == "search"
    return {
        "id": old["id"],
        "phase": old["phase"],
        "branch": old["family"] if is_search else None,
        "arm": old["arm"],
        "number": old["number"],
        "config": _config(old["training"], old["model"]),
        "rungs": old.get("rungs", []),
    }


def _result(old: Mapping[str, Any]) -> dict[str, Any]:
    return {"ended": "", "host": "", **old, "metrics": old.get("metrics", {}), "cost": old.get("cost", {})}


def _arms(old: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {"arms": [_arm(arm) for arm in old]}


def _arm(old: Mapping[str, Any]) -> dict[str, Any]:
    ratio = old["schedule"]
    return {
        "arm": old["arm"],
        "role": old["role"],
        "of": old["of"],
        "config": {
            "encoder": {"kind": "format 1", "name": ""},
            "ratio": ratio,
            "steps": 1,
            "batches": {"size": 2, "mixing": old["mixing"]},
            "loss": {"temperature": old["temperature"]},
            "optimiser": {"learning_rate": old["learning_rate"]},
        },
        "description": old["description"],
        "mean_ratio": old["mean_ratio"],
        "constant_ratio": ratio.get("value") if old["family"] == "constant" else None,
        "chosen_from": old["chosen_from"],
        "same_as": old["same_as"],
    }


def _status(old: Mapping[str, Any]) -> dict[str, Any]:
    return {**old, "updated": old.get("updated", "")}


_UPGRADES: dict[str, Callable[[Any], dict[str, Any]]] = {TRIAL: _trial, RESULT: _result, ARMS: _arms, STATUS: _status}
