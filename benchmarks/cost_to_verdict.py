"""How many training pairs the main comparison costs until it has a verdict: this project against stock tools.

    python benchmarks/cost_to_verdict.py [--repetitions 300] [--sizes 0 0.01 0.02 0.04] [--most-seeds 20]

The truth is planted (tests/study/planted.py): a falling ratio is better than every constant by the size, and by nothing
at size 0. Every repetition is another world of noise, and all methods run in the same worlds. How large the effects of
seeds and questions are, and what runs of one seed share, was measured on real trainings (`MEASURED`; seed_effects.py).

Ours: the search of a study of 4 branches with 4 trials each, its arms, confirm seeds for all of them or one seed for
those beside the main comparison (`--other-seeds 1`), and the verdict of `analysis` on the mean of all settings; with a
fixed number of seeds, or one more seed of the two main arms at a time until there is a verdict, as `--until-separable`
does; or with a repeated search (`--repeat-search`), where searches, with one seed each, take the place of seeds.

Stock: Optuna's TPE over the same ranges, with the same number of trials for constants and for schedules and the same
first values, asynchronous successive halving with the defaults of Ray Tune (reduction by 4 from the first evaluation
on), one seed for all trials of its search, the best of either trained anew with independent seeds, and Welch's t test
of the means of its runs at 5 %. It takes the questions as given and errs more often than that about new ones; so it is
shown a second time at levels that hold 5 %, which are found here on equal trainings and known to nobody in practice.

A verdict is wrong about the arms where the true difference of the two trainings that were compared contradicts it:
`better` or `worse` against its sign, `equivalent` beyond the margin. It claims too much at size 0, where it says
`better` or `worse`: what the search has found (learning rates, mean ratios) may truly differ, but not because one of
them is a schedule.
"""

import argparse
import math
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import optuna
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics import sequential
from analysis.statistics.comparison import LEVEL, MARGIN
from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable
from analysis.statistics.sequential import FIRST_LOOK
from analysis.statistics.significance import verdict_of
from study.plan.program import StudyPlan
from study.records import RangeRecord
from study.settings import StudySettings
from tests.study.planted import OBJECTIVE, QUESTIONS, SETTINGS, SPACE, Noise, Planted, of_world, outcome
from trainables.config import TrialConfig
from trainables.options import patched
from trainables.ratio.registry import constant_ratio

CASE = "falling is better"
SEEDS = (3, 5, 10, 20)
SIZES = (0.0, 0.01, 0.02, 0.04)
SEARCHES = (3, 5)
POWERS = (0.5, 0.8)
STOCK, HOLDING = "stock with ASHA", "stock with ASHA, at a level that holds"
ALL, ONE = "all arms", "other seeds 1"
SEARCH_SEED = 2_000_000
_CALIBRATION = 10
"""Times as many worlds of two equal trainings as others, for the level of a test that holds."""
OTHERS = 1
"""The seeds of arms beside the main comparison, where they have fewer."""
HALVING = SETTINGS.model_copy(update={"early_stopping": "halving"})

MEASURED = Noise(
    seed=0.0080,
    common_seed=0.0029,
    question=0.065,
    arm_question=0.036,
    seed_question=0.021,
    run=0.049,
    rest=0.0,
    dev=0.0067,
)
"""Of the embedded study with its smallest encoder, 6 arms x 16 seeds (docs/statistics.md, on pairing). `dev`: what the
dev set adds within an arm, .0056, and what its 100 questions do with an arm, .036 / 10, together.
"""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """What a method came to in one world; `pairs`: trained until then, the search included."""

    verdict: str
    pairs: int
    true_difference: float

    @property
    def is_wrong(self) -> bool:
        """Whether the truth of the two trainings contradicts the verdict."""
        if self.verdict == "equivalent":
            return abs(self.true_difference) >= MARGIN
        signs = {"better": 1, "worse": -1}
        return self.verdict in signs and signs[self.verdict] * self.true_difference <= 0


def pairs_of(config: TrialConfig) -> int:
    """Pairs of a whole training."""
    return config.steps * config.batches.size


