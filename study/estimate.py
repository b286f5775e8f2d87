"""What a study will cost, before it starts: rough, and said to be so."""

import time
from dataclasses import dataclass

import torch
from transformers import AutoConfig, AutoModel

from study.cluster.resources import Resources
from study.plan.program import Effort
from trainables.encoders.config import FEED_FORWARD, EncoderConfig
from trainables.inputs import TrialInputs

_BYTES_PER_TRAINED_PARAMETER = 16
"""float32 weight, gradient and two moments of AdamW."""

_ACTIVATION_VALUES_PER_TOKEN_AND_LAYER = 34
"""Values of the model's width that a transformer layer keeps for its backward pass (Korthikanti et al., 2022)."""

_EFFICIENCY = 0.35
"""Share of the speed of a large matrix product that training reaches."""

_SECONDS_PER_TRIAL = 1.0
"""Fixed cost of a trial: start, batches planned, report, records."""


@dataclass(frozen=True)
class Estimate:
    """Memory of one worker in GiB, seconds of one trial, and hours of the study."""

    parameters: int
    memory_gib: float
    trial_seconds: float
    study_seconds: float


def estimate(
    inputs: TrialInputs, effort: Effort, resources: Resources, confirm_trials: int, gradient_accumulation: int
) -> Estimate:
    """Estimates from the encoder's shape, the lengths of the texts, and a matrix product timed here."""
    layers, width, parameters, embeddings = _shape(inputs.encoder, len(inputs.tokenizer))
    pair_tokens = float(inputs.queries.lengths.mean() + inputs.passages.lengths.mean())
    worker_pairs = effort.batch_size / resources.workers / gradient_accumulation
    activations = worker_pairs * pair_tokens * layers * width * _ACTIVATION_VALUES_PER_TOKEN_AND_LAYER * 4
    memory = parameters * _BYTES_PER_TRAINED_PARAMETER + activations
    # Forward and backward cost 6 operations per weight and token; an encoding pass costs 2.
    weights = max(1, parameters - embeddings)
    texts = [inputs.dev, *inputs.tests]
    encoded = sum(len(t.queries.ids) + len(t.candidates.ids) for t in texts)
    operations = 6 * weights * pair_tokens * effort.pairs_per_trial + 2 * weights * encoded
    trial = _SECONDS_PER_TRIAL + operations / (_EFFICIENCY * _operations_per_second(resources) * resources.workers)
    trials = effort.search_trials + confirm_trials
    return Estimate(parameters, memory / 2**30, trial, trial * trials / resources.concurrent)


def _shape(encoder: EncoderConfig, vocabulary: int) -> tuple[int, int, int, int]:
    """Layers, width, parameters, and those of them in the embedding table."""
    if encoder.is_mini:
        layers, width = encoder.layers or 1, encoder.width or 1
        embeddings = vocabulary * width
        return layers, width, embeddings + layers * (4 + 2 * FEED_FORWARD) * width * width, embeddings
    config = AutoConfig.from_pretrained(
        encoder.source, revision=encoder.revision, trust_remote_code=encoder.trust_remote_code
    )
    with torch.device("meta"):
        model = AutoModel.from_config(config, trust_remote_code=encoder.trust_remote_code)
    embeddings = model.get_input_embeddings().weight.numel()
    return config.num_hidden_layers, config.hidden_size, sum(p.numel() for p in model.parameters()), embeddings


def _operations_per_second(resources: Resources) -> float:
    device = "cuda" if resources.gpus_per_worker and torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    size = 4096 if device == "cuda" else 512
    threads = torch.get_num_threads()
    torch.set_num_threads(resources.threads)
    try:
        a = torch.ones(size, size, device=device, dtype=dtype)
        times = []
        for _ in range(4):
            start = time.perf_counter()
            float((a @ a)[0, 0])
            times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return 2 * size**3 / min(times)
