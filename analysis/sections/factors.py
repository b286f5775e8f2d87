"""Factors: the main comparison at every level of a factor, pooled over levels, and how it changes between them.

Where levels have a size, such as models of several sizes, the gains of all arms are followed over it.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Any

from analysis.facts.arms import cell_key
from analysis.facts.facts import Facts, Place
from analysis.findings.comparisons import Judged
from analysis.findings.findings import Findings
from analysis.findings.levels import Interaction, Level, LevelEffect, cell_pairs
from analysis.render.table import Cell, Column, Table, make_table
from analysis.sections.cells import interval_cell, slug
from analysis.sections.comparisons import difference_cell, p_cell, withheld_notes
from analysis.sections.level_names import controls_of, listed_levels, own_levels, quoted
from analysis.sections.section import Section
from analysis.sections.sizes import growth_sentences, size_curves, trends
from analysis.statistics.comparison import Verdict
from analysis.wording import count, interval, listed, number, p_value, rough
from trainables.evaluation.measures.words import place_label

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
    judged = _judged_levels(findings)
    found = []
    for benchmark in facts.benchmarks:
        setting = benchmark.setting_of(facts.objective)
        place = next((p for p in judged if (p.benchmark, p.setting) == (benchmark.name, setting)), None)
        told = [] if place is None else _in_order(findings, place, judged[place])
        where = "" if told else f"{place_label(benchmark.name, setting, benchmark.measure)}: "
        found += [*told, *(f"{where}{sentence}" for sentence in growth_sentences(findings, benchmark))]
    found += _not_compared(findings)
    # One reason is enough: whatever keeps levels apart keeps sizes apart, too.
    return found or problems or [not_pooled] * bool(not_pooled)


def _in_order(findings: Findings, place: Place, held: Sequence[tuple[Level, Judged]]) -> list[str]:
    """What is said of the levels at a place, what the question is about first; arms and place are named once."""
    first, second = findings.facts.main_comparison
    about = findings.facts.first.info.about
    effects = list(_effects(findings, place)) if about == "levels" else []
    named = f"the gain of {first} over {second}"
    gains = chain([named if effects else f"{named} on {place.label},"], repeat("the gain"))
    if about == "change":
        told = [*_change(findings, place, gains), *_by_level(findings, held, gains)]
    else:
        told = [*_by_level(findings, held, gains), *_change(findings, place, gains)]
    return [*effects, *told, *_same_training(findings, held)]


def _effects(findings: Findings, place: Place) -> Iterator[str]:
    """What a change of level does to both arms: from the first level to all others, the largest of them first, and
    wherever one option changes alone.
    """
    steps: dict[tuple[Level, Level], list[LevelEffect]] = {}
    for one in findings.level_effects:
        is_told = one.alone or one.than.name == findings.facts.factors[one.than.factor][0]
        if is_told and one.place == place and one.comparison.interval is not None:
            steps.setdefault((one.than, one.level), []).append(one)
    largest = {factor: own_levels(findings.facts, factor)[-1] for factor in findings.facts.factors}
    order = sorted(steps, key=lambda step: step[1].name != largest[step[1].factor] or bool(steps[step][0].alone))
    where = f", on {place.label}"
    for than, level in order:
        found = steps[than, level]
        told = [f"{one.arm} {_effect(one)}" for one in found]
        alone = f" ({found[0].alone} alone, each level searched for itself)" if found[0].alone else ""
        yield f"From {than.factor} {quoted(than.name)} to {quoted(level.name)}{alone}{where}: {'; '.join(told)}."
        where = ""


def _effect(one: LevelEffect) -> str:
    found = one.comparison
    if one.withheld:
        return f"without a verdict, {number(found.difference, sign=True)} {interval(found.interval)} ({one.withheld})"
    verdict = "too small to tell" if found.verdict == "not separable" else found.verdict
    return f"{verdict}, {number(found.difference, sign=True)} {interval(found.interval)}"


def _by_level(findings: Findings, held: Sequence[tuple[Level, Judged]], gains: Iterator[str]) -> Iterator[str]:
    """At which levels of a factor the difference holds, and which were not compared; `gains`: what it is called.

    With the numbers where the question is about them.
    """
    with_numbers = findings.facts.first.info.about == "survival"
    for factor in dict.fromkeys(level.factor for level, _ in held if level.factor):
        own = [(level.name, judged) for level, judged in held if level.factor == factor]
        named = [(quoted(name) + _numbers(judged) * with_numbers, judged.told) for name, judged in own]
        verdicts = dict.fromkeys(verdict for _, verdict in named)
        parts = [f"{verdict} at {listed_levels([n for n, v in named if v == verdict])}" for verdict in verdicts]
        survived = sum(judged.verdict == "better" for _, judged in own)
        compared = {name for name, _ in own}
        lacking = [one.cell[factor] for one in findings.missing if factor in one.cell]
        absent = [quoted(level) for level in dict.fromkeys(lacking) if level not in compared]
        if absent:
            parts.append(f"not compared at {listed_levels(absent)}")
        yield (
            f"By {factor}, {next(gains)} is found at {survived} of "
            f"{count(len(own) + len(absent), 'level')}: {'; '.join(parts)}."
        )


def _numbers(judged: Judged) -> str:
    found = judged.comparison
    ends = f" {interval(found.interval)}" if found.interval else ""
    return f" ({number(found.difference, sign=True)}{ends})"


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
            quoted(level.name)
            for level in findings.levels
            if level.factor == factor and level not in judged and level.pair[0].identity == level.pair[1].identity
        ]
        if same:
            where = f"{factor} {listed_levels(same)}"
            yield f"At {where} the two arms are the same training: there is nothing to tell apart."


def _change(findings: Findings, place: Place, gains: Iterator[str]) -> Iterator[str]:
    """How the difference changes from the first level of a factor to the largest that has one and to every control.

    gains: what the difference is called.
    """
    facts = findings.facts
    for factor in facts.factors:
        found = {one.level.name: one for one in findings.interactions if _is_at(one, place, factor)}
        own = [name for name in own_levels(facts, factor) if name in found]
        for one in (found[name] for name in (*own[-1:], *controls_of(facts, factor)) if name in found):
            yield (
                f"From {factor} {quoted(one.than.name)} to {quoted(one.level.name)} {next(gains)} changes by "
                f"{number(one.comparison.difference, sign=True)} {interval(one.comparison.interval)} "
                f"({p_value(one.comparison.p_adjusted)}): {_outcome(one)}."
            )


def _is_at(one: Interaction, place: Place, factor: str) -> bool:
    return one.place == place and one.level.factor == factor and one.comparison.interval is not None


def _outcome(one: Interaction) -> str:
    said = {
        "better": "it rises",
        "worse": "it falls",
        "equivalent": f"it stays the same within {rough(one.comparison.margin or 0.0)}",
    }
    return said.get(one.comparison.verdict, f"no verdict, {one.withheld}" if one.withheld else "no change can be told")


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
