import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from trainables.encoders.adapters import LoraConfig
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import pad, tokenise
from trainables.errors import UserError

needs_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")
LORA = LoraConfig(rank=3, alpha=6.0)


def _built(folder: Path, lora: LoraConfig = LORA, seed: int = 0, **changes: object):
    config = resolve_encoder(str(folder)).model_copy(update={"lora": lora, **changes})
    tokenizer = config.tokenizer([])
    return config, tokenizer, config.build(tokenizer, seed)


def _batch(config, tokenizer, texts):
    return pad(tokenise(texts, tokenizer, config.query_prefix, 30), np.arange(len(texts)), tokenizer.pad_token_id)


def _trained(encoder, batch):
    """One step that moves every adapter, and the vectors after it."""
    optimiser = torch.optim.SGD([one for one in encoder.parameters() if one.requires_grad], lr=1.0)
    for _ in range(2):
        # What an adapter adds is zero at first, so that its other half learns from the second step on.
        optimiser.zero_grad()
        (encoder(*batch) * torch.arange(encoder.dimension)).sum().backward()
        optimiser.step()
    with torch.no_grad():
        return encoder.eval()(*batch)


@needs_peft
@pytest.mark.parametrize("family", ["xlm-r", "modernbert", "mt5", "qwen3", "gemma"])
def test_only_adapters_are_trained_and_kept_on_any_kind(checkpoint, texts, tmp_path: Path, family: str) -> None:
    folder = checkpoint(family, positions=130)
    config, tokenizer, encoder = _built(folder)
    batch = _batch(config, tokenizer, texts[:20])
    plain = config.model_copy(update={"lora": LoraConfig()}).build(tokenizer, seed=0).eval()
    with torch.no_grad():
        untrained = plain(*batch)
        assert torch.equal(encoder.eval()(*batch), untrained)
    names = {name for name, weight in encoder.named_parameters() if weight.requires_grad}
    assert names
    assert all("lora_" in name for name in names)
    trained = _trained(encoder.train(), batch)
    assert (trained - untrained).abs().max() > 1e-3
    assert all(weight.grad is None or "lora_" in name for name, weight in encoder.named_parameters())

    kept = tmp_path / "kept"
    save_encoder(encoder, tokenizer, kept)
    assert not (kept / "model.safetensors").exists()
    assert all("lora_" in name for name in load_file(kept / "adapter_model.safetensors"))
    assert json.loads((kept / "adapter_config.json").read_text())["base_model_name_or_path"] == str(folder)
    again, tokens, merged = _built(kept, LoraConfig())
    assert type(again) is type(config)
    with torch.no_grad():
        torch.testing.assert_close(merged.eval()(*_batch(again, tokens, texts[:20])), trained, rtol=0, atol=1e-5)
    if importlib.util.find_spec("sentence_transformers") is not None:
        from sentence_transformers import SentenceTransformer, __version__

        if family == "mt5" and __version__ < "6":
            # Its version 5 takes the adapter of an encoder half for one of the whole model, and stops.
            return
        theirs = SentenceTransformer(str(kept), device="cpu").encode_query(texts[:20], normalize_embeddings=True)
        np.testing.assert_allclose(theirs, trained.numpy(), atol=1e-5)


@needs_peft
def test_adapters_of_a_decoder_that_looks_both_ways_are_kept_with_their_model(checkpoint, texts, tmp_path: Path):
    config, tokenizer, encoder = _built(checkpoint("qwen3", positions=130), attention="bidirectional")
    trained = _trained(encoder, _batch(config, tokenizer, texts[:9]))
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    again, tokens, whole = _built(tmp_path / "kept", LoraConfig())
    assert again.attention == "bidirectional"
    with torch.no_grad():
        torch.testing.assert_close(whole.eval()(*_batch(again, tokens, texts[:9])), trained, rtol=0, atol=1e-5)


@needs_peft
def test_the_seed_draws_adapters_and_nothing_else(checkpoint) -> None:
    folder = checkpoint()
    first, same, other = (dict(_built(folder, seed=seed)[2].named_parameters()) for seed in (4, 4, 5))
    assert all(torch.equal(first[name], same[name]) for name in first)
    differ = {name for name in first if not torch.equal(first[name], other[name])}
    assert differ
    assert all("lora_A" in name for name in differ)


@needs_peft
def test_a_target_that_matches_nothing_is_refused(checkpoint) -> None:
    folder = checkpoint()
    _, _, encoder = _built(folder, LoraConfig(rank=2, targets=("query",)))
    adapted = {name.rsplit(".lora_", 1)[0][-5:] for name, _ in encoder.named_parameters() if "lora_" in name}
    assert adapted == {"query"}
    with pytest.raises(UserError, match=r"encoder\.lora\.targets: q_proj matches no linear layer .* dense, key, query"):
        _built(folder, LoraConfig(rank=2, targets=("query", "q_proj")))


@needs_peft
def test_an_adapter_whose_model_is_gone_or_is_not_named_is_refused(checkpoint, tmp_path: Path) -> None:
    folder = checkpoint()
    _, tokenizer, encoder = _built(folder)
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    with pytest.raises(UserError, match="is an adapter itself"):
        _built(tmp_path / "kept")
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"belongs to the model .*, which is not there: correct"):
        resolve_encoder(str(tmp_path / "kept"))
    (tmp_path / "kept/adapter_config.json").write_text("{}")
    with pytest.raises(UserError, match="does not name its model"):
        resolve_encoder(str(tmp_path / "kept"))


def test_without_peft_adapters_are_refused_in_one_sentence(checkpoint, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UserError, match=r"peft is not installed: pip install .*\[lora\]") as caught:
        _built(checkpoint())
    assert "\n" not in str(caught.value)
