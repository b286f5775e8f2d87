"""The plan is a deterministic program: the same outcomes give the same trials, whatever ended first."""

import hashlib
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.registry import SPACES, space
from study.main_arms import place_of
from study.plan.program import StudyPlan, affordable_steps
from study.records import ArmsRecord
from study.settings import StudySettings
from trainables.encoders.mini import MiniEncoder
from trainables.errors import UserError
from trainables.options import flat
from trainables.ratio.config import ratio_config
from trainables.ratio.controller import ControllerFamily
from trainables.ratio.controllers.excess import Excess
from trainables.ratio.controllers.gap import Gap
from trainables.ratio.controls.replay import Replay
from trainables.ratio.family import Schedule, movement
from trainables.ratio.registry import FAMILIES
from trainables.ratio.schedules.linear import Linear
from trainables.records import Outcome, TrialRecord

OBJECTIVE = "overall/map"
SIZE = {"steps": 40, "batches.size": 8}
SETTINGS = StudySettings(set=SIZE, trials=4, seeds=3)
RATES = MiniEncoder.recipe.searched["optimiser.learning_rate"]


def outcome_of(spec: TrialRecord) -> Outcome:
    """Any fixed function of the training: here a number from its fingerprint."""
    value = int(hashlib.sha256(spec.config.fingerprint.encode()).hexdigest()[:8], 16) / 2**32
    metrics = {f"dev/{OBJECTIVE}": value}
    ratios = ((0.25, 0.75) * 20)[: spec.config.steps] if spec.config.ratio.closed_loop else ()
    return Outcome(
        status="complete",
        steps=40,
        metrics=metrics,
        dev_by_step={40: {OBJECTIVE: value}},
        loss_curves={"mono": (value, value / 2), "cross": (2 * value, value)},
        pairs=320,
        ratios=ratios,
    )


def run(
    plan: StudyPlan, concurrent: int = 1, seed: int = 0, end: Callable[[TrialRecord], Outcome] = outcome_of
) -> dict:
    """Runs a plan with several trials at a time that end in random order; returns its trials by id."""
    order = random.Random(seed)
    running: list[TrialRecord] = []
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
    return StudyPlan(space(name), settings, round_size=round_size)


@pytest.mark.parametrize("name", SPACES)
def test_trials_do_not_depend_on_how_many_run_at_a_time_or_on_who_ends_first(name: str) -> None:
    # A space that decides the size of the batches keeps its own.
    sized = {"batches.size", "steps"} & {
        key for factor in space(name).factors for level in factor.levels for key in level.patch
    }
    settings = SETTINGS.model_copy(update={"set": {} if sized else SIZE})
    alone = run(plan_of(name, settings=settings))
    for concurrent, seed in ((2, 1), (5, 2), (64, 3)):
        assert run(plan_of(name, settings=settings), concurrent, seed) == alone


def test_rounds_do_not_depend_on_who_ends_first() -> None:
    assert run(plan_of(round_size=3), 64, seed=1) == run(plan_of(round_size=3), 7, seed=2)


@pytest.mark.parametrize(
    ("changed", "waits"), [({}, False), ({"sampler": "random"}, False), ({"early_stopping": "halving"}, True)]
)
def test_trials_of_which_none_learns_from_another_wait_for_nothing(changed: dict[str, object], waits: bool) -> None:
    plan = plan_of("static_ratio", settings=SETTINGS.model_copy(update={"trials": 11, **changed}))
    asked = 0
    while plan.next_trial() is not None:
        asked += 1
    assert asked == (4 if waits else plan.planned["search"])


def test_every_size_of_a_batch_that_is_searched_is_among_what_is_checked_beforehand() -> None:
    settings = StudySettings(set={"steps": 40}, trials=4, search={"batches.size": "24,50"})
    assert {config.batches.size for config in plan_of(settings=settings).first_configs} == {24, 50}
    blocks = settings.model_copy(update={"search": {"batches.size": "24,50", "loss.negative_pool": "24"}})
    with pytest.raises(UserError, match="negative_pool is 24, of which a batch of 50 pairs is no multiple"):
        _ = plan_of(settings=blocks).first_configs


def test_every_branch_gets_the_same_number_of_trials_and_pairs() -> None:
    plan = plan_of()
    trials = [spec for spec in run(plan).values() if spec.phase == "search"]
    # Loss mixing is searched as a branch is, and the searched constant gets what the constants lack: 7 families x 4
    # trials against 4 constants x 4.
    more = 12
    assert len(trials) == plan.planned["search"] == (len(space("dynamic_vs_static").branches) + 1) * 4 + more
    budgets = {branch.branch: (branch.trials, branch.pairs) for branch in plan.branches}
    assert budgets.pop("static") == (4 + more, (4 + more) * 40 * 8)
    assert set(budgets.values()) == {(4, 4 * 40 * 8)}
    for branch in space("dynamic_vs_static").branches:
        own = [spec.config for spec in trials if spec.branch == branch.name]
        assert len(own) == 4 + more * (branch.name == "static")
        assert {(t.steps, t.batches.size) for t in own} == {(40, 8)}
        assert len({t.optimiser.learning_rate for t in own}) > 1, "the learning rate is searched inside every branch"


def test_confirm_seeds_are_the_same_in_every_arm_and_never_those_of_the_search() -> None:
    plan = plan_of()
    trials = run(plan).values()
    assert {spec.seed for spec in trials if spec.phase == "search"} == {StudySettings().search_seed}
    own = [arm.arm for arm in plan.arms if arm.same_as is None]
    for arm in own:
        specs = [spec for spec in trials if spec.arm == arm]
        assert [spec.seed for spec in specs] == [0, 1, 2]
        assert [spec.config.seed for spec in specs] == [0, 1, 2]


