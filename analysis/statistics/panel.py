"""Several arms at one place: the same questions, the same seeds. Every number of a page about them comes from here.

>>> values = np.random.default_rng(0).normal(0.5, 0.1, (3, 40, 1))  # seeds x questions x one language
>>> of = lambda gain: QuestionTable.from_cells(range(3), [str(q) for q in range(40)], ["en"], values + gain)
>>> panel = Panel.of({"old": of(0.0), "new": of(0.02)})
>>> round(panel.difference("new", "old").value, 3)
0.02
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.statistics.errors import StatisticsError
from analysis.statistics.estimate import Estimate
from analysis.statistics.moderation import Moderated, moderated
from analysis.statistics.questions import QuestionTable, Values
from analysis.statistics.spread import Spread

# Sums of many float64 numbers carry this much relative error; a spread below it is no spread.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Components:
    """Where the variance of an estimate comes from: seed / S + question / Q + rest / (S Q).

    seed: variance between seeds, beyond what the questions at hand explain; question: between questions; rest: of what
    seed and question together do. Crossed random effects (Searle, Casella and McCulloch 1992, section 4).
    """

    seed: float
    question: float
    rest: float
    n_seeds: int
    n_questions: int

    @property
    def variance(self) -> float:
        """The variance with these seeds and questions."""
        return self.of_seeds(self.n_seeds)

    def of_seeds(self, n_seeds: int) -> float:
        """The variance with so many seeds and the same questions."""
        return self.seed / n_seeds + self.question / self.n_questions + self.rest / (n_seeds * self.n_questions)


@dataclass(frozen=True, eq=False)
class Panel:
    """The values [arms, seeds, questions] of several arms: the mean over the questions is the metric of a seed.

    Arms are compared question by question, because all of them answered the same ones. Seeds are those of every arm,
    but a seed of one arm is taken to be independent of the same seed of another: pairing them would halve the degrees
    of freedom to take out a correlation of about .1 (docs/statistics.md).

    With `seeds_are_given` nothing is said about other seeds: only questions are sampled, and one seed is enough.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    questions: tuple[str, ...]
    values: Values
    seeds_are_given: bool = False

    @classmethod
    def of(cls, tables: Mapping[str, QuestionTable], *, seeds_are_given: bool = False) -> "Panel":
        """Builds the panel of the seeds that all tables have.

        Raises:
            StatisticsError: the arms share no seed, or were judged on different queries.
        """
        first = next(iter(tables.values()))
        for name, table in tables.items():
            if not table.asks_the_same(first):
                raise StatisticsError(
                    f"{name} and {next(iter(tables))} were judged on different queries ({int(table.counts.sum())} and "
                    f"{int(first.counts.sum())}): compare arms of one study, judged on one version of the benchmark."
                )
        common = tuple(sorted(set.intersection(*(set(table.seeds) for table in tables.values()))))
        if not common:
            raise StatisticsError(f"{', '.join(tables)} share no seed: run all of them on the same seeds.")
        values = np.stack([table.of_seeds(common).values for table in tables.values()])
        return cls(tuple(tables), common, first.questions, values, seeds_are_given)

    @property
    def is_sample(self) -> bool:
        """Whether what is sampled is several, seeds and questions, so that its spread is known."""
        return (self.seeds_are_given or len(self.seeds) > 1) and len(self.questions) > 1

    @cached_property
    def means(self) -> Values:
        """The metric of each arm, mean over seeds: [arms]."""
        means: Values = self.seed_means.mean(axis=1)
        return means

    @cached_property
    def seed_means(self) -> Values:
        """The metric of each seed: [arms, seeds]."""
        means: Values = self.values.mean(axis=2)
        return means

    @cached_property
    def question_means(self) -> Values:
        """The value of each question, mean over seeds: [arms, questions]."""
        means: Values = self.values.mean(axis=1)
        return means

    @cached_property
    def rest_squares(self) -> Values:
        """Mean square of what seed and question together do, (S - 1)(Q - 1) degrees of freedom: [arms]."""
        if self.seeds_are_given:
            return np.zeros(len(self.arms))
        seeds, questions = self.values.shape[1:]
        rest = self.values - self.seed_means[:, :, None] - self.question_means[:, None] + self.means[:, None, None]
        squares = np.einsum("asq,asq->a", rest, rest) / ((seeds - 1) * (questions - 1))
        return np.where(squares > self._negligible, squares, 0.0)

    @cached_property
    def own_seed_squares(self) -> Values:
        """Mean square between the seeds of each arm, S - 1 degrees of freedom: [arms]."""
        if self.seeds_are_given:
            return np.zeros(len(self.arms))
        squares = len(self.questions) * self.seed_means.var(axis=1, ddof=1)
        return np.where(squares > self._negligible * len(self.questions), squares, 0.0)

    @cached_property
    def seed_squares(self) -> Moderated:
        """The same, strengthened by what the other arms show."""
        return moderated(self.own_seed_squares, self._seed_freedom)

    @property
    def _seed_freedom(self) -> int:
        """Degrees of freedom of the seeds of an arm; given ones have no spread, and any number will do."""
        return 1 if self.seeds_are_given else len(self.seeds) - 1

    @property
    def _negligible(self) -> float:
        return self.rounding**2

    @cached_property
    def rounding(self) -> float:
        """Differences up to this are rounding, and none."""
        return float(_ROUNDING * np.abs(self.values).max(initial=0.0))

    def mean(self, arm: str) -> Estimate:
        """The mean of an arm for new seeds and new questions. Needs several of both."""
        return self.estimate(self.weights({arm: 1.0}))

    def difference(self, arm: str, baseline: str, *, is_alone: bool = True) -> Estimate:
        """The difference of two arms for new seeds and new questions. Needs several of both."""
        return self.estimate(self.weights({arm: 1.0, baseline: -1.0}), is_alone=is_alone)

    def estimate(self, weights: Values, *, is_alone: bool = True) -> Estimate:
        """The sum of the arms by weights [arms], for new seeds and new questions.

        Its variance is that of the seeds of each arm plus that of the questions, whose weighted sum is one value per
        question.
        """
        found = self.components(weights)
        by_question = weights @ self.question_means
        value = float(weights @ self.means)
        if found.variance == 0:
            return Estimate(value if abs(value) > self.rounding else 0.0, 0.0, float(self._seed_freedom))
        spread = self.spread(weights, is_alone=is_alone)
        degrees = float(spread.degrees(spread.tested(spread.own), spread.questions))
        third = float(((by_question - by_question.mean()) ** 3).mean()) / len(self.questions) ** 2
        return Estimate(value, float(np.sqrt(found.variance)), degrees, third / found.variance**1.5)

    def spread(self, weights: Values, *, is_alone: bool = True) -> Spread:
        """The mean squares behind the variance of the sum of the arms by weights [arms]."""
        seeds, questions = len(self.seeds), len(self.questions)
        involved = weights != 0
        share = weights[involved] ** 2 / (seeds * questions)
        return Spread(
            own=share * self.own_seed_squares[involved],
            centre=share * self.seed_squares.centre,
            own_freedom=float(self._seed_freedom),
            borrowed=self.seed_squares.borrowed,
            rest=float(share @ self.rest_squares[involved]),
            rest_freedom=self._seed_freedom * (questions - 1.0),
            questions=self._question_square(weights) / questions,
            question_freedom=questions - 1.0,
            is_alone=is_alone,
        )

    def components(self, weights: Values) -> Components:
        """Where the variance of the sum of the arms by weights [arms] comes from."""
        seeds, questions = len(self.seeds), len(self.questions)
        rest = float(weights**2 @ self.rest_squares)
        of_seeds = max(float(weights**2 @ self.seed_squares.variances) - rest, 0.0) / questions
        # The questions' mean square holds their share of the rest.
        square = self._question_square(weights)
        rest = min(rest, square * seeds)
        return Components(of_seeds, square - rest / seeds, rest, seeds, questions)

    def _question_square(self, weights: Values) -> float:
        """The variance between questions of the sum of the arms by weights [arms]."""
        square = float((weights @ self.question_means).var(ddof=1))
        return square if square > self._negligible else 0.0

    def weights(self, of: Mapping[str, float]) -> Values:
        """The weight of every arm, zero where none is given: [arms]."""
        found = np.zeros(len(self.arms))
        for arm, weight in of.items():
            found[self.arms.index(arm)] += weight
        return found
