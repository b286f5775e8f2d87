"""What holds for every kind of encoder, whatever transformer is inside."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoTokenizer, Qwen2Model, XLMRobertaXLConfig, XLMRobertaXLModel

from trainables.encoders.attention import attend_without_waiting
from trainables.encoders.base import EncoderConfig
from trainables.encoders.decoder import DecoderEncoder
from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.model import Encoder, save_encoder
from trainables.encoders.packing import Packing
from trainables.encoders.registry import PRESETS, resolve_encoder
from trainables.encoders.t5 import T5Encoder
from trainables.encoders.tokens import pad, tokenise
from trainables.errors import UserError

MINI = ("mini-s", "mini-t5-s", "mini-decoder-s")
DECODERS = ("qwen2", "qwen3", "llama", "mistral", "gemma", "gemma2", "gemma3")
CHECKPOINTS = ("xlm-r", "bert", "modernbert", "mt5", *DECODERS)
POOLINGS = ("mean", "cls", "max", "weightedmean", "mean_sqrt_len", "lasttoken", "cls+mean")


@pytest.fixture
def config(checkpoint, request) -> EncoderConfig:
    if request.param in MINI:
        return PRESETS[request.param].config
    return resolve_encoder(str(checkpoint(request.param, positions=130)))


every = pytest.mark.parametrize("config", [*MINI, *CHECKPOINTS], indirect=True)
decoders = pytest.mark.parametrize("config", ["mini-decoder-s", *DECODERS], indirect=True)


def _family(config: EncoderConfig) -> str:
    """The family of a checkpoint, which is the name of its folder."""
    return Path(config.name).name


def _batch(config: EncoderConfig, texts, tokenizer):
    table = tokenise(texts, tokenizer, config.query_prefix, 60)
    return pad(table, np.arange(len(texts)), tokenizer.pad_token_id)


def _attending(config: EncoderConfig, attention: str) -> EncoderConfig:
    """The encoder with such an attention; what attends to both sides as it is has no other."""
    if attention == "causal":
        return config
    if not hasattr(config, "attention"):
        pytest.skip("attends to both sides as it is")
    return config.model_copy(update={"attention": attention})


def _on_the_left(ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    rows = [(row[kept], row[~kept]) for row, kept in zip(ids, mask > 0, strict=True)]
    return torch.stack([torch.cat([padding, text]) for text, padding in rows]), mask.flip(1)


@every
@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
def test_neither_padding_nor_batch_mates_move_an_embedding(config, texts, attention: str) -> None:
    tokenizer = config.tokenizer(texts)
    mixed = ["Peru", *texts[::20], "Ghana " * 30]
    encoder = _attending(config, attention).build(tokenizer, seed=3).eval()
    # One of each kind with every pooling, the others with their own.
    others = POOLINGS if _family(config) in ("xlm-r", "mt5", "qwen3") else ("mean",)
    for pooling in (config.pooling, *(others if attention == "causal" else ())):
        encoder.config = encoder.config.model_copy(update={"pooling": pooling})
        with torch.no_grad():
            batch = _batch(config, mixed, tokenizer)
            together, left = encoder(*batch), encoder(*_on_the_left(*batch))
            alone = torch.cat([encoder(*_batch(config, [text], tokenizer)) for text in mixed])
        assert together.shape == (len(mixed), encoder.dimension)
        assert (together - alone).abs().max() < 1e-5, pooling
        assert (left - together).abs().max() < 1e-5, pooling
        # The first token has seen no other where attention looks back.
        assert (together[0] - together[-1]).abs().max() > 1e-3 or (pooling == "cls" and config.kind.endswith("decoder"))


class NumbersRead(TorchDispatchMode):
    """How often Python read a number of a tensor, for which it would wait on an accelerator."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@every
@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
def test_masks_are_made_without_waiting_for_an_accelerator_and_embeddings_stay(config, texts, attention: str) -> None:
    tokenizer = config.tokenizer(texts)
    encoder = _attending(config, attention).build(tokenizer, seed=3).eval()
    # Of equal lengths and of different ones, longer than a window.
    batches = [_batch(config, one, tokenizer) for one in (["Ghana " * 30] * 2, ["Peru", "Ghana " * 30])]
    with torch.no_grad():
        expected = [encoder(*batch) for batch in batches]
        attend_without_waiting(encoder)
        with NumbersRead() as read:
            found = [encoder(*batch) for batch in batches]
    # Scores that are capped, as those of Gemma 2, have an attention of their own, which looks for padding all the same.
    assert read.count == 0 or encoder.transformer.config._attn_implementation == "eager"
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() < 1e-5


