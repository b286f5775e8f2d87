"""Queries and passages that go through different modules have the vectors that these give, wherever they stand."""

import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from transformers import AutoModel, AutoTokenizer

from tests.trainables.encoders.layouts import (
    dense_expected,
    dense_folder,
    modules_file,
    pooling_folder,
    router_file,
    static_expected,
    static_folder,
)
from trainables.encoders.base import LONGEST, EncoderConfig
from trainables.encoders.footprint import footprint
from trainables.encoders.model import Encoder, save_encoder
from trainables.encoders.registry import encoder_config, resolve_encoder
from trainables.encoders.tokenizer import first_id, of_passages, train_tokenizer
from trainables.encoders.tokens import pad, tokenise
from trainables.encoders.vocabulary import TrimmedEmbedding, restore_vocabulary, trim_vocabulary, trim_where_told
from trainables.errors import UserError
from trainables.evaluation.encode import encode
from trainables.parallel.recompute import recompute_activations

QUERIES = ["What currency is used in Ghana?", "Peru", "Was ist die Währung von Peru? " * 3]
PASSAGES = ["The cedi is used in Ghana. " * 5, "中国使用什么货币？", "Peru"]
PROMPTS = {"prompts": {"query": "q: ", "document": "passage "}}


@dataclass(frozen=True)
class Routed:
    """A folder with a Router, and what its routes should compute."""

    folder: Path
    queries: np.ndarray
    passages: np.ndarray
    lengths: tuple[int, int]
    transformers: int


def _transformer(folder: Path, texts: Sequence[str], prompt: str, pooled: str, length: int = 10**6) -> np.ndarray:
    """[n, d], every text alone through the plain transformer in a folder."""
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    model = model.encoder if model.config.is_encoder_decoder else model
    rows = []
    for text in texts:
        ids = tokenizer(prompt + text, truncation=True, max_length=length)["input_ids"]
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy().astype(np.float64)
        rows.append(hidden.mean(0) if pooled == "mean" else hidden[0])
    return np.stack(rows)


def _static_queries(folder: Path, checkpoint, tokenizer) -> Routed:
    copytree(checkpoint("xlm-r", positions=130), folder / "document_0_Transformer")
    # Passages are cut at another length than queries, and into other tokens.
    (folder / "document_0_Transformer/sentence_bert_config.json").write_text('{"max_seq_length": 20}')
    other = train_tokenizer([*QUERIES, *PASSAGES] * 5, 1000)
    static_folder(folder / "query_0_StaticEmbedding", other, 24)
    (folder / "query_0_StaticEmbedding/modules.json").unlink()
    pooling_folder(folder / "document_1_Pooling", 24, "cls")
    structure = {
        "query": ["query_0_StaticEmbedding"],
        "document": ["document_0_Transformer", "document_1_Pooling"],
    }
    router_file(folder, structure)
    modules_file(folder, ("Router.Router", ""), ("Normalize", "1_Normalize"))
    queries = static_expected(folder / "query_0_StaticEmbedding", QUERIES, "q: ")
    passages = _transformer(folder / "document_0_Transformer", PASSAGES, "passage ", "cls", 20)
    return Routed(folder, queries, passages, (LONGEST, 20), 2)


def _two_kinds(folder: Path, checkpoint, tokenizer) -> Routed:
    copytree(checkpoint("bert", positions=130), folder / "router/a_Transformer")
    copytree(checkpoint("mt5"), folder / "router/b_Transformer")
    pooling_folder(folder / "router/c_Pooling", 24)
    dense_folder(folder / "router/d_Dense", 9, 24, seed=1)
    dense_folder(folder / "router/e_Dense", 9, 24, seed=2)
    light, heavy = ["a_Transformer", "c_Pooling", "d_Dense"], ["b_Transformer", "c_Pooling", "e_Dense"]
    mappings = {"('query', 'text')": "light", "('document', None)": "heavy"}
    router_file(folder / "router", {"light": light, "heavy": heavy}, default_route="heavy", route_mappings=mappings)
    modules_file(folder, ("Router", "router"))
    a, b = (
        _transformer(folder / f"router/{one}_Transformer", *rest, "mean")
        for one, *rest in (
            ("a", QUERIES, "q: "),
            ("b", PASSAGES, "passage "),
        )
    )
    queries, passages = dense_expected(folder / "router/d_Dense", a), dense_expected(folder / "router/e_Dense", b)
    return Routed(folder, queries, passages, (130, 256), 2)


