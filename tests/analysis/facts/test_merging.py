"""Several studies in one report: none is taken for another, and only equal trainings share their seeds."""

import json
import shutil
from pathlib import Path

import pytest

from analysis.contents import build_report
from analysis.facts.facts import Facts
from analysis.findings.findings import Findings
from analysis.render.page import page


def opened(*folders) -> Facts:
    return Facts.of(map(str, folders))


def rewrite(path: Path, change) -> None:
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def train_otherwise(folder: Path, **knobs) -> None:
    for path in folder.glob("trials/*/trial.json"):
        rewrite(path, lambda spec: spec | {"training": spec["training"] | knobs})


def mean(folder: Path, arm: str, metric: str) -> float:
    found = [
        json.loads(path.read_text())["metrics"][metric] for path in folder.glob(f"trials/confirm-{arm}-*/result.json")
    ]
    return sum(found) / len(found)


@pytest.fixture
def pair(tmp_path, write_study) -> tuple[Path, Path]:
    """Two studies that trained alike with other seeds."""
    one = write_study(tmp_path, name="one", seeds=(0, 1), questions=5, search_trials=0)
    return one, write_study(tmp_path, name="other", seeds=(2, 3), questions=5, search_trials=0)


def test_studies_of_one_name_keep_their_own_numbers(tmp_path, write_study):
    folders = [
        write_study(tmp_path / place, name="quick", seed=seed, questions=8, search_trials=2)
        for seed, place in enumerate(("a", "b"))
    ]
    train_otherwise(folders[1], steps=400)
    report = build_report([str(folder) for folder in folders])
    assert report.title == "quick (a/quick) + quick (b/quick)"
    metric = "atlas/multilingual/map"
    truth = {f"X-Y [quick ({folder.parent.name}/quick)]": mean(folder, "X-Y", metric) for folder in folders}
    assert len(set(truth.values())) == 2
    shown = {row["arm"]: row["atlas_multilingual_map"] for row in report.table("results").records()}
    assert {name: shown[name] for name in truth} == pytest.approx(truth)
    assert len(shown) == len(report.findings.facts.arms) == 8
    assert all(j.first.study == j.second.study for j in report.findings.comparisons.judged)
    assert len(report.findings.comparisons.judged) == 2 * len(
        build_report([str(folders[0])]).findings.comparisons.judged
    )
    heading = [column.label for column in report.table("settings").columns][2:]
    assert heading == ["quick (a/quick)", "quick (b/quick)"]
    assert "quick (b/quick)" in page(report)


def test_a_label_is_the_shortest_end_of_the_path_that_tells_studies_apart(tmp_path, write_study):
    places = ("x/left", "x/right", "y/left")
    folders = [write_study(tmp_path / place, name="same", phase="search", search_trials=0) for place in places]
    folders.append(write_study(tmp_path, name="mine", phase="search", search_trials=0))
    labels = [study.label for study in opened(*folders).studies]
    assert labels == ["same (x/left/same)", "same (x/right/same)", "same (y/left/same)", "mine"]
    assert [study.label for study in opened(folders[0]).studies] == ["same"]
    # A copy of a study in a folder of another name.
    copy = shutil.copytree(folders[0], tmp_path / "x" / "left" / "copy")
    assert [study.label for study in opened(folders[0], copy).studies] == ["same", "same (copy)"]


def test_studies_that_trained_alike_are_put_together(pair):
    train_otherwise(pair[1], report_every=7, evaluate_every=9, checkpoint_every=11, seed=5)
    assert opened(*pair).find("best static").seeds == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "knob",
    [
        {"steps": 400},
        {"batch_size": 96},
        {"draw": "bernoulli"},
        {"precision": "bfloat16"},
        {"gradient_clip": 0.0},
        {"a_knob_of_tomorrow": True},
    ],
)
def test_other_knobs_are_another_training(pair, knob):
    train_otherwise(pair[1], **knob)
    facts = opened(*pair)
    assert facts.find("best static [one]").seeds == (0, 1)
    assert facts.find("best static [other]").seeds == (2, 3)