PACKED = ("mini-s", "mini-decoder-s", "xlm-r", "bert", "modernbert", "qwen2", "qwen3", "llama", "mistral", "gemma")


@every
@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
def test_packed_texts_have_the_vectors_and_gradients_of_padded_ones(config, texts, attention: str) -> None:
    tokenizer = config.tokenizer(texts)
    encoder = _attending(config, attention).build(tokenizer, seed=3).eval()
    attend_without_waiting(encoder)
    widened = attention == "bidirectional" and _family(config) == "mistral"
    assert encoder.can_pack == (_family(config) in PACKED and not widened)
    if not encoder.can_pack:
        return
    # Longer than a window.
    ids, mask = _batch(config, ["Peru", *texts[::20], "Ghana " * 30], tokenizer)
    packing = Packing.of((mask > 0).sum(1).numpy(), ids.shape[1])
    found = []
    for given in (None, packing):
        encoder.zero_grad()
        vectors = encoder(ids, mask, given)
        (vectors * torch.arange(encoder.dimension)).sum().backward()
        found.append((vectors.detach(), {name: one.grad for name, one in encoder.named_parameters()}))
    (expected, gradients), (vectors, packed) = found
    assert (vectors - expected).abs().max() < 1e-5
    largest = max(float(one.abs().max()) for one in gradients.values())
    for name, gradient in gradients.items():
        torch.testing.assert_close(packed[name], gradient, rtol=1e-4, atol=1e-6 * largest)


def test_packed_texts_of_a_larger_xlm_r_have_the_vectors_of_padded_ones() -> None:
    settings = XLMRobertaXLConfig(
        vocab_size=50,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=40,
        type_vocab_size=1,
        pad_token_id=1,
    )
    torch.manual_seed(0)
    encoder = Encoder(XLMRobertaXLModel(settings, add_pooling_layer=False), PRESETS["xlm-r-xl"].config).eval()
    attend_without_waiting(encoder)
    assert encoder.can_pack
    lengths = np.array([5, 30, 1])
    mask = torch.arange(30) < torch.from_numpy(lengths)[:, None]
    ids = torch.randint(2, 50, (3, 30)).where(mask, 1)
    with torch.no_grad():
        assert (encoder(ids, mask, Packing.of(lengths, 30)) - encoder(ids, mask)).abs().max() < 1e-5


def test_what_is_not_known_to_keep_texts_apart_is_not_packed(checkpoint, texts) -> None:
    class Mixing(torch.nn.Identity):
        """Might look at all tokens of a row."""

    config = resolve_encoder(str(checkpoint("bert", positions=130)))
    encoder = config.build(config.tokenizer(texts), seed=3)
    assert encoder.can_pack
    encoder.transformer.encoder.layer.append(Mixing())
    assert not encoder.can_pack
    images = PRESETS["mini-image-xs"].config
    assert not images.build(images.tokenizer(texts), seed=3).can_pack


@every
def test_every_parameter_learns_and_what_is_kept_comes_back(config, texts, tmp_path: Path) -> None:
    tokenizer = config.tokenizer(texts)
    encoder = config.build(tokenizer, seed=1)
    batch = _batch(config, texts[:20], tokenizer)
    optimiser = torch.optim.SGD(encoder.parameters(), lr=0.1)
    (encoder(*batch) * torch.arange(encoder.dimension)).sum().backward()
    assert [name for name, parameter in encoder.named_parameters() if parameter.grad is None] == []
    optimiser.step()
    with torch.no_grad():
        trained = encoder.eval()(*batch)
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    again = resolve_encoder(str(tmp_path / "kept"))
    assert isinstance(again, type(config)) or config.kind.startswith("mini")
    for field in ("pooling", "query_prefix", "passage_prefix", "max_query_length", "max_passage_length"):
        assert getattr(again, field) == getattr(config, field)
    with torch.no_grad():
        found = again.build(again.tokenizer([]), seed=9).eval()(*_batch(again, texts[:20], again.tokenizer([])))
    assert torch.equal(found, trained)
    for theirs in _theirs(tmp_path / "kept", texts[:20]):
        np.testing.assert_allclose(theirs, trained.numpy(), atol=1e-5)


