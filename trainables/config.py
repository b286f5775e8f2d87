"""What a training run is asked to do, whole; every part is declared by the package that it configures.

>>> config = TrialConfig.model_validate(
...     {"encoder": "mini-xs", "ratio": {"family": "linear"}, "steps": 100, "batches": {"size": 16},
...      "optimiser": {"learning_rate": 1e-3}}
... )
>>> config.loss.temperature, config.report_every
(0.05, 5)
"""

import hashlib
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainables.batches.config import BatchConfig
from trainables.encoders.registry import KINDS, AnyEncoder
from trainables.evaluation.config import EvaluationConfig
from trainables.merging import SEARCHED, MergingConfig
from trainables.options import Declared, Option, declared
from trainables.ratio.config import RatioConfig
from trainables.ratio.registry import FAMILIES
from trainables.training.config import ComputeConfig, LossConfig, MonitoringConfig, OptimiserConfig


class TrialConfig(BaseModel):
    """Every option of one training run. A step is an optimiser step, whatever the workers and the chunks."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    encoder: Annotated[AnyEncoder, Option(flag="model")]
    """encoder: a preset, a local folder or a hub id"""
    ratio: Annotated[RatioConfig, Option()]
    """the probability that a batch is monolingual: a schedule, or a controller that follows signals"""
    steps: Annotated[int, Field(ge=0, le=10**9), Option(flag="steps")]
    """optimiser steps of a trial; 0: the encoder as it comes"""
    batches: BatchConfig
    loss: LossConfig = LossConfig()
    optimiser: OptimiserConfig
    compute: ComputeConfig = ComputeConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    merging: MergingConfig = MergingConfig()
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """seed of weights, batches and dropout"""

    @model_validator(mode="after")
    def _chunks_hold_pairs(self) -> Self:
        chunks, pairs = self.compute.gradient_accumulation, self.batches.size
        if chunks > pairs:
            raise ValueError(
                f"gradient_accumulation is {chunks}, but a batch of {pairs} pairs has no more chunks than pairs: lower "
                "gradient_accumulation or raise the batch size."
            )
        return self

    @model_validator(mode="after")
    def _what_is_merged_is_not_trained(self) -> Self:
        if self.merging.cross_weight is not None and self.steps:
            raise ValueError(
                f"merging.cross_weight is {self.merging.cross_weight}, which takes the place of a training, but "
                f"steps is {self.steps}: set steps to 0."
            )
        return self

    @model_validator(mode="after")
    def _shards_suit_the_encoder(self) -> Self:
        if self.compute.parallel == "sharded" and getattr(self.encoder, "trust_remote_code", False):
            raise ValueError(
                "compute.parallel is 'sharded', where the first worker alone reads the checkpoint, and the others lack "
                "the code that it brings: set encoder.trust_remote_code to false, or compute.parallel to replicated."
            )
        routes = "passages than for queries" if self.encoder.has_routes else None
        apart = "images than for texts" if self.encoder.reads_images else routes
        if self.compute.parallel == "sharded" and apart is not None:
            raise ValueError(
                "compute.parallel is 'sharded', where all workers must compute the same layers at the same time, but "
                f"{self.encoder.name} has others for {apart}: set compute.parallel to replicated."
            )
        return self

    @model_validator(mode="after")
    def _layers_are_there(self) -> Self:
        for option in ("parallel", "compile", "activation_checkpointing"):
            value, usual = getattr(self.compute, option), ComputeConfig.model_fields[option].default
            if value != usual and not self.encoder.has_layers:
                raise ValueError(
                    f"{option} is {str(value).lower()}, but the encoder {self.encoder.name} has no layers that this "
                    f"could work on: set compute.{option} to {str(usual).lower()}."
                )
        return self

    @model_validator(mode="after")
    def _blocks_fill_a_batch(self) -> Self:
        block, pairs = self.loss.negative_pool, self.batches.size
        if block is not None and pairs % block:
            raise ValueError(
                f"negative_pool is {block}, of which a batch of {pairs} pairs is no multiple: some queries would have "
                "fewer negatives than others. Change loss.negative_pool or the batch size."
            )
        if block is not None and self.batches.mixing == "loss":
            raise ValueError(
                "mixing is 'loss', where the pairs of both kinds meet the same passages, but blocks of "
                f"{block} pairs would part them: leave loss.negative_pool or loss mixing out."
            )
        return self

    @model_validator(mode="after")
    def _controllers_follow_one_kind(self) -> Self:
        if self.batches.mixing == "loss" and self.ratio.closed_loop:
            raise ValueError(
                f"mixing is 'loss', which has both kinds in every batch, but the {self.ratio.family} controller "
                "follows one kind per step: set mixing to 'alternate', or replay the ratios of such a run."
            )
        return self

    @property
    def summary(self) -> str:
        """What is trained, or taken in its place, in a short line."""
        if self.merging.cross_weight == SEARCHED:
            return "weights of X-X-mono and X-Y"
        if (weights := self.merging.weights) is not None:
            return f"weights {weights[0]:.3g} X-X-mono + {weights[1]:.3g} X-Y"
        return self.ratio.summary() if self.steps else "no step trained"

    @property
    def report_every(self) -> int:
        """Steps between reports; the last is at the end."""
        return max(1, -(-self.steps // self.monitoring.reports))

    @property
    def evaluate_every(self) -> int:
        """Steps between evaluations on the dev set; the last is at the end."""
        return max(1, -(-self.steps // self.monitoring.evaluations))

    @property
    def checkpoint_every(self) -> int:
        """Steps between checkpoints, the last at the end; 0: none."""
        return max(1, -(-self.steps // self.monitoring.checkpoints)) if self.monitoring.checkpoints else 0

    @property
    def fingerprint(self) -> str:
        """The sha256 of every option: equal fingerprints mean equal runs on equal data."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


_NOT_ASKED = frozenset(
    (
        "seed",
        "encoder.kind",
        "encoder.name",
        "encoder.query",
        "encoder.passage",
        "encoder.default_route",
        "ratio.family",
    )
)
"""Seeds are the study's; the others say which class a part is of and come with the part."""


def trial_options() -> dict[str, Declared]:
    """Every option of a trial by its dotted key, those of all kinds of encoder and of all families included.

    Of families that are made from another training, such as twins, nothing can be asked.
    """
    parts: list[tuple[type[BaseModel], str]] = [(TrialConfig, "")]
    parts += [(kind.config, "encoder.") for kind in KINDS.values()]
    parts += [(family, "ratio.") for family in FAMILIES.values() if family.parameters()]
    left_out = _NOT_ASKED | {f"ratio.{name}" for family in FAMILIES.values() for name in family.references}
    found: dict[str, Declared] = {}
    for part, prefix in parts:
        for one in declared(part, prefix):
            if one.key not in left_out:
                found.setdefault(one.key, one)
    return found
