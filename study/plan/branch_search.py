"""The search inside one branch: an Optuna study whose suggestions are a pure function of what came before."""

import hashlib
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from study.plan.objective import Objective
from trainables.errors import UserError
from trainables.parameters import Choice, Integer, Parameter, Real
from trainables.records import Outcome

optuna.logging.set_verbosity(optuna.logging.ERROR)
# Grouped TPE and names of metrics are marked experimental; they are pinned by the constraints and tested here.
warnings.filterwarnings("ignore", category=ExperimentalWarning, module=r"optuna|study\.plan")


_WHY = "why"
"""What Optuna calls the reason of a trial that failed."""

_MOST_DRAWS = 1000
"""Values that are drawn for a trial until some are accepted."""
_DRAWS_OF_SAMPLER = 20
"""How many of them are the sampler's."""


class BranchSearch:
    """Ask and tell for one branch.

    Trial k is sampled by a sampler seeded with (seed, branch, k) from the trials that were told before, so that a
    study that is interrupted and resumed, or run again, suggests the same values. TPE is used as Bergstra et al.
    (2011), multivariate and grouped as in Optuna; with several objectives it is Optuna's multi-objective TPE (Ozaki et
    al., 2022). NSGA-II is that of Deb et al. (2002).
    """

    def __init__(
        self,
        name: str,
        parameters: Mapping[str, Parameter],
        *,
        sampler: Literal["tpe", "random", "nsga2", "grid"],
        seed: int,
        trials: int,
        first: Mapping[str, Any],
        objectives: Sequence[Objective],
        study_name: str = "",
        storage: optuna.storages.BaseStorage | None = None,
    ) -> None:
        """Raises ValueError for a grid of anything but one real parameter.

        Args:
            name: of the branch. Searches of one name and seed draw the same random numbers, so that the levels of a
                factor are searched alike.
            parameters: what is searched.
            sampler: how.
            seed: of all samplers of the study.
            trials: how many.
            first: what is tried first, of parameters that have such a value.
            objectives: the dev metrics that choose.
            study_name: what Optuna calls the search (default: `name`).
            storage: where Optuna keeps it, for people to look at.
        """
        self._name = name
        self._seed = seed
        self._sampler = sampler
        self._objectives = objectives
        self._distributions = {key: _distribution(parameter) for key, parameter in parameters.items()}
        self._grid = _grid(parameters, trials, first) if sampler == "grid" else []
        self.trials = len(self._grid) or (trials if parameters else 1)
        """Trials worth running: a branch with nothing to search needs one."""
        self.searched = tuple(name for name in parameters if sampler != "grid" or name not in first)
        """The parameters that differ between trials."""
        self.learns = sampler in ("tpe", "nsga2")
        """Whether it suggests values by how earlier trials ended."""
        self._study = optuna.create_study(
            study_name=study_name or name, storage=storage, directions=[o.direction for o in objectives]
        )
        self._study.set_metric_names([o.metric for o in objectives])
        self._open: dict[int, optuna.Trial] = {}
        self._first = [dict(first)] if sampler != "grid" and first else []

    def begin_with(self, values: Mapping[str, Any]) -> None:
        """Asks for a trial at these values before all others, as far as they are within the ranges of the search.

        Raises ValueError once a trial was asked.
        """
        if self._study.get_trials(deepcopy=False):
            raise ValueError("the search has begun")
        known = {key: value for key, value in values.items() if key in self._distributions}
        self._first.insert(0, {key: value for key, value in known.items() if self._contains(key, value)})

    def _contains(self, key: str, value: Any) -> bool:
        distribution = self._distributions[key]
        if isinstance(distribution, CategoricalDistribution):
            return value in distribution.choices
        return bool(distribution.low <= value <= distribution.high)

    def ask(self, number: int, accepts: Callable[[Mapping[str, Any]], bool] = lambda values: True) -> dict[str, Any]:
        """Returns the values of trial `number`; numbers are asked in order.

        Values that are not accepted are no trial: others are drawn, after some attempts uniformly, since a sampler may
        come back to what it likes best for ever. Optuna is told that they failed, which no sampler learns from. Raises
        UserError if none is found.
        """
        if number == 0:
            for values in self._first:
                self._study.enqueue_trial(values)
        if self._grid:
            self._study.enqueue_trial(self._grid[number])
        self._study.sampler = self._new_sampler(number)
        for draw in range(_MOST_DRAWS):
            if draw == _DRAWS_OF_SAMPLER:
                self._study.sampler = optuna.samplers.RandomSampler(seed=self._seed_of(number))
            trial = self._study.ask(self._distributions)
            if accepts(trial.params):
                self._open[number] = trial
                return dict(trial.params)
            trial.set_user_attr(_WHY, "never run: these values make no arm of the branch")
            self._study.tell(trial, state=TrialState.FAIL)
        raise UserError(
            f"{self._name}: none of {_MOST_DRAWS} values drawn from what is searched makes such an arm: widen the "
            "ranges of --search, or fix fewer of its options with --set."
        )

    def name(self, number: int, trial_id: str) -> None:
        """Says by which id the records know a trial that was asked, for whoever looks at the search in Optuna."""
        self._open[number].set_user_attr("trial", trial_id)

    def tell(self, number: int, outcome: Outcome) -> None:
        """Tells Optuna the truth: COMPLETE with the value, PRUNED with the last step's value, or FAIL."""
        trial = self._open.pop(number)
        if len(self._objectives) == 1:
            # Optuna takes intermediate values for a single objective only.
            for step, values in sorted(outcome.dev_by_step.items()):
                trial.report(values[self._objectives[0].metric], step)
        if outcome.status in ("failed", "diverged"):
            trial.set_user_attr(_WHY, outcome.error or outcome.status)
        if outcome.status == "complete":
            self._study.tell(trial, [outcome.metrics[objective.on_dev] for objective in self._objectives])
        else:
            self._study.tell(trial, state=TrialState.PRUNED if outcome.status == "pruned" else TrialState.FAIL)

    def _seed_of(self, number: int) -> int:
        digest = hashlib.sha256(f"{self._seed}/{self._name}/{number}".encode()).digest()
        return int.from_bytes(digest[:4], "little")

    def _new_sampler(self, number: int) -> BaseSampler:
        seed = self._seed_of(number)
        if self._sampler == "tpe":
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=4)
        if self._sampler == "nsga2":
            # Generations of about the square root of the trials leave as many generations to improve in.
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=max(4, math.isqrt(self.trials)))
        return optuna.samplers.RandomSampler(seed=seed)


def _distribution(parameter: Parameter) -> BaseDistribution:
    match parameter:
        case Real():
            return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
        case Integer():
            return IntDistribution(parameter.low, parameter.high, log=parameter.log)
        case Choice():
            return CategoricalDistribution(list(parameter.options))


def _grid(parameters: Mapping[str, Parameter], trials: int, first: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Evenly spaced values of the one ratio parameter; the rest, the learning rate too, at its first value, so that
    the curve shows the ratio alone."""
    free = [name for name in parameters if name not in first]
    if not free:
        return [dict(first)]
    name = free[0]
    parameter = parameters[name]
    if len(free) > 1 or not isinstance(parameter, Real):
        raise ValueError(f"a grid needs one real ratio parameter, found {free}")
    span = parameter.high - parameter.low
    return [{**first, name: parameter.low + span * i / max(1, trials - 1)} for i in range(trials)]
