"""The mean of weights: in float32, of encoders of one origin only, adapters merged before."""

import importlib.util
import json

import pytest
import torch

from trainables.encoders.adapters import LoraConfig, without_adapters
from trainables.encoders.averaging import average, average_of_folders, check_one_origin
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.errors import UserError

needs_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")


def _moved(config, seed: int):
    """The encoder of a checkpoint after a training that moved every weight somewhere."""
    encoder = config.build(config.tokenizer([]), seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return encoder


def _weights(encoder) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in encoder.named_parameters()}


@pytest.mark.parametrize("family", ["xlm-r", "mt5"])
def test_every_weight_is_the_sum_of_coefficients_times_weights(checkpoint, family: str) -> None:
    config = resolve_encoder(str(checkpoint(family, positions=130)))
    coefficients = [0.5, 0.3, 0.2]
    singles = [_weights(_moved(config, seed)) for seed in range(3)]
    mean = average((_moved(config, seed) for seed in range(3)), coefficients)
    assert not mean.training
    for name, weight in mean.named_parameters():
        wanted = sum(c * one[name].double() for c, one in zip(coefficients, singles, strict=True))
        torch.testing.assert_close(weight.detach().double(), wanted, rtol=0, atol=1e-6)


def test_half_precision_is_added_in_float32(checkpoint) -> None:
    config = resolve_encoder(str(checkpoint()))
    many = 33
    # One by one in bfloat16, so many summands of 1/33 are not 1.
    mean = average((config.build(config.tokenizer([]), 0).bfloat16() for _ in range(many)), [1 / many] * many)
    for name, weight in config.build(config.tokenizer([]), 0).bfloat16().named_parameters():
        assert torch.equal(mean.get_parameter(name), weight)


@needs_peft
def test_adapters_are_averaged_as_what_they_add(checkpoint) -> None:
    config = resolve_encoder(str(checkpoint())).model_copy(update={"lora": LoraConfig(rank=2, alpha=8.0)})
    merged = []
    for seed in range(2):
        encoder = _moved(config, seed)
        encoder.transformer = without_adapters(encoder.transformer)
        merged.append(_weights(encoder))
    mean = average((_moved(config, seed) for seed in range(2)), [0.5, 0.5])
    assert {name for name, _ in mean.named_parameters()} == set(merged[0])
    for name, weight in mean.named_parameters():
        torch.testing.assert_close(weight.detach(), (merged[0][name] + merged[1][name]) / 2, rtol=0, atol=1e-6)


def test_the_average_of_encoders_that_bring_code_runs_it_only_if_their_trainings_did(checkpoint, tmp_path) -> None:
    folder = checkpoint(positions=130)
    (folder / "configuration_mine.py").write_text(
        "from transformers import XLMRobertaConfig\nclass MineConfig(XLMRobertaConfig):\n    model_type = 'mine'\n"
    )
    (folder / "modeling_mine.py").write_text(
        "from transformers import XLMRobertaModel\nfrom .configuration_mine import MineConfig\n"
        "class MineModel(XLMRobertaModel):\n    config_class = MineConfig\n"
    )
    settings = json.loads((folder / "config.json").read_text())
    code = {"AutoConfig": "configuration_mine.MineConfig", "AutoModel": "modeling_mine.MineModel"}
    (folder / "config.json").write_text(json.dumps({**settings, "model_type": "mine", "auto_map": code}))
    config = resolve_encoder(str(folder)).model_copy(update={"trust_remote_code": True})
    kept = [tmp_path / f"kept {seed}" for seed in range(2)]
    for seed, place in enumerate(kept):
        save_encoder(_moved(config, seed), config.tokenizer(), place)
    mean, _ = average_of_folders(kept, (0.5, 0.5), config)
    singles = [_weights(_moved(config, seed)) for seed in range(2)]
    for name, weight in mean.named_parameters():
        torch.testing.assert_close(weight.detach(), (singles[0][name] + singles[1][name]) / 2, rtol=0, atol=1e-6)
    with pytest.raises(UserError, match="does not load"):
        average_of_folders(kept, (0.5, 0.5), config.model_copy(update={"trust_remote_code": False}))


def test_encoders_of_other_shapes_positions_or_coefficients_are_refused(checkpoint) -> None:
    config = resolve_encoder(str(checkpoint()))
    short = resolve_encoder(str(checkpoint("bert", positions=30)))
    with pytest.raises(UserError, match=r"position_embeddings.weight is 40x24 in one encoder and 30x24 in another"):
        average([_moved(config, 0), _moved(short, 0)], [0.5, 0.5])
    with pytest.raises(UserError, match=r"cannot be averaged: .* and missing in another"):
        average([_moved(config, 0), _moved(resolve_encoder(str(checkpoint("mt5"))), 0)], [0.5, 0.5])
    other = _moved(config, 1)
    name = next(name for name, buffer in other.named_buffers() if not buffer.is_floating_point())
    other.get_buffer(name)[..., 0] += 1
    with pytest.raises(UserError, match=f"{name} holds whole numbers that differ"):
        average([_moved(config, 0), other], [0.5, 0.5])
    with pytest.raises(ValueError, match="sum to"):
        average([_moved(config, 0), _moved(config, 1)], [0.5, 0.6])
    with pytest.raises(ValueError, match="longer"):
        average([_moved(config, 0)], [0.5, 0.5])


def test_only_trainings_from_the_same_weights_have_one_origin(checkpoint) -> None:
    config, other = (resolve_encoder(str(checkpoint(family))) for family in ("xlm-r", "bert"))
    check_one_origin([config, config.model_copy(update={"name": "the same by another name"})])
    with pytest.raises(UserError, match="mini-xs is trained from scratch, from other random weights for every seed"):
        check_one_origin([resolve_encoder("mini-xs")] * 2)
    for wrong in (other, config.model_copy(update={"pooling": "cls"})):
        with pytest.raises(UserError, match="are of different checkpoints, tokenizers or poolings"):
            check_one_origin([config, wrong])
