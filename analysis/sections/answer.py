"""The answer to the study's question, in sentences; what the section `comparisons` adds to the head of the report."""

from collections.abc import Sequence

from analysis.facts.arms import Arm
from analysis.facts.facts import Facts, Place, estimate
from analysis.findings.comparisons import Judged, pairs_of
from analysis.findings.findings import Findings
from analysis.findings.pairing import Pair, main_pairs
from analysis.render.table import format_value
from analysis.sections.cells import chosen_ratio
from analysis.sections.schedule_alone import schedule_alone
from analysis.wording import capital, count, doubts, evidence, headline, listed

NO_ANSWER = "There is no answer yet: no arm has finished a run on the test benchmarks."


def answer(findings: Findings) -> list[str]:
    """The answer to the study's question, as far as the records allow one."""
    facts = findings.facts
    if not facts.arms or not facts.benchmarks:
        return [NO_ANSWER]
    pairs = main_pairs(facts)
    if not pairs:
        return [_leader(findings)]
    # Over several cells the question is about all of them; what holds in which stands in the section on factors.
    everywhere = {_identity(level.pair) for level in findings.levels if not level.factor}
    whole = [pair for pair in pairs_of(findings.comparisons.main) if _identity(pair) in everywhere]
    parts = []
    for first, second in whole or pairs:
        where = "" if whole else facts.planned_cell_in_words(first.cell)
        if first.identity == second.identity:
            parts.append(f"{first.label} and {second.label} are the same training: there is nothing to tell apart.")
            continue
        judged = [j for j in findings.comparisons.main if j.first is first and j.second is second]
        told = _verdicts(findings, judged) if judged else [_untested(facts, first, second)]
        parts += [f"{capital(where)}: {told[0]}" if where else told[0], *told[1:]]
    return parts


def _identity(pair: Pair) -> tuple[tuple[str, ...], ...]:
    return tuple(arm.identity for arm in pair)


def _verdicts(findings: Findings, judged: Sequence[Judged]) -> list[str]:
    """What the question's place says, what the arms are, what to doubt, and the verdicts of all other places."""
    facts = findings.facts
    chosen = next((j for j in judged if j.family == "question"), judged[0])
    parts = [
        headline(chosen),
        f"The difference is {_named(facts, chosen.first)} minus {_named(facts, chosen.second)} on "
        f"{chosen.place.label} ({evidence(chosen)}).",
    ]
    if chosen.comparison.sequential is not None:
        parts.append(chosen.comparison.sequential.sentence)
    if chosen.comparison.interval is not None:
        parts += _luck(facts, [chosen.first, chosen.second])
        parts += schedule_alone(findings, chosen)
    parts += doubts(chosen.comparison)
    others = [j for j in judged if j is not chosen and j.is_quality and j.comparison.interval is not None]
    several = len({j.place.benchmark for j in judged}) > 1
    said: dict[str, list[str]] = {}
    for j in others:
        where = f"{j.place.benchmark} {j.place.setting}" if several else j.place.setting
        said.setdefault(j.verdict, []).append(where)
    if said:
        parts.append(f"Elsewhere: {'; '.join(f'{verdict} in {listed(where)}' for verdict, where in said.items())}.")
    return parts


def _named(facts: Facts, arm: Arm) -> str:
    """An arm with its ratio and the luck of its search: `best dynamic (α cosine 1 → 0, the best of 21 trials)`."""
    if arm.parts or arm.record.chosen_from is None or not arm.name.startswith("best "):
        return arm.label
    rivals = facts.rivals_in_search(arm)
    luck = f", the best of {count(rivals, 'search trial')}" if rivals > 1 else ""
    if arm.searches > 1:
        luck = f", chosen anew in each of {arm.searches} searches{luck and f' as{luck[1:]}'}"
    return f"{arm.label} ({chosen_ratio(arm)}{luck})"


def _luck(facts: Facts, arms: Sequence[Arm]) -> list[str]:
    """Whether the luck of the search is in the interval, where it has any."""
    parts = [part for arm in arms for part in arm.of_cells]
    searched = [part for part in parts if part.record.chosen_from is not None and facts.rivals_in_search(part) > 1]
    if not searched:
        return []
    if searched[0].searches > 1:
        return [f"Over {searched[0].searches} searches, whose luck is in the interval."]
    return ["The luck of the search is not in the interval: another search may choose other arms (--repeat-search)."]


def _untested(facts: Facts, first: Arm, second: Arm) -> str:
    place, metric = _place_of_objective(facts)
    means = [estimate(arm.values(metric).values()) for arm in (first, second)]
    values = [format_value(None if mean is None else mean.mean, "score") for mean in means]
    return (
        f"{capital(first.label)} reaches {values[0]} and {second.label} {values[1]} on {place.label}, "
        "but without values per question for the same seeds the difference cannot be tested."
    )


def _leader(findings: Findings) -> str:
    facts = findings.facts
    place, metric = _place_of_objective(facts)
    # What is left of an arm that lost seeds is never called best.
    rivals = [arm for arm in facts.arms if arm.compared and not arm.diverged]
    found = [(e.mean, arm) for arm in rivals if (e := estimate(arm.values(metric).values()))]
    reasons = dict.fromkeys(one.reason for one in findings.missing)
    reason = listed(list(reasons)) if reasons else "the arms that the question is about were left out of this study"
    yet = " yet" * any(study.study.status.state != "complete" for study in facts.studies)
    if not found:
        return f"There is no answer{yet}: {reason}."
    mean, arm = max(found, key=lambda pair: pair[0])
    value = format_value(mean, "score")
    return f"There is no answer{yet}: {reason}; of the others {arm.label} leads with {value} on {place.label}."


def _place_of_objective(facts: Facts) -> tuple[Place, str]:
    benchmark = facts.benchmarks[0]
    setting = benchmark.setting_of(facts.objective)
    return Place(benchmark.name, setting, benchmark.measure), benchmark.column(setting)
