"""Every comparison of a report, judged in three families: the question, the same arms elsewhere, all others."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from analysis.facts.arms import Arm
from analysis.facts.collapse import collapsed_seeds
from analysis.facts.decisions import Decisions, decided
from analysis.facts.facts import Benchmark, Facts, Place
from analysis.facts.questions import Questions
from analysis.findings.levels import pooled_pairs
from analysis.findings.pairing import Pair, compared_pairs, main_pairs, no_fair_sample
from analysis.findings.panels import Panels, key
from analysis.statistics.comparison import Comparison, Unit

if TYPE_CHECKING:
    from analysis.statistics.max_t import AllPairs
    from analysis.statistics.panel import Panel

Family = Literal["question", "elsewhere", "other"]
"""`question`: the two arms that the study is about, where the objective looks. `elsewhere`: the same two in the other
settings. `other`: all other differences between the arms of a group, shown or not."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A comparison of two arms at one place.

    `withheld` says why an arm that looks better gets no verdict; empty otherwise.
    """

    first: Arm
    second: Arm
    place: Place
    family: Family
    comparison: Comparison
    withheld: str = ""

    @property
    def label(self) -> str:
        """`first - second`."""
        return f"{self.first.label} \N{MINUS SIGN} {self.second.label}"

    @property
    def told(self) -> str:
        """The verdict as a reader is told it: that there is none, where it is withheld."""
        return "no verdict" if self.withheld else self.verdict

    @property
    def is_main(self) -> bool:
        """Whether it is about the two arms that the study is about."""
        return self.family != "other"

    @property
    def has_own_seeds(self) -> bool:
        """Whether its arms rest on seeds here that count nowhere else."""
        return self.is_main and any(part.asked for arm in (self.first, self.second) for part in arm.of_cells)

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
    """All comparisons, and per summary metric how the arms stand to the best one of their group.

    `best` holds the labels of the best arms, `tied` those that no verdict separates from it, be it for want of a second
    run; nothing is tied where no metric was tested.
    """

    margin: float
    judged: tuple[Judged, ...]
    best: Mapping[str, frozenset[str]]
    tied: Mapping[str, frozenset[str]]

    @property
    def main(self) -> tuple[Judged, ...]:
        """The comparisons of the two arms that the question is about."""
        return tuple(judged for judged in self.judged if judged.is_main)

    @property
    def tested(self) -> tuple[Judged, ...]:
        """The comparisons that have an interval."""
        return tuple(judged for judged in self.judged if judged.comparison.interval is not None)


class Judge:
    """Judges pairs of arms as the report does, whether or not it shows them."""

    def __init__(self, facts: Facts, questions: Questions, panels: Panels, margin: float) -> None:
        self._facts, self._questions = facts, questions
        self.panels, self.margin = panels, margin
        self._decisions = Decisions(facts)
        self._pooled = pooled_pairs(facts)
        self._main = {_unordered(*pair) for pair in (*main_pairs(facts), *self._pooled)}
        self._numbers = self._family_sizes()
        self._found: dict[tuple[str, str, Place], Judged | None] = {}
        self._together: dict[tuple[tuple[str, str], Place], AllPairs] = {}

    @property
    def pairs(self) -> list[Pair]:
        """The pairs that the report shows."""
        return [*compared_pairs(self._facts), *self._pooled]

    def find(self, first: Arm, second: Arm, place: Place) -> Judged | None:
        """The verdict on two arms at a place; None if they cannot be compared there."""
        where = key(first), key(second), place
        if where not in self._found:
            self._found[where] = self._judged(first, second, place)
        found = self._found[where]
        return None if found is None else replace(found, first=first, second=second)

    def family(self, pair: frozenset[str], place: Place) -> Family:
        """The comparisons with which that of two arms, named by their keys, shares its error rate."""
        if pair not in self._main or place.measure.is_bias:
            return "other"
        wished = self._facts.benchmark(place.benchmark).setting_of(self._facts.objective)
        return "question" if place.setting == wished else "elsewhere"

    def _judged(self, first: Arm, second: Arm, place: Place) -> Judged | None:
        # scipy.stats takes most of a second to import: a report without comparisons need not wait for it.
        from analysis.statistics.significance import judge

        family = self.family(_unordered(first, second), place)
        panel = self._panel(first, second, place)
        if panel is None or key(first) == key(second):
            return None
        decision = self._decisions.find(first, second, place) if family != "other" else None
        comparison = judge(
            panel,
            key(first),
            key(second),
            1 if decision is not None else self._numbers[family],
            higher_is_better=not place.measure.lower_is_better,
            # Measures of bias have no natural margin.
            margin=None if place.measure.is_bias else self.margin,
            pairs=self._pairs(first, place, panel) if family == "other" and not first.parts else None,
        )
        if decision is not None:
            comparison = decided(decision, comparison)
        if first.searches > 1:
            comparison = replace(comparison, unit="search")
        withheld = no_fair_sample(comparison.verdict, [(first, second)])
        if place.measure.is_bias:
            withheld = self._tied(first, second, place) or withheld
        if withheld:
            comparison = replace(comparison, verdict="not separable")
        return Judged(first, second, place, family, comparison, withheld)

    def _panel(self, first: Arm, second: Arm, place: Place) -> "Panel | None":
        """Where two arms meet at a place; those of the question with all their seeds."""
        is_other = self.family(_unordered(first, second), place) == "other"
        return (self.panels.of_pair if is_other else self.panels.of_question)(first, second, place)

    def _pairs(self, arm: Arm, place: Place, panel: "Panel") -> "AllPairs | None":
        """The pairs of a group at a place that have an error rate together, without those of other families."""
        from analysis.statistics.max_t import all_pairs

        if not panel.is_sample:
            return None
        if (arm.group, place) not in self._together:
            own = sum(self.family(frozenset(pair), place) == "other" for pair in combinations(panel.arms, 2))
            self._together[arm.group, place] = replace(all_pairs(panel), number=own)
        return self._together[arm.group, place]

    def _tied(self, first: Arm, second: Arm, place: Place) -> str:
        """Why measures of bias of two arms are not compared: an encoder that tells nothing apart prefers nothing."""
        benchmark = self._facts.benchmark(place.benchmark)
        for arm in (*first.of_cells, *second.of_cells):
            if seeds := collapsed_seeds(arm, benchmark):
                of_all = f"{len(seeds)} of {len(arm.seeds)} seeds of {arm.label}"
                return f"{of_all} collapsed, and tied ranks say nothing of bias"
        return ""

    def _family_sizes(self) -> Mapping[Family, int]:
        """How many comparisons share each error rate: all pairs of the arms of every group, and pooled ones."""
        sizes: Counter[Family] = Counter()
        for place in (place for benchmark in self._facts.benchmarks for place in benchmark.places):
            for group in dict.fromkeys(arm.group for arm in self._facts.arms):
                panel = self.panels.of_group(group, place)
                if panel is not None and panel.is_sample:
                    families = (self.family(frozenset(pair), place) for pair in combinations(panel.arms, 2))
                    sizes["other"] += sum(family == "other" for family in families)
            for first, second in self._pooled:
                panel = self._panel(first, second, place)
                if panel is not None and panel.is_sample:
                    sizes[self.family(_unordered(first, second), place)] += 1
            for first, second in main_pairs(self._facts):
                panel = self._panel(first, second, place)
                family = self.family(_unordered(first, second), place)
                if family != "other" and panel is not None and panel.is_sample and key(first) != key(second):
                    sizes[family] += 1
            for first, second in [*main_pairs(self._facts), *self._pooled]:
                # What a sequential rule decides has spent an error rate of its own.
                if (family := self.family(_unordered(first, second), place)) != "other":
                    sizes[family] -= self._decisions.find(first, second, place) is not None
        return sizes


def compare_arms(facts: Facts, judge: Judge) -> Comparisons:
    """Compares the arms of a report wherever they have values per question; deterministic."""
    places = [place for benchmark in facts.benchmarks for place in benchmark.places]
    found = [judge.find(first, second, place) for first, second in judge.pairs for place in places]
    order: dict[Family, int] = {"question": 0, "elsewhere": 0, "other": 1}
    judged = sorted((one for one in found if one is not None), key=lambda one: order[one.family])
    best: dict[str, frozenset[str]] = {}
    tied: dict[str, frozenset[str]] = {}
    tested = False
    for benchmark in facts.benchmarks:
        for place in benchmark.places:
            tested |= _stand(facts, judge, benchmark, place, best, tied)
    return Comparisons(judge.margin, tuple(judged), best, tied if tested else {})


def _stand(
    facts: Facts,
    judge: Judge,
    benchmark: Benchmark,
    place: Place,
    best: dict[str, frozenset[str]],
    tied: dict[str, frozenset[str]],
) -> bool:
    """Who is best at a place, and whom its verdicts do not separate from it; returns whether any rests on a test."""
    metric, tested = place.metric, False
    for group in facts.groups:
        # An arm that lost seeds is not the best for what is left of it.
        rivals = [arm for arm in group if arm.compared and judge.panels.of(arm, place) is not None and not arm.diverged]
        if place.measure.is_bias:
            # An encoder that tells nothing apart prefers nothing: that is no merit.
            rivals = [arm for arm in rivals if not collapsed_seeds(arm, benchmark)]
        means = {arm.label: _mean(judge.panels, arm, place) for arm in rivals}
        if len({key(arm) for arm in rivals}) < 2:
            continue
        top = min(means.values()) if place.measure.lower_is_better else max(means.values())
        leaders = [arm for arm in rivals if means[arm.label] == top]
        best[metric] = best.get(metric, frozenset()) | {arm.label for arm in leaders}
        found = [(arm, judge.find(leaders[0], arm, place)) for arm in rivals if arm not in leaders]
        tested |= any(one is not None and one.comparison.interval is not None for _, one in found)
        # The arms of the question may have more seeds, on which the leader may turn out to be the worse one.
        near = {arm.label for arm, one in found if one is not None and one.verdict != "better"}
        tied[metric] = tied.get(metric, frozenset()) | near
    return tested


def _mean(panels: Panels, arm: Arm, place: Place) -> float:
    panel = panels.of(arm, place)
    if panel is None:
        raise ValueError(f"{arm.label} is in no panel at {place}")
    return float(panel.means[panel.arms.index(key(arm))])


def judge_pair(facts: Facts, questions: Questions, first: Arm, second: Arm, margin: float) -> list[Judged]:
    """Two arms judged by themselves: their qualities at all places are one family, measures of bias another.

    Empty where they cannot be compared.
    """
    from analysis.statistics.significance import Contrast, compare

    first, second = first.whole, second.whole
    if first.identity == second.identity and first.cell == second.cell:
        return []
    places = [place for benchmark in facts.benchmarks for place in benchmark.places]
    places = [place for place in places if questions.comparable(first, second, place)]
    judged: list[Judged] = []
    for is_bias in (False, True):
        own = [place for place in places if place.measure.is_bias == is_bias]
        contrasts = []
        for place in own:
            one, other = questions.table(first, place), questions.table(second, place)
            if one is not None and other is not None:
                contrasts.append(Contrast(one, other, not place.measure.lower_is_better, None if is_bias else margin))
        family: Family = "other" if is_bias else "question"
        unit: Unit = "search" if first.searches > 1 else "seed"
        judged += [
            Judged(first, second, place, family, replace(found, unit=unit))
            for place, found in zip(own, compare(contrasts), strict=True)
        ]
    return judged


def _unordered(first: Arm, second: Arm) -> frozenset[str]:
    return frozenset((key(first), key(second)))


def pairs_of(judged: Iterable[Judged]) -> list[Pair]:
    """The pairs of arms in order of appearance, each once."""
    return list({(id(j.first), id(j.second)): (j.first, j.second) for j in judged}.values())


def families(judged: Sequence[Judged]) -> dict[Family, int]:
    """How many comparisons share the error rate of each family that occurs."""
    return {
        one.family: one.comparison.n_comparisons
        for one in judged
        if one.comparison.interval is not None and one.comparison.sequential is None
    }