def test_arms_are_the_best_of_their_branch_on_dev() -> None:
    plan = plan_of()
    trials = run(plan)
    search = [spec for spec in trials.values() if spec.phase == "search" and spec.branch != "loss-mixing"]
    value = {spec.id: outcome_of(spec).metrics[f"dev/{OBJECTIVE}"] for spec in search}
    by_name = {arm.arm: arm for arm in plan.arms}
    dynamic = {b.name for b in space("dynamic_vs_static").branches if b.role == "dynamic"}
    best_static = max((s for s in search if s.branch not in dynamic), key=lambda s: value[s.id])
    assert by_name["best static"].chosen_from == best_static.id
    best_dynamic = max((s for s in search if s.branch in dynamic), key=lambda s: value[s.id])
    assert by_name["best dynamic"].chosen_from == best_dynamic.id
    assert by_name["best dynamic"].same_as == best_dynamic.branch


def test_controls_keep_the_mean_ratio_the_learning_rate_and_the_pairs() -> None:
    plan = plan_of()
    run(plan)
    winner = next(arm for arm in plan.arms if arm.arm == "best dynamic")
    controls = [arm for arm in plan.arms if arm.role == "control" and not arm.config.evaluation.centred]
    assert [arm.arm.split(", ")[1] for arm in controls] == ["reversed", "shuffled", "same-mean", "loss-mixing"]
    for arm in controls:
        assert arm.of == "best dynamic"
        assert (arm.config.steps, arm.config.batches.size) == (winner.config.steps, winner.config.batches.size)
        assert arm.mean_ratio == pytest.approx(winner.mean_ratio, abs=1e-12)
        if arm.config.batches.mixing == "alternate":
            assert arm.config.optimiser == winner.config.optimiser


def test_rivals_that_are_judged_in_another_way_wait_for_the_training_that_writes_their_results() -> None:
    plan = plan_of()
    trials = run(plan, concurrent=3, seed=4)
    rivals = [arm for arm in plan.arms if arm.config.evaluation.centred]
    assert [arm.of for arm in rivals] == ["X-X-mono", "best static", "best dynamic"]
    assert all((arm.role, arm.arm) == ("control", f"{arm.of}, centred") for arm in rivals)
    written = {id_: spec for spec in trials.values() for id_ in spec.also}
    own = [spec for spec in trials.values() if spec.phase == "confirm" and spec.config.evaluation.centred]
    assert own
    order = list(trials)
    for spec in own:
        source = written[spec.id]
        assert source.also[spec.id] == spec.config.evaluation
        assert order.index(source.id) < order.index(spec.id)
        usual = spec.config.model_copy(update={"evaluation": source.config.evaluation})
        assert usual == source.config, "another training would be judged in its place"
    assert len(written) == len(own)


def test_rivals_are_left_out_where_asked() -> None:
    plan = plan_of(settings=SETTINGS.model_copy(update={"without": ("centred",)}))
    trials = run(plan)
    assert not any(arm.config.evaluation.centred for arm in plan.arms)
    assert not any(spec.also for spec in trials.values())


MERGED = {"merged": {"steps": 0, "merging.cross_weight": 0.25}}


def test_a_merged_arm_waits_for_both_trainings_of_its_seed() -> None:
    settings = SETTINGS.model_copy(update={"arm": MERGED, "keep_encoders": "all"})
    plan = plan_of(settings=settings)
    trials = run(plan, concurrent=4, seed=2)
    own = [spec for spec in trials.values() if spec.arm == "merged"]
    order = list(trials)
    assert [spec.seed for spec in sorted(own, key=lambda spec: spec.seed)] == [0, 1, 2], "it has an encoder per seed"
    for spec in own:
        sources = [trials[id_] for id_ in spec.sources]
        assert [source.config.ratio.constant_value() for source in sources] == [1.0, 0.0]
        assert {source.seed for source in sources} == {spec.seed}
        assert all(order.index(source.id) < order.index(spec.id) for source in sources)
    (arm,) = (arm for arm in plan.arms if arm.arm == "merged")
    assert (arm.description, arm.is_untrained) == ("weights 0.75 X-X-mono + 0.25 X-Y", False)
    assert not any(spec.sources for spec in trials.values() if spec.arm != "merged")


WEIGHED = SETTINGS.model_copy(
    update={"arm": {"mix": {"steps": 0, "merging.cross_weight": "searched"}}, "keep_encoders": "all"}
)


def by_weight(spec: TrialRecord) -> Outcome:
    """Merged encoders are the better, the nearer their weight is to .7."""
    weights, outcome = spec.config.merging.weights, outcome_of(spec)
    value = outcome.metrics[f"dev/{OBJECTIVE}"] if weights is None else 1 - abs(weights[1] - 0.7)
    return outcome.model_copy(update={"metrics": {f"dev/{OBJECTIVE}": value}})


