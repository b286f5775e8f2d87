"""The modules of a checkpoint in the layout of sentence-transformers, in the order in which a text goes through them.

The truth is `modules.json` with its paths, not the names of folders. Where a Router stands among the modules, queries
and passages take different ways, its routes: what a text of a route goes through, one module behind the other, is read
like the modules of a checkpoint without any Router.
"""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from trainables.encoders.json_files import load_json, read_json
from trainables.errors import UserError

MODULES_FILE = "modules.json"
PROMPTS_FILE = "config_sentence_transformers.json"
STATIC = "StaticEmbedding"
"""The module that is a table of token vectors, whose mean is the vector of a text."""
QUERY, DOCUMENT = "query", "document"
"""The routes of a Router, by the names that sentence-transformers encodes queries and passages under."""
ROUTER_FILE = "router_config.json"
_ROUTERS = {"Router": (ROUTER_FILE,), "Asym": (ROUTER_FILE, "config.json")}
"""By the names that its class has had, the files that may say which modules are on which route."""
TRANSFORMER_FILES = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)


def transformer_folder(folder: Path, route: str = "") -> Path:
    """The folder that holds config.json, weights and tokenizer. Raises UserError as `modules_of` does."""
    modules = modules_of(folder, route)
    return folder if not modules else inside(folder, modules[0])


def is_static(folder: Path, route: str = "") -> bool:
    """Whether a checkpoint begins with a table of token vectors, not with a transformer. Raises UserError likewise."""
    modules = modules_of(folder, route)
    return bool(modules) and kind_of(modules[0]) == STATIC


def is_routed(folder: Path) -> bool:
    """Whether a checkpoint has a Router among its modules. Raises UserError likewise."""
    return any(kind_of(module) in _ROUTERS for module in modules_of(folder))


def default_route(folder: Path) -> str | None:
    """Returns the route of a text of which nobody says whether it is a query; None if there is none, or no Router.

    Raises UserError as `modules_of` does.
    """
    for module in modules_of(folder):
        if kind_of(module) in _ROUTERS:
            file, said = _router(folder, module)
            found = said["parameters"].get("default_route")
            if found is None and said["parameters"].get("allow_empty_key", True):
                found = next(iter(said["structure"]))
            return next((one for one in (QUERY, DOCUMENT) if _resolved(file, said, one) == found), None)
    return None


def modules_of(folder: Path, route: str = "") -> list[dict[str, Any]]:
    """The modules of a checkpoint, none if it is no folder of sentence-transformers.

    Raises UserError for a list that is broken, and for a Router of other routes.

    Args:
        folder: the checkpoint.
        route: given one, those that stand on it take the place of the Router.
    """
    modules = _listed(folder)
    if not route:
        return modules
    return [
        one
        for module in modules
        for one in (_on_route(folder, module, route) if kind_of(module) in _ROUTERS else [module])
    ]


def _on_route(folder: Path, router: Mapping[str, Any], route: str) -> list[dict[str, Any]]:
    file, said = _router(folder, router)
    routes = {one: _resolved(file, said, one) for one in (QUERY, DOCUMENT)}
    others = sorted(said["structure"].keys() - set(routes.values()))
    if others:
        raise UserError(
            f"{file} has a route {others[0]!r}, which neither a {QUERY} nor a {DOCUMENT} takes: give a Router of these "
            "two routes."
        )
    found = []
    for name in said["structure"][routes[route]]:
        path = PurePosixPath(str(router.get("path", ""))) / name
        found.append({"type": said["types"][name], "path": path.as_posix()})
    return found


