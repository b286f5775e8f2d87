"""What the training loop costs beside a bare PyTorch loop and sentence-transformers' trainer, on the same batches.

    OMP_NUM_THREADS=1 python benchmarks/training_loop.py [--layers 2] [--width 128] [--steps 100] [--rounds 7]
    OMP_NUM_THREADS=1 python benchmarks/training_loop.py --checkpoint FOLDER --pairs mlqa_test.jsonl.gz --language de \\
        --tokens 128 --batch-size 32 --steps 4 --rounds 5

Without a checkpoint: an XLM-R from scratch on made-up ids. With one: its weights, and the pairs of one language of a
training file. The bare loop finds its batches ready as tensors; the training loop plans, pads, counts, reports and
follows a schedule meanwhile, with the vocabulary, the packing and the rectangles that a trial has by default; beside it
stand the whole vocabulary, other rectangles and cached gradients. Where sentence-transformers is installed and a
checkpoint is given, its trainer gets the same pairs in the same batches, with the in-batch loss, the temperature, the
optimiser and the schedule of ours; it tokenises as it goes, and so what our tokenising costs, once, is told beside it.

Rounds are interleaved, and each starts from the same weights. Prints the median CPU milliseconds per step of each and
their ratios to the faster bare loop (the median of the ratios within a round, and the ratio of the best rounds, which
other work on the machine disturbs least), pairs per second, padded tokens per real one, and the time that planning
takes.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from copy import deepcopy
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
from torch.nn import functional
from transformers import XLMRobertaConfig, XLMRobertaModel

from trainables.batches.batch import Batch
from trainables.batches.kinds import batch_kinds
from trainables.batches.planner import BatchPlanner
from trainables.config import TrialConfig
from trainables.corpora.items import PairItem
from trainables.corpora.pairs import TrainingData, training_data
from trainables.corpora.training_sets import load_training
from trainables.encoders.checkpoint import CheckpointEncoder
from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.model import Encoder
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import TokenTable, pad, tokenise
from trainables.encoders.vocabulary import trim_where_told
from trainables.options import patched
from trainables.parallel.compiled import compile_layers
from trainables.ratio.policy import ratio_policy
from trainables.records import Report
from trainables.training.fine_tune import fine_tune
from trainables.training.gradient import Tokens
from trainables.training.rectangles import pass_cost, rectangles

LANGUAGES = 11
ITEMS = 600
VOCABULARY = 8000
PAD = 1
BENCH = HuggingFaceEncoder(name="bench", source="a/b")

Pair = tuple[torch.Tensor, torch.Tensor]

Loop = Callable[[], Callable[[], Any]]
"""Gets ready what is then timed."""


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


def pairs_of(file: Path, language: str) -> TrainingData:
    """The items of a training file that have question and passage in a language, in that language alone."""
    (items,) = load_training([str(file)]).values()
    return training_data(
        {
            "pairs": [
                PairItem(one.id, one.group, {language: one.query[language]}, {language: one.passage[language]})
                for one in items
                if language in one.query and language in one.passage
            ]
        }
    )


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


def planned(config: TrialConfig, data: TrainingData) -> tuple[list[Batch], float]:
    """The batches of a run, and the CPU seconds that planning them took."""
    policy, kinds = ratio_policy(config.ratio, config.steps), batch_kinds(config.batches.draw, config.seed)
    planner = BatchPlanner.of(data, config.batches, config.seed)
    start = time.process_time()
    batches = [planner.batch(t, kinds.draw(t, policy.ratio(t))) for t in range(config.steps)]
    return batches, time.process_time() - start


def padded(batches: list[Batch], tokens: Tokens) -> list[tuple[Pair, Pair]]:
    return [
        (pad(tokens.queries, b.query_text, tokens.pad_id), pad(tokens.passages, b.passage_text, tokens.pad_id))
        for b in batches
    ]


def bare_loop(
    config: TrialConfig, encoder: Encoder, batches: list[tuple[Pair, Pair]], pad_id: int, together: bool
) -> None:
    """As few lines as a contrastive training can have; with `together`, one forward pass for queries and passages."""
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=config.optimiser.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / config.steps)
    labels = torch.arange(config.batches.size)
    for queries, passages in batches:
        if together:
            q, p = encoder(*_joined(queries, passages, pad_id)).chunk(2)
        else:
            q, p = encoder(*queries), encoder(*passages)
        loss = functional.cross_entropy(q @ p.T / config.loss.temperature, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), config.optimiser.gradient_clip)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()


def _joined(queries: Pair, passages: Pair, pad_id: int) -> Pair:
    width = max(queries[0].shape[1], passages[0].shape[1])
    ids = [functional.pad(ids, (0, width - ids.shape[1]), value=pad_id) for ids, _ in (queries, passages)]
    mask = [functional.pad(mask, (0, width - mask.shape[1])) for _, mask in (queries, passages)]
    return torch.cat(ids), torch.cat(mask)


def our_loop(config: TrialConfig, data: TrainingData, tokens: Tokens, encoder: Encoder) -> None:
    summary = fine_tune(config, data, tokens, encoder, sink=Silent())
    if summary.status != "complete":
        raise RuntimeError(f"the run ended after {summary.steps} steps ({summary.status}): its time says nothing")


def their_trainer(
    encoder: CheckpointEncoder, config: TrialConfig, data: TrainingData, batches: list[Batch]
) -> tuple[Any, Loop]:
    """The model of sentence-transformers, and what trains it on the same pairs in the same batches."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    class AsGiven(DefaultBatchSampler):
        """The rows in their order."""

        def __iter__(self) -> Iterator[list[int]]:
            size = config.batches.size
            return (list(range(start, start + size)) for start in range(0, size * config.steps, size))

    model = SentenceTransformer(encoder.source, device="cpu")
    model.max_seq_length = encoder.max_passage_length
    rows = {
        "anchor": [data.texts[text] for batch in batches for text in batch.query_text],
        "positive": [data.texts[text] for batch in batches for text in batch.passage_text],
    }
    folder = TemporaryDirectory()
    optimiser = config.optimiser
    arguments = SentenceTransformerTrainingArguments(
        output_dir=folder.name,
        per_device_train_batch_size=config.batches.size,
        max_steps=config.steps,
        learning_rate=optimiser.learning_rate,
        weight_decay=optimiser.weight_decay,
        max_grad_norm=optimiser.gradient_clip,
        warmup_steps=round(optimiser.warmup_share * config.steps),
        lr_scheduler_type="linear",
        optim="adamw_torch_fused",
        batch_sampler=AsGiven,
        prompts={"anchor": encoder.query_prefix, "positive": encoder.passage_prefix},
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )

    def prepared() -> Callable[[], None]:
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict(rows),
            loss=MultipleNegativesRankingLoss(model, scale=1 / config.loss.temperature),
        )
        return lambda: silently(trainer.train)

    return model, prepared


def silently(call: Callable[[], Any]) -> None:
    with redirect_stdout(StringIO()):
        call()


def padding(batches: list[Batch], tokens: Tokens, encoder: Encoder) -> dict[str, float]:
    """Tokens that are computed per real one, by how the texts of a batch are padded."""
    cost = pass_cost(encoder, encoder.dimension, torch.device("cpu"))
    real, found = 0, dict.fromkeys(("one rectangle", "a rectangle per side", "1 to 2", "1 to 4", "1 to 8"), 0)
    for batch in batches:
        sides = [tokens.queries.lengths[batch.query_text], tokens.passages.lengths[batch.passage_text]]
        both = np.concatenate(sides)
        real += int(both.sum())
        found["one rectangle"] += len(both) * int(both.max())
        found["a rectangle per side"] += sum(len(side) * int(side.max()) for side in sides)
        for most in (2, 4, 8):
            parts = rectangles(both, most, cost)
            found[f"1 to {most}"] += sum(len(rows) * int(both[rows].max()) for rows in parts)
    return {name: cells / real for name, cells in found.items()}


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
    parser.add_argument("--checkpoint", type=Path, help="folder of an encoder")
    parser.add_argument("--pairs", type=Path, help="training file, with --checkpoint")
    parser.add_argument("--language", help="its language that is used")
    parser.add_argument("--only", nargs="+", help="loops to run, by their names in the output")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bench: CheckpointEncoder = BENCH
    if arguments.checkpoint:
        found = resolve_encoder(str(arguments.checkpoint))
        if not isinstance(found, CheckpointEncoder):
            parser.error(f"--checkpoint {arguments.checkpoint}: that has no checkpoint; give the folder of one.")
        lengths = {"max_query_length": arguments.tokens, "max_passage_length": arguments.tokens}
        bench = found.model_copy(update=lengths)
    values = {
        "encoder": bench,
        "ratio": "constant(1)" if arguments.checkpoint else "linear(1, 0)",
        "steps": arguments.steps,
        "batches": {"size": arguments.batch_size, "items": "all" if arguments.checkpoint else "common"},
        "optimiser": {"learning_rate": 1e-5 if arguments.checkpoint else 1e-4},
        "compute": {"precision": "float32"},
        "monitoring": {"reports": -(-arguments.steps // 20)},
    }
    config = TrialConfig.model_validate(values)
    if arguments.checkpoint:
        data = pairs_of(arguments.pairs, arguments.language)
        tokenizer = bench.tokenizer()
        start = time.process_time()
        queries, passages = (
            tokenise(data.texts, tokenizer, prefix, arguments.tokens)
            for prefix in (bench.query_prefix, bench.passage_prefix)
        )
        tokenising = (time.process_time() - start) / len(data)
        tokens = Tokens(queries, passages, tokenizer.pad_token_id)
        encoder = bench.build(tokenizer, 0)
    else:
        data = parallel_items()
        tokens, tokenising = random_tokens(data, arguments.tokens), 0.0
        encoder = fresh_encoder(arguments.layers, arguments.width)
    batches, planning = planned(config, data)
    ready = padded(batches, tokens)

    pieces = np.unique([tokens.pad_id, *tokens.queries.ids, *tokens.passages.ids])
    # As a trial trains it.
    fitted = deepcopy(encoder)
    trim_where_told(fitted, config.compute.trim_vocabulary, lambda: pieces)
    compiled = deepcopy(fitted)
    compile_layers(compiled)

    def ours(model: Encoder = fitted, **compute: int | bool | str) -> Loop:
        changed = TrialConfig.model_validate(patched(values, {f"compute.{name}": it for name, it in compute.items()}))
        return lambda: lambda: our_loop(changed, data, tokens, model)

    loops: dict[str, Loop] = {
        "bare, two passes": lambda: lambda: bare_loop(config, encoder, ready, tokens.pad_id, together=False),
        "bare, one pass": lambda: lambda: bare_loop(config, encoder, ready, tokens.pad_id, together=True),
        "fine_tune": ours(),
        "fine_tune, whole vocabulary": ours(encoder),
        **{f"fine_tune, rectangles {most}": ours(packing="off", rectangles=most) for most in (1, 2, 4, 8)},
        f"fine_tune, {arguments.chunks} chunks": ours(gradient_accumulation=arguments.chunks),
        "fine_tune, compiled": ours(compiled, packing="off", compile=True),
    }
    models: dict[str, Any] = {
        **dict.fromkeys(loops, fitted),
        **dict.fromkeys(("bare, two passes", "bare, one pass", "fine_tune, whole vocabulary"), encoder),
        "fine_tune, compiled": compiled,
    }
    if arguments.checkpoint and find_spec("sentence_transformers"):
        name = "sentence-transformers"
        models[name], loops[name] = their_trainer(bench, config, data, batches)
    if arguments.only:
        loops = {name: loops[name] for name in arguments.only}
    kept = {name: {key: value.clone() for key, value in models[name].state_dict().items()} for name in loops}
    times: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(arguments.rounds + 1):
        for name, loop in loops.items():
            models[name].load_state_dict(kept[name])
            models[name].zero_grad()
            milliseconds = cpu_milliseconds(loop(), arguments.steps)
            if number:  # The first round warms up.
                times[name].append(milliseconds)
    bare = [name for name in times if name.startswith("bare")] or list(times)
    fastest = min(bare, key=lambda name: statistics.median(times[name]))
    print(
        f"{bench.name}, batch {arguments.batch_size}, <= {arguments.tokens} tokens, {len(data):,} items, "
        f"{len(pieces):,} pieces used"
    )
    print(f"load {os.getloadavg()[0]:.1f}, ratios to: {fastest}")
    for name, spent in times.items():
        ratio = statistics.median([mine / base for mine, base in zip(spent, times[fastest], strict=True)])
        best = min(spent) / min(times[fastest])
        median = statistics.median(spent)
        print(
            f"{name:28} {median:8.2f} ms CPU per step {arguments.batch_size * 1e3 / median:7.1f} pairs/s  {ratio:.3f}  "
            f"best {best:.3f}"
        )
    print(f"{'planning':28} {planning * 1e3 / arguments.steps:8.3f} ms CPU per step")
    print(f"{'tokenising':28} {tokenising * 1e3:8.3f} ms CPU per item, once")
    shares = padding(batches, tokens, encoder)
    print("computed tokens per real one: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items()))


if __name__ == "__main__":
    main()
