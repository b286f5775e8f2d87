import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.trainables.encoders.layouts import Layer, Layout
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


def _from_a_head(folder: Path, place: Path, kind: str, targets: list[str], **settings: object) -> torch.nn.Module:
    """Writes an adapter that was trained on a model with a head; returns the model without it, the adapter merged."""
    import peft
    import transformers

    model = getattr(transformers, kind).from_pretrained(folder)
    given = {"r": 4, "lora_alpha": 16, "target_modules": targets, "base_model_name_or_path": str(folder), **settings}
    adapted = peft.PeftModel(model, peft.LoraConfig(**given))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.5)
    adapted.save_pretrained(place)
    return adapted.merge_and_unload().base_model.eval()


@needs_peft
@pytest.mark.parametrize(
    ("family", "kind", "targets", "settings"),
    [
        ("qwen3", "Qwen3ForCausalLM", ["q_proj", "v_proj"], {"task_type": "CAUSAL_LM"}),
        (
            "qwen3",
            "Qwen3ForCausalLM",
            ["q_proj", "v_proj"],
            {"alpha_pattern": {"^model.layers.0.self_attn.q_proj": 99}},
        ),
        ("xlm-r", "XLMRobertaForMaskedLM", ["query", "value"], {}),
        ("bert", "BertForMaskedLM", ["bert.encoder.layer.1.attention.self.query"], {}),
        ("mt5", "MT5EncoderModel", ["q", "v"], {"task_type": "SEQ_2_SEQ_LM"}),
    ],
)
def test_an_adapter_of_a_model_with_a_head_is_one_of_the_model(
    checkpoint, texts, tmp_path: Path, family: str, kind: str, targets: list[str], settings: dict
) -> None:
    folder = checkpoint(family, positions=130)
    expected = _from_a_head(folder, tmp_path / "adapter", kind, targets, **settings)
    plain, tokenizer, untrained = _built(folder, LoraConfig())
    batch = _batch(plain, tokenizer, texts[:9])
    _, _, encoder = _built(tmp_path / "adapter", LoraConfig())
    with torch.no_grad():
        found, before = encoder.eval()(*batch), untrained.eval()(*batch)
        untrained.transformer = expected
        torch.testing.assert_close(found, untrained(*batch), rtol=0, atol=1e-5)
    assert (found - before).abs().max() > 1e-2


def _rename(file: Path, change) -> None:
    save_file({new: weight for name, weight in load_file(file).items() if (new := change(name))}, file)


@needs_peft
def test_an_adapter_whose_tensors_do_not_fit_is_refused_by_their_names(checkpoint, tmp_path: Path) -> None:
    folder = checkpoint("qwen3", positions=130)
    _from_a_head(folder, tmp_path / "head", "Qwen3ForCausalLM", ["q_proj", "lm_head"])
    with pytest.raises(UserError, match=r"does not fit: 3 of its tensors \(.*lm_head.* have no place in its model"):
        _built(tmp_path / "head", LoraConfig())
    _from_a_head(folder, tmp_path / "half", "Qwen3Model", ["q_proj"])
    file = tmp_path / "half/adapter_model.safetensors"
    _rename(file, lambda name: "" if "layers.1" in name else name)
    with pytest.raises(UserError, match=r"2 of its tensors \(.*layers\.1.* are asked for .* and missing"):
        _built(tmp_path / "half", LoraConfig())
    _rename(file, lambda name: name.replace("layers.0", "blocks.0"))
    with pytest.raises(UserError, match=r"does not fit: 2 of its tensors \(.*blocks\.0"):
        _built(tmp_path / "half", LoraConfig())


@needs_peft
def test_an_adapter_of_the_pooler_counts_where_the_pooler_is_used(checkpoint, texts, tmp_path: Path) -> None:
    folder = checkpoint("xlm-r", positions=130)
    expected = _from_a_head(folder, tmp_path / "adapter", "XLMRobertaModel", ["dense"])
    config, tokenizer, encoder = _built(tmp_path / "adapter", LoraConfig(), pooling="pooler")
    ids, mask = _batch(config, tokenizer, texts[:9])
    with torch.no_grad():
        found = encoder.eval()(ids, mask)
        pooled = expected(input_ids=ids, attention_mask=mask).pooler_output
    torch.testing.assert_close(found, torch.nn.functional.normalize(pooled, dim=-1), rtol=0, atol=1e-5)
    _built(tmp_path / "adapter", LoraConfig())


