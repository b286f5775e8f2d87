"""The options of the training itself: loss, optimiser, computation, and how often a run looks at itself."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainables.options import Option
from trainables.parameters import Real

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class LossConfig(BaseModel):
    """The contrastive loss (trainables.training.loss)."""

    model_config = _STRICT

    temperature: Annotated[
        float,
        Field(gt=0),
        Option(flag="temperature", searched=Real(0.01, 0.1, log=True), phrase="temperature {}"),
    ] = 0.05
    """temperature of the loss: similarities are divided by it"""
    symmetric: Annotated[bool, Option(phrases={"true": "in both directions"})] = False
    """let every passage choose among the queries, too, and average the two losses"""
    negative_pool: Annotated[
        Annotated[int, Field(ge=2)] | None,
        Option(phrase="in-batch negatives from blocks of {} pairs", phrases={"null": ""}),
    ] = None
    """pairs, one behind the other in a batch, among which a query finds its negatives: a larger batch without more of
    them; none: the whole batch"""


class OptimiserConfig(BaseModel):
    """AdamW and its learning rate over the steps (trainables.training.optimiser)."""

    model_config = _STRICT

    learning_rate: Annotated[float, Field(gt=0), Option(flag="learning-rate", searched=Real(1e-6, 1e-2, log=True))]
    """largest learning rate, reached after the warm-up (default: searched within every branch)"""
    betas: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]], Option(phrase="betas {}")
    ] = (0.9, 0.999)
    """decay of the first and of the second moment of AdamW, per step"""
    weight_decay: Annotated[float, Field(ge=0), Option(phrase="weight decay {}")] = 0.01
    """decay of the matrices; biases and normalisation weights have none"""
    gradient_clip: Annotated[float, Field(ge=0), Option(phrase="gradients clipped at norm {}", phrases={"0.0": ""})] = (
        1.0
    )
    """largest global norm of the gradient; 0 leaves it alone"""
    warmup_share: Annotated[
        float, Field(ge=0, lt=1), Option(phrase="warm-up over {} of the steps", phrases={"0.0": ""})
    ] = 0.1
    """share of the steps in which the learning rate rises linearly"""
    decay: Annotated[
        Literal["linear", "cosine", "constant"],
        Option(
            phrases={
                "linear": "a linearly falling learning rate",
                "cosine": "a cosine-shaped learning rate",
                "constant": "a constant learning rate",
            }
        ),
    ] = "linear"
    """how the learning rate falls after the warm-up: to zero, or not at all"""


class ComputeConfig(BaseModel):
    """How a batch is computed; none of it changes the loss by more than rounding (trainables.training.gradient).

    What is evaluated changes by no more than rounding either.
    """

    model_config = _STRICT

    precision: Annotated[Literal["auto", "float32", "bfloat16"], Option(flag="precision")] = "auto"
    """precision of the encoder; auto: bfloat16 where accelerators support it. Weights and loss are always float32"""
    parallel: Literal["replicated", "sharded"] = "replicated"
    """what a worker holds of the model: all of it, or its part of every weight, gradient and moment (FSDP), for a model
    that is too large for one"""
    activation_checkpointing: bool = False
    """keep only the inputs of transformer layers for the backward pass, and compute the rest of them again: less
    memory, a third more work"""
    gradient_accumulation: Annotated[int, Field(ge=1, le=1_000_000), Option(flag="gradient-accumulation")] = 1
    """chunks in which a worker encodes its share of a batch (GradCache, arXiv 2101.06983): less memory, up to one more
    forward pass, the same loss and gradient"""
    rectangles: Annotated[int, Field(ge=1, le=1_000)] = 8
    """most rectangles of texts of like length in which a chunk is encoded: less padding; 1: all as wide as the longest
    text"""
    packing: Literal["auto", "on", "off"] = "auto"
    """texts of a chunk one behind the other in one row instead of rectangles, without any padding; auto: for encoders
    that allow it, on GPUs in bfloat16, on a processor in float32 where they are wide and not compiled"""
    compile: bool = False
    """compile the layers of the encoder for training steps (torch.compile)"""
    trim_vocabulary: bool | Literal["auto"] = "auto"
    """train only the embeddings of pieces that the study's texts use: less memory, shorter steps, equal vectors; a kept
    encoder has all of them; auto: where they are at most half of a table"""
    evaluation_precision: Literal["float32", "bfloat16"] = "float32"
    """precision of the encoder where it is evaluated, on the dev set and on the benchmarks"""

    @model_validator(mode="after")
    def _shards_are_gathered_in_one_way(self) -> Self:
        if self.parallel == "replicated":
            return self
        if self.precision != self.evaluation_precision:
            raise ValueError(
                f"parallel is 'sharded', whose weights are gathered in one precision, but precision is "
                f"{self.precision!r} and evaluation_precision {self.evaluation_precision!r}: set both to float32 or "
                "both to bfloat16."
            )
        if self.compile:
            raise ValueError(
                "parallel is 'sharded' and compile is true, but compiled layers whose weights come and go are not "
                "tested: set compile to false, or parallel to replicated."
            )
        return self


class MonitoringConfig(BaseModel):
    """How often a run reports, evaluates and stores itself; none of it changes its weights."""

    model_config = _STRICT

    reports: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """reports of a trial, evenly spaced; the last is at the end"""
    evaluations: Annotated[int, Field(ge=1, le=1_000_000), Option(flag="evaluations")] = 2
    """dev evaluations of a trial, evenly spaced; the last is at the end (halving wants 4 or more)"""
    checkpoints: Annotated[int, Field(ge=0, le=1_000_000), Option(flag="checkpoints")] = 4
    """checkpoints of a trial, evenly spaced; 0: none, an interrupted trial starts again"""
    explain: bool = False
    """measure at dev evaluations what may explain results: cosine of the gradients of mono- and cross-lingual batches,
    alignment, uniformity, language identity"""