def test_the_weight_of_a_merged_arm_is_searched_between_the_best_of_both_strategies() -> None:
    plan = plan_of(settings=WEIGHED)
    planned = plan.planned
    trials = run(plan, concurrent=4, seed=2, end=by_weight)
    assert trials == run(plan_of(settings=WEIGHED), end=by_weight)
    search = [spec for spec in trials.values() if spec.phase == "search"]
    assert len(search) == planned["search"]
    own = [spec for spec in search if spec.branch == "mix"]
    assert [spec.number for spec in own] == [0, 1, 2, 3]
    weights = [spec.config.merging.cross_weight for spec in own]
    assert weights[0] == 0.5
    assert len(set(weights)) == 4
    value = {spec.id: by_weight(spec).metrics[f"dev/{OBJECTIVE}"] for spec in search}
    best = tuple(
        max((s for s in search if s.branch == name), key=lambda s: value[s.id]).id for name in ("X-X-mono", "X-Y")
    )
    assert {spec.sources for spec in own} == {best}
    sources = {spec.id for spec in search if spec.is_source}
    assert sources == {spec.id for spec in search if spec.branch in ("X-X-mono", "X-Y")}
    assert plan.kept_in_search == len(sources) == 8
    # With fresh seeds as any arm, from the encoders of each.
    (arm,) = (arm for arm in plan.arms if arm.arm == "mix")
    chosen = max(own, key=lambda spec: value[spec.id])
    assert (arm.role, arm.chosen_from, arm.config) == ("fixed", chosen.id, chosen.config)
    confirmed = [spec for spec in trials.values() if spec.arm == "mix"]
    assert [(spec.seed, spec.config.merging.cross_weight) for spec in confirmed] == [
        (seed, chosen.config.merging.cross_weight) for seed in range(3)
    ]
    for spec in confirmed:
        assert {trials[id_].seed for id_ in spec.sources} == {spec.seed}
        assert {trials[id_].phase for id_ in spec.sources} == {"confirm"}
    (budget,) = (one for one in plan.branches if one.branch == "mix")
    assert (budget.trials, budget.pairs, list(budget.searched)) == (4, 0, ["merging.cross_weight"])


def test_a_grid_of_the_weight_of_a_merged_arm_is_one_of_its_weights() -> None:
    plan = plan_of("static_ratio", settings=WEIGHED.model_copy(update={"sampler": "grid"}))
    trials = run(plan, end=by_weight)
    weights = [spec.config.merging.cross_weight for spec in trials.values() if spec.branch == "mix"]
    (budget,) = (one for one in plan.branches if one.branch == "mix")
    assert len(weights) == budget.trials
    assert weights == np.linspace(min(weights), max(weights), len(weights)).tolist()
    assert len(set(weights)) == len(weights) > 2


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        (["hybrid-0.5"], "--arm hybrid-0.5: the space has an arm of this name"),
        (["my arm", "my-arm"], "--arm my arm: another --arm has this name, but for its signs"),
    ],
)
def test_two_arms_never_share_the_names_of_their_trials(arms: list[str], said: str) -> None:
    given = {name: {"ratio": "constant(0.3)"} for name in arms}
    with pytest.raises(UserError, match=re.escape(said)):
        plan_of(settings=SETTINGS.model_copy(update={"arm": given}))


def test_without_both_strategies_or_a_weight_there_is_no_merged_arm() -> None:
    def failed(name: str) -> Callable[[TrialRecord], Outcome]:
        lost = Outcome(status="failed", steps=0, metrics={}, dev_by_step={})
        return lambda spec: lost if spec.branch == name else by_weight(spec)

    for name in ("X-Y", "mix"):
        plan = plan_of(settings=WEIGHED)
        trials = run(plan, end=failed(name))
        assert "mix" not in [arm.arm for arm in plan.arms]
        assert any(spec.branch == "mix" for spec in trials.values()) == (name == "mix")


@pytest.mark.parametrize("how", ["set", "search"])
def test_a_branch_is_not_merged(how: str) -> None:
    with pytest.raises(UserError, match=r"cross_weight takes the place of a training.*give an arm of its own"):
        plan_of(settings=SETTINGS.model_copy(update={how: {"merging.cross_weight": "0.5"}}))


@pytest.mark.parametrize(
    "changes",
    [
        {"set": {"evaluation.centred": True}},
        {"arm": {"mine": {"ratio": "constant(1.0)", "evaluation.centred": True}}},
        {"factor": {"evaluation.centred": (False, True)}},
        {"search": {"evaluation.centred": "false,true"}},
        {"search_factor": {"judged": {"usual": {}, "centred": {"evaluation.centred": True}}}},
    ],
)
def test_the_measure_phase_has_no_centred_arm(changes: dict) -> None:
    settings = SETTINGS.model_copy(update=changes)
    with pytest.raises(UserError, match=r"evaluation\.centred is true of .*: leave evaluation.centred out"):
        plan_of("inference_efficiency", settings=settings)
    plan_of("static_ratio", settings=settings)


