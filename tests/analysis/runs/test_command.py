"""`analysis.compare --qrels`: what it prints and writes, and that its statistics are those of the project."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import compare
from analysis.runs.comparisons import SystemComparisons
from analysis.runs.evaluator import ranking_measures
from analysis.runs.measured import Measured
from analysis.statistics.questions import QuestionTable
from analysis.statistics.significance import Contrast
from analysis.statistics.significance import compare as judged
from trainables.errors import UserError

QUERIES, DOCUMENTS = 60, 40
NDCG = ranking_measures(["ndcg@10"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Judgements of 60 queries, and three systems of three runs, each better than the one before."""
    folder, rng = tmp_path_factory.mktemp("runs"), np.random.default_rng(0)
    relevant = rng.integers(0, DOCUMENTS, (QUERIES, 2))
    hard = rng.normal(0, 0.7, QUERIES)
    (folder / "qrels").write_text("".join(f"q{q} 0 d{d} 1\n" for q, of in enumerate(relevant) for d in set(of)))
    for number, system in enumerate(("weak", "middle", "strong")):
        for seed in range(3):
            rows = []
            for query in range(QUERIES):
                scores = rng.normal(0, 1, DOCUMENTS)
                scores[relevant[query]] += 1 + 1.5 * number - hard[query]
                rows += [f"q{query} Q0 d{d} 0 {score:.4f} t\n" for d, score in enumerate(scores)]
            (folder / f"{system}-{seed}.trec").write_text("".join(rows))
    return folder


def run(folder: Path, capsys, *arguments: str) -> tuple[int, str]:
    """The exit status, and what was printed, on one line."""
    texts = [str(folder / text) if (folder / text).exists() else text for text in arguments]
    status = compare.main(["--qrels", str(folder / "qrels"), *texts])
    printed = capsys.readouterr()
    return status, " ".join((printed.out if status == 0 else printed.err).split())


def seeds(folder: Path, system: str) -> str:
    return f"{system}=" + ",".join(str(folder / f"{system}-{seed}.trec") for seed in range(3))


def test_two_runs_are_compared_by_their_questions(folder, capsys, tmp_path):
    status, out = run(folder, capsys, "weak-0.trec", "strong-0.trec", "--output", str(tmp_path), "--top", "1")
    assert status == 0
    assert out.startswith("strong-0 is better than weak-0 on nDCG@10: +.")
    assert "One run for each system: the question is the unit" in out
    assert "Compared on 60 questions of qrels." in out
    (row,) = pd.read_csv(tmp_path / "comparisons.csv").to_dict("records")
    questions = pd.read_csv(tmp_path / "questions_ndcg_10.csv")
    assert len(questions) == QUERIES
    assert row["difference"] == pytest.approx(questions["difference"].mean())
    assert (row["runs"], row["questions"], row["family_size"]) == (1, QUERIES, 1)
    assert json.loads((tmp_path / "systems.json").read_text())["rows"][0]["system"] == "strong-0"
    assert (tmp_path / "comparison.md").read_text().startswith("**strong-0 is better than weak-0")


def test_several_runs_are_judged_as_arms_with_seeds_are(folder, capsys, tmp_path):
    systems = [seeds(folder, name) for name in ("weak", "middle", "strong")]
    status, out = run(folder, capsys, *systems, "--output", str(tmp_path), "--measure", "map", "--measure", "ndcg@10")
    assert status == 0
    assert "pairs of neighbours are separable on mAP" in out
    assert "hold together for all pairs of systems on all measures (6 comparisons)" in out
    rows = pd.read_csv(tmp_path / "comparisons.csv")
    assert len(rows) == 6
    assert set(rows["runs"]) == {3}


def test_intervals_and_verdicts_are_those_of_the_project():
    rng = np.random.default_rng(1)
    values = rng.uniform(size=(2, 1, 4, 50))
    found = SystemComparisons([Measured("a", values[0]), Measured("b", values[1])], [*map(str, range(50))], NDCG, 0.005)
    tables = [QuestionTable.from_cells(range(4), [*map(str, range(50))], ["all"], one[0][:, :, None]) for one in values]
    (expected,) = judged([Contrast(*tables)])
    assert found.find(("a", "b"), NDCG[0]) == expected


def test_a_single_run_beside_several_is_taken_as_it_is(folder, capsys, tmp_path):
    status, out = run(folder, capsys, seeds(folder, "weak"), "strong-0.trec", "--output", str(tmp_path))
    assert status == 0
    assert "3 runs for each system; of strong-0 there is one, and the luck of its training is in no interval" in out
    (row,) = pd.read_csv(tmp_path / "comparisons.csv").to_dict("records")
    assert row["runs"] == 3


def test_a_system_with_more_runs_counts_with_as_many_as_the_others():
    rng = np.random.default_rng(2)
    systems = [Measured(name, rng.uniform(size=(1, runs, 30))) for name, runs in (("a", 5), ("b", 3), ("c", 1))]
    found = SystemComparisons(systems, [*map(str, range(30))], NDCG, 0.005)
    for name in "abc":
        assert found.table(name, NDCG[0]).seeds == (0, 1, 2)
    assert found.mean("a", NDCG[0]).mean == pytest.approx(systems[0].values[0, :3].mean())


def test_translations_are_one_unit_and_the_mean_is_over_queries():
    rng = np.random.default_rng(3)
    of_question = rng.uniform(size=(2, 1, 1, 40))
    queries = np.concatenate([of_question, of_question, of_question[..., :10]], axis=-1)
    names = [*map(str, range(40)), *map(str, range(40)), *map(str, range(10))]
    systems = [Measured(name, values) for name, values in zip("ab", queries, strict=True)]
    found = SystemComparisons(systems, names, NDCG, 0.005)
    assert (found.questions, found.queries) == (40, 90)
    assert found.mean("a", NDCG[0]).mean == pytest.approx(queries[0].mean())
    alone = SystemComparisons(systems, [*map(str, range(90))], NDCG, 0.005)
    wide, narrow = (one.find(("a", "b"), NDCG[0]).interval for one in (found, alone))
    assert wide[1] - wide[0] > 1.3 * (narrow[1] - narrow[0])


