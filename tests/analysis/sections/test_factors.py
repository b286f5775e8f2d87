"""Models of several sizes, batches of several sizes: what becomes of a gain."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.contents import build_report
from analysis.facts.facts import Facts
from analysis.findings.findings import Findings
from analysis.findings.levels import cell_pairs
from analysis.render.style import values
from analysis.render.table import format_value
from analysis.sections.factors import sentences
from analysis.sections.sizes import trends
from analysis.statistics.scaling import interaction_p_value
from study.study_folder import Trial, open_study
from tests.analysis.conftest import FEW_ARMS, edit, edit_arms, train_otherwise
from trainables.options import patched

SIZES = {"s": 1_000_000, "m": 10_000_000, "l": 100_000_000}


def put_sizes(folder: Path) -> Path:
    def put(trial: Trial) -> None:
        size = SIZES[trial.config.encoder.name]
        decades = np.log10(size) - 6
        # The gain of the dynamic arm falls with every factor of ten: .08, .04, 0.
        gain = 0.08 - 0.04 * decades if trial.record.arm == "best dynamic" else 0.0
        noise = np.random.default_rng(trial.seed).normal(0, 0.001)
        value = {"atlas/multilingual/map": 0.5 + 0.05 * decades + gain + noise}
        edit(
            trial.folder.local_path / "result.json",
            lambda result: result | {"parameters": size, "metrics": result["metrics"] | value},
        )

    for trial in open_study(str(folder)).trials:
        if trial.phase == "confirm":
            put(trial)
    return folder


@pytest.fixture(scope="module")
def ladder(tmp_path_factory, write_study):
    storage = tmp_path_factory.mktemp("studies")
    return build_report(
        [str(put_sizes(write_study(storage, models=("s", "m", "l"), questions=15, with_queries=False)))]
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory, write_study):
    storage = tmp_path_factory.mktemp("studies")
    small = {"questions": 3, "languages": ("de", "en"), "search_trials": 1, "with_queries": False}
    for model in ("s", "m"):
        put_sizes(write_study(storage, name=model, models=(model,), **small))
    return storage


@pytest.fixture
def rungs(tmp_path, written) -> list[Path]:
    """One study per size."""
    return [Path(shutil.copytree(written / model, tmp_path / model)) for model in ("s", "m")]


def findings_of(folders: list[Path]) -> Findings:
    return Findings.of([str(folder) for folder in folders])


def test_a_gain_that_shrinks_with_size_is_seen_to_shrink(ladder):
    rows = [r for r in ladder.table("sizes").records() if r["setting"] == "multilingual" and r["arm"] == "best dynamic"]
    assert len(rows) == 1
    assert rows[0]["baseline"] == "best static"
    assert rows[0]["change"] == pytest.approx(-0.04, abs=1e-6)
    assert rows[0]["gain"] == pytest.approx(0.0, abs=1e-6)


def test_the_answer_says_what_becomes_of_the_gain(ladder):
    assert "from 1M to 100M parameters, the gain of best dynamic over best static shrinks" in ladder.answer


def test_every_run_is_drawn_beside_the_curves_by_size(ladder):
    figure = ladder.figure("sizes_atlas")
    drawn = {(row["setting"], row["arm"], row["size"], row["seed"]): row["value_text"] for row in values(figure.data)}
    arms = ladder.findings.facts.arms
    for arm in arms:
        for seed, value in arm.values("atlas/multilingual/map").items():
            assert drawn["multilingual", arm.name, SIZES[arm.model], seed] == format_value(value, "score")
    assert len(drawn) == 3 * sum(len(arm.seeds) for arm in arms)
    assert "the gain of best dynamic over best static shrinks" in figure.description


def test_arms_of_one_size_have_no_size_table(finished_study):
    assert build_report([str(finished_study)]).table("sizes") is None


def test_the_interaction_of_arms_and_size_stands_in_the_table_and_in_the_answer(ladder):
    fits, _ = ladder.findings.growths
    (fit,) = (fit for fit in fits if fit.setting == "multilingual")
    p = interaction_p_value(fit.runs)
    assert p < 1e-6
    rows = [r for r in ladder.table("sizes").records() if r["setting"] == "multilingual"]
    assert [row["interaction"] for row in rows] == [p] * 3
    assert "all 4 arms change alike with size (no interaction of strategy and size) has p < .001" in ladder.answer


def test_questions_are_said_to_be_taken_as_given(ladder):
    assert "mAP of atlas, multilingual: For these questions, from 1M" in ladder.answer
    assert "survives" not in ladder.answer
    assert "Questions are taken as given" in " ".join(ladder.table("sizes").notes)


def test_studies_of_one_kind_and_two_sizes_have_a_trend(rungs):
    findings = findings_of(rungs)
    assert len(findings.growths[0]) == 3
    assert len(sentences(findings)) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [({"steps": 40}, "differ in steps (40, 200)"), ({"batches.size": 64}, "differ in batch size (48, 64)")],
)
def test_studies_that_trained_otherwise_have_no_trend(rungs, options, words):
    train_otherwise(rungs[0], options)
    check_no_trend(findings_of(rungs), words)


def test_studies_of_other_training_data_have_no_trend(rungs):
    edit(rungs[0] / "study.json", lambda info: info["data"]["training"].update(fingerprint="other"))
    check_no_trend(findings_of(rungs), "differ in training data")


def check_no_trend(findings: Findings, words: str) -> None:
    assert findings.growths[0] == []
    (sentence,) = sentences(findings)
    assert words in sentence
    assert list(trends(findings)) == []


def test_an_arm_with_another_schedule_at_every_size_has_no_trend(rungs):
    def changed(arm):
        other = {"config": patched(arm["config"], {"ratio.start": 0.4})}
        return arm | (other if arm["arm"] == "best dynamic" else {})

    edit_arms(rungs[0], lambda arms: [changed(arm) for arm in arms])
    findings = findings_of(rungs)
    (table,) = trends(findings)
    assert {row["arm"] for row in table.records()} == {"X-X-mono", "X-Y"}
    assert "best dynamic has no one schedule for every size" in " ".join(sentences(findings))


@pytest.mark.parametrize(
    ("name", "twin", "left"),
    [
        ("X-Y", "X-X-mono", {"X-X-mono", "best static", "best dynamic"}),
        ("best dynamic", "X-Y", {"X-X-mono", "best static", "best dynamic"}),
        ("best dynamic", "best static", {"X-X-mono", "best static", "X-Y"}),
    ],
)
def test_one_training_under_two_names_counts_once(tmp_path, write_study, name, twin, left):
    arms = [replace(arm, same_as=twin) if arm.name == name else arm for arm in FEW_ARMS]
    folder = write_study(
        tmp_path, arms=arms, models=("s", "m"), languages=("de", "en"), questions=3, search_trials=1, with_queries=False
    )
    fits, _ = Findings.of([str(put_sizes(folder))]).growths
    assert [set(fit.scaling.curves) for fit in fits] == [left] * 3


LEVELS = {"s": 1.6, "m": 1.1, "l": 0.7}
"""The planted quality of the dynamic arm in the pool of all languages, by model; that of the static one is .7."""
PLAN = {"questions": 60, "search_trials": 1, "languages": ("de", "en"), "seeds": (11, 12, 13, 14, 15)}
GROWING = [
    replace(arm, multi_by_model=LEVELS) if arm.name == "best dynamic" else arm
    for arm in FEW_ARMS
    if arm.name.startswith("best")
]
CONTROLLED = [
    replace(arm, multi_by_model={"s": 1.1, "m": 1.6, "48, steps of 24": 1.3}) if arm.multi_by_model else arm
    for arm in GROWING
]
PLACE = "mAP of atlas, multilingual"
GAIN = "best dynamic over best static"


def write_level(write_study, storage, model, **changes):
    return write_study(storage, name=model, models=(model,), arms=GROWING, seed=ord(model), **{**PLAN, **changes})


@pytest.fixture(scope="module", params=["one study", "a study per model"])
def by_model(request, tmp_path_factory, write_study):
    """Three models: the levels of a factor of one study, or of a study each."""
    storage = tmp_path_factory.mktemp("studies")
    if request.param == "one study":
        return build_report([str(write_study(storage, models=tuple(LEVELS), arms=GROWING, **PLAN))])
    return build_report([str(write_level(write_study, storage, model)) for model in LEVELS])


def difference(report, model, setting="multilingual"):
    """The main difference on one model, straight from the summaries."""
    arms = [report.findings.facts.find(f"{name} ({model})") for name in ("best dynamic", "best static")]
    found = [arm.values(f"atlas/{setting}/map") for arm in arms]
    return np.mean([found[0][seed] - found[1][seed] for seed in PLAN["seeds"]])


def rows_of(report, name):
    return list(report.table(name).records())


def test_the_pooled_difference_is_the_mean_of_those_at_every_level(by_model):
    for setting in ("monolingual", "cross-lingual", "multilingual"):
        rows = {row["level"]: row for row in rows_of(by_model, "levels") if row["setting"] == setting}
        assert list(rows) == ["s", "m", "l", "all models"]
        for model in LEVELS:
            assert rows[model]["difference"] == pytest.approx(difference(by_model, model, setting), abs=1e-6)
        mean = np.mean([rows[model]["difference"] for model in LEVELS])
        assert rows["all models"]["difference"] == pytest.approx(mean)
        assert rows["all models"]["difference_low"] < mean < rows["all models"]["difference_high"]
        # Three levels say more than each of them.
        widths = {level: row["difference_high"] - row["difference_low"] for level, row in rows.items()}
        assert widths["all models"] < np.mean([widths[model] for model in LEVELS])


def test_levels_and_pool_are_one_family_where_the_objective_looks_and_one_elsewhere(by_model):
    main = by_model.findings.comparisons.main
    assert len(main) == 3 * (len(LEVELS) + 1)
    for j in main:
        is_question = j.place.setting == "multilingual"
        assert (j.family, j.comparison.n_comparisons) == (("question", 4) if is_question else ("elsewhere", 8))
        assert j.comparison.p_adjusted == min(1.0, j.comparison.n_comparisons * j.comparison.p)
    assert sum(len(j.first.parts) == 3 for j in main) == 3


def test_the_interaction_is_the_difference_of_differences(by_model):
    rows = [row for row in rows_of(by_model, "interaction") if row["setting"] == "multilingual"]
    assert [(row["level"], row["than"]) for row in rows] == [("m", "s"), ("l", "s")]
    for row in rows:
        change = difference(by_model, row["level"]) - difference(by_model, "s")
        assert row["change"] == pytest.approx(change, abs=1e-6)
        assert row["change_low"] < change < row["change_high"]
    assert rows[-1]["verdict"] == "smaller"
    assert by_model.table("cells") is None


def test_what_a_level_changes_in_an_arm_is_the_difference_of_its_means(by_model):
    rows = [row for row in rows_of(by_model, "level_effects") if row["setting"] == "multilingual"]
    pairs = [("s", "m"), ("s", "l"), ("m", "l")]
    arms = ("best dynamic", "best static")
    assert [(row["than"], row["level"], row["arm"]) for row in rows] == [(*pair, arm) for pair in pairs for arm in arms]
    for row in rows:
        means = [
            np.mean(
                list(by_model.findings.facts.find(f"{row['arm']} ({level})").values("atlas/multilingual/map").values())
            )
            for level in (row["level"], row["than"])
        ]
        assert row["difference"] == pytest.approx(means[0] - means[1], abs=1e-6)
        assert row["difference_low"] < row["difference"] < row["difference_high"]
    families = {one.place.setting: one.comparison.n_comparisons for one in by_model.findings.level_effects}
    assert families == {"multilingual": 6, "monolingual": 12, "cross-lingual": 12}


@pytest.mark.parametrize(
    ("about", "first"),
    [
        ("arms", f"Best dynamic (all models) is better than best static (all models) on {PLACE}: +."),
        ("survival", f"By model, the gain of {GAIN} on {PLACE}, is found at 2 of 2 levels: better at s (+."),
        ("change", f"From model s to l the gain of {GAIN} on {PLACE}, changes by \N{MINUS SIGN}."),
        ("levels", f"From model s to l, on {PLACE}: best dynamic worse, \N{MINUS SIGN}."),
    ],
)
def test_the_answer_begins_with_what_the_question_is_about(tmp_path, write_study, about, first):
    models = {"change": ("s", "l"), "levels": ("s", "m", "l")}.get(about, ("s", "m"))
    folder = write_study(tmp_path, models=models, arms=GROWING, **PLAN)
    edit(folder / "study.json", lambda study: study | {"about": about})
    answer = build_report([str(folder)]).answer
    assert answer.startswith(first)
    # What is said of the levels names the place once, and the mean over them again.
    assert answer.count(PLACE) == (1 if about == "arms" else 2) + (about == "arms")


def test_the_change_goes_to_the_largest_level_that_was_not_lost(tmp_path, write_study):
    folder = write_study(tmp_path, models=("s", "m", "l"), arms=GROWING, **PLAN)
    edit(folder / "study.json", lambda study: study | {"about": "change"})
    for run in (folder / "trials").glob("confirm-l-best-dynamic-*"):
        shutil.rmtree(run)
    assert build_report([str(folder)]).answer.startswith(f"From model s to m the gain of {GAIN} on {PLACE}, changes by")


def test_a_level_whose_verdict_is_withheld_has_none(tmp_path, write_study):
    folder = write_study(tmp_path, models=("s", "m"), arms=GROWING, **PLAN)
    edit(folder / "study.json", lambda study: study | {"about": "survival"})
    run = sorted((folder / "trials").glob("confirm-m-best-dynamic-*"))[0]
    edit(run / "result.json", lambda found: found | {"status": "diverged", "error": "The loss is not finite"})
    first, *_ = build_report([str(folder)]).answer.split(". ")
    assert "is found at 1 of 2 levels: better at s (+." in first
    assert "no verdict at m (+." in first


CONTROL = "48, steps of 24"


@pytest.fixture(scope="module", params=["levels", "change"])
def with_control(request, tmp_path_factory, write_study):
    """Three levels of which the last repeats the size of the second, to hold something else fixed."""
    folder = write_study(tmp_path_factory.mktemp("studies"), models=("s", "m", CONTROL), arms=CONTROLLED, **PLAN)
    first = {"s": 1, "m": 2, CONTROL: 2}

    def declared(study):
        levels = [{"label": label, "options": {"encoder": value, "steps": 9}} for label, value in first.items()]
        return study | {"about": request.param, "factors": [{"name": "encoder", "levels": levels}]}

    edit(folder / "study.json", declared)
    return build_report([str(folder)])


def test_the_answer_goes_to_the_largest_level_first_and_then_to_its_controls(with_control):
    first, *_ = with_control.answer.split(". ")
    assert first.startswith("From model s to m")
    changes = re.findall(r"From model (\S+) to (m|“[^”]*”) the gain", with_control.answer)
    assert changes == [("s", "m"), ("s", f"“{CONTROL}”")]
    mean = "It is a mean over 3 levels, the controls “48, steps of 24” among them."
    assert mean in with_control.answer


def test_a_level_with_a_comma_in_its_name_is_quoted(with_control):
    assert f"“{CONTROL}”" in with_control.answer
    assert CONTROL not in with_control.answer.replace(f"“{CONTROL}”", "")


def test_the_answer_says_whether_the_gain_survives(by_model):
    assert by_model.answer.startswith(
        f"Best dynamic (all models) is better than best static (all models) on {PLACE}: +."
    )
    assert "The difference is best dynamic (all models) minus best static (all models) (p < .001" in by_model.answer
    found = {row["level"]: row["verdict"] for row in rows_of(by_model, "levels") if row["setting"] == "multilingual"}
    assert (found["s"], found["m"], found["l"]) == ("better", "better", "not separable")
    words = f"By model, the gain of {GAIN} on {PLACE}, is found at 2 of 3 levels"
    assert f"{words}: better at s and m; not separable at l." in by_model.answer
    assert "From model s to l the gain changes by \N{MINUS SIGN}." in by_model.answer
    assert "): it falls." in by_model.answer
    assert "a question is one unit in all of them, and so is a seed" in by_model.methods


def test_levels_that_share_no_seed_are_compared_but_not_pooled(tmp_path, write_study):
    folders = [
        write_level(write_study, tmp_path, model, seeds=seeds, questions=8)
        for model, seeds in (("s", (0, 1)), ("m", (2, 3)))
    ]
    report = build_report([str(folder) for folder in folders])
    assert not any(j.first.parts for j in report.findings.comparisons.judged)
    assert report.table("levels") is None
    assert "The cells share no seed: the main comparison is not pooled over levels." in report.answer


def test_a_study_without_the_factor_of_another_is_told_apart_and_not_pooled_with_it(tmp_path, write_study):
    plan = {**PLAN, "questions": 8, "arms": GROWING}
    one = write_study(tmp_path, name="one", batch_sizes=(24, 96), **plan)
    findings = findings_of([one, write_study(tmp_path, name="other", **plan)])
    labels = [arm.label for arm in findings.facts.arms if arm.name == "best dynamic"]
    assert labels == ["best dynamic (batch size 24)", "best dynamic (batch size 96)", "best dynamic"]
    assert findings.levels == []
    assert cell_pairs(findings.facts) == (
        [],
        "Not every study has batch size as a factor: the main comparison is not pooled over levels.",
    )


def test_levels_of_one_name_in_factors_of_two_studies_do_not_meet(tmp_path, write_study):
    plan = {**PLAN, "questions": 8, "arms": GROWING}
    folders = [
        write_study(tmp_path, name="one", batch_sizes=(24, 48), **plan),
        write_study(tmp_path, name="two", models=("24", "48"), **plan),
    ]
    groups = Facts.of(map(str, folders)).groups
    assert [{tuple(arm.cell.items()) for arm in group} for group in groups] == [
        {(("model", "small"), ("batch size", "24"))},
        {(("model", "small"), ("batch size", "48"))},
        {(("model", "24"),)},
        {(("model", "48"),)},
    ]


def test_levels_that_differ_in_more_than_the_factor_are_not_pooled(tmp_path, write_study):
    folders = [write_level(write_study, tmp_path, model, questions=8) for model in ("s", "m")]
    train_otherwise(folders[1], {"steps": 400})
    report = build_report([str(folder) for folder in folders])
    assert report.table("levels") is None
    assert "The runs differ in steps (200, 400), not in model alone: the main comparison is not pooled" in report.answer


@pytest.fixture(scope="module")
def two_factors(tmp_path_factory, write_study):
    """Two models at two batch sizes with as many pairs."""
    storage = tmp_path_factory.mktemp("studies")
    return build_report([str(write_study(storage, models=("s", "l"), batch_sizes=(24, 48), arms=GROWING, **PLAN))])


def test_two_factors_have_a_table_of_cells_and_a_mean_for_every_level(two_factors):
    cells = {row["model"]: row for row in rows_of(two_factors, "cells") if row["setting"] == "multilingual"}
    columns = [column.label for column in two_factors.table("cells").columns]
    assert columns == ["Benchmark", "Setting", "Model", "24", "48"]
    levels = {
        (row["factor"], row["level"]): row["difference"]
        for row in rows_of(two_factors, "levels")
        if row["setting"] == "multilingual"
    }
    assert list(levels) == [
        ("model", "s"),
        ("model", "l"),
        ("batch size", "24"),
        ("batch size", "48"),
        ("", "all models and batch sizes"),
    ]
    for model in ("s", "l"):
        assert levels["model", model] == pytest.approx((cells[model]["at_24"] + cells[model]["at_48"]) / 2)
    for size in ("24", "48"):
        assert levels["batch size", size] == pytest.approx((cells["s"][f"at_{size}"] + cells["l"][f"at_{size}"]) / 2)
    every = [cells[model][f"at_{size}"] for model in ("s", "l") for size in ("24", "48")]
    assert levels["", "all models and batch sizes"] == pytest.approx(np.mean(every))
    arms = {arm.label for arm in two_factors.findings.facts.arms}
    assert "best dynamic (s, 24)" in arms
    assert {row["batch_size"] for row in rows_of(two_factors, "results")} == {"24", "48"}
    assert "By model, the gain of" in two_factors.answer
    assert "By batch size, the gain is" in two_factors.answer


def test_every_branch_has_its_budget_in_every_cell(two_factors):
    rows = {row["family"]: (row["planned"], row["complete"]) for row in rows_of(two_factors, "search")}
    cells = [f"{model}, {size}" for model in ("s", "l") for size in (24, 48)]
    assert rows == {f"{branch} ({cell})": (1, 1) for cell in cells for branch in ("static", "linear")}


def test_two_factors_have_an_interaction_each(two_factors):
    rows = [row for row in rows_of(two_factors, "interaction") if row["setting"] == "multilingual"]
    assert [(row["factor"], row["level"], row["than"]) for row in rows] == [
        ("model", "l", "s"),
        ("batch size", "48", "24"),
    ]
