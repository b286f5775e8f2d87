import math

import pytest
import torch

from tests.trainables.toy_run import toy_config, toy_encoder
from trainables.training.config import OptimiserConfig
from trainables.training.optimiser import (
    build_optimiser,
    learning_rate,
    optimiser_state,
    restore_optimiser,
    trainable_parameters,
)


@pytest.mark.parametrize("decay", ["linear", "cosine", "constant"])
@pytest.mark.parametrize(("steps", "warmup"), [(10, 0.3), (1, 0.0), (7, 0.5), (100, 0.1)])
def test_rate_rises_linearly_to_its_top_and_never_reaches_zero(decay, steps, warmup):
    config = toy_config(steps=steps, warmup_share=warmup, decay=decay, learning_rate=2.0)
    rates = [learning_rate(config.optimiser, config.steps, step) for step in range(steps)]
    rising = round(steps * warmup)
    assert rates[:rising] == pytest.approx([2.0 * (step + 1) / rising for step in range(rising)])
    assert rates[rising] == 2.0
    assert all(later <= earlier for earlier, later in zip(rates[rising:], rates[rising + 1 :], strict=False))
    assert all(rate > 0 for rate in rates)


def test_rate_decays_as_named():
    rates = {
        decay: [learning_rate(OptimiserConfig(warmup_share=0, decay=decay, learning_rate=1), 8, t) for t in range(8)]
        for decay in ("linear", "cosine", "constant")
    }
    assert rates["linear"] == pytest.approx([1 - t / 8 for t in range(8)])
    assert rates["cosine"] == pytest.approx([0.5 + 0.5 * math.cos(math.pi * t / 8) for t in range(8)])
    assert rates["constant"] == [1.0] * 8


def test_only_matrices_decay():
    encoder = toy_encoder()
    parameters = trainable_parameters(encoder)
    optimiser = build_optimiser(parameters, toy_config(weight_decay=0.5, learning_rate=0.1).optimiser)
    before = {name: p.detach().clone() for name, p in parameters.items()}
    for parameter in parameters.values():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    for name, parameter in parameters.items():
        factor = 1.0 if name.endswith("bias") or "LayerNorm" in name else 1 - 0.1 * 0.5
        torch.testing.assert_close(parameter.detach(), before[name] * factor)


def test_frozen_parameters_are_left_out():
    encoder = toy_encoder()
    encoder.transformer.embeddings.requires_grad_(False)
    names = set(trainable_parameters(encoder))
    assert names
    assert not any("embeddings" in name for name in names)


def test_restored_state_continues_exactly():
    def advance(optimiser, parameters, step):
        generator = torch.Generator().manual_seed(step)
        for parameter in parameters.values():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimiser.step()

    config = toy_config()
    first = trainable_parameters(toy_encoder())
    optimiser = build_optimiser(first, config.optimiser)
    assert optimiser_state(optimiser, first) == {}
    advance(optimiser, first, 0)
    second = {name: torch.nn.Parameter(p.detach().clone()) for name, p in first.items()}
    restored = build_optimiser(second, config.optimiser)
    restore_optimiser(restored, second, {k: v.clone() for k, v in optimiser_state(optimiser, first).items()})
    advance(optimiser, first, 1)
    advance(restored, second, 1)
    assert all(torch.equal(first[name], second[name]) for name in first)
