"""The plugins of all pages are used in one study; the study of each page itself is a nightly test of its page."""

import pandas as pd
import pytest

from tests.docs.pages import Lab

PLUGINS = {
    "adding_a_measure.md": ("lab_measures", "lab_bias"),
    "adding_a_space.md": ("lab_spaces",),
    "adding_a_schedule_family.md": ("lab_schedules",),
    "adding_an_encoder.md": ("lab_encoders",),
    "adding_a_benchmark.md": ("lab_capitals",),
    "adding_a_section.md": ("lab_seeds",),
}
STUDY = "studies/together"


def flags(*left_out: str) -> str:
    return " ".join(f"--plugin {name}" for names in PLUGINS.values() for name in names if name not in left_out)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp("lab")
    labs = [Lab(page, folder) for page in PLUGINS]
    labs[0].run(
        f"python -m study.run {flags()} --space falling_to_zero --model looped --evaluate capitals --data-dir data "
        '--objective overall/precision@3 --arms static,"line to zero" --arm "curved: ratio=quadratic(0.9,0.1)" '
        "--trials 1 --seeds 2 --set steps=20 --name together"
    )
    return labs[0]


@pytest.mark.slow
def test_everything_of_the_pages_is_in_the_report(lab: Lab) -> None:
    tables = lab.folder / STUDY / "report" / "tables"
    results, other = (pd.read_csv(tables / f"{name}.csv") for name in ("results", "other_metrics"))
    assert {"best static", "line to zero", "curved"} <= set(results["arm"])
    assert "capitals_multilingual_map" in results
    assert other.loc[other["metric"] == "precision@3", "value"].between(0, 1).all()
    report = lab.report(STUDY)
    for text in ("last rank ↓", "The main comparison by temperature", "The encoder was looped", "## Seeds"):
        assert text in report, text


@pytest.mark.slow
def test_a_report_without_a_section_is_the_same_without_it(lab: Lab) -> None:
    with_section = lab.report(STUDY)
    lab.run(f"python -m analysis.report {STUDY}")
    without = lab.report(STUDY)
    lab.run(f"python -m analysis.report {STUDY} --plugin lab_seeds")
    assert "## Seeds" not in without
    assert lab.report(STUDY) == with_section


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in ("lab_bias", "lab_spaces") else pytest.mark.nightly)
        for names in PLUGINS.values()
        for name in names
    ],
)
def test_resuming_names_the_plugin_that_is_not_given(lab: Lab, name: str) -> None:
    assert f"--plugin {name}" in lab.refused(f"python -m study.run --resume {STUDY} {flags(name)}")
