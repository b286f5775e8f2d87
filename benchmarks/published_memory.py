"""What the plan says of memory, beside figures that others published of trainings of their own.

    python benchmarks/published_memory.py

Prints the table of docs/cost.md. The published trainings are of language models: what their head and its logits take is
added to what the plan says of an encoder, and what a GPU holds before anything is computed where they counted it.
"""

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from transformers import AutoConfig, AutoModel

from trainables.encoders.adapters import LoraConfig, with_adapters
from trainables.encoders.footprint import footprint, shape_of
from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.model import Encoder
from trainables.encoders.quiet import quiet
from trainables.step_memory import Rectangle, step_memory

GB, MIB = 1e9, 2**20
DRIVER = 1e9
"""Bytes of a GPU that are taken before anything is computed."""

BERT_LARGE = {
    "model_type": "bert",
    "vocab_size": 30_522,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
}


def _decoder(kind: str, vocabulary: int, width: int, layers: int, heads: int, inner: int) -> dict[str, Any]:
    return {
        "model_type": kind,
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "intermediate_size": inner,
    }


LLAMA_7B = _decoder("llama", 32_000, 4096, 32, 32, 11_008)
LLAMA_13B = _decoder("llama", 32_000, 5120, 40, 40, 13_824)
QWEN_1_8B = _decoder("qwen2", 151_936, 2048, 24, 16, 5504)
QWEN_7B = _decoder("qwen2", 151_936, 4096, 32, 32, 11_008)
QWEN_14B = _decoder("qwen2", 152_064, 5120, 40, 40, 13_696)

WHOLE = LoraConfig()
LIT_LORA = LoraConfig(rank=8, targets=("q_proj", "v_proj"))
QWEN_LORA = LoraConfig(rank=64)


@dataclass(frozen=True)
class Published:
    """A training that somebody published the memory of."""

    what: str
    source: str
    bytes: float
    """Published, of one GPU."""
    facts: dict[str, Any]
    texts: int
    tokens: int
    lora: LoraConfig = WHOLE
    accumulated: int = 1
    """Times that as many texts are encoded before the optimiser's step."""
    half: bool = False
    """Whether the weights that are not trained, and what is computed, are bfloat16."""
    mixed: bool = False
    """Whether float32 weights are computed with in bfloat16."""
    fused: bool = True
    """Whether attention is of the memory-efficient sort."""
    checkpointing: bool = False
    workers: int = 1
    head: bool = True
    driver: bool = True


HF = "transformers 4.27, Efficient training on a single GPU"
LIT = "LitGPT, resource tables (Oct 2023)"
QWEN = "Qwen, README, Profiling of memory and speed"

PUBLISHED = (
    Published(
        "BERT-large, float32, 4 x 512, V100",
        HF,
        14_949 * MIB,
        BERT_LARGE,
        4,
        512,
        fused=False,
        head=False,
    ),
    Published(
        "the same, 1 x 512 four times", HF, 8681 * MIB, BERT_LARGE, 1, 512, accumulated=4, fused=False, head=False
    ),
    Published(
        "the same, gradient checkpointing",
        HF,
        6775 * MIB,
        BERT_LARGE,
        1,
        512,
        accumulated=4,
        fused=False,
        head=False,
        checkpointing=True,
    ),
    Published(
        "Llama 2 7B, LoRA, bfloat16, 1 x 1304, A100",
        LIT,
        21.30 * GB,
        LLAMA_7B,
        1,
        1304,
        LIT_LORA,
        half=True,
        driver=False,
    ),
    Published("the same, 2 x 1304", LIT, 29.07 * GB, LLAMA_7B, 2, 1304, LIT_LORA, half=True, driver=False),
    Published(
        "Llama 2 13B, the same, 1 x 1304", LIT, 38.12 * GB, LLAMA_13B, 1, 1304, LIT_LORA, half=True, driver=False
    ),
    Published(
        "Qwen-1.8B, LoRA, checkpointing, 1 x 1024, A100",
        QWEN,
        8.4 * GB,
        QWEN_1_8B,
        1,
        1024,
        QWEN_LORA,
        half=True,
        checkpointing=True,
    ),
    Published("Qwen-7B, the same, 1 x 256", QWEN, 20.1 * GB, QWEN_7B, 1, 256, QWEN_LORA, half=True, checkpointing=True),
    Published(
        "Qwen-7B, the same, 1 x 2048", QWEN, 23.8 * GB, QWEN_7B, 1, 2048, QWEN_LORA, half=True, checkpointing=True
    ),
    Published(
        "Qwen-14B, the same, 1 x 1024", QWEN, 35.3 * GB, QWEN_14B, 1, 1024, QWEN_LORA, half=True, checkpointing=True
    ),
    Published(
        "Qwen-7B, all weights, ZeRO-3 on 2 A100, 1 x 256",
        QWEN,
        139.2 * GB / 2,
        QWEN_7B,
        1,
        256,
        mixed=True,
        checkpointing=True,
        workers=2,
    ),
    Published(
        "Qwen-1.8B, all weights, DeepSpeed on 1 A100, 1 x 1024",
        QWEN,
        43.5 * GB,
        QWEN_1_8B,
        1,
        1024,
        mixed=True,
        checkpointing=True,
    ),
)


def planned(one: Published) -> float:
    """Bytes that the plan says of one GPU of a published training."""
    skeleton = _skeleton(one)
    precision = torch.bfloat16 if one.mixed else torch.float32
    found = step_memory(
        shape_of(skeleton),
        footprint(skeleton, precision, on_gpu=one.fused, checkpointing=one.checkpointing),
        [[Rectangle(one.texts, one.tokens)]] * one.accumulated,
        dimension=0,
        queries=0,
        candidates=0,
        workers=one.workers,
        sharded=one.workers > 1,
        frozen_bytes=2 if one.half else 4,
    ).total
    vocabulary, width = one.facts["vocab_size"], one.facts["hidden_size"]
    if one.head:
        trained = not one.lora.rank
        found += vocabulary * width * (16 / one.workers if trained else 2 if one.half else 4)
        # Logits in bfloat16, in float32, and the gradient of these.
        found += one.texts * one.tokens * vocabulary * (2 + 4 + 4)
    return found + (DRIVER if one.driver else 0)


def _skeleton(one: Published) -> Encoder:
    with quiet(), torch.device("meta"):
        transformer = AutoModel.from_config(AutoConfig.for_model(**one.facts)).train()
        if getattr(transformer, "pooler", None) is not None:
            transformer.pooler = None
        if one.half:
            transformer = transformer.to(torch.bfloat16)
        if one.lora.rank:
            transformer.name_or_path = "a/b"
            transformer = with_adapters(transformer, one.lora, "a/b", None, seed=0)
    pooling = "mean" if one.facts["model_type"] == "bert" else "lasttoken"
    return Encoder(transformer, HuggingFaceEncoder(name="published", source="a/b", pooling=pooling)).train()


@cache
def table() -> str:
    """The figures, published and planned, as Markdown."""
    lines = ["| training | published | planned | off by |", "|---|---|---|---|"]
    for one in PUBLISHED:
        ours = planned(one)
        lines.append(
            f"| {one.what} ({one.source}) | {one.bytes / 1e9:.1f} GB | {ours / 1e9:.1f} GB "
            f"| {ours / one.bytes - 1:+.0%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
