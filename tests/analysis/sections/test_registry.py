"""The sections of the report."""

import pytest

from analysis.sections.registry import SECTIONS
from analysis.sections.section import Section
from trainables.errors import UserError


def test_the_order_of_the_report_is_that_of_the_registry(finished_study):
    from analysis.contents import build_report

    report = build_report([str(finished_study)])
    assert [part.section.key for part in report.parts] == list(SECTIONS)
    assert list(SECTIONS)[:3] == ["efficiency", "results", "comparisons"]
    assert list(SECTIONS)[-1] == "details"


def test_a_section_has_a_key_of_its_own():
    with pytest.raises(UserError, match="There are two of the section of the report 'bias'"):
        SECTIONS.register(Section("bias", "Bias", "Another one."))


def test_a_section_that_shows_nothing_is_none(finished_study):
    from analysis.findings.findings import Findings

    empty = Section("empty", "Empty", "Nothing.")
    findings = Findings.of([str(finished_study)])
    assert [list(of(findings)) for of in (empty.tables, empty.figures, empty.sentences)] == [[], [], []]
