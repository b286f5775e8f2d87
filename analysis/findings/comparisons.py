"""Every comparison of a report, judged in two families: the question's own, and all others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.facts.arms import Arm
from analysis.facts.decisions import Decisions, decided
from analysis.facts.facts import Facts, Place, estimate
from analysis.facts.questions import Questions
from analysis.findings.levels import pooled_pairs
from analysis.findings.pairing import Pair, compared_pairs, main_pairs
from analysis.statistics.comparison import Comparison

RESAMPLES = 10_000
RESAMPLES_FOR_MARKS = 2_000
"""A mark in a table needs no more: the p value itself is not shown."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A comparison of two arms at one place."""

    first: Arm
    second: Arm
    place: Place
    is_main: bool
    comparison: Comparison

    @property
    def label(self) -> str:
        """`first - second`."""
        return f"{self.first.label} \N{MINUS SIGN} {self.second.label}"

    @property
    def is_quality(self) -> bool:
        """Whether the measure is one of quality, not of language bias."""
        return not self.place.measure.is_bias

    @property
    def verdict(self) -> str:
        """The verdict; a single run proves nothing either way and gets none."""
        return self.comparison.verdict if self.comparison.interval is not None else "single run"


@dataclass(frozen=True, eq=False)
class Comparisons:
    """All comparisons.

    `tied` names per summary metric the arms that cannot be told from the best; None: not tested.
    """

    margin: float
    judged: tuple[Judged, ...]
    tied: Mapping[str, frozenset[str]] | None

    @property
    def main(self) -> tuple[Judged, ...]:
        """The comparisons that the question is about."""
        return tuple(judged for judged in self.judged if judged.is_main)

    @property
    def tested(self) -> tuple[Judged, ...]:
        """The comparisons that have an interval."""
        return tuple(judged for judged in self.judged if judged.comparison.interval is not None)


def compare_arms(facts: Facts, questions: Questions, margin: float) -> Comparisons:
    """Compares the arms of a report wherever both have values per question; deterministic.

    The main pair is one family: in every cell and, where cells differ in a factor, over its levels. All other
    comparisons are another family.
    """
    pooled = pooled_pairs(facts)
    main = {(id(a), id(b)) for a, b in [*main_pairs(facts), *pooled]}
    places = [place for benchmark in facts.benchmarks for place in benchmark.places]
    pairs = [(a, b, place) for a, b in [*compared_pairs(facts), *pooled] for place in places]
    pairs = [(a, b, place) for a, b, place in pairs if questions.comparable(a, b, place)]
    own = [pair for pair in pairs if (id(pair[0]), id(pair[1])) in main and not pair[2].measure.is_bias]
    others = [pair for pair in pairs if pair not in own]
    judged = [*_judge_own(facts, questions, own, margin), *_judge(questions, others, margin, is_main=False)]
    return Comparisons(margin, tuple(judged), _tied(facts, questions))


def judge_pair(facts: Facts, questions: Questions, first: Arm, second: Arm, margin: float) -> list[Judged]:
    """Two arms as the question's own comparison is judged: all benchmarks and settings are one family, bias another.

    Empty where they cannot be compared.
    """
    if first.identity == second.identity:
        return []
    places = [place for benchmark in facts.benchmarks for place in benchmark.places]
    pairs = [(first, second, place) for place in places if questions.comparable(first, second, place)]
    own = [pair for pair in pairs if not pair[2].measure.is_bias]
    bias = [pair for pair in pairs if pair[2].measure.is_bias]
    return [*_judge_own(facts, questions, own, margin), *_judge(questions, bias, margin, is_main=False)]


def _judge_own(
    facts: Facts, questions: Questions, pairs: Sequence[tuple[Arm, Arm, Place]], margin: float
) -> list[Judged]:
    """Judges the question's own comparisons; one that a sequential rule has decided is a family of its own."""
    decisions = Decisions(facts)
    found_by_looking = {
        (id(first), id(second), place): one
        for first, second, place in pairs
        if (one := decisions.find(first, second, place)) is not None
    }
    fixed = [pair for pair in pairs if (id(pair[0]), id(pair[1]), pair[2]) not in found_by_looking]
    found = iter(_judge(questions, fixed, margin, is_main=True))
    judged = []
    for first, second, place in pairs:
        decision = found_by_looking.get((id(first), id(second), place))
        if decision is None:
            judged.append(next(found))
        else:
            (alone,) = _judge(questions, [(first, second, place)], margin, is_main=True)
            judged.append(replace(alone, comparison=decided(decision, alone.comparison)))
    return judged


def _judge(
    questions: Questions,
    pairs: Iterable[tuple[Arm, Arm, Place]],
    margin: float | None,
    is_main: bool,
    resamples: int = RESAMPLES,
) -> list[Judged]:
    pairs = list(pairs)
    if not pairs:
        return []
    # scipy.stats takes most of a second to import: a report without comparisons need not wait for it.
    from analysis.statistics.significance import Contrast, compare

    contrasts = []
    for first, second, place in pairs:
        one, other = questions.table(first, place), questions.table(second, place)
        if one is None or other is None:
            raise ValueError(f"{first.label} and {second.label} are not comparable on {place}")
        # Measures of bias have no natural margin.
        allowed = None if place.measure.is_bias else margin
        contrasts.append(Contrast(one, other, not place.measure.lower_is_better, allowed))
    return [
        Judged(first, second, place, is_main, comparison)
        for (first, second, place), comparison in zip(pairs, compare(contrasts, resamples=resamples), strict=True)
    ]


def _tied(facts: Facts, questions: Questions) -> Mapping[str, frozenset[str]] | None:
    """Per summary metric the arms that a paired test cannot tell from the best one of their group."""
    tied: dict[str, frozenset[str]] = {}
    for benchmark in facts.benchmarks:
        for setting in benchmark.settings:
            metric = benchmark.column(setting)
            place = Place(benchmark.name, setting, benchmark.measure)
            found: set[str] = set()
            tested = False
            for group in facts.groups:
                rivals = [arm for arm in group if arm.values(metric)]
                if len(rivals) < 2:
                    continue
                best = max(rivals, key=lambda arm: _mean(arm, metric))
                pairs = [(best, arm, place) for arm in rivals if arm.identity != best.identity]
                pairs = [pair for pair in pairs if questions.comparable(*pair)]
                for judged in _judge(questions, pairs, None, is_main=False, resamples=RESAMPLES_FOR_MARKS):
                    tested = tested or judged.comparison.p_holm is not None
                    if judged.comparison.p_holm is not None and judged.comparison.verdict == "not separable":
                        found.add(judged.second.label)
            if tested:
                tied[metric] = frozenset(found)
    return tied or None


def _mean(arm: Arm, metric: str) -> float:
    found = estimate(arm.values(metric).values())
    return float("-inf") if found is None else found.mean


def pairs_of(judged: Iterable[Judged]) -> list[Pair]:
    """The pairs of arms in order of appearance, each once."""
    return list({(id(j.first), id(j.second)): (j.first, j.second) for j in judged}.values())
