"""The answer to the study's question, in sentences; what the section `comparisons` adds to the head of the report."""

from collections.abc import Sequence

from analysis.facts.arms import Arm, without_repeats
from analysis.facts.facts import Facts, Place, estimate
from analysis.findings.comparisons import Judged, pairs_of
from analysis.findings.findings import Findings
from analysis.findings.pairing import Pair, main_pairs
from analysis.render.table import format_value
from analysis.sections.cells import ALPHA, chosen_ratio
from analysis.sections.level_names import controls_of, listed_levels, quoted
from analysis.sections.schedule_alone import schedule_alone
from analysis.wording import capital, claim, count, doubts, evidence, interval, listed, number

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
            parts.append(_one_training(facts, first, second))
            continue
        judged = [j for j in findings.comparisons.main if j.first is first and j.second is second]
        told = _verdicts(findings, judged) if judged else [_untested(facts, first, second)]
        parts += [f"{capital(where)}: {told[0]}" if where else told[0], *told[1:]]
    return parts


def _one_training(facts: Facts, first: Arm, second: Arm) -> str:
    same = f"{first.label} and {second.label} are the same training: there is nothing to tell apart."
    if facts.first.info.about != "choice" or first.parts:
        return same
    return f"{_title(first)} of the search: {_ratio(first)}{_luck_of_search(facts, first)}; {same}"


def _identity(pair: Pair) -> tuple[tuple[str, ...], ...]:
    return tuple(arm.identity for arm in pair)


