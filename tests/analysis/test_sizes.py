"""Models of several sizes: what becomes of a gain."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.contents import build_report
from analysis.figures.outcome import size_curves
from analysis.figures.style import style
from analysis.findings import Findings
from analysis.render.table import format_value
from analysis.statistics.scaling import interaction_p_value
from analysis.tables.sizes import gains, growths, sentences
from study.records import open_study
from tests.analysis.conftest import FEW_ARMS

SIZES = {"s": 1e6, "m": 1e7, "l": 1e8}


def put_sizes(folder):
    for path in (folder / "trials").glob("confirm-*"):
        spec = json.loads((path / "trial.json").read_text())
        result = json.loads((path / "result.json").read_text())
        result["parameters"] = SIZES[spec["model"]]
        decades = np.log10(SIZES[spec["model"]]) - 6
        # The gain of the dynamic arm halves with every factor of ten: .08, .04, 0.
        gain = 0.08 - 0.04 * decades if spec["arm"] == "best dynamic" else 0.0
        noise = np.random.default_rng(spec["seed"]).normal(0, 0.001)
        result["metrics"]["atlas/multilingual/map"] = 0.5 + 0.05 * decades + gain + noise
        (path / "result.json").write_text(json.dumps(result))
    return folder


@pytest.fixture(scope="module")
def ladder(tmp_path_factory, write_study):
    storage = tmp_path_factory.mktemp("studies")
    return build_report(
        [str(put_sizes(write_study(storage, models=("s", "m", "l"), questions=15, with_queries=False)))]
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory, write_study):
    storage = tmp_path_factory.mktemp("studies")
    small = {"questions": 3, "languages": ("de", "en"), "search_trials": 1, "with_queries": False}
    for model in ("s", "m"):
        put_sizes(write_study(storage, name=model, models=(model,), **small))
    return storage


@pytest.fixture
def rungs(tmp_path, written):
    """One study per size; `changed(model, name, change)` edits all files of a name in the study of that model."""
    folders = {model: Path(shutil.copytree(written / model, tmp_path / model)) for model in ("s", "m")}

    def changed(model, name, change):
        for path in folders[model].rglob(name):
            held = json.loads(path.read_text())
            change(held)
            path.write_text(json.dumps(held))
        return Findings([open_study(str(folder)) for folder in folders.values()])

    return changed


def arm_of(held, name):
    return next(arm for arm in held if arm["arm"] == name)


def test_a_gain_that_shrinks_with_size_is_seen_to_shrink(ladder):
    rows = [r for r in ladder.table("sizes").records() if r["setting"] == "multilingual" and r["arm"] == "best dynamic"]
    assert len(rows) == 1
    assert rows[0]["baseline"] == "best static"
    assert rows[0]["change"] == pytest.approx(-0.04, abs=1e-6)
    assert rows[0]["gain"] == pytest.approx(0.0, abs=1e-6)


def test_the_answer_says_what_becomes_of_the_gain(ladder):
    assert "from 1M to 100M parameters, the gain of best dynamic over best static shrinks" in ladder.answer


def test_every_run_of_the_curves_by_size_says_its_value(ladder):
    with style():
        (figure,) = size_curves(ladder)
    for arm in ladder.findings.arms:
        for seed, value in arm.values("atlas/multilingual/map").items():
            size = {"s": "1,000,000", "m": "10,000,000", "l": "100,000,000"}[arm.model]
            place = f"{arm.name}\n{size} parameters, seed {seed}"
            assert f"{place}\nmultilingual mAP: {format_value(value, 'score')}" in figure.marks.texts
    assert set(figure.marks.names) == {arm.name for arm in ladder.findings.arms}


def test_arms_of_one_size_have_no_size_table(finished_study):
    assert build_report([str(finished_study)]).table("sizes") is None


def test_the_interaction_of_arms_and_size_stands_in_the_table_and_in_the_answer(ladder):
    fits, _ = growths(ladder.findings)
    (fit,) = (fit for fit in fits if fit.setting == "multilingual")
    p = interaction_p_value(fit.runs)
    assert p < 1e-6
    rows = [r for r in ladder.table("sizes").records() if r["setting"] == "multilingual"]
    assert [row["interaction"] for row in rows] == [p] * 3
    assert "all 4 arms change alike with size (no interaction of strategy and size) has p < .001" in ladder.answer


def test_questions_are_said_to_be_taken_as_given(ladder):
    assert "mAP of atlas, multilingual: For these questions, from 1M" in ladder.answer
    assert "survives" not in ladder.answer
    assert "Questions are taken as given" in " ".join(ladder.table("sizes").notes)


def test_studies_of_one_kind_and_two_sizes_have_a_trend(rungs):
    findings = rungs("s", "arms.json", lambda held: None)
    assert len(growths(findings)[0]) == 3
    assert len(sentences(findings)) == 1


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("trial.json", lambda held: held["training"].update(steps=40), "differ in steps (40, 200)"),
        ("trial.json", lambda held: held["training"].update(batch_size=64), "differ in batch size (48, 64)"),
        ("study.json", lambda held: held["data"]["training"].update(fingerprint="other"), "differ in training data"),
    ],
)
def test_studies_that_differ_in_more_than_size_have_no_trend(rungs, name, change, words):
    findings = rungs("s", name, change)
    assert growths(findings)[0] == []
    (sentence,) = sentences(findings)
    assert words in sentence
    assert gains(findings).rows == ()


def test_an_arm_with_another_schedule_at_every_size_has_no_trend(rungs):
    findings = rungs("s", "arms.json", lambda held: arm_of(held, "best dynamic").update(schedule={"family": "step"}))
    assert {row["arm"] for row in gains(findings).records()} == {"X-X-mono", "X-Y"}
    assert "best dynamic has another schedule at every size" in " ".join(sentences(findings))


@pytest.mark.parametrize(
    ("name", "twin", "left"),
    [
        ("X-Y", "X-X-mono", {"X-X-mono", "best static", "best dynamic"}),
        ("best dynamic", "X-Y", {"X-X-mono", "best static", "best dynamic"}),
        ("best dynamic", "best static", {"X-X-mono", "best static", "X-Y"}),
    ],
)
def test_one_training_under_two_names_counts_once(tmp_path, write_study, name, twin, left):
    arms = [replace(arm, same_as=twin) if arm.name == name else arm for arm in FEW_ARMS]
    folder = write_study(
        tmp_path, arms=arms, models=("s", "m"), languages=("de", "en"), questions=3, search_trials=1, with_queries=False
    )
    findings = Findings([open_study(str(put_sizes(folder)))])
    fits, _ = growths(findings)
    assert [set(fit.scaling.curves) for fit in fits] == [left] * 3
