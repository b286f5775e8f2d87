"""Sharded weights on one worker, in this process, and what cannot be sharded."""

import pytest
import torch
from safetensors.torch import load_file

from tests.trainables.parallel.worker_jobs import built
from tests.trainables.toy_run import free_passes, toy_config, toy_data, toy_encoder, toy_tokens
from tests.trainables.toy_trial import run_toy_trial, toy_trial
from trainables.batches.planner import BatchPlanner
from trainables.encoders.adapters import LoraConfig, with_adapters
from trainables.errors import UserError
from trainables.parallel.strategy import parallel_of
from trainables.parallel.worker import Worker
from trainables.training.gradient import GradientEngine, _Texts
from trainables.trial import TrialOptions

pytestmark = pytest.mark.usefixtures("no_process_group_is_left")


def placed(encoder, **options):
    return parallel_of(toy_config(**options).compute, Worker()).place(lambda: encoder)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("recomputed", [False, True])
@pytest.mark.parametrize("parallel", ["replicated", "sharded"])
def test_both_passes_of_cached_gradients_have_one_random_state_one_division_and_one_precision(
    parallel, recomputed, precision
):
    """The vectors of a chunk are the same to the bit when they are computed again."""
    options = {"precision": precision, "evaluation_precision": precision, "activation_checkpointing": recomputed}
    config = toy_config(parallel=parallel, gradient_accumulation=3, rectangles=2, **options)
    kind = parallel_of(config.compute, Worker())
    with free_passes():
        engine = GradientEngine(kind.place(lambda: built("toy", 0, dropout=0.3)), toy_tokens(toy_data()), config, kind)
    passes = []
    embed = engine._embed

    def watched(texts: _Texts, chunk, step):
        vectors = embed(texts, chunk, step)
        passes.append((chunk.first, [rows.tolist() for rows in chunk.rectangles], vectors.detach().clone()))
        return vectors

    engine._embed = watched
    torch.manual_seed(5)
    engine.add_gradient(BatchPlanner(toy_data(), config.batches.size, config.seed).batch(3, "cross"), 3)
    first, second = passes[:2], passes[3:]
    assert len(first) == len(second) == 2
    for (number, rows, vectors), (number_again, rows_again, again) in zip(first, second, strict=True):
        assert (number, rows) == (number_again, rows_again)
        assert torch.equal(vectors, again)


def test_recomputed_layers_have_the_gradient_of_kept_ones_with_the_same_dropout():
    found = []
    for recomputed in (False, True):
        config = toy_config(activation_checkpointing=recomputed)
        parallel = parallel_of(config.compute, Worker())
        encoder = parallel.place(lambda: built("toy", 0, dropout=0.3))
        engine = GradientEngine(encoder, toy_tokens(toy_data()), config, parallel)
        engine.add_gradient(BatchPlanner(toy_data(), config.batches.size, config.seed).batch(3, "cross"), 3)
        found.append({name: p.grad for name, p in encoder.named_parameters()})
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_recomputed_layers_keep_less_for_the_backward_pass():
    held = []
    for recomputed in (False, True):
        encoder = parallel_of(toy_config(activation_checkpointing=recomputed).compute, Worker()).place(
            lambda: built("decoder", 0)
        )
        kept: dict[int, int] = {}

        def keep(tensor, kept=kept):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            encoder(torch.full((4, 60), 5), torch.ones(4, 60, dtype=torch.bool))
        held.append(sum(kept.values()))
    assert held[1] < 0.6 * held[0]


def test_a_weight_that_layers_share_is_refused_by_name():
    encoder = toy_encoder(layers=2)
    first, second = encoder.transformer.encoder.layer
    second.attention.self.query.weight = first.attention.self.query.weight
    with pytest.raises(UserError, match=r"a weight \(attention.self.query.weight\) .*parallel to replicated"):
        placed(encoder, parallel="sharded")


def test_adapters_in_another_precision_than_their_model_are_refused_by_name():
    encoder = toy_encoder(layers=2)
    encoder.transformer.to(torch.bfloat16)
    encoder.transformer = with_adapters(encoder.transformer, LoraConfig(rank=2), "toy/toy", None, 0)
    with pytest.raises(UserError, match="'toy' has weights in bfloat16 and float32, which cannot be sharded together"):
        placed(encoder, parallel="sharded")


@pytest.mark.parametrize("options", [{"parallel": "sharded"}, {"activation_checkpointing": True}], ids=str)
def test_an_encoder_without_layers_is_refused_by_name(options):
    encoder = toy_encoder()
    encoder.transformer.encoder = torch.nn.Identity()
    with pytest.raises(UserError, match="'toy' has no list of layers"):
        placed(encoder, **options)


@pytest.mark.slow
def test_a_sharded_trial_keeps_the_encoder_of_a_whole_one_with_its_whole_vocabulary(tmp_path):
    """The vocabulary is trimmed while it trains."""
    results = {}
    for kind in ("replicated", "sharded"):
        compute = {"compute.parallel": kind, "compute.precision": "float32", "compute.trim_vocabulary": True}
        trial = toy_trial(phase="confirm", **compute)
        results[kind] = run_toy_trial(trial, tmp_path / kind, TrialOptions(keep_encoder=True))
    whole, sharded = results["replicated"], results["sharded"]
    assert (sharded.status, sharded.parameters) == ("complete", whole.parameters)
    assert sharded.metrics == pytest.approx(whole.metrics, abs=5e-3)
    kept = [load_file(tmp_path / kind / "encoder" / "model.safetensors") for kind in results]
    assert kept[0].keys() == kept[1].keys()
    for name, weights in kept[0].items():
        torch.testing.assert_close(kept[1][name], weights, rtol=1e-4, atol=1e-4)
