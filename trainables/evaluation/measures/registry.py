"""The registry of measures, and how a name such as `recall@10` becomes one."""

import re
from collections.abc import Iterable

from trainables.errors import UserError, unknown_name
from trainables.evaluation.measures.complete import Complete
from trainables.evaluation.measures.diagonal_gap import DiagonalGap
from trainables.evaluation.measures.english_share import EnglishShare
from trainables.evaluation.measures.first_hit import FirstRightOther, FirstRightOwn, FirstWrongOther, FirstWrongOwn
from trainables.evaluation.measures.map import AveragePrecision
from trainables.evaluation.measures.measure import Measure
from trainables.evaluation.measures.mrr import ReciprocalRank
from trainables.evaluation.measures.ndcg import Ndcg
from trainables.evaluation.measures.rank_distance import RankDistance
from trainables.evaluation.measures.rank_distance_log import RankDistanceLog
from trainables.evaluation.measures.rank_distance_median import RankDistanceMedian
from trainables.evaluation.measures.recall import Recall
from trainables.evaluation.measures.relevant_language_map import RelevantLanguageMap
from trainables.evaluation.measures.same_language_pool_share import SameLanguagePoolShare
from trainables.evaluation.measures.same_language_share import SameLanguageShare
from trainables.evaluation.measures.success import Success
from trainables.evaluation.measures.ties import Ties
from trainables.registry import Registry


def _name(measure: type[Measure]) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]*", measure.name):
        raise UserError(f"A measure cannot be called {measure.name!r}: give it small letters, digits and _.")
    return measure.name


MEASURES: Registry[type[Measure]] = Registry(
    "measure",
    _name,
    [
        AveragePrecision,
        Recall,
        Ndcg,
        ReciprocalRank,
        Success,
        Complete,
        RankDistance,
        RankDistanceMedian,
        RankDistanceLog,
        RelevantLanguageMap,
        DiagonalGap,
        SameLanguageShare,
        SameLanguagePoolShare,
        EnglishShare,
        FirstRightOwn,
        FirstRightOther,
        FirstWrongOwn,
        FirstWrongOther,
        Ties,
    ],
)
"""Every measure, in the order of records and tables."""


def find_measure(text: str) -> Measure:
    """Returns the measure that a name with its cut-off stands for.

    >>> find_measure("recall@10")
    Recall(cutoff=10)

    Raises:
        UserError: there is no such measure, or its cut-off is wrong.
    """
    if "," in text:
        each = " ".join(f"--measure {name.strip()}" for name in text.split(",") if name.strip())
        raise UserError(f"Unknown measure {text!r}: give each of several by itself, as in {each}.")
    name, at, cutoff = text.partition("@")
    if name not in MEASURES:
        raise unknown_name("measure", text, (example(measure) for measure in MEASURES.values()))
    if at and not re.fullmatch("[1-9][0-9]*", cutoff):
        raise UserError(f"Unknown measure {text!r}: a cut-off is a whole number from 1 on, as in {name}@10.")
    return MEASURES[name](int(cutoff) if at else None)


def example(measure: type[Measure]) -> str:
    """A name of the measure as it is asked for, with a cut-off if it needs one: `ndcg@10`."""
    return measure.default[0] if measure.default else measure.name + "@10" * (measure.cutoffs == "required")


def chosen_measures(names: Iterable[str] = ()) -> tuple[Measure, ...]:
    """Returns the default measures and the named ones, each once. Raises UserError for a name that is none."""
    default = [name for measure in MEASURES.values() for name in measure.default]
    return tuple(dict.fromkeys(find_measure(name) for name in (*default, *names)))
