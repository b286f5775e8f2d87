"""What a report says of efficiency, from measurements whose truth is known."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.contents import build_report
from analysis.findings.findings import Findings
from analysis.sections.efficiency import figures, sentences, tables
from study.study_folder import open_study
from tests.analysis.conftest import NOW, edit
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.records import (
    MEASURED_ONCE,
    BenchmarkMeasurement,
    CurvePoint,
    MachineRecord,
    MeasurementRecord,
)
from trainables.evaluation.efficiency.registry import efficiency_record

Written = Callable[..., Path]

CONFIG = EfficiencyConfig()
RECORD = efficiency_record(CONFIG)
MAIN, BASELINE = "best dynamic", "best static"
DISTANCES, SIZE, ENCODE = "hnsw/distances@0.95", "hnsw/bytes", "query/encode/p50"


def machine(load: float) -> MachineRecord:
    return MachineRecord(
        host="node-a",
        processor="test",
        load=(load, 1.0, 1.0),
        megahertz=None,
        governor=None,
        threads=1,
        pinned_to=(0,),
    )


def measure(
    folder: Path, factors: dict[tuple[str, str], float], noise: float = 0.01, control: float = 1.0, load: float = 0.1
) -> Path:
    """Writes measurements: numbers of an arm are `factors` times those of all others; `control`: of the copies."""
    study = open_study(str(folder))
    edit(folder / "study.json", lambda record: record | {"efficiency": RECORD.model_dump(mode="json")})
    for trial in (one for one in study.trials if one.phase == "confirm"):
        for copy in (False, True) if trial.record.arm == BASELINE else (False,):
            for order in range(CONFIG.orders):
                random = np.random.default_rng([trial.seed, order])
                own = np.random.default_rng([trial.seed, sum(map(ord, trial.id))])
                values = {}
                for name, number in RECORD.numbers.items():
                    if order and number.part in MEASURED_ONCE:
                        continue
                    arm = np.exp(noise * own.normal()) if name != SIZE else 1.0
                    timed = control if copy and number.is_timed else 1.0
                    order_noise = np.exp(0.01 * random.normal()) if name != SIZE else 1.0
                    values[name] = 100 * factors.get((trial.record.arm or "", name), 1.0) * arm * order_noise * timed
                curve = [
                    CurvePoint(index="hnsw", setting=ef, recall=1 - 1 / ef, distances=9.0 * ef, milliseconds=0.01 * ef)
                    for ef in (10, 20, *([33] if order else []))
                ]
                study.write_measurement(
                    MeasurementRecord(
                        id=f"{trial.id}-{order}{'-copy' * copy}",
                        trial=trial.id,
                        order=order,
                        is_copy=copy,
                        place=0,
                        benchmarks={"atlas": BenchmarkMeasurement(numbers=values, curve=tuple(curve))},
                        before=machine(load),
                        after=machine(load),
                        device="cpu",
                        started=NOW.isoformat(),
                        ended=NOW.isoformat(),
                    )
                )
    return folder


def verdicts(folder: Path) -> dict[tuple[str, str], str]:
    return {(one.arm.name, one.number.name): one.verdict for one in Findings.of([str(folder)]).priced}


def said(folder: Path) -> str:
    return " ".join(sentences(Findings.of([str(folder)])))


def test_a_study_without_measurements_has_no_such_section(write_study: Written, tmp_path: Path) -> None:
    findings = Findings.of([str(write_study(tmp_path, seeds=(0, 1)))])
    assert list(tables(findings)) == []
    assert list(figures(findings)) == []
    assert list(sentences(findings)) == []


@pytest.fixture(scope="module")
def cheaper(tmp_path_factory: pytest.TempPathFactory, write_study: Written) -> Path:
    """The main arm needs four fifths of the distance computations, and all else is equal."""
    folder = write_study(tmp_path_factory.mktemp("studies"), seeds=tuple(range(5)))
    return measure(folder, {(MAIN, DISTANCES): 0.8})


def test_what_differs_is_found_and_nothing_else_is_claimed(cheaper: Path) -> None:
    found = verdicts(cheaper)
    assert found.pop((MAIN, DISTANCES)) == "better"
    assert set(found.values()) <= {"equivalent", "not separable"}
    assert {found[arm, SIZE] for arm in (MAIN, "X-Y", "X-X-mono")} == {"equivalent"}


def test_the_report_begins_with_the_answer(cheaper: Path) -> None:
    report = build_report([str(cheaper)])
    label = "distance computations per query at recall 0.95 (HNSW)"
    assert report.answer.startswith(f"Cheaper at equal recall: {MAIN} takes 0.804 times [0.779, 0.829]")
    assert f"the {label} of {BASELINE} on atlas (5 training seeds)." in report.answer
    assert "Only the approximate search may differ: training changes the weights and not the shape" in report.answer
    assert report.parts[0].section.key == "efficiency"


def test_the_table_holds_the_verdicts_with_their_evidence(cheaper: Path) -> None:
    findings = Findings.of([str(cheaper)])
    table, everything = tables(findings)
    rows = {(row["arm"], row["number"]): row for row in table.records()}
    priced = {(one.arm.label, one.number.label): one for one in findings.priced}
    assert rows.keys() == priced.keys()
    for key, row in rows.items():
        assert row["verdict"] == priced[key].verdict
        assert (row["ratio"], row["ratio_low"]) == (priced[key].ratio.ratio, priced[key].ratio.interval[0])
    assert len(list(everything.records())) == len(RECORD.numbers)
    sizes = {(one.number.is_timed, one.is_main): one.ratio.n_comparisons for one in findings.priced}
    compared = [number for number in RECORD.numbers.values() if number.is_compared]
    for timed in (True, False):
        own = sum(number.is_timed == timed for number in compared)
        assert (sizes[timed, True], sizes[timed, False]) == (own, 2 * own)


def test_the_figure_draws_the_settings_that_all_measurements_have(cheaper: Path) -> None:
    (figure,) = figures(Findings.of([str(cheaper)]))
    rows = [row for row in figure.data.records() if row["arm"] == MAIN]
    assert [(row["setting"], row["found"]) for row in rows] == [(10, 0.9), (20, 0.95)]
    assert "<svg" in figure.svg


def test_a_verdict_is_void_where_an_encoder_differs_from_itself(write_study: Written, tmp_path: Path) -> None:
    folder = measure(
        write_study(tmp_path, seeds=tuple(range(5))),
        {(MAIN, ENCODE): 1.3, (MAIN, DISTANCES): 1.3},
        control=1.2,
        load=7.0,
    )
    found = verdicts(folder)
    assert found[MAIN, ENCODE] == "void"
    assert found[MAIN, DISTANCES] == "worse", "what no machine changes has no such noise"
    text = said(folder)
    assert text.startswith("Dearer at equal recall:")
    assert "void, since one encoder measured twice differs from itself by 20 %" in text
    notes = " ".join(next(tables(Findings.of([str(folder)]))).notes)
    assert "not idle at" in notes
    assert "load average up to 7.0" in notes


def test_times_have_no_verdict_where_no_encoder_was_measured_twice(write_study: Written, tmp_path: Path) -> None:
    folder = measure(write_study(tmp_path, seeds=tuple(range(5))), {(MAIN, ENCODE): 0.5, (MAIN, DISTANCES): 0.8})
    for path in folder.glob("measurements/*-copy.json"):
        path.unlink()
    found = verdicts(folder)
    assert (found[MAIN, ENCODE], found["X-Y", ENCODE], found[MAIN, DISTANCES]) == ("void", "void", "better")
    why = "no verdict, since no encoder of the baseline was measured twice"
    text = said(folder)
    assert re.search(rf"time to encode a query 0\.\d+ times \[[^]]+\], {why}; tokens encoded", text)
    assert f"Other numbers of the search: {why}: median time of a search" in text


def without_recalls(folder: Path, measurements: str) -> int:
    """Removes from measurements what searches with HNSW cost at all recalls; returns from how many."""

    def without(record: dict) -> None:
        numbers = record["benchmarks"]["atlas"]["numbers"]
        for name in [name for name in numbers if name.startswith("hnsw/") and "@" in name]:
            del numbers[name]

    found = list(folder.glob(f"measurements/{measurements}.json"))
    for path in found:
        edit(path, without)
    return len(found)


@pytest.mark.parametrize("unreached", ["confirm-best-dynamic-1-2", "confirm-best-dynamic-1-[12]"])
def test_a_recall_that_a_round_does_not_reach_has_no_price(
    write_study: Written, tmp_path: Path, unreached: str
) -> None:
    folder = measure(write_study(tmp_path, seeds=(0, 1, 2)), {})
    assert without_recalls(folder, unreached) > 0
    findings = Findings.of([str(folder)])
    found = {(one.arm.name, one.number.name): one.ratio.n_seeds for one in findings.priced}
    assert (found[MAIN, DISTANCES], found[MAIN, SIZE], found["X-Y", DISTANCES]) == (2, 3, 3)
    assert "(2 training seeds; with 1 more the recall is not reached in every order" in said(folder)
    notes = next(tables(findings)).notes
    left_out = "Training seeds for which a recall is not reached in every order are left out: "
    (note,) = (note for note in notes if note.startswith(left_out))
    label = RECORD.numbers[DISTANCES].label
    assert f"{label}, {MAIN}: 2 of 3 seeds" in note
    assert "X-Y" not in note
    # What no order changes was measured in the first round.
    arm = next(arm for arm in findings.facts.arms if arm.name == MAIN)
    assert list(findings.efficiency.values(arm, "atlas", "geometry/hubness")) == [0, 1, 2]


@pytest.mark.parametrize("unreached", [MAIN, BASELINE])
def test_nothing_is_claimed_at_a_recall_that_is_not_reached(
    write_study: Written, tmp_path: Path, unreached: str
) -> None:
    folder = measure(write_study(tmp_path, seeds=(0, 1, 2)), {})
    assert without_recalls(folder, f"confirm-{unreached.replace(' ', '-')}-*") >= 9
    first, *others = sentences(Findings.of([str(folder)]))
    assert first == (
        f"No verdict on {RECORD.numbers[DISTANCES].label}: no training seed of {unreached} reaches that recall in "
        "every order of insertion on atlas."
    )
    assert not [text for text in (first, *others) if "at equal recall" in text]
    assert any("size of the index (HNSW) 1 times" in text for text in others)


def test_seeds_that_two_arms_do_not_share_are_no_comparison(write_study: Written, tmp_path: Path) -> None:
    folder = measure(write_study(tmp_path, seeds=(0, 1)), {})
    without_recalls(folder, "confirm-best-dynamic-0-*")
    without_recalls(folder, "confirm-best-static-1-*")
    assert f": {MAIN} and {BASELINE} reach that recall with no training seed in common in every order" in said(folder)


def test_another_arm_that_does_not_reach_the_recall_is_named(write_study: Written, tmp_path: Path) -> None:
    folder = measure(write_study(tmp_path, seeds=(0, 1, 2)), {})
    assert without_recalls(folder, "confirm-X-Y-*") == 9
    assert "the recall is not reached with any training seed in every order: X-Y. Quality:" in said(folder)


def test_a_damaged_measurement_is_named_and_left_out(write_study: Written, tmp_path: Path) -> None:
    folder = measure(write_study(tmp_path, seeds=(0, 1)), {})
    path = folder / "measurements" / "confirm-X-Y-1-0.json"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"node-a", b"node-b"))
    assert path.read_bytes() != content
    study = open_study(str(folder))
    assert len(study.measurements) == len(list(folder.glob("measurements/*.json"))) - 1
    assert any(path.name in problem for problem in study.problems)


def test_every_level_of_a_factor_has_an_answer_of_its_own(write_study: Written, tmp_path: Path) -> None:
    folder = measure(write_study(tmp_path, seeds=(0, 1, 2), models=("small", "base"), questions=5), {})
    assert without_recalls(folder, "confirm-base-best-dynamic-*") == 9
    found = list(sentences(Findings.of([str(folder)])))
    assert found[0].startswith("Equally cheap at equal recall") or found[0].startswith("Too small to tell")
    assert "best dynamic (small)" in found[0]
    assert any("no training seed of best dynamic (base) reaches that recall" in text for text in found[1:])


def test_the_arm_of_the_question_is_compared_under_all_seeds_of_its_own(write_study: Written, tmp_path: Path) -> None:
    seeds = (0, 1, 2, 3)
    whole = measure(write_study(tmp_path / "whole", seeds=seeds), {(MAIN, DISTANCES): 0.8})
    alone = {(one.arm.name, one.number.name): one for one in Findings.of([str(whole)]).priced}
    folder = measure(write_study(tmp_path / "few", seeds=seeds), {(MAIN, DISTANCES): 0.8})
    edit(folder / "study.json", lambda info: info | {"settings": info["settings"] | {"other_seeds": 1}})
    for name in ("X-X-mono", "X-Y"):
        for seed in seeds[1:]:
            shutil.rmtree(folder / "trials" / f"confirm-{name}-{seed}")
            for path in folder.glob(f"measurements/confirm-{name}-{seed}-*"):
                path.unlink()
    findings = Findings.of([str(folder)])
    found = {(one.arm.name, one.number.name): one for one in findings.priced}
    assert found.keys() == alone.keys()
    for (name, number), one in found.items():
        if name == MAIN:
            assert one.ratio == alone[name, number].ratio, number
            assert one.control == alone[name, number].control, number
        else:
            assert one.ratio.n_seeds == 1
    assert found[MAIN, DISTANCES].verdict == "better"
    assert "(4 training seeds)" in said(folder)
    (note,) = (note for note in next(tables(findings)).notes if "was compared under" in note)
    assert note == (
        f"The arm that the question is about was compared under 4 training seeds, all that it shares with {BASELINE}, "
        "the others under 1: those that all arms have."
    )
    assert not [note for note in next(tables(Findings.of([str(whole)]))).notes if "was compared under" in note]
