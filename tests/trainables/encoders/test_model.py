import copy
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModel,
    BartConfig,
    BartModel,
    GPT2Config,
    GPT2Model,
    ViTConfig,
    ViTModel,
    XLMRobertaForMaskedLM,
)

from trainables.encoders.base import EncoderConfig
from trainables.encoders.mini import FEED_FORWARD
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import PRESETS, resolve_encoder
from trainables.encoders.tokens import pad, tokenise
from trainables.errors import UserError


def _config(folder: Path, pooling: str = "mean") -> EncoderConfig:
    return resolve_encoder(str(folder)).model_copy(update={"pooling": pooling})


def _batch(texts, tokenizer, width: int = 0):
    return pad(tokenise(texts, tokenizer, "", 30), np.arange(len(texts)), tokenizer.pad_token_id, width)


@pytest.mark.parametrize("family", ["xlm-r", "bert"])
@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_pooling_is_what_its_name_says(checkpoint, tokenizer, texts, family: str, pooling: str) -> None:
    folder = checkpoint(family)
    encoder = _config(folder, pooling).build(tokenizer, seed=0).eval()
    plain = AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        embeddings = encoder(*_batch(texts[::7], tokenizer)).numpy()
        for text, embedding in zip(texts[::7], embeddings, strict=True):
            output = plain(input_ids=torch.tensor([tokenizer(text)["input_ids"]]))
            hidden = output.last_hidden_state[0].numpy()
            vector = {"mean": hidden.mean(0), "cls": hidden[0], "pooler": output.pooler_output[0].numpy()}[pooling]
            np.testing.assert_allclose(embedding, vector / math.sqrt((vector**2).sum()), atol=1e-5)


@pytest.mark.parametrize("name", ["mini-xs", "mini-s"])
def test_an_embedding_is_a_float32_unit_vector(tokenizer, texts, name: str) -> None:
    encoder = PRESETS[name].config.build(tokenizer, seed=0)
    embeddings = encoder(*_batch(texts, tokenizer))
    assert embeddings.dtype == torch.float32
    assert embeddings.shape == (len(texts), encoder.dimension)
    assert encoder.dimension == PRESETS[name].config.width
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(len(texts)))


