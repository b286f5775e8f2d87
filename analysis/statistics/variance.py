"""Mean squares: of seeds and questions, crossed; of groups of seeds, nested."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.errors import StatisticsError
from analysis.statistics.questions import Values

# Sums of many float64 numbers carry this much relative error; a spread below it is no spread.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class TwoWay:
    """Crossed random effects `y[s, q] = mean + seed[s] + question[q] + rest[s, q]`, estimated by mean squares.

    Mean squares: `seed_square` (S - 1 degrees of freedom), `question_square` (Q - 1), `rest_square` ((S - 1)(Q - 1)).
    Searle, Casella and McCulloch (1992), section 4.
    """

    estimate: float
    seed_square: float
    question_square: float
    rest_square: float
    n_seeds: int
    n_questions: int

    @property
    def standard_error(self) -> float:
        """Standard error of the mean for new seeds and new questions: sqrt((MS_S - MS_R)+ + MS_Q) / sqrt(S Q)."""
        square = max(self.seed_square - self.rest_square, 0.0) + self.question_square
        return float(np.sqrt(square / (self.n_seeds * self.n_questions)))

    @property
    def statistic(self) -> float:
        """The estimate in standard errors; infinite where a difference has no spread at all, 0 where it is 0."""
        if self.estimate == 0:
            return 0.0
        return (
            self.estimate / self.standard_error
            if self.standard_error > 0
            else float(np.copysign(np.inf, self.estimate))
        )


def two_way(values: Values) -> TwoWay:
    """Decomposes values [seeds, questions].

    Raises:
        StatisticsError: there are fewer than two seeds or questions.
    """
    seeds, questions = values.shape
    if seeds < 2 or questions < 2:
        raise StatisticsError(f"Two seeds and two questions are needed, not {seeds} and {questions}.")
    mean = values.mean()
    by_seed, by_question = values.mean(axis=1), values.mean(axis=0)
    rest = values - by_seed[:, None] - by_question + mean
    negligible = (_ROUNDING * float(np.abs(values).max(initial=0.0))) ** 2
    squares = (
        questions * float(by_seed.var(ddof=1)),
        seeds * float(by_question.var(ddof=1)),
        float((rest**2).sum()) / ((seeds - 1) * (questions - 1)),
    )
    seed_square, question_square, rest_square = (s if s > negligible * seeds * questions else 0.0 for s in squares)
    return TwoWay(float(mean), seed_square, question_square, rest_square, seeds, questions)


def between_groups(values: Values, groups: Sequence[int]) -> float | None:
    """Returns the variance between groups of values [n], beyond what the values of a group differ by; at least 0.

    Nested random effects, `y[g, i] = mean + group[g] + own[g, i]`: the difference of the mean squares between and
    within groups, over the size of a group (Searle, Casella and McCulloch 1992, section 3.6). None where it cannot be
    told: there is a single group, or no group has two values.
    """
    of = [values[[one == group for one in groups]] for group in dict.fromkeys(groups)]
    sizes = np.array([len(group) for group in of])
    number, total = len(of), len(values)
    if number < 2 or total == number:
        return None
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in of) / (total - number)
    means = np.array([group.mean() for group in of])
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (number - 1)
    size = (total - float((sizes**2).sum()) / total) / (number - 1)
    return max(0.0, (between - within) / size)