def test_a_space_with_a_measure_phase_has_no_centred_rival() -> None:
    asked = space("inference_efficiency").model_copy(update={"rivals": {"centred": ("X-X-mono",)}})
    with pytest.raises(UserError, match=r"centred: the measure phase of the space inference_efficiency .* --without"):
        StudyPlan(asked, SETTINGS)
    StudyPlan(asked, SETTINGS.model_copy(update={"without": ("centred",)}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "--arm merged averages encoders, but --keep-encoders is best: set it to all"),
        ({"keep_encoders": "all", "arms": ("X-X-mono", "hybrid-0.5")}, "name these in --arms, too"),
    ],
)
def test_a_merged_arm_without_encoders_to_average_is_refused(changes: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        plan_of(settings=SETTINGS.model_copy(update={"arm": MERGED, **changes}))


def test_loss_mixing_keeps_the_schedule_of_the_winner_and_searches_its_own_learning_rate() -> None:
    plan = plan_of()
    trials = run(plan, concurrent=5, seed=1)
    winner = next(arm for arm in plan.arms if arm.arm == "best dynamic")
    own = [spec for spec in trials.values() if spec.branch == "loss-mixing"]
    assert [spec.number for spec in own] == [0, 1, 2, 3]
    assert {spec.config.batches.mixing for spec in own} == {"loss"}
    assert all(spec.config.ratio == winner.config.ratio and spec.config.steps == 40 for spec in own)
    rates = [spec.config.optimiser.learning_rate for spec in own]
    assert rates[0] == winner.config.optimiser.learning_rate, "begun with what suited the winner"
    assert len(set(rates)) == 4
    best = max(own, key=lambda spec: outcome_of(spec).metrics[f"dev/{OBJECTIVE}"])
    arm = next(arm for arm in plan.arms if arm.arm == "best dynamic, loss-mixing")
    assert (arm.chosen_from, arm.config) == (best.id, best.config)


def test_what_is_not_searched_anywhere_is_not_searched_for_a_control() -> None:
    plan = plan_of(settings=SETTINGS.model_copy(update={"set": {**SIZE, "optimiser.learning_rate": 0.003}}))
    trials = run(plan)
    assert "loss-mixing" not in {spec.branch for spec in trials.values()}
    assert "best dynamic, loss-mixing" in {arm.arm for arm in plan.arms}


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2"])
def test_every_dynamic_trial_moves_the_ratio_even_if_standing_still_would_be_best(sampler: str) -> None:
    def end(spec: TrialRecord) -> Outcome:
        ratio = spec.config.ratio
        value = 1 - movement(ratio.trajectory(40)) if isinstance(ratio, Schedule) else 0.0
        outcome = outcome_of(spec)
        return outcome.model_copy(update={"metrics": {f"dev/{OBJECTIVE}": value}, "dev_by_step": {}})

    settings = SETTINGS.model_copy(update={"sampler": sampler, "trials": 25})
    plan = plan_of(settings=settings)
    trials = run(plan, end=end)
    dynamic = {branch.name for branch in plan.space.branches if branch.role == "dynamic"}
    moved = [movement(spec.config.ratio.trajectory(40)) for spec in trials.values() if spec.branch in dynamic]
    assert len(moved) == 25 * len(dynamic), "what is refused is no trial"
    assert min(moved) >= 0.2
    assert run(plan_of(settings=settings), end=end) == trials


def test_what_cannot_move_is_told() -> None:
    values = {**SIZE, "ratio.start": 0.5, "ratio.end": 0.5}
    settings = SETTINGS.model_copy(update={"set": values, "arms": ("static", "linear")})
    with pytest.raises(UserError, match="linear: none of 1000 values"):
        run(plan_of(settings=settings))


def test_a_controller_that_did_not_move_the_ratio_is_no_dynamic_arm_and_that_is_recorded() -> None:
    def end(spec: TrialRecord) -> Outcome:
        outcome = outcome_of(spec)
        still = spec.phase == "search" and spec.config.ratio.closed_loop and (spec.branch == "gap" or spec.number == 1)
        if not still:
            return outcome
        # The best of all, but a constant.
        metrics = {f"dev/{OBJECTIVE}": 2.0}
        return outcome.model_copy(update={"metrics": metrics, "ratios": tuple(r / 5 for r in outcome.ratios)})

    written: list[ArmsRecord] = []
    plan = StudyPlan(space("closed_loop"), SETTINGS, on_arms=written.append)
    trials = run(plan, end=end)
    arms = {arm.arm: arm for arm in plan.arms}
    assert "gap" not in arms
    assert all(not (arm.chosen_from or "").endswith("-001") for arm in plan.arms if arm.role == "dynamic")
    (record,) = written
    still = {spec.id for spec in trials.values() if spec.branch == "gap" and spec.phase == "search"}
    others = {f"search-{name}-001" for name in ("progress", "odm", "excess", "bias", "look-ahead")}
    assert set(record.constants) == still | others
    assert arms["best dynamic"].description.endswith("; α 0.25 to 0.75 in the search")


def test_a_study_whose_controllers_all_stood_still_says_so() -> None:
    def end(spec: TrialRecord) -> Outcome:
        outcome = outcome_of(spec)
        return outcome.model_copy(update={"ratios": tuple(0.5 for _ in outcome.ratios)})

    with pytest.raises(UserError, match=r"no complete trial for best dynamic .*search-gap-000.* by less than 0.2"):
        run(plan_of("closed_loop"), end=end)


def test_a_failed_or_pruned_trial_is_never_chosen() -> None:
    def end(spec: TrialRecord) -> Outcome:
        outcome = outcome_of(spec)
        if spec.phase == "search" and spec.number != 2:
            status = "failed" if spec.number == 1 else "pruned"
            metrics = {} if status == "failed" else {f"dev/{OBJECTIVE}": 2.0}
            return outcome.model_copy(update={"status": status, "metrics": metrics})
        return outcome

    plan = plan_of()
    run(plan, end=end)
    assert all((arm.chosen_from or "").endswith("-002") for arm in plan.arms)


def failed(spec: TrialRecord) -> Outcome:
    return Outcome(status="failed", steps=0, metrics={}, dev_by_step={})


def test_a_branch_without_a_complete_trial_has_no_arm() -> None:
    plan = plan_of()
    run(plan, end=lambda spec: failed(spec) if spec.branch in ("X-Y", "cyclic") else outcome_of(spec))
    arms = {arm.arm for arm in plan.arms}
    assert not arms & {"X-Y", "cyclic"}
    assert {"X-X-mono", "best static", "best dynamic", "linear"} <= arms


def test_a_search_without_one_side_of_the_main_comparison_is_a_clear_error() -> None:
    with pytest.raises(UserError, match=r"no complete trial for best dynamic and best static \(search-X-X-mono-000 f"):
        run(plan_of(), end=failed)


def test_a_fixed_learning_rate_is_used_everywhere() -> None:
    trials = run(plan_of(settings=SETTINGS.model_copy(update={"set": {**SIZE, "optimiser.learning_rate": 0.123}})))
    assert {spec.config.optimiser.learning_rate for spec in trials.values()} == {0.123}


def test_the_grid_covers_the_ratio_axis_evenly() -> None:
    settings = SETTINGS.model_copy(update={"trials": 11})
    trials = run(plan_of("static_ratio", settings=settings)).values()
    ratios = [s.config.ratio.value for s in trials if s.branch == "static" and s.phase == "search"]
    assert ratios == pytest.approx([i / 10 for i in range(11)])


def test_the_temperature_is_searched_in_every_branch_where_it_is_asked_for() -> None:
    usual = MiniEncoder.recipe.values["loss.temperature"]
    plain = run(plan_of()).values()
    assert {spec.config.loss.temperature for spec in plain} == {usual}
    searched = run(plan_of(settings=SETTINGS.model_copy(update={"search": {"loss.temperature": ""}}))).values()
    for branch in space("dynamic_vs_static").branches:
        own = [t.config.loss.temperature for t in searched if t.phase == "search" and t.branch == branch.name]
        assert own[0] == usual, "the recipe's is tried first"
        assert len(set(own)) > 1
        assert all(0.01 <= temperature <= 0.1 for temperature in own)


def test_the_static_branch_begins_between_the_strategies() -> None:
    """0, a half and 1 are tried anyway."""
    trials = run(plan_of()).values()
    tried = [t.config.ratio.value for t in trials if t.phase == "search" and t.branch == "static"]
    assert tried[0] == 0.1
    assert len(set(tried)) == len(tried)
    assert not set(tried) & {0.0, 0.5, 1.0}


def test_another_search_seed_is_another_search() -> None:
    one, other = (
        run(plan_of(settings=SETTINGS.model_copy(update={"search_seed": seed}))) for seed in (1_000_000, 1_000_001)
    )
    assert {spec.seed for spec in other.values() if spec.phase == "search"} == {1_000_001}
    assert {spec.seed for spec in other.values() if spec.phase == "confirm"} == {0, 1, 2}
    rates = [
        [t.config.optimiser.learning_rate for t in found.values() if t.phase == "search"] for found in (one, other)
    ]
    assert rates[0] != rates[1]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2"])
@pytest.mark.parametrize("objectives", [(OBJECTIVE,), (OBJECTIVE, "monolingual/map")])
def test_every_sampler_learns_and_repeats_itself(sampler: str, objectives: tuple[str, ...]) -> None:
    settings = SETTINGS.model_copy(update={"sampler": sampler, "objective": objectives, "trials": 16})

    def end(best: float) -> Callable[[TrialRecord], Outcome]:
        def at(spec: TrialRecord) -> Outcome:
            value = -abs(spec.config.optimiser.learning_rate - best)
            metrics = {f"dev/{name}": value for name in objectives}
            return outcome_of(spec).model_copy(update={"metrics": metrics, "dev_by_step": {}})

        return at

    low, again, high = (
        [t.config.optimiser.learning_rate for t in run(plan_of(settings=settings), end=end(best)).values() if t.number]
        for best in (RATES.low, RATES.low, RATES.high)
    )
    assert low == again
    assert (low != high) == (sampler != "random"), "what was found decides what is tried next"


def test_the_plan_says_what_differs_between_the_trials_of_a_branch() -> None:
    for name in (one for one in SPACES if not space(one).factors):
        settings = {"trials": 16, "search": {"loss.temperature": ""}, "sampler": "random"}
        plan = plan_of(name, settings=SETTINGS.model_copy(update=settings))
        said = {branch.branch: branch.searched for branch in plan.branches}
        trials = [spec for spec in run(plan).values() if spec.phase == "search"]
        for branch in space(name).branches:
            own = [spec.config.model_dump() for spec in trials if spec.branch == branch.name]
            values = [flat(one) for one in own]
            differs = {key for one in values for key in one if len({str(v.get(key)) for v in values}) > 1}
            # A controller's parameters decide what its signals cost, and that how many steps are left.
            differs -= {"steps"}
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
    plan = StudyPlan(space("closed_loop"), SETTINGS, dev_pairs=20)
    for spec in run(plan).values():
        config, ratio, whole = spec.config, spec.config.ratio, 40 * 8
        spent = config.steps * config.batches.size + ratio.signal_pairs(config.steps, config.batches.size, 20) / 3
        if spec.phase == "search":
            # A whole step more would be too much.
            assert whole - 2 * config.batches.size < spent <= whole
            assert ratio.closed_loop or spent == whole


def test_the_twins_of_a_controller_replay_what_it_decided() -> None:
    wanted = space("closed_loop").model_copy(update={"controls": ("reversed", "loss-mixing")})
    plan = StudyPlan(wanted, SETTINGS)
    run(plan)
    winner = next(arm for arm in plan.arms if arm.arm == "best dynamic")
    twin, mixed = (next(arm for arm in plan.arms if arm.arm == f"best dynamic, {name}") for name in wanted.controls)
    assert FAMILIES[winner.family].closed_loop
    assert twin.config.steps == winner.config.steps
    assert isinstance(mixed.config.ratio, Replay)
    assert mixed.config.ratio.ratios == ((0.25, 0.75) * 20)[: winner.config.steps]
    assert mixed.config.steps == winner.config.steps


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_that_is_cut_short_is_the_beginning_of_the_whole_one(sampler: str) -> None:
    whole, short = (
        run(plan_of(settings=SETTINGS.model_copy(update={"sampler": sampler, "trials": trials}))) for trials in (8, 5)
    )
    # Whose ratio loss mixing has is known only at the end.
    searched = {n: spec for n, spec in short.items() if spec.phase == "search" and spec.branch != "loss-mixing"}
    assert len(searched) == 5 * 2 * len([b for b in space("dynamic_vs_static").branches if b.role == "dynamic"])
    assert {name: whole[name] for name in searched} == searched


@pytest.mark.parametrize("round_size", [1, 4])
def test_excess_is_steered_by_the_first_trainings_of_the_two_pure_strategies(round_size: int) -> None:
    trials = run(plan_of("closed_loop", round_size=round_size), concurrent=5)
    own = [spec.config.ratio for spec in trials.values() if spec.branch == "excess" and spec.phase == "search"]
    mono, cross = (outcome_of(trials[f"search-{name}-000"]).loss_curves for name in ("X-X-mono", "X-Y"))
    assert len(own) == 4
    for ratio in own:
        assert isinstance(ratio, Excess)
        assert (ratio.reference_mono, ratio.reference_cross) == (mono["mono"], cross["cross"])


def test_without_a_reference_the_rest_of_the_study_goes_on() -> None:
    def end(spec: TrialRecord) -> Outcome:
        return failed(spec) if spec.id == "search-X-Y-000" else outcome_of(spec)

    plan = plan_of("closed_loop")
    trials = run(plan, concurrent=3, end=end)
    families = {spec.branch for spec in trials.values() if spec.phase == "search"}
    assert families == {branch.name for branch in space("closed_loop").branches} - {"excess"}
    assert "excess" not in {arm.arm for arm in plan.arms}


# Factors: every branch is searched in every cell, with equal effort.

SIZES = StudySettings(set=SIZE, trials=3, seeds=2, factor={"encoder": ("mini-xs", "mini-s")})
BOTH = SIZES.model_copy(update={"set": {"steps": 40}, "factor": {**SIZES.factor, "batches.size": (8, 16)}})


def test_levels_cross_every_branch_with_equal_effort() -> None:
    plan = plan_of(settings=BOTH)
    trials = run(plan).values()
    cells = [dict(cell.levels) for cell in plan.cells]
    assert cells == [{"encoder": e, "batches.size": b} for e in ("mini-xs", "mini-s") for b in ("8", "16")]
    for cell in cells:
        own = [t for t in trials if t.cell == cell]
        assert {(t.config.encoder.name, str(t.config.batches.size)) for t in own} == {tuple(cell.values())}
        for branch in space("dynamic_vs_static").branches:
            wanted = 12 if branch.role == "static" else 3
            assert len([t for t in own if t.branch == branch.name]) == wanted
        arms = [arm for arm in plan.arms if arm.cell == cell]
        assert {"X-X-mono", "best static", "best dynamic"} <= {arm.arm for arm in arms}
        assert all((arm.chosen_from or "").startswith(f"search-{'-'.join(cell.values())}-") for arm in arms)
    assert len({t.id for t in trials}) == len(trials)


def test_levels_are_searched_with_the_same_random_numbers_but_choose_for_themselves() -> None:
    plan = plan_of(settings=SIZES.model_copy(update={"sampler": "random"}))
    trials = [t for t in run(plan).values() if t.phase == "search" and t.branch != "loss-mixing"]
    by_level = [
        [
            (t.branch, t.number, t.config.ratio, t.config.optimiser.learning_rate)
            for t in trials
            if t.cell == cell.levels
        ]
        for cell in plan.cells
    ]
    assert by_level[0] == by_level[1]
    chosen = [[a.config.optimiser.learning_rate for a in plan.arms if a.cell == cell.levels] for cell in plan.cells]
    assert chosen[0] != chosen[1], "outcomes differ between the levels, and so does what is chosen"


def test_a_study_without_factors_has_the_identifiers_and_the_search_that_it_always_had() -> None:
    trials = run(plan_of())
    assert {"search-X-X-mono-000", "search-hybrid-0.5-003", "confirm-best-dynamic--reversed-002"} <= trials.keys()


@pytest.mark.parametrize("concurrent", [1, 9])
def test_a_warm_start_begins_with_what_the_neighbour_found_and_counts_it(concurrent: int) -> None:
    settings = SIZES.model_copy(update={"warm_start": True})
    trials = run(plan_of(settings=settings), concurrent)
    first, second = (
        {(t.branch, t.number): t for t in trials.values() if t.phase == "search" and t.cell["encoder"] == level}
        for level in ("mini-xs", "mini-s")
    )
    for branch in space("dynamic_vs_static").branches:
        own = [trial for (name, _), trial in first.items() if name == branch.name]
        best = max(own, key=lambda t: outcome_of(t).metrics[f"dev/{OBJECTIVE}"])
        begun = second[branch.name, 0].config
        assert (begun.ratio, begun.optimiser) == (best.config.ratio, best.config.optimiser)
        assert (branch.name, len(own)) not in second, "the suggestion is one of the trials"
    assert run(plan_of(settings=settings), 4, seed=3) == trials


def test_a_factor_can_be_searched_instead_of_crossing() -> None:
    settings = SETTINGS.model_copy(update={"trials": 12, "search_factor": {"encoder": ("mini-xs", "mini-s")}})
    plan = plan_of(settings=settings)
    trials = run(plan).values()
    assert len(plan.cells) == 1
    tried: set[str] = set()
    for branch in space("dynamic_vs_static").branches:
        own = [t.config.encoder.name for t in trials if t.branch == branch.name]
        assert own[0] == "mini-xs"
        tried |= set(own)
    assert tried == {"mini-xs", "mini-s"}
    assert {encoder.name for encoder in plan.encoders} == {"mini-xs", "mini-s"}


def test_encoders_of_different_recipes_are_not_searched_as_one_factor() -> None:
    settings = StudySettings(search_factor={"encoder": ("mini-xs", "xlm-r-base")})
    with pytest.raises(
        UserError,
        match=r"usually trained in different ways; give batches.size, loss.temperature, optimiser.learning_rate",
    ):
        plan_of(settings=settings)


def test_a_bundle_of_options_is_one_factor() -> None:
    levels = {"small": {"encoder": "mini-xs", "steps": 30}, "large": {"encoder": "mini-s", "steps": 50}}
    trials = run(plan_of(settings=SETTINGS.model_copy(update={"set": {"batches.size": 8}, "factor": {"size": levels}})))
    assert {(t.cell["size"], t.config.encoder.name) for t in trials.values()} == {
        ("small", "mini-xs"),
        ("large", "mini-s"),
    }
    assert trials["search-small-X-Y-000"].config.steps == 30


def test_what_is_fixed_is_not_searched_and_belongs_to_the_families_that_have_it() -> None:
    settings = SETTINGS.model_copy(update={"set": {**SIZE, "ratio.end": 0.25}})
    plan = plan_of(settings=settings)
    for trial in run(plan).values():
        if trial.phase == "search" and hasattr(trial.config.ratio, "end"):
            assert trial.config.ratio.end == 0.25
    assert "ratio.end" not in {key for branch in plan.branches for key in branch.searched}


# Arms that are named, left out, or given from outside.


def test_a_space_can_be_limited_to_what_a_budget_can_pay() -> None:
    plan = plan_of(settings=SETTINGS.model_copy(update={"arms": ("X-X-mono", "X-Y", "hybrid-0.5")}))
    trials = run(plan).values()
    assert {t.branch for t in trials if t.phase == "search"} == {"X-X-mono", "X-Y", "hybrid 0.5"}
    rivals = ["X-X-mono, centred", "best static, centred"]
    assert [arm.arm for arm in plan.arms] == ["X-X-mono", "X-Y", "hybrid 0.5", "best static", *rivals]
    assert plan.main_comparison is None
    assert plan.planned["search"] == 12


def test_families_and_controls_can_be_left_out() -> None:
    plan = plan_of(settings=SETTINGS.model_copy(update={"without": ("competence", "cyclic", "loss-mixing")}))
    run(plan)
    arms = {arm.arm for arm in plan.arms}
    assert not arms & {"competence", "cyclic", "best dynamic, loss-mixing"}
    assert {"best dynamic", "best dynamic, reversed"} <= arms
    assert plan.main_comparison == ("best dynamic", "best static")


def test_an_arm_that_the_space_does_not_have_is_told() -> None:
    with pytest.raises(UserError, match="Unknown arm of the space 'competense': did you mean competence"):
        plan_of(settings=SETTINGS.model_copy(update={"without": ("competense",)}))


def test_an_arm_from_outside_is_confirmed_beside_the_searched_ones() -> None:
    mine = {"ratio": "linear(0.2, 0.8)", "optimiser.learning_rate": 3e-3}
    plan = plan_of(settings=SETTINGS.model_copy(update={"arm": {"mine": mine}}))
    trials = run(plan).values()
    arm = next(arm for arm in plan.arms if arm.arm == "mine")
    assert (arm.role, arm.chosen_from, arm.config.optimiser.learning_rate) == ("fixed", None, 3e-3)
    assert arm.config.ratio == Linear(start=0.2, end=0.8)
    assert (arm.config.steps, arm.config.batches.size) == (40, 8)
    assert [t.seed for t in trials if t.arm == "mine"] == [0, 1, 2]
    assert "mine" not in {t.branch for t in trials}


def test_the_untrained_encoder_is_an_arm_of_one_trial_where_there_is_a_pretrained_one() -> None:
    settings = StudySettings(set={**SIZE, "encoder": "xlm-r-base"}, trials=1, seeds=3)
    plan = plan_of(settings=settings)
    trials = run(plan).values()
    base = next(arm for arm in plan.arms if arm.arm == "base")
    assert (base.is_untrained, base.config.steps) == (True, 0)
    assert [t.seed for t in trials if t.arm == "base"] == [0]
    assert plan.planned["confirm"] == len([t for t in trials if t.phase == "confirm"])
    assert "base" not in {arm.arm for arm in plan_of().arms}
    left_out = plan_of(settings=settings.model_copy(update={"without": ("base",)}))
    run(left_out)
    assert "base" not in {arm.arm for arm in left_out.arms}


AGAIN = SETTINGS.model_copy(update={"repeat_search": 3})


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ({"set": {"encoder.lora.alpha": 8.0}}, "encoder.lora.alpha"),
        ({"search": {"encoder.lora.dropout": "0.1,0.2"}}, "encoder.lora.dropout"),
        ({"arm": {"mine": {"ratio": "constant(0.3)", "encoder.image.frozen": True}}}, "encoder.image.frozen"),
    ],
)
def test_an_option_of_the_encoder_that_changes_nothing_anywhere_is_refused(asked: dict[str, Any], key: str) -> None:
    asked["set"] = {"encoder": "xlm-r-base", **asked.get("set", {})}
    with pytest.raises(
        UserError, match=rf"^{key} changes nothing without encoder\.\w+\.\w+: set .*, or leave {key} out"
    ):
        StudyPlan(space("static_ratio"), StudySettings(**asked))


