"""The plan is a deterministic program: the same outcomes give the same trials, whatever ended first."""

import hashlib
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.recipes import MINI
from search_spaces.registry import SPACES, space
from study.plan.program import StudyPlan, affordable_steps
from study.settings import StudySettings
from trainables.errors import UserError
from trainables.ratio.config import ratio_config
from trainables.ratio.controller import ControllerFamily
from trainables.ratio.controllers.excess import Excess
from trainables.ratio.controllers.gap import Gap
from trainables.ratio.controls.replay import Replay
from trainables.ratio.registry import FAMILIES
from trainables.ratio.schedules.linear import Linear
from trainables.spec import Outcome, TrialSpec

OBJECTIVE = "multilingual/map"
SETTINGS = StudySettings(steps=40, batch_size=8, trials=4, seeds=3)


def outcome_of(spec: TrialSpec) -> Outcome:
    """Any fixed function of the training: here a number from its fingerprint."""
    value = int(hashlib.sha256(spec.training.fingerprint.encode()).hexdigest()[:8], 16) / 2**32
    metrics = {f"dev/{OBJECTIVE}": value}
    ratios = ((0.25, 0.75) * 20)[: spec.training.steps] if spec.training.ratio.closed_loop else ()
    return Outcome(
        status="complete",
        steps=40,
        metrics=metrics,
        dev_by_step={40: {OBJECTIVE: value}},
        loss_curves={"mono": (value, value / 2), "cross": (2 * value, value)},
        pairs=320,
        ratios=ratios,
    )


def run(plan: StudyPlan, concurrent: int = 1, seed: int = 0, end: Callable[[TrialSpec], Outcome] = outcome_of) -> dict:
    """Runs a plan with several trials at a time that end in random order; returns its trials by id."""
    order = random.Random(seed)
    running: list[TrialSpec] = []
    trials = {}
    while True:
        while len(running) < concurrent and (spec := plan.next_trial()) is not None:
            running.append(spec)
            assert spec.id not in trials
            trials[spec.id] = spec
        if not running and plan.phase == "search":
            plan.start_confirm_phase()
            continue
        if not running:
            break
        spec = running.pop(order.randrange(len(running)))
        plan.complete(spec, end(spec))
    assert plan.finished
    return trials


def plan_of(name: str = "dynamic_vs_static", round_size: int = 1, settings: StudySettings = SETTINGS) -> StudyPlan:
    return StudyPlan(space(name), MINI, settings, "mini-s", round_size=round_size)


@pytest.mark.parametrize("name", SPACES)
def test_trials_do_not_depend_on_how_many_run_at_a_time_or_on_who_ends_first(name: str) -> None:
    alone = run(plan_of(name))
    for concurrent, seed in ((2, 1), (5, 2), (64, 3)):
        assert run(plan_of(name), concurrent, seed) == alone


def test_rounds_do_not_depend_on_who_ends_first() -> None:
    assert run(plan_of(round_size=3), 64, seed=1) == run(plan_of(round_size=3), 7, seed=2)


def test_every_branch_gets_the_same_number_of_trials_and_pairs() -> None:
    plan = plan_of()
    trials = [spec for spec in run(plan).values() if spec.phase == "search"]
    assert len(trials) == plan.effort.search_trials == len(space("dynamic_vs_static").branches) * 4
    for branch in space("dynamic_vs_static").branches:
        own = [spec.training for spec in trials if spec.family == branch.name]
        assert len(own) == 4
        assert {(t.steps, t.batch_size) for t in own} == {(40, 8)}
        assert len({t.learning_rate for t in own}) > 1, "the learning rate is searched inside every branch"


def test_confirm_seeds_are_the_same_in_every_arm_and_never_those_of_the_search() -> None:
    plan = plan_of()
    trials = run(plan).values()
    assert {spec.seed for spec in trials if spec.phase == "search"} == {StudySettings().search_seed}
    own = [arm.arm for arm in plan.arms if arm.same_as is None]
    for arm in own:
        specs = [spec for spec in trials if spec.arm == arm]
        assert [spec.seed for spec in specs] == [0, 1, 2]
        assert [spec.training.seed for spec in specs] == [0, 1, 2]


def test_arms_are_the_best_of_their_branch_on_dev() -> None:
    plan = plan_of()
    trials = run(plan)
    search = [spec for spec in trials.values() if spec.phase == "search"]
    value = {spec.id: outcome_of(spec).metrics[f"dev/{OBJECTIVE}"] for spec in search}
    by_name = {arm.arm: arm for arm in plan.arms}
    dynamic = {b.name for b in space("dynamic_vs_static").branches if b.role == "dynamic"}
    best_static = max((s for s in search if s.family not in dynamic), key=lambda s: value[s.id])
    assert by_name["best static"].chosen_from == best_static.id
    best_dynamic = max((s for s in search if s.family in dynamic), key=lambda s: value[s.id])
    assert by_name["best dynamic"].chosen_from == best_dynamic.id
    assert by_name["best dynamic"].same_as == best_dynamic.family