def _verdicts(findings: Findings, judged: Sequence[Judged]) -> list[str]:
    """What the question's place says, what the arms are, what to doubt, and the verdicts of all other places."""
    facts = findings.facts
    chosen = next((j for j in judged if j.family == "question"), judged[0])
    parts = [
        _choice(findings, chosen) or claim(chosen, _named(facts, chosen.first), _named(facts, chosen.second)),
        f"The difference is {chosen.first.label} minus {chosen.second.label} ({evidence(chosen)}).",
        *_over_controls(facts, chosen.first),
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
        said.setdefault(j.told, []).append(where)
    if said:
        parts.append(f"Elsewhere: {'; '.join(f'{verdict} in {listed(where)}' for verdict, where in said.items())}.")
    return parts


TITLES = {"static": "Best constant ratio", "dynamic": "Best schedule"}
"""What a question of choice is after, by the role of the arm that it asks about."""
STANDS = {"better": "better than", "worse": "worse than", "equivalent": "equivalent to"}
"""How the chosen arm stands to another one; by any other verdict it is not separable from it."""
NOT_COMPARED, NO_VERDICT = "not compared with", "no verdict against"


def _choice(findings: Findings, judged: Judged) -> str:
    """What the search chose, where the question asks for that, and which of its kind it can be told from.

    Empty where the question is another one, or not every cell has a ratio of its own.
    """
    facts, first, second = findings.facts, judged.first, judged.second
    if facts.first.info.about != "choice" or judged.comparison.interval is None or judged.withheld:
        return ""
    ratios = [(_ratio(part) + _luck_of_search(facts, part), part) for part in first.of_cells]
    chosen = listed_levels([f"{ratio} at {quoted(', '.join(part.cell.values()))}" for ratio, part in ratios])
    chosen = ratios[0][0] if len(ratios) == 1 else chosen
    found = judged.comparison
    stands = [f"{_stand(judged)} {_with_ratio(second)}"]
    numbers = f"{number(found.difference, sign=True)} {interval(found.interval)}"
    others: dict[str, list[str]] = {}
    for rival, stand in _rivals(findings, judged):
        others.setdefault(stand, []).append(_with_ratio(rival))
    stands += [f"{stand} {listed(names)}" for stand, names in others.items()]
    # What the search chose need not be the best of the test, and where some were not compared nobody knows.
    doubtful = any(stand.startswith(("worse", NOT_COMPARED, NO_VERDICT)) for stand in stands)
    is_best = not (doubtful or (first.parts and _others_of_its_kind(facts, first, second)))
    of_search = "" if is_best else " of the search"
    where = f"{numbers} on {judged.place.label}"
    return f"{_title(first)}{of_search}: {chosen}, {stands[0]}, {where}{''.join(f'; {one}' for one in stands[1:])}."


def _title(arm: Arm) -> str:
    return TITLES.get(arm.role, "Best arm")


def _rivals(findings: Findings, judged: Judged) -> list[tuple[Arm, str]]:
    """How the chosen arm stands to all others of its kind; none of several cells, which are not of one group."""
    first, second = judged.first, judged.second
    if first.parts:
        return []
    found = []
    for arm in _others_of_its_kind(findings.facts, first, second):
        one = findings.judge.find(first, arm, judged.place) if arm.compared else None
        found.append((arm, NOT_COMPARED if one is None or one.comparison.interval is None else _stand(one)))
    return found


def _stand(judged: Judged) -> str:
    return NO_VERDICT if judged.withheld else STANDS.get(judged.verdict, "not separable from")


def _others_of_its_kind(facts: Facts, first: Arm, second: Arm) -> list[Arm]:
    """All constants, or all schedules, of their cells, but the chosen arm and the one that it is compared with."""
    own = [part for arm in (first, second) for part in arm.of_cells]
    known, groups, kind = {arm.identity for arm in own}, {arm.group for arm in own}, _is_constant(own[0])
    arms = [arm for arm in facts.arms if arm.group in groups and arm.role in (*TITLES, "strategy") and not arm.is_front]
    return [arm for arm in without_repeats(arms) if arm.identity not in known and _is_constant(arm) == kind]


def _is_constant(arm: Arm) -> bool:
    """Whether all trainings of an arm have a constant ratio each; a search that is repeated may choose several."""
    return arm.role == "static" or (arm.role == "strategy" and arm.constant_ratio is not None)


def _ratio(arm: Arm) -> str:
    """The ratio of an arm: `α 0.1`, `α linear 0.9 → 0.2`."""
    return chosen_ratio(arm) if arm.constant_ratio is None else f"{ALPHA} {arm.constant_ratio:.3g}"


def _with_ratio(arm: Arm) -> str:
    """An arm with its ratio, unless its name has it."""
    told = arm.parts or arm.constant_ratio is None or f"{arm.constant_ratio:.3g}" in arm.name
    return arm.label if told else f"{arm.label} ({_ratio(arm)})"


def _named(facts: Facts, arm: Arm) -> str:
    """An arm with its ratio and the luck of its search: `best dynamic (α cosine 1 → 0, the best of 21 trials)`."""
    if arm.parts or arm.record.chosen_from is None or not arm.name.startswith("best "):
        return arm.label
    rivals = facts.rivals_in_search(arm)
    luck = f", the best of {count(rivals, 'search trial')}" if rivals > 1 else ""
    if arm.searches > 1:
        luck = f", chosen anew in each of {arm.searches} searches{luck and f' as{luck[1:]}'}"
    return f"{arm.label} ({chosen_ratio(arm)}{luck})"


def _luck_of_search(facts: Facts, arm: Arm) -> str:
    rivals = facts.rivals_in_search(arm)
    return f" (the best of {count(rivals, 'search trial')})" if rivals > 1 else ""


def _over_controls(facts: Facts, pooled: Arm) -> list[str]:
    """What a mean over the levels of a factor holds beside the levels themselves."""
    found = []
    for factor in facts.factors:
        levels = dict.fromkeys(part.cell.get(factor, "") for part in pooled.parts)
        controls = [quoted(name) for name in controls_of(facts, factor) if name in levels]
        if controls and len(levels) > 1:
            found.append(f"It is a mean over {len(levels)} levels, the controls {listed_levels(controls)} among them.")
    return found


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
