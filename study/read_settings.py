"""From flags and a YAML file to the settings of a study; every mistake is one sentence that names where it stands.

>>> settings = settings_from(None, {"model": ["mini-xs", "mini-s"], "set": ["optimiser.betas=0.9,0.98"], "seeds": "3"})
>>> settings.factor, settings.set, settings.seeds
({'encoder': ('mini-xs', 'mini-s')}, {'optimiser.betas': ['0.9', '0.98']}, 3)
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from study.settings import CLUSTER, StudySettings
from trainables.config import trial_options
from trainables.errors import UserError, rule_in, unknown_name
from trainables.options import Declared, flat
from trainables.plain_files import open_users_file
from trainables.yaml_values import load_yaml

_HOW = {"set": "fixed", "factor": "a factor", "search": "searched", "search_factor": "searched as a factor"}
"""What may be done with an option of a trial."""

_LARGEST_FILE = 1 << 20

Origin = str
"""Where a value was given, to begin a sentence with: `--seeds`, or `study.yaml, field seeds`."""


def settings_from(file: Path | None, flags: Mapping[str, Any]) -> StudySettings:
    """Merges a YAML file of settings and the flags given; the flags win.

    Args:
        file: names as in --help, with hyphens or underscores; options of a trial by short name, dotted key or nested.
        flags: by name with underscores; options of a trial by short name, as a list of the values given.

    Raises:
        UserError: names the file or flag, the value and what would be right.
    """
    in_file, in_flags = _Asked(str(file or "")), _Asked()
    if file is not None:
        for name, value in _read_yaml(file).items():
            in_file.take(name, value, f"{file}, field {name}")
    for name, value in flags.items():
        in_flags.take(name, value, "--" + name.replace("_", "-"))
    return in_flags.over(in_file)


def validated(values: Mapping[str, Any], origins: Mapping[str, Origin], file: str = "") -> StudySettings:
    """Builds settings from the values of their fields.

    Args:
        values: by name of the field.
        origins: where each value was given, by name of the field.
        file: where all others were given.

    Raises:
        UserError: names where the wrong value was given, the value, and what would be right.
    """
    try:
        return StudySettings(**values)
    except ValidationError as error:
        problem = error.errors()[0]
        field = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            raise _unknown(field, file) from error
        raise UserError(f"{origins.get(field, f'{file}, field {field}')} {_wrong(problem)}") from error


class _Asked:
    """What flags or a file ask for."""

    def __init__(self, file: str = "") -> None:
        self._file = file
        self._options = trial_options()
        self._short = {one.option.flag.replace("-", "_"): key for key, one in self._options.items() if one.option.flag}
        self._values: dict[str, Any] = {}
        self._origins: dict[str, Origin] = {}
        self._by_entry = {
            "set": self._set,
            "factor": self._factor,
            "search": self._search,
            "search_factor": self._search_factor,
            "arm": self._arm,
            "efficiency": self._efficiency,
        }

    def take(self, name: str, value: Any, origin: Origin) -> None:
        """Takes one setting or option of a trial."""
        if name in self._by_entry:
            for key, one in _entries(name, value, origin).items():
                self._by_entry[name](key, one, f"{origin} {key}")
        elif name in StudySettings.model_fields:
            self._values[name], self._origins[name] = value, origin
        elif name in self._short:
            self._levels(self._short[name], value, origin)
        elif name.removeprefix("search_") in self._short and name.startswith("search_"):
            if value:
                self._search(self._short[name.removeprefix("search_")], "", origin)
        elif isinstance(value, Mapping) and any(key.startswith(f"{name}.") for key in self._options):
            for key, one in flat({name: value}).items():
                self._levels(key, one, origin)
        elif name in self._options:
            self._levels(name, value, origin)
        else:
            raise _unknown(name, self._file, self._short)

    def over(self, other: "_Asked") -> StudySettings:
        """The settings, checked; what is asked for here wins over the other."""
        mine = {key for how in _HOW for key in self._values.get(how, {})}
        kept = {how: {k: v for k, v in other._values.get(how, {}).items() if k not in mine} for how in _HOW}
        merged = {how: {**kept[how], **self._values.get(how, {})} for how in _HOW}
        arms = {**other._values.get("arm", {}), **self._values.get("arm", {})}
        efficiency = {**other._values.get("efficiency", {}), **self._values.get("efficiency", {})}
        values = {**other._values, **self._values, **merged, "arm": arms, "efficiency": efficiency}
        return validated(values, {**other._origins, **self._origins}, other._file)

    def _levels(self, key: str, value: Any, origin: Origin) -> None:
        """An option that is given once, or several times as the levels of a factor."""
        one = self._options[key]
        several = isinstance(value, list | tuple) and (not one.is_list or any(isinstance(v, list | str) for v in value))
        if several and len(value) > 1:
            self._factor(key, value, origin)
        else:
            self._set(key, value[0] if several else value, origin)

    def _set(self, key: str, value: Any, origin: Origin) -> None:
        self._put("set", key, self._checked(key, value, origin))

    def _factor(self, key: str, value: Any, origin: Origin) -> None:
        self._put("factor", key, self._of_levels(key, value, origin))

    def _search_factor(self, key: str, value: Any, origin: Origin) -> None:
        self._put("search_factor", key, self._of_levels(key, value, origin))

    def _search(self, key: str, value: Any, origin: Origin) -> None:
        self._find(key, origin)
        self._put("search", key, "" if value is None else str(value))

    def _arm(self, key: str, value: Any, origin: Origin) -> None:
        if not key:
            raise UserError(f"{origin.strip()} has no name: write it as NAME: OPTIONS.")
        patch = _arm_patch(value, origin) if isinstance(value, str) else value
        if not isinstance(patch, Mapping):
            raise UserError(f"{origin} is {value!r}: give options of a trial such as ratio=linear(0.2,0.8).")
        checked = {option: self._checked(option, one, f"{origin}: {option}") for option, one in flat(patch).items()}
        self._values.setdefault("arm", {})[key] = checked

    def _efficiency(self, key: str, value: Any, origin: Origin) -> None:
        # What it means is checked together with what the space says.
        self._values.setdefault("efficiency", {})[key] = value

    def _put(self, how: str, key: str, value: Any) -> None:
        """An option is fixed, or a factor, or searched."""
        for other in _HOW:
            if key in self._values.get(other, {}) and other != how:
                raise UserError(
                    f"{_flag(key, self._options)} is to be {_HOW[other]} and {_HOW[how]}: an option is one of them; "
                    "give one."
                )
        self._values.setdefault(how, {})[key] = value

    def _of_levels(self, key: str, value: Any, origin: Origin) -> Any:
        """Levels of an option, or of a bundle of options by label."""
        if isinstance(value, Mapping):
            return {str(label): self._level(patch, f"{origin}, level {label}") for label, patch in value.items()}
        one = self._find(key, origin)
        texts = _split_levels(value, one) if isinstance(value, str) else list(value)
        levels = tuple(self._checked(key, text, origin) for text in texts)
        if len(levels) < 2 or any(level in levels[:place] for place, level in enumerate(levels)):
            raise UserError(f"{origin} is {value!r}: a factor has at least two different levels, separated by commas.")
        return levels

    def _level(self, asked: Any, origin: Origin) -> dict[str, Any]:
        """A bundle of options, and what the level asks for on a cluster, which is checked with the study's own."""
        if not isinstance(asked, Mapping):
            raise UserError(f"{origin} is {asked!r}: give OPTION: VALUE.")
        cluster = asked.get(CLUSTER, {})
        if not isinstance(cluster, Mapping):
            raise UserError(f"{origin}: {CLUSTER} is {cluster!r}: give settings such as workers-per-trial: 8.")
        patch = flat({key: value for key, value in asked.items() if key != CLUSTER})
        checked = {key: self._checked(key, one, f"{origin}: {key}") for key, one in patch.items()}
        return {**checked, CLUSTER: dict(cluster)} if cluster else checked

    def _checked(self, key: str, value: Any, origin: Origin) -> Any:
        one = self._find(key, origin)
        value = one.from_text(value) if isinstance(value, str) else value
        if isinstance(value, bool) and bool not in (one.field.annotation, *get_args(one.field.annotation)):
            raise UserError(f"{origin} is {value}: a number or a text must be given.")
        try:
            _adapter(one).validate_python(value)
        except ValidationError as error:
            raise UserError(f"{origin} {_wrong(*error.errors())}") from error
        return value

    def _find(self, key: str, origin: Origin) -> Declared:
        if key not in self._options:
            raise UserError(f"{origin}: {unknown_name('option of a trial', key, self._options)}")
        return self._options[key]


