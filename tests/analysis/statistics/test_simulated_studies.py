"""What docs/statistics.md promises, by its own simulations of studies whose truth is known (hours: nightly)."""

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "statistics_coverage.py"
STUDIES = 1_000


def table(name: str, studies: int) -> list[dict[str, object]]:
    """The rows of a table of the script."""
    spec = importlib.util.spec_from_file_location("statistics_coverage", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tables: dict[str, Callable[[int], Iterator[Sequence[object]]]] = module.TABLES
    names, *rows = tables[name](studies)
    return [dict(zip(map(str, names), row, strict=False)) for row in rows]


def most(share: float, studies: int = STUDIES, errors: float = 2.0) -> float:
    return share + errors * float(np.sqrt(share * (1 - share) / studies))


def test_a_table_has_the_columns_that_it_names() -> None:
    rows = table("pairing", 2)
    assert len(rows) == 12
    assert set(rows[0]) == {"correlation", "seeds", "coverage", "coverage if paired", "width", "width if paired"}


@pytest.mark.nightly
@pytest.mark.timeout(7_200)
def test_differences_are_covered_and_verdicts_without_a_doubt_are_right() -> None:
    for row in table("difference", STUDIES):
        # Where one arm alone has bad seeds, no test of few seeds can hold: there the doubts must say so.
        if row["effect"] != "the same, one arm only":
            assert 0.93 <= row["coverage"] <= 0.985, row
            assert row["wrong better or worse"] <= most(0.05), row
        for kind in ("wrong better or worse, no doubt", "wrong equivalent", "wrong equivalent, no doubt"):
            assert row[kind] <= most(0.05), (kind, row)


@pytest.mark.nightly
@pytest.mark.timeout(7_200)
def test_no_dagger_is_lost_among_equal_arms() -> None:
    for row in table("families", STUDIES):
        assert row["a dagger is lost"] <= most(0.05), row
        assert row["any two told apart"] <= most(0.05), row


@pytest.mark.nightly
@pytest.mark.timeout(7_200)
def test_intervals_hold_whatever_pairs_of_arms_have_in_common() -> None:
    for row in table("twins", STUDIES):
        assert row["coverage"] >= 0.935, row


@pytest.mark.nightly
@pytest.mark.timeout(7_200)
def test_intervals_of_a_repeated_search_hold_for_new_searches() -> None:
    for row in table("searches", STUDIES):
        assert 0.93 <= row["coverage"] <= 0.985, row


@pytest.mark.nightly
@pytest.mark.timeout(7_200)
def test_four_of_five_studies_find_what_is_promised() -> None:
    for row in table("promises", STUDIES):
        # Promise and power are both simulated.
        assert abs(row["found where promised"] - 0.8) <= 0.05, row
        assert row["its interval holds the true size"] >= 0.89, row


@pytest.mark.nightly
@pytest.mark.timeout(7_200)
def test_looks_and_large_families_err_as_rarely_as_a_single_test() -> None:
    for row in table("looks", STUDIES):
        assert row["sequential rule"] <= most(0.05), row
    for row in table("many", STUDIES):
        assert row["any wrong verdict"] <= most(0.05, STUDIES // 10, errors=3), row
        assert row["seeds"] < 10 or row["found of what is there"] > 0.95, row