@pytest.mark.parametrize("family", ["xlm-r", "bert", "mini"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_batch_mates_and_padding_do_not_move_an_embedding(checkpoint, tokenizer, texts, family: str, pooling: str):
    config = PRESETS["mini-s"].config if family == "mini" else _config(checkpoint(family))
    encoder = config.model_copy(update={"pooling": pooling}).build(tokenizer, seed=3).eval()
    mixed = ["Peru", *texts[:40], "Ghana " * 9]
    with torch.no_grad():
        together, padded = encoder(*_batch(mixed, tokenizer)), encoder(*_batch(mixed, tokenizer, width=32))
        alone = torch.cat([encoder(*_batch([text], tokenizer)) for text in mixed])
    assert (together - alone).abs().max() < 1e-5
    assert (padded - alone).abs().max() < 1e-5


def test_embeddings_are_float32_under_bfloat16(tokenizer, texts) -> None:
    encoder = PRESETS["mini-xs"].config.build(tokenizer, seed=0).eval()
    with torch.no_grad():
        exact = encoder(*_batch(texts, tokenizer))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = encoder(*_batch(texts, tokenizer))
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough.norm(dim=1), torch.ones(len(texts)))
    assert 0 < (rough - exact).abs().max() < 0.05


def test_the_seed_alone_decides_the_weights_of_a_mini_encoder(tokenizer) -> None:
    def weights(seed: int, noise: int) -> torch.Tensor:
        torch.manual_seed(noise)
        encoder = PRESETS["mini-xs"].config.build(tokenizer, seed)
        return torch.cat([parameter.flatten() for parameter in encoder.parameters()])

    assert torch.equal(weights(1, noise=5), weights(1, noise=6))
    assert not torch.equal(weights(1, noise=5), weights(2, noise=5))


def test_building_leaves_the_global_random_state_alone(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    without_pooler = {k: v for k, v in load_file(folder / "model.safetensors").items() if not k.startswith("pooler.")}
    save_file(without_pooler, folder / "model.safetensors", metadata={"format": "pt"})
    for config in (PRESETS["mini-xs"].config, _config(folder)):
        torch.manual_seed(9)
        before = torch.get_rng_state()
        config.build(tokenizer, seed=4)
        assert torch.equal(torch.get_rng_state(), before)


def test_every_parameter_gets_a_gradient(checkpoint, tokenizer, texts) -> None:
    for config in (PRESETS["mini-xs"].config, _config(checkpoint("bert")), _config(checkpoint("xlm-r"), "cls")):
        encoder = config.build(tokenizer, seed=0)
        (encoder(*_batch(texts, tokenizer)) * torch.arange(encoder.dimension)).sum().backward()
        assert [name for name, parameter in encoder.named_parameters() if parameter.grad is None] == []


def test_parameters_are_counted(tokenizer) -> None:
    width, vocabulary = 64, len(tokenizer)
    positions = 128 + 2
    inner = FEED_FORWARD * width
    layer = 4 * (width * width + width) + 2 * (inner * width) + inner + width + 2 * 2 * width
    expected = (vocabulary + positions + 1) * width + 2 * width + layer
    assert PRESETS["mini-xs"].config.build(tokenizer, seed=0).parameter_count == expected


def test_a_mini_encoder_reads_its_longest_text(tokenizer) -> None:
    encoder = PRESETS["mini-xs"].config.build(tokenizer, seed=0)
    table = tokenise(["Ghana Peru " * 200], tokenizer, "", PRESETS["mini-xs"].config.max_passage_length)
    assert table.lengths[0] == 128
    assert encoder(*pad(table, [0], 1)).isfinite().all()


def test_weights_are_float32_whatever_the_checkpoint_holds(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    AutoModel.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    encoder = _config(folder).build(tokenizer, seed=0)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}
    assert encoder.training


@pytest.mark.parametrize("source", ["mini", "mean", "cls", "pooler"])
def test_a_saved_encoder_comes_back_by_its_folder(checkpoint, tokenizer, texts, tmp_path: Path, source: str) -> None:
    config = PRESETS["mini-xs"].config if source == "mini" else _config(checkpoint("bert"), source)
    config = config.model_copy(update={"query_prefix": "q: ", "max_query_length": 17})
    encoder = config.build(tokenizer, seed=8).eval()
    save_encoder(encoder, tokenizer, tmp_path / "saved" / "deep")
    again = resolve_encoder(str(tmp_path / "saved" / "deep"))
    # The pooler becomes a layer behind the first token.
    assert again.pooling == {"pooler": "cls"}.get(config.pooling, config.pooling)
    for field in ("query_prefix", "passage_prefix", "max_query_length", "max_passage_length"):
        assert getattr(again, field) == getattr(config, field)
    reloaded = again.build(tokenizer, seed=99).eval()
    with torch.no_grad():
        assert torch.equal(encoder(*_batch(texts, tokenizer)), reloaded(*_batch(texts, tokenizer)))


def test_a_masked_language_checkpoint_loads_without_its_head(checkpoint, tokenizer, texts) -> None:
    # The layout of the published XLM-R: weights under `roberta.`, a head, no pooler.
    folder = checkpoint()
    torch.manual_seed(0)
    whole = XLMRobertaForMaskedLM(AutoConfig.from_pretrained(folder)).eval()
    whole.save_pretrained(folder)
    assert any(key.startswith("lm_head.") for key in load_file(folder / "model.safetensors"))
    encoder = _config(folder, "cls").build(tokenizer, seed=0).eval()
    ids, mask = _batch(texts, tokenizer)
    with torch.no_grad():
        hidden = whole.roberta(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
        torch.testing.assert_close(encoder(ids, mask), torch.nn.functional.normalize(hidden, dim=1))


def test_sharded_weights_load(checkpoint, tokenizer, texts) -> None:
    whole = _config(checkpoint()).build(tokenizer, seed=0).eval()
    shards = checkpoint(max_shard_size="20KB")
    (shards / "model.safetensors").unlink()
    sharded = _config(shards).build(tokenizer, seed=0).eval()
    with torch.no_grad():
        assert torch.equal(whole(*_batch(texts, tokenizer)), sharded(*_batch(texts, tokenizer)))


def _refused(config: EncoderConfig, tokenizer, part: str) -> None:
    with pytest.raises(UserError, match=part) as caught:
        config.build(tokenizer, seed=0)
    assert "\n" not in str(caught.value)


def _change_settings(folder: Path, **changes: object) -> None:
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, **changes}))


