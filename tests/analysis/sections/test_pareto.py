"""Several objectives: what a report shows of fronts and hypervolumes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.contents import Report, build_report
from analysis.render.page import page
from analysis.render.style import values
from analysis.render.table import Kind, format_value
from tests.analysis.conftest import ARMS, ArmTruth, edit, edit_arms

FRONT = (
    ArmTruth("front 1", "dynamic", "linear", {"family": "linear", "start": 0.1, "end": 0.6}, 2.5, 1.2, 1.1),
    ArmTruth("front 2", "dynamic", "linear", {"family": "linear", "start": 0.2, "end": 0.5}, 2.4, 1.3, 0.9),
    # Beaten by both in the test, though not in the search.
    ArmTruth("front 3", "static", "constant", {"family": "constant", "value": 0.1}, 1.0, -1.0, -1.5),
)
OBJECTIVES = [
    {"metric": "multilingual/map", "direction": "maximize"},
    {"metric": "bias/rank_distance", "direction": "minimize"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, write_study: Callable[..., Path]) -> Path:
    folder = write_study(tmp_path_factory.mktemp("studies"), arms=(*ARMS[:5], *FRONT), questions=20)
    edit(folder / "study.json", lambda info: info | {"objectives": OBJECTIVES})
    chosen = {"front 1": "search-linear-000", "front 2": "search-linear-001", "front 3": "search-static-000"}
    edit_arms(folder, lambda arms: [arm | {"chosen_from": chosen.get(arm["arm"], arm["chosen_from"])} for arm in arms])
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return build_report([str(folder)])


def rows(report: Report, name: str) -> list[dict[str, Any]]:
    table = report.table(name)
    assert table is not None
    return list(table.records())


def trial_values(folder: Path, trial: str, prefix: str) -> tuple[float, float]:
    metrics = json.loads((folder / "trials" / trial / "result.json").read_text())["metrics"]
    return metrics[f"{prefix}/multilingual/map"], metrics[f"{prefix}/bias/rank_distance"]


def test_the_front_shows_dev_values_of_the_chosen_trials_and_test_means(report: Report, folder: Path) -> None:
    found = {row["arm"]: row for row in rows(report, "pareto_front")}
    assert list(found) == ["front 1", "front 2", "front 3"]
    one = found["front 1"]
    dev = (one["dev_multilingual_map"], one["dev_bias_rank_distance"])
    assert dev == trial_values(folder, "search-linear-000", "dev")
    seeds = [trial_values(folder, f"confirm-front-1-{seed}", "atlas") for seed in (11, 12, 13)]
    assert one["atlas_multilingual_map"] == pytest.approx(np.mean([m for m, _ in seeds]))
    assert one["atlas_bias_rank_distance"] == pytest.approx(np.mean([b for _, b in seeds]))
    assert one["atlas_bias_rank_distance_low"] < one["atlas_bias_rank_distance"]
    assert [row["atlas_front"] for row in found.values()] == ["yes", "no", "no"]


def test_hypervolumes_are_those_of_the_trials_above_the_stated_reference(report: Report, folder: Path) -> None:
    ended = {
        path.parent.name: json.loads(path.read_text()) for path in (folder / "trials").glob("search-*/result.json")
    }
    values = {name: trial_values(folder, name, "dev") for name, r in ended.items() if r["status"] == "complete"}
    worst = max(bias for _, bias in values.values())
    found = {(row["data"], row["group"]): row for row in rows(report, "hypervolume")}
    for family in ("all families", "linear", "static", "X-Y"):
        own = [(m, worst - b) for name, (m, b) in values.items() if f"-{family}-" in name or family == "all families"]
        row = found["dev", family]
        assert row["points"] == len(own)
        # The area under the staircase, by integration over the first objective.
        grid = np.linspace(0, 1, 20_001)
        height = np.max([np.where(grid <= m, b, 0.0) for m, b in own], axis=0)
        assert row["hypervolume"] == pytest.approx(np.trapezoid(height, grid), abs=worst * 1e-4)
    table = report.table("hypervolume")
    assert table is not None
    assert any(f"Reference point on dev: multilingual mAP .000, rank distance {worst:.1f}" in n for n in table.notes)
    assert ("atlas", "arms of the front") in found
    assert found["atlas", "strategies"]["points"] == 3


def drawn(report: Report, name: str) -> list[dict[str, Any]]:
    figure = report.figure(name)
    assert figure is not None
    return values(figure.data)


@pytest.mark.slow
def test_the_front_is_drawn_and_stands_in_the_page_and_in_the_methods(report: Report) -> None:
    (part,) = (part for part in report.parts if part.section.key == "pareto")
    assert [figure.name for figure in part.figures] == ["pareto_dev", "pareto_atlas"]
    text = page(report)
    assert 'id="pareto"' in text
    assert text.count('id="figure-pareto') == 2
    assert "beats in multilingual mAP and rank distance together became arms as well (3 of them)" in report.methods
    assert "zitzler1999multiobjective" in report.references


def test_the_points_of_the_front_say_what_its_table_says(report: Report) -> None:
    test = {row["arm"]: row for row in drawn(report, "pareto_atlas")}
    for row in rows(report, "pareto_front"):
        said = test[row["arm"]]
        for key, kind in (("multilingual_map", "score"), ("bias_rank_distance", "rank")):
            assert said[f"test_{key}_text"] == with_interval(row, f"atlas_{key}", kind)
    assert {row["group"] for row in test.values()} == {"front", "strategy"}
    one = next(row for row in rows(report, "pareto_front") if row["arm"] == "front 1")
    dev = {row["trial"]: row for row in drawn(report, "pareto_dev")}
    said = dev["search-linear-000"]
    assert said["dev_multilingual_map_text"] == format_value(one["dev_multilingual_map"], "score")
    assert said["dev_bias_rank_distance_text"] == format_value(one["dev_bias_rank_distance"], "rank")
    assert {row["kind"] for row in dev.values()} == {"constant ratio", "changing ratio"}
    # The trials of the front come first, and no other one beats them.
    marks = [row["front"] for row in dev.values()]
    assert marks == sorted(marks, reverse=True)
    best = [
        (row["dev_multilingual_map"], -row["dev_bias_rank_distance"]) for row in dev.values() if row["front"] == "yes"
    ]
    assert all(not (a[0] > b[0] and a[1] > b[1]) for a in best for b in best)


def with_interval(row: dict[str, Any], key: str, kind: Kind) -> str:
    ends = ", ".join(format_value(row[f"{key}_{end}"], kind) for end in ("low", "high"))
    return f"{format_value(row[key], kind)} [{ends}]"


def test_the_arms_of_the_front_are_not_compared_one_by_one(report: Report) -> None:
    assert not [row for row in rows(report, "comparisons") if "front" in row["arm"] or "front" in row["baseline"]]


def test_one_objective_has_no_front(finished_study: Path) -> None:
    report = build_report([str(finished_study)])
    assert report.table("pareto_front") is None
    assert report.table("hypervolume") is None
    assert report.figure("pareto_dev") is None
