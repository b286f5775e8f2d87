"""Encoders alone: XLM-R, BERT, ModernBERT and their kin."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from typing_extensions import override

from trainables.encoders.checkpoint import CheckpointEncoder, presets
from trainables.errors import UserError
from trainables.parameters import Real
from trainables.recipe import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from trainables.encoders.model import Encoder


_SEEN = frozenset(("bert", "xlm-roberta", "xlm-roberta-xl", "modernbert"))
"""Values of model_type whose vectors are known not to depend on padding; others are tried when they are loaded."""


class HuggingFaceEncoder(CheckpointEncoder):
    """A pretrained encoder-only transformer."""

    recipe: ClassVar[Recipe] = Recipe(
        # Learning rate 3e-5 and batch size 100 are those of arXiv 2408.10536, which reports neither steps nor
        # temperature.
        values={"steps": 2000, "batches.size": 100},
        searched={"optimiser.learning_rate": Real(5e-6, 1e-4, log=True)},
        first={"optimiser.learning_rate": 3e-5},
    )

    kind: Literal["hugging_face"] = "hugging_face"

    @override
    def build(self, tokenizer: "PreTrainedTokenizerBase", seed: int) -> "Encoder":
        from trainables.encoders.model import moved_by_padding

        encoder = super().build(tokenizer, seed)
        kind = encoder.transformer.config.model_type
        if kind not in _SEEN and moved_by_padding(encoder, tokenizer):
            raise UserError(
                f"The encoder {self.name!r} has the model_type {kind}, which gives a text another vector beside longer "
                "texts: give another model."
            )
        return encoder

    @override
    def model_class(self, settings: Any) -> Any:
        from transformers import AutoModel
        from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

        kind, remote = settings.model_type, bool(getattr(settings, "auto_map", None))
        # What was pretrained by filling gaps reads a text in both directions; a decoder would need a last token,
        # position ids and prompts of its own, and give numbers without them all the same.
        if settings.is_encoder_decoder or (kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not remote):
            said = f"The encoder {self.name!r} has the model_type {kind}"
            if getattr(settings, "vocab_size", None) is None:
                raise UserError(f"{said}, which has no vocabulary: give a model that encodes text.")
            what = "an encoder-decoder" if settings.is_encoder_decoder else "no encoder that is known here"
            raise UserError(
                f"{said}, which is {what}: give a model that is an encoder alone, the encoder of a T5, or a decoder "
                "that docs/encoders.md names."
            )
        if kind == "xmod" and not settings.default_language:
            raise UserError(
                f"The encoder {self.name!r} is an X-MOD, which reads one language at a time: set default_language in "
                "its config.json, or give another model."
            )
        return AutoModel


XLM_R = r"""@inproceedings{conneau2020unsupervised,
  author    = {Alexis Conneau and Kartikay Khandelwal and Naman Goyal and Vishrav Chaudhary and Guillaume Wenzek and
              Francisco Guzm{\'a}n and Edouard Grave and Myle Ott and Luke Zettlemoyer and Veselin Stoyanov},
  title     = {Unsupervised Cross-lingual Representation Learning at Scale},
  booktitle = {Proceedings of ACL},
  year      = {2020}
}"""
LABSE = """@inproceedings{feng2022language,
  author    = {Fangxiaoyu Feng and Yinfei Yang and Daniel Cer and Naveen Arivazhagan and Wei Wang},
  title     = {Language-agnostic {BERT} Sentence Embedding},
  booktitle = {Proceedings of ACL},
  year      = {2022}
}"""

MMBERT = """@article{marone2025mmbert,
  author  = {Marc Marone and Orion Weller and William Fleshman and Eugene Yang and Dawn Lawrie and Benjamin Van Durme},
  title   = {{mmBERT}: A Modern Multilingual Encoder with Annealed Language Learning},
  journal = {arXiv preprint arXiv:2509.06888},
  year    = {2025}
}"""
E5 = """@article{wang2024multilingual,
  author  = {Liang Wang and Nan Yang and Xiaolong Huang and Linjun Yang and Rangan Majumder and Furu Wei},
  title   = {Multilingual {E5} Text Embeddings: A Technical Report},
  journal = {arXiv preprint arXiv:2402.05672},
  year    = {2024}
}"""
BGE_M3 = """@inproceedings{chen2024bge,
  author    = {Jianlyu Chen and Shitao Xiao and Peitian Zhang and Kun Luo and Defu Lian and Zheng Liu},
  title     = {{M3}-Embedding: Multi-Linguality, Multi-Functionality, Multi-Granularity Text Embeddings Through
               Self-Knowledge Distillation},
  booktitle = {Findings of ACL},
  year      = {2024}
}"""
GTE = """@inproceedings{zhang2024mgte,
  author    = {Xin Zhang and Yanzhao Zhang and Dingkun Long and Wen Xie and Ziqi Dai and Jialong Tang and Huan Lin and
               Baosong Yang and Pengjun Xie and Fei Huang and Meishan Zhang and Wenjie Li and Min Zhang},
  title     = {{mGTE}: Generalized Long-Context Text Representation and Reranking Models for Multilingual Text
               Retrieval},
  booktitle = {Proceedings of EMNLP: Industry Track},
  year      = {2024}
}"""
MBERT = """@inproceedings{devlin2019bert,
  author    = {Jacob Devlin and Ming-Wei Chang and Kenton Lee and Kristina Toutanova},
  title     = {{BERT}: Pre-training of Deep Bidirectional Transformers for Language Understanding},
  booktitle = {Proceedings of NAACL},
  year      = {2019}
}"""
XLM_R_XL = r"""@inproceedings{goyal2021larger,
  author    = {Naman Goyal and Jingfei Du and Myle Ott and Giri Anantharaman and Alexis Conneau},
  title     = {Larger-Scale Transformers for Multilingual Masked Language Modeling},
  booktitle = {Proceedings of RepL4NLP},
  year      = {2021}
}"""


def _size(
    kind: str, vocabulary: int, width: int, layers: int, heads: int, inner: int, positions: int
) -> dict[str, Any]:
    return {
        "model_type": kind,
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": positions,
    }


def _xlm_r(width: int, layers: int, heads: int, positions: int = 514) -> Mapping[str, Any]:
    return {**_size("xlm-roberta", 250_002, width, layers, heads, 4 * width, positions), "type_vocab_size": 1}


def _xlm_r_xl(width: int, layers: int) -> Mapping[str, Any]:
    return {**_size("xlm-roberta-xl", 250_880, width, layers, 32, 4 * width, 514), "type_vocab_size": 1}


def _mmbert(width: int, heads: int) -> Mapping[str, Any]:
    return _size("modernbert", 256_000, width, 22, heads, 1152, 8192)


def _retriever(name: str, source: str, query: str, passage: str, pooling: str, length: int) -> HuggingFaceEncoder:
    """An encoder that was trained for retrieval, with the prefixes and the pooling of its model card."""
    return HuggingFaceEncoder(
        name=name,
        source=source,
        pooling=pooling,
        query_prefix=query,
        passage_prefix=passage,
        max_query_length=length,
        max_passage_length=length,
    )


def _e5(size: str) -> HuggingFaceEncoder:
    name = f"multilingual-e5-{size}"
    return _retriever(name, f"intfloat/{name}", "query: ", "passage: ", "mean", 512)


def _plain(name: str, source: str, pooling: str = "mean") -> HuggingFaceEncoder:
    return HuggingFaceEncoder(name=name, source=source, pooling=pooling)


_MASKED = "masked-language pretraining only"
_TRAINED = "already trained for retrieval"

PRESETS = presets(
    (
        (
            _plain("xlm-r-base", "FacebookAI/xlm-roberta-base"),
            f"XLM-R base, 278M parameters, 100 languages, {_MASKED}",
            (XLM_R,),
            _xlm_r(768, 12, 12),
        ),
        (
            _plain("xlm-r-large", "FacebookAI/xlm-roberta-large"),
            f"XLM-R large, 560M parameters, 100 languages, {_MASKED}",
            (XLM_R,),
            _xlm_r(1024, 24, 16),
        ),
        (
            _plain("xlm-r-xl", "facebook/xlm-roberta-xl"),
            f"XLM-R XL, 3.5B parameters, 100 languages, {_MASKED}",
            (XLM_R_XL,),
            _xlm_r_xl(2560, 36),
        ),
        (
            _plain("xlm-r-xxl", "facebook/xlm-roberta-xxl"),
            f"XLM-R XXL, 10.7B parameters, 100 languages, {_MASKED}",
            (XLM_R_XL,),
            _xlm_r_xl(4096, 48),
        ),
        (
            _plain("labse", "sentence-transformers/LaBSE", "pooler"),
            "LaBSE, 471M parameters, 109 languages, pretrained on translation pairs",
            (LABSE,),
            _size("bert", 501_153, 768, 12, 12, 3072, 512),
        ),
        (
            _plain("mbert", "google-bert/bert-base-multilingual-cased"),
            f"multilingual BERT, 178M parameters, 104 languages, {_MASKED}",
            (MBERT,),
            _size("bert", 119_547, 768, 12, 12, 3072, 512),
        ),
        (
            _plain("mmbert-small", "jhu-clsp/mmBERT-small"),
            f"mmBERT small, 140M parameters, over 1800 languages, {_MASKED}",
            (MMBERT,),
            _mmbert(384, 6),
        ),
        (
            _plain("mmbert-base", "jhu-clsp/mmBERT-base"),
            f"mmBERT base, 307M parameters, over 1800 languages, {_MASKED}",
            (MMBERT,),
            _mmbert(768, 12),
        ),
        (
            _e5("small"),
            f"multilingual E5 small, 118M parameters, {_TRAINED}",
            (E5,),
            _size("bert", 250_037, 384, 12, 12, 1536, 512),
        ),
        (_e5("base"), f"multilingual E5 base, 278M parameters, {_TRAINED}", (E5,), _xlm_r(768, 12, 12)),
        (_e5("large"), f"multilingual E5 large, 560M parameters, {_TRAINED}", (E5,), _xlm_r(1024, 24, 16)),
        (
            _retriever("bge-m3", "BAAI/bge-m3", "", "", "cls", 512),
            f"BGE-M3, dense vectors, 568M parameters, {_TRAINED}",
            (BGE_M3,),
            _xlm_r(1024, 24, 16, 8194),
        ),
        (
            _retriever("gte-multilingual-base", "Alibaba-NLP/gte-multilingual-base", "", "", "cls", 512),
            f"multilingual GTE base, 305M parameters, {_TRAINED}; brings code: --set encoder.trust_remote_code=true",
            (GTE,),
            # The size is that of the class of `transformers`; the checkpoint brings the same as code of its own.
            _size("gte", 250_048, 768, 12, 12, 3072, 8192),
        ),
    )
)