@pytest.mark.parametrize(
    "asked",
    [
        {"factor": {"encoder.lora.rank": [0, 8]}},
        {"search": {"encoder.lora.rank": "0..8"}},
        {"search_factor": {"encoder.lora.rank": [4, 8]}},
    ],
)
def test_one_that_changes_something_somewhere_is_not(asked: dict[str, Any]) -> None:
    StudyPlan(space("static_ratio"), StudySettings(set={"encoder": "xlm-r-base", "encoder.lora.alpha": 8.0}, **asked))


def test_a_search_that_is_repeated_is_the_same_search_with_other_seeds() -> None:
    once, again = plan_of(), plan_of(settings=AGAIN)
    alone, trials = run(once), run(again)
    assert again.planned == {phase: 3 * number for phase, number in once.planned.items()} or again.arms != once.arms
    searched = [spec for spec in trials.values() if spec.phase == "search"]
    assert len(searched) == 3 * once.planned["search"]
    # The first one is that of a study that searches once.
    first = {spec.id: spec for spec in searched if spec.repetition == 0}
    assert first == {spec.id: spec for spec in alone.values() if spec.phase == "search"}
    for number in range(3):
        own = [spec for spec in searched if spec.repetition == number]
        assert {spec.seed for spec in own} == {StudySettings().search_seed + number}
        assert [(spec.branch, spec.number) for spec in sorted(own, key=lambda s: (str(s.branch), s.number or 0))] == [
            (spec.branch, spec.number) for spec in sorted(first.values(), key=lambda s: (str(s.branch), s.number or 0))
        ]
    values = [{spec.config.ratio.model_dump_json() for spec in searched if spec.repetition == n} for n in range(3)]
    assert len(set.union(*values)) > max(map(len, values)), "other samplers try other values"


