"""The encoder: a transformer, a pooling, and vectors of length one."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch.nn.functional import normalize
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerBase, XLMRobertaConfig, XLMRobertaModel

from trainables.encoders.config import FEED_FORWARD, EncoderConfig
from trainables.encoders.folder import one_line, position_capacity, refuse_encoder_decoder, remedy, write_settings
from trainables.encoders.quiet import quiet
from trainables.errors import UserError


class Encoder(torch.nn.Module):
    """Token ids to unit vectors; their dot product is the cosine similarity."""

    def __init__(self, transformer: Any, config: EncoderConfig) -> None:
        super().__init__()
        self.transformer: Any = transformer
        self.config = config

    @property
    def dimension(self) -> int:
        """The number of components of an embedding."""
        return int(self.transformer.config.hidden_size)

    @property
    def parameter_count(self) -> int:
        """All parameters, the token embeddings among them."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Returns float32 [B, d] of length one for int64 ids [B, T] and a mask [B, T] (true where there is a token).

        A text's vector does not depend on the other texts of the batch.
        """
        output = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
        if self.config.pooling == "pooler":
            pooled = output.pooler_output.float()
        elif self.config.pooling == "cls":
            pooled = output.last_hidden_state[:, 0].float()
        else:
            weights = attention_mask.unsqueeze(-1).float()
            # The mean needs no division: the length is normalised away.
            pooled = (output.last_hidden_state.float() * weights).sum(1)
        return normalize(pooled, dim=-1)


def build_encoder(config: EncoderConfig, tokenizer: PreTrainedTokenizerBase, seed: int) -> Encoder:
    """Returns the encoder in float32 on the CPU, in training mode.

    `seed` chooses the weights of a mini encoder (and nothing else); the global random state neither matters nor
    changes. Raises UserError if the checkpoint is missing, incomplete, a pickle, an encoder-decoder, or does not fit
    the tokenizer.
    """
    transformer = _fresh(config, tokenizer, seed) if config.is_mini else _pretrained(config)
    settings = transformer.config
    if getattr(settings, "vocab_size", None) is None:
        raise UserError(
            f"The encoder {config.source!r} has no vocabulary (its model_type is {settings.model_type}): "
            "give a model that encodes text."
        )
    if len(tokenizer) > settings.vocab_size:
        raise UserError(
            f"The tokenizer of {config.source!r} has {len(tokenizer)} tokens, its model only {settings.vocab_size}: "
            "give the tokenizer that belongs to the model."
        )
    capacity = position_capacity(settings.to_dict())
    longest = max(config.max_query_length, config.max_passage_length)
    if capacity is not None and longest > capacity:
        raise UserError(
            f"The encoder {config.source!r} can number {capacity} tokens, but a length of {longest} is asked for: "
            f"set the maximal lengths to at most {capacity}."
        )
    return Encoder(transformer.train(), config)


def save_encoder(encoder: Encoder, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Writes safetensors weights, tokenizer and settings; `resolve_encoder(folder)` gives the same embeddings again."""
    with quiet():
        encoder.transformer.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_settings(encoder.config.model_dump(), folder)


def _fresh(config: EncoderConfig, tokenizer: PreTrainedTokenizerBase, seed: int) -> Any:
    width = int(config.width or 0)
    settings = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        intermediate_size=FEED_FORWARD * width,
        # XLM-R numbers positions from the padding id + 1.
        max_position_embeddings=max(config.max_query_length, config.max_passage_length) + tokenizer.pad_token_id + 1,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        # A few hundred steps on a small model underfit rather than overfit.
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would also seed the accelerators.
        torch.default_generator.manual_seed(seed)
        return XLMRobertaModel(settings, add_pooling_layer=False)


def _pretrained(config: EncoderConfig) -> Any:
    where: dict[str, Any] = {"revision": config.revision, "trust_remote_code": config.trust_remote_code}
    try:
        with quiet():
            settings = AutoConfig.from_pretrained(config.source, **where)
        refuse_encoder_decoder(settings.to_dict(), config.source)
        # Weights that the checkpoint lacks are drawn at random before they are found missing below.
        with quiet(), torch.random.fork_rng(devices=[]):
            transformer, report = AutoModel.from_pretrained(
                config.source,
                config=settings,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **where,
            )
    except UserError:
        raise
    except Exception as error:
        # Libraries below raise anything from KeyError to a bare Exception for a broken file.
        raise UserError(
            f"The encoder {config.source!r} does not load ({one_line(error)}): {remedy(config.source)}."
        ) from error
    dense = Path(config.source) / "2_Dense" / "model.safetensors"
    if config.pooling == "pooler":
        if getattr(transformer, "pooler", None) is None:
            raise UserError(f"The encoder {config.source!r} has no pooler: choose the pooling mean or cls.")
        if dense.is_file():
            _fill_pooler(transformer, dense)
            report["missing_keys"] = {key for key in report["missing_keys"] if not key.startswith("pooler.")}
    elif hasattr(transformer, "pooler"):
        # Weights that no embedding depends on would never get a gradient.
        transformer.pooler = None
        report["missing_keys"] = {key for key in report["missing_keys"] if not key.startswith("pooler.")}
    missing = sorted({*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])})
    if missing:
        # They would be random, and the embeddings plausible nonsense.
        raise UserError(
            f"The weights of {config.source!r} lack {len(missing)} tensors ({missing[0]}, ...) that its config.json "
            "asks for: fetch them again, or the config.json that belongs to them."
        )
    return transformer


def _fill_pooler(transformer: Any, file: Path) -> None:
    """Takes the pooler from the dense layer of a sentence-transformers folder, which is the one that was trained."""
    try:
        weights = load_file(file)
        transformer.pooler.dense.load_state_dict(
            {"weight": weights["linear.weight"].float(), "bias": weights["linear.bias"].float()}
        )
    except Exception as error:
        # A damaged file, a tensor that is not there, one of another shape: each has an exception of its own.
        raise UserError(f"{file} is not the layer of this encoder ({one_line(error)}): fetch it again.") from error
