"""How many seeds a study needs to find a difference, from the variances of earlier ones: *Detectable*, inverted.

>>> rng = np.random.default_rng(0)
>>> panel = Panel(("new", "old"), tuple(range(5)), tuple(map(str, range(80))), rng.normal(0.5, 0.1, (2, 5, 80)))
>>> known = pooled([panel])
>>> seeds_to_find(0.02, known, 0.05), seeds_to_find(0.04, known, 0.05)
(6, 3)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.comparison import LEVEL
from analysis.statistics.errors import StatisticsError
from analysis.statistics.panel import Panel
from analysis.statistics.power import FEWEST_SEEDS, fewest_seeds, smallest_detectable
from analysis.statistics.questions import Values
from analysis.statistics.spread import Spread


@dataclass(frozen=True, eq=False)
class Known:
    """What is known about the variances of the difference of two arms.

    seeds: mean square between the seeds of each arm, with `seed_freedom` degrees of freedom: [2].
    rest: of what seed and question together do, sum over both arms; question: between questions, beyond that.
    """

    seeds: Values
    seed_freedom: float
    rest: float
    question: float
    n_questions: int

    def spread(self, n_seeds: int, freedom: float, *, is_alone: bool = True) -> Spread:
        """The mean squares of a study of so many seeds, known with so many degrees of freedom between seeds."""
        values = n_seeds * self.n_questions
        return Spread(
            own=self.seeds / values,
            centre=np.zeros(2),
            own_freedom=freedom,
            borrowed=0.0,
            rest=self.rest / values,
            rest_freedom=freedom * (self.n_questions - 1.0),
            questions=(self.question + self.rest / n_seeds) / self.n_questions,
            question_freedom=self.n_questions - 1.0,
            is_alone=is_alone,
        )


def pooled(panels: Sequence[Panel]) -> Known:
    """Pools the variances of the same two arms on the same questions over studies that share no training.

    Mean squares are averaged with their degrees of freedom between seeds, S - 1, as weights, so that these add up. The
    questions are the same in all studies: more studies do not make more of them.

    Raises:
        StatisticsError: no panel, other questions, or fewer than two degrees of freedom (one study of three seeds).
    """
    freedom = np.array([len(panel.seeds) - 1.0 for panel in panels])
    if freedom.sum() < FEWEST_SEEDS - 1:
        raise StatisticsError(f"Variances need {FEWEST_SEEDS} seeds of two arms: run more of them.")
    if len({panel.questions for panel in panels}) > 1:
        raise StatisticsError("Variances of different questions cannot be pooled: use studies of one benchmark.")
    difference = np.array([1.0, -1.0])
    # An unmoderated pair: fewer than four arms lend each other nothing.
    rests = np.array([panel.rest_squares.sum() for panel in panels])
    squares = np.array([float((difference @ panel.question_means).var(ddof=1)) for panel in panels])
    counts = freedom + 1
    return Known(
        seeds=np.average([panel.own_seed_squares for panel in panels], axis=0, weights=freedom),
        seed_freedom=float(freedom.sum()),
        rest=float(np.average(rests, weights=freedom)),
        question=max(float(np.average(squares - rests / counts, weights=freedom)), 0.0),
        n_questions=len(panels[0].questions),
    )


def detectable_with(seeds: int, known: Known, level: float = LEVEL) -> float:
    """Returns the true difference that a study of so many seeds finds with chance .8 (`power.smallest_detectable`)."""
    is_alone = level >= LEVEL
    found = smallest_detectable(
        known.spread(seeds, known.seed_freedom, is_alone=is_alone),
        int(known.seed_freedom) + 1,
        level,
        following=known.spread(seeds, seeds - 1.0, is_alone=is_alone),
    )
    if found is None:
        raise StatisticsError(f"Variances need {FEWEST_SEEDS} seeds of two arms: run more of them.")
    return found[0]


def seeds_to_find(difference: float, known: Known, level: float = LEVEL, most: int = 1_000) -> int | None:
    """Returns the fewest seeds, three at least, with which a true `difference` is found with chance .8.

    None if `most` seeds would not: then the questions are too few, and no seed makes more of them.
    """
    return fewest_seeds(lambda seeds: detectable_with(seeds, known, level) <= difference, FEWEST_SEEDS, most)
