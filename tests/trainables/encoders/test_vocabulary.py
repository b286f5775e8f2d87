from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.model import Encoder, save_encoder
from trainables.encoders.registry import PRESETS, resolve_encoder
from trainables.encoders.tokens import pad, tokenise
from trainables.encoders.vocabulary import TrimmedEmbedding, restore_vocabulary, trim_vocabulary, trim_where_told
from trainables.errors import UserError
from trainables.training.config import OptimiserConfig
from trainables.training.optimiser import build_optimiser, decay_of, learning_rate, trainable_parameters

SPOKEN = 40
"""So many of the texts are those of the study."""


@pytest.fixture(params=["mini", "xlm-r", "bert"])
def encoder(
    request: pytest.FixtureRequest, checkpoint: Callable[..., Path], tokenizer: PreTrainedTokenizerFast
) -> Encoder:
    if request.param == "mini":
        return PRESETS["mini-xs"].config.build(tokenizer, seed=0)
    source = str(checkpoint(request.param))
    config = HuggingFaceEncoder(name="toy", source=source, max_query_length=30, max_passage_length=30)
    return config.build(tokenizer, seed=0).eval()


def batch_of(texts: list[str], tokenizer: PreTrainedTokenizerFast) -> tuple[torch.Tensor, torch.Tensor]:
    return pad(tokenise(texts, tokenizer, "", 30), np.arange(len(texts)), tokenizer.pad_token_id)


def test_texts_of_kept_pieces_have_the_same_vectors_and_the_same_training_step(encoder, tokenizer, texts) -> None:
    batch = batch_of(texts[:SPOKEN], tokenizer)
    trimmed = deepcopy(encoder)
    pieces = np.unique(batch[0].numpy())
    trim_vocabulary(trimmed, pieces)
    assert len(pieces) < encoder.transformer.get_input_embeddings().num_embeddings
    difference = encoder.parameter_count - trimmed.parameter_count
    assert difference == (len(encoder.transformer.get_input_embeddings().weight) - len(pieces)) * encoder.dimension
    config, original, steps = OptimiserConfig(learning_rate=0.01, weight_decay=0.3), deepcopy(encoder), 3
    for one in (encoder, trimmed):
        optimiser = build_optimiser(trainable_parameters(one), config)
        for step in range(steps):
            first, second = one(*batch).chunk(2)
            (first * second).sum().backward()
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(config, steps, step)
            optimiser.step()
            optimiser.zero_grad()
    assert torch.equal(encoder(*batch), trimmed(*batch))
    restore_vocabulary(trimmed, lambda: original, decay_of(config, steps))
    for (name, weight), same in zip(encoder.named_parameters(), trimmed.parameters(), strict=True):
        if weight is encoder.transformer.get_input_embeddings().weight:
            assert torch.equal(weight[pieces], same[pieces]), name
            torch.testing.assert_close(weight, same, rtol=1e-6, atol=0)
        else:
            assert torch.equal(weight, same), name


def test_what_is_trimmed_by_itself_is_a_trained_table_of_known_code_that_is_half_unused(tokenizer) -> None:
    size = len(tokenizer)
    half, more = np.arange(size // 2), np.arange(size // 2 + 1)

    def trimmed(choice: bool | str, pieces: np.ndarray, change: Callable[[Encoder], object] = lambda _: None) -> bool:
        encoder = PRESETS["mini-xs"].config.build(tokenizer, seed=0)
        change(encoder)
        trim_where_told(encoder, choice, lambda: pieces)
        return isinstance(encoder.transformer.get_input_embeddings(), TrimmedEmbedding)

    def freeze(encoder: Encoder) -> None:
        encoder.transformer.get_input_embeddings().weight.requires_grad_(False)

    def add_own_code(encoder: Encoder) -> None:
        encoder.transformer.own = Own()

    def scale(encoder: Encoder) -> None:
        encoder.transformer.get_input_embeddings().scale_grad_by_freq = True

    assert trimmed("auto", half)
    assert not trimmed("auto", more)
    assert trimmed(True, more)
    assert not trimmed(False, half)
    for change in (freeze, add_own_code, scale):
        assert not trimmed("auto", half, change), change
    assert trimmed(True, half, freeze)


class Own(nn.Module):
    """Nobody knows what it does."""


def test_rows_of_a_frozen_table_do_not_decay(tokenizer) -> None:
    encoder = PRESETS["mini-xs"].config.build(tokenizer, seed=0)
    encoder.transformer.requires_grad_(False)
    original = deepcopy(encoder)
    trim_vocabulary(encoder, np.arange(9))
    restore_vocabulary(encoder, lambda: original, 0.5)
    built = PRESETS["mini-xs"].config.build(tokenizer, seed=0).transformer.get_input_embeddings()
    assert torch.equal(encoder.transformer.get_input_embeddings().weight, built.weight)


def test_what_is_restored_is_trained_where_it_was_kept_and_decayed_elsewhere(tokenizer, texts, tmp_path) -> None:
    config = PRESETS["mini-xs"].config
    encoder = config.build(tokenizer, seed=3)
    ids, _ = batch_of(texts[:SPOKEN], tokenizer)
    pieces = np.unique(ids.numpy())
    trim_vocabulary(encoder, pieces)
    with torch.no_grad():
        encoder.transformer.get_input_embeddings().weight += 1
    restore_vocabulary(encoder, lambda: config.build(tokenizer, seed=3), 0.75)
    table = encoder.transformer.get_input_embeddings()
    assert type(table) is nn.Embedding
    expected = config.build(tokenizer, seed=3).transformer.get_input_embeddings().weight.detach() * 0.75
    expected[pieces] = expected[pieces] / 0.75 + 1
    torch.testing.assert_close(table.weight.detach(), expected)
    save_encoder(encoder, tokenizer, tmp_path)
    again = resolve_encoder(str(tmp_path)).build(tokenizer, seed=0)
    with torch.no_grad():
        assert torch.equal(again(*batch_of(texts, tokenizer)), encoder(*batch_of(texts, tokenizer)))


def test_the_padding_gets_no_gradient(tokenizer, texts) -> None:
    encoder = PRESETS["mini-xs"].config.build(tokenizer, seed=0)
    ids, mask = batch_of(texts[:SPOKEN], tokenizer)
    assert not mask.all()
    pieces = np.unique(ids.numpy())
    trim_vocabulary(encoder, pieces)
    encoder(ids, torch.ones_like(mask)).sum().backward()
    gradient = encoder.transformer.get_input_embeddings().weight.grad
    padding = int(np.searchsorted(pieces, tokenizer.pad_token_id))
    assert gradient[padding].abs().sum() == 0
    assert gradient.abs().sum() > 0


def test_a_piece_that_was_left_out_is_an_error() -> None:
    table = TrimmedEmbedding(nn.Embedding(9, 2), np.array([1, 4, 7]))
    assert table.pieces.tolist() == [1, 4, 7]
    with pytest.raises(IndexError):
        table(torch.tensor([5]))


def test_a_table_that_is_more_than_rows_is_refused(tokenizer) -> None:
    class Scaled(nn.Embedding):
        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(ids)

    encoder = PRESETS["mini-xs"].config.build(tokenizer, seed=0)
    encoder.transformer.set_input_embeddings(Scaled(len(tokenizer), 64))
    with pytest.raises(
        UserError, match=r"mini-xs' are not a plain table \(Scaled\).*set compute.trim_vocabulary to false"
    ):
        trim_vocabulary(encoder, np.arange(5))