def _dense_per_route(folder: Path, checkpoint, tokenizer) -> Routed:
    copytree(checkpoint("xlm-r", positions=130), folder, dirs_exist_ok=True)
    pooling_folder(folder / "1_Pooling", 24)
    dense_folder(folder / "2_Asym/140_Dense", 9, 24, seed=1)
    dense_folder(folder / "2_Asym/141_Dense", 9, 24, seed=2)
    router_file(folder / "2_Asym", {"query": ["140_Dense"], "document": ["141_Dense"]}, "config.json")
    modules_file(folder, ("Transformer", ""), ("Pooling", "1_Pooling"), ("Asym", "2_Asym"))
    a, b = (_transformer(folder, *side, "mean") for side in ((QUERIES, "q: "), (PASSAGES, "passage ")))
    queries, passages = dense_expected(folder / "2_Asym/140_Dense", a), dense_expected(folder / "2_Asym/141_Dense", b)
    return Routed(folder, queries, passages, (128, 128), 1)


def _one_route(folder: Path, checkpoint, tokenizer) -> Routed:
    """Of texts, whatever they are: images may go another way, but nothing has to."""
    copytree(checkpoint("xlm-r", positions=130), folder / "text_0_Transformer")
    pooling_folder(folder / "text_1_Pooling", 24)
    router_file(folder, {"text": ["text_0_Transformer", "text_1_Pooling"]}, default_route="text")
    modules_file(folder, ("Router.Router", ""), ("Normalize", "1_Normalize"))
    queries, passages = (
        _transformer(folder / "text_0_Transformer", *side, "mean")
        for side in ((QUERIES, "q: "), (PASSAGES, "passage "))
    )
    return Routed(folder, queries, passages, (128, 128), 1)


LAYOUTS: dict[str, Callable[..., Routed]] = {
    "static queries": _static_queries,
    "two kinds of transformers": _two_kinds,
    "one transformer, a dense layer per route": _dense_per_route,
    "one route of texts": _one_route,
}


@pytest.fixture(params=LAYOUTS)
def routed(request: pytest.FixtureRequest, checkpoint, tokenizer, tmp_path: Path) -> Routed:
    folder = tmp_path / "routed"
    folder.mkdir()
    (folder / "config_sentence_transformers.json").write_text(json.dumps(PROMPTS))
    return LAYOUTS[request.param](folder, checkpoint, tokenizer)


@pytest.fixture
def static_queries(checkpoint, tokenizer, tmp_path: Path) -> Path:
    (tmp_path / "routed").mkdir()
    return _static_queries(tmp_path / "routed", checkpoint, tokenizer).folder


def _ours(config: EncoderConfig, encoder: Encoder | None = None) -> list[np.ndarray]:
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0) if encoder is None else encoder
    tables = (
        tokenise(QUERIES, tokenizer, config.query_prefix, config.max_query_length),
        tokenise(PASSAGES, of_passages(tokenizer), config.passage_prefix, config.max_passage_length),
    )
    return [encode(encoder, table, pad_id=tokenizer.pad_token_id) for table in tables]


def _theirs(folder: Path) -> list[list[np.ndarray]]:
    if importlib.util.find_spec("sentence_transformers") is None:
        return []
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": "float32"})
    sides = (model.encode_query, QUERIES), (model.encode_document, PASSAGES)
    return [[encoded(texts, normalize_embeddings=True) for encoded, texts in sides]]


@pytest.mark.slow
def test_vectors_are_those_of_the_arithmetic_and_of_sentence_transformers(routed: Routed, tmp_path: Path) -> None:
    config = resolve_encoder(str(routed.folder))
    assert (config.query_prefix, config.passage_prefix) == ("q: ", "passage ")
    assert (config.max_query_length, config.max_passage_length) == routed.lengths
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0)
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    again = resolve_encoder(str(tmp_path / "kept"))
    for found in (_ours(config), _ours(again), *_theirs(routed.folder), *_theirs(tmp_path / "kept")):
        for vectors, expected in zip(found, (routed.queries, routed.passages), strict=True):
            unit = expected / np.linalg.norm(expected, axis=1, keepdims=True)
            np.testing.assert_allclose(vectors, unit, atol=1e-5)
    for field in ("query_prefix", "passage_prefix", "max_query_length", "max_passage_length", "default_route"):
        assert getattr(again, field) == getattr(config, field)
    # What routes share is there once.
    built = again.build(again.tokenizer([]), seed=0)
    assert len(encoder.transformers) == len(built.transformers) == routed.transformers
    assert built.parameter_count == encoder.parameter_count