def _theirs(folder: Path, texts) -> list[np.ndarray]:
    if importlib.util.find_spec("sentence_transformers") is None:
        return []
    from sentence_transformers import SentenceTransformer

    return [SentenceTransformer(str(folder), device="cpu").encode_query(texts, normalize_embeddings=True)]


@every
def test_the_seed_alone_draws_weights_that_are_drawn(config, texts) -> None:
    tokenizer = config.tokenizer(texts)

    def weights(seed: int, noise: int) -> torch.Tensor:
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        built = config.build(tokenizer, seed)
        assert torch.equal(torch.get_rng_state(), before)
        return torch.cat([parameter.flatten() for parameter in built.parameters()])

    assert torch.equal(weights(1, noise=5), weights(1, noise=6))
    assert torch.equal(weights(1, noise=5), weights(2, noise=5)) == config.is_pretrained


@every
def test_the_shape_is_that_of_the_encoder(config, texts) -> None:
    tokenizer = config.tokenizer(texts)
    encoder = config.build(tokenizer, seed=0)
    shape = config.shape(len(tokenizer))
    assert (shape.layers, shape.width) == (2, int(encoder.transformer.config.hidden_size))
    assert shape.parameters == shape.trained == encoder.parameter_count
    assert shape.embeddings == encoder.transformer.get_input_embeddings().weight.numel()


@decoders
def test_causal_attention_looks_back_and_bidirectional_both_ways(config, texts, tmp_path: Path) -> None:
    tokenizer = config.tokenizer(texts)
    first = {}
    for attention in ("causal", "bidirectional"):
        chosen = config.model_copy(update={"attention": attention, "pooling": "cls"})
        encoder = chosen.build(tokenizer, seed=0).eval()
        one, other = (_batch(config, [f"Peru {end}"], tokenizer) for end in ("Ghana", "Norwegen"))
        with torch.no_grad():
            first[attention] = (encoder(*one) - encoder(*other)).abs().max()
        save_encoder(encoder, tokenizer, tmp_path / attention)
        assert resolve_encoder(str(tmp_path / attention)).attention == attention
        for theirs in _theirs(tmp_path / attention, texts[:9]):
            with torch.no_grad():
                ours = encoder(*_batch(config, texts[:9], tokenizer)).numpy()
            np.testing.assert_allclose(theirs, ours, atol=1e-5)
    assert first["causal"] == 0
    assert first["bidirectional"] > 1e-4


def _without_end(folder: Path) -> None:
    """The tokenizer of a language model: it puts no end token behind a text."""
    from tokenizers import processors

    tokenizer = AutoTokenizer.from_pretrained(folder)
    template = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.backend_tokenizer.post_processor = template
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize("family", ["qwen3", "llama", "gemma"])
def test_the_end_token_stands_behind_every_text_exactly_once(checkpoint, texts, tmp_path: Path, family: str) -> None:
    folder = checkpoint(family, positions=130)
    with_end = resolve_encoder(str(folder)).tokenizer([])
    assert with_end("Peru")["input_ids"].count(2) == 1
    _without_end(folder)
    assert AutoTokenizer.from_pretrained(folder)("Peru")["input_ids"].count(2) == 0
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer([])
    for prefix, length in ((config.query_prefix, 60), ("", 60), ("", 8)):
        table = tokenise(["", "Peru", "Ghana " * 50], tokenizer, prefix, length)
        for row in np.split(table.ids, table.offsets[1:-1]):
            assert row[-1] == 2
            assert list(row).count(2) == 1
        assert table.lengths.max() == length
    save_encoder(config.build(tokenizer, seed=0), tokenizer, tmp_path / "kept")
    again = resolve_encoder(str(tmp_path / "kept"))
    assert not again.end_token
    for text in ("Peru", ""):
        assert again.tokenizer([])(text)["input_ids"] == tokenizer(text)["input_ids"]
    plain = config.model_copy(update={"end_token": False}).tokenizer([])
    assert plain("Peru")["input_ids"].count(2) == 0


def test_a_folder_says_by_itself_of_which_kind_it_is(checkpoint) -> None:
    kinds = {"bert": HuggingFaceEncoder, "mt5": T5Encoder, "qwen2": DecoderEncoder}
    for family, kind in kinds.items():
        assert type(resolve_encoder(str(checkpoint(family)))) is kind
    config = resolve_encoder(str(checkpoint("qwen2")))
    assert (config.pooling, config.attention, config.end_token) == ("lasttoken", "causal", True)


