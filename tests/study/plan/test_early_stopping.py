"""Early stopping is fair: only against the own branch, at the same step, not before the schedule can be judged."""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from search_spaces.space import Space, family_branch, static_branch, strategies
from study.plan.branch_search import BranchSearch
from study.plan.early_stopping import rungs
from study.plan.objective import Objective, parse_objectives
from study.plan.program import StudyPlan
from study.settings import StudySettings
from tests.trainables.toy_run import toy_config
from trainables.config import TrialConfig
from trainables.parameters import Real
from trainables.records import Outcome, Rung, Status, TrialRecord

MAP = "overall/map"
DISTANCE = "bias/rank_distance"
MORE, LESS = Objective(MAP, "maximize"), Objective(DISTANCE, "minimize")

VALUES = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def training(ratio: dict[str, Any] | None = None, steps: int = 100, every: int = 25) -> TrialConfig:
    return toy_config(ratio=ratio or {"family": "constant", "value": 0.5}, steps=steps, evaluate_every=every)


def ended(history: dict[int, float], metric: str = MAP, status: Status = "complete") -> Outcome:
    last = history[max(history)] if history else 0.0
    return Outcome(
        status=status,
        steps=max(history, default=0),
        metrics={f"dev/{metric}": last},
        dev_by_step={step: {metric: value} for step, value in history.items()},
    )


def bounds(found: Sequence[Rung]) -> dict[int, float | None]:
    return {rung.step: rung.minimum for rung in found}


def test_rungs_are_the_evaluations_before_the_last_one() -> None:
    earlier = [ended({25: 0.1, 50: 0.2, 75: 0.3, 100: 0.4}), ended({25: 0.2, 50: 0.1, 75: 0.5, 100: 0.6})]
    assert bounds(rungs(training(), earlier, MORE)) == {25: 0.2, 50: 0.2, 75: 0.5}
    assert rungs(training(every=100), earlier, MORE) == ()


def test_too_short_a_history_stops_nothing() -> None:
    whole = ended({25: 0.9, 50: 0.9, 75: 0.9, 100: 0.9})
    assert rungs(training(), [], MORE) == ()
    assert rungs(training(), [whole], MORE) == ()
    # One of the two was stopped after step 50: nothing but the other is known of step 75.
    assert set(bounds(rungs(training(), [whole, ended({25: 0.9, 50: 0.1}, status="pruned")], MORE))) == {25, 50}


def test_a_stopped_or_diverged_trial_counts_where_it_was_judged() -> None:
    earlier = [
        ended({25: 0.3, 50: 0.4}, status="pruned"),
        ended({25: 0.5}, status="diverged"),
        ended({25: 0.1, 50: 0.6, 75: 0.7, 100: 0.8}),
        ended({}, status="failed"),
    ]
    assert bounds(rungs(training(), earlier, MORE)) == {25: 0.5, 50: 0.6}


@pytest.mark.parametrize(
    ("ratio", "first"),
    [
        ({"family": "constant", "value": 1.0}, 10),
        ({"family": "step", "start": 1.0, "end": 0.0, "switch": 0.7}, 70),
        ({"family": "step", "start": 1.0, "end": 0.0, "switch": 0.71}, 80),
        ({"family": "linear", "start": 1.0, "end": 0.0}, 50),
        ({"family": "linear", "start": 0.5, "end": 0.5}, 10),
        ({"family": "reversed", "of": {"family": "step", "start": 1.0, "end": 0.0, "switch": 0.2}}, 80),
    ],
)
def test_nothing_is_stopped_before_its_schedule_can_be_judged(ratio: dict[str, Any], first: int) -> None:
    earlier = [ended(dict.fromkeys(range(10, 101, 10), 0.9))] * 3
    assert min(bounds(rungs(training(ratio, every=10), earlier, MORE))) == first


