"""What a GPU makes of a training step: pairs per second, share of its peak, and memory beside what the plan says.

    python benchmarks/on_a_gpu.py [--gpu h100-80] [--only NAME ...] [--json FILE]
    python benchmarks/on_a_gpu.py --miniature

Encoders have the shapes of presets and random weights, texts are made of random words: queries of 16 to 32 tokens and
passages of 128 to 256. sentence-transformers trains the same weights on the same texts in batches of the same size, in
bfloat16 as well, if it is installed. `--miniature` shrinks every shape and runs anywhere, which shows that the script
works and nothing else.

A line tells the median over windows of steps, the first of which, in which kernels are compiled, is left out. The share
of the peak (model FLOP/s utilisation) counts what the loss needs: 6 operations per weight outside of embedding tables
and token, 4 where the weight is frozen, and those of attention; what padding, chunks and recomputation add is work that
it does not count. Memory is the most that was allocated at a time.
"""

import argparse
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedTokenizerFast

from study.cost.gpus import GPUS
from study.cost.worker import WorkerMemory
from trainables.batches.planner import BatchPlanner
from trainables.config import TrialConfig
from trainables.corpora.benchmark import Candidate, Query, benchmark
from trainables.corpora.items import PairItem
from trainables.corpora.pairs import TrainingData, training_data
from trainables.encoders.adapters import with_adapters
from trainables.encoders.base import EncoderConfig
from trainables.encoders.checkpoint import FACTS, CheckpointEncoder
from trainables.encoders.footprint import shape_of
from trainables.encoders.model import Encoder
from trainables.encoders.quiet import quiet
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import tokenise
from trainables.inputs import TokenisedBenchmark, TokenisedTexts
from trainables.parallel.strategy import parallel_of
from trainables.parallel.worker import Worker
from trainables.records import Report
from trainables.training.fine_tune import fine_tune
from trainables.training.gradient import Tokens

WORDS = 20_000
LENGTHS = {"query": (16, 32), "passage": (128, 256)}
"""Tokens of a text, special ones included."""
LENGTH = 256
WINDOWS = 4
SMALL = {
    "vocab_size": WORDS + 4,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "intermediate_size": 128,
}


@dataclass(frozen=True)
class Case:
    """A training whose steps are timed."""

    name: str
    model: str
    pairs: int
    steps: int
    """Of a window."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Options of the encoder and of how it computes, by dotted key."""
    stock_chunk: int | None = None
    """Texts of a chunk of sentence-transformers' cached loss; None: its plain loss. 0: it is not run."""


LORA = {"encoder.lora.rank": 16, "compute.activation_checkpointing": True}
COMPILED = {"compute.compile": True}
CASES = (
    Case("base, 100 pairs", "xlm-r-base", 100, 15),
    Case("base, 100 pairs, compiled", "xlm-r-base", 100, 15, COMPILED, 0),
    Case("base, 100 pairs, rectangles", "xlm-r-base", 100, 15, {"compute.packing": "off"}, 0),
    Case("large, 100 pairs", "xlm-r-large", 100, 8),
    Case("large, 100 pairs, compiled", "xlm-r-large", 100, 8, COMPILED, 0),
    Case("base, 1024 pairs, 8 chunks", "xlm-r-base", 1024, 2, {"compute.gradient_accumulation": 8}, 256),
    Case(
        "base, 1024 pairs, 8 chunks, compiled",
        "xlm-r-base",
        1024,
        2,
        {"compute.gradient_accumulation": 8, **COMPILED},
        0,
    ),
    Case("7B, LoRA, 32 pairs", "mistral-7b", 32, 2, LORA, 0),
    Case("7B, LoRA, 32 pairs, compiled", "mistral-7b", 32, 2, {**LORA, **COMPILED}, 0),
    Case("7B, LoRA, sharded, 32 pairs", "mistral-7b", 32, 2, {**LORA, "compute.parallel": "sharded"}, 0),
    Case("large, 1024 pairs, 16 chunks", "xlm-r-large", 1024, 1, {"compute.gradient_accumulation": 16}, 0),
)


@dataclass(frozen=True)
class Found:
    """What a case came to."""

    case: str
    by: str
    pairs_per_second: float
    milliseconds: float
    """Per step."""
    peak_share: float
    """Of the operations per second of the data sheet."""
    gib: float
    planned_gib: float | None
    seconds: float
    """Of the whole case, its building included."""