def test_an_mt5_loads_with_or_without_its_decoder_and_reads_texts_of_any_length(checkpoint, texts) -> None:
    whole = resolve_encoder(str(checkpoint("mt5")))
    tokenizer = whole.tokenizer([])
    encoder = whole.build(tokenizer, seed=0)
    assert not any(name.startswith("transformer.decoder") for name, _ in encoder.named_parameters())
    table = tokenise(["Ghana Peru " * 400], tokenizer, "", 600)
    assert encoder(*pad(table, [0], tokenizer.pad_token_id)).isfinite().all()


def test_a_decoder_that_was_made_to_look_both_ways_is_taken_as_it_is(checkpoint) -> None:
    folder = checkpoint("gemma3")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "use_bidirectional_attention": True}))
    config = resolve_encoder(str(folder))
    assert config.attention == "bidirectional"
    with pytest.raises(UserError, match=r"cannot attend one way: set encoder\.attention to bidirectional"):
        config.model_copy(update={"attention": "causal"}).build(config.tokenizer([]), seed=0)


def test_a_head_for_generation_is_left_out(checkpoint, texts) -> None:
    from transformers import Qwen2ForCausalLM

    folder = checkpoint("qwen2", positions=130)
    bare = Qwen2Model.from_pretrained(folder)
    whole = Qwen2ForCausalLM(bare.config)
    whole.model.load_state_dict(bare.state_dict())
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer([])
    batch = _batch(config, texts[:9], tokenizer)
    with torch.no_grad():
        expected = config.build(tokenizer, seed=0).eval()(*batch)
        whole.save_pretrained(folder)
        assert torch.equal(config.build(tokenizer, seed=0).eval()(*batch), expected)


PUBLISHED = {
    # Parameters of the encoder, from the model cards, in millions.
    "xlm-r-base": 278,
    "xlm-r-large": 560,
    "xlm-r-xl": 3_480,
    "xlm-r-xxl": 10_700,
    "labse": 471,
    "mbert": 178,
    "mmbert-small": 140,
    "mmbert-base": 307,
    "multilingual-e5-small": 118,
    "bge-m3": 568,
    "gte-multilingual-base": 305,
    "mt5-small": 147,
    "mt5-xxl": 5_655,
    "qwen3-embedding-0.6b": 596,
    "qwen3-embedding-8b": 7_568,
    "llama-3.1-8b": 7_505,
    "mistral-7b": 7_111,
    "gemma-2-2b": 2_614,
    "gemma-2-9b": 9_242,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_preset_is_planned_without_a_connection(name: str) -> None:
    shape = PRESETS[name].config.shape(0)
    assert shape.parameters / 1e6 == pytest.approx(PUBLISHED[name], rel=0.012)
    assert shape.embeddings < shape.parameters


SHAPE = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 130}


@pytest.mark.parametrize(
    ("family", "shape"),
    [
        ("Gte", SHAPE),
        ("EuroBert", {**SHAPE, "num_key_value_heads": 2}),
        ("NomicBert", SHAPE),
        ("DebertaV2", SHAPE),
        ("MPNet", SHAPE),
        ("FNet", {"num_hidden_layers": 2, "intermediate_size": 48, "max_position_embeddings": 130}),
    ],
)
def test_other_encoders_alone_are_tried_when_they_are_loaded(tokenizer, texts, tmp_path: Path, family, shape) -> None:
    import transformers

    ids = {"vocab_size": len(tokenizer), "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "hidden_size": 24}
    settings = getattr(transformers, f"{family}Config")(**ids, **shape)
    getattr(transformers, f"{family}Model")(settings).save_pretrained(tmp_path / family)
    tokenizer.save_pretrained(tmp_path / family)
    config = resolve_encoder(str(tmp_path / family))
    if family == "FNet":
        # It mixes a text with the padding behind it.
        with pytest.raises(UserError, match="model_type fnet, which gives a text another vector beside longer texts"):
            config.build(tokenizer, seed=0)
        return
    encoder = config.build(tokenizer, seed=0)
    assert encoder.training
    with torch.no_grad():
        batch = _batch(config, texts[:9], tokenizer)
        alone = torch.cat([encoder.eval()(*_batch(config, [text], tokenizer)) for text in texts[:9]])
        assert (encoder(*batch) - alone).abs().max() < 1e-5
        assert (encoder(*_on_the_left(*batch)) - alone).abs().max() < 1e-5
