"""Which measurements of efficiency a study makes, in which order: rounds, in each of which every encoder has its turn.

>>> from trainables.config import TrialConfig
>>> config = TrialConfig.model_validate({
...     "encoder": "mini-xs", "ratio": "constant(1)", "steps": 1, "batches": {"size": 8},
...     "optimiser": {"learning_rate": 0.001},
... })
>>> trials = [TrialRecord(id=f"confirm-{arm}-0", phase="confirm", arm=arm, config=config) for arm in ("a", "b")]
>>> jobs = measurement_jobs(trials, ["confirm-a-0"], EfficiencyConfig())
>>> len(jobs), sorted(job.id for job in jobs if job.order == 0)
(9, ['confirm-a-0-0', 'confirm-a-0-0-copy', 'confirm-b-0-0'])
"""

from collections.abc import Collection, Iterable

import numpy as np
from pydantic import ValidationError

from search_spaces.space import Space
from study.settings import StudySettings
from trainables.errors import UserError, rule_in, unknown_name
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.measurement import Job
from trainables.records import TrialRecord


def measurement_jobs(trials: Iterable[TrialRecord], baseline: Collection[str], config: EfficiencyConfig) -> list[Job]:
    """Returns all measurements: one round per order of insertion, its encoders in an order drawn at random.

    In every round the encoders of the baseline have a second turn under another name: how far one encoder is from
    itself is the noise that differences between arms must exceed.

    Args:
        trials: the complete ones of the confirm phase.
        baseline: the ids of those of the arm that others are compared with, under whatever name it was trained.
        config: how many rounds.
    """
    turns = [(trial, is_copy) for trial in trials for is_copy in ((False, True) if trial.id in baseline else (False,))]
    return [
        Job(
            id=f"{turns[turn][0].id}-{order}{'-copy' if turns[turn][1] else ''}",
            trial=turns[turn][0],
            order=order,
            is_copy=turns[turn][1],
            place=place,
        )
        for order in range(config.orders)
        for place, turn in enumerate(np.random.Generator(np.random.Philox(order)).permutation(len(turns)).tolist())
    ]


def asked_efficiency(space: Space, settings: StudySettings) -> EfficiencyConfig | None:
    """Returns how a study measures efficiency: as its space does, but for what the user set; None if it does not.

    Raises UserError for an option that there is not, a value that is none, and a space that measures nothing.
    """
    asked = dict(settings.efficiency)
    if space.efficiency is None:
        if asked:
            raise UserError(
                f"--efficiency {next(iter(asked))}: the space {space.name} measures no efficiency; leave it out, or "
                "choose another --space (see --list)."
            )
        return None
    fields = EfficiencyConfig.model_fields
    for name, value in asked.items():
        if name not in fields:
            raise UserError(f"--efficiency {name}: {unknown_name('option of the measure phase', name, fields)}")
        if isinstance(value, str) and isinstance(fields[name].default, tuple):
            asked[name] = tuple(part.strip() for part in value.split(","))
    try:
        return EfficiencyConfig.model_validate({**space.efficiency.model_dump(), **asked})
    except ValidationError as error:
        problem = error.errors()[0]
        place = str(problem["loc"][0]) if problem["loc"] else ", ".join(asked)
        rule = rule_in(problem)
        raise UserError(f"--efficiency {place}: {rule[0].lower()}{rule[1:]}.") from error