class Times:
    """A sink that keeps the time of every window."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def report(self, report: Report) -> bool:
        self.seconds.append(report.seconds)
        return False


def tokenizer() -> PreTrainedTokenizerFast:
    """Words of a closed vocabulary, between special tokens."""
    words = {name: number for number, name in enumerate(("<s>", "<pad>", "</s>", "<unk>"))}
    words |= {f"w{number}": len(words) + number for number in range(WORDS)}
    core = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_max_length=LENGTH,
    )


def items(count: int) -> TrainingData:
    """Pairs of random words in two languages."""
    generator = np.random.default_rng(0)

    def text(side: str) -> str:
        shortest, longest = LENGTHS[side]
        length = int(generator.integers(shortest, longest + 1)) - 2
        return " ".join(f"w{word}" for word in generator.integers(0, WORDS, length))

    languages = ("de", "en")
    return training_data(
        {
            "random": [
                PairItem(str(i), str(i), {x: text("query") for x in languages}, {x: text("passage") for x in languages})
                for i in range(count)
            ]
        }
    )


def tokenised(data: TrainingData, words: PreTrainedTokenizerFast) -> TokenisedTexts:
    """The texts of a study that judges nothing."""
    rows = (np.unique(data.query_text), np.unique(data.passage_text))
    queries, passages = (
        tokenise([data.texts[row] for row in side], words, "", LENGTH).among(side, len(data.texts)) for side in rows
    )
    one = tokenise(["w1"], words, "", LENGTH)
    none = benchmark("none", [Query("1", "en", "w1")], [Candidate("1", "en", "w1")], [[0]])
    return TokenisedTexts(words, queries, passages, TokenisedBenchmark(none, one, one), ())


def encoder_of(config: EncoderConfig, device: torch.device) -> Encoder:
    """An encoder with random weights, which are drawn on the device, since a processor takes minutes for 7B."""
    assert isinstance(config, CheckpointEncoder)
    settings = AutoConfig.for_model(**FACTS[config.source])
    with torch.device(device), quiet():
        transformer = config.model_class(settings).from_config(settings).float()
    if getattr(transformer, "pooler", None) is not None:
        transformer.pooler = None
    config.prepare(transformer)
    if config.lora.rank:
        transformer.name_or_path = config.source
        transformer = with_adapters(transformer, config.lora, config.source, config.revision, seed=0)
    return Encoder(transformer, config).train()


def configured(case: Case) -> TrialConfig:
    found = resolve_encoder(case.model)
    lengths = {"max_query_length": LENGTH, "max_passage_length": LENGTH}
    values: dict[str, Any] = {
        "encoder": found.model_copy(update=lengths).model_dump(),
        "ratio": "constant(0.5)",
        "steps": WINDOWS * case.steps,
        "batches": {"size": case.pairs},
        "optimiser": {"learning_rate": 1e-5},
        "compute": {"precision": "bfloat16", "evaluation_precision": "bfloat16"},
        "monitoring": {"reports": WINDOWS},
    }
    for key, value in case.changes.items():
        *parts, last = key.split(".")
        place = values
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = value
    return TrialConfig.model_validate(values)


def operations(encoder: Encoder, texts: TokenisedTexts) -> float:
    """Of a pair, on average."""
    shape = shape_of(encoder)
    body = shape.parameters - shape.embeddings
    per_token = 6 * body if shape.trained >= body else 4 * body + 2 * shape.trained
    both_ways = 0.5 if getattr(encoder.config, "attention", "") == "causal" else 1.0
    lengths = [side.lengths[side.lengths > 0].astype(np.float64) for side in (texts.queries, texts.passages)]
    return sum(
        float((per_token * side + both_ways * 12 * shape.layers * shape.width * side**2).mean()) for side in lengths
    )


def ours(case: Case, data: TrainingData, texts: TokenisedTexts, device: torch.device, peak: float) -> Found:
    start = time.perf_counter()
    config, worker = configured(case), Worker(device=device)
    planned = WorkerMemory(config, texts, 0.0, gpu=None, on_gpu=device.type == "cuda")
    planned_bytes = planned.peak(1, config.compute.gradient_accumulation).total

    def build() -> Encoder:
        built = encoder_of(config.encoder, device)
        return built.cpu() if config.compute.parallel == "sharded" else built

    forget(device)
    encoder = parallel_of(config.compute, worker).place(build)
    forget(device)
    times = Times()
    tokens = Tokens(texts.queries, texts.passages, texts.tokenizer.pad_token_id)
    summary = fine_tune(config, data, tokens, encoder, sink=times, worker=worker)
    if summary.status != "complete" or summary.rechunked:
        raise RuntimeError(f"{case.name}: {summary}")
    per_step = statistics.median(np.diff(times.seconds)) / case.steps
    share = operations(encoder, texts) * case.pairs / per_step / peak
    return found(case, "this project", per_step, share, device, start, planned_bytes / 2**30)


def found(
    case: Case, by: str, per_step: float, share: float, device: torch.device, start: float, planned: float | None = None
) -> Found:
    """What a case came to, of so many seconds per step and such a share of the peak."""
    memory, seconds = allocated(device), time.perf_counter() - start
    return Found(case.name, by, case.pairs / per_step, per_step * 1e3, share, memory, planned, seconds)


def theirs(case: Case, data: TrainingData, texts: TokenisedTexts, device: torch.device, peak: float) -> Found:
    """The trainer of sentence-transformers, on the same weights."""
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer import losses
    from transformers import TrainerCallback

    class Windows(TrainerCallback):
        def __init__(self) -> None:
            self.ends: list[float] = []

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step % case.steps == 0:
                if device.type == "cuda":
                    torch.cuda.synchronize()
                self.ends.append(time.perf_counter())

    start = time.perf_counter()
    config, steps = configured(case), WINDOWS * case.steps
    encoder = encoder_of(config.encoder, device)
    needed = operations(encoder, texts)
    planner = BatchPlanner.of(data, config.batches, 0)
    batches = [planner.batch(step, "mono") for step in range(steps)]
    rows = {
        "anchor": [data.texts[text] for batch in batches for text in batch.query_text],
        "positive": [data.texts[text] for batch in batches for text in batch.passage_text],
    }
    with TemporaryDirectory() as folder, quiet():
        encoder.transformer.save_pretrained(folder)
        texts.tokenizer.save_pretrained(folder)
        del encoder
        model = SentenceTransformer(folder, device=str(device))
        model.max_seq_length = LENGTH
        loss: torch.nn.Module
        if case.stock_chunk is None:
            loss = losses.MultipleNegativesRankingLoss(model, scale=1 / config.loss.temperature)
        else:
            loss = losses.CachedMultipleNegativesRankingLoss(
                model, scale=1 / config.loss.temperature, mini_batch_size=case.stock_chunk
            )
        windows = Windows()
        trainer = SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=case.pairs,
                max_steps=steps,
                bf16=True,
                use_cpu=device.type == "cpu",
                optim="adamw_torch_fused",
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict(rows),
            loss=loss,
            callbacks=[windows],
        )
        forget(device)
        with redirect_stdout(StringIO()):
            trainer.train()
    per_step = statistics.median(np.diff(windows.ends)) / case.steps
    return found(case, "sentence-transformers", per_step, needed * case.pairs / per_step / peak, device, start)


def forget(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def allocated(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else float("nan")


def matrix_product(device: torch.device) -> float:
    """Operations per second of a large product of random matrices in bfloat16."""
    size = 8192 if device.type == "cuda" else 512
    a, b = (torch.randn(size, size, device=device).bfloat16() for _ in range(2))
    times = []
    for _ in range(12):
        start = time.perf_counter()
        float((a @ b)[0, 0])
        times.append(time.perf_counter() - start)
    return 2 * size**3 / statistics.median(times[2:])


def results(
    cases: list[Case], data: TrainingData, texts: TokenisedTexts, device: torch.device, peak: float
) -> Iterator[Found]:
    for case in cases:
        for run in (ours, theirs):
            if run is theirs and (case.stock_chunk == 0 or not find_spec("sentence_transformers")):
                continue
            forget(device)
            try:
                yield run(case, data, texts, device, peak)
            except Exception as error:  # The other cases are worth their time.
                print(f"{case.name}, {run.__name__}: {type(error).__name__}: {str(error)[:600]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", default="h100-80", help="whose data sheet has the peak")
    parser.add_argument("--only", nargs="+", help="cases, by a part of their names")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    parser.add_argument("--miniature", action="store_true", help="small shapes, on a processor if there is no GPU")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not arguments.miniature:
        sys.exit("There is no GPU here: run with --miniature, or elsewhere.")
    if arguments.miniature:
        for source, facts in FACTS.items():
            FACTS[source] = {**facts, **{key: value for key, value in SMALL.items() if key in facts}}
    peak = GPUS[arguments.gpu].bfloat16 or GPUS[arguments.gpu].float32
    cases = [case for case in CASES if not arguments.only or any(part in case.name for part in arguments.only)]
    if not cases:
        sys.exit(f"No case has {' or '.join(arguments.only)} in its name: {'; '.join(case.name for case in CASES)}.")
    if arguments.miniature:
        cases = [replace(case, pairs=16, steps=1, stock_chunk=case.stock_chunk and 8) for case in cases]
    words, data = tokenizer(), items(max(case.pairs for case in cases))
    texts = tokenised(data, words)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "a processor"
    print(f"{name}, PyTorch {torch.__version__}; a large matrix product: {matrix_product(device) / 1e12:.0f} TFLOP/s")
    print(f"peak of {arguments.gpu}: {peak / 1e12:.0f} TFLOP/s")
    lines = []
    for line in results(cases, data, texts, device, peak):
        lines.append(asdict(line))
        planned = "" if line.planned_gib is None else f"{line.planned_gib:6.1f} GiB planned"
        print(
            f"{line.case:38} {line.by:22} {line.pairs_per_second:8.1f} pairs/s {line.milliseconds:9.1f} ms "
            f"{line.peak_share:6.1%} {line.gib:6.1f} GiB {planned} ({line.seconds:.0f} s)",
            flush=True,
        )
        if arguments.json:
            arguments.json.write_text(json.dumps(lines, indent=1))


if __name__ == "__main__":
    main()