def test_every_search_chooses_its_own_arms_and_all_arms_have_equally_many_fresh_seeds_of_each() -> None:
    plan = plan_of(settings=AGAIN)
    trials = run(plan, concurrent=5, seed=3)
    dynamic = {branch.name for branch in plan.space.branches if branch.role == "dynamic"}
    for number in range(3):
        arms = {arm.arm: arm for arm in plan.arms if arm.repetition == number}
        own = [spec for spec in trials.values() if spec.phase == "search" and spec.repetition == number]
        best = max((s for s in own if s.branch in dynamic), key=lambda s: outcome_of(s).metrics[f"dev/{OBJECTIVE}"])
        assert arms["best dynamic"].chosen_from == best.id
        assert {arm.chosen_from for arm in arms.values()} <= {spec.id for spec in own}
        for arm in arms.values():
            if arm.same_as is None:
                confirmed = [
                    s for s in trials.values() if (s.phase, s.arm, s.repetition) == ("confirm", arm.arm, number)
                ]
                assert [spec.seed for spec in confirmed] == [number, number + 3, number + 6]
                assert {spec.config.model_copy(update={"seed": arm.config.seed}) for spec in confirmed} == {arm.config}
    assert len({arm.config.fingerprint for arm in plan.arms if arm.arm == "best dynamic"}) > 1


