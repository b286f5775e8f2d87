"""What `--list` prints: spaces, models, benchmarks, training sets, measures, families and options, one line each."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from search_spaces.registry import SPACES
from study.listeners.registry import LISTENERS
from trainables.config import trial_options
from trainables.corpora.sources.base import Collection, Source
from trainables.corpora.sources.registry import BENCHMARKS, COLLECTIONS, TRAINING_SOURCES
from trainables.corpora.training_files.registry import LAYOUTS
from trainables.encoders.registry import PRESETS
from trainables.evaluation.measures.registry import MEASURES, example
from trainables.options import Declared
from trainables.ratio.registry import FAMILIES


def print_lists(console: Console) -> None:
    """Prints every name that a flag accepts with what it stands for."""
    _print(console, "spaces (--space)", ((name, build().question) for name, build in SPACES.items()))
    _print(console, "models (--model, or a folder, or a hub id)", ((n, p.description) for n, p in PRESETS.items()))
    collected = {name for collection in COLLECTIONS.values() for name in collection.members}
    alone = {name: source for name, source in BENCHMARKS.items() if name not in collected}
    _print(console, "benchmarks (--evaluate, or a folder, or hub:org/name)", _described(alone))
    _print(
        console,
        "collections of benchmarks (--evaluate one of them, or all by the collection's name)",
        ((name, f"{one.description}: {_members(one)}") for name, one in COLLECTIONS.items()),
    )
    _print(
        console,
        "training sets (--train, or a file or folder in one of these layouts)",
        _described(TRAINING_SOURCES),
    )
    _print(
        console,
        "layouts of training files (--train-layout where several fit)",
        ((name, f"{layout.description}: {layout.fields}") for name, layout in LAYOUTS.items()),
    )
    _print(
        console,
        "measures (--measure NAME, --objective SETTING/NAME)",
        ((example(measure), measure.description) for measure in MEASURES.values()),
    )
    _print(console, "tools for curves (--log-to)", ((name, kind.description) for name, kind in LISTENERS.items()))
    _print(console, "schedule families", ((n, family.description) for n, family in FAMILIES.items()))
    described = ((one.key, _description(one)) for one in trial_options().values())
    _print(console, "options of a trial (--set, --factor, --search)", described)


def _description(option: Declared) -> str:
    if option.field.description:
        return " ".join(option.field.description.split())
    name = option.key.rpartition(".")[2]
    return f"of {', '.join(family for family, kind in FAMILIES.items() if name in kind.model_fields)}"


def _described(sources: Mapping[str, Source]) -> Iterable[tuple[str, str]]:
    return ((name, f"{source.description} ({source.terms})") for name, source in sources.items())


def _members(collection: Collection) -> str:
    """The benchmarks of a collection by licence, and the smaller collections in it by name."""
    names = [name for name in collection.members if name in BENCHMARKS]
    smaller = [name for name in collection.members if name not in BENCHMARKS]
    by_licence: dict[str, list[str]] = {}
    for name in sorted(names):
        by_licence.setdefault(BENCHMARKS[name].terms, []).append(name)
    listed = [f"{', '.join(members)} ({licence})" for licence, members in by_licence.items()]
    return "; ".join([*listed, *smaller])


def _print(console: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, title=title, title_justify="left", title_style="bold")
    table.add_column(no_wrap=True, min_width=22)
    table.add_column()
    for name, description in rows:
        table.add_row(Text(name), Text(description))
    console.print(table)
    console.print()
