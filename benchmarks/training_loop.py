"""What the training loop costs beside a bare PyTorch loop with the same model on the same batches.

    OMP_NUM_THREADS=1 python benchmarks/training_loop.py [--layers 2] [--width 128] [--steps 100] [--rounds 7]

The bare loop finds its batches ready as tensors; the training loop plans, pads, counts, reports and follows a
schedule meanwhile. Rounds are interleaved, and each starts from fresh weights. Prints the median CPU milliseconds per
step of each, their ratios to the faster bare loop (the median of the ratios within a round, and the ratio of the best
rounds, which other work on the machine disturbs least), and the time that planning takes.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
from torch.nn import functional
from transformers import XLMRobertaConfig, XLMRobertaModel

from trainables.batches.kinds import batch_kinds
from trainables.batches.planner import BatchPlanner
from trainables.config import TrialConfig
from trainables.corpora.items import PairItem
from trainables.corpora.pairs import TrainingData, training_data
from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.model import Encoder
from trainables.encoders.tokens import TokenTable, pad
from trainables.options import patched
from trainables.ratio.policy import ratio_policy
from trainables.records import Report
from trainables.training.fine_tune import fine_tune
from trainables.training.gradient import Tokens

LANGUAGES = 11
ITEMS = 600
VOCABULARY = 8000
PAD = 1
BENCH = HuggingFaceEncoder(name="bench", source="a/b")

Pair = tuple[torch.Tensor, torch.Tensor]


class Silent:
    """A sink that throws reports away."""

    def report(self, report: Report) -> bool:
        return False


def parallel_items() -> TrainingData:
    languages = [f"l{number}" for number in range(LANGUAGES)]
    items = [
        PairItem(str(i), str(i), {x: f"{x} question {i}" for x in languages}, {x: f"{x} answer {i}" for x in languages})
        for i in range(ITEMS)
    ]
    return training_data({"parallel": items})


def random_tokens(data: TrainingData, longest: int) -> Tokens:
    generator = np.random.default_rng(0)
    lengths = generator.integers(longest // 2, longest + 1, len(data.texts))
    ids = generator.integers(4, VOCABULARY, lengths.sum()).astype(np.int32)
    table = TokenTable(ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    return Tokens(table, table, PAD)


def fresh_encoder(layers: int, width: int) -> Encoder:
    torch.manual_seed(0)
    settings = XLMRobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64 or 1,
        intermediate_size=4 * width,
        max_position_embeddings=130,
        type_vocab_size=1,
        pad_token_id=PAD,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return Encoder(XLMRobertaModel(settings, add_pooling_layer=False), BENCH).train()


def ready_batches(config: TrialConfig, data: TrainingData, tokens: Tokens) -> tuple[list[tuple[Pair, Pair]], float]:
    """The batches of a run as tensors, and the CPU seconds that planning them took."""
    policy, kinds = ratio_policy(config.ratio, config.steps), batch_kinds(config.batches.draw, config.seed)
    planner = BatchPlanner(data, config.batches.size, config.seed)
    start = time.process_time()
    batches = [planner.batch(t, kinds.draw(t, policy.ratio(t))) for t in range(config.steps)]
    planning = time.process_time() - start
    padded = [(pad(tokens.queries, b.query_text, PAD), pad(tokens.passages, b.passage_text, PAD)) for b in batches]
    return padded, planning


def bare_loop(config: TrialConfig, encoder: Encoder, batches: list[tuple[Pair, Pair]], together: bool) -> None:
    """As few lines as a contrastive training can have; with `together`, one forward pass for queries and passages."""
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=config.optimiser.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / config.steps)
    labels = torch.arange(config.batches.size)
    for queries, passages in batches:
        if together:
            q, p = encoder(*_joined(queries, passages)).chunk(2)
        else:
            q, p = encoder(*queries), encoder(*passages)
        loss = functional.cross_entropy(q @ p.T / config.loss.temperature, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), config.optimiser.gradient_clip)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()


def _joined(queries: Pair, passages: Pair) -> Pair:
    width = max(queries[0].shape[1], passages[0].shape[1])
    ids = [functional.pad(ids, (0, width - ids.shape[1]), value=PAD) for ids, _ in (queries, passages)]
    mask = [functional.pad(mask, (0, width - mask.shape[1])) for _, mask in (queries, passages)]
    return torch.cat(ids), torch.cat(mask)


def our_loop(config: TrialConfig, data: TrainingData, tokens: Tokens, encoder: Encoder) -> None:
    summary = fine_tune(config, data, tokens, encoder, sink=Silent())
    if summary.status != "complete":
        raise RuntimeError(f"the run ended after {summary.steps} steps ({summary.status}): its time says nothing")


def cpu_milliseconds(call: Callable[[], Any], steps: int) -> float:
    start = time.process_time()
    call()
    return (time.process_time() - start) * 1e3 / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("layers", 2), ("width", 128), ("batch-size", 48), ("tokens", 14), ("chunks", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = parallel_items()
    tokens = random_tokens(data, arguments.tokens)
    values = {
        "encoder": BENCH,
        "ratio": "linear(1, 0)",
        "steps": arguments.steps,
        "batches": {"size": arguments.batch_size},
        "optimiser": {"learning_rate": 1e-4},
        "compute": {"precision": "float32"},
        "monitoring": {"reports": -(-arguments.steps // 20)},
    }
    config = TrialConfig.model_validate(values)
    cached = TrialConfig.model_validate(patched(values, {"compute.gradient_accumulation": arguments.chunks}))
    batches, planning = ready_batches(config, data, tokens)
    encoder = fresh_encoder(arguments.layers, arguments.width)
    start = {name: value.clone() for name, value in encoder.state_dict().items()}
    loops = {
        "bare, two passes": lambda: bare_loop(config, encoder, batches, together=False),
        "bare, one pass": lambda: bare_loop(config, encoder, batches, together=True),
        "fine_tune": lambda: our_loop(config, data, tokens, encoder),
        f"fine_tune, {arguments.chunks} chunks": lambda: our_loop(cached, data, tokens, encoder),
    }
    times: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(arguments.rounds + 1):
        for name, loop in loops.items():
            encoder.load_state_dict(start)
            encoder.zero_grad()
            milliseconds = cpu_milliseconds(loop, arguments.steps)
            if number:  # The first round warms up.
                times[name].append(milliseconds)
    fastest = min(("bare, one pass", "bare, two passes"), key=lambda name: statistics.median(times[name]))
    print(f"{arguments.layers} layers x {arguments.width}, batch {arguments.batch_size}, <= {arguments.tokens} tokens")
    print(f"load {os.getloadavg()[0]:.1f}, ratios to: {fastest}")
    for name, spent in times.items():
        ratio = statistics.median([mine / base for mine, base in zip(spent, times[fastest], strict=True)])
        best = min(spent) / min(times[fastest])
        print(f"{name:24} {statistics.median(spent):8.2f} ms CPU per step   {ratio:.3f}   best {best:.3f}")
    print(f"{'planning':24} {planning * 1e3 / arguments.steps:8.3f} ms CPU per step")


if __name__ == "__main__":
    main()
