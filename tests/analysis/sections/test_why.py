"""The section on gradients and geometry: from the reports of trainings, absent where nothing was measured."""

import json

import pytest

from analysis.contents import build_report
from tests.analysis.conftest import FEW_ARMS, StudyPlan, write_study_files
from trainables.records import REPORTS


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    study = write_study_files(tmp_path_factory.mktemp("studies"), StudyPlan(arms=FEW_ARMS, search_trials=1))
    for path in study.glob(f"trials/confirm-*/{REPORTS}"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        measured = [line for line in lines if line["dev"]]
        for number, line in enumerate(measured):
            # A gradient that was lost, and one that falls.
            cosine = None if "X-Y" in str(path) else 0.5 - 0.1 * number
            line["explained"] = {"gradient_cosine": cosine, "language_identity": 0.9, "uniformity": -2.0}
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return build_report([str(study)]), len(measured)


def test_the_table_has_the_first_and_the_last_value_of_every_arm(report):
    found, count = report
    rows = {row["arm"]: row for row in found.table("why").records()}
    assert set(rows) == {arm.name for arm in FEW_ARMS}
    mono = rows["X-X-mono"]
    assert mono["gradient_cosine_first"] == pytest.approx(0.5)
    assert mono["gradient_cosine"] == pytest.approx(0.5 - 0.1 * (count - 1))
    assert (mono["uniformity"], mono["alignment_mono"]) == (-2.0, None)
    assert rows["X-Y"]["gradient_cosine"] is None


def test_the_figure_goes_through_the_means_over_the_seeds(report):
    found, count = report
    rows = found.figure("why").specification()["datasets"]["rows"]
    own = [row["value"] for row in rows if (row["arm"], row["panel"]) == ("X-X-mono", "Gradient cosine")]
    assert own == pytest.approx([0.5 - 0.1 * number for number in range(count)])


def test_a_study_that_measured_none_of_it_has_no_such_section(finished_study):
    found = build_report([str(finished_study)])
    assert (found.table("why"), found.figure("why")) == (None, None)
