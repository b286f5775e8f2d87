"""A table of token vectors is read, trained and kept as sentence-transformers does it, and nothing else is added."""

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

from tests.trainables.encoders.layouts import plain_tokenizer
from trainables.encoders.base import LONGEST
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import TokenTable, tokenise
from trainables.encoders.vocabulary import restore_vocabulary, trim_vocabulary
from trainables.errors import UserError
from trainables.evaluation.encode import encode

OLD = "sentence_transformers.models."
NEW = "sentence_transformers.sentence_transformer.modules.static_embedding."
QUERIES = ["What currency is used in Ghana?", "Was ist die WÄHRUNG von Peru?", "", "</s> is <pad> in Peru <s>"]
PASSAGES = ["The CEDI is used in Ghana. " * 30, "中国使用什么货币？", "Peru", "   "]


def _words() -> Tokenizer:
    """One whose ids have gaps, which lower-cases nothing and adds special tokens around a text."""
    vocabulary = {"[UNK]": 2, "Peru": 3, "Ghana": 5, "the": 8, "in": 13, "[CLS]": 21}
    found = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    found.add_special_tokens([AddedToken("[CLS]", special=True)])
    found.post_processor = processors.TemplateProcessing(single="[CLS] $A [CLS]", special_tokens=[("[CLS]", 21)])
    return found


Tensors = Mapping[str, torch.Tensor]
Written = Callable[..., Path]


def _table(rows: int, width: int = 12) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(3))