@given(st.lists(st.dictionaries(st.sampled_from([25, 50, 75, 100]), VALUES), max_size=9), VALUES)
def test_a_trial_goes_on_if_it_is_in_the_best_third_of_all_that_reached_the_rung(
    histories: list[dict[int, float]], value: float
) -> None:
    found = {rung.step: rung for rung in rungs(training(), [ended(history) for history in histories], MORE)}
    for step in (25, 50, 75):
        reached = [history[step] for history in histories if step in history]
        if len(reached) < 2:
            assert step not in found
            continue
        # Its place among all, itself included; equal ones share the better place.
        place = 1 + sum(other > value for other in reached)
        allowed = max(1, (len(reached) + 1) // 3)
        assert found[step].misses(value) == (place > allowed)
        assert found[step].misses(float("nan"))


@given(st.lists(st.dictionaries(st.sampled_from([25, 50, 75, 100]), VALUES), max_size=9), VALUES)
def test_less_is_better_where_the_objective_says_so(histories: list[dict[int, float]], value: float) -> None:
    more = rungs(training(), [ended(history) for history in histories], MORE)
    mirrored = [ended({step: -value for step, value in history.items()}, DISTANCE) for history in histories]
    less = rungs(training(), mirrored, LESS)
    assert [rung.step for rung in less] == [rung.step for rung in more]
    for one, other in zip(more, less, strict=True):
        assert (other.metric, other.minimum) == (DISTANCE, None)
        assert other.misses(-value) == one.misses(value)


@given(st.permutations([{25: 0.1}, {25: 0.2, 50: 0.5}, {25: 0.3, 50: 0.4}, {25: 0.2, 50: 0.1, 75: 0.7}]))
def test_rungs_do_not_depend_on_the_order_of_the_history(histories: list[dict[int, float]]) -> None:
    assert bounds(rungs(training(), [ended(history) for history in histories], MORE)) == {25: 0.3, 50: 0.5}


# The same rules in a whole search. The trainable of these tests follows its rungs, as the real one does.

SPACE = Space(
    name="two_families",
    question="?",
    branches=(
        *strategies()[:1],
        static_branch(),
        family_branch("linear"),
    ),
    trials=8,
    main_comparison=("linear", "best static"),
)
SETTINGS = StudySettings(
    set={"steps": 40, "batches.size": 8, "monitoring.evaluations": 4}, seeds=1, early_stopping="halving"
)


def value_at(spec: TrialRecord, step: int) -> float:
    # Strategies are far better than linear ones: across branches every linear trial would be stopped.
    level = {"X-X-mono": 0.9, "static": 0.6, "linear": 0.2}.get(str(spec.branch), 0.5)
    spread = random.Random(f"{spec.config.fingerprint}").random() * 0.1
    return (level + spread) * step / spec.config.steps


def train(spec: TrialRecord) -> Outcome:
    """Trains until the end or to the first rung that it misses."""
    stop_at = {rung.step: rung for rung in spec.rungs}
    history: dict[int, float] = {}
    for step in range(spec.config.evaluate_every, spec.config.steps + 1, spec.config.evaluate_every):
        history[step] = value_at(spec, step)
        if step in stop_at and stop_at[step].misses(history[step]):
            return ended(history, status="pruned")
    return ended(history)


def search(plan: StudyPlan, concurrent: int = 1, seed: int = 0) -> dict[str, tuple[TrialRecord, Outcome]]:
    order = random.Random(seed)
    running: list[TrialRecord] = []
    done: dict[str, tuple[TrialRecord, Outcome]] = {}
    while not plan.finished:
        while len(running) < concurrent and (spec := plan.next_trial()) is not None:
            running.append(spec)
        if running:
            spec = running.pop(order.randrange(len(running)))
            done[spec.id] = spec, train(spec)
            plan.complete(*done[spec.id])
        elif plan.phase_ended:
            plan.start_confirm_phase()
    return {name: found for name, found in done.items() if found[0].phase == "search"}


def plan_of(
    round_size: int = 1,
    settings: StudySettings = SETTINGS,
    space: Space = SPACE,
    storage: optuna.storages.BaseStorage | None = None,
) -> StudyPlan:
    return StudyPlan(space, settings, round_size=round_size, storage=storage)


def test_a_branch_is_never_judged_by_another_one() -> None:
    together = search(plan_of())
    for branch in SPACE.branches:
        alone = SPACE.model_copy(update={"branches": (branch,), "main_comparison": ("best static", "best static")})
        for name, (spec, _) in search(plan_of(space=alone)).items():
            assert together[name][0].rungs == spec.rungs


def test_a_search_stops_trials_but_never_all_of_a_branch() -> None:
    done = search(plan_of())
    for branch in SPACE.branches:
        ends = [outcome.status for spec, outcome in done.values() if spec.branch == branch.name]
        assert set(ends) == {"complete", "pruned"}
        assert ends[:2] == ["complete", "complete"], "there is nothing yet to be behind of"


def test_no_linear_trial_is_stopped_in_its_first_half() -> None:
    for spec, outcome in search(plan_of()).values():
        if spec.branch == "linear":
            assert all(rung.step >= 20 for rung in spec.rungs)
            assert outcome.steps >= 20


@pytest.mark.parametrize("round_size", [1, 3])
def test_what_is_stopped_does_not_depend_on_how_many_run_or_who_ends_first(round_size: int) -> None:
    alone = search(plan_of(round_size))
    assert any(outcome.status == "pruned" for _, outcome in alone.values())
    for concurrent, seed in ((2, 1), (64, 2)):
        assert search(plan_of(round_size), concurrent, seed) == alone


def test_the_trials_of_a_round_do_not_judge_each_other() -> None:
    done = search(plan_of(round_size=3))
    for spec, _ in done.values():
        start = (spec.number or 0) // 3 * 3
        assert bool(spec.rungs) == (start >= 3)


def test_without_early_stopping_no_trial_has_a_rung() -> None:
    done = search(plan_of(settings=SETTINGS.model_copy(update={"early_stopping": "off"})))
    assert all(spec.rungs == () and outcome.status == "complete" for spec, outcome in done.values())


def test_confirm_trials_are_never_stopped() -> None:
    plan = plan_of()
    search(plan)
    assert plan._confirm
    assert all(spec.rungs == () for spec in plan._confirm)


def test_a_stopped_trial_is_never_an_arm() -> None:
    plan = plan_of()
    done = search(plan)
    assert {done[arm.chosen_from][1].status for arm in plan.arms} == {"complete"}


# What the sampler hears.


def told(state: Callable[[BranchSearch], None], storage: optuna.storages.BaseStorage) -> list[optuna.trial.FrozenTrial]:
    branch = BranchSearch(
        "linear",
        {"learning_rate": Real(0.001, 0.01, log=True)},
        sampler="tpe",
        seed=0,
        trials=3,
        first={"learning_rate": 0.004},
        objectives=parse_objectives([MAP]),
        storage=storage,
    )
    state(branch)
    return list(optuna.load_study(study_name="linear", storage=storage).trials)


def test_optuna_hears_how_every_trial_ended_and_at_which_step() -> None:
    outcomes = [
        ended({10: 0.1, 20: 0.3, 40: 0.5}),
        ended({10: 0.05, 20: 0.2}, status="pruned"),
        ended({10: 0.02}, status="diverged"),
        ended({}, status="failed"),
    ]

    def run(branch: BranchSearch) -> None:
        for number, outcome in enumerate(outcomes):
            branch.ask(number)
            branch.tell(number, outcome)

    complete, pruned, diverged, failed = told(run, optuna.storages.InMemoryStorage())
    assert (complete.state, complete.value) == (TrialState.COMPLETE, 0.5)
    assert complete.params == {"learning_rate": 0.004}, "the enqueued values come first"
    assert pruned.state == TrialState.PRUNED
    assert pruned.last_step == 20
    assert pruned.intermediate_values == {10: 0.05, 20: 0.2}
    assert pruned.value == 0.2, "what a stopped trial had reached, not what it might have"
    assert (diverged.state, failed.state) == (TrialState.FAIL, TrialState.FAIL)


def test_the_journal_in_the_study_folder_tells_the_same(tmp_path: Path) -> None:
    journal = tmp_path / "optuna.journal"
    done = search(plan_of(storage=JournalStorage(JournalFileBackend(str(journal)))))
    assert all(json.loads(line) for line in journal.read_text().splitlines())
    reader = JournalStorage(JournalFileBackend(str(journal)))
    names = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
    for branch in SPACE.branches:
        own = [outcome for spec, outcome in done.values() if spec.branch == branch.name]
        # Values that made no trial stand there as failed.
        told = optuna.load_study(study_name=branch.name, storage=reader).trials
        seen = [trial for trial in told if trial.state != TrialState.FAIL]
        assert [trial.state for trial in seen] == [names[outcome.status] for outcome in own]
        assert [trial.last_step for trial in seen] == [outcome.steps for outcome in own]
