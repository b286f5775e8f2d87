"""The main comparison over the levels of factors: at every level, pooled over all, and how it differs between levels.

A pooled arm stands for the arms of one name in several cells. Its value is the mean over these cells, so that the
pooled comparison is the mean of the differences in the cells (docs/statistics.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.facts.arms import Arm, cell_key
from analysis.facts.facts import Facts, Place
from analysis.facts.questions import Questions
from analysis.findings.growth import difference_of_runs
from analysis.findings.pairing import Pair, main_pairs
from analysis.statistics.comparison import Comparison
from analysis.statistics.questions import QuestionTable


@dataclass(frozen=True, eq=False)
class Level:
    """The main pair at one level of a factor, over the levels of the others; without a factor, over all cells."""

    factor: str
    name: str
    pair: Pair


def cell_pairs(facts: Facts) -> tuple[list[Pair], str]:
    """The main pair in every cell, if cells differ in factors and in nothing else; otherwise none, and why.

    What else differs between the cells would pass for an effect of the factor: a report may hold studies of other
    steps or data.
    """
    pairs = main_pairs(facts)
    if len(pairs) < 2 or not facts.factors:
        return [], ""
    reason = _obstacle(facts, pairs)
    return ([], f"{reason}: the main comparison is not pooled over levels.") if reason else (pairs, "")


def _obstacle(facts: Facts, pairs: Sequence[Pair]) -> str:
    """Why cells have no common mean; empty if they have one."""
    named = " and ".join(facts.factors)
    if any(factor not in first.cell for first, _ in pairs for factor in facts.factors):
        return f"Not every study has {named} as {'factors' if len(facts.factors) > 1 else 'a factor'}"
    if len({cell_key(first.cell) for first, _ in pairs}) < len(pairs):
        return f"Studies of one {named} were not put together"
    for arms in zip(*pairs, strict=True):
        if (found := difference_of_runs(facts, arms, facts.factors)) is not None:
            return f"The runs differ in {found}, not in {named} alone"
    if not set.intersection(*(set(arm.seeds) for pair in pairs for arm in pair)):
        return "The cells share no seed"
    return ""


def levels(facts: Facts) -> list[Level]:
    """The main pair at every level of every factor and, last, over all cells; empty without a factor."""
    pairs, _ = cell_pairs(facts)
    found = []
    for factor, names in facts.factors.items():
        others = [f"{other}s" for other in facts.factors if other != factor]
        for name in names:
            own = [pair for pair in pairs if pair[0].cell.get(factor) == name]
            if own:
                pair = own[0] if len(own) == 1 else _pooled(own, f"{factor} {name}, all {' and '.join(others)}")
                found.append(Level(factor, name, pair))
    if pairs:
        every = " and ".join(f"{factor}s" for factor in facts.factors)
        found.append(Level("", f"all {every}", _pooled(pairs, f"all {every}")))
    return found


def pooled_pairs(facts: Facts) -> list[Pair]:
    """The main pair wherever it is pooled over several cells."""
    return [level.pair for level in levels(facts) if level.pair[0].parts]


def _pooled(pairs: Sequence[Pair], scope: str) -> Pair:
    first, second = (_arm(arms, scope) for arms in zip(*pairs, strict=True))
    return first, second


def _arm(parts: Sequence[Arm], scope: str) -> Arm:
    name = parts[0].name
    return Arm(f"{name} ({scope})", name, name, {}, "", (scope, ""), parts[0].record, parts=tuple(parts))


@dataclass(frozen=True, eq=False)
class Interaction:
    """The difference of the main pair at one level of a factor, minus the same difference at another level."""

    level: Level
    than: Level
    place: Place
    comparison: Comparison


def interactions(facts: Facts, questions: Questions, margin: float) -> list[Interaction]:
    """How the main difference changes from the first level of a factor to every other one, in measures of quality.

    Paired by seed and question, as the differences themselves are: intervals and tests hold for new seeds and new
    questions. All of them are one family.
    """
    # scipy.stats takes most of a second to import.
    from analysis.statistics.significance import Contrast, compare

    found, contrasts = [], []
    every = levels(facts)
    places = [place for benchmark in facts.benchmarks for place in benchmark.places if not place.measure.is_bias]
    for factor in facts.factors if every else ():
        first, *others = (level for level in every if level.factor == factor)
        for place in places:
            reference = _difference(questions, first, place)
            for level in others:
                table = _difference(questions, level, place)
                if table is not None and reference is not None and _overlap(table, reference):
                    found.append((level, first, place))
                    contrasts.append(Contrast(table, reference, margin=margin))
    return [Interaction(*where, comparison) for where, comparison in zip(found, compare(contrasts), strict=True)]


def _difference(questions: Questions, level: Level, place: Place) -> QuestionTable | None:
    first, second = level.pair
    one, other = questions.table(first, place), questions.table(second, place)
    if one is None or other is None or not questions.comparable(first, second, place):
        return None
    return one.minus(other)


def _overlap(one: QuestionTable, other: QuestionTable) -> bool:
    return one.asks_the_same(other) and bool(set(one.seeds) & set(other.seeds))