def test_arms_that_are_not_shared_must_have_been_trained_alike_to_meet(pair):
    """No arm of one study is in the other: what each arm is says nothing about the two."""
    one, other = pair
    for folder, kept in ((one, ("X-Y", "best static")), (other, ("X-X-mono", "best dynamic"))):
        rewrite(folder / "arms.json", lambda arms, kept=kept: [arm for arm in arms if arm["arm"] in kept])
    for path in other.glob("trials/confirm-*/trial.json"):
        rewrite(path, lambda spec: spec | {"seed": spec["seed"] - 2})
    assert Findings(opened(*pair)).comparisons.main
    train_otherwise(other, batch_size=96)
    judged = Findings(opened(*pair)).comparisons.judged
    assert all(j.first.study == j.second.study for j in judged)


@pytest.mark.parametrize("change", [{"pooling": "cls"}, {"layers": 2}, {"files": {"model.safetensors": [101, 7]}}])
def test_another_encoder_of_the_same_name_is_another_training(pair, change):
    encoder = {"name": "small", "pooling": "mean", "files": {"model.safetensors": [100, 7]}}
    for folder in pair:
        rewrite(folder / "study.json", lambda info: info | {"encoder": encoder})
    # A copy of a folder has times of its own.
    copied = encoder | {"files": {"model.safetensors": [100, 8]}}
    rewrite(pair[1] / "study.json", lambda info: info | {"encoder": copied})
    assert opened(*pair).find("X-Y").seeds == (0, 1, 2, 3)
    rewrite(pair[1] / "study.json", lambda info: info | {"encoder": encoder | change})
    assert opened(*pair).find("X-Y [other]").seeds == (2, 3)


def test_a_control_with_loss_mixing_takes_half_the_steps_and_parts_nothing(pair):
    one = pair[0]
    rewrite(one / "arms.json", lambda arms: [*arms, arms[-1] | {"arm": "control", "role": "control", "mixing": "loss"}])
    for path in list(one.glob("trials/confirm-best-dynamic-*/trial.json")):
        spec = json.loads(path.read_text())
        folder = path.parent.with_name(path.parent.name.replace("best-dynamic", "control"))
        folder.mkdir()
        training = spec["training"] | {"mixing": "loss", "steps": 100}
        (folder / "trial.json").write_text(
            json.dumps(spec | {"id": folder.name, "arm": "control", "training": training})
        )
        (folder / "result.json").write_bytes((path.parent / "result.json").read_bytes())
    facts = opened(*pair)
    assert facts.find("control").seeds == (0, 1)
    assert facts.find("X-Y").seeds == (0, 1, 2, 3)


def test_a_study_that_is_named_twice_counts_once_and_that_is_said_once(tmp_path, write_study):
    folder = write_study(tmp_path, questions=5, search_trials=0)
    (tmp_path / "link").symlink_to(folder)
    again = [str(folder), f"{folder}/", str(folder / ".." / folder.name), str(tmp_path / "link")]
    report = build_report(again)
    assert report.title == "quick"
    assert report.first_lines == (f"{folder} was named more than once: it counts once.",)


def test_seeds_that_occur_twice_are_one_line_for_each_arm(tmp_path, write_study):
    one = write_study(tmp_path, name="one", seeds=(0, 1, 2), questions=5, search_trials=0)
    other = write_study(tmp_path, name="other", seeds=(1, 2, 3), questions=5, search_trials=0)
    facts = opened(one, other)
    assert facts.find("X-Y").seeds == (0, 1, 2, 3)
    said = [line for line in facts.problems if "more than one study" in line]
    assert "Seeds 1, 2 of X-Y occur in more than one study: the first study counts." in said
    assert len(said) == len(facts.arms)


def test_rows_of_two_studies_on_one_of_several_models_can_be_told_apart(tmp_path, write_study):
    one = write_study(tmp_path, name="one", models=("small", "large"), questions=5, search_trials=0)
    other = write_study(tmp_path, name="other", models=("small",), questions=5, search_trials=0)
    train_otherwise(other, steps=400)
    report = build_report([str(one), str(other)])
    for name in ("results", "bias_atlas"):
        rows = [(row["arm"], row["model"]) for row in report.table(name).records()]
        assert len(set(rows)) == len(rows) == 12, name
        assert {("X-Y [one]", "small"), ("X-Y [other]", "small"), ("X-Y", "large")} <= set(rows)
    rows = [
        tuple(row[key] for key in ("arm", "model", "benchmark", "setting", "metric"))
        for row in report.table("other_metrics").records()
    ]
    assert len(set(rows)) == len(rows)
    # Bold is the best of each group of arms that may meet.
    table = report.table("results")
    bold = [row[0] for row in table.rows if row[3].mark == "best"]
    assert len(bold) == 3
    assert any("for each model and study" in note for note in table.notes)