def test_of_many_systems_equal_ones_are_rarely_separable_and_all_keep_the_dagger():
    """An instance of the kind of leaderboards: 20 neighbours without a difference."""
    wrong = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        hard = rng.uniform(size=200)
        systems = [Measured(f"s{i}", (hard + rng.normal(0, 0.2, 200))[None, None]) for i in range(20)]
        found = SystemComparisons(systems, [*map(str, range(200))], NDCG, 0.005)
        assert found.number == 190
        marks = found.marks(NDCG[0])
        assert list(marks.values()).count("best") == 1
        wrong += "" in marks.values()
    assert wrong <= 3


def test_against_one_system_there_are_fewer_comparisons(folder, capsys, tmp_path):
    runs = ["weak-0.trec", "middle-0.trec", "strong-0.trec"]
    status, out = run(folder, capsys, *runs, "--against", "middle-0", "--output", str(tmp_path))
    assert status == 0
    assert "Of 2 systems against middle-0 on nDCG@10: 1 better" in out
    assert pd.read_csv(tmp_path / "comparisons.csv")["baseline"].tolist() == ["middle-0"] * 2
    assert "†" not in out


def test_what_a_run_lacks_or_has_too_much_is_said(folder, capsys, tmp_path):
    lines = (folder / "weak-0.trec").read_text().splitlines(keepends=True)
    extra = "other Q0 d1 0 1 t\nq1 Q0 q1 0 99 t\n"
    cut = tmp_path / "cut.trec"
    cut.write_text("".join(line for line in lines if not line.startswith("q7 ")) + extra)
    status, out = run(folder, capsys, str(cut), "strong-0.trec")
    assert status == 0
    assert "cut.trec lacks 1 of 60 judged queries: they count 0." in out
    assert "cut.trec answers 1 without judgements: they are left out." in out
    assert "finds for 1 of its queries a document with the same id" in out
    assert "same id" not in run(folder, capsys, str(cut), "strong-0.trec", "--ignore-identical-ids")[1]
    copy = tmp_path / "copy.trec"
    copy.write_text("".join(lines))
    status, out = run(folder, capsys, f"x={folder / 'weak-0.trec'},{copy}", "strong-0.trec")
    assert (status, "x: two runs have the same values" in out) == (0, True)


def test_queries_with_nothing_relevant_count_zero_for_all(folder, capsys, tmp_path):
    qrels = tmp_path / "qrels"
    qrels.write_text((folder / "qrels").read_text() + "empty 0 d1 0\n")
    arguments = ["--qrels", str(qrels), *(str(folder / f"{name}-0.trec") for name in ("weak", "strong"))]
    assert compare.main(arguments) == 0
    out = capsys.readouterr().out
    assert "1 of 61 queries have no relevant document: they count 0 for every system." in out
    assert "Compared on 61 questions" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("weak-0.trec",), "weak-0 alone cannot be compared"),
        (("weak-0.trec", "weak-1.trec", "--against", "weak-2"), "Unknown system 'weak-2': did you mean weak-1"),
        (("x=weak-0.trec", "strong-0.trec"), "There is no file or folder 'weak-0.trec' for 'x'"),
        (("weak-0.trec", "strong-0.trec", "--measure", "ndcg@10,map"), "as in --measure ndcg@10 --measure map"),
        (("weak-0.trec", "strong-0.trec", "--ties", "best"), "invalid choice"),
        (("weak-0.trec", "strong-0.trec", "--language", "de"), "--language is an option of studies"),
        (("weak-0.trec", "strong-0.trec", "--margin", "2"), "--margin is 2.0"),
    ],
)
def test_mistakes_end_in_one_sentence(folder, capsys, arguments, said):
    status, error = run(folder, capsys, *arguments)
    assert (status, said in error) == (2, True), error


def test_two_systems_of_one_name_are_refused(folder, capsys, tmp_path):
    other = tmp_path / "weak-0.trec"
    other.write_text((folder / "weak-1.trec").read_text())
    status, error = run(folder, capsys, "weak-0.trec", str(other))
    assert (status, "Two systems are called 'weak-0'" in error) == (2, True)


def test_a_lone_question_gets_no_verdict():
    systems = [Measured(name, np.full((1, 1, 1), value)) for name, value in (("a", 0.5), ("b", 0.7))]
    found = SystemComparisons(systems, ["q"], NDCG, 0.005)
    assert (found.is_sample, found.find(("b", "a"), NDCG[0]).obstacle) == (False, "single question")
    with pytest.raises(UserError, match="alone cannot be compared"):
        SystemComparisons(systems[:1], ["q"], NDCG, 0.005)


@pytest.mark.parametrize("name", ["intfloat/multilingual-e5-large-instruct", "a\x1b[31mb", "@cmd", "[/b]", "名前" * 30])
def test_any_name_is_inert_and_no_line_is_wider_than_the_terminal(folder, capsys, monkeypatch, tmp_path, name):
    monkeypatch.setenv("COLUMNS", "80")
    systems = [f"{name}={folder / 'weak-0.trec'}", *(str(folder / f"{one}-0.trec") for one in ("middle", "strong"))]
    assert compare.main(["--qrels", str(folder / "qrels"), *systems, "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert all(len(line) <= 80 for line in out.splitlines()[3:] if "Written" not in line)
    assert "\n@cmd" not in (tmp_path / "systems.csv").read_text()
