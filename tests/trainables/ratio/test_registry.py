import subprocess
import sys

import pytest

from trainables.errors import UserError
from trainables.ratio.controller import ControllerFamily
from trainables.ratio.family import Schedule
from trainables.ratio.registry import FAMILIES
from trainables.ratio.schedules.linear import Linear


def test_the_built_in_families_keep_their_order_on_which_searches_depend():
    assert list(FAMILIES) == [
        "constant",
        "linear",
        "cosine",
        "exponential",
        "sigmoid",
        "step",
        "cyclic",
        "competence",
        "gap",
        "progress",
        "odm",
        "excess",
        "bias",
        "reversed",
        "shuffled",
        "replay",
        "look-ahead",
    ]


def test_a_family_is_a_schedule_or_a_controller():
    for family in FAMILIES.values():
        assert family.closed_loop == issubclass(family, ControllerFamily) != issubclass(family, Schedule)


def test_only_families_that_are_derived_from_another_training_are_never_searched():
    assert [name for name, family in FAMILIES.items() if not family.parameters()] == ["reversed", "shuffled", "replay"]


def test_a_name_that_is_taken_and_a_family_without_a_name_are_refused():
    class Nameless(Schedule):
        pass

    class Again(Linear):
        pass

    with pytest.raises(UserError, match="There are two of the ratio family 'linear'"):
        FAMILIES.register(Again)
    with pytest.raises(UserError, match="Nameless has no name: give it a field"):
        FAMILIES.register(Nameless)


@pytest.mark.parametrize(
    "module", ["registry", "family", "config", "controls.registry", "controls.twin", "controller", "policy"]
)
def test_it_is_cheap_to_import_and_complete_whatever_is_imported_first(module):
    code = (
        f"import sys, trainables.ratio.{module}\n"
        "from trainables.ratio.config import FAMILIES\n"
        "print(list(FAMILIES)[0], len(FAMILIES), {'torch', 'ray', 'transformers', 'pandas'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == f"constant {len(FAMILIES)} set()\n"
