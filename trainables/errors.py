"""The one exception that stands for a user's mistake, and other errors as they stand in its sentence."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any


class UserError(Exception):
    """A mistake in a file, flag or configuration, told in one sentence: what is wrong, where, what would be right.

    Command lines print the sentence and leave with exit status 2; they never show a traceback for it.
    """


def one_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or its kind, without a full stop, to stand inside a sentence."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".: ") if lines else type(error).__name__


def rule_in(problem: Mapping[str, Any]) -> str:
    """Returns the rule in one of pydantic's problems (`ValidationError.errors()`), without what it puts before ours."""
    return str(problem["msg"]).removeprefix("Value error, ")


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Returns the error for a `name` that is no known `kind`, with the nearest known names."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.4)
    remedy = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(names)}."
    return UserError(f"Unknown {kind} {name!r}: {remedy}")
