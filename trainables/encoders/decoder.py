"""Decoder language models as encoders: the last token has seen all others, or attention goes both ways."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from typing_extensions import override

from trainables.encoders.base import Pooling, Preset
from trainables.encoders.checkpoint import CheckpointEncoder, presets
from trainables.encoders.mini import FEED_FORWARD, SIZES, MiniEncoder
from trainables.errors import UserError
from trainables.options import Option
from trainables.parameters import Real
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Attention = Literal["causal", "bidirectional"]

_TYPES = frozenset(("qwen2", "qwen3", "llama", "mistral", "gemma", "gemma2", "gemma3_text"))
"""Values of model_type whose attention was seen to go both ways where asked, and one way where not."""


class DecoderEncoder(CheckpointEncoder):
    """A pretrained decoder language model, without its head."""

    recipe: ClassVar[Recipe] = Recipe(
        values={"steps": 2000, "batches.size": 100},
        searched={"optimiser.learning_rate": Real(5e-6, 2e-4, log=True)},
        first={"optimiser.learning_rate": 2e-5},
    )
    model_types: ClassVar[frozenset[str] | None] = _TYPES
    lora_targets: ClassVar[tuple[str, ...]] = (
        *("q_proj", "k_proj", "v_proj", "o_proj"),
        *("gate_proj", "up_proj", "down_proj"),
    )

    kind: Literal["decoder"] = "decoder"
    pooling: Annotated[Pooling, Option(phrase="{} pooling")] = "lasttoken"
    """lasttoken: the last token, the only one that has seen all others where attention is causal; or as for others:
    mean, max, weightedmean (later tokens count more), mean_sqrt_len, cls"""
    attention: Annotated[Attention, Option(phrase="{} attention")] = "causal"
    """a token attends to those before it, or to all"""
    end_token: bool = True
    """the end token stands behind every text, exactly once; off: only where the tokenizer puts it itself"""

    @override
    def tokenizer(self, texts: Sequence[str] = ()) -> "PreTrainedTokenizerBase":
        from trainables.encoders.tokenizer import with_end_token

        tokenizer = super().tokenizer(texts)
        return with_end_token(tokenizer, self.source) if self.end_token else tokenizer

    @override
    def model_class(self, settings: Any) -> Any:
        from transformers import AutoModel

        return AutoModel

    @classmethod
    @override
    def of_settings(cls, settings: Mapping[str, Any], *, is_bare: bool) -> dict[str, Any]:
        both = settings.get("is_causal") is False or settings.get("use_bidirectional_attention") is True
        # What declares its modules was trained with the texts that its tokenizer makes.
        return {"attention": "bidirectional" if both else "causal", **({} if is_bare else {"end_token": False})}

    @property
    @override
    def keeps_adapters(self) -> bool:
        # The config.json that the adapter's model has says that attention is causal.
        return self.attention == "causal"

    @override
    def prepare(self, transformer: Any) -> None:
        _attend(transformer, self.attention)


class MiniDecoderEncoder(MiniEncoder):
    """A Qwen3 from scratch."""

    kind: Literal["mini_decoder"] = "mini_decoder"  # type: ignore[assignment]
    pooling: Annotated[Pooling, Option(phrase="{} pooling")] = "lasttoken"
    attention: Annotated[Attention, Option(phrase="{} attention")] = "causal"
    """a token attends to those before it, or to all"""

    @property
    @override
    def token_key(self) -> str:
        return self.model_dump_json(
            exclude={"kind", "name", "pooling", "dimensions", "layers", "width", "heads", "attention"}
        )

    @override
    def transformer(self, vocabulary: int, padding: int) -> Any:
        from transformers import Qwen3Config, Qwen3Model

        settings = Qwen3Config(
            vocab_size=vocabulary,
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            head_dim=self.width // self.heads,
            # The gate of its feed-forward layer takes as many weights as the other two.
            intermediate_size=FEED_FORWARD * self.width * 2 // 3,
            max_position_embeddings=max(self.max_query_length, self.max_passage_length),
            pad_token_id=padding,
        )
        transformer = Qwen3Model(settings)
        _attend(transformer, self.attention)
        return transformer


def _attend(transformer: Any, attention: Attention) -> None:
    """Makes attention causal or not, and keeps nothing for tokens that would be generated."""
    settings = transformer.config
    if settings.model_type not in _TYPES:
        raise UserError(
            f"The model_type {settings.model_type} is no decoder that is known here: give one of "
            f"{', '.join(sorted(_TYPES))}."
        )
    settings.use_cache = False
    # What `transformers` makes its masks from, and what sentence-transformers reads from config.json.
    settings.is_causal = attention == "causal"
    if getattr(settings, "use_bidirectional_attention", False) and attention == "causal":
        raise UserError(
            f"A {settings.model_type} whose config.json sets use_bidirectional_attention cannot attend one way: set "
            "encoder.attention to bidirectional."
        )


QWEN3 = """@article{zhang2025qwen3,
  author  = {Yanzhao Zhang and Mingxin Li and Dingkun Long and Xin Zhang and Huan Lin and Baosong Yang and Pengjun Xie
             and An Yang and Dayiheng Liu and Junyang Lin and Fei Huang and Jingren Zhou},
  title   = {{Qwen3} Embedding: Advancing Text Embedding and Reranking Through Foundation Models},
  journal = {arXiv preprint arXiv:2506.05176},
  year    = {2025}
}"""
LLAMA = """@article{grattafiori2024llama,
  author  = {Aaron Grattafiori and others},
  title   = {The {Llama} 3 Herd of Models},
  journal = {arXiv preprint arXiv:2407.21783},
  year    = {2024}
}"""
MISTRAL = """@article{jiang2023mistral,
  author  = {Albert Q. Jiang and others},
  title   = {{Mistral} {7B}},
  journal = {arXiv preprint arXiv:2310.06825},
  year    = {2023}
}"""
GEMMA = """@article{gemma2024gemma2,
  author  = {{Gemma Team}},
  title   = {{Gemma} 2: Improving Open Language Models at a Practical Size},
  journal = {arXiv preprint arXiv:2408.00118},
  year    = {2024}
}"""

INSTRUCTION = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
"""What Qwen3-Embedding puts in front of a query."""


def _size(
    kind: str, vocabulary: int, width: int, layers: int, heads: tuple[int, int], head: int, inner: int, positions: int
) -> Mapping[str, Any]:
    return {
        "model_type": kind,
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        "head_dim": head,
        "intermediate_size": inner,
        "max_position_embeddings": positions,
    }


def _qwen3_embedding(
    size: str, vocabulary: int, width: int, layers: int, heads: int, inner: int
) -> tuple[DecoderEncoder, str, tuple[str, ...], Mapping[str, Any]]:
    encoder = DecoderEncoder(
        name=f"qwen3-embedding-{size.lower()}",
        source=f"Qwen/Qwen3-Embedding-{size}",
        query_prefix=INSTRUCTION,
        passage_prefix="",
        max_query_length=512,
        max_passage_length=512,
    )
    facts = _size("qwen3", vocabulary, width, layers, (heads, 8), 128, inner, 32_768)
    return (
        encoder,
        f"Qwen3-Embedding {size}, last token, over 100 languages, already trained for retrieval",
        (QWEN3,),
        facts,
    )


def _base(
    name: str, source: str, description: str, reference: str, facts: Mapping[str, Any]
) -> tuple[DecoderEncoder, str, tuple[str, ...], Mapping[str, Any]]:
    """A language model that was not trained for retrieval: the prefixes are this project's."""
    return DecoderEncoder(name=name, source=source), f"{description}, language modelling only", (reference,), facts