@needs_peft
def test_a_kept_adapter_names_the_commit_of_its_model(checkpoint, hub, texts, tmp_path: Path) -> None:
    # Two commits of one repository with other weights.
    for commit in ("a" * 40, "b" * 40):
        folder = checkpoint("xlm-r", positions=130)
        if commit[0] == "b":
            file = folder / "model.safetensors"
            save_file({n: w.flip(0) for n, w in load_file(file).items()}, file, metadata={"format": "pt"})
        folder.rename(hub(commit))
    config = resolve_encoder("acme/retriever", "b" * 40).model_copy(update={"lora": LORA})
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, 0)
    batch = _batch(config, tokenizer, texts[:9])
    trained = _trained(encoder, batch)
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    file = tmp_path / "kept/adapter_config.json"
    said = json.loads(file.read_text())
    assert (said["base_model_name_or_path"], said["revision"]) == ("acme/retriever", "b" * 40)
    again, tokens, whole = _built(tmp_path / "kept", LoraConfig())
    with torch.no_grad():
        torch.testing.assert_close(whole.eval()(*_batch(again, tokens, texts[:9])), trained, rtol=0, atol=1e-5)
        file.write_text(json.dumps({**said, "revision": "a" * 40}))
        other = _built(tmp_path / "kept", LoraConfig())[2].eval()(*batch)
    assert (other - trained).abs().max() > 1e-2
    file.write_text(json.dumps({**said, "base_model_name_or_path": str(tmp_path)}))
    with pytest.raises(UserError, match=r"names the revision 'b+' of the folder .*, which has one state"):
        resolve_encoder(str(tmp_path / "kept"))


@needs_peft
def test_an_adapter_without_modules_has_the_layers_of_its_model(checkpoint, texts, tmp_path: Path) -> None:
    plain = checkpoint("xlm-r", positions=130)
    model = Layout({"pooling_mode": "cls"}, ["cls"], [Layer("2_Dense", 8)]).write(plain, tmp_path / "model")
    _from_a_head(model, tmp_path / "adapter", "XLMRobertaModel", ["query"])
    config, _, encoder = _built(tmp_path / "adapter", LoraConfig())
    assert (config.pooling, config.layers, encoder.dimension) == ("cls", ("2_Dense",), 8)
    assert torch.equal(encoder.layers[0].linear.weight, load_file(model / "2_Dense/model.safetensors")["linear.weight"])
    (model / "2_Dense/model.safetensors").write_bytes(b"cut")
    with pytest.raises(UserError, match=r"model/2_Dense/model\.safetensors is no safetensors file"):
        resolve_encoder(str(tmp_path / "adapter"))


@needs_peft
@pytest.mark.parametrize(
    "reaching",
    [
        {"megatron_config": {"a": 1}, "megatron_core": "brought_module"},
        {"megatron_core": "brought_module"},
        {"peft_type": "XLORA", "adapters": {"0": "another"}},
    ],
    ids=lambda fields: "+".join(fields),
)
def test_an_adapter_that_names_modules_or_other_adapters_is_refused(
    checkpoint, tmp_path, monkeypatch, reaching
) -> None:
    (tmp_path / "brought_module.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    _from_a_head(checkpoint("xlm-r", positions=130), tmp_path / "adapter", "XLMRobertaModel", ["query"])
    config = resolve_encoder(str(tmp_path / "adapter"))
    file = tmp_path / "adapter/adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **reaching}))
    field = next(name for name in reaching if name != "peft_type")
    for load in (lambda: resolve_encoder(str(tmp_path / "adapter")), lambda: config.build(config.tokenizer(), seed=0)):
        with pytest.raises(UserError, match=f"adapter/adapter_config.json sets {field}, by which peft imports"):
            load()
    assert not (tmp_path / "ran").exists()


@needs_peft
def test_an_adapter_of_a_model_that_holds_an_adapter_is_refused(checkpoint, tmp_path: Path) -> None:
    folder = checkpoint("xlm-r", positions=130)
    _from_a_head(folder, tmp_path / "adapter", "XLMRobertaModel", ["query"])
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copyfile(tmp_path / "adapter" / name, folder / name)
    with pytest.raises(UserError, match="holds an adapter itself: merge that into its model first"):
        resolve_encoder(str(tmp_path / "adapter"))
