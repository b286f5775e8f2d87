import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.encoders.model import Encoder
from trainables.encoders.registry import PRESETS
from trainables.encoders.tokenizer import train_tokenizer
from trainables.encoders.tokens import TokenTable, pad
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
    embeddings = encode(model, table, pad_id=_PAD, device="cpu", batch_tokens=batch_tokens)
    assert embeddings.dtype == np.float32
    with torch.no_grad():
        alone = torch.cat([model.eval()(*pad(table, [index], _PAD)) for index in range(len(table))])
    np.testing.assert_allclose(embeddings, alone.numpy(), atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 100, 1000, 1_000_000])
def test_a_batch_keeps_to_its_tokens_and_wastes_few(encoder: Encoder, batch_tokens: int) -> None:
    rows = _rows(300)
    with _Watch(encoder) as watch:
        encode(encoder, _table(rows), pad_id=_PAD, device="cpu", batch_tokens=batch_tokens)
    assert sum(count for count, _ in watch.shapes) == len({tuple(row) for row in rows})
    assert all(count * width <= batch_tokens or count == 1 for count, width in watch.shapes)
    if batch_tokens == 1000:
        # Unsorted, it would be twice as many.
        assert sum(count * width for count, width in watch.shapes) < 1.2 * sum(map(len, rows))


def test_equal_rows_are_encoded_once_and_equal_to_the_last_bit(encoder: Encoder) -> None:
    rows = _rows(50)
    table = _table([*rows, *_rows(100, seed=1), *rows])
    with _Watch(encoder) as watch:
        embeddings = encode(encoder, table, pad_id=_PAD, device="cpu", batch_tokens=300)
    assert sum(count for count, _ in watch.shapes) == 150
    assert np.array_equal(embeddings[:50], embeddings[150:])


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_encoder_is_restored(encoder: Encoder, training: bool) -> None:
    encoder.train(training)
    with _Watch(encoder) as watch:
        encode(encoder, _table(_rows(5)), pad_id=_PAD, device="cpu")
    assert watch.modes == {(False, False)}
    assert encoder.training is training


def test_the_mode_is_restored_after_an_error(encoder: Encoder) -> None:
    encoder.train()
    with pytest.raises(IndexError):
        encode(encoder, _table([[4, len(_TOKENIZER) + 5]]), pad_id=_PAD, device="cpu")
    assert encoder.training


def test_no_texts_give_no_embeddings(encoder: Encoder) -> None:
    assert encode(encoder, _table([]), pad_id=_PAD, device="cpu").shape == (0, encoder.dimension)


def test_bfloat16_is_near_float32_and_not_the_same(encoder: Encoder) -> None:
    table = _table(_rows(40))
    exact = encode(encoder, table, pad_id=_PAD, device="cpu")
    rough = encode(encoder, table, pad_id=_PAD, device="cpu", precision="bfloat16")
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).max() < 0.05


def test_a_second_pass_gives_the_same_bits(encoder: Encoder) -> None:
    table = _table(_rows(200))
    first, second = (encode(encoder, table, pad_id=_PAD, device="cpu") for _ in range(2))
    assert np.array_equal(first, second)
