"""The mean over the members of a collection is a result like that of a benchmark."""

import pytest

from analysis.facts.facts import Facts, Place
from analysis.facts.questions import Questions
from analysis.report import main
from study.records import CollectionRecord

BOTH = {"both": CollectionRecord(members=("atlas", "xquad-r"))}


@pytest.fixture
def folder(tmp_path, write_study):
    return write_study(tmp_path, benchmarks=("atlas", "xquad-r"), collections=BOTH, questions=8)


def test_a_collection_is_judged_where_all_of_its_members_are(folder) -> None:
    facts = Facts.of([str(folder)])
    assert [one.name for one in facts.benchmarks] == ["atlas", "xquad-r", "both"]
    both = facts.benchmark("both")
    assert both.record is None
    for place in both.places:
        if place.setting != "overall":
            for run in facts.find("X-Y").runs:
                name = f"{place.setting}/{place.measure.name}"
                members = [run.metrics[f"{member}/{name}"] for member in BOTH["both"].members]
                assert run.metrics[f"both/{name}"] == pytest.approx(sum(members) / 2)


def test_its_values_per_question_are_those_of_its_members(folder) -> None:
    facts = Facts.of([str(folder)])
    questions, arm = Questions(facts), facts.find("X-Y")
    measure = facts.benchmark("both").measure
    table = questions.table(arm, Place("both", "multilingual", measure))
    parts = [questions.table(arm, Place(name, "multilingual", measure)) for name in BOTH["both"].members]
    assert table is not None
    assert len(table.questions) == sum(len(part.questions) for part in parts if part is not None) == 16
    own = [run.metrics[f"both/multilingual/{measure.name}"] for run in arm.runs]
    assert table.seed_means == pytest.approx(own, abs=1e-6)


@pytest.mark.slow
def test_the_report_compares_arms_on_it(folder, tmp_path, capsys) -> None:
    assert main([str(folder), "--output", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "report.md").read_text()
    assert "both" in text
    assert "nan" not in text.lower().split()