def test_repeated_searches_do_not_depend_on_who_ends_first() -> None:
    alone = run(plan_of("closed_loop", settings=AGAIN))
    for concurrent, seed in ((5, 2), (64, 3)):
        assert run(plan_of("closed_loop", settings=AGAIN), concurrent, seed) == alone


@pytest.mark.parametrize("concurrent", [1, 5])
def test_arms_that_the_main_comparison_does_not_need_may_have_fewer_seeds(concurrent: int) -> None:
    settings = SETTINGS.model_copy(update={"seeds": 4, "other_seeds": 2})
    plan = plan_of(settings=settings)
    trials = run(plan, concurrent)
    confirm = [spec for spec in trials.values() if spec.phase == "confirm"]
    assert len(confirm) == plan.planned["confirm"]
    of_arm: dict[str, list[int]] = {}
    for spec in sorted(confirm, key=lambda one: one.seed):
        of_arm.setdefault(spec.arm or "", []).append(spec.seed)
    longer = {name for name, seeds in of_arm.items() if seeds == [0, 1, 2, 3]}
    assert all(seeds == [0, 1] for name, seeds in of_arm.items() if name not in longer)
    main = {arm.same_as or arm.arm for arm in plan.arms if arm.arm in plan.space.main_comparison}
    # What costs no training goes with the training that writes it.
    free = {name for name in longer if name.endswith("centred")}
    assert longer - free == main
    # A trial is the same whoever else gets its seed.
    whole = run(plan_of(settings=SETTINGS.model_copy(update={"seeds": 4})))
    assert all(whole[name] == spec for name, spec in trials.items())


