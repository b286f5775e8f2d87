from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.statistics.errors import StatisticsError
from analysis.statistics.questions import QuestionTable, average, over_benchmarks, question_table

LANGUAGES = ["ar", "de", "en", "zh"]


def unbalanced(rng: np.random.Generator, questions: int = 40) -> pd.DataFrame:
    """Per-query rows like those of MLQA-R: English always, one to three other languages."""
    rows = []
    for number in range(questions):
        own = ["en", *rng.choice([x for x in LANGUAGES if x != "en"], rng.integers(1, 4), replace=False)]
        for query in own:
            rows.append((f"q{number}", query, "monolingual", query))
            rows += [(f"q{number}", query, "cross-lingual", pool) for pool in own if pool != query]
            rows.append((f"q{number}", query, "multilingual", "*"))
    frame = pd.DataFrame(rows, columns=["parallel_id", "query_language", "setting", "pool_language"])
    return frame.assign(benchmark="mlqa-r", map=rng.random(len(frame)).astype(np.float32))


def revalued(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.assign(map=rng.random(len(frame)).astype(np.float32))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["monolingual", "cross-lingual", "multilingual"]))
def test_the_estimate_is_the_macro_mean_over_cells(seed: int, setting: str) -> None:
    rng = np.random.default_rng(seed)
    first = unbalanced(rng)
    runs = {seed: revalued(first, rng) for seed in (3, 5)}
    table = question_table(runs, setting, "map")
    for place, frame in enumerate(runs.values()):
        rows = frame[frame["setting"] == setting].astype({"map": float})
        cells = rows.groupby(["query_language", "pool_language"])["map"].mean()
        assert table.seed_means[place] == pytest.approx(cells.mean(), abs=1e-12)
        assert len(table.cells) == len(cells)
    assert table.seeds == (3, 5)


def test_the_micro_average_is_the_mean_over_queries() -> None:
    rng = np.random.default_rng(0)
    frame = unbalanced(rng)
    rows = frame[frame["setting"] == "multilingual"]
    found = question_table({0: frame}, "multilingual", "map:micro")
    assert found.estimate == pytest.approx(rows["map"].astype(float).mean(), abs=1e-12)
    assert found.estimate != pytest.approx(question_table({0: frame}, "multilingual", "map").estimate, abs=1e-6)


def test_values_average_to_the_metric_of_each_seed() -> None:
    rng = np.random.default_rng(1)
    frame = unbalanced(rng)
    table = question_table({s: revalued(frame, rng) for s in range(4)}, "cross-lingual", "map")
    np.testing.assert_allclose(table.values.mean(axis=1), table.seed_means, atol=1e-12)


def test_a_balanced_question_has_its_own_mean_as_value() -> None:
    values = np.random.default_rng(2).random((3, 7, 5))
    table = QuestionTable.from_cells(range(3), "abcdefg", "vwxyz", values)
    np.testing.assert_allclose(table.values, values.mean(axis=2), atol=1e-12)


def test_linearised_values_have_the_variance_of_the_jackknife() -> None:
    rng = np.random.default_rng(3)
    table = question_table({0: unbalanced(rng, 200)}, "cross-lingual", "map")
    n = len(table.questions)
    left_out = []
    for q in range(n):
        keep = np.arange(n) != q
        ratio = table.sums[0, keep].sum(axis=0) / table.counts[keep].sum(axis=0)
        left_out.append(ratio @ table.weights)
    jackknife = np.sqrt((n - 1) / n * np.sum((np.array(left_out) - np.mean(left_out)) ** 2))
    assert table.values[0].std(ddof=1) / np.sqrt(n) == pytest.approx(jackknife, rel=0.03)


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    frame = unbalanced(rng)
    runs = {s: revalued(frame, rng) for s in range(3)}
    shuffled = {s: f.sample(frac=1, random_state=s) for s, f in runs.items()}
    one, other = (question_table(r, "cross-lingual", "map") for r in (runs, shuffled))
    assert (one.questions, one.cells) == (other.questions, other.cells)
    np.testing.assert_allclose(one.sums, other.sums, atol=1e-12)


def test_rows_without_a_value_are_left_out() -> None:
    rng = np.random.default_rng(5)
    frame = unbalanced(rng)
    gone = frame["query_language"] == "zh"
    table = question_table({0: frame.assign(map=frame["map"].mask(gone))}, "monolingual", "map")
    assert table.cells == ("ar", "de", "en")


def test_from_cells_agrees_with_rows() -> None:
    rng = np.random.default_rng(6)
    frame = unbalanced(rng)
    rows = frame[frame["setting"] == "monolingual"]
    block = rows.pivot(index="parallel_id", columns="query_language", values="map")
    values = block.to_numpy(np.float32)[None]
    extra = np.concatenate([values, np.full_like(values[:, :, :1], np.nan)], axis=2)
    extra = np.concatenate([extra, np.full_like(extra[:, :1], np.nan)], axis=1)
    found = QuestionTable.from_cells((0,), [*block.index, "unasked"], [*block.columns, "unfilled"], extra)
    expected = question_table({0: frame}, "monolingual", "map")
    assert (found.questions, found.cells) == (expected.questions, expected.cells)
    np.testing.assert_array_equal(found.sums, expected.sums)
    np.testing.assert_array_equal(found.counts, expected.counts)


def test_a_difference_is_taken_over_common_seeds() -> None:
    rng = np.random.default_rng(7)
    values = rng.random((4, 6, 2))
    arm = QuestionTable.from_cells((1, 2, 3), "abcdef", "xy", values[:3])
    baseline = QuestionTable.from_cells((3, 1, 9), "abcdef", "xy", values[1:])
    difference = arm.minus(baseline)
    assert difference.seeds == (1, 3)
    assert difference.seed_means == pytest.approx(
        [arm.seed_means[0] - baseline.seed_means[1], arm.seed_means[2] - baseline.seed_means[0]]
    )


