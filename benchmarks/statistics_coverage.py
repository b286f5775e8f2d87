"""How often intervals cover the truth, verdicts err and promises of power hold, in simulated studies of known truth.

The tables of docs/statistics.md.
Run: python benchmarks/statistics_coverage.py [--table difference] [--simulations 2000]
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import special

sys.path.insert(0, str(Path(__file__).parent.parent))

from analysis.statistics.comparison import Comparison
from analysis.statistics.doubts import far_seeds
from analysis.statistics.max_t import all_pairs
from analysis.statistics.panel import Panel
from analysis.statistics.power import power
from analysis.statistics.questions import QuestionTable, Values
from analysis.statistics.sequential import FIRST_LOOK, decide
from analysis.statistics.significance import judge

SEEDS, QUESTIONS = (3, 5, 10), (60, 150, 1190)
LANGUAGES = 11
ARMS = 14
"""Arms of the default study that are no repetitions of another."""
WORSE = 5
"""Those of them that are worse, where power is asked for."""

QUESTION, RUN, TRANSLATION, NOISE = 0.05, 0.10, 0.10, 0.15
"""Standard deviations of the difference of two arms in one query: question, question in one run, translation, rest."""
OWN = np.hypot(QUESTION, TRANSLATION / np.sqrt(LANGUAGES)) / np.sqrt(2)
REST = np.hypot(RUN, NOISE / np.sqrt(LANGUAGES)) / np.sqrt(2)
"""The same of one arm, mean over the languages of a question."""
COMMON = 0.30
"""Standard deviation of what makes a question easy or hard for every arm."""

Rows = Iterator[Sequence[object]]


@dataclass(frozen=True)
class Effect:
    """What one arm does to seeds [seeds] and questions [questions]; of mean zero, added to the normal effects."""

    name: str
    of_questions: Callable[[np.random.Generator, int], Values] = lambda rng, n: np.zeros(n)
    of_seeds: Callable[[np.random.Generator, int], Values] = lambda rng, n: np.zeros(n)
    in_all_arms: bool = False


def _losers(rng: np.random.Generator, number: int) -> Values:
    return np.where(rng.random(number) < 0.02, 0.01 - 0.5, 0.01)


def _lognormal(deviation: float, rng: np.random.Generator, number: int) -> Values:
    effect: Values = deviation * (np.exp(rng.standard_normal(number)) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
    return effect


def _bad(rng: np.random.Generator, number: int) -> Values:
    return np.where(rng.random(number) < 0.1, 0.01 - 0.1, 0.01)


NORMAL = Effect("normal")
LOSERS = Effect("2 % of questions lose .5", of_questions=_losers)
LOGNORMAL = Effect("lognormal questions", of_questions=partial(_lognormal, 0.05))
STRONG = Effect("strong lognormal questions", of_questions=partial(_lognormal, 0.2))
BAD = Effect("1 in 10 seeds loses .1", of_seeds=_bad, in_all_arms=True)
BAD_ONE = Effect("the same, one arm only", of_seeds=_bad)
EFFECTS = (NORMAL, LOSERS, LOGNORMAL, STRONG, BAD, BAD_ONE)


def study(
    rng: np.random.Generator,
    effect: Effect,
    seeds: int,
    questions: int,
    arms: int = 2,
    seed_sd: float | Values = 0.01,
    common_seed: float = 0.0,
) -> Values:
    """Values [arms, seeds, questions] of arms whose true means are 0; `common_seed`: correlation between the arms."""
    values: Values = rng.standard_normal((arms, seeds, questions)) * REST
    values += rng.standard_normal((arms, 1, questions)) * OWN + rng.standard_normal(questions) * COMMON
    own, shared = rng.standard_normal((arms, seeds, 1)), rng.standard_normal((1, seeds, 1))
    deviation = np.broadcast_to(seed_sd, arms)[:, None, None]
    values += deviation * (np.sqrt(1 - common_seed) * own + np.sqrt(common_seed) * shared)
    for arm in range(arms if effect.in_all_arms else 1):
        values[arm] += effect.of_questions(rng, questions) + effect.of_seeds(rng, seeds)[:, None]
    return values


def panel_of(values: Values) -> Panel:
    arms, seeds, questions = values.shape
    return Panel(tuple(map(str, range(arms))), tuple(range(seeds)), tuple(str(q) for q in range(questions)), values)


def shifted(panel: Panel, arm: int, shift: float) -> Panel:
    values = panel.values.copy()
    values[arm] += shift
    return panel_of(values)


def _covers(interval: tuple[float, float] | None, truth: float = 0.0) -> bool:
    return interval is not None and interval[0] <= truth <= interval[1]


def _is_different(found: Comparison) -> bool:
    return found.verdict in ("better", "worse")


def expected(seeds: int, questions: int, seed_sd: float = 0.01) -> tuple[float, float]:
    """Standard error and degrees of freedom of a difference in the normal case."""
    of_seeds, of_questions = 2 * seed_sd**2, 2 * OWN**2
    rest = 2 * REST**2 / questions
    variance = (of_seeds + rest + (of_questions * seeds) / questions) / seeds
    spread = 2 * ((seed_sd**2 + REST**2 / questions) / seeds) ** 2 / (seeds - 1)
    spread += ((of_questions + 2 * REST**2 / seeds) / questions) ** 2 / (questions - 1)
    return float(np.sqrt(variance)), variance**2 / spread


def difference(simulations: int) -> Rows:
    """Two arms without a difference: coverage, wrong verdicts, and how often each doubt is raised."""
    yield (
        "effect",
        "seeds",
        "questions",
        "coverage",
        "wrong better or worse",
        "wrong better or worse, no doubt",
        "wrong equivalent",
        "wrong equivalent, no doubt",
        "few questions",
        "far seed",
        "rare event",
    )
    for effect, seeds, questions in itertools.product(EFFECTS, SEEDS, QUESTIONS):
        rng = np.random.default_rng([1, seeds, questions])
        error, degrees = expected(seeds, questions)
        margin = float(2.5 * error * special.stdtrit(degrees, 0.975))
        rows = []
        for _ in range(simulations):
            panel = panel_of(study(rng, effect, seeds, questions))
            null = judge(panel, "0", "1", 1, margin=0.005)
            edge = judge(shifted(panel, 0, margin), "0", "1", 1, margin=margin)
            wrong, equivalent = _is_different(null), edge.verdict == "equivalent"
            rows.append(
                (
                    _covers(null.interval),
                    wrong,
                    wrong and not null.doubts,
                    equivalent,
                    equivalent and not edge.doubts,
                    *(doubt in null.doubts for doubt in ("few questions", "far seed", "rare event")),
                )
            )
        yield effect.name, seeds, questions, *np.mean(rows, axis=0)


def means(simulations: int) -> Rows:
    """The mean of one arm of two, and of one of fourteen: coverage."""
    yield "effect", "seeds", "questions", "of 2 arms", "of 14 arms", "of 14 unlike arms"
    spread = np.geomspace(0.005, 0.04, ARMS)
    for effect, seeds, questions in itertools.product(EFFECTS, SEEDS, QUESTIONS[:2]):
        rng = np.random.default_rng([2, seeds, questions])
        rows = []
        for _ in range(simulations):
            # The effects fall on the first arm, which is one of average spread.
            of = (study(rng, effect, seeds, questions, 2), study(rng, effect, seeds, questions, ARMS))
            unlike = study(rng, effect, seeds, questions, ARMS, np.roll(spread, -ARMS // 2))
            rows.append([_covers(panel_of(v).mean("0").interval(0.05)) for v in (*of, unlike)])
        yield effect.name, seeds, questions, *np.mean(rows, axis=0)


def families(simulations: int) -> Rows:
    """Fourteen equal arms, all 91 differences: any arm that loses its dagger, any pair told apart, mean coverage.

    Once more with Bonferroni's level; and the share of five arms that are .08 worse and lose their dagger.
    """
    yield (
        "effect",
        "seeds of the arms",
        "seeds",
        "a dagger is lost",
        "the same, Bonferroni",
        "any two told apart",
        "the same, Bonferroni",
        "found of what is there",
        "the same, Bonferroni",
        "coverage",
        "far seed",
    )
    spreads = {"alike": np.full(ARMS, 0.02), "up to 8-fold": np.geomspace(0.005, 0.04, ARMS)}
    pairs = list(itertools.combinations(range(ARMS), 2))
    for effect, (name, spread), seeds in itertools.product((NORMAL, LOSERS, STRONG, BAD), spreads.items(), SEEDS):
        rng = np.random.default_rng([3, seeds, len(name)])
        rows = []
        for _ in range(simulations):
            all_arms = Effect(effect.name, effect.of_questions, effect.of_seeds, in_all_arms=True)
            panel = panel_of(study(rng, all_arms, seeds, 150, ARMS, spread))
            best = int(panel.means.argmax())
            p_values = np.array([panel.difference(str(a), str(b), is_alone=False).p_value for a, b in pairs])
            with_best = p_values[[best in pair for pair in pairs]]
            # Shifts leave the spread, and with it the level, as it is.
            worse = panel_of(panel.values - 0.08 * (np.arange(ARMS) < WORSE)[:, None, None])
            top = str(int(worse.means.argmax()))
            there = [worse.difference(top, str(a), is_alone=False).p_value for a in range(WORSE)]
            levels = all_pairs(panel).level(0.05), 0.05 / len(pairs)
            rows.append(
                (
                    *(with_best.min() <= level for level in levels),
                    *(p_values.min() <= level for level in levels),
                    *(np.mean(np.array(there) <= level) for level in levels),
                    (p_values > 0.05).mean(),
                    bool(far_seeds(panel)),
                )
            )
        yield effect.name, name, seeds, *np.mean(rows, axis=0)


def promises(simulations: int) -> Rows:
    """The smallest detectable difference: found in another study that has it, at its true size, how far it varies."""
    yield (
        "arms",
        "seeds",
        "questions",
        "found where promised",
        "found at the true size",
        "97.5 % / 2.5 % of sizes",
        "its interval holds the true size",
    )
    for arms, seeds, questions in itertools.product((2, ARMS), SEEDS, QUESTIONS):
        rng = np.random.default_rng([4, arms, seeds, questions])
        sizes, hits = [], []
        for _ in range(simulations):
            one, other = (panel_of(study(rng, NORMAL, seeds, questions, arms)) for _ in range(2))
            found = judge(one, "0", "1", 1).detectable
            if found is None:
                continue
            sizes.append((found.size, found.low, found.high))
            hits.append(shifted(other, 0, found.size).difference("0", "1").p_value <= 0.05)
        at = np.array(sizes)
        true = _true_size(arms, seeds, questions, simulations)
        rng = np.random.default_rng([5, arms, seeds, questions])
        exact = [panel_of(study(rng, NORMAL, seeds, questions, arms)) for _ in range(simulations)]
        at_true = [shifted(panel, 0, true).difference("0", "1").p_value <= 0.05 for panel in exact]
        low, high = np.quantile(at[:, 0], [0.025, 0.975])
        inside = ((at[:, 1] <= true) & (true <= at[:, 2])).mean()
        yield arms, seeds, questions, np.mean(hits), np.mean(at_true), high / low, inside


def _true_size(arms: int, seeds: int, questions: int, simulations: int) -> float:
    """The difference that studies of this kind find with a chance of .8, by simulation."""
    rng = np.random.default_rng([6, arms, seeds, questions])
    found = [panel_of(study(rng, NORMAL, seeds, questions, arms)).difference("0", "1") for _ in range(simulations)]
    needed = [-one.value + special.stdtrit(one.degrees_of_freedom, 0.975) * one.standard_error for one in found]
    return float(np.quantile(needed, 0.8))


def pairing(simulations: int) -> Rows:
    """Seeds paired or not: coverage and width of the interval, by the correlation of the arms over seeds."""
    yield "correlation", "seeds", "coverage", "coverage if paired", "width", "width if paired"
    for correlation, seeds in itertools.product((0.0, 0.1, 0.2, 0.5), SEEDS):
        rng = np.random.default_rng([7, seeds, int(10 * correlation)])
        rows = []
        for _ in range(simulations):
            values = study(rng, NORMAL, seeds, 150, seed_sd=0.02, common_seed=correlation)
            apart = panel_of(values).difference("0", "1").interval(0.05)
            # One "arm" of differences: its seeds are pairs.
            paired = panel_of(values[:1] - values[1:]).mean("0").interval(0.05)
            rows.append((_covers(apart), _covers(paired), np.subtract(*apart[::-1]), np.subtract(*paired[::-1])))
        yield correlation, seeds, *np.mean(rows, axis=0)


def twins(simulations: int) -> Rows:
    """Six arms in three pairs of twins, whose seeds correlate by .6 and by .1 with those of other arms, 150 questions:
    coverage and width of the interval of twins and of others, seeds taken as independent and moderated over the arms,
    paired, and paired with the variances of the 15 differences moderated, as if these were independent arms."""
    yield (
        "seeds",
        "pair",
        "coverage",
        "if paired",
        "if moderated, too",
        "width",
        "width if paired",
        "width if moderated",
    )
    within, between = 0.6, 0.1
    pairs = list(itertools.combinations(range(6), 2))
    for seeds in SEEDS:
        rng = np.random.default_rng([12, seeds])
        rows: dict[bool, list[Sequence[float]]] = {True: [], False: []}
        for _ in range(simulations):
            values = study(rng, NORMAL, seeds, 150, 6, seed_sd=0.0)
            own = np.sqrt(1 - within) * rng.standard_normal((6, seeds))
            own += np.sqrt(within - between) * np.repeat(rng.standard_normal((3, seeds)), 2, axis=0)
            own += np.sqrt(between) * rng.standard_normal(seeds)
            panel = panel_of(values + 0.02 * own[:, :, None])
            differences = panel_of(np.stack([panel.values[one] - panel.values[other] for one, other in pairs]))
            for number, (one, other) in ((0, pairs[0]), (1, pairs[1])):
                paired = panel_of(differences.values[number : number + 1]).mean("0").interval(0.05)
                moderated = differences.mean(str(number)).interval(0.05)
                found = (panel.difference(str(one), str(other)).interval(0.05), paired, moderated)
                rows[number == 0].append([*map(_covers, found), *(high - low for low, high in found)])
        for are_twins, name in ((True, "twins"), (False, "others")):
            yield seeds, name, *np.mean(rows[are_twins], axis=0)


def levels(simulations: int) -> Rows:
    """Two equal arms at three levels of a factor, 150 questions: coverage of the mean over levels, wrong verdicts."""
    yield "variance of seeds in common", "seeds", "coverage of a mean", "wrong better or worse"
    for shared, seeds in itertools.product((0.0, 0.5, 1.0), SEEDS):
        rng = np.random.default_rng([10, seeds, int(10 * shared)])
        rows = []
        for _ in range(simulations):
            # In every level a study of its own, with seeds that the levels share in part.
            alike = rng.standard_normal((2, seeds, 1)) * 0.01 * np.sqrt(shared)
            own = [study(rng, NORMAL, seeds, 150, seed_sd=0.01 * np.sqrt(1 - shared)) for _ in range(3)]
            panel = panel_of(np.mean(own, axis=0) + alike)
            wrong = _is_different(judge(panel, "0", "1", 1, margin=0.005))
            rows.append((_covers(panel.mean("0").interval(0.05)), wrong))
        yield shared, seeds, *np.mean(rows, axis=0)


def searches(simulations: int) -> Rows:
    """Two equal arms whose search was repeated, 150 questions, 2 seeds of each search, all with a deviation of .01:
    coverage of their difference where searches are the units, and where their seeds are taken for units."""
    yield "searches differ by", "searches", "coverage", "coverage if seeds were the units", "width", "width if seeds"
    for deviation, number in itertools.product((0.0, 0.01, 0.03), SEEDS):
        rng = np.random.default_rng([11, number, int(1000 * deviation)])
        rows = []
        for _ in range(simulations):
            values = study(rng, NORMAL, 2 * number, 150)
            # Seed s belongs to search s mod K.
            values += np.tile(rng.standard_normal((2, number)) * deviation, 2)[:, :, None]
            units = values.reshape(2, 2, number, 150).mean(axis=1)
            of = [panel_of(one).difference("0", "1").interval(0.05) for one in (units, values)]
            rows.append((*map(_covers, of), *(np.subtract(*interval[::-1]) for interval in of)))
        yield deviation, number, *np.mean(rows, axis=0)


def looks(simulations: int) -> Rows:
    """No difference, looked at after every seed: wrong verdicts of 5 % tests and of the sequential rule."""
    yield "seeds differ by", "looks", "5 % t test at every look", "sequential rule"
    for seed_sd, (first, most) in itertools.product((0.0, 0.01, 0.02), ((FIRST_LOOK, 10), (5, 10), (FIRST_LOOK, 20))):
        rng = np.random.default_rng([8, most, first])
        rows = []
        for _ in range(simulations):
            one, other = (_table(arm) for arm in study(rng, NORMAL, most, 150, seed_sd=seed_sd))
            fixed = wrong = stopped = False
            for seeds in range(first, most + 1):
                some = tuple(range(seeds))
                found = decide(one.of_seeds(some), other.of_seeds(some), range(first, seeds + 1), most, margin=None)
                fixed |= found.p <= 0.05
                if found.stop and not stopped:
                    stopped, wrong = True, found.verdict in ("better", "worse")
            rows.append((fixed, wrong))
        yield seed_sd, f"{first} to {most}", *np.mean(rows, axis=0)


def _table(values: Values) -> QuestionTable:
    seeds, questions = values.shape
    return QuestionTable.from_cells(range(seeds), [str(q) for q in range(questions)], ["all"], values[:, :, None])


def many(simulations: int) -> Rows:
    """Families of 2,000 comparisons on 60 questions, every tenth with a true difference of eight standard errors.

    A row holds a tenth as many families as studies were asked for: 200,000 comparisons of 1,000.
    """
    yield "comparisons", "seeds", "any wrong verdict", "found of what is there", "power at known variances"
    number = 2_000
    real = np.arange(number) % 10 == 0
    for seeds in SEEDS:
        rng = np.random.default_rng([9, seeds])
        error, degrees = expected(seeds, 60)
        rows = []
        for _ in range(max(1, simulations // 10)):
            found = np.empty(number, dtype=bool)
            for place in range(number):
                values = study(rng, NORMAL, seeds, 60)
                values[0] += 8 * error * real[place]
                found[place] = panel_of(values).difference("0", "1", is_alone=False).p_value <= 0.05 / number
            rows.append((found[~real].any(), found[real].mean()))
        yield number, seeds, *np.mean(rows, axis=0), power(8 * error, error, degrees, 0.05 / number)


TABLES: dict[str, Callable[[int], Rows]] = {
    table.__name__: table
    for table in (difference, means, families, promises, pairing, twins, levels, searches, looks, many)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1_000, help="studies per row (default: %(default)s)")
    parser.add_argument("--table", choices=TABLES, action="append", help="one table; may be repeated (default: all)")
    options = parser.parse_args()
    error = np.sqrt(0.95 * 0.05 / options.simulations)
    print(
        f"{options.simulations} studies per row; standard error of a share of .95: {error:.4f}, of .80: "
        f"{np.sqrt(0.16 / options.simulations):.4f}"
    )
    for name in options.table or TABLES:
        started = time.perf_counter()
        print(f"\n{TABLES[name].__doc__}\n")
        for number, row in enumerate(TABLES[name](options.simulations)):
            print(
                "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row) + " |",
                flush=True,
            )
            if number == 0:
                print("|" + "--|" * len(row))
        print(f"\n({time.perf_counter() - started:.0f} s)")


if __name__ == "__main__":
    main()
