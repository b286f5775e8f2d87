"""The encoder half of T5 and its multilingual kin: relative positions of its own, no limit to a text."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from typing_extensions import override

from trainables.encoders.base import Preset
from trainables.encoders.checkpoint import CheckpointEncoder, presets
from trainables.encoders.mini import FEED_FORWARD, SIZES, MiniEncoder
from trainables.parameters import Real
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from transformers import MT5Config

_CLASSES = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}


class T5Encoder(CheckpointEncoder):
    """The encoder half of a pretrained T5, mT5 or umT5."""

    recipe: ClassVar[Recipe] = Recipe(
        values={"steps": 2000, "batches.size": 100},
        # T5's weights are larger than BERT's, and so are the steps it is fine-tuned with.
        searched={"optimiser.learning_rate": Real(2e-5, 1e-3, log=True)},
        first={"optimiser.learning_rate": 1e-4},
    )
    model_types: ClassVar[frozenset[str] | None] = frozenset(_CLASSES)
    lora_targets: ClassVar[tuple[str, ...]] = ("q", "k", "v", "o", "wi", "wi_0", "wi_1", "wo")

    kind: Literal["t5"] = "t5"

    @override
    def model_class(self, settings: Any) -> Any:
        import transformers

        return getattr(transformers, _CLASSES[settings.model_type])


_EMBEDDING_SCALE = 0.02
"""T5 draws its token vectors fifty times as large as XLM-R does, which a few hundred steps hardly move."""


class MiniT5Encoder(MiniEncoder):
    """The encoder half of an mT5 from scratch."""

    kind: Literal["mini_t5"] = "mini_t5"  # type: ignore[assignment]

    @override
    def transformer(self, vocabulary: int, padding: int) -> Any:
        import torch
        from transformers import MT5EncoderModel

        transformer = MT5EncoderModel(self._settings(vocabulary, padding))
        with torch.no_grad():
            transformer.shared.weight *= _EMBEDDING_SCALE
        return transformer

    def _settings(self, vocabulary: int, padding: int) -> "MT5Config":
        from transformers import MT5Config

        return MT5Config(
            vocab_size=vocabulary,
            d_model=self.width,
            d_kv=self.width // self.heads,
            # The gate of its feed-forward layer takes as many weights as the other two.
            d_ff=FEED_FORWARD * self.width * 2 // 3,
            num_layers=self.layers,
            num_heads=self.heads,
            pad_token_id=padding,
            eos_token_id=2,
            dropout_rate=0.0,
        )


MT5 = """@inproceedings{xue2021mt5,
  author    = {Linting Xue and Noah Constant and Adam Roberts and Mihir Kale and Rami Al-Rfou and Aditya Siddhant and
               Aditya Barua and Colin Raffel},
  title     = {{mT5}: A Massively Multilingual Pre-trained Text-to-Text Transformer},
  booktitle = {Proceedings of NAACL},
  year      = {2021}
}"""


def _mt5(size: str, parameters: str, width: int, inner: int, layers: int, heads: int) -> tuple[Any, ...]:
    facts: Mapping[str, Any] = {
        "model_type": "mt5",
        "vocab_size": 250_112,
        "d_model": width,
        "d_kv": 64,
        "d_ff": inner,
        "num_layers": layers,
        "num_heads": heads,
        "feed_forward_proj": "gated-gelu",
    }
    described = f"encoder of mT5 {size}, {parameters} parameters, 101 languages, span-corruption pretraining only"
    return T5Encoder(name=f"mt5-{size}", source=f"google/mt5-{size}"), described, (MT5,), facts


PRESETS: tuple[Preset, ...] = presets(
    (
        _mt5("small", "147M", 512, 1024, 8, 6),
        _mt5("base", "277M", 768, 2048, 12, 12),
        _mt5("large", "564M", 1024, 2816, 24, 16),
        _mt5("xl", "1.67B", 2048, 5120, 24, 32),
        _mt5("xxl", "5.66B", 4096, 10_240, 24, 64),
    )
)

MINI: tuple[Preset, ...] = tuple(
    Preset(
        MiniT5Encoder(name=f"mini-t5-{size}", layers=layers, width=width, heads=heads),
        f"mT5 shape from scratch, {layers} x {width}; needs no download",
    )
    for size, layers, width, heads in SIZES
)
