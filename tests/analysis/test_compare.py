"""The command that compares two arms: which studies and arms it takes, and what its notes say."""

import re
import shutil

import pandas as pd
import pytest

from analysis import compare
from analysis.findings.findings import Findings
from tests.analysis.conftest import edit_arms, keep_queries, train_otherwise


@pytest.fixture(scope="module")
def pair(tmp_path_factory, write_study):
    storage = tmp_path_factory.mktemp("studies")
    plan = {"questions": 8, "search_trials": 0}
    return [str(write_study(storage, name=name, seeds=seeds, **plan)) for name, seeds in (("a", (0, 1)), ("b", (2, 3)))]


def run(capsys, *arguments: str) -> tuple[int, str]:
    status = compare.main([*arguments, "--top", "1"])
    printed = capsys.readouterr()
    return status, " ".join((printed.out if status == 0 else printed.err).split())


def test_several_studies_are_put_together_as_the_report_does(pair, capsys, tmp_path):
    status, out = run(capsys, *pair, "best dynamic", "best static", "--output", str(tmp_path))
    assert status == 0
    assert "Compared on atlas: 4 seeds x 8 questions" in out
    main = Findings.of(pair).comparisons.main
    rows = (tmp_path / "overview.csv").read_text().splitlines()
    place = rows[0].split(",").index("difference")
    assert [float(row.split(",")[place]) for row in rows[1:4]] == pytest.approx([j.comparison.difference for j in main])


def test_arms_of_studies_that_stand_alone_are_named_with_their_study(tmp_path, write_study, capsys):
    folders = [write_study(tmp_path, name=name, questions=5, search_trials=0) for name in ("a", "b")]
    train_otherwise(folders[1], {"steps": 400})
    locations = [str(folder) for folder in folders]
    status, said = run(capsys, *locations, "X-Y", "best static")
    assert (status, "'X-Y' is ambiguous" in said) == (2, True)
    assert run(capsys, *locations, "X-Y [b]", "X-Y [a]")[0] == 0


def test_without_a_study_the_newest_is_taken(tmp_path, write_study, monkeypatch, capsys):
    write_study(tmp_path / "studies", questions=5, search_trials=0, seeds=(1, 2))
    monkeypatch.chdir(tmp_path)
    status, out = run(capsys, "X-Y", "best static")
    assert (status, out.startswith("X-Y minus best static")) == (0, True)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("X-Y", "X-Y"), "'X-Y' and 'X-Y' name the same arm, so that there is nothing to compare"),
        (("twin", "X-Y"), "'twin' and 'X-Y' are the same training under two names, so that there is nothing"),
        ((), "alone cannot be compared: name two arms"),
    ],
)
def test_what_leaves_nothing_to_compare_is_said(tmp_path, write_study, capsys, names, said):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))

    def with_twin(arms):
        return [*arms, next(arm for arm in arms if arm["arm"] == "X-Y") | {"arm": "twin", "same_as": "X-Y"}]

    edit_arms(folder, with_twin)
    status, error = run(capsys, str(folder), *names)
    assert (status, said in error) == (2, True), error


def test_the_notes_name_the_families_and_what_was_paired_on_each_benchmark(finished_study, tmp_path, capsys):
    folder = tmp_path / "study"
    _copy_with_fewer_questions(finished_study, folder, "xquad-r", left=30)
    status, out = run(capsys, str(folder), "best dynamic", "X-Y")
    assert status == 0
    assert "hold together for the 6 rows of quality and for the 2 rows of rank distance." in out
    assert "atlas: 3 seeds x 40 questions" in out
    assert "xquad-r: 3 seeds x 30 questions" in out
    assert "as if nothing else had been compared" in out
    assert "with the spread of the seeds that all arms of the group show" in out


def test_the_verdict_of_the_report_stands_beside_its_own(finished_study, tmp_path, capsys):
    status, _ = run(capsys, str(finished_study), "best dynamic", "X-Y", "--output", str(tmp_path))
    assert status == 0
    judged = Findings.of([str(finished_study)]).comparisons.judged
    there = {
        (j.place.benchmark, j.place.setting, j.place.measure.label): j
        for j in judged
        if (j.first.name, j.second.name) == ("best dynamic", "X-Y")
    }
    rows = pd.read_csv(tmp_path / "in_report.csv")
    own = pd.read_csv(tmp_path / "overview.csv")
    assert len(rows) == len(there) == len(own) == 8
    for row in rows.to_dict("records"):
        found = there[row["benchmark"], row["setting"], row["metric"]]
        assert (row["verdict"], row["family"]) == (found.verdict, found.family)
        assert row["family_size"] == found.comparison.n_comparisons == 114
        assert row["p"] == pytest.approx(found.comparison.p_adjusted)
        assert (row["difference_low"], row["difference_high"]) == pytest.approx(found.comparison.interval)
    assert own["difference"].tolist() == pytest.approx(rows["difference"].tolist())


def _copy_with_fewer_questions(source, target, benchmark, left):
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("search-*", "report"))
    for path in target.glob("trials/confirm-*"):
        keep_queries(path, lambda rows: (rows["benchmark"] != benchmark) | (rows["parallel_id"] < f"q{left:04d}"))


def test_no_row_of_the_judged_tables_takes_two_lines_in_a_narrow_terminal(finished_study, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert compare.main([str(finished_study), "best dynamic", "X-Y", "--top", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    for benchmark in ("atlas", "xquad-r"):
        for setting in ("monolingual", "cross-lingual", "multilingual", "rank distance"):
            # Here and in the report.
            rows = [line for line in lines if re.match(rf"{benchmark}  +{setting}  ", line)]
            assert len(rows) == 2
            assert all(any(v in row for v in ("better", "worse", "equivalent", "not separable")) for row in rows)


@pytest.mark.parametrize("flag", ["--measure", "--against", "--ties", "--part"])
def test_options_of_runs_need_judgements(capsys, flag):
    status, said = run(capsys, flag, "trec", "a", "b")
    assert (status, f"{flag} is an option of runs, which need --qrels FILE" in said) == (2, True)
