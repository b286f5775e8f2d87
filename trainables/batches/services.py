"""Which training sets can fill which batches, and with what probability each of them does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainables.batches.draft import Draft
from trainables.batches.pools import Indices, Members, Pool, Usage
from trainables.batches.streams import Purpose, Stream
from trainables.corpora.pairs import TrainingData


@dataclass(frozen=True, eq=False)
class Server:
    """A set with a usage (monolingual in one language, or cross-lingual) and how much of a batch it can fill."""

    set_index: int
    pool: Pool
    witness: Members
    """Members that share no group and no text, found once by filling a batch from the pool: if they are enough for one,
    they prove that it can be filled, and they are the last resort where a later draw gets stuck.
    """


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
            draft = Draft(batch_size, data.group_of_item)
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

    A set whose turn it is serves with probability `keeps_turn`, otherwise a stand-in is drawn. This is the maximal
    coupling of the turns with the wanted shares: the sets serve exactly in proportion to `shares`, and as often as
    possible when it is their turn.
    """

    servers: tuple[Server | None, ...]
    """[S], None for a set that cannot fill a batch."""
    shares: npt.NDArray[np.float64]
    """[S], probability that a set serves."""
    keeps_turn: tuple[float, ...]
    """[S]"""
    stand_in_bounds: tuple[float, ...]
    """[S], cumulative probabilities of the stand-in; its last one is infinite."""

    def server(self, number: int) -> Server:
        """The server of a set that was drawn. Raises ValueError for a set that cannot fill a batch: it is never
        drawn.
        """
        server = self.servers[number]
        if server is None:
            raise ValueError(f"set number {number} cannot fill a batch")
        return server

    @property
    def size(self) -> int:
        """The number of items that can serve."""
        return sum(len(server.pool) for server in self.servers if server is not None)


def service(
    servers: Sequence[Server], batch_size: int, turns: npt.NDArray[np.float64], weights: Sequence[float] | None
) -> Service | None:
    """The service of one usage by the S sets in use, whose turns have the probabilities `turns` [S]; None if no set
    can fill a batch.

    The shares are in proportion to the eligible items, or to `weights` [S].
    """
    able = tuple(server if len(server.witness) >= batch_size else None for server in servers)
    if not any(able):
        return None
    wanted = [len(server.pool) for server in servers] if weights is None else weights
    shares = proportions([0 if server is None else size for server, size in zip(able, wanted, strict=True)])
    lacking = np.maximum(shares - turns, 0)
    # With nothing lacking every set keeps its turn; then no stand-in is ever drawn and the shares will do.
    bounds = np.cumsum(proportions(lacking if lacking.any() else shares))
    bounds[int(np.flatnonzero(lacking if lacking.any() else shares)[-1]) :] = np.inf
    return Service(able, shares, tuple(np.minimum(shares / turns, 1).tolist()), tuple(bounds.tolist()))


def proportions(sizes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The sizes divided by their sum."""
    array = np.asarray(sizes, dtype=np.float64)
    shares: npt.NDArray[np.float64] = array / array.sum()
    return shares
