"""Factors: the main comparison at every level of a factor, pooled over levels, and how it changes between them.

Where levels have a size, such as models of several sizes, the gains of all arms are followed over it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from analysis.facts.arms import cell_key
from analysis.facts.facts import Facts, Place
from analysis.findings.comparisons import Judged
from analysis.findings.findings import Findings
from analysis.findings.levels import Interaction, Level, LevelEffect, cell_pairs
from analysis.render.table import Cell, Column, Table, make_table
from analysis.sections.cells import interval_cell, slug
from analysis.sections.comparisons import difference_cell, p_cell, withheld_notes
from analysis.sections.section import Section
from analysis.sections.sizes import growth_sentences, size_curves, trends
from analysis.statistics.comparison import Verdict
from analysis.wording import count, interval, listed, number, p_value, rough

CHANGES: dict[Verdict, str] = {"better": "larger", "worse": "smaller"}
"""What a verdict on the difference of two differences is called."""


def by_level(findings: Findings) -> Table:
    """The main comparison at every level of every factor and, last, over all of them."""
    columns = [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("factor", "Factor"),
        Column("level", "Level"),
        Column("difference", "Difference", "difference"),
        Column("verdict", "Verdict"),
        Column("p", "p (family)", "p"),
        Column("seeds", "Seeds", "count"),
    ]
    rows = []
    for place, held in _judged_levels(findings).items():
        for level, judged in held:
            cells = [difference_cell(judged), judged.verdict, p_cell(judged), judged.comparison.n_seeds]
            rows.append([place.benchmark, place.setting, level.factor, level.name, *cells])
    notes = []
    if rows:
        first, second = findings.facts.main_comparison
        notes = [
            f"{first} minus {second}. A row over several cells is the mean of their differences, over the seeds that "
            "all of them have; the levels are taken as given. The intervals of all rows and of the cells themselves "
            "hold together, at the objective's place and elsewhere."
        ]
    return make_table("levels", f"The main comparison by {_named(findings.facts)}", columns, rows, notes)


def _named(facts: Facts) -> str:
    return " and ".join(facts.factors) or "factor"


def _judged_levels(findings: Findings) -> dict[Place, list[tuple[Level, Judged]]]:
    """The comparisons of every level, by place; levels without values per question have none."""
    pairs = {(j.place, j.first.identity, j.second.identity): j for j in findings.comparisons.main}
    found: dict[Place, list[tuple[Level, Judged]]] = {}
    for place in dict.fromkeys(j.place for j in findings.comparisons.main):
        for level in findings.levels:
            first, second = level.pair
            judged = pairs.get((place, first.identity, second.identity))
            if judged is not None:
                found.setdefault(place, []).append((level, judged))
    return found


def changes(findings: Findings) -> Table:
    """The interaction of arm and factor: how the main difference changes from the first level to every other one."""
    columns = [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("factor", "Factor"),
        Column("level", "Level"),
        Column("than", "Against"),
        Column("change", "Change of the difference", "difference"),
        Column("verdict", "There it is"),
        Column("p", "p (family)", "p"),
    ]
    rows = []
    for one in findings.interactions:
        found = one.comparison
        rows.append(
            [
                one.place.benchmark,
                one.place.setting,
                one.level.factor,
                one.level.name,
                one.than.name,
                interval_cell(found.difference, found.interval),
                CHANGES.get(found.verdict, found.verdict) if found.interval is not None else "single run",
                found.p_adjusted,
            ]
        )
    notes = [
        "The difference at a level minus the difference at the other one, on the same questions: intervals hold for "
        "new seeds and new questions, and all of this table together. Equivalent: the change is within "
        f" \N{PLUS-MINUS SIGN}{findings.margin:g}.",
        *withheld_notes(findings.interactions),
    ]
    return make_table("interaction", f"The interaction of arm and {_named(findings.facts)}", columns, rows, notes)


def effects(findings: Findings) -> Table:
    """What the levels change in the arms themselves: every arm of the main pair at one level minus at another."""
    columns = [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("arm", "Arm"),
        Column("factor", "Factor"),
        Column("level", "Level"),
        Column("than", "Against"),
        Column("difference", "Difference", "difference"),
        Column("verdict", "Verdict"),
        Column("p", "p (family)", "p"),
    ]
    rows = [
        [
            one.place.benchmark,
            one.place.setting,
            one.arm,
            one.level.factor,
            one.level.name,
            one.than.name,
            interval_cell(one.comparison.difference, one.comparison.interval),
            one.comparison.verdict if one.comparison.interval is not None else "single run",
            one.comparison.p_adjusted,
        ]
        for one in findings.level_effects
    ]
    notes = [
        "An arm at a level minus the same arm at the other level, on the same questions. Intervals hold for new seeds "
        "and new questions; those at the objective's place hold together, and so do all others.",
        *withheld_notes(findings.level_effects),
    ]
    return make_table("level_effects", f"What {_named(findings.facts)} changes in the arms", columns, rows, notes)


def cells(findings: Findings) -> Table:
    """The main difference in every cell of several factors: the last factor across, the others down."""
    facts = findings.facts
    *down, across = list(facts.factors) or [""]
    columns = [Column("benchmark", "Benchmark"), Column("setting", "Setting")]
    columns += [Column(slug(factor), factor.capitalize()) for factor in down]
    levels = facts.factors.get(across, ())
    columns += [Column(f"at_{slug(level)}", level, "difference", group=across) for level in levels]
    rows: dict[tuple[str, ...], list[Any]] = {}
    pairs, _ = cell_pairs(facts)
    known = {cell_key(first.cell) for first, _ in pairs} if down else set()
    for judged in findings.comparisons.main:
        if judged.first.parts or cell_key(judged.first.cell) not in known:
            continue
        cell = judged.first.cell
        where = (judged.place.benchmark, judged.place.setting, *(cell[factor] for factor in down))
        row = rows.setdefault(where, [*where, *[None] * len(levels)])
        found = judged.comparison
        low, high = found.interval or (None, None)
        row[len(where) + levels.index(cell[across])] = Cell(found.difference, low, high, remark=judged.verdict)
    return make_table("cells", f"The main difference by {_named(facts)}", columns, list(rows.values()))


def sentences(findings: Findings) -> list[str]:
    """Whether the gain of the main arm survives at every level, and what becomes of it at larger sizes."""
    _, problems = findings.growths
    _, not_pooled = cell_pairs(findings.facts)
    facts = findings.facts
    survival = [
        sentence
        for place, held in _judged_levels(findings).items()
        if place.setting == facts.benchmark(place.benchmark).setting_of(facts.objective)
        for sentence in _in_order(findings, place, held)
    ]
    found = [*survival, *_not_compared(findings), *growth_sentences(findings)]
    # One reason is enough: whatever keeps levels apart keeps sizes apart, too.
    return found or problems or [not_pooled] * bool(not_pooled)


def _in_order(findings: Findings, place: Place, held: Sequence[tuple[Level, Judged]]) -> list[str]:
    """What is said of the levels at a place, what the question is about first."""
    survival = [*_by_level(findings, place, held), *_same_training(findings, held)]
    changed = list(_change(findings, place))
    about = findings.facts.first.info.about
    if about == "levels":
        return [*_effects(findings, place), *survival, *changed]
    return [*changed, *survival] if about == "change" else [*survival, *changed]


def _effects(findings: Findings, place: Place) -> Iterator[str]:
    """What a change of level does to both arms: from the first level on, and wherever one option changes alone."""
    steps: dict[tuple[Level, Level], list[LevelEffect]] = {}
    for one in findings.level_effects:
        is_told = one.alone or one.than.name == findings.facts.factors[one.than.factor][0]
        if is_told and one.place == place and one.comparison.interval is not None:
            steps.setdefault((one.than, one.level), []).append(one)
    for (than, level), found in steps.items():
        told = [f"{one.arm} {_effect(one)}" for one in found]
        alone = f" ({found[0].alone} alone, each level searched for itself)" if found[0].alone else ""
        yield f"From {than.factor} {_quoted(than.name)} to {_quoted(level.name)}{alone}: {'; '.join(told)}."


def _quoted(level: str) -> str:
    """A level in a sentence, where its own comma would be read as one of the sentence."""
    return f"“{level}”" if "," in level else level


def _effect(one: LevelEffect) -> str:
    found = one.comparison
    if one.withheld:
        return f"without a verdict, {number(found.difference, sign=True)} {interval(found.interval)} ({one.withheld})"
    verdict = "too small to tell" if found.verdict == "not separable" else found.verdict
    return f"{verdict}, {number(found.difference, sign=True)} {interval(found.interval)}"


def _by_level(findings: Findings, place: Place, held: Sequence[tuple[Level, Judged]]) -> Iterator[str]:
    """At which levels of a factor the difference holds, and which were not compared."""
    for factor in dict.fromkeys(level.factor for level, _ in held if level.factor):
        own = [(level.name, judged) for level, judged in held if level.factor == factor]
        first, second = own[0][1].first.name, own[0][1].second.name
        verdicts = dict.fromkeys(judged.verdict for _, judged in own)
        parts = [f"{verdict} at {listed([n for n, j in own if j.verdict == verdict])}" for verdict in verdicts]
        survived = sum(judged.verdict == "better" for _, judged in own)
        compared = {name for name, _ in own}
        lacking = [one.cell[factor] for one in findings.missing if factor in one.cell]
        absent = [level for level in dict.fromkeys(lacking) if level not in compared]
        if absent:
            parts.append(f"not compared at {listed(absent)}")
        yield (
            f"By {factor}, on {place.label}, the gain of {first} over {second} is found at {survived} of "
            f"{count(len(own) + len(absent), 'level')}: {'; '.join(parts)}."
        )


def _not_compared(findings: Findings) -> list[str]:
    """Where the plan has the arms that the question is about, and the results have not: what was lost or is to come."""
    facts = findings.facts
    if len(facts.planned_cells) < 2 or not findings.missing:
        return []
    places = [f"{facts.planned_cell_in_words(one.cell)} ({one.reason})" for one in findings.missing]
    return [f"Nothing is said of {listed(places)}, nor of means over cells that these belong to."]


def _same_training(findings: Findings, held: Sequence[tuple[Level, Judged]]) -> Iterator[str]:
    """At which levels the two arms are one training, so that there is nothing to compare."""
    judged = {level for level, _ in held}
    for factor in dict.fromkeys(level.factor for level in findings.levels if level.factor):
        same = [
            level.name
            for level in findings.levels
            if level.factor == factor and level not in judged and level.pair[0].identity == level.pair[1].identity
        ]
        if same:
            yield f"At {factor} {listed(same)} the two arms are the same training: there is nothing to tell apart."


def _change(findings: Findings, place: Place) -> Iterator[str]:
    """How the difference changes over the levels of a factor: from the first to the last one."""
    last: dict[str, Interaction] = {one.level.factor: one for one in findings.interactions if one.place == place}
    for factor, one in last.items():
        found = one.comparison
        if found.interval is None:
            continue
        said = {
            "better": "it rises",
            "worse": "it falls",
            "equivalent": f"it stays the same within {rough(found.margin or 0.0)}",
        }.get(found.verdict, f"no verdict, {one.withheld}" if one.withheld else "no change can be told")
        yield (
            f"From {factor} {_quoted(one.than.name)} to {_quoted(one.level.name)} the difference changes by "
            f"{number(found.difference, sign=True)} {interval(found.interval)} ({p_value(found.p_adjusted)}): {said}."
        )


SECTION = Section(
    "factors",
    "Factors",
    "Whether the differences between the arms hold at every level of a factor, such as every size of model.",
    tables=lambda findings: [
        by_level(findings),
        changes(findings),
        effects(findings),
        cells(findings),
        *trends(findings),
    ],
    figures=size_curves,
    sentences=sentences,
)
