"""An arm of a comparison with its runs, and the cell of the factors that it belongs to."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from analysis.facts.runs import Cell, Run
from study.records import ArmRecord


def cell_key(cell: Cell) -> tuple[tuple[str, str], ...]:
    """A cell that can be compared and looked up; the order of its factors does not matter."""
    return tuple(sorted(cell.items()))


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm of the confirm phase in one cell, with its finished runs by seed.

    `label` tells it from all others, `title` from all others in its cell. `study` is the label of the study that
    defines it. Arms of one `group` may meet: its cell and, unless the studies were put together, its study.
    `runs` are those of the seeds that all arms of the group finished, so that every number of a page rests on the same
    seeds; `left_out` are seeds that this arm finished and others did not, `diverged` those whose training was lost. An
    arm that finished no more than half of the seeds of the others is not `compared`: it keeps its own seeds.
    Where a study gave the trainings of its main comparison seeds of their own, `added` are runs on which that
    comparison rests and nothing else does, and `asked` all seeds on which it rests: those that both its arms finished.
    `repeated` are the seeds that the only run of an untrained encoder stands for: nothing in it depends on a seed.
    Where the search was repeated, `choices` are what each of the `searches` chose, and seed s belongs to search s mod
    `searches`: a search with its seeds is one unit, as a seed is in a study that searched once. `record` is the first
    of the choices; arms with parts have none.
    An arm with `parts` stands for the arms of one name in several cells; its values are the means over these.
    """

    label: str
    title: str
    name: str
    cell: Cell
    study: str
    group: tuple[str, str]
    record: ArmRecord
    runs: tuple[Run, ...] = ()
    left_out: tuple[int, ...] = ()
    added: tuple[Run, ...] = ()
    asked: tuple[int, ...] = ()
    diverged: tuple[int, ...] = ()
    compared: bool = True
    repeated: tuple[int, ...] = ()
    parts: tuple["Arm", ...] = ()
    choices: tuple[ArmRecord, ...] = ()
    searches: int = 1

    @property
    def role(self) -> str:
        """`strategy`, `static`, `dynamic`, `control` or `fixed`."""
        return self.record.role

    @property
    def model(self) -> str:
        """Name of the encoder."""
        return self.runs[0].model if self.runs else ""

    @property
    def of_cells(self) -> tuple["Arm", ...]:
        """The arms of single cells that it stands for: its parts, or itself."""
        return self.parts or (self,)

    @property
    def is_front(self) -> bool:
        """Whether it is a trial of the Pareto front of several objectives, and nothing else."""
        return re.fullmatch(r"front \d+", self.name) is not None

    @property
    def identity(self) -> tuple[str, ...]:
        """What two arms share if they are the same runs."""
        if self.parts:
            return tuple(name for part in self.parts for name in part.identity)
        return *self.group, *(chosen.same_as or self.name for chosen in self.choices)

    @property
    def same_as(self) -> str | None:
        """Another arm with the same training, in every search."""
        found = {chosen.same_as for chosen in self.choices}
        return found.pop() if len(found) == 1 else None

    @property
    def constant_ratio(self) -> float | None:
        """The ratio, where it never changes and is the same in every search."""
        found = {chosen.constant_ratio for chosen in self.choices}
        return found.pop() if len(found) == 1 else None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that finished, in all parts if it has some."""
        if self.parts:
            return tuple(sorted(set.intersection(*(set(part.seeds) for part in self.parts))))
        return self.repeated or tuple(run.seed for run in self.runs)

    @property
    def attempted(self) -> int:
        """How many seeds were trained to an end, lost ones and those left out of the numbers included."""
        return len(self.diverged) + len(self.seeds) + len(self.left_out) + len(self.added)

    @property
    def whole(self) -> "Arm":
        """The arm with the seeds that its comparison with the other arm of the question rests on."""
        if self.parts:
            has_own = any(part.asked for part in self.parts)
            return replace(self, parts=tuple(part.whole for part in self.parts)) if has_own else self
        if not self.asked:
            return self
        runs = sorted((*self.runs, *self.added), key=lambda run: run.seed)
        asked = tuple(run for run in runs if run.seed in self.asked)
        return replace(self, runs=asked, added=(), asked=(), compared=True)

    def search_of(self, seed: int) -> int:
        """The search that a seed belongs to."""
        return seed % self.searches

    def label_in(self, search: int) -> str:
        """Its label as one search chose it; the label where there was only one."""
        return f"{self.label}, search {search + 1}" if self.searches > 1 else self.label

    def values(self, metric: str) -> dict[int, float]:
        """The values of a summary metric of which each is a sample: by seed or, where the search was repeated, the mean
        over the seeds by search; without those that lack it.
        """
        if self.parts:
            held = [part.values(metric) for part in self.parts]
            common = sorted(set.intersection(*map(set, held)))
            return {seed: math.fsum(one[seed] for one in held) / len(held) for seed in common}
        by_seed = self.by_seed(metric)
        if self.searches == 1:
            return by_seed
        return {
            search: math.fsum(found) / len(found)
            for search in range(self.searches)
            if (found := [value for seed, value in by_seed.items() if self.search_of(seed) == search])
        }

    def by_seed(self, metric: str) -> dict[int, float]:
        """The value of a summary metric of an arm without parts by seed, without seeds that lack it."""
        if self.repeated:
            value = self.runs[0].metrics.get(metric)
            return {} if value is None else dict.fromkeys(self.repeated, value)
        return {run.seed: value for run in self.runs if (value := run.metrics.get(metric)) is not None}

    def costs(self, name: str) -> list[float]:
        """A number of the cost over the seeds, without seeds that lack it."""
        return [value for run in self.runs if (value := run.cost(name)) is not None]


def without_repeats(arms: Sequence[Arm]) -> list[Arm]:
    """The arms without those that repeat another one's training; the first name counts."""
    found: dict[tuple[str, ...], Arm] = {}
    for arm in arms:
        found.setdefault(arm.identity, arm)
    return list(found.values())


