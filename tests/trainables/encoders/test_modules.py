"""A checkpoint is what it declares: its vectors are those of plain arithmetic and of sentence-transformers."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from tests.trainables.encoders.layouts import NEW, OLD, Layer, Layout
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import tokenise
from trainables.errors import UserError
from trainables.evaluation.encode import encode

QUERIES = ["What currency is used in Ghana?", "Was ist die WÄHRUNG von Peru?", "ما العملة في مصر؟"]
PASSAGES = ["The CEDI is used in Ghana. " * 3, "中国使用什么货币？", "Peru"]


def _old(*modes: str, **more: object) -> dict[str, object]:
    return {**{f"pooling_mode_{mode}": True for mode in modes}, **more}


def _prompts(**prompts: str) -> dict[str, object]:
    return {"prompts": prompts, "default_prompt_name": None, "similarity_fn_name": "cosine"}


LAYOUTS = {
    "mean as version 6 writes it": Layout(
        {"pooling_mode": "mean", "include_prompt": True},
        layers=[Layer("2_Normalize")],
        prefix=NEW,
        prompts=_prompts(query="", document=""),
    ),
    "mean as version 2 writes it": Layout(_old("mean_tokens", pooling_mode_cls_token=False)),
    "first token": Layout(_old("cls_token"), ["cls"]),
    "max": Layout(_old("max_tokens"), ["max"]),
    "weighted mean": Layout(_old("weightedmean_tokens"), ["weightedmean"]),
    "mean over the root of the length": Layout(
        _old("mean_sqrt_len_tokens"), ["mean_sqrt_len_tokens"], [Layer("2_Dense", 7)]
    ),
    "last token": Layout({"pooling_mode": "lasttoken"}, ["lasttoken"]),
    "two poolings": Layout(_old("mean_tokens", "cls_token"), ["cls", "mean"]),
    "three poolings in an order of their own": Layout(
        {"pooling_mode": ["weightedmean", "max", "mean_sqrt_len_tokens"]},
        ["weightedmean", "max", "mean_sqrt_len_tokens"],
        prefix=NEW,
    ),
    "a dense layer at another path": Layout(layers=[Layer("2_Dense_16", 16, "Identity")]),
    "a dense layer without bias, behind scaling": Layout(
        layers=[Layer("a"), Layer("b", 40, "GELU", bias=False), Layer("c")]
    ),
    "two dense layers on two poolings": Layout(
        _old("cls_token", "max_tokens"), ["cls", "max"], [Layer("2_Dense", 9), Layer("3_Dense", 5, "SiLU")]
    ),
    "the old folder of the transformer": Layout(
        transformer="0_Transformer", settings={"max_seq_length": 30}, length=30
    ),
    "lower case": Layout(settings={"max_seq_length": 30, "do_lower_case": True}, length=30, lower=True),
    "a length": Layout(settings={"max_seq_length": 9, "do_lower_case": False}, length=9),
    "the length of the tokenizer": Layout(tokenizer={"model_max_length": 10}, length=10),
    "prompts": Layout(prompts=_prompts(query="query: ", document="passage: "), query="query: ", passage="passage: "),
    "a prompt of queries only": Layout(prompts=_prompts(query="query: "), query="query: "),
    "a prompt that is not pooled": Layout(
        _old("mean_tokens", "cls_token", "weightedmean_tokens", include_prompt=False),
        ["cls", "mean", "weightedmean"],
        prompts=_prompts(query="Find the passage: ", document=""),
        query="Find the passage: ",
    ),
    "its first components": Layout(layers=[Layer("n")], prompts={**_prompts(), "truncate_dim": 8}),
    "the first components of a dense layer": Layout(
        layers=[Layer("2_Dense", 16), Layer("n")], prompts={**_prompts(), "truncate_dim": 7}
    ),
    "the first components of two poolings, all of them": Layout(
        _old("cls_token", "max_tokens"), ["cls", "max"], prompts={**_prompts(), "truncate_dim": 48}
    ),
    "a product of vectors of length one": Layout(
        layers=[Layer("n")], prompts={**_prompts(), "similarity_fn_name": "dot"}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_vectors_are_those_that_the_folder_declares(checkpoint, tmp_path: Path, name: str) -> None:
    layout = LAYOUTS[name]
    folder = layout.write(checkpoint(positions=130), tmp_path / "folder")
    _agrees(folder, layout, tmp_path)


@pytest.mark.parametrize("family", ["bert", "modernbert", "mt5", "qwen3", "llama", "gemma"])
def test_every_family_gives_the_vectors_that_its_folder_declares(checkpoint, tmp_path: Path, family: str) -> None:
    mode = "lasttoken" if family in ("qwen3", "llama") else "mean"
    layout = Layout({"pooling_mode": mode}, [mode], prompts=_prompts(query="q: ", document=""), query="q: ")
    _agrees(layout.write(checkpoint(family, positions=130), tmp_path / "folder"), layout, tmp_path)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_shards_are_read(checkpoint, tmp_path: Path, dtype: torch.dtype) -> None:
    source = checkpoint(positions=130)
    AutoModel.from_pretrained(source, dtype=dtype).save_pretrained(source, max_shard_size="20KB")
    (source / "model.safetensors").unlink()
    layout = Layout()
    _agrees(layout.write(source, tmp_path / "folder"), layout, None)


def test_a_vocabulary_that_is_larger_than_the_tokenizer_is_read(checkpoint, tmp_path: Path) -> None:
    source = checkpoint(positions=130)
    model = AutoModel.from_pretrained(source)
    model.resize_token_embeddings(512)
    model.save_pretrained(source)
    layout = Layout()
    _agrees(layout.write(source, tmp_path / "folder"), layout, tmp_path)


def _agrees(folder: Path, layout: Layout, kept: Path | None) -> None:
    """The encoder of a folder, the one that is kept of it, and sentence-transformers, all against plain arithmetic."""
    config = resolve_encoder(str(folder))
    assert (config.query_prefix, config.passage_prefix) == (layout.query, layout.passage)
    expected = [layout.expected(folder, QUERIES, layout.query), layout.expected(folder, PASSAGES, layout.passage)]
    for found in (_ours(folder), *_theirs(folder, layout.prefix)):
        for ours, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, wanted, atol=1e-5)
    if kept is None:
        return
    tokenizer = config.tokenizer([])
    save_encoder(config.build(tokenizer, seed=0), tokenizer, kept / "kept")
    # What is kept ends at length one by itself.
    for found in (_ours(kept / "kept"), *_theirs(kept / "kept", normalised=False)):
        for ours, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, wanted, atol=1e-5)


def test_kept_components_are_read_back_and_not_trained(checkpoint, tmp_path: Path) -> None:
    config = resolve_encoder(str(checkpoint(positions=130))).model_copy(update={"dimensions": 8})
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0)
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    ids, mask = torch.arange(4, 20).reshape(2, 8), torch.ones(2, 8, dtype=torch.bool)
    vectors = encoder.eval()(ids, mask)
    for changes, wanted in (
        ({}, vectors),
        # The folder has no more than 8.
        ({"dimensions": None}, vectors),
        ({"dimensions": 5}, torch.nn.functional.normalize(vectors[:, :5], dim=-1)),
    ):
        again = resolve_encoder(str(tmp_path / "kept")).model_copy(update=changes).build(tokenizer, seed=0)
        torch.testing.assert_close(again.eval()(ids, mask), wanted, rtol=0, atol=1e-6)
        assert again.dimension == wanted.shape[1]
        trained = [name for name, weight in again.named_parameters() if weight.requires_grad]
        assert trained == [name for name, _ in encoder.named_parameters()]


def _ours(folder: Path) -> list[np.ndarray]:
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer([])
    model = config.build(tokenizer, seed=0)
    sides = (
        (QUERIES, config.query_prefix, config.max_query_length),
        (PASSAGES, config.passage_prefix, config.max_passage_length),
    )
    return [
        encode(model, tokenise(texts, tokenizer, prompt, length), pad_id=tokenizer.pad_token_id)
        for texts, prompt, length in sides
    ]


def _theirs(folder: Path, prefix: str = OLD, *, normalised: bool = True) -> list[list[np.ndarray]]:
    """What sentence-transformers computes, where it is installed and new enough for the names of the modules."""
    if importlib.util.find_spec("sentence_transformers") is None:
        return []
    import sentence_transformers

    if prefix == NEW and sentence_transformers.__version__ < "6":
        return []
    in_full = {"dtype": "float32"}
    model = sentence_transformers.SentenceTransformer(str(folder), model_kwargs=in_full)
    sides = (model.encode_query, QUERIES), (model.encode_document, PASSAGES)
    return [[encoded(texts, normalize_embeddings=normalised) for encoded, texts in sides]]


def _module(kind: str, path: str) -> dict[str, str]:
    return {"type": kind if "." in kind else f"sentence_transformers.models.{kind}", "path": path}


def _modules(*kinds: str) -> Callable[[Path], None]:
    paths = ["", "1_Pooling", *(f"{n}_{kind}" for n, kind in enumerate(kinds[2:], 2))]

    def write(folder: Path) -> None:
        for path in paths:
            (folder / path).mkdir(exist_ok=True)
        _set("modules.json", [_module(*one) for one in zip(kinds, paths, strict=False)])(folder)

    return write


def _set(file: str, content: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / file).write_text(json.dumps(content))

    return write


def _both(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for change in changes:
            change(folder)

    return write


def _update(file: str, **settings: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        before = json.loads((folder / file).read_text()) if (folder / file).exists() else {}
        _set(file, {**before, **settings})(folder)

    return write


def _dense(**settings: object) -> Callable[[Path], None]:
    return _update("2_Dense/config.json", **settings)


PROMPTS, TRANSFORMER, POOLING = (
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (_modules("Transformer", "Pooling", "LSTM"), "has a module LSTM behind the pooling"),
        (_modules("Transformer", "Pooling", "Dropout"), "has a module Dropout behind the pooling"),
        (_modules("WordEmbeddings"), "begins with a module WordEmbeddings, not a Transformer or StaticEmbedding"),
        (
            _both(_modules("BoW"), _set("config.json", {"vocab": ["a"], "cumulative_term_frequency": True})),
            "begins with a module BoW, not a Transformer or StaticEmbedding",
        ),
        (_modules("Router"), r"router_config\.json cannot be read"),
        (_modules("Transformer", "WeightedLayerPooling"), "has WeightedLayerPooling where the pooling should be"),
        (_modules("Transformer"), "has nothing where the pooling should be"),
        (_modules("Transformer", "Pooling", "custom_st.Mine"), r"has a module custom_st\.Mine behind the pooling"),
        (_set("modules.json", {"a": 1}), r"modules\.json is no list of modules"),
        (_set("modules.json", ["Transformer"]), r"modules\.json is no list of modules"),
        (_set("modules.json", [_module("Transformer", "../x")]), "leads out of its folder"),
        (_set("modules.json", [_module("Transformer", "0_Transformer")]), "'0_Transformer' that is not there"),
        (_set(POOLING, {"pooling_mode": "median"}), "asks for the pooling 'median'"),
        (_set(POOLING, {"word_embedding_dimension": 24}), "asks for the pooling 'of no kind'"),
        (_update(POOLING, pooling_mode_entropy_tokens=True), "sets pooling_mode_entropy_tokens to True"),
        (_update(POOLING, include_prompt="no"), "sets include_prompt to 'no'"),
        (_dense(use_residual=True), "sets use_residual to True"),
        (_dense(activation_function="torch.nn.modules.activation.Softmax"), "asks for the activation .*Softmax"),
        (_dense(activation_function="mine.Tanh"), r"asks for the activation mine\.Tanh"),
        (_dense(module_input_name="token_embeddings"), "sets module_input_name to 'token_embeddings'"),
        (lambda folder: (folder / "2_Dense/model.safetensors").unlink(), r"2_Dense has no model\.safetensors"),
        (_update(PROMPTS, prompts={"query": 1}), "has a prompt 1"),
        (_update(PROMPTS, prompts=["query"]), "has a prompt \\['query'\\]"),
        (_update(PROMPTS, default_prompt_name="search"), "default_prompt_name to 'search', but has no such prompt"),
        (_update(PROMPTS, similarity_fn_name="dot"), "sets similarity_fn_name to 'dot'"),
        (_update(PROMPTS, similarity_fn_name="manhattan"), "sets similarity_fn_name to 'manhattan'"),
        (_update(PROMPTS, model_type="SparseEncoder"), "sets model_type to 'SparseEncoder'"),
        (_update(PROMPTS, truncate_dim=0), "gives dimensions as 0"),
        (_update(TRANSFORMER, max_seq_length=4), "max_seq_length as 4: it must be .* at least 8"),
        (_update(TRANSFORMER, max_seq_length="abc"), "max_seq_length as 'abc': it must be"),
        (_update(TRANSFORMER, transformer_task="fill-mask"), "sets transformer_task to 'fill-mask'"),
        (_update(TRANSFORMER, query_expansion={"length": 32}), "sets query_expansion to"),
        (_update(TRANSFORMER, model_args={"num_hidden_layers": 1}), "sets num_hidden_layers to 1"),
        (_update(TRANSFORMER, modality_config={"image": {}}), "reads text in another way"),
        (_update(TRANSFORMER, something_new=1), "sets something_new to 1"),
        (_update("tokenizer_config.json", model_max_length=2), "model_max_length as 2: it must be"),
        (lambda folder: (folder / "modules.json").unlink(), r"has 1_Pooling but no modules\.json"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(checkpoint, tmp_path: Path, change, part: str) -> None:
    folder = Layout(layers=[Layer("2_Dense", 8)]).write(checkpoint(positions=130), tmp_path / "folder")
    resolve_encoder(str(folder))
    change(folder)
    with pytest.raises(UserError, match=part) as caught:
        resolve_encoder(str(folder))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "other tensors", "other shape", "nan"])
def test_a_damaged_dense_layer_is_refused(checkpoint, tmp_path: Path, damage: str) -> None:
    from safetensors.torch import save_file

    folder = Layout(layers=[Layer("2_Dense", 8)]).write(checkpoint(positions=130), tmp_path / "folder")
    config = resolve_encoder(str(folder))
    file = folder / "2_Dense/model.safetensors"
    name, size = ("dense" if damage == "other tensors" else "linear"), (9 if damage == "other shape" else 8)
    fill = torch.nan if damage == "nan" else 0.0
    save_file({f"{name}.weight": torch.full((size, 24), fill), f"{name}.bias": torch.zeros(size)}, file)
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"2_Dense/model\.safetensors (is cut off|is not the layer|holds NaN)"):
        config.build(config.tokenizer([]), seed=0)


def test_another_pooling_may_be_asked_for_but_must_fit_the_layers(checkpoint, tmp_path: Path) -> None:
    folder = Layout(layers=[Layer("2_Dense", 8)]).write(checkpoint(positions=130), tmp_path / "folder")
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer([])
    assert config.model_copy(update={"pooling": "max"}).build(tokenizer, seed=0).dimension == 8
    assert config.model_copy(update={"layers": ()}).build(tokenizer, seed=0).dimension == 24
    with pytest.raises(UserError, match="vectors of 48 components where its dense layer reads 24"):
        config.model_copy(update={"pooling": "cls+max"}).build(tokenizer, seed=0)


def test_a_dense_layer_is_trained_and_kept(checkpoint, tmp_path: Path) -> None:
    folder = Layout(layers=[Layer("2_Dense", 8)]).write(checkpoint(positions=130), tmp_path / "folder")
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0)
    with torch.no_grad():
        encoder.layers[0].linear.bias += 1
    assert {name for name, weight in encoder.named_parameters() if weight.requires_grad} >= {"layers.0.linear.bias"}
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    again = resolve_encoder(str(tmp_path / "kept")).build(tokenizer, seed=0)
    assert torch.equal(again.layers[0].linear.bias, encoder.layers[0].linear.bias)


@pytest.mark.slow
def test_a_hub_id_is_read_like_a_folder(checkpoint, tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    layout = Layout(_old("cls_token"), ["cls"], [Layer("2_Dense_8", 8)], prompts=_prompts(query="q: ", document="p: "))
    repository = tmp_path / "home/hub/models--acme--retriever"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text("a" * 40)
    (repository / "snapshots").mkdir()
    folder = layout.write(checkpoint(positions=130), repository / "snapshots" / ("a" * 40))
    program = (
        "from trainables.encoders.registry import resolve_encoder as r; c = r('acme/retriever');"
        "print(c.revision, c.pooling, c.layers, repr(c.query_prefix), c.build(c.tokenizer([]), 0).dimension)"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["a" * 40, "cls", "('2_Dense_8',)", "'q:", "'", "8"]
    assert resolve_encoder(str(folder)).layers == ("2_Dense_8",)


@pytest.mark.parametrize(
    ("prompts", "default", "expected"),
    [
        ({}, None, ("", "")),
        ({"query": "q: ", "document": "d: ", "passage": "p: "}, None, ("q: ", "d: ")),
        ({"query": "q: ", "passage": "p: "}, None, ("q: ", "p: ")),
        ({"query": "q: ", "corpus": "c: "}, None, ("q: ", "c: ")),
        ({"document": "d: "}, None, ("", "d: ")),
        ({"query": None, "document": "d: "}, None, ("", "d: ")),
        ({"query": "q: "}, "query", ("q: ", "")),
        ({"all": "a: ", "other": "o: "}, "all", ("a: ", "a: ")),
        ({"all": "a: "}, None, ("", "")),
    ],
)
def test_prompts_are_found_by_their_names(checkpoint, tmp_path: Path, prompts, default, expected) -> None:
    layout = Layout(prompts={"prompts": prompts, "default_prompt_name": default})
    config = resolve_encoder(str(layout.write(checkpoint(), tmp_path / "folder")))
    assert (config.query_prefix, config.passage_prefix) == expected


def test_the_parent_of_checkpoints_names_them(checkpoint, tmp_path: Path) -> None:
    for steps in (500, 1500):
        checkpoint().rename(tmp_path / f"checkpoint-{steps}")
    with pytest.raises(UserError, match=r"holds the checkpoints of a training; give one of them, such as .*-1500"):
        resolve_encoder(str(tmp_path))