def ours(planted: Planted, settings: StudySettings, most: int) -> dict[tuple[str, str], Judged]:
    """The verdicts of a study by the seeds of its other arms (as many, `other seeds 1`) and those of the main ones."""
    plan, (searched,) = searched_plan(planted, settings)
    arms = {arm.arm: arm for arm in plan.arms}
    dynamic, static = (arms[name].same_as or name for name in SPACE.main_comparison or ())
    tables = {name: table(planted, with_seeds(arm.config, most)) for name, arm in arms.items() if arm.same_as is None}
    of_two = {name: tables[name] for name in (dynamic, static)}
    main = sum(pairs_of(arms[name].config) for name in of_two)
    others = sum(pairs_of(arms[name].config) for name in tables) - main
    true = planted.truth(arms[dynamic].config) - planted.truth(arms[static].config)
    found = {}
    for seeds in (number for number in SEEDS if number <= most):
        for which, held, of_others in ((ALL, tables, seeds), (ONE, of_two, OTHERS)):
            panel = Panel.of({name: one.of_seeds(tuple(range(seeds))) for name, one in held.items()})
            interval = panel.difference(dynamic, static).interval(LEVEL)
            pairs = searched + seeds * main + of_others * others
            found[which, str(seeds)] = Judged(verdict_of(interval, MARGIN, True), pairs, true)
    for last in (number for number in SEEDS if FIRST_LOOK < number <= most):
        verdict, seeds = until_separable(tables[dynamic], tables[static], last)
        for which, of_others in ((ALL, FIRST_LOOK), (ONE, OTHERS)):
            pairs = searched + seeds * main + of_others * others
            found[which, f"{FIRST_LOOK} to {last}"] = Judged(verdict, pairs, true)
    return found


def searched_plan(planted: Planted, settings: StudySettings) -> tuple[StudyPlan, list[int]]:
    """A study whose arms are chosen, and the pairs of each of its searches."""
    plan = StudyPlan(SPACE, of_world(settings, planted))
    pairs = [0] * plan.repetitions
    while (trial := plan.next_trial()) is not None:
        ended = outcome(planted, trial)
        pairs[trial.repetition] += ended.pairs
        plan.complete(trial, ended)
    plan.start_confirm_phase()
    return plan, pairs


def searched_again(planted: Planted, settings: StudySettings) -> dict[str, Judged]:
    """The verdicts of a repeated search by the number of searches: two arms, one seed of those of each search."""
    again = settings.model_copy(update={"repeat_search": max(SEARCHES), "seeds": 1})
    plan, pairs = searched_plan(planted, again)
    sides = []
    for name in SPACE.main_comparison or ():
        configs = (arm.config for arm in plan.arms if arm.arm == name)
        sides.append([config.model_copy(update={"seed": seed}) for seed, config in enumerate(configs)])
    dynamic, static = sides
    true = np.array([planted.truth(one) - planted.truth(other) for one, other in zip(dynamic, static, strict=True)])
    spent = np.cumsum(pairs) + np.cumsum(
        [pairs_of(one) + pairs_of(other) for one, other in zip(dynamic, static, strict=True)]
    )
    found = {}
    for number in SEARCHES:
        panel = Panel.of({"dynamic": table(planted, dynamic[:number]), "static": table(planted, static[:number])})
        interval = panel.difference("dynamic", "static").interval(LEVEL)
        verdict = verdict_of(interval, MARGIN, True)
        found[str(number)] = Judged(verdict, int(spent[number - 1]), float(true[:number].mean()))
    return found


def with_seeds(config: TrialConfig, seeds: int, first: int = 0) -> list[TrialConfig]:
    """The training with so many seeds."""
    return [config.model_copy(update={"seed": first + seed}) for seed in range(seeds)]


def until_separable(arm: QuestionTable, baseline: QuestionTable, most: int) -> tuple[str, int]:
    """The verdict after one more seed at a time, and the seeds that it took."""
    for seeds in range(FIRST_LOOK, most + 1):
        some, looks = tuple(range(seeds)), range(FIRST_LOOK, seeds + 1)
        decision = sequential.decide(arm.of_seeds(some), baseline.of_seeds(some), looks, most)
        if decision.stop:
            break
    return decision.verdict, seeds


