"""The flags of `python -m study.run`, made from the declarations of the settings and of the options of a trial."""

import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from study.cost.rental import FLAGS
from study.settings import StudySettings
from trainables.command import Parser
from trainables.config import trial_options
from trainables.encoders.registry import KINDS
from trainables.options import Declared

_GROUPS = {
    "space": "what is studied",
    "arms": "which arms are compared",
    "objective": "how it is searched",
    "trials": "how much",
    "workers_per_trial": "on what",
    "keep_encoders": "where to, and with what",
}
"""First setting of each group of flags, in the order of StudySettings."""

_SEVERAL = ("train", "evaluate")
"""Settings of which a flag takes several: shells expand `*.jsonl` to them."""

_METAVARS = {
    "set": "OPTION=VALUE",
    "efficiency": "OPTION=VALUE",
    "arm": "NAME:OPTIONS",
    "search": "OPTION=RANGE",
    "resource": "NAME=AMOUNT",
}


def plugins_in(arguments: Sequence[str] | None) -> list[str]:
    """The modules that `--plugin` names, before anything else is read."""
    found = Parser(add_help=False, allow_abbrev=False)
    found.add_argument("--plugin", action="append", default=[])
    plugins: list[str] = found.parse_known_args(arguments)[0].plugin
    return plugins


def parser() -> Parser:
    """Returns the parser; what is not given is None."""
    found = Parser(
        prog="python -m study.run",
        description="Runs a whole study: searches, confirms with fresh seeds, and prints a comparison table.",
        epilog="Without flags: the embedded study, offline, in minutes. Example with real data: "
        "python -m study.run --model xlm-r-base --train pairs.jsonl --evaluate xquad-r --evaluate mlqa-r",
    )
    found.add_argument("--list", action="store_true", help="list what --space, --model, --set and others can name")
    found.add_argument("--dry-run", action="store_true", help="check everything, print the plan, start nothing")
    found.add_argument(
        "--plan-for",
        metavar="DIFFERENCE",
        help="tell how many seeds and pairs find this difference of the main comparison, such as 0.01, from the "
        "variances of studies in --storage, or of a pilot that it runs where there is none (see docs/cost.md)",
    )
    for name, (metavar, text) in FLAGS.items():
        found.add_argument(f"--{name}", metavar=metavar, help=f"with --dry-run: {text}")
    found.add_argument("--verify", metavar="STUDY", help="check every file of a study against its seal")
    found.add_argument("--trial", metavar="ID", help="with --verify: run this trial again and compare bit for bit")
    found.add_argument("--resume", metavar="STUDY", help="go on with an interrupted study: its name or folder")
    found.add_argument(
        "--confirm-only",
        metavar="STUDY",
        help="add confirm seeds (--seeds, --until-separable) to a study; end its search first if it has not ended",
    )
    found.add_argument("--config", metavar="FILE", type=Path, help="YAML file of the settings below; flags win")
    found.add_argument("--quiet", action="store_true", help="print nothing but errors")
    group: Any = found
    for name, field in StudySettings.model_fields.items():
        if name in _GROUPS:
            group = found.add_argument_group(_GROUPS[name])
        group.add_argument("--" + name.replace("_", "-"), **_setting(name, field))
    group = found.add_argument_group(
        "how a trial trains", "Given several times, an option is a factor whose levels cross every branch."
    )
    for option in trial_options().values():
        if option.option.flag:
            group.add_argument(f"--{option.option.flag}", **_option(option))
            if option.option.searched is not None and option.field.default is not None:
                group.add_argument(
                    f"--search-{option.option.flag}",
                    action="store_true",
                    default=None,
                    help=f"search it in every branch (--search {option.key})",
                )
    return found


def _setting(name: str, field: FieldInfo) -> dict[str, Any]:
    """The argparse form of a setting: its type, its choices, its default in the help."""
    kind = _without_none(field.annotation)
    options = _help(field)
    if kind is bool:
        return {**options, "action": "store_true"}
    if typing.get_origin(kind) is typing.Literal:
        return {**options, "choices": typing.get_args(kind)}
    if name in ("arms", "without"):
        return {**options, "action": "extend", "type": _names, "metavar": "NAMES"}
    if isinstance(field.default, tuple | dict):
        if name in _SEVERAL:
            return {**options, "action": "extend", "nargs": "+", "metavar": "NAME"}
        metavar = _METAVARS.get(name, "OPTION=LEVELS" if isinstance(field.default, dict) else "NAME")
        return {**options, "action": "append", "metavar": metavar}
    metavar = {int: "N", float: "X", Path: "DIR"}.get(kind, "TEXT")
    # Values are checked by StudySettings, which names the rule; argparse only passes the text on.
    return {**options, "metavar": metavar}


def _option(option: Declared) -> dict[str, Any]:
    kind = _without_none(option.field.annotation)
    options: dict[str, Any] = {**_help(option.field, _by_kind(option.key)), "action": "append"}
    if typing.get_origin(kind) is typing.Literal:
        return {**options, "choices": typing.get_args(kind)}
    return {**options, "metavar": {int: "N", float: "X"}.get(kind, "NAME")}


def _by_kind(key: str) -> str:
    """The values of an option in the recipes of kinds of encoders, which win over its default."""
    found: dict[str, list[str]] = {}
    for name, kind in KINDS.items():
        if key in kind.config.recipe.values:
            found.setdefault(str(kind.config.recipe.values[key]), []).append(name)
    return "; ".join(f"{value} for encoders of the kind {', '.join(names)}" for value, names in found.items())


def _help(field: FieldInfo, by_kind: str = "") -> dict[str, Any]:
    empty = field.is_required() or field.default in (None, (), False) or field.default == {}
    defaults = [*([] if empty else [_shown(field.default)]), *([by_kind] if by_kind else [])]
    default = f" (default: {'; '.join(defaults)})" if defaults else ""
    return {"help": f"{' '.join((field.description or '').split())}{default}".replace("%", "%%"), "default": None}


def _shown(default: Any) -> str:
    return ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _without_none(annotation: Any) -> Any:
    """The type of a field without `| None` and without its constraints."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation
