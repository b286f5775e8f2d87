"""The room that a study takes on disk, at most, beside its records."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from study.cost.worker import WorkerMemory
from study.plan.program import StudyPlan
from study.settings import StudySettings
from trainables.config import TrialConfig
from trainables.encoders.base import EncoderConfig
from trainables.encoders.tokenizer import of_passages
from trainables.inputs import StudyInputs, TokenisedTexts
from trainables.training.checkpoints import most_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_FLOAT = 4
"""Bytes of a weight and of a component of a vector."""


@dataclass(frozen=True)
class Disk:
    """Bytes that there are at most at a time."""

    checkpoints: int
    """Of the trials that run."""
    kept: int
    """Encoders that stay."""
    held: int
    """Encoders and embeddings of the confirm phase, which stay until all of them are measured."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.checkpoints + self.kept + self.held


def disk(settings: StudySettings, plan: StudyPlan, inputs: StudyInputs, concurrent: int) -> Disk:
    """Returns what a study takes if all of its trials have its largest encoder.

    Args:
        settings: which encoders are kept.
        plan: the study.
        inputs: the tokenizers and the benchmarks.
        concurrent: trials at a time.
    """
    more_seeds = max(0, (settings.until_separable or 0) - plan.seeds)
    confirmed = plan.planned["confirm"] - plan.rival_trials + plan.most_main_arms * more_seeds
    best = min(confirmed, plan.repetitions * plan.most_arms + concurrent)
    kept = {"none": 0, "best": best, "all": confirmed}[settings.keep_encoders] + plan.kept_in_search
    measured = confirmed if plan.space.efficiency is not None else 0
    configs = [(one.encoder.model_dump_json(), one) for one in plan.first_configs]
    encoders = {key: (one.encoder, inputs.of(one.encoder).texts) for key, one in configs}
    # An encoder that no step has trained is that which it came from.
    trained = {key for key, one in configs if one.steps}
    different = {(key, one.compute.trim_vocabulary): one for key, one in configs if one.steps and one.checkpoint_every}
    largest = max((checkpoint_bytes(one, inputs.of(one.encoder).texts) for one in different.values()), default=0)
    return Disk(
        checkpoints=concurrent * largest,
        kept=kept and kept * max((kept_bytes(*encoders[key]) for key in trained), default=0),
        held=measured and measured * max(held_bytes(*one) for one in encoders.values()),
    )


def checkpoint_bytes(config: TrialConfig, texts: TokenisedTexts) -> int:
    """The checkpoints of a trial."""
    if not config.checkpoint_every or not config.steps:
        return 0
    return most_bytes(WorkerMemory(config, texts, 0.0, gpu=None, on_gpu=False).shape.trained)


def kept_bytes(encoder: EncoderConfig, texts: TokenisedTexts) -> int:
    """An encoder as a folder of sentence-transformers: its weights, or its adapters alone, and its tokenizers."""
    shape = encoder.shape(len(texts.tokenizer))
    # What reads images is kept in any case.
    whole = encoder.is_kept_whole or encoder.reads_images
    return _FLOAT * (shape.parameters if whole else shape.trained) + sum(
        map(_saved_bytes, {texts.tokenizer, of_passages(texts.tokenizer)})
    )


def held_bytes(encoder: EncoderConfig, texts: TokenisedTexts) -> int:
    """All weights of an encoder and its vectors of all benchmarks."""
    skeleton = encoder.skeleton(len(texts.tokenizer))
    vectors = sum(len(test.queries) + len(test.candidates) for test in texts.tests)
    return _FLOAT * (sum(one.numel() for one in skeleton.parameters()) + vectors * skeleton.dimension)


def _saved_bytes(tokenizer: "PreTrainedTokenizerBase") -> int:
    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