def table(planted: Planted, trainings: Sequence[TrialConfig]) -> QuestionTable:
    """The values of the trainings of an arm, mean of all settings: all have the same number of languages."""
    values = np.stack([planted.values(training).reshape(-1, QUESTIONS).T for training in trainings])
    names = [f"q{number:03d}" for number in range(QUESTIONS)]
    cells = [str(cell) for cell in range(values.shape[2])]
    return QuestionTable.from_cells(range(len(trainings)), names, cells, values)


# Stock tools.


@dataclass(frozen=True)
class _Branch:
    first: TrialConfig
    searched: Mapping[str, RangeRecord]


Levels = Mapping[int, float]
"""The level of a test by the number of seeds; 5 % where there is none."""


def stock(planted: Planted, most: int, *, asha: bool, levels: Levels | None = None) -> dict[str, Judged]:
    """The verdicts of Welch's t test by the number of seeds."""
    plan = StudyPlan(SPACE, SETTINGS)
    kinds = [(record.role == "dynamic", record.trials) for record in plan.branches]
    branches = [
        _Branch(config, record.searched) for config, record in zip(plan.first_configs, plan.branches, strict=True)
    ]
    best, searched = [], 0
    for is_dynamic in (True, False):
        chosen = [branch for branch, (dynamic, _) in zip(branches, kinds, strict=True) if dynamic == is_dynamic]
        trials = sum(number for dynamic, number in kinds if dynamic == is_dynamic)
        config, pairs = winner(planted, chosen, trials, seed=2 * planted.world + is_dynamic, asha=asha)
        best.append(config)
        searched += pairs
    one, other = (
        means(planted, with_seeds(config, most, first)) for config, first in zip(best, (0, most), strict=True)
    )
    true = planted.truth(best[0]) - planted.truth(best[1])
    of_seed = sum(map(pairs_of, best))
    return {
        str(seeds): Judged(
            welch(one[:seeds], other[:seeds], (levels or {}).get(seeds, LEVEL)), searched + seeds * of_seed, true
        )
        for seeds in SEEDS
        if seeds <= most
    }


def winner(
    planted: Planted, branches: Sequence[_Branch], trials: int, *, seed: int, asha: bool
) -> tuple[TrialConfig, int]:
    """The best training that Optuna's TPE finds in so many trials, and the pairs they trained."""
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=4)
    study = optuna.create_study(
        direction=OBJECTIVE.direction,
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=pruner if asha else optuna.pruners.NopPruner(),
    )
    for number, branch in enumerate(branches):
        first = branch.first.model_dump()
        values = {f"{number}/{key}": _at(first, key) for key in branch.searched}
        study.enqueue_trial({"branch": number, **values})
    configs: list[TrialConfig] = []
    pairs = 0

    def run(trial: optuna.Trial) -> float:
        nonlocal pairs
        number = trial.suggest_categorical("branch", range(len(branches)))
        branch = branches[number]
        values = {}
        for key, within in branch.searched.items():
            assert within.low is not None
            assert within.high is not None
            values[key] = trial.suggest_float(f"{number}/{key}", within.low, within.high, log=within.log)
        changed = patched(branch.first.model_dump(), {**values, "seed": SEARCH_SEED})
        configs.append(config := TrialConfig.model_validate(changed))
        value = math.nan
        for evaluation, (step, value) in enumerate(planted.dev(config).items(), start=1):
            trial.report(value, evaluation)
            if step < config.steps and trial.should_prune():
                pairs += step * config.batches.size
                raise optuna.TrialPruned
        pairs += pairs_of(config)
        return value

    study.optimize(run, n_trials=trials)
    return configs[study.best_trial.number], pairs


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def means(planted: Planted, trainings: Sequence[TrialConfig]) -> Values:
    """The mean metric of every training: [trainings]."""
    return np.array([planted.values(training).mean(dtype=np.float64) for training in trainings])


