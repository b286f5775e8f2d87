"""Systems with what their runs reached on every query."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.runs.evaluator import Evaluator
from analysis.runs.judgements import Judgements
from analysis.runs.run_files import Run, read_run
from analysis.runs.systems import System, check_names, one_name
from analysis.statistics.questions import Values


@dataclass(frozen=True, eq=False)
class Measured:
    """What a system reached: values [measures, runs, queries]."""

    name: str
    values: Values

    @property
    def runs(self) -> int:
        """How many runs it has."""
        return int(self.values.shape[1])


def measure_systems(
    systems: Sequence[System],
    judgements: Judgements,
    evaluator: Evaluator,
    part: str | None = None,
    *,
    ignore_identical_ids: bool = False,
) -> tuple[list[Measured], list[str]]:
    """Reads and measures every run, one after the other.

    Args:
        systems: whose runs are read.
        judgements: the queries that count.
        evaluator: measures a run.
        part: `SUBSET/SPLIT` of files with several.
        ignore_identical_ids: whether a document with the id of its query is left out.

    Returns:
        What was reached, and in sentences what a reader should know.

    Raises:
        UserError: a file breaks a rule, or two systems have one name.
    """
    queries = frozenset(judgements.queries)
    found, problems = [], []
    for system in systems:
        name, values = system.name, []
        for path in system.paths:
            run = read_run(path, queries, part)
            identical = [query for query, scores in run.scores.items() if query in scores]
            for query in identical if ignore_identical_ids else ():
                del run.scores[query][query]
            name = name or one_name(run.system)
            values.append(evaluator.values(run.scores))
            problems += _problems(path, len(queries), run, 0 if ignore_identical_ids else len(identical))
        found.append(Measured(name or system.fallback, np.stack(values, axis=1)))
        if len({run.tobytes() for run in values}) < len(values):
            problems.append(f"{found[-1].name}: two runs have the same values, and a copy is no second training.")
    check_names([one.name for one in found])
    if empty := judgements.without_relevant:
        problems.append(f"{empty} of {len(queries)} queries have no relevant document: they count 0 for every system.")
    return found, problems


def _problems(path: Path, queries: int, run: Run, identical: int) -> list[str]:
    name, found = one_name(path.name), []
    if lacking := queries - len(run.scores):
        found.append(f"{name} lacks {lacking} of {queries} judged queries: they count 0.")
    if run.strangers:
        found.append(f"{name} answers {run.strangers} without judgements: they are left out.")
    if identical:
        found.append(
            f"{name} finds for {identical} of its queries a document with the same id. Where the benchmark leaves such "
            "documents out, so does --ignore-identical-ids."
        )
    return found
