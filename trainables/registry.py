"""Named things of one sort, such as ratio families or measures: the built-in ones and those that plugins add."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from trainables.errors import UserError, unknown_name

Entry = TypeVar("Entry")

RECORDED = {"recorded": True}
"""Validation context of whoever reads records: a name that is not registered here, such as that of a plugin that is not
loaded, is kept as it is and not refused."""


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Entries by name, in the order in which they were registered.

    >>> colours = Registry("colour", str.lower, ["Red", "Green"])
    >>> colours.register("Blue")
    'Blue'
    >>> list(colours), colours.find("green")
    (['red', 'green', 'blue'], 'Green')
    """

    def __init__(self, noun: str, name_of: Callable[[Entry], str], entries: Iterable[Entry] = ()) -> None:
        """Registers the built-in entries.

        Args:
            noun: what an entry is called in error messages.
            name_of: the name of an entry.
            entries: the built-in ones, in order.
        """
        self.noun = noun
        self._name_of = name_of
        self._entries: dict[str, Entry] = {}
        for entry in entries:
            self.register(entry)

    def register(self, entry: Entry) -> Entry:
        """Adds an entry and returns it. Raises UserError if another one has its name."""
        name = self._name_of(entry)
        if self._entries.setdefault(name, entry) is not entry:
            raise UserError(f"There are two of the {self.noun} {name!r}: give the one of the plugin another name.")
        return entry

    def find(self, name: str) -> Entry:
        """Returns the entry of this name. Raises UserError with the nearest names if there is none."""
        if name not in self._entries:
            raise unknown_name(self.noun, name, self._entries)
        return self._entries[name]

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