def test_a_record_of_it_is_the_encoder_again(routed: Routed) -> None:
    config = resolve_encoder(str(routed.folder))
    again = encoder_config(json.loads(config.model_dump_json()))
    assert again == config
    assert again.token_key == config.token_key
    assert all(np.array_equal(one, other) for one, other in zip(_ours(again), _ours(config), strict=True))


def test_every_text_takes_its_route_beside_any_other_and_wherever_its_padding_is(routed: Routed) -> None:
    config = resolve_encoder(str(routed.folder))
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0).eval()
    queries, passages = _ours(config, encoder)
    tables = [tokenise(QUERIES, tokenizer, "q: ", 100), tokenise(PASSAGES, of_passages(tokenizer), "passage ", 20)]
    width = max(int(table.lengths.max()) for table in tables)
    rows = [pad(table, range(3), tokenizer.pad_token_id, width) for table in tables]
    order = torch.tensor([3, 0, 1, 5, 4, 2])
    ids, mask = (torch.cat(parts)[order] for parts in zip(*rows, strict=True))
    cut = [encode(encoder, table, pad_id=tokenizer.pad_token_id) for table in tables]
    expected = np.concatenate(cut)[order]
    with torch.no_grad():
        np.testing.assert_allclose(encoder(ids, mask), expected, atol=1e-5)
        left = [torch.stack([torch.cat([a[~m], a[m]]) for a, m in zip(one, mask, strict=True)]) for one in (ids, mask)]
        np.testing.assert_allclose(encoder(*left), expected, atol=1e-5)
    # The text that both sides have is another vector on each.
    assert np.abs(queries[1] - passages[2]).max() > 1e-2


@pytest.mark.slow
def test_both_sides_learn_and_what_is_kept_has_it(routed: Routed, tmp_path: Path) -> None:
    config = resolve_encoder(str(routed.folder))
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0)
    before = _ours(config, encoder)
    tables = [tokenise(QUERIES, tokenizer, "", 100), tokenise(PASSAGES, of_passages(tokenizer), "", 20)]
    width = max(int(table.lengths.max()) for table in tables)
    parts = [pad(table, range(3), tokenizer.pad_token_id, width) for table in tables]
    ids, mask = (torch.cat(one) for one in zip(*parts, strict=True))
    (encoder(ids, mask) * torch.arange(encoder.dimension)).sum().backward()
    assert [name for name, one in encoder.named_parameters() if one.grad is None] == []
    torch.optim.SGD(encoder.parameters(), lr=0.1).step()
    after = _ours(config, encoder)
    for old, new in zip(before, after, strict=True):
        assert np.abs(new - old).max() > 1e-3
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    for found in (_ours(resolve_encoder(str(tmp_path / "kept"))), *_theirs(tmp_path / "kept")):
        for vectors, expected in zip(found, after, strict=True):
            np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_trimmed_vocabulary_gives_the_same_vectors_and_is_restored(routed: Routed) -> None:
    config = resolve_encoder(str(routed.folder))
    tokenizer = config.tokenizer([])
    encoder, original = (config.build(tokenizer, seed=0) for _ in range(2))
    expected = _ours(config, encoder)
    tables = (tokenise(QUERIES, tokenizer, "q: ", 1000), tokenise(PASSAGES, of_passages(tokenizer), "passage ", 1000))
    before = encoder.parameter_count
    trim_vocabulary(encoder, np.unique([*tables[0].ids, *tables[1].ids, tokenizer.pad_token_id]))
    assert encoder.parameter_count < before
    for vectors, wanted in zip(_ours(config, encoder), expected, strict=True):
        np.testing.assert_array_equal(vectors, wanted)
    restore_vocabulary(encoder, lambda: original, 1.0)
    assert encoder.parameter_count == before
    for vectors, wanted in zip(_ours(config, encoder), expected, strict=True):
        np.testing.assert_array_equal(vectors, wanted)


