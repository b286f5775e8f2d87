"""One sign for minus in everything that a report says."""

import re

import pytest

from analysis.contents import build_report
from analysis.render.files import report_markdown
from tests.analysis.conftest import FEW_ARMS, StudyPlan, write_study_files


@pytest.mark.slow
def test_no_number_in_a_report_has_a_hyphen_for_minus(tmp_path):
    plans = (
        StudyPlan(name="one", arms=FEW_ARMS, models=("s", "l"), questions=12, search_trials=2),
        StudyPlan(name="two", arms=FEW_ARMS, batch_sizes=(24, 48), questions=12, search_trials=2),
        StudyPlan(name="three", arms=FEW_ARMS, seeds=(1, 2), questions=12, search_trials=2),
    )
    for plan in plans:
        report = build_report([str(write_study_files(tmp_path, plan))])
        # Settings repeat what was typed, and references are BibTeX.
        said = report_markdown(report).split("## Settings, versions")[0].split("```")[0]
        found = [said[max(0, m.start() - 30) : m.end() + 5] for m in re.finditer(r"(?<=[\s(\[])-\.?\d", said)]
        assert found == []


def test_without_its_numbers_there_is_no_column_of_detectable_differences(tmp_path):
    plan = StudyPlan(arms=FEW_ARMS, seeds=(1, 2), questions=12, search_trials=1)
    report = build_report([str(write_study_files(tmp_path, plan))])
    assert "etectable" not in report_markdown(report)
