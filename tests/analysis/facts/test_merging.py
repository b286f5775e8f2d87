"""Several studies in one report: none is taken for another, and only equal trainings share their seeds."""

import shutil
from pathlib import Path

import pytest

from analysis.contents import build_report
from analysis.facts.facts import Facts
from analysis.findings.findings import Findings
from analysis.render.page import page
from study.records import EncoderRecord
from study.study_folder import open_study, write_study
from tests.analysis.conftest import edit, edit_arms, train_otherwise
from trainables.encoders.registry import encoder_config
from trainables.errors import UserError
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.registry import efficiency_record
from trainables.options import patched
from trainables.records import TRIAL


def opened(*folders) -> Facts:
    return Facts.of(map(str, folders))


def mean(folder: Path, arm: str, metric: str) -> float:
    study = open_study(str(folder))
    found = [trial.result.metrics[metric] for trial in study.confirm_trials(study.arm(arm, {}))]
    return sum(found) / len(found)


@pytest.fixture
def pair(tmp_path, write_study) -> tuple[Path, Path]:
    """Two studies that trained alike with other seeds."""
    one = write_study(tmp_path, name="one", seeds=(0, 1), questions=5, search_trials=0)
    return one, write_study(tmp_path, name="other", seeds=(2, 3), questions=5, search_trials=0)


@pytest.mark.slow
def test_studies_of_one_name_keep_their_own_numbers(tmp_path, write_study):
    folders = [
        write_study(tmp_path / place, name="quick", seed=seed, questions=8, search_trials=2)
        for seed, place in enumerate(("a", "b"))
    ]
    train_otherwise(folders[1], {"steps": 400})
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
    train_otherwise(
        pair[1], {"monitoring.reports": 7, "monitoring.evaluations": 9, "monitoring.checkpoints": 11, "seed": 3}, "*-3"
    )
    assert opened(*pair).find("best static").seeds == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 400},
        {"batches.size": 96},
        {"batches.draw": "bernoulli"},
        {"compute.precision": "bfloat16"},
        {"optimiser.gradient_clip": 0.0},
        {"encoder.max_query_length": 64},
    ],
)
def test_other_options_are_another_training(pair, options):
    train_otherwise(pair[1], options)
    facts = opened(*pair)
    assert facts.find("best static [one]").seeds == (0, 1)
    assert facts.find("best static [other]").seeds == (2, 3)


def test_arms_that_are_not_shared_must_have_been_trained_alike_to_meet(pair):
    """No arm of one study is in the other: what each arm is says nothing about the two."""
    one, other = pair
    for folder, kept in ((one, ("X-Y", "best static")), (other, ("X-X-mono", "best dynamic"))):
        edit_arms(folder, lambda arms, kept=kept: [arm for arm in arms if arm["arm"] in kept])
    for path in other.glob("trials/confirm-*/trial.json"):
        edit(path, lambda record: record["config"].update(seed=record["config"]["seed"] - 2))
    assert Findings(opened(*pair)).comparisons.main
    train_otherwise(other, {"batches.size": 96})
    judged = Findings(opened(*pair)).comparisons.judged
    assert all(j.first.study == j.second.study for j in judged)


@pytest.mark.parametrize(
    ("options", "content"),
    [({"pooling": "cls"}, "a"), ({"layers": 2}, "a"), ({}, "b")],
    ids=["pooling", "layers", "file"],
)
def test_another_encoder_of_the_same_name_is_another_training(pair, options, content):
    def put(folder: Path, file: str, **options) -> None:
        config = encoder_config({"kind": "test", "name": "small", **options})
        study = open_study(str(folder))
        encoder = EncoderRecord(config=config, files={"model.safetensors": file})
        write_study(study.folder, study.info.model_copy(update={"encoders": (encoder,)}))

    put(pair[0], "a")
    put(pair[1], "a")
    assert opened(*pair).find("X-Y").seeds == (0, 1, 2, 3)
    put(pair[1], content, **options)
    assert opened(*pair).find("X-Y [other]").seeds == (2, 3)


def test_a_control_with_loss_mixing_takes_half_the_steps_and_parts_nothing(pair):
    one = pair[0]
    mixing = {"batches.mixing": "loss", "steps": 100}

    def control(record):
        return record | {"arm": "control", "config": patched(record["config"], mixing)}

    edit_arms(one, lambda arms: [*arms, control(arms[-1]) | {"role": "control"}])
    for path in list(one.glob("trials/confirm-best-dynamic-*")):
        folder = Path(shutil.copytree(path, path.with_name(path.name.replace("best-dynamic", "control"))))
        edit(folder / TRIAL, lambda record, folder=folder: control(record) | {"id": folder.name})
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
    train_otherwise(other, {"steps": 400})
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


def test_studies_that_measured_efficiency_by_other_options_share_no_report(pair):
    def measured(**options):
        record = efficiency_record(EfficiencyConfig(**options)).model_dump(mode="json")
        return lambda info: info | {"efficiency": record}

    edit(pair[0] / "study.json", measured())
    assert opened(*pair).find("best static").seeds == (0, 1, 2, 3), "a study may have no such phase"
    edit(pair[1] / "study.json", measured())
    assert opened(*pair).find("best static").seeds == (0, 1, 2, 3)
    edit(pair[1] / "study.json", measured(links=32))
    with pytest.raises(UserError, match=r"one and other cannot .* the option links of their measure phase is 8 .* 32"):
        opened(*pair)
