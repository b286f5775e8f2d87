from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.encoders.model import Encoder
from trainables.encoders.registry import PRESETS
from trainables.encoders.tokenizer import train_tokenizer
from trainables.encoders.tokens import TokenTable, pad
from trainables.evaluation import embedding_file
from trainables.evaluation import encode as encoding
from trainables.evaluation.encode import encode

_PAD = 1
_TOKENIZER = train_tokenizer(["Ghana", "Peru", "使用什么货币？"], 1000)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return PRESETS["mini-xs"].config.build(_TOKENIZER, seed=0)


def _table(rows: list[list[int]]) -> TokenTable:
    ids = np.array([token for row in rows for token in row], dtype=np.int32)
    return TokenTable(ids, np.cumsum([0, *map(len, rows)]).astype(np.int64))


def _rows(count: int, seed: int = 0) -> list[list[int]]:
    generator = np.random.default_rng(seed)
    return [generator.integers(4, len(_TOKENIZER), generator.integers(1, 60)).tolist() for _ in range(count)]


class _Watch:
    """Records the batches that the encoder sees."""

    def __init__(self, encoder: Encoder) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.modes: set[tuple[bool, bool]] = set()
        self._handle = encoder.register_forward_pre_hook(self._see)

    def _see(self, module: Encoder, inputs: tuple[torch.Tensor, torch.Tensor]) -> None:
        self.shapes.append(tuple(inputs[0].shape))
        self.modes.add((module.training, torch.is_grad_enabled()))

    def __enter__(self) -> "_Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=20), batch_tokens=st.integers(1, 400))
def test_every_text_gets_its_own_embedding_in_the_order_given(lengths: list[int], batch_tokens: int) -> None:
    model = PRESETS["mini-xs"].config.build(_TOKENIZER, seed=0)
    generator = np.random.default_rng(sum(lengths))
    table = _table([generator.integers(4, len(_TOKENIZER), length).tolist() for length in lengths])
    table.ids.flags.writeable = table.offsets.flags.writeable = False
    embeddings = encode(model, table, pad_id=_PAD, batch_tokens=batch_tokens)
    assert embeddings.dtype == np.float32
    with torch.no_grad():
        alone = torch.cat([model.eval()(*pad(table, [index], _PAD)) for index in range(len(table))])
    np.testing.assert_allclose(embeddings, alone.numpy(), atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 100, 1000, 1_000_000])
def test_a_batch_keeps_to_its_tokens_and_wastes_few(encoder: Encoder, batch_tokens: int) -> None:
    rows = _rows(300)
    with _Watch(encoder) as watch:
        encode(encoder, _table(rows), pad_id=_PAD, batch_tokens=batch_tokens)
    assert sum(count for count, _ in watch.shapes) == len({tuple(row) for row in rows})
    assert all(count * width <= batch_tokens or count == 1 for count, width in watch.shapes)
    if batch_tokens == 1000:
        # Unsorted, it would be twice as many.
        assert sum(count * width for count, width in watch.shapes) < 1.2 * sum(map(len, rows))


def test_equal_rows_are_encoded_once_and_equal_to_the_last_bit(encoder: Encoder) -> None:
    rows = _rows(50)
    table = _table([*rows, *_rows(100, seed=1), *rows])
    with _Watch(encoder) as watch:
        embeddings = encode(encoder, table, pad_id=_PAD, batch_tokens=300)
    assert sum(count for count, _ in watch.shapes) == 150
    assert np.array_equal(embeddings[:50], embeddings[150:])


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_encoder_is_restored(encoder: Encoder, training: bool) -> None:
    encoder.train(training)
    with _Watch(encoder) as watch:
        encode(encoder, _table(_rows(5)), pad_id=_PAD)
    assert watch.modes == {(False, False)}
    assert encoder.training is training


def test_the_mode_is_restored_after_an_error(encoder: Encoder) -> None:
    encoder.train()
    with pytest.raises(IndexError):
        encode(encoder, _table([[4, len(_TOKENIZER) + 5]]), pad_id=_PAD)
    assert encoder.training


def test_no_texts_give_no_embeddings(encoder: Encoder) -> None:
    assert encode(encoder, _table([]), pad_id=_PAD).shape == (0, encoder.dimension)


def test_bfloat16_is_near_float32_and_not_the_same(encoder: Encoder) -> None:
    table = _table(_rows(40))
    exact = encode(encoder, table, pad_id=_PAD)
    rough = encode(encoder, table, pad_id=_PAD, precision="bfloat16")
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.05


def test_a_second_pass_gives_the_same_bits(encoder: Encoder) -> None:
    table = _table(_rows(200))
    first, second = (encode(encoder, table, pad_id=_PAD) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_file, "SHARD", 16)
    monkeypatch.setattr(encoding, "MANY_TEXTS", 1)


def _in_file(encoder: Encoder, table: TokenTable, folder: Path) -> np.ndarray:
    return encode(encoder, table, pad_id=_PAD, scratch=folder)


def test_embeddings_in_a_file_are_those_in_memory(encoder, tmp_path, small_shards) -> None:
    rows = _rows(40)
    table = _table([*rows, *rows[:20], rows[0]])
    found = _in_file(encoder, table, tmp_path)
    assert found == pytest.approx(encode(encoder, table, pad_id=_PAD), abs=1e-6)
    assert np.array_equal(found[40:60], found[:20]), "equal texts tie exactly, whatever their shard"
    assert np.array_equal(found[60], found[0])


@pytest.mark.parametrize("damage", ["none", "bit", "list", "half"])
def test_what_a_killed_run_has_written_whole_is_not_computed_again(
    encoder, tmp_path, small_shards, monkeypatch, damage: str
) -> None:
    table = _table(_rows(50))
    written = embedding_file.EmbeddingFile.write

    def killed(self, texts, embeddings):
        if texts.start == 32:
            raise KeyboardInterrupt
        written(self, texts, embeddings)

    monkeypatch.setattr(embedding_file.EmbeddingFile, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        _in_file(encoder, table, tmp_path)
    monkeypatch.setattr(embedding_file.EmbeddingFile, "write", written)
    (file,), (shards,) = tmp_path.glob("*/embeddings"), tmp_path.glob("*/shards.jsonl")
    if damage == "bit":
        content = bytearray(file.read_bytes())
        content[100] ^= 1
        file.write_bytes(content)
    elif damage != "none":
        text = shards.read_text()
        shards.write_text("[]\n{" if damage == "list" else text[: len(text) - 30])
    with _Watch(encoder) as watch:
        found = _in_file(encoder, table, tmp_path)
    assert found == pytest.approx(encode(encoder, table, pad_id=_PAD), abs=1e-6)
    assert sum(shape[0] for shape in watch.shapes) == {"none": 18, "bit": 34, "list": 50, "half": 34}[damage]


def test_other_weights_or_texts_have_a_file_of_their_own(encoder, tmp_path, small_shards) -> None:
    table = _table(_rows(20))
    other = PRESETS["mini-xs"].config.build(_TOKENIZER, seed=1)
    found = _in_file(encoder, table, tmp_path).copy()
    assert not np.allclose(found, _in_file(other, table, tmp_path))
    assert not np.allclose(found, _in_file(encoder, _table(_rows(20, seed=1)), tmp_path))
    assert len(list(tmp_path.iterdir())) == 3
