from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from trainables.array_cache import ArrayCache
from trainables.encoders.tokens import TokenTable, pad, tokenise
from trainables.errors import UserError


def _row(table: TokenTable, index: int) -> list[int]:
    return table.ids[table.offsets[index] : table.offsets[index + 1]].tolist()


@pytest.mark.parametrize("prefix", ["", "Query: "])
@pytest.mark.parametrize("max_length", [3, 7, 64])
def test_every_row_is_what_the_tokenizer_gives(tokenizer, texts, prefix: str, max_length: int) -> None:
    texts = [*texts, "", "Ghana " * 100]
    table = tokenise(texts, tokenizer, prefix, max_length)
    assert len(table) == len(texts)
    for index, text in enumerate(texts):
        expected = tokenizer(prefix + text, truncation=True, max_length=max_length)["input_ids"]
        assert _row(table, index) == expected
        assert len(expected) <= max_length
        assert (expected[0], expected[-1]) == (0, 2)


def test_rows_keep_their_place_over_many_chunks(tokenizer, texts) -> None:
    many = [texts[number % len(texts)] for number in range(9001)]
    table = tokenise(many, tokenizer, "", 64)
    for index in (0, 4095, 4096, 8191, 8192, 9000):
        assert _row(table, index) == tokenizer(many[index])["input_ids"]


@pytest.mark.slow
def test_what_is_kept_on_disk_is_what_the_tokenizer_gives(tokenizer, texts, tmp_path, monkeypatch) -> None:
    many = [texts[number % len(texts)] for number in range(9001)]
    expected = tokenise(many, tokenizer, "Query: ", 16)
    assert not list(tmp_path.iterdir()), "few texts are not worth it"
    monkeypatch.setattr("trainables.encoders.tokens._MANY", 100)
    for _ in range(2):
        kept = tokenise(many, tokenizer, "Query: ", 16, ArrayCache(tmp_path))
        assert np.array_equal(kept.ids, expected.ids)
        assert np.array_equal(kept.offsets, expected.offsets)
    assert len(list(tmp_path.iterdir())) == 1
    for other in ((many[1:], "Query: ", 16), (many, "Query:", 16), (many, "Query: ", 17)):
        own, prefix, length = other
        kept = tokenise(own, tokenizer, prefix, length, ArrayCache(tmp_path))
        assert np.array_equal(kept.ids, tokenise(own, tokenizer, prefix, length).ids)
    assert len(list(tmp_path.iterdir())) == 4


def test_types_are_those_that_shared_memory_holds(tokenizer, texts) -> None:
    table = tokenise(texts, tokenizer, "", 64)
    assert (table.ids.dtype, table.offsets.dtype) == (np.int32, np.int64)
    assert table.lengths.sum() == len(table.ids)


def test_no_texts_give_an_empty_table(tokenizer) -> None:
    assert len(tokenise([], tokenizer, "", 64)) == 0


def test_a_text_without_tokens_gets_a_stand_in() -> None:
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "<end>": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    bare = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<end>", unk_token="[UNK]")
    table = tokenise(["a a", "", "a"], bare, "", 8)
    assert [_row(table, index) for index in range(3)] == [[1, 1], [2], [1]]


def test_a_length_without_room_for_text_is_refused(tokenizer) -> None:
    with pytest.raises(UserError, match="2 tokens leaves no room"):
        tokenise(["a"], tokenizer, "", 2)


_ROWS = st.lists(st.lists(st.integers(0, 900), min_size=1, max_size=9), min_size=1, max_size=12)


@given(rows=_ROWS, data=st.data(), pad_id=st.integers(0, 5), least=st.integers(0, 12))
def test_a_batch_holds_the_rows_and_nothing_else(rows, data, pad_id: int, least: int) -> None:
    indices = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=12))
    table = TokenTable(
        np.array([token for row in rows for token in row], dtype=np.int32),
        np.cumsum([0, *map(len, rows)]).astype(np.int64),
    )
    table.ids.flags.writeable = table.offsets.flags.writeable = False
    ids, mask = pad(table, np.array(indices), pad_id, least)
    longest = max(len(rows[index]) for index in indices)
    assert ids.shape == mask.shape == (len(indices), max(longest, least))
    assert (ids.dtype, mask.dtype) == (torch.int64, torch.bool)
    for index, row, row_mask in zip(indices, ids.tolist(), mask.tolist(), strict=True):
        width = len(rows[index])
        assert row == rows[index] + [pad_id] * (len(row) - width)
        assert row_mask == [True] * width + [False] * (len(row) - width)


def test_a_batch_is_a_copy(tokenizer, texts) -> None:
    table = tokenise(texts, tokenizer, "", 64)
    before = table.ids.copy()
    ids, _ = pad(table, [0, 1], tokenizer.pad_token_id)
    ids.zero_()
    assert np.array_equal(table.ids, before)


def test_images_stand_between_texts_as_often_as_they_have_tokens() -> None:
    texts = TokenTable(np.array([7, 8, 9], dtype=np.int32), np.array([0, 2, 3]), prompt=1)
    table = texts.among(np.array([1, 3]), 4).with_images(np.array([5, -1, 0, -1]), tokens=3)
    rows = [table.ids[a:b].tolist() for a, b in pairwise(table.offsets.tolist())]
    assert rows == [[-6, -6, -6], [7, 8], [-1, -1, -1], [9]]
    # What of a text is not pooled is still known.
    assert table.prompt == 1