def test_controls_keep_the_mean_ratio_the_learning_rate_and_the_pairs() -> None:
    plan = plan_of()
    run(plan)
    winner = next(arm for arm in plan.arms if arm.arm == "best dynamic")
    controls = [arm for arm in plan.arms if arm.role == "control"]
    assert [arm.arm.split(", ")[1] for arm in controls] == ["reversed", "shuffled", "same-mean", "loss-mixing"]
    for arm in controls:
        assert arm.of == "best dynamic"
        assert arm.training.learning_rate == winner.training.learning_rate
        batches = 2 if arm.training.mixing == "loss" else 1
        assert arm.training.steps * batches == winner.training.steps
        if batches == 1:
            assert arm.record()["mean_ratio"] == pytest.approx(winner.record()["mean_ratio"], abs=1e-12)


def test_a_failed_or_pruned_trial_is_never_chosen() -> None:
    def end(spec: TrialSpec) -> Outcome:
        outcome = outcome_of(spec)
        if spec.phase == "search" and spec.number != 2:
            status = "failed" if spec.number == 1 else "pruned"
            metrics = {} if status == "failed" else {f"dev/{OBJECTIVE}": 2.0}
            return outcome.model_copy(update={"status": status, "metrics": metrics})
        return outcome

    plan = plan_of()
    run(plan, end=end)
    assert all((arm.chosen_from or "").endswith("-002") for arm in plan.arms)


def failed(spec: TrialSpec) -> Outcome:
    return Outcome(status="failed", steps=0, metrics={}, dev_by_step={})


def test_a_branch_without_a_complete_trial_has_no_arm() -> None:
    plan = plan_of()
    run(plan, end=lambda spec: failed(spec) if spec.family in ("X-Y", "cyclic") else outcome_of(spec))
    arms = {arm.arm for arm in plan.arms}
    assert not arms & {"X-Y", "cyclic"}
    assert {"X-X-mono", "best static", "best dynamic", "linear"} <= arms


def test_a_search_without_one_side_of_the_main_comparison_is_a_clear_error() -> None:
    with pytest.raises(UserError, match=r"no complete trial for best dynamic and best static \(search-X-X-mono-000 f"):
        run(plan_of(), end=failed)


def test_a_fixed_learning_rate_is_used_everywhere() -> None:
    trials = run(plan_of(settings=SETTINGS.model_copy(update={"learning_rate": 0.123})))
    assert {spec.training.learning_rate for spec in trials.values()} == {0.123}


def test_the_grid_covers_the_ratio_axis_evenly() -> None:
    settings = SETTINGS.model_copy(update={"trials": 11})
    trials = run(plan_of("static_ratio", settings=settings)).values()
    ratios = [s.training.ratio.value for s in trials if s.family == "static" and s.phase == "search"]
    assert ratios == pytest.approx([i / 10 for i in range(11)])


def test_the_temperature_is_searched_in_every_branch_where_it_is_asked_for() -> None:
    plain = run(plan_of()).values()
    assert {spec.training.temperature for spec in plain} == {MINI.temperature}
    searched = run(plan_of(settings=SETTINGS.model_copy(update={"search_temperature": True}))).values()
    for branch in space("dynamic_vs_static").branches:
        own = [t.training.temperature for t in searched if t.phase == "search" and t.family == branch.name]
        assert own[0] == MINI.temperature, "the recipe's is tried first"
        assert len(set(own)) > 1
        assert all(MINI.temperatures.low <= temperature <= MINI.temperatures.high for temperature in own)


def test_another_search_seed_is_another_search() -> None:
    one, other = (
        run(plan_of(settings=SETTINGS.model_copy(update={"search_seed": seed}))) for seed in (1_000_000, 1_000_001)
    )
    assert {spec.seed for spec in other.values() if spec.phase == "search"} == {1_000_001}
    assert {spec.seed for spec in other.values() if spec.phase == "confirm"} == {0, 1, 2}
    rates = [[t.training.learning_rate for t in found.values() if t.phase == "search"] for found in (one, other)]
    assert rates[0] != rates[1]


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2"])
@pytest.mark.parametrize("objectives", [(OBJECTIVE,), (OBJECTIVE, "monolingual/map")])
def test_every_sampler_learns_and_repeats_itself(sampler: str, objectives: tuple[str, ...]) -> None:
    settings = SETTINGS.model_copy(update={"sampler": sampler, "objective": objectives, "trials": 16})

    def end(best: float) -> Callable[[TrialSpec], Outcome]:
        def at(spec: TrialSpec) -> Outcome:
            value = -abs(spec.training.learning_rate - best)
            metrics = {f"dev/{name}": value for name in objectives}
            return outcome_of(spec).model_copy(update={"metrics": metrics, "dev_by_step": {}})

        return at

    low, again, high = (
        [t.training.learning_rate for t in run(plan_of(settings=settings), end=end(best)).values() if t.number]
        for best in (MINI.learning_rate.low, MINI.learning_rate.low, MINI.learning_rate.high)
    )
    assert low == again
    assert (low != high) == (sampler != "random"), "what was found decides what is tried next"