def on_shared_seeds(
    arms: Sequence[Arm], question: Collection[str] = (), longer: Collection[tuple[str, str]] = ()
) -> list[Arm]:
    """The arms with the runs of the seeds that all compared arms of their group finished.

    The seeds in question are those that at least half of the group's arms finished; an arm with no more than half of
    them would leave too few for the others: it keeps its own seeds and is not compared.

    Args:
        arms: with all their runs, those apart of seeds that were given to the main comparison alone.
        question: the names of the arms of the main comparison.
        longer: the groups in which it rests on all seeds that both its arms finished, whatever others did.
    """
    found = []
    for arm in arms:
        rivals = [other for other in arms if other.group == arm.group and not other.record.is_untrained]
        finished = [{run.seed for run in other.runs} for other in rivals]
        usual = {
            seed for seeds in finished for seed in seeds if 2 * sum(seed in one for one in finished) >= len(rivals)
        }
        enough = [seeds & usual for seeds in finished if 2 * len(seeds & usual) > len(usual)]
        shared = set.intersection(*enough) if enough else set()
        own = {run.seed for run in arm.runs}
        if arm.record.is_untrained:
            found.append(replace(arm, repeated=tuple(sorted(shared)) or tuple(sorted(own))))
            continue
        compared = bool(shared) and 2 * len(own & usual) > len(usual)
        kept = shared if compared else {run.seed for run in (*arm.runs, *arm.added)}
        pair = [other for other in rivals if other.name in question] if arm.group in longer else []
        asked = _both_finished(pair) if arm.identity in {other.identity for other in pair} else None
        found.append(_on_seeds(arm, kept, asked, compared))
    return found


def _both_finished(pair: Sequence[Arm]) -> set[int]:
    """The seeds that both arms of the question finished; none where one is missing."""
    finished = [{run.seed for run in (*arm.runs, *arm.added)} for arm in pair]
    return set.intersection(*finished) if len(pair) == 2 else set()


def _on_seeds(arm: Arm, kept: Collection[int], asked: Collection[int] | None, compared: bool) -> Arm:
    """An arm with the runs of the seeds `kept`; `asked`: those of the question, None for an arm that is not in it."""
    rest = [run for run in (*arm.runs, *arm.added) if run.seed not in kept]
    given = {run.seed for run in arm.added} if asked is None else asked
    added = sorted((run for run in rest if run.seed in given), key=lambda run: run.seed)
    is_longer = asked is not None and (bool(added) or not compared)
    return replace(
        arm,
        runs=tuple(sorted((run for run in (*arm.runs, *arm.added) if run.seed in kept), key=lambda run: run.seed)),
        left_out=tuple(sorted(run.seed for run in rest if run.seed not in given)),
        added=tuple(added),
        asked=tuple(sorted(asked or ())) if is_longer else (),
        compared=compared,
    )
