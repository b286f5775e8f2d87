"""The comparisons with their verdicts."""

from typing import Any

from analysis.comparisons import Comparisons, Judged
from analysis.labels import metric_label, slug
from analysis.queries import RANK_DISTANCE
from analysis.render.table import Cell, Column, Kind, Table, make_table


def comparisons(compared: Comparisons) -> Table:
    """One row per comparison: difference with interval, corrected p, verdict, what could have been found."""
    columns = [
        Column("arm", "Arm"),
        Column("baseline", "Against"),
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("metric", "Metric"),
        Column("difference", "Difference", "difference"),
        Column("verdict", "Verdict"),
        Column("p", "p (Holm)", "p"),
        Column("p_equivalence", "p equivalent", "p"),
        Column("detectable", "Detectable", "size"),
        Column("seeds", "Seeds", "count"),
        Column("questions", "Questions", "count"),
        Column("question", "The question"),
    ]
    rows = [_row(judged) for judged in compared.judged]
    return make_table("comparisons", "All comparisons", columns, rows, notes(compared), long=True)


def verdict(judged: Judged) -> str:
    """The verdict; a single run proves nothing either way and gets none."""
    return judged.comparison.verdict if judged.comparison.interval is not None else "single run"


def verdicts(compared: Comparisons) -> Table:
    """The verdicts at a glance: one row per pair of arms, one column per benchmark and setting."""
    places = list(dict.fromkeys((j.benchmark, j.setting, j.metric) for j in compared.judged))
    order = list(dict.fromkeys(benchmark for benchmark, _, _ in places))
    places.sort(key=lambda place: order.index(place[0]))
    columns = [Column("arm", "Arm"), Column("baseline", "Against")]
    for benchmark, setting, metric in places:
        label = "rank distance" if metric == RANK_DISTANCE else setting.capitalize()
        columns.append(Column(slug(f"{benchmark} {setting} {metric}"), label, "difference", group=benchmark))
    rows: dict[tuple[str, str], list[Any]] = {}
    for judged in compared.judged:
        row = rows.setdefault(
            (judged.first.label, judged.second.label), [judged.first.label, judged.second.label, *[None] * len(places)]
        )
        kind: Kind | None = "ranks" if judged.is_bias else None
        place = places.index((judged.benchmark, judged.setting, judged.metric))
        row[2 + place] = Cell(judged.comparison.difference, kind=kind, remark=verdict(judged))
    return make_table("verdicts", "Verdicts", columns, list(rows.values()), notes(compared))


def main_comparison(compared: Comparisons) -> Table:
    """The question's own comparison only, short enough for a terminal."""
    pairs = dict.fromkeys((j.first.label, j.second.label) for j in compared.main)
    title = "; ".join(f"{first} against {second}" for first, second in pairs) or "No main comparison"
    columns = [
        Column("benchmark", "Benchmark"),
        Column("setting", "Setting"),
        Column("difference", "Difference", "difference"),
        Column("verdict", "Verdict"),
        Column("p", "p (Holm)", "p"),
        Column("detectable", "Detectable", "size"),
    ]
    rows = []
    for judged in compared.main:
        found = judged.comparison
        low, high = found.interval or (None, None)
        where = judged.benchmark if len(pairs) == 1 else f"{judged.benchmark} ({judged.first.label})"
        cell = Cell(found.difference, low, high)
        rows.append([where, judged.setting, cell, verdict(judged), p_cell(judged), found.smallest_detectable])
    return make_table("main_comparison", title[:1].upper() + title[1:], columns, rows, _decided(compared))


def notes(compared: Comparisons, families: str = "the question's own comparisons and within all others") -> list[str]:
    """How the comparisons were made; `families` names those that were corrected together."""
    if not compared.judged:
        return []
    if all(judged.comparison.interval is None for judged in compared.judged):
        return [f"No interval and no test: {compared.judged[0].comparison.note}."]
    return [
        *_decided(compared),
        "Difference: arm minus the other, paired by seed and question id (all translations of a question are one "
        "unit), "
        "with the 95 % interval of a two-level bootstrap over seeds and questions.",
        f"p: paired randomisation test with Holm's correction, within {families}. Equivalent: two one-sided tests "
        f"within \N{PLUS-MINUS SIGN}{compared.margin:g}. Detectable: the true difference that this design finds with "
        "80 % chance. Rank distance has no margin, and lower is better.",
    ]


def _decided(compared: Comparisons) -> list[str]:
    """How the comparisons were decided that were looked at after every seed."""
    found = []
    for judged in compared.main:
        one, rule = judged.comparison, judged.comparison.sequential
        if rule is None:
            continue
        looks = f"{len(rule.looks)} look{'s' * (len(rule.looks) > 1)} ({', '.join(map(str, rule.looks))} seeds)"
        more = ""
        if (seeds := min(len(judged.first.trials), len(judged.second.trials))) > one.n_seeds:
            more = f" The decision rests on the first {one.n_seeds} of the {seeds} seeds that the other numbers use."
        found.append(
            f"Sequential: {judged.benchmark}, {judged.setting} was decided at {looks} of at most {rule.max_seeds}; "
            f"p = {one.p:.2g} of a t test, where this look may use {rule.level:.2g} (Lan and DeMets 1983). Its "
            "interval covers at all looks together (Jennison and Turnbull 1989); margin "
            f"\N{PLUS-MINUS SIGN}{one.margin:g}. It is a family of its own; the other comparisons do not allow for the "
            f"looks.{more}"
        )
    return found


def p_cell(judged: Judged) -> Cell:
    """The corrected p value; a sequential decision has none, since its level is not 5 %."""
    return Cell(judged.comparison.p_holm, remark="sequential" if judged.comparison.sequential else "")


def _row(judged: Judged) -> list[object]:
    found = judged.comparison
    low, high = found.interval or (None, None)
    return [
        judged.first.label,
        judged.second.label,
        judged.benchmark,
        judged.setting,
        metric_label(judged.metric),
        Cell(found.difference, low, high, kind="ranks" if judged.is_bias else None),
        verdict(judged),
        p_cell(judged),
        found.p_equivalence,
        Cell(found.smallest_detectable, kind="rank" if judged.is_bias else None),
        found.n_seeds,
        found.n_questions,
        judged.is_main,
    ]
