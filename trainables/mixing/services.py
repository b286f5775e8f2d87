"""Which training sets can fill which batches, and with what probability each of them does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.corpora.pairs import TrainingData
from trainables.mixing.draft import Draft
from trainables.mixing.pools import Indices, Members, Pool, Usage
from trainables.mixing.streams import Purpose, Stream

# A search for members that share nothing ends once there are enough for so many batches.
_WITNESS_BATCHES = 4


@dataclass(frozen=True, eq=False)
class Server:
    """A set with a usage (monolingual in one language, or cross-lingual) and how much of a batch it can fill."""

    set_index: int
    pool: Pool
    witness: Members
    """Members that share no group and no text: with one batch of them, proof that a batch can be filled, and the last resort."""


def servers_of(data: TrainingData, usages: Sequence[Usage], batch_size: int, stream: Stream) -> list[list[Server]]:
    """Every set in every usage: [S][U]."""
    bounds = np.searchsorted(data.set_of_item, np.arange(len(data.set_names) + 1))
    table = []
    for set_index in range(len(data.set_names)):
        first, last = bounds[set_index], bounds[set_index + 1]
        by_group = (first + np.argsort(data.group_of_item[first:last], kind="stable")).astype(np.int32)
        row = []
        for number, usage in enumerate(usages):
            pool = Pool(_only(by_group, usage.eligible(by_group)), usage, data.group_of_item)
            draft = Draft(_WITNESS_BATCHES * batch_size, data.group_of_item)
            if len(pool):
                draft.fill(pool, stream.at(Purpose.WITNESS, set_index, number))
            row.append(Server(set_index, pool, draft.members()))
        table.append(row)
    return table


def _only(items: Indices, eligible: npt.NDArray[np.bool_]) -> Indices:
    # Fully parallel data has one and the same pool for all languages: keep one array then.
    return items if eligible.all() else items[eligible]


@dataclass(frozen=True, eq=False)
class Service:
    """How the batches of one usage are served by the S sets that are in use.

    A set whose turn it is serves with probability `keeps_turn`, otherwise a stand-in is drawn. This is the maximal coupling of the turns
    with the wanted shares: the sets serve exactly in proportion to `shares`, and as often as possible when it is their turn.
    """

    servers: tuple[Server | None, ...]
    """[S], None for a set that cannot fill a batch."""
    shares: npt.NDArray[np.float64]
    """[S], probability that a set serves."""
    keeps_turn: tuple[float, ...]
    """[S]"""
    stand_in_bounds: tuple[float, ...]
    """[S], cumulative probabilities of the stand-in; its last one is infinite."""

    @property
    def size(self) -> int:
        """The number of items that can serve."""
        return sum(len(server.pool) for server in self.servers if server is not None)


def service(
    servers: Sequence[Server], batch_size: int, turns: npt.NDArray[np.float64], weights: Mapping[int, float] | None
) -> Service | None:
    """The service of one usage by the sets in use, whose turns have the probabilities `turns` [S]; None if no set can fill a batch.

    The shares are in proportion to the eligible items, or to `weights` by set index.
    """
    able = tuple(server if len(server.witness) >= batch_size else None for server in servers)
    sizes = [0 if s is None else len(s.pool) if weights is None else weights[s.set_index] for s in able]
    if not any(sizes):
        return None
    shares = np.array(sizes, dtype=np.float64) / np.sum(sizes, dtype=np.float64)
    lacking = np.maximum(shares - turns, 0)
    keeps_turn = np.minimum(shares / turns, 1)
    last = int(np.flatnonzero(shares)[-1]) if not lacking.any() else int(np.flatnonzero(lacking)[-1])
    bounds = np.cumsum(lacking) / lacking.sum() if lacking.any() else np.zeros(len(able))
    bounds[last:] = np.inf
    return Service(able, shares, tuple(keeps_turn.tolist()), tuple(bounds.tolist()))
