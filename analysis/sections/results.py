"""Results: what each arm reached, by benchmark and setting."""

from collections.abc import Mapping

from analysis.facts.arms import Arm
from analysis.facts.facts import Benchmark, Estimate, Facts, Place
from analysis.findings.comparisons import Comparisons
from analysis.findings.findings import Findings
from analysis.render.table import Cell, Column, Mark, Table, make_table
from analysis.sections.cells import arm_cells, arm_columns, chosen_ratio, estimate_cell, measure_kind, slug
from analysis.sections.section import Section
from analysis.sections.trade_off import trade_offs
from analysis.wording import listed
from trainables.evaluation.metric_name import MetricName


def results(findings: Findings, only: Benchmark | None = None) -> Table:
    """Arms x (benchmark, setting) and language bias: mean with interval, the best of each column and group of arms in
    bold; the column of the objective comes first.

    A dagger marks the arms that no verdict of this report separates from the best.
    """
    facts, means, compared = findings.facts, findings.means, findings.comparisons
    columns = arm_columns(facts)
    places = [place for one in (facts.benchmarks if only is None else (only,)) for place in _places(facts, one)]
    estimates = {(arm.label, place.metric): means.at(arm, place) for arm in facts.arms for place in places}
    for place in places:
        about = place.measure
        label = about.label.capitalize() if about.is_bias else place.setting.capitalize()
        group = f"{place.benchmark} ({facts.benchmark(place.benchmark).measure.label})"
        columns.append(Column(slug(place.metric), label, measure_kind(about), "", group, about.lower_is_better))
    columns.append(Column("seeds", "Seeds", "count"))
    # What is judged anew has the seeds of its training, which count for nothing there.
    longer = [arm for arm in facts.arms if arm.asked and arm.name in facts.main_comparison]
    rows = []
    for arm in facts.arms:
        rivals = [other for other in facts.arms if other.group == arm.group]
        marks = [_mark(arm, place, rivals, estimates, compared) for place in places]
        cells = [estimate_cell(estimates[arm.label, of.metric], mark) for of, mark in zip(places, marks, strict=True)]
        beside = [f"and {len(arm.diverged)} diverged"] * bool(arm.diverged)
        beside += [f"and {len(arm.added)} for the question"] * (arm in longer and bool(arm.added))
        seeds = Cell(len(arm.runs), remark=", ".join(beside))
        name, *levels = arm_cells(facts, arm)
        rows.append([Cell(name, remark=_chosen(arm)), *levels, *cells, seeds])
    notes = [means.note]
    parts = [*facts.factors, *["study"] * any(study for _, study in {a.group for a in facts.arms})]
    best = f"Bold: best of its column{' for each ' * bool(parts)}{' and '.join(parts)}."
    if compared.tied:
        notes.append(
            f"{best} \N{DAGGER}: by the verdicts of this report not separable from the best, or equivalent to it"
            f"{_untested(compared)}; the marks of a column hold together with 95 % chance, whichever arm is the best."
        )
    elif facts.arms:
        notes.append(best)
    if longer:
        seeds_of = listed([f"{arm.label} has {len(arm.whole.runs)}" for arm in longer])
        notes.append(
            "Means and marks rest on the seeds that all compared arms have finished. The comparison that the question "
            f"is about rests on more: {seeds_of}."
        )
    twins = [f"{arm.label} is {arm.same_as}" for arm in facts.arms if arm.same_as]
    if twins:
        notes.append(f"The same training under two names: {', '.join(dict.fromkeys(twins))}.")
    return make_table("results", "Results by arm", columns, rows, notes)


def _untested(compared: Comparisons) -> str:
    """What else a dagger may stand for: single runs, where others have more."""
    alone = any(judged.verdict == "single run" for judged in compared.judged)
    return ", or with single runs, which tell nothing apart" if alone else ""


def _places(facts: Facts, benchmark: Benchmark) -> list[Place]:
    """Where the arms are shown on a benchmark: where the objective looks, all other settings, language bias."""
    objective = MetricName.parse(facts.objective.metric)
    bias = [place for place in benchmark.places if place.measure.is_bias]
    chosen = [place for place in bias if place.measure.name == objective.measure] or bias[:1]
    quality = [place for place in benchmark.places if not place.measure.is_bias]
    if objective.setting == "bias" and chosen:
        return [*chosen, *quality]
    wished = benchmark.setting_of(facts.objective)
    return [*sorted(quality, key=lambda place: place.setting != wished), *chosen]


def _chosen(arm: Arm) -> str:
    """What the search gave an arm; empty for arms that say it by their name."""
    is_chosen = arm.role in ("static", "dynamic") and arm.record.chosen_from is not None
    return chosen_ratio(arm) if is_chosen else ""


def _mark(
    arm: Arm,
    place: Place,
    rivals: list[Arm],
    estimates: Mapping[tuple[str, str], Estimate | None],
    compared: Comparisons,
) -> Mark:
    metric = place.metric
    if metric in compared.best:
        return (
            "best"
            if arm.label in compared.best[metric]
            else "tied"
            if arm.label in compared.tied.get(metric, ())
            else ""
        )
    found = estimates[arm.label, metric]
    means = [e.mean for rival in rivals if (e := estimates[rival.label, metric]) is not None]
    if found is None or len(means) < 2:
        return ""
    top = min(means) if place.measure.lower_is_better else max(means)
    return "best" if found.mean == top and not arm.diverged and arm.compared else ""


SECTION = Section(
    "results",
    "Results",
    "How well each arm retrieves, and how strongly it prefers languages. The column of the objective is first.",
    tables=lambda findings: [results(findings)],
    figures=trade_offs,
)
