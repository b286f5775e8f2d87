"""What the config.json of a kind that is packed can say of its attention."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from trainables.encoders.attention import attend_without_waiting
from trainables.encoders.folder import position_capacity
from trainables.encoders.model import Encoder
from trainables.encoders.packing import Packing
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import pad, tokenise
from trainables.errors import UserError

WINDOW = {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1, "layer_types": None}
LONG = {"rope_type": "longrope", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16}
LONG |= {"short_factor": [1.0] * 6, "long_factor": [8.0] * 6}


def _built(folder, texts, **said: Any) -> tuple[Encoder, torch.Tensor, torch.Tensor]:
    """An encoder whose config.json says something more, and texts of which some are longer than its window."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | said))
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer(texts)
    encoder = config.build(tokenizer, seed=3).eval()
    attend_without_waiting(encoder)
    chosen = ["Peru", *texts[::20], "Ghana " * 30]
    return encoder, *pad(tokenise(chosen, tokenizer, "", 60), np.arange(len(chosen)), tokenizer.pad_token_id)


def _packed(encoder: Encoder, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return encoder(ids, mask, Packing.of((mask > 0).sum(1).numpy(), ids.shape[1]))


@pytest.mark.parametrize(
    ("family", "said"),
    [
        ("modernbert", {"layer_types": ["sliding_attention", "sliding_attention"]}),
        ("modernbert", {"layer_types": ["full_attention", "full_attention"]}),
        ("qwen2", WINDOW),
        ("qwen3", WINDOW),
        ("mistral", {"sliding_window": None}),
        ("gemma", {"use_bidirectional_attention": True}),
        # What another kind would obey.
        ("llama", {"sliding_window": 6, "attention_chunk_size": 6, "attn_logit_softcapping": 1.0}),
        ("bert", {"position_embedding_type": "relative_key", "is_causal": True}),
    ],
)
@torch.no_grad()
def test_texts_are_packed_as_the_configuration_has_them_attend(checkpoint, texts, family: str, said) -> None:
    encoder, ids, mask = _built(checkpoint(family, positions=130), texts, **said)
    assert encoder.can_pack
    assert (_packed(encoder, ids, mask) - encoder(ids, mask)).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("family", "said"),
    [
        ("bert", {"is_decoder": True}),
        ("xlm-r", {"is_decoder": True}),
        ("qwen2", WINDOW | {"is_causal": False}),
        ("mistral", {"sliding_window": 6, "is_causal": False}),
        ("llama", {"rope_parameters": LONG}),
    ],
)
@torch.no_grad()
def test_what_packed_texts_would_attend_to_otherwise_is_not_packed(checkpoint, texts, family: str, said) -> None:
    encoder, ids, mask = _built(checkpoint(family, positions=130), texts, **said)
    assert not encoder.can_pack
    # Each text by itself, without any padding.
    alone = torch.cat([encoder(row[kept][None], kept[kept][None]) for row, kept in zip(ids, mask > 0, strict=True)])
    assert (_packed(encoder, ids, mask) - alone).abs().max() > 1e-3


@torch.no_grad()
def test_a_text_whose_longrope_other_texts_would_decide_is_refused(checkpoint, texts) -> None:
    folder = checkpoint("llama", positions=130)
    encoder, ids, mask = _built(folder, texts, rope_parameters=LONG)
    shortest = int(mask.sum(1).argmin())
    alone = ids[shortest, mask[shortest]][None]
    assert (encoder(ids, mask)[shortest] - encoder(alone, alone >= 0)[0]).abs().max() > 1e-3, "it does not matter"
    config = resolve_encoder(str(folder))
    within = LONG["original_max_position_embeddings"]
    assert max(config.max_query_length, config.max_passage_length) == within
    with pytest.raises(UserError, match=f"at most {within}"):
        config.model_copy(update={"max_passage_length": within + 1}).build(config.tokenizer(texts), seed=3)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 16}, 16),
        ({"rope_scaling": {"rope_type": "longrope", "original_max_position_embeddings": 16}}, 16),
        ({"rope_parameters": {"full_attention": LONG, "sliding_attention": {"rope_type": "default"}}}, 16),
        ({"rope_scaling": {"rope_type": "yarn", "original_max_position_embeddings": 16}}, 64),
        ({"rope_scaling": None}, 64),
    ],
)
def test_longrope_numbers_as_many_tokens_as_its_factors_are_the_same_for(said, expected: int) -> None:
    assert position_capacity({"model_type": "phi3", "max_position_embeddings": 64, **said}) == expected


@pytest.mark.parametrize("family", ["xlm-r", "modernbert", "qwen3"])
def test_a_processor_attends_within_packed_texts_by_its_fused_kernel(checkpoint, texts, family: str) -> None:
    encoder, ids, mask = _built(checkpoint(family, positions=130), texts)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        _packed(encoder, ids, mask).sum().backward()
    calls = {event.key: event.count for event in found.key_averages()}
    each = len(ids) * encoder.transformer.config.num_hidden_layers
    assert calls["aten::_scaled_dot_product_flash_attention_for_cpu"] == each
    assert calls["aten::_scaled_dot_product_flash_attention_for_cpu_backward"] == each