def _adapter(option: Declared) -> TypeAdapter[Any]:
    """Checks a value of an option as the class that declares it does."""
    kind: Any = option.field.annotation
    if option.field.metadata:
        kind = Annotated[kind, *option.field.metadata]
    is_model = isinstance(option.field.annotation, type) and issubclass(option.field.annotation, BaseModel)
    return TypeAdapter(kind, config=None if is_model else ConfigDict(allow_inf_nan=False))


def _entries(name: str, value: Any, origin: Origin) -> dict[str, Any]:
    """`key=value` texts, or a mapping from a file, as a mapping."""
    if isinstance(value, Mapping):
        return flat(value) if name in ("set", "search") else {str(key): one for key, one in value.items()}
    if not isinstance(value, str | list | tuple):
        raise UserError(f"{origin} is {value!r}: give {'NAME: OPTIONS' if name == 'arm' else 'OPTION: VALUE'}.")
    found: dict[str, Any] = {}
    for text in [value] if isinstance(value, str) else value:
        mark = ":" if name == "arm" else "="
        key, given, rest = str(text).partition(mark)
        if not given and name != "search":
            raise UserError(f"{origin} {text}: write it as {'NAME: OPTIONS' if name == 'arm' else 'OPTION=VALUE'}.")
        if key.strip() in found:
            raise UserError(f"{origin} {key.strip()} is given twice: give it once.")
        # What is set may be a text that ends in a space, such as a prefix.
        found[key.strip()] = rest if name == "set" else rest.strip()
    return found