def _write(
    folder: Path,
    tokenizer: Tokenizer,
    tensors: Tensors,
    *behind: tuple[str, Tensors, Mapping[str, Any]],
    inner: str = "0_StaticEmbedding",
    kind: str = f"{OLD}StaticEmbedding",
    prompts: Mapping[str, Any] | None = None,
) -> Path:
    """A folder of sentence-transformers; `behind` are further modules with their tensors and settings."""
    (folder / inner).mkdir(parents=True)
    tokenizer.save(str(folder / inner / "tokenizer.json"))
    save_file(dict(tensors), folder / inner / "model.safetensors")
    modules = [{"idx": 0, "name": "0", "path": inner, "type": kind}]
    for place, (name, weights, settings) in enumerate(behind, 1):
        path = folder / f"{place}_{name}"
        path.mkdir()
        modules.append({"idx": place, "name": str(place), "path": path.name, "type": f"{OLD}{name}"})
        if weights:
            save_file(dict(weights), path / "model.safetensors")
            (path / "config.json").write_text(json.dumps(settings))
    (folder / "modules.json").write_text(json.dumps(modules))
    if prompts is not None:
        (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    return folder


def _dense(rows: int, columns: int) -> tuple[str, Tensors, Mapping[str, Any]]:
    weights = {"linear.weight": _table(rows, columns), "linear.bias": torch.arange(rows) / 10}
    identity = "torch.nn.modules.linear.Identity"
    settings = {"in_features": columns, "out_features": rows, "bias": True, "activation_function": identity}
    return "Dense", weights, settings


NORMALIZE: tuple[str, Tensors, Mapping[str, Any]] = ("Normalize", {}, {})


def _cut(tokenizer: Tokenizer, length: int, direction: str = "right") -> Tokenizer:
    tokenizer.enable_truncation(length, direction=direction)
    return tokenizer


def _folder(name: str, folder: Path, tokenizer: Any) -> tuple[Path, tuple[str, str], int]:
    """A folder of a layout that there is, its prompts, and the tokens to which it cuts a text."""
    mine, rows = plain_tokenizer(tokenizer), len(tokenizer)
    nothing, whole = ("", ""), LONGEST
    if name == "as version 3 writes it":
        return _write(folder, mine, {"embedding.weight": _table(rows)}), nothing, whole
    if name == "as version 6 writes it, in the folder itself":
        table = {"embedding.weight": _table(rows)}
        return _write(folder, mine, table, NORMALIZE, inner=".", kind=f"{NEW}StaticEmbedding"), nothing, whole
    if name == "a dense layer, scaling, prompts and first components":
        prompts = {"prompts": {"query": "query: ", "document": "passage: "}, "truncate_dim": 5}
        behind = (_dense(7, 12), NORMALIZE)
        table = {"embedding.weight": _table(rows)}
        return _write(folder, mine, table, *behind, prompts=prompts), ("query: ", "passage: "), whole
    if name == "model2vec":
        return _write(folder, mine, {"embeddings": _table(rows)}, NORMALIZE, inner="."), nothing, whole
    if name == "model2vec, with few rows for many tokens":
        few = {"mapping": torch.arange(rows) % 30, "weights": torch.linspace(0.1, 2, rows, dtype=torch.float64)}
        return _write(folder, mine, {"embeddings": _table(30), **few}), nothing, whole
    if name == "cut, on the left":
        return _write(folder, _cut(mine, 9, "left"), {"embedding.weight": _table(rows)}), nothing, 9
    if name == "more rows than tokens":
        return _write(folder, mine, {"embedding.weight": _table(rows + 40)}), nothing, whole
    assert name == "ids with gaps"
    return _write(folder, _cut(_words(), 8), {"embedding.weight": _table(22)}), nothing, 8


LAYOUTS = (
    "as version 3 writes it",
    "as version 6 writes it, in the folder itself",
    "a dense layer, scaling, prompts and first components",
    "model2vec",
    "model2vec, with few rows for many tokens",
    "cut, on the left",
    "more rows than tokens",
    "ids with gaps",
)


@pytest.mark.parametrize("name", LAYOUTS)
def test_vectors_are_those_of_the_arithmetic_and_of_sentence_transformers(tokenizer, tmp_path: Path, name: str) -> None:
    folder, prompts, length = _folder(name, tmp_path / "folder", tokenizer)
    config = resolve_encoder(str(folder))
    assert config.kind == "static_embedding"
    assert (config.query_prefix, config.passage_prefix) == prompts
    assert (config.max_query_length, config.max_passage_length) == (length, length)
    expected = [_expected(folder, texts, prompt) for texts, prompt in zip((QUERIES, PASSAGES), prompts, strict=True)]
    mine = config.tokenizer()
    save_encoder(config.build(mine, seed=0), mine, tmp_path / "kept")
    found = [_ours(folder), _ours(tmp_path / "kept"), *_theirs(folder), *_theirs(tmp_path / "kept")]
    assert len(found) >= 2
    for queries_and_passages in found:
        for vectors, wanted in zip(queries_and_passages, expected, strict=True):
            np.testing.assert_allclose(vectors, wanted, atol=1e-5)
    assert resolve_encoder(str(tmp_path / "kept")).max_query_length == length


def _expected(folder: Path, texts: list[str], prompt: str) -> np.ndarray:
    """[n, d], of length one, or zero: token by token in float64."""
    modules = json.loads((folder / "modules.json").read_text())
    first = folder / modules[0]["path"]
    backend, tensors = Tokenizer.from_file(str(first / "tokenizer.json")), load_file(first / "model.safetensors")
    backend.no_padding()
    rows = []
    for text in texts:
        ids = backend.encode(prompt + text, add_special_tokens=False).ids
        places = tensors["mapping"][ids].tolist() if "mapping" in tensors else ids
        table = tensors.get("embedding.weight", tensors.get("embeddings")).double().numpy()
        factors = tensors["weights"][ids].numpy() if "weights" in tensors else np.ones(len(ids))
        vector = (table[places] * factors[:, None]).sum(0) / max(1, len(ids))
        for module in modules[1:]:
            if module["type"].endswith("Dense"):
                layer = load_file(folder / module["path"] / "model.safetensors")
                vector = layer["linear.weight"].numpy() @ vector + layer["linear.bias"].numpy()
        file = folder / "config_sentence_transformers.json"
        kept = json.loads(file.read_text()).get("truncate_dim") if file.exists() else None
        rows.append(vector[:kept] / max(np.linalg.norm(vector[:kept]), 1e-12))
    return np.stack(rows)


def _ours(folder: Path) -> list[np.ndarray]:
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer()
    model = config.build(tokenizer, seed=0)
    sides = (
        (QUERIES, config.query_prefix, config.max_query_length),
        (PASSAGES, config.passage_prefix, config.max_passage_length),
    )
    return [
        encode(model, tokenise(texts, tokenizer, prompt, length), pad_id=tokenizer.pad_token_id)
        for texts, prompt, length in sides
    ]


def _theirs(folder: Path) -> list[list[np.ndarray]]:
    if importlib.util.find_spec("sentence_transformers") is None:
        return []
    from sentence_transformers import SentenceTransformer, __version__

    if __version__ < "6" and any((folder / "modules.json").read_text().count(one) for one in (NEW,)):
        return []
    model = SentenceTransformer(str(folder))
    sides = (model.encode_query, QUERIES), (model.encode_document, PASSAGES)
    return [[encoded(texts, normalize_embeddings=True) for encoded, texts in sides]]


@pytest.fixture
def folder(tokenizer, tmp_path: Path) -> Path:
    return _write(
        tmp_path / "folder",
        plain_tokenizer(tokenizer),
        {"embedding.weight": _table(len(tokenizer))},
        _dense(7, 12),
        inner="",
    )


def test_a_length_that_is_asked_for_is_kept(folder: Path, tmp_path: Path) -> None:
    config = resolve_encoder(str(folder)).model_copy(update={"max_query_length": 9, "max_passage_length": 12})
    tokenizer = config.tokenizer()
    save_encoder(config.build(tokenizer, seed=0), tokenizer, tmp_path / "kept")
    again = resolve_encoder(str(tmp_path / "kept"))
    assert (again.max_query_length, again.max_passage_length) == (9, 12)
    # sentence-transformers has one length for both.
    cut = Tokenizer.from_file(str(tmp_path / "kept/tokenizer.json")).truncation
    assert cut is not None
    assert cut["max_length"] == 12


def test_lower_case_that_is_asked_for_is_kept(folder: Path, tmp_path: Path) -> None:
    config = resolve_encoder(str(folder)).model_copy(update={"lower_case": True})
    tokenizer = config.tokenizer()
    save_encoder(config.build(tokenizer, seed=0), tokenizer, tmp_path / "kept")
    texts = ["PERU in Ghana", "peru in ghana"]
    for found in (config, resolve_encoder(str(tmp_path / "kept"))):
        table = tokenise(texts, found.tokenizer(), "", 100)
        assert table.ids[: table.lengths[0]].tolist() == table.ids[table.lengths[0] :].tolist()


def test_padding_and_other_texts_change_no_vector(folder: Path) -> None:
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer()
    encoder = config.build(tokenizer, seed=0).eval()
    table = tokenise([*QUERIES, *PASSAGES], tokenizer, "", 1000)
    rows = np.split(table.ids, table.offsets[1:-1])
    alone = [encode(encoder, TokenTable(row, np.array([0, len(row)])), pad_id=0) for row in rows]
    together = encode(encoder, table, pad_id=tokenizer.pad_token_id)
    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-6)