def test_every_search_and_cell_gives_its_main_arms_the_added_seeds() -> None:
    changes = {"seeds": 2, "other_seeds": 1, "repeat_search": 2, "factor": {"loss.temperature": (0.02, 0.05)}}
    plan = plan_of(settings=SETTINGS.model_copy(update=changes))
    confirm = [spec for spec in run(plan).values() if spec.phase == "confirm"]
    longer = set()
    for arm in (arm for arm in plan.arms if arm.same_as is None):
        seeds = [one.seed for one in confirm if place_of(one) == place_of(arm)]
        assert seeds in ([arm.repetition], [arm.repetition, arm.repetition + 2])
        longer |= {place_of(arm)} if len(seeds) == 2 else set()
    named = [arm for arm in plan.arms if arm.arm in plan.space.main_comparison]
    assert len(named) == 2 * 2 * len(plan.cells) == 8
    main = {(arm.same_as or arm.arm, *place_of(arm)[1:]) for arm in named}
    assert main == {place for place in longer if not place[0].endswith("centred")}


def test_fewer_seeds_are_refused_where_no_arm_or_more_than_all_would_have_them() -> None:
    with pytest.raises(UserError, match="--other-seeds 4 is more than the 3 that the main comparison has: give"):
        plan_of(settings=SETTINGS.model_copy(update={"other_seeds": 4}))
    # The first look has more than were asked for.
    added = {"seeds": 1, "until_separable": 20}
    assert plan_of(settings=SETTINGS.model_copy(update={**added, "other_seeds": 3})).other_seeds == 3
    with pytest.raises(
        UserError, match=r"--other-seeds 4 is more than the 3 .* at its first look: give at most as many"
    ):
        plan_of(settings=SETTINGS.model_copy(update={**added, "other_seeds": 4}))
    for option in ("other_seeds", "until_separable"):
        flag = f"--{option.replace('_', '-')}"
        said = f"{flag} 2: an arm of the main comparison of dynamic_vs_static, .* was left out; leave {flag} out, too"
        with pytest.raises(UserError, match=said):
            plan_of(settings=SETTINGS.model_copy(update={option: 2, "arms": ("X-X-mono", "X-Y")}))