@pytest.mark.parametrize("shares", [(0.4, 0.4), (0.4, 0.9), (0.9, 0.4), (0.9, 0.9)])
def test_every_table_that_is_half_unused_is_trimmed_by_itself(routed: Routed, shares: tuple[float, float]) -> None:
    config = resolve_encoder(str(routed.folder))
    tokenizer = config.tokenizer([])
    encoder, original = config.build(tokenizer, seed=0), config.build(tokenizer, seed=0)
    sizes = [side.transformer.get_input_embeddings().num_embeddings for side in encoder.sides]
    counts = [int(share * size) for share, size in zip(shares, sizes, strict=True)]
    paddings = tokenizer.pad_token_id, of_passages(tokenizer).pad_token_id
    used = [np.union1d(np.arange(count - 1), [padding]) for count, padding in zip(counts, paddings, strict=True)]
    pieces = np.concatenate([used[0], used[1] + first_id(of_passages(tokenizer))])
    trim_where_told(encoder, "auto", lambda: pieces)
    # A table that both share holds the pieces of both.
    expected = [share < 0.5 for share in shares] if routed.transformers == 2 else [max(shares) < 0.5]
    found = [isinstance(one.get_input_embeddings(), TrimmedEmbedding) for one in encoder.transformers]
    assert found == expected
    restore_vocabulary(encoder, lambda: original, 1.0)
    for ours, theirs in zip(encoder.parameters(), config.build(tokenizer, seed=0).parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.slow
def test_its_plan_is_that_of_both_sides(routed: Routed) -> None:
    config = resolve_encoder(str(routed.folder))
    encoder, skeleton = config.build(config.tokenizer([]), seed=0), config.skeleton(0)
    # Dense layers are left out of plans.
    dense = sum(one.numel() for side in set(encoder.sides) for one in side.layers.parameters())
    assert skeleton.parameter_count == encoder.parameter_count - dense
    assert config.shape(0).parameters == skeleton.parameter_count
    whole = footprint(skeleton, torch.float32)
    for side in skeleton.sides:
        own = footprint(side, torch.float32)
        assert whole.kept.of(10, 20) >= own.kept.of(10, 20)
        assert whole.peak(10, 20) >= own.peak(10, 20)


def test_layers_that_there_are_recompute_and_the_gradient_stays(static_queries: Path) -> None:
    config = resolve_encoder(str(static_queries))
    assert config.has_layers
    tokenizer = config.tokenizer([])
    table = tokenise(PASSAGES, of_passages(tokenizer), "", 20)
    found = []
    for again in (False, True):
        encoder = config.build(tokenizer, seed=0).eval()
        if again:
            recompute_activations(encoder)
        (encoder(*pad(table, range(3), tokenizer.pad_token_id)) * torch.arange(24)).sum().backward()
        found.append({name: one.grad for name, one in encoder.named_parameters() if one.grad is not None})
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"lora": {"rank": 4}}, "lora.rank is 4, but .* has two encoders, of queries and of passages"),
        ({"image": {"tower": "a/b"}}, "image.tower is 'a/b', but .* has two encoders"),
        ({"pooling": "cls"}, "Input should be 'declared'"),
        ({"lower_case": True}, "lower_case is set, but .* has two encoders, .* each with its own"),
        ({"layers": ("normalize",)}, "layers is set, but .* has two encoders"),
        ({"query": {"kind": "static_embedding", "pooling": "cls"}}, "route query has another encoder"),
        ({"query": {"kind": "of_a_plugin"}}, "no checkpoint of a known kind on its route query"),
        ({"passage": {}}, "no checkpoint of a known kind on its route"),
    ],
)
def test_options_that_do_not_apply_are_refused_by_name(static_queries: Path, change: dict[str, Any], part: str) -> None:
    config = resolve_encoder(str(static_queries))
    with pytest.raises(ValidationError, match=part):
        type(config).model_validate({**config.model_dump(), **change})


Change = Callable[[Path], None]


def _router(**changes: Any) -> Change:
    def write(folder: Path) -> None:
        file = folder / "router_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return write


def _set(file: str, content: object) -> Change:
    return lambda folder: (folder / file).write_text(json.dumps(content)) and None