def test_the_gradient_is_that_of_the_mean(folder: Path) -> None:
    config = resolve_encoder(str(folder))
    encoder = config.build(config.tokenizer(), seed=0)
    ids = torch.tensor([[4, 5, 5, 9], [6, 7, 0, 0]])
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    encoder(ids, mask).sum().backward()
    found = encoder.transformer.embedding.weight.grad
    table = encoder.transformer.embedding.weight.detach().clone().requires_grad_()
    means = torch.stack([table[ids[0]].mean(0), table[ids[1, :2]].mean(0)])
    torch.nn.functional.normalize(encoder.layers[0](means), dim=-1).sum().backward()
    torch.testing.assert_close(found, table.grad)
    assert set(torch.nonzero(found.abs().sum(1)).flatten().tolist()) == {4, 5, 6, 7, 9}


def test_a_text_without_tokens_trains_nothing(folder: Path) -> None:
    config = resolve_encoder(str(folder)).model_copy(update={"layers": ()})
    tokenizer = config.tokenizer()
    encoder = config.build(tokenizer, seed=0)
    table = tokenise([""], tokenizer, "", 1000)
    vectors = encoder(torch.from_numpy(table.ids.astype(np.int64))[None], torch.ones(1, 1, dtype=torch.bool))
    assert vectors.abs().max() == 0
    (100 * vectors).sum().backward()
    assert encoder.transformer.embedding.weight.grad.abs().max() == 0


def test_a_trimmed_vocabulary_gives_the_same_vectors_and_is_restored(folder: Path) -> None:
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer()
    encoder, original = (config.build(tokenizer, seed=0).eval() for _ in range(2))
    table = tokenise(QUERIES, tokenizer, "", 1000)
    before = encode(encoder, table, pad_id=tokenizer.pad_token_id)
    used = np.unique([*table.ids, tokenizer.pad_token_id])
    trim_vocabulary(encoder, used)
    assert len(encoder.transformer.embedding.weight) < len(used) < len(tokenizer)
    np.testing.assert_array_equal(encode(encoder, table, pad_id=tokenizer.pad_token_id), before)
    restore_vocabulary(encoder, lambda: original, 1.0)
    np.testing.assert_array_equal(encode(encoder, table, pad_id=tokenizer.pad_token_id), before)


def test_its_plan_is_all_table(folder: Path) -> None:
    config = resolve_encoder(str(folder)).model_copy(update={"layers": ()})
    rows = len(config.tokenizer())
    shape = config.shape(rows)
    assert (shape.layers, shape.width, shape.parameters, shape.embeddings) == (0, 12, 12 * rows, 12 * rows)
    assert shape.trained == config.build(config.tokenizer(), seed=0).parameter_count


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"lora": {"rank": 4}}, "lora.rank is 4, but .* is a table of token vectors, without linear layers"),
        ({"pool_prompt": False}, "pool_prompt is false, but .* is a table"),
        ({"trust_remote_code": True}, "trust_remote_code is true, but .* brings no code"),
        ({"pooling": "cls"}, "Input should be 'mean'"),
    ],
)
def test_options_that_do_not_apply_are_refused_by_name(folder: Path, change: dict[str, Any], part: str) -> None:
    config = resolve_encoder(str(folder))
    with pytest.raises(ValidationError, match=part):
        type(config).model_validate({**config.model_dump(), **change})


