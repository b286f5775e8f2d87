"""The options of trainings as sentences say them, in the words of their own declarations."""

import json
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from pydantic import BaseModel

from analysis.facts.options import as_text
from analysis.wording import listed, span
from trainables.options import Option, declared


def phrased(parts: Sequence[BaseModel]) -> Iterator[str]:
    """What trainings had in common in a group of options, such as their optimisers, in the words of the options."""
    for kind in dict.fromkeys(map(type, parts)):
        held = [part for part in parts if type(part) is kind]
        for one in declared(kind):
            if words := _phrase(one.option, [attrgetter(one.key)(part) for part in held]):
                yield words


def _phrase(option: Option, values: Sequence[Any]) -> str:
    """An option in the words of its declaration; empty where it has none for all of these values."""
    distinct = {json.dumps(value).strip('"'): value for value in values}
    if all(text in option.phrases for text in distinct):
        return listed([option.phrases[text] for text in distinct])
    if not option.phrase:
        return ""
    # What has words of its own is said in them.
    others = [value for text, value in distinct.items() if text not in option.phrases]
    if all(isinstance(value, int | float) for value in others):
        said = option.phrase.format(span(others))
    else:
        said = option.phrase.format(listed([_text(value) for value in others]))
    own = [option.phrases[text] for text in distinct if text in option.phrases]
    return listed([one for one in (*own, said) if one])


def _text(value: Any) -> str:
    """A value as text; of several numbers all of them."""
    return listed([as_text(one) for one in value]) if isinstance(value, tuple) else as_text(value)