DOCUMENT = ["document_0_Transformer", "document_1_Pooling"]
TYPES = {
    name: f"sentence_transformers.models.{name.rpartition('_')[2]}" for name in (*DOCUMENT, "query_0_StaticEmbedding")
}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda folder: (folder / "router_config.json").unlink(), "router_config.json"),
        (_router(structure={"query": ["query_0_StaticEmbedding"]}), "has no route 'document'"),
        (
            _router(structure={"q": ["query_0_StaticEmbedding"], "doc": DOCUMENT}),
            "has no route 'query' .it has 'q', 'doc'",
        ),
        (
            _router(structure={"query": ["query_0_StaticEmbedding"], "document": DOCUMENT, "image": DOCUMENT}),
            "has a route 'image', which neither a query nor a document takes",
        ),
        (_router(structure={"query": [], "document": DOCUMENT}), "does not say of every route which modules"),
        (_router(structure={"query": ["gone"], "document": DOCUMENT}), "does not say of every route which modules"),
        (_router(types={**TYPES, "query_0_StaticEmbedding": 1}), "does not say of every route which modules"),
        (
            _router(structure={"query": ["../x"], "document": DOCUMENT}, types={**TYPES, "../x": "a.StaticEmbedding"}),
            "leads out of its folder",
        ),
        (_router(types={**TYPES, "query_0_StaticEmbedding": "mine.Static"}), r"route query, begins with a module mine"),
        (
            _router(structure={"query": ["query_0_StaticEmbedding"], "document": DOCUMENT[:1]}),
            "route document, has Normalize where the pooling should be",
        ),
        (_router(parameters={"route_mappings": {"query": "document"}}), "route mapping 'query' that is no pair"),
        (_router(parameters={"route_mappings": {"('query', None)": "x"}}), "has no route 'x'"),
        (_router(parameters={"something": 1}), "sets something to 1"),
        (_router(more=1), "sets more to 1"),
        (_set("document_0_Transformer/adapter_config.json", {}), "holds an adapter, on the route document"),
        (lambda folder: (folder / "query_0_StaticEmbedding/model.safetensors").unlink(), "has no weights"),
        (lambda folder: (folder / "document_0_Transformer/model.safetensors").unlink(), "has no weights"),
        (_set("document_1_Pooling/config.json", {"pooling_mode": "median"}), "asks for the pooling 'median'"),
        (_set("encoder.json", {"max_query_length": 8}), "encoder.json must hold exactly"),
    ],
)
def test_a_folder_that_cannot_be_honoured_is_refused_when_it_is_named(static_queries: Path, change, part: str) -> None:
    change(static_queries)
    with pytest.raises(UserError, match=part) as caught:
        resolve_encoder(str(static_queries))
    assert "\n" not in str(caught.value)


def test_sides_that_cannot_be_compared_are_refused(static_queries: Path, tokenizer) -> None:
    dense_folder(static_queries / "q_Dense", 9, 24)
    types = {**TYPES, "q_Dense": "sentence_transformers.models.Dense"}
    _router(structure={"query": ["query_0_StaticEmbedding", "q_Dense"], "document": DOCUMENT}, types=types)(
        static_queries
    )
    config = resolve_encoder(str(static_queries))
    with pytest.raises(UserError, match="gives queries 9 components and passages 24, which cannot be compared"):
        config.build(config.tokenizer([]), seed=0)
    # The first ones of both may be.
    config = config.model_copy(update={"dimensions": 8})
    assert config.build(config.tokenizer([]), seed=0).dimension == 8


def test_a_hub_id_is_read_like_a_folder(hub, static_queries: Path) -> None:
    snapshot = copytree(static_queries, hub("a" * 40))
    found, wanted = resolve_encoder("acme/retriever"), resolve_encoder(str(snapshot))
    assert (found.source, found.revision) == ("acme/retriever", "a" * 40)
    same = {"name": "", "source": "", "revision": None}
    assert found.model_copy(update=same) == wanted.model_copy(update=same)
    assert all(np.array_equal(one, other) for one, other in zip(_ours(found), _ours(wanted), strict=True))
    # Its files are those of the whole folder.
    assert {"router_config.json", "query_0_StaticEmbedding/model.safetensors"} <= wanted.files().keys()
