"""The main comparison over the levels of factors: at every level, pooled over all, and how it differs between levels.

A pooled arm stands for the arms of one name in several cells. Its value is the mean over these cells, so that the
pooled comparison is the mean of the differences in the cells (docs/statistics.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

from analysis.facts.arms import Arm, cell_key
from analysis.facts.facts import Facts, Place
from analysis.facts.options import option_words
from analysis.facts.questions import Questions
from analysis.findings.growth import difference_of_runs
from analysis.findings.pairing import Pair, main_pairs, missing_pairs, no_fair_sample
from analysis.plural import plural
from analysis.statistics.comparison import Comparison
from analysis.statistics.errors import StatisticsError

if TYPE_CHECKING:
    from analysis.statistics.panel import Panel


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
    pairs = [(first, second) for first, second in main_pairs(facts) if first.whole.compared and second.whole.compared]
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
    if not set.intersection(*(set(arm.whole.seeds) for pair in pairs for arm in pair)):
        return "The cells share no seed"
    return ""


def levels(facts: Facts) -> list[Level]:
    """The main pair at every level of every factor and, last, over all cells; empty without a factor.

    A level that lacks the pair in one of its cells is left out, and so are all cells together: the mean over the rest
    would show what was lost as an effect of the levels.
    """
    pairs, _ = cell_pairs(facts)
    missing = missing_pairs(facts)
    found = []
    for factor, names in facts.factors.items():
        others = [plural(other) for other in facts.factors if other != factor]
        for name in names:
            own = [pair for pair in pairs if pair[0].cell.get(factor) == name]
            if own and all(one.cell.get(factor) != name for one in missing):
                pair = own[0] if len(own) == 1 else _pooled(own, f"{factor} {name}, all {' and '.join(others)}")
                found.append(Level(factor, name, pair))
    if pairs and not missing:
        every = " and ".join(map(plural, facts.factors))
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
    return Arm(
        f"{name} ({scope})",
        name,
        name,
        {},
        "",
        (scope, ""),
        parts[0].record,
        parts=tuple(parts),
        searches=parts[0].searches,
    )


@dataclass(frozen=True, eq=False)
class Interaction:
    """The difference of the main pair at one level of a factor, minus the same difference at another level.

    `withheld` says why a change that shows gets no verdict; empty otherwise.
    """

    level: Level
    than: Level
    place: Place
    comparison: Comparison
    withheld: str = ""


def interactions(facts: Facts, questions: Questions, margin: float) -> list[Interaction]:
    """How the main difference changes from the first level of a factor to every other one, in measures of quality.

    Compared question by question, as the arms themselves are: intervals hold for new seeds and new questions. All of
    them are one family.
    """
    # scipy.stats takes most of a second to import.
    from analysis.statistics.significance import judged_by_weights

    found: list[tuple[Level, Level, Place, Panel]] = []
    every = levels(facts)
    places = [place for benchmark in facts.benchmarks for place in benchmark.places if not place.measure.is_bias]
    for factor in facts.factors if every else ():
        own = [level for level in every if level.factor == factor]
        for place, level in product(places, own[1:]):
            panel = _four(questions, level, own[0], place)
            if panel is not None:
                found.append((level, own[0], place, panel))
    number = sum(panel.is_sample for *_, panel in found)
    return [
        Interaction(
            level,
            than,
            place,
            *_or_withheld(
                judged_by_weights(panel, _CHANGE, number, margin=margin), [level.pair, (than.pair[1], than.pair[0])]
            ),
        )
        for level, than, place, panel in found
    ]


def _or_withheld(comparison: Comparison, differences: Sequence[Pair]) -> tuple[Comparison, str]:
    """A comparison that grows with some differences, without its verdict where that is withheld; and why it is."""
    reason = no_fair_sample(comparison.verdict, differences)
    return (replace(comparison, verdict="not separable"), reason) if reason else (comparison, "")


@dataclass(frozen=True, eq=False)
class LevelEffect:
    """What an arm of the main pair gains at one level of a factor over an earlier level.

    `alone`: the option in which levels of a bundle of options differ, if it is one. `withheld`: why a difference that
    shows gets no verdict; empty otherwise.
    """

    arm: str
    level: Level
    than: Level
    place: Place
    alone: str
    comparison: Comparison
    withheld: str = ""


def level_effects(facts: Facts, questions: Questions, margin: float) -> list[LevelEffect]:
    """Both arms of the main pair at every two levels of every factor, in measures of quality, over the other factors.

    Those where the objective looks are one family, all others another.
    """
    from analysis.statistics.significance import judged_by_weights

    found: dict[bool, list[tuple[Level, Level, int, Place, Panel]]] = {True: [], False: []}
    every = levels(facts)
    places = [place for benchmark in facts.benchmarks for place in benchmark.places if not place.measure.is_bias]
    for factor in facts.factors if every else ():
        own = [level for level in every if level.factor == factor]
        for place, (than, level), number in product(places, combinations(own, 2), (0, 1)):
            panel = _panel(questions, [level.pair[number], than.pair[number]], place)
            if panel is not None:
                asked = facts.benchmark(place.benchmark).setting_of(facts.objective)
                found[place.setting == asked].append((level, than, number, place, panel))
    return [
        LevelEffect(
            level.pair[number].name,
            level,
            than,
            place,
            _only_difference(facts, level, than),
            *_or_withheld(
                judged_by_weights(
                    panel, np.array([1.0, -1.0]), sum(one.is_sample for *_, one in family), margin=margin
                ),
                [(level.pair[number], than.pair[number])],
            ),
        )
        for family in found.values()
        for level, than, number, place, panel in family
    ]


def _only_difference(facts: Facts, level: Level, than: Level) -> str:
    """The option in which two levels of a bundle of options differ, if it is one alone."""
    for factor in facts.first.info.factors:
        options = {one.label: one.options for one in factor.levels}
        if factor.name == level.factor and {level.name, than.name} <= set(options):
            first, second = options[level.name], options[than.name]
            differing = [key for key in {**first, **second} if first.get(key) != second.get(key)]
            return option_words(differing[0]) if len(differing) == 1 and differing != [factor.name] else ""
    return ""


_CHANGE = np.array([1.0, -1.0, -1.0, 1.0])
"""The difference of the first two arms less that of the last two."""


def _four(questions: Questions, level: Level, than: Level, place: Place) -> "Panel | None":
    """The panel of both arms at both levels; None if they do not answer the same questions under the same seeds."""
    return _panel(questions, [arm.whole for arm in (*level.pair, *than.pair)], place)


def _panel(questions: Questions, arms: Sequence[Arm], place: Place) -> "Panel | None":
    """The panel of several arms; None if they do not answer the same questions under the same seeds."""
    from analysis.statistics.panel import Panel

    tables = [table for arm in arms if (table := questions.table(arm, place)) is not None]
    if len(tables) < len(arms):
        return None
    try:
        return Panel.of({str(number): table for number, table in enumerate(tables)})
    except StatisticsError:
        return None