def _other_weights(tensors: Tensors) -> Callable[[Path], None]:
    return lambda folder: save_file(dict(tensors), folder / "model.safetensors")


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _cut_off(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


def _said(**changes: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        file = folder / "tokenizer.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return write


def _modules(*kinds: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        entries = [{"type": f"{OLD}{kind}", "path": "" if not n else "1_Dense"} for n, kind in enumerate(kinds)]
        (folder / "modules.json").write_text(json.dumps(entries))

    return write


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (_modules("StaticEmbedding", "Pooling"), "has a module Pooling behind the StaticEmbedding"),
        (_modules("StaticEmbedding", "WordWeights"), "has a module WordWeights behind the StaticEmbedding"),
        (lambda folder: (folder / "tokenizer.json").unlink(), r"has no tokenizer\.json: fetch it"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"has no weights: put model\.safetensors"),
        (_pickled, "are a pickle"),
        (_cut_off, "is cut off"),
        (_said(truncation={"max_length": 3, "strategy": "LongestFirst"}), "gives max_length as 3"),
        (_said(truncation={"max_length": 30, "strategy": "OnlySecond"}), "cuts texts by"),
        (_said(truncation=30), "cuts texts by 30"),
    ],
)
def test_a_folder_that_cannot_be_honoured_is_refused_when_it_is_named(folder: Path, change, part: str) -> None:
    change(folder)
    with pytest.raises(UserError, match=part) as caught:
        resolve_encoder(str(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (_other_weights({"weight": _table(500)}), r"holds weight, and a table of token vectors is embedding\.weight"),
        (_other_weights({"embedding.weight": _table(500), "b": _table(2)}), "holds b, embedding.weight, and"),
        (_other_weights({"embedding.weight": torch.ones(500)}), "which are no table"),
        (_other_weights({"embeddings": _table(500), "weights": torch.ones(3)}), "which are no table"),
        (_other_weights({"embeddings": _table(3), "mapping": torch.full((500,), 3)}), "rows that its 3 vectors do not"),
        (
            _other_weights({"embeddings": _table(3), "mapping": torch.full((500,), -1)}),
            "rows that its 3 vectors do not",
        ),
        (_other_weights({"embeddings": _table(3), "mapping": torch.full((500,), 0.5)}), "rows that its 3 vectors do"),
        (_other_weights({"embedding.weight": torch.ones(500, 12, dtype=torch.int8)}), "of the kind I8"),
        (_other_weights({"embedding.weight": torch.full((500, 12), torch.nan)}), "holds NaN or infinity"),
        (_other_weights({"embedding.weight": _table(30)}), "gives ids up to .* and its table has 30 rows"),
        (
            _other_weights({"embedding.weight": _table(500, 9)}),
            "vectors of 9 components where its dense layer reads 12",
        ),
        (lambda folder: (folder / "tokenizer.json").write_text('{"model": 1}'), "tokenizer of .* does not load"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder: Path, change, part: str) -> None:
    change(folder)
    config = resolve_encoder(str(folder))
    with pytest.raises(UserError, match=part) as caught:
        config.build(config.tokenizer(), seed=0)
    assert "\n" not in str(caught.value)


def test_a_hub_id_is_read_like_a_folder(hub, tokenizer) -> None:
    folder = hub("a" * 40)
    _write(folder, plain_tokenizer(tokenizer), {"embedding.weight": _table(len(tokenizer))}, NORMALIZE)
    found = resolve_encoder("acme/retriever")
    assert (found.kind, found.source, found.revision) == ("static_embedding", "acme/retriever", "a" * 40)
    alike = {"layers": ("normalize",), "max_passage_length": LONGEST, "query_prefix": "", "passage_prefix": ""}
    assert {name: getattr(found, name) for name in alike} == alike
    assert resolve_encoder(str(folder)).model_copy(update={"name": "", "source": "", "revision": None}) == (
        found.model_copy(update={"name": "", "source": "", "revision": None})
    )


def test_a_table_of_model2vec_is_read_by_its_modules_and_refused_without_them(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "model2vec", "normalize": true}')
    assert resolve_encoder(str(folder)).kind == "static_embedding"
    (folder / "modules.json").unlink()
    with pytest.raises(UserError, match=r"\(model2vec\), but there is no modules\.json .*: save it as a Static"):
        resolve_encoder(str(folder))
