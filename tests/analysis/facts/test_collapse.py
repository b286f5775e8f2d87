"""A collapsed encoder is named in the first lines, and its language bias gets no verdict."""

import pytest

from analysis.contents import build_report
from analysis.facts.collapse import collapsed_seeds
from tests.analysis.conftest import edit


def tie(folder, arm: str, seeds: tuple[int, ...], ties: float) -> None:
    for seed in seeds:
        path = folder / "trials" / f"confirm-{arm}-{seed}" / "result.json"
        edit(path, lambda result: result | {"metrics": result["metrics"] | {"atlas/bias/ties": ties}})


@pytest.mark.parametrize("seeds", [(12,), (11, 12, 13)])
def test_collapsed_seeds_are_named_and_bias_gets_no_verdict(tmp_path, write_study, seeds):
    folder = write_study(tmp_path, questions=20, search_trials=1)
    before = build_report([str(folder)])
    tie(folder, "best-dynamic", seeds, 20 * 3 * 599.0)
    report = build_report([str(folder)])
    arm = report.findings.facts.find("best dynamic")
    assert collapsed_seeds(arm, report.findings.facts.benchmarks[0]) == seeds
    (line,) = [line for line in report.first_lines if "has collapsed" in line]
    assert line.startswith(f"best dynamic has collapsed under {len(seeds)} seed")
    rows = list(report.table("comparisons").records())
    for row, old in zip(rows, before.table("comparisons").records(), strict=True):
        if row["metric"] == "rank distance" and "best dynamic" in (row["arm"], row["baseline"]):
            assert (row["verdict"], row["doubts"]) == ("not separable", "no fair sample")
        else:
            # Ranks are the worst that ties allow: what they say about quality stands.
            assert row == old
    assert f"No verdict: {len(seeds)} of 3 seeds of best dynamic collapsed" in " ".join(
        report.table("comparisons").notes
    )


def test_a_few_repeated_texts_are_no_collapse(tmp_path, write_study):
    folder = write_study(tmp_path, questions=8, search_trials=0)
    tie(folder, "best-dynamic", (11, 12, 13), 0.005 * 24 * 600)
    assert not build_report([str(folder)]).first_lines
