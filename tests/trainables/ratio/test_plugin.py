"""A family from outside the tree, registered as a plugin does it: parsed, written, read and trained like any other.

In a process of its own, since nothing is ever taken out of a registry.
"""

import subprocess
import sys

import pytest

SCHEDULE = """
from typing import ClassVar, Literal

from trainables.parameters import Parameter, Real
from trainables.ratio.family import Curve, Ratio
from trainables.ratio.registry import FAMILIES


class Parabola(Curve):
    description: ClassVar[str] = "a parabola from 0 to the top and back"
    family: Literal["parabola"] = "parabola"
    top: Ratio = 1.0

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        return {"top": Real(0, 1)}

    def ratio(self, progress: float) -> float:
        return self.top * 4 * progress * (1 - progress)

    def summary(self) -> str:
        return f"parabola to {self.top:.3g}"


FAMILIES.register(Parabola)
VALUES = {"family": "parabola", "top": 0.75}
"""
CONTROLLER = """
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from trainables.batches.kinds import Kind
from trainables.parameters import Parameter, Real
from trainables.ratio.controller import Controller, ControllerFamily, Signal
from trainables.ratio.family import Ratio
from trainables.ratio.registry import FAMILIES


class Falling(ControllerFamily):
    description: ClassVar[str] = "falls by a factor whenever a batch is learned"
    references: ClassVar[Mapping[str, Kind]] = {"learned": "mono"}
    family: Literal["falling"] = "falling"
    learned: tuple[float, ...]
    factor: Ratio = 0.5

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        return {"factor": Real(0.1, 0.9)}

    def controller(self, total_steps: int) -> Controller:
        return FallingController(self)

    def summary(self) -> str:
        return f"falling by {self.factor:.3g}"


class FallingController(Controller):
    def __init__(self, family: Falling) -> None:
        super().__init__(1.0)
        self._family = family

    def wants(self, step: int) -> frozenset[Signal]:
        return frozenset({"loss", "dev/monolingual/map"} if step % 2 else {"loss"})

    def _decide(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float:
        return self._ratio * (self._family.factor if signals["loss"] < self._family.learned[0] else 1.0)

    def _memory(self) -> dict[str, Any]:
        return {}

    def _recall(self, memory: Mapping[str, Any]) -> None:
        pass


FAMILIES.register(Falling)
VALUES = {"family": "falling", "learned": [100.0], "factor": 0.75}
"""
USE = """
import numpy as np

from search_spaces.space import family_branch
from tests.trainables.toy_run import Reports, toy_config, toy_data, toy_encoder, toy_tokens
from trainables.config import TrialConfig
from trainables.ratio.config import ratio_config
from trainables.registry import RECORDED
from trainables.options import patched
from trainables.ratio.controls.registry import CONTROLS
from trainables.training.fine_tune import fine_tune

assert list(FAMILIES)[0] == "constant" and list(FAMILIES)[-1] == VALUES["family"]
config = toy_config(ratio=VALUES, steps=8)
assert type(config.ratio) is FAMILIES[VALUES["family"]]
assert TrialConfig.model_validate_json(config.model_dump_json()) == config
assert TrialConfig.model_validate_json(config.model_dump_json(), context=RECORDED) == config
branch = family_branch(VALUES["family"], name="mine")
assert branch.patch == {"ratio.family": VALUES["family"]}
assert set(branch.searched) in ({"ratio.top"}, {"ratio.factor"})


def train(training):
    data = toy_data()
    measured = lambda encoder, names: dict.fromkeys(names, 0.5)
    return fine_tune(training, data, toy_tokens(data), toy_encoder(), sink=Reports(), dev_signals=measured)


summary = train(config)
assert summary.status == "complete" and len(summary.ratios) == 8
print([round(ratio, 6) for ratio in summary.ratios])
for control in CONTROLS.values():
    changed = TrialConfig.model_validate(patched(config.model_dump(), control.changes(config, summary.ratios)))
    assert train(changed).status == "complete", control.name
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plugin", "ratios"),
    [
        (SCHEDULE, [0.75 * 4 * p * (1 - p) for p in (step / 8 for step in range(8))]),
        (CONTROLLER, [0.75**step for step in range(8)]),
    ],
    ids=["schedule", "controller"],
)
def test_a_family_of_a_plugin_is_a_family_like_any_other(plugin, ratios):
    run = subprocess.run([sys.executable, "-c", plugin + USE], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str([round(ratio, 6) for ratio in ratios])