def welch(one: Values, other: Values, level: float = LEVEL) -> str:
    """The verdict of Welch's t test."""
    result = stats.ttest_ind(one, other, equal_var=False)
    if not result.pvalue < level:
        return "not separable"
    return "better" if result.statistic > 0 else "worse"


# What is printed.

Found = Mapping[tuple[str, str], Sequence[Judged]]
"""What every method came to in all worlds, by its name and its seeds."""


def pairs_at(power: float, points: Sequence[tuple[float, float]]) -> str | float:
    """The pairs at which (power, mean pairs) by growing seeds reach a power, between seeds by straight lines."""
    if points[0][0] >= power:
        return f"at most {points[0][1]:,.0f}"
    for (low, before), (high, after) in pairwise(points):
        if high >= power:
            return before + (power - low) / (high - low) * (after - before)
    return f"more than {points[-1][1]:,.0f}"


def curves(found: Found) -> dict[str, list[tuple[float, float]]]:
    """Power and mean pairs by growing seeds, of every method with fixed seeds and with seeds added."""
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (method, seeds), judged in found.items():
        name = f"{method}, {'fixed' if seeds.isdigit() else 'sequential'}"
        power = float(np.mean([one.verdict == "better" for one in judged]))
        points[name].append((power, float(np.mean([one.pairs for one in judged]))))
    return points


def share(of: Sequence[bool]) -> str:
    """A share with its Monte Carlo standard error."""
    value = float(np.mean(of))
    return f"{value:.3f} ± {math.sqrt(value * (1 - value) / len(of)):.3f}"


def print_size(size: float, found: Found) -> None:
    print(f"\n**Size {size:g}**\n")
    print("| method | seeds | better | worse | equivalent | wrong about the arms | mean pairs |")
    print("|--|--|--|--|--|--|--|")
    for (method, seeds), judged in found.items():
        verdicts = [one.verdict for one in judged]
        shares = [share([one == verdict for one in verdicts]) for verdict in ("better", "worse", "equivalent")]
        shares.append(share([one.is_wrong for one in judged]))
        pairs = float(np.mean([one.pairs for one in judged]))
        print(f"| {method} | {seeds} | {' | '.join(shares)} | {pairs:,.0f} |")
    sys.stdout.flush()


def print_equals(repetitions: int, most: int) -> None:
    """How often two equal trainings are told apart, which is where a stated error rate must hold."""
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for world in range(repetitions):
        for method, verdict in of_equals(Planted(CASE, world, 0.0, MEASURED), most).items():
            found[method].append(verdict in ("better", "worse"))
    print("\n**Two equal trainings**\n\n| judged by | seeds | told apart |\n|--|--|--|")
    for (who, number), wrong in found.items():
        print(f"| {who} | {number} | {share(wrong)} |")


def print_pairs(power: float, of_sizes: Mapping[float, Found]) -> None:
    """The pairs at which every method reaches the power, and how many times those of stock tools that is."""
    sizes = {size: curves(found) for size, found in of_sizes.items() if size}
    if not sizes:
        return
    print(f"\n**Pairs at power {power}** (times those of {STOCK}, and at a level that holds)\n")
    print(f"| method | {' | '.join(f'size {size:g}' for size in sizes)} |")
    print(f"|--|{'--|' * len(sizes)}")
    for method in next(iter(sizes.values())):
        cells = []
        for points in sizes.values():
            pairs = pairs_at(power, points[method])
            of_stock = [pairs_at(power, points[f"{name}, fixed"]) for name in (STOCK, HOLDING)]
            times = [
                f"{pairs / one:.2f}" for one in of_stock if not isinstance(pairs, str) and not isinstance(one, str)
            ]
            shown = pairs if isinstance(pairs, str) else f"{pairs:,.0f}"
            cells.append(shown + (f" ({', '.join(times)})" if times else ""))
        print(f"| {method} | {' | '.join(cells)} |")


