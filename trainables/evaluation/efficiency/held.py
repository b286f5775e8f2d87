"""What a confirm trial leaves for the measure phase: its encoder and its embeddings, deleted once they are measured."""

from pathlib import Path

import numpy as np
from safetensors.torch import load_model, save_model
from transformers import PreTrainedTokenizerBase

from trainables.config import TrialConfig
from trainables.encoders.adapters import without_adapters
from trainables.encoders.model import Encoder
from trainables.evaluation.arrays import ScoreArray
from trainables.evaluation.scores import Embeddings, on_host

HELD = "held"
"""The folder of it, in that of the trial."""

_WEIGHTS = "weights.safetensors"


def hold_encoder(folder: Path, encoder: Encoder) -> None:
    """Writes the weights of an encoder."""
    save_model(encoder, str(folder / _WEIGHTS))


def hold_embeddings(folder: Path, benchmark: str, queries: Embeddings, candidates: Embeddings) -> None:
    """Writes the embeddings of a benchmark, float32 [Q, d] and [C, d]."""
    for name, vectors in zip(_names(benchmark), (queries, candidates), strict=True):
        np.save(folder / name, on_host(vectors), allow_pickle=False)


def held_encoder(folder: Path, config: TrialConfig, tokenizer: PreTrainedTokenizerBase) -> Encoder:
    """Returns the encoder that a trial held; raises FileNotFoundError."""
    # All its weights are read: the seed does not matter.
    encoder = config.encoder.build(tokenizer, seed=0)
    if config.merging.weights is not None:
        # Encoders are averaged with their adapters added to their weights.
        for side in encoder.sides:
            side.transformer = without_adapters(side.transformer)
    load_model(encoder, folder / _WEIGHTS)
    return encoder


def held_embeddings(folder: Path, benchmark: str) -> tuple[ScoreArray, ScoreArray]:
    """Returns the embeddings of queries and candidates, memory-mapped; raises FileNotFoundError."""
    queries, candidates = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in _names(benchmark))
    return queries, candidates


def _names(benchmark: str) -> tuple[str, str]:
    return f"{benchmark}.queries.npy", f"{benchmark}.candidates.npy"
