"""Where training text meets evaluation text: which text it shares running text with, and the part of both around it.

>>> known = ["Who won?", "Here is a passage of thirteen words or more that stands in both of the two sets."]
>>> text = "Long ago: a passage of thirteen words or more that stands in both of the two sets, and more of it."
>>> partners([text], known)
['Here is a passage of thirteen words or more that stands in both of the two sets.']
>>> excerpt(text, known[1], longest=80)
'... a passage of thirteen words or more that stands in both of the ...'
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainables.corpora.shingles import known_texts, overlapping
from trainables.watch import Watch, unwatched

LONGEST = 200
"""Characters of a text that is shown whole."""

_PART = 4096
"""Evaluation texts that are looked through at a time."""


@dataclass(frozen=True)
class Meeting:
    """Parts of a training text and of an evaluation text that share running text."""

    training: str
    evaluation: str


def meetings(texts: Sequence[str], known: Sequence[str], watch: Watch = unwatched) -> tuple[Meeting, ...]:
    """What each of some training texts shares with an evaluation text; all of them must share something."""
    return tuple(
        Meeting(excerpt(text, other), excerpt(other, text))
        for text, other in zip(texts, partners(texts, known, watch), strict=True)
    )


def partners(texts: Sequence[str], known: Sequence[str], watch: Watch = unwatched) -> list[str]:
    """For each text a known one that it shares running text with; raises ValueError where there is none."""
    found: dict[str, str] = {}
    parts = range(0, len(known), _PART)
    for start in watch(parts, f"looking for what {len(texts)} texts share, {_PART:,} texts at a time", len(parts)):
        left = [text for text in dict.fromkeys(texts) if text not in found]
        if not left:
            break
        part = known[start : start + _PART]
        for text, shares in zip(left, overlapping(left, {"": known_texts(part)})[""].tolist(), strict=True):
            if shares:
                found[text] = _partner(text, part)
    lacking = next((text for text in texts if text not in found), None)
    if lacking is not None:
        raise ValueError(f"no known text shares running text with {lacking!r}")
    return [found[text] for text in texts]


def excerpt(text: str, other: str, longest: int = LONGEST) -> str:
    """A text, or the shortest part of it that shares running text with another one where it is long."""
    if len(text) <= longest:
        return text
    if not _shares(text, [other]):
        return f"{text[:longest].rstrip()} ..."
    known = [other]
    end = _least(lambda size: _shares(text[:size], known), len(text))
    size = _least(lambda size: _shares(text[end - size : end], known), end)
    part = text[end - size : end].strip()[:longest]
    return f"{'... ' if size < end else ''}{part}{' ...' if end < len(text) else ''}"


def _partner(text: str, known: Sequence[str]) -> str:
    while len(known) > 1:
        half = known[: len(known) // 2]
        known = half if _shares(text, half) else known[len(half) :]
    return known[0]


def _shares(text: str, known: Sequence[str]) -> bool:
    return bool(overlapping([text], {"": known_texts(known)})[""][0])


def _least(holds: Callable[[int], bool], most: int) -> int:
    """The least number for which a rule holds, which holds for `most` and for all numbers from the least one on."""
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