def _empty(frame: pd.DataFrame) -> object:
    return question_table({}, "monolingual", "map")


def _null(frame: pd.DataFrame) -> object:
    return question_table({0: frame.assign(map=np.nan)}, "monolingual", "map")


def _unknown(frame: pd.DataFrame) -> object:
    return question_table({0: frame}, "monolingual", "mapp")


def _other_queries(frame: pd.DataFrame) -> object:
    return question_table({0: frame, 1: frame[frame["parallel_id"] != "q3"]}, "monolingual", "map")


def _other_holes(frame: pd.DataFrame) -> object:
    values = np.ones((2, 3, 2))
    values[1, 0, 0] = np.nan
    return QuestionTable.from_cells((0, 1), "abc", "xy", values)


def _no_value(frame: pd.DataFrame) -> object:
    return QuestionTable.from_cells((0,), "abc", "xy", np.full((1, 3, 2), np.nan))


def _other_seeds(frame: pd.DataFrame) -> object:
    table = question_table({0: frame}, "monolingual", "map")
    return table.minus(replace(table, seeds=(1,)))


def _other_questions(frame: pd.DataFrame) -> object:
    table = question_table({0: frame}, "monolingual", "map")
    return table.minus(question_table({0: frame[frame["parallel_id"] != "q3"]}, "monolingual", "map"))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (_empty, "no finished run"),
        (_null, "no value of 'map'"),
        (_unknown, "'mapp' is not among"),
        (_other_queries, "Seed 1 was judged on other queries than seed 0"),
        (_other_holes, "Seed 1 was judged on other queries than seed 0"),
        (_no_value, "no value to compare"),
        (_other_seeds, "share no seed"),
        (_other_questions, "different queries"),
    ],
)
def test_what_cannot_be_compared_is_refused(mistake: Callable[[pd.DataFrame], object], message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        mistake(unbalanced(np.random.default_rng(8)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_table_never_holds_a_non_finite_number(value: float) -> None:
    table = QuestionTable.from_cells((0, 1), "abc", "xy", np.ones((2, 3, 2)))
    with pytest.raises(ValueError, match="finite"):
        replace(table, sums=np.full((2, 3, 2), value))


def test_two_benchmarks_never_share_a_table() -> None:
    frame = unbalanced(np.random.default_rng(9))
    with pytest.raises(ValueError, match="one benchmark at a time"):
        question_table({0: pd.concat([frame, frame.assign(benchmark="other")])}, "monolingual", "map")


def test_the_average_of_tables_is_taken_over_the_seeds_that_all_have() -> None:
    rng = np.random.default_rng(0)
    one, other = (
        QuestionTable.from_cells(seeds, ["a", "b", "c"], ["de", "en"], rng.normal(size=(len(seeds), 3, 2)))
        for seeds in ((0, 1, 2), (1, 2, 3))
    )
    found = average([one, other])
    assert found.seeds == (1, 2)
    assert found.seed_means == pytest.approx((one.seed_means[1:] + other.seed_means[:2]) / 2)
    assert average([one]).estimate == one.estimate


def test_tables_without_a_common_seed_or_question_have_no_average() -> None:
    table = QuestionTable.from_cells((0, 1), ["a", "b"], ["en"], np.ones((2, 2, 1)))
    with pytest.raises(StatisticsError, match="share no seed"):
        average([table, replace(table, seeds=(2, 3))])
    with pytest.raises(StatisticsError, match="different queries"):
        average([table, replace(table, questions=("a", "c"))])


def test_a_group_of_seeds_is_the_mean_of_its_members() -> None:
    values = np.random.default_rng(0).random((5, 12, 3))
    table = QuestionTable.from_cells(range(5), [str(q) for q in range(12)], ["a", "b", "c"], values)
    grouped = table.grouped(lambda seed: seed % 2)
    assert grouped.seeds == (0, 1)
    assert grouped.values[0] == pytest.approx(table.values[[0, 2, 4]].mean(axis=0))
    assert grouped.values[1] == pytest.approx(table.values[[1, 3]].mean(axis=0))


def test_questions_of_one_group_are_one_unit() -> None:
    rng = np.random.default_rng(2)
    frame = unbalanced(rng)
    alone = question_table({1: frame}, "multilingual", "map")
    grouped = question_table({1: frame.assign(group=frame["parallel_id"].str[:2])}, "multilingual", "map")
    assert len(alone.questions) == 40
    assert grouped.questions == tuple(sorted({question[:2] for question in alone.questions}))
    assert grouped.seed_means == pytest.approx(alone.seed_means)
    ungrouped = question_table({1: frame.assign(group=None)}, "multilingual", "map")
    assert ungrouped.questions == alone.questions


def one_cell(values: list[float], names: str) -> QuestionTable:
    frame = pd.DataFrame(
        {"parallel_id": list(names), "query_language": "en", "setting": "monolingual", "pool_language": "en"}
    )
    return question_table({1: frame.assign(benchmark="b", map=values)}, "monolingual", "map")


def test_the_mean_over_benchmarks_counts_each_of_them_once() -> None:
    tables = {"small": one_cell([0.0, 1.0], "ab"), "large": one_cell([0.25] * 6, "abcdef")}
    apart = over_benchmarks(tables, share_questions=False)
    assert apart.seed_means.tolist() == [0.375]
    assert len(apart.questions) == 8, "equal ids of different benchmarks are different questions"
    together = over_benchmarks(tables, share_questions=True)
    assert together.seed_means.tolist() == [0.375]
    assert together.questions == tuple("abcdef")
    assert apart.values.mean() == pytest.approx(0.375)
