"""A study that version 0.1.0 wrote (format 1) is still reported, and not resumed."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from analysis.contents import build_report
from study.session import Session
from study.study_folder import open_study
from trainables.errors import UserError

NOW = "2026-11-26T06:57:03.897+00:00"
ARMS = {
    "X-Y": ("strategy", {"family": "constant", "value": 0.0}),
    "best static": ("static", {"family": "constant", "value": 0.3}),
    "best dynamic": ("dynamic", {"family": "linear", "start": 0.1, "end": 0.6}),
}
VALUES = {
    ("X-Y", 0): (0.80, 0.30),
    ("X-Y", 1): (0.82, 0.34),
    ("best static", 0): (0.90, 0.40),
    ("best static", 1): (0.94, 0.44),
    ("best dynamic", 0): (0.91, 0.45),
    ("best dynamic", 1): (0.97, 0.51),
}
"""mAP in the monolingual and in the multilingual setting, by arm and seed."""

Values = dict[str, Any]


def training(ratio: Values, seed: int) -> Values:
    return {
        "ratio": ratio,
        "draw": "exact",
        "mixing": "alternate",
        "steps": 340,
        "batch_size": 48,
        "learning_rate": 0.004,
        "temperature": 0.05,
        "symmetric": False,
        "warmup_share": 0.1,
        "decay": "linear",
        "weight_decay": 0.01,
        "gradient_clip": 1.0,
        "gradient_accumulation": 1,
        "precision": "auto",
        "seed": seed,
        "report_every": 17,
        "evaluate_every": 170,
        "checkpoint_every": 85,
    }


def study_values() -> Values:
    corpus = {"metric_definition": 1, "queries": 60, "candidates": 60, "languages": ["de", "en"], "parallel_ids": 30}
    return {
        "format": 1,
        "name": "old",
        "created": NOW,
        "space": "dynamic_vs_static",
        "question": "Does changing the ratio of monolingual batches during training beat the best constant ratio?",
        "settings": {"space": "dynamic_vs_static", "trials": 1, "seeds": 2, "batch_size": 48, "search_seed": 1_000_000},
        "objective": [{"metric": "multilingual/map", "direction": "maximize"}],
        "main_comparison": ["best dynamic", "best static"],
        "families": {name: {"trials": 1, "pairs": 16_320} for name in ("X-Y", "static", "linear")},
        "round_size": 1,
        "encoder": {
            "name": "mini-xs",
            "source": "mini",
            "pooling": "mean",
            "query_prefix": "",
            "passage_prefix": "",
            "max_query_length": 64,
            "max_passage_length": 128,
            "revision": None,
            "trust_remote_code": False,
            "layers": 1,
            "width": 64,
            "heads": 2,
            "vocabulary": 8000,
            "description": "XLM-R shape from scratch, 1 x 64; needs no download",
            "files": {},
        },
        "data": {
            "training": {
                "fingerprint": "fp-training",
                "languages": ["de", "en"],
                "sets": [{"name": "atlas", "items": 565, "left_out": None}],
                "languages_left_out": [],
            },
            "dev": {**corpus, "name": "atlas-dev", "fingerprint": "fp-dev"},
            "benchmarks": {"atlas-test": {**corpus, "name": "atlas-test", "fingerprint": "fp-test"}},
            "overlap": {"atlas": {}},
        },
        "versions": {"python": "3.11.7", "torch": "2.13.0", "hybrid-batch-studies": "0.1.0"},
        "git_commit": "0123456789abcdef",
        "hardware": {"processor": "test", "cores": 2, "memory_gib": 8.0, "gpus": []},
    }


def arm_values(name: str) -> Values:
    role, ratio = ARMS[name]
    return {
        "arm": name,
        "role": role,
        "family": ratio["family"],
        "of": None,
        "schedule": ratio,
        "mean_ratio": ratio.get("value", 0.35),
        "learning_rate": 0.004,
        "temperature": 0.05,
        "mixing": "alternate",
        "chosen_from": "search-static-000",
        "description": f"{name}, in a line",
        "same_as": None,
    }


def write_trial(folder: Path, values: Values, metrics: dict[str, float]) -> None:
    result = {
        "status": "complete",
        "steps": 340,
        "metrics": metrics,
        "mean_ratio": 0.3,
        "mono_share": 0.3,
        "negatives_per_query": 47,
        "parameters": 403_968,
        "cost": {
            "pairs": 16_320,
            "tokens": 465_592,
            "signal_pairs": 0,
            "train_seconds": 7.0,
            "signal_seconds": 0.0,
            "encode_seconds": 0.3,
            "score_seconds": 0.2,
            "wait_seconds": 0.1,
            "total_seconds": 8.0,
            "cpu_seconds": 6.0,
            "peak_memory_gib": 0.8,
            "workers": 1,
            "gpus": 0.0,
            "device": "cpu",
        },
        "started": NOW,
        "ended": NOW,
        "host": "node-a",
        "error": None,
    }
    trial = folder / "trials" / values["id"]
    trial.mkdir(parents=True)
    (trial / "trial.json").write_text(json.dumps({"model": "mini-xs", "rungs": [], **values}))
    (trial / "result.json").write_text(json.dumps(result))
    report = {
        "step": 17,
        "steps": 340,
        "ratio": 0.3,
        "mono_share": 0.3,
        "loss": 3.4,
        "loss_mono": 3.1,
        "loss_cross": None,
        "learning_rate": 0.002,
        "pairs_per_second": 1116.6,
        "tokens_per_second": 33_883.5,
        "seconds": 0.7,
    }
    (trial / "reports.jsonl").write_text(json.dumps(report) + "\n")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "study.json").write_text(json.dumps(study_values()))
    counts = {"failed": 0, "pruned": 0, "running": 0}
    status = {
        "state": "complete",
        "phase": "confirm",
        "dashboard": "http://127.0.0.1:8265",
        "trials": {"search": {"done": 1, "planned": 1, **counts}, "confirm": {"done": 6, "planned": 6, **counts}},
        "updated": NOW,
    }
    (folder / "status.json").write_text(json.dumps(status))
    (folder / "arms.json").write_text(json.dumps([arm_values(name) for name in ARMS]))
    search = {"id": "search-static-000", "phase": "search", "family": "static", "arm": None, "number": 0}
    ratio = ARMS["best static"][1]
    write_trial(
        folder,
        {**search, "seed": 1_000_000, "training": training(ratio, 1_000_000)},
        {"dev/multilingual/map": 0.45, "dev/monolingual/map": 0.95},
    )
    for (name, seed), (mono, multi) in VALUES.items():
        ratio = ARMS[name][1]
        confirm = {"phase": "confirm", "family": ratio["family"], "arm": name, "number": None, "seed": seed}
        write_trial(
            folder,
            {"id": f"confirm-{name.replace(' ', '-')}-{seed:03d}", "training": training(ratio, seed), **confirm},
            {
                "dev/multilingual/map": 0.5,
                "atlas-test/monolingual/map": mono,
                "atlas-test/multilingual/map": multi,
                "atlas-test/multilingual/map:micro": multi,
                "atlas-test/multilingual/map/de": multi,
            },
        )
    return folder


def test_its_numbers_are_reported(old: Path) -> None:
    report = build_report([str(old)])
    assert report.first_lines == ()
    rows = {str(row["arm"]): row for row in report.table("results").records()}
    assert list(rows) == list(ARMS)
    for name, row in rows.items():
        for place, key in enumerate(("atlas_test_monolingual_map", "atlas_test_multilingual_map")):
            assert row[key] == pytest.approx((VALUES[name, 0][place] + VALUES[name, 1][place]) / 2)
        assert row["seeds"] == 2


def test_what_its_arms_and_its_search_were_is_reported(old: Path) -> None:
    report = build_report([str(old)])
    arms = {str(row["arm"]): row for row in report.table("arms").records()}
    assert arms["best dynamic"]["schedule"] == "linear, start 0.1, end 0.6"
    assert {row["learning_rate"] for row in arms.values()} == {0.004}
    (tried,) = report.table("static_ratio").records()
    assert (tried["ratio"], tried["value"], tried["learning_rate"]) == (0.3, 0.45, 0.004)
    search = {row["family"]: (row["planned"], row["complete"]) for row in report.table("search").records()}
    assert search == {"X-Y": (1, 0), "static": (1, 1), "linear": (1, 0)}
    assert "The encoder was mini-xs (403,968 parameters), mean pooling" in report.methods
    assert "Every training took 340 steps of 48 pairs" in report.methods


def test_its_trials_are_read_whole(old: Path) -> None:
    study = open_study(str(old))
    trial = next(trial for trial in study.trials if trial.id == "confirm-best-dynamic-001")
    assert (trial.phase, trial.record.arm, trial.seed, trial.status) == ("confirm", "best dynamic", 1, "complete")
    assert trial.config.batches.size == 48
    assert [report.step for report in trial.reports()] == [17]
    assert study.problems == []


@pytest.mark.parametrize("how", [Session.resumed, Session.confirming])
def test_it_is_not_resumed_which_is_said_in_a_sentence(old: Path, how: Any) -> None:
    with pytest.raises(UserError) as refused:
        how(str(old), {}, Console())
    assert str(refused.value) == (
        f"{old} cannot be resumed: version 0.1.0 of this project wrote it (format 1): resume it with that version, or "
        "start a new study."
    )


@pytest.mark.parametrize("lost", ["encoder", "data", "round_size", "families", "objective"])
def test_one_that_lacks_something_is_damaged(old: Path, lost: str) -> None:
    values = study_values()
    del values[lost]
    (old / "study.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=rf"study.json is damaged \(it lacks {lost}\): restore it from a copy"):
        open_study(str(old))


@pytest.mark.parametrize("content", ["{", "[]", "7", '{"id": "x"}', '{"phase": "search", "training": 5}'])
@pytest.mark.parametrize("name", ["trial.json", "result.json"])
def test_a_damaged_trial_is_named_and_left_out(old: Path, name: str, content: str) -> None:
    (old / "trials" / "confirm-X-Y-000" / name).write_text(content)
    report = build_report([str(old)])
    assert any(f"confirm-X-Y-000/{name} is damaged and was left out" in line for line in report.first_lines)
    rows = {row["arm"]: row["seeds"] for row in report.table("results").records()}
    assert rows["X-Y"] == 1


def test_a_format_of_tomorrow_is_refused(old: Path) -> None:
    (old / "study.json").write_text(json.dumps({"format": 3}))
    with pytest.raises(UserError, match=r"has format 3, this version reads 2: use the version that wrote it"):
        open_study(str(old))
