"""Models of several sizes: whether a gain survives."""

import json

import numpy as np
import pytest

from analysis.contents import build_report
from analysis.figures.outcome import size_curves
from analysis.figures.style import style
from analysis.table import format_value


@pytest.fixture(scope="module")
def ladder(tmp_path_factory, write_study):
    folder = write_study(tmp_path_factory.mktemp("studies"), models=("s", "m", "l"), questions=15, with_queries=False)
    sizes = {"s": 1e6, "m": 1e7, "l": 1e8}
    for path in (folder / "trials").glob("confirm-*"):
        spec = json.loads((path / "trial.json").read_text())
        result = json.loads((path / "result.json").read_text())
        result["parameters"] = sizes[spec["model"]]
        decades = np.log10(sizes[spec["model"]]) - 6
        # The gain of the dynamic arm halves with every factor of ten: .08, .04, 0.
        gain = 0.08 - 0.04 * decades if spec["arm"] == "best dynamic" else 0.0
        noise = np.random.default_rng(spec["seed"]).normal(0, 0.001)
        result["metrics"]["atlas/multilingual/map"] = 0.5 + 0.05 * decades + gain + noise
        (path / "result.json").write_text(json.dumps(result))
    return build_report([str(folder)])


def test_a_gain_that_shrinks_with_size_is_seen_to_shrink(ladder):
    rows = [r for r in ladder.table("sizes").records() if r["setting"] == "multilingual" and r["arm"] == "best dynamic"]
    assert len(rows) == 1
    assert rows[0]["baseline"] == "best static"
    assert rows[0]["change"] == pytest.approx(-0.04, abs=1e-6)
    assert rows[0]["gain"] == pytest.approx(0.0, abs=1e-6)


def test_the_answer_says_what_becomes_of_the_gain(ladder):
    assert "From 1M to 100M parameters the gain of best dynamic over best static shrinks" in ladder.answer


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
