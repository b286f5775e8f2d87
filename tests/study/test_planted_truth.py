"""The machinery finds what is there and nothing else: whole studies on response surfaces whose truth is known.

benchmarks/planted_truth.py runs the same many times over and prints the rates.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis.findings.findings import Findings
from search_spaces.dynamic_vs_static import dynamic_vs_static
from study.plan.program import StudyPlan
from study.study_folder import Study
from tests.study.planted import (
    BASE,
    BEST_RATIO,
    GAIN,
    SETTINGS,
    SPACE,
    Finding,
    Noise,
    Planted,
    best_constant,
    falling_is_better,
    finding_of,
    outcome,
    ray_for_many_studies,
    recorded,
    study_in_folder,
    study_with_ray,
    study_without_ray,
)
from trainables.config import TrialConfig
from trainables.options import patched
from trainables.ratio.schedules.constant import Constant
from trainables.ratio.schedules.linear import Linear
from trainables.ratio.schedules.step import Step

HALVING = SETTINGS.model_copy(update={"early_stopping": "halving", "trials": 6})


def test_the_surfaces_are_what_they_claim() -> None:
    constants = [Constant(value=float(value)).trajectory(40) for value in np.linspace(0, 1, 101)]
    moving = [
        family(start=float(a), end=float(b)).trajectory(40)
        for family in (Linear, Step)
        for a in np.linspace(0, 1, 11)
        for b in np.linspace(0, 1, 11)
        if a != b
    ]
    best = [best_constant(ratios) for ratios in constants]
    assert int(np.argmax(best)) == round(100 * BEST_RATIO)
    assert max(map(best_constant, moving)) < max(best) - 0.03
    assert max(map(falling_is_better, constants)) == 0
    assert falling_is_better(Linear(start=1, end=0).trajectory(40)) == pytest.approx(GAIN, abs=2e-4)
    assert falling_is_better(Step(start=1, end=0).trajectory(40)) == pytest.approx(GAIN)
    assert falling_is_better(Linear(start=0, end=1).trajectory(40)) == pytest.approx(-GAIN, abs=2e-4)


def test_the_noise_has_the_spread_that_it_claims() -> None:
    plan = StudyPlan(SPACE, SETTINGS)
    trial = plan.next_trial()
    assert trial is not None
    values = [
        Planted("no difference", world).value(trial.config) - Planted("no difference", world).truth(trial.config)
        for world in range(2000)
    ]
    assert np.mean(values) == pytest.approx(0, abs=0.001)
    assert np.std(values) == pytest.approx(0.01, rel=0.06)
    one, other = (
        Planted("no difference", 3).per_query(trial.config.model_copy(update={"seed": seed})).to_pandas()["map"]
        for seed in (0, 1)
    )
    assert one.mean() == pytest.approx(BASE, abs=0.12)
    # Two runs share their questions: variances .0064 in common, .0036 + .0064 of their own.
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(0.0064 / 0.0164, abs=0.1)


def test_runs_share_what_their_seed_and_their_training_have_in_common() -> None:
    trial = StudyPlan(SPACE, SETTINGS).next_trial()
    assert trial is not None
    quiet = Noise(seed=0.0, question=0.0, run=0.0, rest=0.0)

    def values(noise: Noise, seed: int, rate: float) -> np.ndarray:
        changes = {"seed": seed, "optimiser.learning_rate": rate}
        config = TrialConfig.model_validate(patched(trial.config.model_dump(), changes))
        planted = Planted("no difference", 0, noise=noise)
        return planted.values(config) - planted.truth(config)

    shared = (("common_seed", True, False), ("seed_question", True, False), ("arm_question", False, True))
    for name, with_seed, with_training in shared:
        noise = replace(quiet, **{name: 0.05})
        first = values(noise, 0, 0.003)
        assert abs(first).max() > 1e-3
        assert np.allclose(first, values(noise, 0, 0.001), atol=1e-6) == with_seed
        assert np.allclose(first, values(noise, 1, 0.003), atol=1e-6) == with_training


def test_the_noise_of_a_run_is_that_of_its_ratio_learning_rate_seed_and_steps() -> None:
    trial = StudyPlan(SPACE, SETTINGS).next_trial()
    assert trial is not None

    def value(**changes: object) -> float:
        config = TrialConfig.model_validate(patched(trial.config.model_dump(), changes))
        planted = Planted("no difference", 0)
        return planted.value(config) - planted.truth(config)

    same = ({"loss.temperature": 0.1}, {"batches.size": 4}, {"optimiser.decay": "cosine"}, {"encoder": "mini-s"})
    assert {value(**changes) for changes in same} == {value()}
    other = ({"ratio": "constant(0.4)"}, {"optimiser.learning_rate": 0.001}, {"seed": 7}, {"steps": 20})
    assert len({value(), *(value(**changes) for changes in other)}) == 1 + len(other)


@pytest.mark.slow
@pytest.mark.parametrize(("studies", "most"), [(15, 3), pytest.param(60, 7, marks=pytest.mark.nightly)])
def test_under_no_difference_schedules_are_rarely_called_better(studies: int, most: int) -> None:
    """At most 5 % in truth: more than so many studies of the space that users run would then be called so in 1 %."""
    found = [study_without_ray(Planted("no difference", world), dynamic_vs_static()) for world in range(studies)]
    wrong = sum(finding.any_better for finding in found)
    assert stats.binom.sf(most, studies, 0.05) < 0.015
    assert wrong <= most


@dataclass(frozen=True)
class Ran:
    planted: Planted
    study: Study
    plan: StudyPlan
    finding: Finding


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """A study with a difference to find and one without, through Ray Tune and Optuna; the first with early stopping."""
    place = tmp_path_factory.mktemp("planted")
    found = {}
    with ray_for_many_studies():
        for case, settings in (("falling is better", HALVING), ("no difference", SETTINGS)):
            planted = Planted(case, world=1)
            study, plan = study_with_ray(planted, place / case.replace(" ", "-"), settings=settings)
            found[case] = Ran(planted, study, plan, finding_of(planted, study, plan))
    return found


@pytest.mark.parametrize("world", range(3))
def test_the_best_constant_is_found_and_no_schedule_is_called_better(world: int) -> None:
    finding = study_without_ray(Planted("best constant", world))
    assert isinstance(finding.static.ratio, Constant)
    assert abs(finding.static.ratio.value - BEST_RATIO) <= 0.2
    assert finding.true_difference < 0
    assert not finding.any_better


def test_a_report_judges_the_records_exactly_as_a_study_without_records_is_judged(tmp_path: Path) -> None:
    """In a world where the verdict depends on which setting is the question."""
    planted = Planted("no difference", world=0)
    study = study_in_folder(planted, tmp_path / "study")
    main = Findings.of([study.folder.location]).comparisons.main
    assert {judged.place.setting: judged.verdict for judged in main} == study_without_ray(planted).verdicts


@pytest.mark.nightly
def test_a_schedule_that_is_truly_better_is_found(ran: dict[str, Ran]) -> None:
    finding = ran["falling is better"].finding
    assert finding.true_difference > 0.7 * GAIN
    assert finding.verdicts["overall"] == "better"


@pytest.mark.nightly
def test_early_stopping_saves_steps_of_the_search(ran: dict[str, Ran]) -> None:
    stopped, whole = ran["falling is better"], ran["no difference"].finding
    assert stopped.finding.searched_steps < stopped.finding.planned_steps
    assert any(trial.status == "pruned" for trial in stopped.study.trials)
    assert whole.searched_steps == whole.planned_steps


@pytest.mark.nightly
def test_a_study_without_ray_finds_exactly_the_same(ran: dict[str, Ran]) -> None:
    for case, one in ran.items():
        settings = HALVING if case == "falling is better" else SETTINGS
        assert study_without_ray(one.planted, settings=settings) == one.finding


@pytest.mark.nightly
def test_the_records_tell_the_plan_the_truth(ran: dict[str, Ran]) -> None:
    for one in ran.values():
        assert one.study.problems == []
        trials = {trial.id: trial for trial in one.study.trials}
        search = {name: found for name, found in recorded(one.study).items() if trials[name].phase == "search"}
        assert len(search) == one.plan.planned["search"]
        for name, found in search.items():
            assert found == outcome(one.planted, trials[name].record)
