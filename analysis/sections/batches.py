"""Batches: what the arms were trained on, counted from the items of every batch."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from analysis.facts.batches import batches_of, same_items
from analysis.facts.facts import Facts
from analysis.findings.findings import Findings
from analysis.render.table import Column, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns
from analysis.sections.section import Section
from analysis.wording import listed
from trainables.records import BatchRecord

NOTE = (
    "Mean over seeds. False negatives: the share of queries that had a text among their negatives which equals, but "
    "for case, punctuation and blanks, a passage of their own item or of one with the same question, in any language."
)


def batches(facts: Facts) -> Table:
    """Arms by the pairs, items, sets and kinds of their batches, with the rate of false negatives."""
    columns = [
        *arm_columns(facts),
        Column("pairs", "Pairs", "count"),
        Column("mono", "Monolingual", "share"),
        Column("items", "Different items", "count"),
        Column("items_in_use", "of", "count"),
        Column("sets", "Training sets"),
        Column("false_negatives", "False negatives", "share"),
    ]
    rows: list[list[Any]] = []
    for arm in facts.arms:
        held = batches_of(arm)
        if held:
            pairs = sum(record.pairs for record in held)
            same = sum(row.get(language, 0) for record in held for language, row in record.languages.items())
            rows.append(
                [
                    *arm_cells(facts, arm),
                    round(pairs / len(held)),
                    same / pairs,
                    round(sum(record.items for record in held) / len(held)),
                    round(sum(record.items_in_use for record in held) / len(held)),
                    _mix(held),
                    sum(record.false_negatives for record in held) / pairs,
                ]
            )
    return make_table("batches", "What the batches held", columns, rows, [NOTE])


def _mix(held: Sequence[BatchRecord]) -> str:
    """The share of the pairs that every training set had: `mine .75, other .25`."""
    sets = sum((Counter(record.sets) for record in held), Counter())
    if len(sets) == 1:
        return next(iter(sets))
    return ", ".join(f"{name} {count / sets.total():.2f}".replace(" 0.", " .") for name, count in sorted(sets.items()))


def languages(facts: Facts) -> Table:
    """Arms by the languages of their pairs."""
    columns = [
        *arm_columns(facts),
        Column("query_language", "Question in"),
        Column("passage_language", "Passage in"),
        Column("pairs", "Pairs", "count"),
        Column("share", "Share", "share"),
    ]
    rows: list[list[Any]] = []
    for arm in facts.arms:
        held = batches_of(arm)
        counts: Counter[tuple[str, str]] = Counter()
        for record in held:
            for query, row in record.languages.items():
                counts.update({(query, passage): count for passage, count in row.items()})
        rows += [
            [*arm_cells(facts, arm), query, passage, round(count / len(held)), count / counts.total()]
            for (query, passage), count in sorted(counts.items())
        ]
    return make_table("batch_languages", "Pairs by language", columns, rows, ["Mean over seeds."], long=True)


def sentences(findings: Findings) -> Iterator[str]:
    """Whether all arms saw the same items, where the records tell."""
    facts = findings.facts
    found = same_items(facts.arms)
    if found is None:
        return
    where = f" of one {' and '.join(facts.factors)}" if facts.factors else ""
    if not found.is_same:
        yield (
            f"Not all arms{where} saw the same items in the same order: a difference between them may also come from "
            f"what they were trained on ({listed(_apart(facts))})."
        )
    elif found.is_whole:
        yield f"All arms{where} saw the same items in the same order."
    else:
        yield (
            f"All arms{where} saw the same items in the same order in the first {found.steps:,} steps, as far as the "
            "records allow to compare them."
        )


def _apart(facts: Facts) -> list[str]:
    """The different items of the arms, as counted."""
    counts: dict[int, list[str]] = {}
    for row in batches(facts).records():
        counts.setdefault(int(row["items"] or 0), []).append(str(row["arm"]))
    return [f"{listed(arms)} {count:,} different items" for count, arms in counts.items()]


SECTION = Section(
    "batches",
    "Batches",
    "What the arms were trained on.",
    tables=lambda findings: [batches(findings.facts), languages(findings.facts)],
    sentences=sentences,
)
