"""What a training run is asked to do; nothing here needs torch."""

import hashlib
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainables.ratio.config import RatioConfig


class TrainingConfig(BaseModel):
    """Every knob of one training run. A step is an optimiser step, whatever the workers and the chunks."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    ratio: RatioConfig
    """The probability α that a batch is monolingual: a schedule, or a controller that follows signals."""
    draw: Literal["exact", "bernoulli"] = "exact"
    """How α becomes a kind of batch: by error diffusion (any run of n batches holds round(Σα) ± 1 monolingual ones), or
    by independent draws (arXiv 2408.10536)."""
    mixing: Literal["alternate", "loss"] = "alternate"
    """`alternate`: one batch of one kind per step. `loss`: both kinds in every step, α L_mono + (1 - α) L_cross, each
    over `batch_size` pairs, so that a step costs twice the pairs."""
    steps: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    """Pairs of a batch over all workers: a query has `batch_size - 1` negatives."""
    learning_rate: float = Field(gt=0)
    temperature: float = Field(default=0.05, gt=0)
    symmetric: bool = False
    """Also let every passage choose among the queries, and average the two losses."""
    warmup_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises linearly."""
    decay: Literal["linear", "cosine", "constant"] = "linear"
    """How the learning rate falls after the warm-up: to zero, or not at all."""
    weight_decay: float = Field(default=0.01, ge=0)
    gradient_clip: float = Field(default=1.0, ge=0)
    """Largest global norm of the gradient; 0 leaves it alone."""
    gradient_accumulation: int = Field(default=1, ge=1)
    """Number of chunks in which a worker encodes its share of a batch (GradCache, arXiv 2101.06983): the loss and the
    gradient are those of one chunk, memory falls and time rises by an extra forward pass."""
    precision: Literal["float32", "bfloat16", "auto"] = "auto"
    """`auto`: bfloat16 on accelerators that support it, else float32. Weights and loss are always float32."""
    seed: int = Field(default=0, ge=0)
    report_every: int = Field(default=20, ge=1)
    evaluate_every: int = Field(default=0, ge=0)
    """Steps between evaluations on the dev set; 0: at the end only."""
    checkpoint_every: int = Field(default=0, ge=0)
    """Steps between checkpoints; 0: at the end only."""

    @model_validator(mode="after")
    def _chunks_hold_pairs(self) -> Self:
        if self.gradient_accumulation > self.batch_size:
            raise ValueError(
                f"gradient_accumulation is {self.gradient_accumulation}, but a batch of {self.batch_size} pairs "
                "has no more chunks than pairs: lower gradient_accumulation or raise batch_size."
            )
        return self

    @model_validator(mode="after")
    def _controllers_follow_one_kind(self) -> Self:
        if self.mixing == "loss" and self.ratio.closed_loop:
            raise ValueError(
                f"mixing is 'loss', which trains on both kinds in every step, but the {self.ratio.family} controller "
                "follows one kind per step: set mixing to 'alternate', or replay the ratios of such a run."
            )
        return self

    @property
    def fingerprint(self) -> str:
        """The sha256 of every knob: equal fingerprints mean equal runs on equal data and encoders."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
