"""Every comparison of a report, judged in two families: the question's own, and all others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from analysis.decisions import Decisions
from analysis.findings import Arm, Benchmark, Findings, estimate
from analysis.labels import setting_label
from analysis.pairing import compared_pairs, main_pairs, training
from analysis.queries import RANK_DISTANCE, Queries
from analysis.statistics.comparison import Comparison

RESAMPLES = 10_000
RESAMPLES_FOR_MARKS = 2_000
"""A mark in a table needs no more: the p value itself is not shown."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A comparison of two arms on one benchmark, setting and metric."""

    first: Arm
    second: Arm
    benchmark: str
    setting: str
    metric: str
    is_main: bool
    comparison: Comparison

    @property
    def is_bias(self) -> bool:
        """Whether the metric is the rank distance, where lower is better."""
        return self.metric == RANK_DISTANCE


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


@dataclass(frozen=True)
class _Place:
    benchmark: str
    setting: str
    metric: str


def compare_arms(findings: Findings, queries: Queries, margin: float) -> Comparisons:
    """Compares the arms of `findings` wherever both have values per question; deterministic."""
    main = {(id(a), id(b)) for a, b in main_pairs(findings)}
    places = [place for benchmark in findings.benchmarks for place in _places(benchmark)]
    pairs = [(a, b, place) for a, b in compared_pairs(findings) for place in places]
    pairs = [(a, b, place) for a, b, place in pairs if _comparable(queries, a, b, place)]
    own = [pair for pair in pairs if (id(pair[0]), id(pair[1])) in main and pair[2].metric != RANK_DISTANCE]
    others = [pair for pair in pairs if pair not in own]
    judged = [*_judge_own(findings, queries, own, margin), *_judge(queries, others, margin, is_main=False)]
    return Comparisons(margin, tuple(judged), _tied(findings, queries))


def judge_pair(findings: Findings, queries: Queries, first: Arm, second: Arm, margin: float) -> list[Judged]:
    """Two arms as the question's own comparison is judged: all benchmarks and settings are one family, bias another.

    Empty where they cannot be compared.
    """
    if training(first) == training(second):
        return []
    places = [place for benchmark in findings.benchmarks for place in _places(benchmark)]
    pairs = [(first, second, place) for place in places if _comparable(queries, first, second, place)]
    own = [pair for pair in pairs if pair[2].metric != RANK_DISTANCE]
    bias = [pair for pair in pairs if pair[2].metric == RANK_DISTANCE]
    return [*_judge_own(findings, queries, own, margin), *_judge(queries, bias, margin, is_main=False)]


def _judge_own(
    findings: Findings, queries: Queries, pairs: list[tuple[Arm, Arm, _Place]], margin: float
) -> list[Judged]:
    """Judges the question's own comparisons; one that a sequential rule has decided is a family of its own."""
    decisions = Decisions(findings)
    decided, fixed = {}, []
    for first, second, place in pairs:
        decision = decisions.find(first, second, place.benchmark, place.setting)
        if decision is None:
            fixed.append((first, second, place))
        else:
            decided[id(first), id(second), place] = decision
    found = iter(_judge(queries, fixed, margin, is_main=True))
    judged = []
    for first, second, place in pairs:
        decision = decided.get((id(first), id(second), place))
        if decision is None:
            judged.append(next(found))
        else:
            (one,) = _judge(queries, [(first, second, place)], margin, is_main=True)
            judged.append(replace(one, comparison=decision.put_into(one.comparison)))
    return judged


def _places(benchmark: Benchmark) -> Iterable[_Place]:
    for setting in benchmark.settings:
        yield _Place(benchmark.name, setting, benchmark.metric)
    if "multilingual" in benchmark.settings:
        yield _Place(benchmark.name, "multilingual", RANK_DISTANCE)


def _comparable(queries: Queries, first: Arm, second: Arm, place: _Place) -> bool:
    """Whether both arms have values for the same questions and share a seed; says so among the problems if not."""
    one = queries.table(first, place.benchmark, place.setting, place.metric)
    other = queries.table(second, place.benchmark, place.setting, place.metric)
    if one is None or other is None:
        return False
    if one.questions != other.questions or one.cells != other.cells or (one.counts != other.counts).any():
        problem = f"{first.label} and {second.label} were judged on different queries of {place.benchmark}"
    elif not set(one.seeds) & set(other.seeds):
        problem = f"{first.label} and {second.label} share no seed with values per question on {place.benchmark}"
    else:
        return True
    line = f"{problem}: they are not compared."
    if line not in queries.problems:
        queries.problems.append(line)
    return False


def _judge(
    queries: Queries,
    pairs: list[tuple[Arm, Arm, _Place]],
    margin: float | None,
    is_main: bool,
    resamples: int = RESAMPLES,
) -> list[Judged]:
    if not pairs:
        return []
    # scipy.stats takes most of a second to import: a report without comparisons need not wait for it.
    from analysis.statistics.significance import Contrast, compare

    contrasts = []
    for first, second, place in pairs:
        one = queries.table(first, place.benchmark, place.setting, place.metric)
        other = queries.table(second, place.benchmark, place.setting, place.metric)
        if one is None or other is None:
            raise ValueError(f"{first.label} and {second.label} are not comparable on {place}")
        bias = place.metric == RANK_DISTANCE
        name = setting_label(place.benchmark, place.setting, place.metric)
        contrasts.append(
            Contrast(first.label, second.label, name, one, other, not bias, None if bias or margin is None else margin)
        )
    return [
        Judged(first, second, place.benchmark, place.setting, place.metric, is_main, comparison)
        for (first, second, place), comparison in zip(pairs, compare(contrasts, resamples=resamples), strict=True)
    ]


def _tied(findings: Findings, queries: Queries) -> Mapping[str, frozenset[str]] | None:
    """Per summary metric the arms that a paired test cannot tell from the best one of their group."""
    tied: dict[str, frozenset[str]] = {}
    for benchmark in findings.benchmarks:
        for setting in benchmark.settings:
            metric = benchmark.column(setting)
            place = _Place(benchmark.name, setting, benchmark.metric)
            found: set[str] = set()
            tested = False
            for group in dict.fromkeys(arm.group for arm in findings.arms):
                rivals = [arm for arm in findings.arms if arm.group == group and arm.values(metric)]
                if len(rivals) < 2:
                    continue
                best = max(rivals, key=lambda arm: _mean(arm, metric))
                pairs = [(best, arm, place) for arm in rivals if training(arm) != training(best)]
                pairs = [pair for pair in pairs if _comparable(queries, *pair)]
                for judged in _judge(queries, pairs, None, is_main=False, resamples=RESAMPLES_FOR_MARKS):
                    tested = tested or judged.comparison.p_holm is not None
                    if judged.comparison.p_holm is not None and judged.comparison.verdict == "not separable":
                        found.add(judged.second.label)
            if tested:
                tied[metric] = frozenset(found)
    return tied or None


def _mean(arm: Arm, metric: str) -> float:
    found = estimate(arm.values(metric).values())
    return float("-inf") if found is None else found.mean
