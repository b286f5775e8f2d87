"""Rules of the layout (docs/design.md): arrows between packages, private names, and who may know which name."""

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from search_spaces.registry import SPACES
from study.listeners.registry import LISTENERS
from trainables.corpora.sources.registry import BENCHMARKS, TRAINING_SOURCES
from trainables.corpora.training_files.registry import LAYOUTS
from trainables.encoders.registry import KINDS, PRESETS
from trainables.evaluation.measures.registry import MEASURES
from trainables.ratio.registry import FAMILIES

ROOT = Path(__file__).parents[1]
STUDY_ON_DISK = ("study.records", "study.study_folder", "study.benchmarks")
PACKAGES = ("analysis", "search_spaces", "study", "trainables")


def name_of(path: Path) -> str:
    """The module of a file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


def imports(module: str, *, at_once: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a module imports, with the names it takes; `at_once`: when it is loaded, and not for types only."""

    def visit(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            is_later = isinstance(child, ast.FunctionDef | ast.Lambda)
            is_for_types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            if at_once and (is_later or is_for_types):
                continue
            yield child
            yield from visit(child)

    for node in visit(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, tuple(alias.name for alias in node.names)


def imported_modules(module: str, *, at_once: bool) -> set[str]:
    """The modules that a module imports, those that it names as `from package import module` included."""
    found = set()
    for origin, names in imports(module, at_once=at_once):
        inside = {f"{origin}.{name}" for name in names if f"{origin}.{name}" in FILES}
        found |= inside or {origin}
    return found


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(
    ("package", "forbidden", "allowed"),
    [
        ("trainables", ("ray", "study", "search_spaces", "analysis"), ()),
        ("search_spaces", ("ray", "study", "analysis", "torch"), ()),
        ("study", ("analysis",), ("analysis.statistics",)),
        ("study.plan", ("ray", "torch", "study.cluster"), ()),
        (
            "analysis",
            ("ray", "torch", "study", "search_spaces"),
            ("study.records", "study.study_folder", "study.benchmarks", "study.main_arms"),
        ),
        ("analysis.statistics", PACKAGES, ("analysis.statistics",)),
        ("analysis.facts", ("analysis",), ("analysis.facts", "analysis.statistics")),
        ("analysis.findings", ("analysis.sections", "analysis.render", "analysis.methods"), ()),
    ],
)
def test_arrows_between_packages_point_one_way(
    package: str, forbidden: tuple[str, ...], allowed: tuple[str, ...]
) -> None:
    found = [
        f"{module} imports {other}"
        for module in FILES
        if is_within(module, (package,))
        for other in imported_modules(module, at_once=False)
        if is_within(other, forbidden) and not is_within(other, allowed)
    ]
    assert found == []


def test_the_types_of_everything_but_the_tests_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert {*settings["packages"]} == {*PACKAGES, "benchmarks"}


def test_no_console_reads_markup_in_what_it_prints() -> None:
    found = []
    for module in FILES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Console":
                said = {one.arg: ast.literal_eval(one.value) for one in node.keywords if one.arg in ("markup", "emoji")}
                found += [] if said == {"markup": False, "emoji": False} else [module]
    assert found == []


def test_no_import_goes_round_in_a_circle() -> None:
    graph = {module: imported_modules(module, at_once=True) & FILES.keys() - {module} for module in FILES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"{' -> '.join(error.args[1])}")


def test_no_module_takes_a_private_name_of_another() -> None:
    found = []
    for module in FILES:
        aliases = set()
        for origin, names in imports(module, at_once=False):
            if not is_within(origin, PACKAGES):
                continue
            found += [f"{module} imports {origin}.{name}" for name in names if name.startswith("_")]
            aliases |= {name for name in names if f"{origin}.{name}" in FILES}
        found += [
            f"{module} uses {node.value.id}.{node.attr}"
            for node in ast.walk(tree(module))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            if node.value.id in aliases and node.attr.startswith("_") and not node.attr.startswith("__")
        ]
    assert found == []


REGISTRIES = (FAMILIES, KINDS, PRESETS, BENCHMARKS, TRAINING_SOURCES, LAYOUTS, MEASURES, SPACES, LISTENERS)
HOMONYMS = frozenset(
    ("bias", "step", "progress", "linear", "cosine", "constant", "static_ratio", "batch_size", "complete", "rows")
)
"""Names of entries that are words of something else, too: of metrics, reports, decays, axes, tables, states."""
HOMES = (
    "trainables.ratio",
    "trainables.encoders",
    "trainables.corpora.sources",
    "trainables.corpora.training_files",
    "trainables.evaluation.measures",
    "study.listeners",
)
"""Where the entries live, each in a file of its own."""
ALLOWED = {
    # What studies of format 1 recorded, and what papers have printed, does not change any more.
    "study.format_1": frozenset(KINDS) | frozenset(FAMILIES),
    "analysis.facts.published": frozenset(PRESETS),
    # The space of a study that names none.
    "study.settings": frozenset(SPACES),
    # What smaller vectors are judged by, where nobody says otherwise.
    "trainables.evaluation.efficiency.config": frozenset(MEASURES),
    # A space names the schedules and controls, the encoders and the data that its question is about.
    **{
        f"search_spaces.{name}": frozenset((name, *FAMILIES, *PRESETS, *BENCHMARKS, *TRAINING_SOURCES))
        for name in SPACES
    },
}


def texts(module: str) -> Iterator[tuple[int, str]]:
    """The string constants of a module with their lines, without docstrings."""
    said = {
        id(node.value)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.lineno, node.value


def test_nothing_but_its_own_file_knows_the_name_of_an_entry() -> None:
    names = {name: registry.noun for registry in REGISTRIES for name in registry if name not in HOMONYMS}
    found = [
        f"{FILES[module].relative_to(ROOT)}:{line} names the {names[text]} {text}"
        for module in FILES
        for line, text in texts(module)
        if text in names and not is_within(module, HOMES) and text not in ALLOWED.get(module, frozenset())
    ]
    assert found == []


def test_nothing_but_the_registry_imports_the_file_of_an_entry() -> None:
    homes = {type_.__module__ for type_ in (*FAMILIES.values(), *MEASURES.values())}
    homes |= {kind.config.__module__ for kind in KINDS.values()}
    sources = "trainables.corpora.sources"
    homes |= {name for name in FILES if name.startswith(f"{sources}.")} - {f"{sources}.base", f"{sources}.registry"}
    homes |= {f"search_spaces.{name}" for name in SPACES}
    assert homes <= FILES.keys()
    found = [
        f"{module} imports {other}"
        for module in FILES
        for other in imported_modules(module, at_once=False) & homes
        # An entry may be built from another one of its kind.
        if not module.endswith(".registry") and not is_within(module, (*HOMES, "trainables.evaluation"))
    ]
    assert found == []