def repeat(size: float, repetitions: int, most: int, levels: Levels) -> dict[tuple[str, str], list[Judged]]:
    """What every method came to, by its name and seeds."""
    found: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for world in range(repetitions):
        for method, judged in in_world(Planted(CASE, world, size, MEASURED), most, levels).items():
            found[method].append(judged)
    return found


def in_world(planted: Planted, most: int, levels: Levels) -> dict[tuple[str, str], Judged]:
    """What every method comes to in one world; `levels`: those at which Welch's test errs in 5 % of such worlds."""
    found: dict[tuple[str, str], Judged] = {}
    for asha, name, of_stock in ((True, STOCK, None), (True, HOLDING, levels), (False, "stock, whole trials", None)):
        judged_by_seeds = stock(planted, most, asha=asha, levels=of_stock)
        found |= {(name, seeds): judged for seeds, judged in judged_by_seeds.items()}
    for settings, suffix in ((SETTINGS, ""), (HALVING, ", halving")):
        of_study = ours(planted, settings, most)
        found |= {(f"ours, {which}{suffix}", seeds): judged for (which, seeds), judged in of_study.items()}
    again = searched_again(planted, HALVING)
    return found | {("ours, repeated search, halving", searches): judged for searches, judged in again.items()}


def equals() -> tuple[TrialConfig, TrialConfig]:
    """Two different trainings that are worth exactly the same."""
    (config, *_) = StudyPlan(SPACE, SETTINGS).first_configs
    low, high = (config.model_copy(update={"ratio": constant_ratio(ratio)}) for ratio in (0.4, 0.6))
    return low, high


def levels_that_hold(repetitions: int, most: int) -> dict[int, float]:
    """The levels at which Welch's test tells two equal trainings apart in 5 % of these worlds, by seeds."""
    low, high = equals()
    p_values: dict[int, list[float]] = defaultdict(list)
    for world in range(repetitions):
        planted = Planted(CASE, world, 0.0, MEASURED)
        one, other = means(planted, with_seeds(low, most)), means(planted, with_seeds(high, most, most))
        for seeds in (number for number in SEEDS if number <= most):
            p_values[seeds].append(float(stats.ttest_ind(one[:seeds], other[:seeds], equal_var=False).pvalue))
    return {seeds: float(np.quantile(found, LEVEL)) for seeds, found in p_values.items()}


def of_equals(planted: Planted, most: int) -> dict[tuple[str, str], str]:
    """The verdicts on two different trainings that are worth exactly the same, by who judges and seeds."""
    low, high = equals()
    one, other = means(planted, with_seeds(low, most)), means(planted, with_seeds(high, most, most))
    arm, baseline = (table(planted, with_seeds(training, most)) for training in (low, high))
    found = {}
    for seeds in (number for number in SEEDS if number <= most):
        some = tuple(range(seeds))
        panel = Panel.of({"one": arm.of_seeds(some), "other": baseline.of_seeds(some)})
        found["stock", str(seeds)] = welch(one[:seeds], other[:seeds])
        found["ours", str(seeds)] = verdict_of(panel.difference("one", "other").interval(LEVEL), MARGIN, True)
        if seeds > FIRST_LOOK:
            found["ours", f"{FIRST_LOOK} to {seeds}"], _ = until_separable(arm, baseline, seeds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=300, help="worlds per size (default: 300)")
    parser.add_argument("--sizes", type=float, nargs="+", default=SIZES, help="planted differences")
    parser.add_argument("--most-seeds", type=int, default=max(SEEDS), help="confirm seeds of an arm (default: 20)")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(f"{options.repetitions} worlds per size; ± is the Monte Carlo standard error")
    print_equals(options.repetitions, options.most_seeds)
    levels = levels_that_hold(_CALIBRATION * options.repetitions, options.most_seeds)
    print("\nlevels at which the t test holds 5 %: " + ", ".join(f"{level:.4f} ({n})" for n, level in levels.items()))
    found = {}
    for size in options.sizes:
        found[size] = repeat(size, options.repetitions, options.most_seeds, levels)
        print_size(size, found[size])
    for power in POWERS:
        print_pairs(power, found)


if __name__ == "__main__":
    main()