def test_the_plan_says_what_differs_between_the_trials_of_a_branch() -> None:
    for name in SPACES:
        plan = plan_of(name, settings=SETTINGS.model_copy(update={"trials": 16, "search_temperature": True}))
        said = plan.searched
        trials = [spec for spec in run(plan).values() if spec.phase == "search"]
        for branch in space(name).branches:
            own = [spec.training.model_dump() for spec in trials if spec.family == branch.name]
            flat = [{**t, **{f"ratio.{key}": value for key, value in t["ratio"].items()}} for t in own]
            differs = {key for key in flat[0] if len({str(t[key]) for t in flat}) > 1} - {"ratio"}
            # A controller's parameters decide what its signals cost, and that how many steps are left.
            differs -= {"steps", "report_every", "evaluate_every", "checkpoint_every"}
            assert differs == set(said[branch.name]), branch.name


@given(st.integers(1, 400), st.integers(2, 200), st.integers(0, 2000), st.integers(1, 40))
def test_a_controller_pays_for_its_signals_with_steps(steps: int, batch: int, dev_pairs: int, updates: int) -> None:
    for ratio in (Gap(updates=updates), ratio_config({"family": "progress"})):
        assert isinstance(ratio, ControllerFamily)
        found = affordable_steps(ratio, steps, batch, dev_pairs)

        def cost(count: int, ratio: ControllerFamily = ratio) -> float:
            return count * batch + ratio.signal_pairs(count, batch, dev_pairs) / 3

        assert 1 <= found <= steps
        assert found == 1 or cost(found) <= steps * batch
        assert found == steps or cost(found + 1) > steps * batch
    assert affordable_steps(Linear(), steps, batch, dev_pairs) == steps


def test_every_trial_of_a_closed_loop_space_costs_the_same() -> None:
    plan = StudyPlan(space("closed_loop"), MINI, SETTINGS, "mini-s", dev_pairs=20)
    for spec in run(plan).values():
        training, ratio = spec.training, spec.training.ratio
        signals = ratio.signal_pairs(training.steps, training.batch_size, 20) if ratio.closed_loop else 0
        spent = training.steps * training.batch_size + signals / 3
        if spec.phase == "search":
            # A whole step more would be too much.
            assert plan.effort.pairs_per_trial - 2 * training.batch_size < spent <= plan.effort.pairs_per_trial
            assert ratio.closed_loop or spent == plan.effort.pairs_per_trial


def test_the_twins_of_a_controller_replay_what_it_decided() -> None:
    wanted = space("closed_loop").model_copy(update={"controls": ("reversed", "loss-mixing")})
    plan = StudyPlan(wanted, MINI, SETTINGS, "mini-s")
    run(plan)
    winner = next(arm for arm in plan.arms if arm.arm == "best dynamic")
    twin, mixed = (next(arm for arm in plan.arms if arm.arm == f"best dynamic, {name}") for name in wanted.controls)
    assert FAMILIES[winner.family].closed_loop
    assert twin.training.steps == winner.training.steps
    assert isinstance(mixed.training.ratio, Replay)
    assert mixed.training.ratio.ratios == (0.5,) * (winner.training.steps // 2), "the mean of 0.25 and 0.75"


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_that_is_cut_short_is_the_beginning_of_the_whole_one(sampler: str) -> None:
    whole, short = (
        run(plan_of(settings=SETTINGS.model_copy(update={"sampler": sampler, "trials": trials}))) for trials in (8, 5)
    )
    searched = {name: spec for name, spec in short.items() if spec.phase == "search"}
    assert len(searched) == 5 * len(space("dynamic_vs_static").branches)
    assert {name: whole[name] for name in searched} == searched


@pytest.mark.parametrize("round_size", [1, 4])
def test_excess_is_steered_by_the_first_trainings_of_the_two_pure_strategies(round_size: int) -> None:
    trials = run(plan_of("closed_loop", round_size=round_size), concurrent=5)
    own = [spec.training.ratio for spec in trials.values() if spec.family == "excess" and spec.phase == "search"]
    mono, cross = (outcome_of(trials[f"search-{name}-000"]).loss_curves for name in ("X-X-mono", "X-Y"))
    assert len(own) == 4
    for ratio in own:
        assert isinstance(ratio, Excess)
        assert (ratio.reference_mono, ratio.reference_cross) == (mono["mono"], cross["cross"])


def test_without_a_reference_the_rest_of_the_study_goes_on() -> None:
    def end(spec: TrialSpec) -> Outcome:
        return failed(spec) if spec.id == "search-X-Y-000" else outcome_of(spec)

    plan = plan_of("closed_loop")
    trials = run(plan, concurrent=3, end=end)
    families = {spec.family for spec in trials.values() if spec.phase == "search"}
    assert families == {branch.name for branch in space("closed_loop").branches} - {"excess"}
    assert "excess" not in {arm.arm for arm in plan.arms}
