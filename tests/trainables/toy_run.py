"""A real training that takes a second: parallel items in three made-up languages, an XLM-R of one layer."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal
from unittest.mock import patch

import numpy as np
import torch
from transformers import XLMRobertaConfig, XLMRobertaModel

from trainables.batches.kinds import Kind
from trainables.config import TrialConfig
from trainables.corpora.items import PairItem
from trainables.corpora.pairs import TrainingData, training_data
from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.model import Encoder
from trainables.encoders.tokens import TokenTable
from trainables.options import patched
from trainables.ratio.controller import Controller, ControllerFamily, Signal
from trainables.records import Report
from trainables.training import gradient
from trainables.training.config import ComputeConfig, MonitoringConfig, OptimiserConfig
from trainables.training.gradient import Tokens
from trainables.training.rectangles import PassCost

LANGUAGES = ("de", "en", "th")
ITEMS = 60
BATCH = 8
PAD = 1
TOY = HuggingFaceEncoder(name="toy", source="toy/toy")


def toy_data(negatives: bool = False) -> TrainingData:
    """Item i asks for number i; every language writes the question and the answer in its own tokens.

    With negatives, items but every third have the answers of two other items as negatives.
    """
    items = [
        PairItem(
            id=f"item-{i}",
            group=f"group-{i}",
            query={language: f"{language} question {i}" for language in LANGUAGES},
            passage={language: f"{language} answer {i}" for language in LANGUAGES},
            negatives={language: toy_negatives(language, i) for language in LANGUAGES} if negatives and i % 3 else {},
        )
        for i in range(ITEMS)
    ]
    return training_data({"toy": items})


def toy_negatives(language: str, item: int) -> tuple[str, ...]:
    return tuple(f"{language} answer {(item + step) % ITEMS}" for step in (7, 11))


def toy_tokens(data: TrainingData) -> Tokens:
    """Token ids 2 and up; passages are longer than queries, and lengths differ."""
    rows = []
    for text in data.texts:
        language, kind, number = text.split()
        mark = LANGUAGES.index(language) * 2 + (kind == "answer")
        number = int(number)
        row = [2 + mark, 10 + number % 8, 18 + number // 8]
        rows.append(row + [8] * (number % 3) * (kind == "answer"))
    ids = np.array([token for row in rows for token in row], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Tokens(TokenTable(ids, offsets), TokenTable(ids, offsets), PAD)


def toy_encoder(dropout: float = 0.0, seed: int = 0, layers: int = 1) -> Encoder:
    settings = XLMRobertaConfig(
        vocab_size=32,
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=16,
        type_vocab_size=1,
        pad_token_id=PAD,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformer = XLMRobertaModel(settings, add_pooling_layer=False)
    return Encoder(transformer.train(), TOY)


SHORT = {
    "batch_size": "batches.size",
    "draw": "batches.draw",
    "hard_negatives": "batches.hard_negatives",
    "mixing": "batches.mixing",
    "temperature": "loss.temperature",
    "symmetric": "loss.symmetric",
    **{name: f"compute.{name}" for name in ComputeConfig.model_fields},
    **{name: f"optimiser.{name}" for name in OptimiserConfig.model_fields},
    **{name: f"monitoring.{name}" for name in MonitoringConfig.model_fields},
}
"""Options by their last name."""


EVERY = {"report_every": "reports", "evaluate_every": "evaluations", "checkpoint_every": "checkpoints"}


def toy_config(**options: Any) -> TrialConfig:
    """A training of 12 steps; options by their last name, and how often it looks at itself by `report_every`, ..."""
    values = {
        "encoder": TOY,
        "ratio": {"family": "constant", "value": 0.5},
        "steps": 12,
        "batch_size": BATCH,
        "learning_rate": 0.01,
        "reports": 3,
        "evaluations": 1,
        "checkpoints": 0,
        "precision": "float32",
        **options,
    }
    every = {name: steps for name in EVERY if (steps := values.pop(name, None)) is not None}
    values |= {EVERY[name]: -(-values["steps"] // steps) for name, steps in every.items()}
    config = TrialConfig.model_validate(patched({}, {SHORT.get(name, name): value for name, value in values.items()}))
    for name, steps in every.items():
        assert getattr(config, name) == steps, f"{name} {steps} is not an even part of {config.steps} steps"
    return config


DEV_SIGNAL = "dev/bias/rank_distance"


class Chaos(Controller):
    """Turns the smallest difference in any signal into another ratio."""

    def __init__(self) -> None:
        super().__init__(0.5)
        self._sum = 0.0

    def wants(self, step: int) -> frozenset[Signal]:
        return frozenset({"loss", "loss_after", DEV_SIGNAL} if step % 3 == 2 else {"loss", "loss_after"})

    def _decide(self, step: int, kind: Kind, signals: Mapping[str, float]) -> float:
        self._sum += sum(signals[name] for name in self.wants(step))
        return self._sum * 1000 % 1

    def _memory(self) -> dict[str, Any]:
        return {"sum": self._sum}

    def _recall(self, memory: Mapping[str, Any]) -> None:
        self._sum = memory["sum"]


class ChaosFamily(ControllerFamily):
    description: ClassVar[str] = "for tests"
    family: Literal["chaos"] = "chaos"

    def controller(self, total_steps: int) -> Chaos:
        return Chaos()

    def summary(self) -> str:
        return "chaos"


CHAOS = ChaosFamily()


@dataclass
class Reports:
    """A sink that keeps what it gets, and asks for a stop after a step."""

    stop_after: int | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)

    def report(self, report: Report) -> bool:
        self.lines.append(report.model_dump(mode="json"))
        return self.stop_after is not None and report.step >= self.stop_after

    def without_speed(self) -> list[dict[str, Any]]:
        speed = ("pairs_per_second", "tokens_per_second", "seconds", "memory_gib")
        return [{key: value for key, value in line.items() if key not in speed} for line in self.lines]


def free_passes() -> AbstractContextManager[Any]:
    """Rectangles cost nothing beside their tokens: the toy encoder, whose tokens cost nothing, would be given one."""
    return patch.object(gradient, "pass_cost", lambda *_: PassCost(token=1, attention=10, launch=0))


def weights(encoder: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in encoder.named_parameters()}


def assert_same_gradient(
    left: Mapping[str, torch.Tensor], right: Mapping[str, torch.Tensor], most: float = 1e-6
) -> None:
    """The difference of the two, over all parameters, is at most a millionth (or `most`) of their length."""
    assert left.keys() == right.keys()
    whole = [torch.cat([side[name].double().flatten() for name in sorted(left)]) for side in (left, right)]
    assert (whole[0] - whole[1]).norm() <= most * whole[1].norm()
