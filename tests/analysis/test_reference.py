"""The published tables, fed through our code, give the printed means."""

import pytest

from analysis.reference import model_name, published_differences, published_means, published_results

# The differences in means of arXiv 2408.10536 at four decimals, from its tables 3 to 6.
MINUS_CROSS = {
    ("xlm-r", "xquad-r"): (0.0423, 0.0056, -0.0007),
    ("xlm-r", "mlqa-r"): (0.0225, 0.0034, 0.0045),
    ("labse", "xquad-r"): (0.0159, 0.0054, 0.0026),
    ("labse", "mlqa-r"): (0.0154, 0.0044, 0.0030),
}
MINUS_MONO = {
    ("xlm-r", "xquad-r"): (0.0059, 0.0316, 0.0448),
    ("xlm-r", "mlqa-r"): (0.0006, 0.0391, 0.0390),
    ("labse", "xquad-r"): (0.0084, 0.0153, 0.0300),
    ("labse", "mlqa-r"): (0.0057, 0.0250, 0.0281),
}
SETTINGS = ("monolingual", "cross-lingual", "multilingual")


def test_every_printed_mean_comes_out():
    compared = [series for series in published_results() if series.by_language and series.printed_mean is not None]
    assert len(compared) == 6 * 3 * 2 + 6 * 2 + 6 * 2
    for series in compared:
        digits = 1 if series.metric == "rank_distance" else 4
        # Printed means were rounded from unrounded languages: the last digit may be off by one unit.
        assert series.mean == pytest.approx(series.printed_mean, abs=0.75 * 10**-digits), series


@pytest.mark.parametrize(("column", "expected"), [("minus_cross", MINUS_CROSS), ("minus_mono", MINUS_MONO)])
def test_the_differences_of_hybrid_come_out_without_an_interval(column, expected):
    rows = {
        (r["model"], r["benchmark"], r["setting"]): r for r in published_differences().records() if r["metric"] == "map"
    }
    assert len(rows) == 12
    for (model, benchmark), values in expected.items():
        for setting, value in zip(SETTINGS, values, strict=True):
            row = rows[model, benchmark, setting]
            assert row[column] == pytest.approx(value, abs=1.1e-4)
            assert f"{column}_low" not in row


def test_published_tables_say_that_they_are_single_runs():
    for table in (published_means(), published_differences()):
        assert "Single run: no interval." in table.notes


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("xlm-r-base", "xlm-r"), ("FacebookAI/xlm-roberta-large", "xlm-r"), ("LaBSE", "labse"), ("mini-s", None)],
)
def test_models_are_matched_by_kind(ours, theirs):
    assert model_name(ours) == theirs