def test_missing_weights_are_refused(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _refused(_config(folder), tokenizer, r"lack 1 tensors \(encoder\.layer\.1\.output\.dense\.weight")


def test_layers_that_the_weights_lack_are_refused(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    _change_settings(folder, num_hidden_layers=4)
    _refused(_config(folder), tokenizer, r"lack 32 tensors \(encoder\.layer\.2\..* that its config\.json asks for")


@pytest.mark.parametrize("family", ["bert", "xlm-r"])
def test_tensors_that_no_embedding_needs_may_be_there_or_not(checkpoint, tokenizer, texts, family: str) -> None:
    """Old checkpoints hold the position numbers, pretraining leaves heads, and not every one has a pooler."""
    folder = checkpoint(family)
    whole = _config(folder).build(tokenizer, seed=0).eval()
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.position_ids"] = torch.arange(40).unsqueeze(0)
    weights["lm_head.bias"] = torch.zeros(len(tokenizer))
    weights["cls.predictions.bias"] = torch.zeros(len(tokenizer))
    del weights["pooler.dense.weight"], weights["pooler.dense.bias"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    other = _config(folder).build(tokenizer, seed=0).eval()
    with torch.no_grad():
        assert torch.equal(whole(*_batch(texts, tokenizer)), other(*_batch(texts, tokenizer)))


def test_weights_of_another_shape_are_refused(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.1.output.dense.weight"] = torch.zeros(24, 47)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _refused(_config(folder), tokenizer, r"encoder\.layer\.1\.output\.dense\.weight is \(24, 47\) and not \(24, 48\)")


def test_a_pooler_that_was_never_trained_is_refused(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    weights = {k: v for k, v in load_file(folder / "model.safetensors").items() if not k.startswith("pooler.")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _refused(_config(folder, "pooler"), tokenizer, r"lack 2 tensors \(pooler\.dense\.bias")
    _config(folder, "mean").build(tokenizer, seed=0)


def test_pickled_weights_are_never_read(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    config = _config(folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    _refused(config, tokenizer, "are a pickle, which may run any code")


def test_damaged_weights_are_refused_by_what_is_wrong_with_them(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    file = folder / "model.safetensors"
    config, content = _config(folder), file.read_bytes()
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 24681\n"
    for damaged, part in (
        (content[: len(content) // 2], r"is cut off: [\d,]+ of [\d,]+ bytes are there"),
        (content[:100], "is cut off"),
        (pointer, "is a pointer of Git LFS and not the file itself"),
        (b"", "is no safetensors file"),
        (b"<!doctype html><title>404</title>", "is no safetensors file"),
    ):
        file.write_bytes(damaged)
        _refused(config, tokenizer, part)
        with pytest.raises(UserError, match=part):
            resolve_encoder(str(folder))


def test_weights_that_are_no_numbers_are_refused(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.1.output.dense.weight"][3, 4] = torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _refused(_config(folder), tokenizer, r"hold NaN or infinity \(in encoder\.layer\.1\.output\.dense\.weight\)")


def test_names_of_a_wrapper_that_is_not_known_are_told(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    weights = {f"lightning.{name}": weight for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    _refused(_config(folder), tokenizer, r"take 'lightning\.' off their names, which a wrapper has put there")


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod."])
def test_names_of_a_wrapper_are_taken_off(checkpoint, tokenizer, texts, wrapper: str) -> None:
    folder = checkpoint()
    whole = _config(folder).build(tokenizer, seed=0).eval()
    weights = {f"{wrapper}{name}": weight for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    unwrapped = _config(folder).build(tokenizer, seed=0).eval()
    with torch.no_grad():
        assert torch.equal(whole(*_batch(texts, tokenizer)), unwrapped(*_batch(texts, tokenizer)))


def test_a_folder_that_does_not_load_is_not_blamed_on_the_connection(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    config = _config(folder)
    _change_settings(folder, model_type="notamodel")
    _refused(config, tokenizer, r"model type `notamodel`.*\): fetch the files of this folder again")


def test_a_model_without_a_vocabulary_is_refused(tokenizer, tmp_path: Path) -> None:
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    ViTModel(ViTConfig(image_size=16, patch_size=8, **shape)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    _refused(resolve_encoder(str(tmp_path)), tokenizer, "model_type vit, which has no vocabulary")


def test_an_encoder_decoder_and_a_decoder_of_another_type_are_refused(tokenizer, tmp_path: Path) -> None:
    shape = {"vocab_size": len(tokenizer), "d_model": 16, "encoder_layers": 1, "decoder_layers": 1}
    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8}
    BartModel(BartConfig(**shape, **heads, **ids)).save_pretrained(tmp_path / "bart")
    GPT2Model(GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2)).save_pretrained(tmp_path / "gpt2")
    for name, part in (
        ("bart", "bart, which is an encoder-decoder"),
        ("gpt2", "gpt2, which is no encoder"),
    ):
        tokenizer.save_pretrained(tmp_path / name)
        _refused(resolve_encoder(str(tmp_path / name)), tokenizer, part)


def test_a_tokenizer_of_another_model_is_refused(checkpoint, tokenizer) -> None:
    larger = copy.deepcopy(tokenizer)
    larger.add_tokens(["☃☃☃"])
    _refused(_config(checkpoint()), larger, "give the tokenizer that belongs to the model")


def test_lengths_beyond_the_positions_are_refused(checkpoint, tokenizer) -> None:
    for family, capacity in (("xlm-r", 38), ("bert", 40)):
        config = _config(checkpoint(family)).model_copy(update={"max_passage_length": capacity + 1})
        _refused(config, tokenizer, f"at most {capacity}")
        config.model_copy(update={"max_passage_length": capacity}).build(tokenizer, seed=0)


def test_remote_code_runs_only_if_asked(checkpoint, tokenizer) -> None:
    folder = checkpoint()
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"model_type": "homemade", "auto_map": {"AutoConfig": "evil.Evil", "AutoModel": "evil.EvilModel"}}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    _refused(_config(folder), tokenizer, "does not load")
    assert not (folder / "ran").exists()


def test_code_that_was_asked_for_is_not_asked_for_again(checkpoint, tokenizer, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    folder = checkpoint()
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"model_type": "homemade", "auto_map": {"AutoConfig": "mine.Mine", "AutoModel": "mine.MyModel"}}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "mine.py").write_text(
        "from transformers import XLMRobertaConfig, XLMRobertaModel\n"
        "class Mine(XLMRobertaConfig):\n    model_type = 'homemade'\n"
        "class MyModel(XLMRobertaModel):\n    config_class = Mine\n"
    )
    config = _config(folder).model_copy(update={"trust_remote_code": True})
    planned, built = config.skeleton(len(tokenizer)), config.build(tokenizer, seed=0)
    assert type(planned.transformer).__name__ == "MyModel"
    assert planned.parameter_count == built.parameter_count