def _arm_patch(text: str, origin: Origin) -> dict[str, str]:
    """The options of an arm: `ratio=linear(0.2,0.8) optimiser.learning_rate=3e-5`."""
    parts = re.findall(r"(?:[^\s()]|\([^()]*\))+", text)
    wrong = next((part for part in parts if "=" not in part), None)
    if wrong is not None or not parts:
        raise UserError(
            f"{origin} has {wrong or 'nothing'} where OPTION=VALUE must stand, such as ratio=linear(0.2,0.8)."
        )
    return dict(part.split("=", 1) for part in parts)


def _split_levels(text: str, option: Declared) -> list[str]:
    """Levels are separated by commas, those of options that are lists themselves by semicolons; not inside brackets."""
    mark = ";" if option.is_list or ";" in text else ","
    return [part.strip() for part in re.split(rf"{mark}(?![^()]*\))", text) if part.strip()]


def _flag(key: str, options: Mapping[str, Declared]) -> str:
    short = options[key].option.flag if key in options else ""
    return f"--{short}" if short else key


def _unknown(name: str, file: str, short: Sequence[str] | Mapping[str, str] = ()) -> UserError:
    known = [*StudySettings.model_fields, *short]
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
    return UserError(f"{file}: there is no setting {name!r}; {remedy}")


def _wrong(problem: Any, *others: Any) -> str:
    """What is wrong with a value, and what each of the types that an option may have would take instead."""
    rules = [rule_in(one) for one in (problem, *others) if one["input"] is problem["input"]]
    rule = ", or ".join(rule[0].lower() + rule[1:] for rule in dict.fromkeys(rules))
    return f"is {problem['input']!r}: {rule}" + ("" if rule.endswith((".", "?")) else ".")


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        with open_users_file(file) as stream:
            text = stream.read(_LARGEST_FILE + 1)
        if len(text) > _LARGEST_FILE:
            raise UserError(f"--config {file}: the file has more than {_LARGEST_FILE >> 10} KiB: give one of settings.")
        content = load_yaml(text.decode())
    except FileNotFoundError as error:
        raise UserError(f"--config {file}: there is no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--config {file}: the file cannot be read ({error}); it must be YAML in UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "this is not YAML"
        raise UserError(f"{file}{line}: {what}; write one `setting: value` per line.") from error
    except ValueError as error:
        raise UserError(f"--config {file}: a value cannot be read ({error}).") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{file}: it must hold one `setting: value` per line, found {type(content).__name__}.")
    found: dict[str, Any] = {}
    for key, value in content.items():
        name = str(key).replace("-", "_")
        if name in found:
            raise UserError(f"{file}: {name} is given twice, once with a hyphen; give it once.")
        found[name] = value
    return found
