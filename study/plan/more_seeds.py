"""Adding confirm seeds to a study: to which, after which looks at its results, and whether it needs more."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from analysis.statistics import sequential
from analysis.statistics.comparison import MARGIN
from analysis.statistics.errors import StatisticsError
from analysis.statistics.questions import QuestionTable, SettingRows, average, over_settings
from analysis.statistics.sequential import FIRST_LOOK
from search_spaces.registry import space
from study.benchmarks import JudgedBenchmark, judged_benchmarks
from study.main_arms import place_of, trainings_of
from study.plan.effort import effort
from study.records import DECISION, ArmRecord, DecisionRecord
from study.study_folder import Study
from trainables.errors import UserError
from trainables.evaluation.metric_name import MetricSetting

FEWEST_SEEDS = 2
"""Seeds without which there is no spread."""


def first_look(seeds: int) -> int:
    """The seeds at the first look of a study that was asked for so many."""
    return max(seeds, FIRST_LOOK)


def looks_so_far(study: Study, seeds: int) -> list[int]:
    """The seeds at every look that a study has taken, and at the next one, which may repeat the last.

    `seeds`: as many as were asked for. No look is forgotten: the error rate is spent over all of them.
    """
    decision = last_decision(study)
    if decision is None:
        return [first_look(seeds)]
    asked = list(decision.asked)
    return asked if decision.stop or seeds <= asked[-1] else [*asked, seeds]


def seeds_begun(study: Study, seeds: int) -> int:
    """The most seeds of an arm that a study that adds them may have begun; no record of its settings holds them.

    `seeds`: as many as were asked for.
    """
    looks, decision = looks_so_far(study, seeds), last_decision(study)
    # The seed after a look begins before there is another one.
    goes_on = decision is not None and not decision.stop and looks[-1] == decision.asked[-1]
    return looks[-1] + goes_on


def seeds_had(study: Study) -> tuple[int, int]:
    """The most seeds that an arm has begun: of all arms, and of those that the main comparison does not need."""
    needed = trainings_of(study.info.main_comparison, study.arms)
    begun = [(trial.seed, place_of(trial.record) in needed) for trial in study.trials if trial.phase == "confirm"]
    most = (max((seed + 1 for seed, _ in found), default=0) for found in (begun, [one for one in begun if not one[1]]))
    of_all, of_others = (-(-one // study.info.settings.repeat_search) for one in most)
    return of_all, of_others


def last_decision(study: Study) -> DecisionRecord | None:
    """The last decision of a study; None if it has made none. Raises UserError for a damaged one."""
    if study.decision is None and study.folder.exists(DECISION):
        raise UserError(
            f"{study.folder.location}/{DECISION} is damaged: without the looks that it names the error rate of "
            "--until-separable cannot be kept; restore it from a copy."
        )
    return study.decision


def trials_of_all(study: Study) -> int:
    """The search trials that every branch of an unfinished search has ended: the equal effort that can be confirmed.

    Raises UserError if a branch has none, and for samplers whose trials depend on how many there will be.
    """
    where, info = study.folder.location, study.info
    if (info.settings.sampler or space(info.space).sampler) in ("grid", "nsga2"):
        raise UserError(
            f"{where} is in its search phase, and a grid or a genetic search cannot be cut short: end it with --resume."
        )
    numbers: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    for record in (trial.record for trial in study.trials if trial.phase == "search" and trial.result):
        numbers[record.repetition, record.branch, *record.cell.values()].add(record.number or 0)
    # Controls are searched when the branches have ended.
    budgets = [budget for budget in info.branches if budget.role != "control"]
    cells = {tuple(budget.cell.values()): [b for b in budgets if b.cell == budget.cell] for budget in budgets}

    def missing(trials: int) -> list[str]:
        """The branches that have not ended what would be theirs."""
        return [
            " ".join([name, *cell])
            for repetition in range(info.settings.repeat_search)
            for cell, of_cell in cells.items()
            for name, wanted in effort(
                [(b.branch, b.role, b.searched) for b in of_cell], trials, info.main_comparison
            ).items()
            if not numbers[repetition, name, *cell].issuperset(range(wanted))
        ]

    asked = info.settings.trials or space(info.space).trials
    found = next((trials for trials in range(asked, 0, -1) if not missing(trials)), None)
    if found is None:
        names = ", ".join(dict.fromkeys(missing(1)))
        raise UserError(f"{where} has too few search trials of {names} yet: go on with --resume.")
    return found


def decide(study: Study, looks: Sequence[int], max_seeds: int) -> DecisionRecord:
    """Returns the decision, judged by the seeds below `looks[-1]` that both arms finished.

    Judged on the first benchmark, in the setting of the objective; with factors, by the mean over all cells.

    Args:
        study: its main comparison is decided.
        looks: the seeds that had been started at every look so far, this one last. One that failed is missing from the
            looks of the decision.
        max_seeds: seeds at which the study stops in any case.

    Raises:
        UserError: the arms have no such results.
    """
    where = study.folder.location
    pairs = main_pairs(study)
    found = judged_benchmarks(study.info.data.main_measures, confirmed_metrics(study), study.info.measures)
    if not (pairs and found and all(study.confirm_trials(arm) for pair in pairs for arm in pair)):
        raise UserError(f"{where} has no results for its main comparison yet: let its confirm phase end first.")
    benchmark, setting = found[0], found[0].setting_of(study.info.objectives[0].metric)
    names = pairs[0][0].arm, pairs[0][1].arm
    what: dict[str, Any] = {
        "arm": names[0],
        "baseline": names[1],
        "benchmark": benchmark.name,
        "setting": setting,
        "metric": benchmark.metric,
        "margin": MARGIN,
        "asked": tuple(looks),
        "max_seeds": max_seeds,
    }
    if all((one.same_as or one.arm) == (other.same_as or other.arm) for one, other in pairs):
        sentence = f"{names[0]} and {names[1]} are the same training: no seed can tell them apart."
        return DecisionRecord(stop=True, verdict="equivalent", sentence=sentence, looks=tuple(looks), **what)
    tables = [table_of(study, arms, benchmark, setting) for arms in zip(*pairs, strict=True)]
    seeds = tuple(sorted(set(tables[0].seeds) & set(tables[1].seeds) & set(range(looks[-1]))))
    finished = [sum(seed < look for seed in seeds) for look in looks]
    # A look that added no seed to both arms was none.
    taken = sorted({count for count in finished if count >= FEWEST_SEEDS})
    if not taken or finished[-1] < FEWEST_SEEDS:
        raise UserError(
            f"{where} has {len(seeds)} seeds that both {names[0]} and {names[1]} finished, but a decision needs "
            f"{FEWEST_SEEDS}: see the errors of the failed trials."
        )
    one, other = (table.of_seeds(seeds) for table in tables)
    try:
        decision = sequential.decide(one, other, taken, max_seeds, is_last=looks[-1] >= max_seeds)
    except StatisticsError as error:
        raise UserError(f"{where}: the decision about more seeds failed. {error}") from error
    return DecisionRecord(looks=tuple(taken), **{**asdict(decision), **what})


def main_pairs(study: Study) -> list[tuple[ArmRecord, ArmRecord]]:
    """The two arms of the main comparison in every cell; empty if one of them is missing."""
    cells = list({tuple(arm.cell.items()): arm.cell for arm in study.arms}.values())
    pairs = []
    for cell in cells:
        arms = [arm for name in study.info.main_comparison or () if (arm := study.arm(name, cell)) is not None]
        if len(arms) == 2:
            pairs.append((arms[0], arms[1]))
    return pairs if len(pairs) == len(cells) else []


def confirmed_metrics(study: Study) -> set[str]:
    """The names of all metrics of the finished confirm runs."""
    ended = (t.result for t in study.trials if t.phase == "confirm" and t.status == "complete" and t.result)
    return {name for result in ended for name in result.metrics}


def table_of(
    study: Study, arms: Sequence[ArmRecord], benchmark: JudgedBenchmark, setting: MetricSetting
) -> QuestionTable:
    """The values per question, mean over the arms of one name in all cells, of the seeds that have any."""
    tables = []
    for arm in arms:
        read = ((trial.seed, trial.per_query()) for trial in study.confirm_trials(arm))
        frames = {seed: frame[frame["benchmark"] == benchmark.name] for seed, frame in read if frame is not None}
        try:
            of: dict[str, QuestionTable] = {
                one: SettingRows.of(frames, one).having(benchmark.metric).table(benchmark.metric)
                for one in benchmark.parts_of(setting)
            }
            tables.append(over_settings(of) if len(of) > 1 else of[setting])
        except StatisticsError as error:
            raise UserError(f"{study.folder.location} holds no values per question for {arm.arm}: {error}") from error
    try:
        return average(tables)
    except StatisticsError as error:
        raise UserError(f"{study.folder.location}: the cells have no common mean. {error}") from error
