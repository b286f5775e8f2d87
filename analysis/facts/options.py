"""Options of a training in words, and what two trainings differ in; from the one declaration that each option has."""

import json
import math
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from trainables.config import TrialConfig, trial_options
from trainables.options import Declared, flat
from trainables.ratio.family import Family

WITHOUT_EFFECT = ("seed", "monitoring")
"""Options that differ between the repetitions of a training, or that its numbers do not depend on."""


def option_words(key: str) -> str:
    """An option in words: its short name where it has one, otherwise its dotted key.

    >>> option_words("batches.size"), option_words("optimiser.weight_decay")
    ('batch size', 'optimiser.weight_decay')
    """
    known = _options().get(key)
    return known.option.flag.replace("-", " ") if known and known.option.flag else key


def encoder_text(name: str) -> str:
    """An encoder by its name; a local folder by its last part, since where it lay is nobody else's business.

    >>> encoder_text("/home/me/my-encoder"), encoder_text("intfloat/multilingual-e5-small")
    ('my-encoder', 'intfloat/multilingual-e5-small')
    """
    return Path(name).name if Path(name).is_absolute() else name


MOST_VALUES = 6
"""Numbers of a list that are written out; a longer one, such as the ratios of another training, is summed up."""


def schedule_text(ratio: Family) -> str:
    """A schedule in one line that can be read: `linear, start 0, end 0.8`. What is left out stands in the records."""
    values = flat(ratio.model_dump(mode="json"))
    family = str(values.pop("family"))
    return ", ".join([family, *(f"{name} {_short(value)}" for name, value in values.items())])


def _short(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(one, int | float) for one in value):
        return as_text(value)
    if len(value) <= MOST_VALUES:
        return f"[{', '.join(as_text(float(one)) for one in value)}]"
    mean = math.fsum(value) / len(value)
    return f"({len(value)} values, {as_text(value[0])} to {as_text(value[-1])}, mean {mean:.3g})"


def as_text(value: Any) -> str:
    """A value as text: numbers to six digits, lists and mappings as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False)


def plain_options(config: TrialConfig) -> dict[str, int | float | str]:
    """The options of a training that have a single value, by dotted key; the encoder by its name."""
    found = _without(flat(config.model_dump(mode="json")), (*WITHOUT_EFFECT, "ratio.family", "encoder"))
    values = {"encoder": config.encoder.name, **found}
    return {key: value for key, value in values.items() if isinstance(value, int | float | str)}


def fingerprint(config: TrialConfig, ignored: Collection[str] = ()) -> str:
    """Equal for trainings that were the same, apart from repetitions and from the `ignored` options and groups."""
    values = flat(config.model_dump(mode="json"))
    return json.dumps(_without(values, (*WITHOUT_EFFECT, *ignored)), sort_keys=True)


def _without(values: Mapping[str, Any], left_out: Collection[str]) -> dict[str, Any]:
    """The options but for those of these keys and of groups with these names."""
    return {
        key: value
        for key, value in values.items()
        if key not in left_out and not key.startswith(tuple(f"{group}." for group in left_out))
    }


@cache
def _options() -> Mapping[str, Declared]:
    return trial_options()
