"""What the workers of a group are told. It imports nothing else, since its process would, too."""

import asyncio
from typing import Any

IDLE_SECONDS = 5.0
"""How long workers hold their cores for another trial. Tune takes a fraction of a second to start it; a trial that
needs other workers waits for no longer than this."""


class Mailbox:
    """Where the workers of a group find their work. An actor: the workers may be on other machines."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._work: Any = None
        self._given = 0
        self._begun = 0
        """How many workers have begun what was given last."""
        self._finished = 0
        """How many have done it."""
        self._closed = False
        self._changed = asyncio.Condition()

    async def run(self, work: Any) -> bool:
        """Gives the work to all workers and returns when they have done it; False if there are none any more."""
        async with self._changed:
            if self._closed:
                return False
            self._work, self._given, self._begun, self._finished = work, self._given + 1, 0, 0
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._finished == self._workers)
            self._work = None
        self._closing = asyncio.create_task(self._close_if_idle(self._given))
        return True

    async def next(self, done: int) -> Any:
        """The next work of a worker that has done so many; None if there is no more."""
        async with self._changed:
            if done == self._given:
                self._finished += 1
                self._changed.notify_all()
            await self._changed.wait_for(lambda: self._given > done or self._closed)
            return self._work if self._given > done else None

    async def begin(self) -> None:
        """Said by a worker that has its work: one that died while it waited never says it."""
        self._begun += 1

    async def all_have_begun(self) -> bool:
        """Whether all workers have what was given last."""
        return self._begun == self._workers

    async def close(self) -> None:
        """Sends the workers home."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def _close_if_idle(self, given: int) -> None:
        await asyncio.sleep(IDLE_SECONDS)
        if self._given == given:
            await self.close()