PRESETS: tuple[Preset, ...] = presets(
    (
        _qwen3_embedding("0.6B", 151_669, 1024, 28, 16, 3072),
        _qwen3_embedding("4B", 151_665, 2560, 36, 32, 9728),
        _qwen3_embedding("8B", 151_665, 4096, 36, 32, 12_288),
        _base(
            "llama-3.2-1b",
            "meta-llama/Llama-3.2-1B",
            "Llama 3.2, 1.2B parameters, gated",
            LLAMA,
            _size("llama", 128_256, 2048, 16, (32, 8), 64, 8192, 131_072),
        ),
        _base(
            "llama-3.1-8b",
            "meta-llama/Llama-3.1-8B",
            "Llama 3.1, 7.5B parameters without its head, gated",
            LLAMA,
            _size("llama", 128_256, 4096, 32, (32, 8), 128, 14_336, 131_072),
        ),
        _base(
            "mistral-7b",
            "mistralai/Mistral-7B-v0.1",
            "Mistral, 7.1B parameters without its head",
            MISTRAL,
            {**_size("mistral", 32_000, 4096, 32, (32, 8), 128, 14_336, 32_768), "sliding_window": 4096},
        ),
        _base(
            "gemma-2-2b",
            "google/gemma-2-2b",
            "Gemma 2, 2.6B parameters, gated",
            GEMMA,
            _size("gemma2", 256_000, 2304, 26, (8, 4), 256, 9216, 8192),
        ),
        _base(
            "gemma-2-9b",
            "google/gemma-2-9b",
            "Gemma 2, 9.2B parameters, gated",
            GEMMA,
            _size("gemma2", 256_000, 3584, 42, (16, 8), 256, 14_336, 8192),
        ),
    )
)

MINI: tuple[Preset, ...] = tuple(
    Preset(
        MiniDecoderEncoder(name=f"mini-decoder-{size}", layers=layers, width=width, heads=heads),
        f"Qwen3 shape from scratch, {layers} x {width}, last token; needs no download",
    )
    for size, layers, width, heads in SIZES
)