def _resolved(file: Path, said: Mapping[str, Any], task: str) -> str:
    """The route that a text of a task takes, in the order in which sentence-transformers looks for it."""
    mapped = {}
    for key, target in (said["parameters"].get("route_mappings") or {}).items():
        try:
            mapped[ast.literal_eval(key)] = target
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise UserError(f"{file} has a route mapping {key!r} that is no pair of texts: correct it.") from error
    keys = ((task, "text"), (task, None), (None, "text"), (None, None))
    named = next((one for one in (task, "text") if one in said["structure"]), task)
    found = str(next((mapped[key] for key in keys if key in mapped), named))
    if found not in said["structure"]:
        raise UserError(
            f"{file} has no route {found!r} (it has {', '.join(map(repr, said['structure']))}), by which "
            "sentence-transformers encodes: rename the one that is meant."
        )
    return found


def _router(folder: Path, router: Mapping[str, Any]) -> tuple[Path, Mapping[str, Any]]:
    """What the file of a Router says, checked as far as it is read."""
    path = inside(folder, router)
    files = [path / name for name in _ROUTERS[kind_of(router)]]
    file = next((one for one in files if one.is_file()), files[-1])
    said = read_json(file)
    only(file, said, ("types", "structure", "parameters"))
    types, structure, parameters = said.get("types"), said.get("structure"), said.setdefault("parameters", {})
    if (
        not isinstance(types, dict)
        or not isinstance(structure, dict)
        or not isinstance(parameters, dict)
        or not isinstance(parameters.get("route_mappings") or {}, dict)
        or not all(isinstance(names, list) and names for names in structure.values())
        or not all(isinstance(types.get(name), str) for names in structure.values() for name in names)
    ):
        raise UserError(f"{file} does not say of every route which modules it has, and their types: fetch it again.")
    only(file, parameters, ("default_route", "allow_empty_key", "route_mappings"))
    return file, said


def _listed(folder: Path) -> list[dict[str, Any]]:
    file = folder / MODULES_FILE
    if not file.is_file():
        others = ("1_Pooling", PROMPTS_FILE, *TRANSFORMER_FILES)
        other = next((name for name in others if (folder / name).exists()), None)
        if other is not None:
            raise UserError(
                f"{folder} has {other} but no {MODULES_FILE}, which says what becomes of it: fetch that file, too, or "
                f"remove {other}."
            )
        return []
    modules = load_json(file)
    if not isinstance(modules, list) or not modules or not all(_is_module(module) for module in modules):
        raise UserError(f"{file} is no list of modules with a type and a path each: fetch the file again.")
    return modules


def _is_module(module: Any) -> bool:
    return isinstance(module, dict) and all(isinstance(module.get(key, ""), str) for key in ("type", "path"))


def kind_of(module: Mapping[str, Any]) -> str:
    """`Pooling` of `sentence_transformers.models.Pooling`; a class of somebody else keeps its whole name."""
    name = str(module.get("type", ""))
    return name.rpartition(".")[2] if name.startswith("sentence_transformers.") else name or "without a type"


def inside(folder: Path, module: Mapping[str, Any]) -> Path:
    """The folder of a module; raises UserError if it is not there, or outside of the checkpoint."""
    path = PurePosixPath(str(module.get("path", "")))
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{folder / MODULES_FILE} has a path {str(path)!r} that leads out of its folder: correct it.")
    found = folder / path
    # Scaling to length one has no files, so that its folder is lost on the way through git and archives.
    if not found.is_dir() and kind_of(module) != "Normalize":
        raise UserError(f"{folder / MODULES_FILE} names a folder {str(path)!r} that is not there: fetch it.")
    return found


def only(file: Path, settings: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises UserError if a file has a setting that is not known here."""
    unknown = sorted(settings.keys() - set(known))
    if unknown:
        raise UserError(
            f"{file} sets {unknown[0]} to {settings[unknown[0]]!r}, which is not known here: give a model without it."
        )


def one_of(file: Path, settings: Mapping[str, Any], key: str, values: Iterable[Any]) -> None:
    """Raises UserError if a setting is there and has none of the values that mean what is done here."""
    values = tuple(values)
    if key in settings and settings[key] not in values:
        raise UserError(
            f"{file} sets {key} to {settings[key]!r}, and only {' or '.join(repr(v) for v in values)} is known here: "
            "give another model."
        )
