"""Whether trials that have not ended have room on the nodes that are left, where nodes may be lost."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from study.cluster.cells import CellResources
from study.cluster.resources import no_room

_LOOK_SECONDS = 60.0


class Room:
    """Says once when the last node that had room for a trial is gone, and once when there is one again.

    Ray itself waits for another node, as long as it takes.
    """

    def __init__(
        self,
        resources: CellResources,
        nodes: Callable[[], Sequence[Mapping[str, float]]],
        say: Callable[[str], None],
        every: float = _LOOK_SECONDS,
    ) -> None:
        """Begins with the belief that there is room.

        Args:
            resources: what trials hold.
            nodes: the resources of the nodes that are alive.
            say: told what has changed.
            every: seconds between two looks.
        """
        self._resources, self._nodes, self._say, self._every = resources, nodes, say, every
        self._looked = time.monotonic()
        self._lacks = False

    def look(self, cells: Iterable[Mapping[str, str]]) -> None:
        """Looks, if the last look is long enough ago, for trials of these cells that wait or run.

        One that runs has room. So it is said of trials that wait alone, and it does not matter which are which.
        """
        if time.monotonic() - self._looked < self._every:
            return
        self._looked = time.monotonic()
        nodes = self._nodes()
        lacking = next((lack for cell in cells if (lack := no_room(self._resources.of(cell), nodes))), None)
        if lacking is not None and not self._lacks:
            self._say(
                f"{lacking}: trials wait for a node with room; add one, or stop the study and --resume it on a cluster "
                "that has room."
            )
        if lacking is None and self._lacks:
            self._say("There is room for all trials again; the study goes on.")
        self._lacks = lacking is not None
