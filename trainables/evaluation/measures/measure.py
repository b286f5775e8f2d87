"""What a measure is: a class that says how it is called and read, and computes values from the ranks of a search.

There are two kinds. A *ranking measure* has a value for every search, a query in a pool; each setting summarises them
alike. A *bias measure* has one for every query in the pool of all languages, or summary values only.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from typing_extensions import override

from trainables.errors import UserError
from trainables.evaluation.arrays import FloatArray
from trainables.evaluation.means import ALL, language_means, mean_over_languages
from trainables.evaluation.measures.record import Direction, MeasureRecord, Unit
from trainables.evaluation.metric_name import SETTINGS, MetricSetting
from trainables.evaluation.rank import UNRANKED
from trainables.evaluation.searches import Retrieval, Searches

Need = Literal["one pool", "all languages"]
"""Ranks in any pool, or in the pool of all languages. Only benchmarks with parallel relevant candidates (some query has
them in several languages) search that."""


@dataclass(frozen=True)
class Measure(ABC):
    """A measure, at its cut-off if it has one. Subclasses are registered in `measures/registry.py`.

    Raises:
        UserError: a cut-off is missing, or given where the measure has none.
    """

    name: ClassVar[str]
    """As in metric names, without cut-off: small letters, digits and _."""
    label: ClassVar[str]
    """As papers write it, without cut-off."""
    description: ClassVar[str]
    """One line: what it is."""
    direction: ClassVar[Direction]
    unit: ClassVar[Unit]
    needs: ClassVar[Need]
    settings: ClassVar[tuple[MetricSetting, ...]]
    per_query: ClassVar[bool]
    """Whether it has a value per query, kept in per_query.parquet."""
    cutoffs: ClassVar[Literal["none", "optional", "required"]] = "none"
    """Whether its name carries a cut-off, as in `recall@10`."""
    default: ClassVar[tuple[str, ...]] = ()
    """The names under which every evaluation computes it; none: only when asked for."""

    references: ClassVar[tuple[str, ...]] = ()
    """Works to cite: BibTeX entries."""

    cutoff: int | None = None

    def __post_init__(self) -> None:
        if self.cutoffs == "required" and self.cutoff is None:
            raise UserError(f"Unknown measure {self.name!r}: it needs a cut-off, as in {self.name}@10.")
        if self.cutoffs == "none" and self.cutoff is not None:
            raise UserError(f"Unknown measure '{self.name}@{self.cutoff}': {self.name} has no cut-off.")

    @property
    def depth(self) -> int:
        """Ranks greater than this do not count: the cut-off, or a number that no known rank exceeds."""
        return UNRANKED - 1 if self.cutoff is None else self.cutoff

    def __str__(self) -> str:
        """The name in metric names: `recall@10`."""
        return self._at_cutoff(self.name)

    def record(self) -> MeasureRecord:
        """What a study records about it."""
        return MeasureRecord(
            name=str(self),
            label=self._at_cutoff(self.label),
            description=self.description,
            direction=self.direction,
            unit=self.unit,
            settings=self.settings,
            per_query=self.per_query,
            references=self.references,
        )

    def _at_cutoff(self, text: str) -> str:
        return text if self.cutoff is None else f"{text}@{self.cutoff}"


class RankingMeasure(Measure):
    """A measure of searches, in every setting: macro and micro means, by language and pair of languages."""

    settings: ClassVar[tuple[MetricSetting, ...]] = (*SETTINGS, "overall")
    per_query = True
    needs: ClassVar[Need] = "one pool"

    @abstractmethod
    def values(self, searches: Searches) -> FloatArray:
        """Returns one value per search, [G]; NaN where it has none, which the means leave out.

        Where there is one must depend on the benchmark alone.
        """


class BiasMeasure(Measure):
    """A measure of what the language of a candidate does to its rank, in the pool of all languages."""

    settings: ClassVar[tuple[MetricSetting, ...]] = ("bias",)
    per_query = False
    needs: ClassVar[Need] = "all languages"

    @abstractmethod
    def summary(self, retrieval: Retrieval) -> Mapping[tuple[str, ...], float]:
        """Returns the summary values by languages.

        `()` is that of all queries, `("de",)` of German queries, `("de", "en")` of those with English relevant
        candidates. Which there are must depend on the benchmark alone.
        """


class QueryBiasMeasure(BiasMeasure):
    """A bias measure with a value per query, summarised by the mean over each language, then over languages."""

    per_query = True

    @abstractmethod
    def values(self, retrieval: Retrieval) -> FloatArray:
        """Returns one value per query, [Q]; NaN where it has none, which the means leave out."""

    @override
    def summary(self, retrieval: Retrieval) -> Mapping[tuple[str, ...], float]:
        by_language = language_means(retrieval.benchmark, self.values(retrieval))
        return {ALL: mean_over_languages(by_language)} if by_language else {}
