"""Code from outside the tree: modules that register families, encoders, benchmarks, measures, spaces or sections.

A plugin is a module that registers what it brings when it is imported. It is found as an installed package with an
entry point of the group `hybrid_batch_studies`, or by its name (`--plugin lab_measures`).
"""

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import entry_points

from trainables.errors import UserError

GROUP = "hybrid_batch_studies"


def load_plugins(modules: Iterable[str] = ()) -> None:
    """Imports all installed plugins and the named modules; what is imported already is left as it is.

    Args:
        modules: names of modules that can be imported from here.

    Raises:
        UserError: a module cannot be imported, or registers a name that is taken.
    """
    installed = [(entry.value, f"the installed plugin {entry.name}") for entry in entry_points(group=GROUP)]
    for name, source in [*installed, *((module, f"--plugin {module}") for module in modules)]:
        try:
            import_module(name)
        except UserError as error:
            raise UserError(f"{source}: {error}") from error
        except Exception as error:
            raise UserError(
                f"{source} cannot be imported ({type(error).__name__}: {error}): it must be the name of a module that "
                "Python finds from here, and import without an error."
            ) from error
