import re
from pathlib import Path

import pytest
import torch

from tests.trainables.toy_run import (
    CHAOS,
    DEV_SIGNAL,
    Reports,
    toy_config,
    toy_data,
    toy_encoder,
    toy_tokens,
    weights,
)
from trainables.batches.kinds import batch_kinds
from trainables.batches.planner import BatchPlanner
from trainables.encoders.tokens import pad
from trainables.errors import UserError
from trainables.parallel.worker import Worker
from trainables.training.fine_tune import fine_tune
from trainables.training.loss import contrastive_loss
from trainables.training.optimiser import learning_rate

DATA = toy_data()
TOKENS = toy_tokens(DATA)


def train(config, encoder=None, sink=None, **options):
    encoder, sink = encoder or toy_encoder(), sink or Reports()
    summary = fine_tune(config, DATA, TOKENS, encoder, sink=sink, **options)
    return summary, sink, encoder


def test_training_lowers_the_loss_and_finds_the_answers():
    encoder = toy_encoder()

    def found() -> float:
        with torch.no_grad():
            texts = [DATA.query_text[:, 0], DATA.passage_text[:, 1]]
            queries, passages = (encoder(*pad(TOKENS.queries, rows, TOKENS.pad_id)) for rows in texts)
        return float(((queries @ passages.T).argmax(1) == torch.arange(len(DATA))).float().mean())

    before = found()
    _, sink, _ = train(toy_config(steps=120, batch_size=16, learning_rate=0.02, report_every=30), encoder)
    assert before < 0.5
    assert found() > 0.9
    assert sink.lines[-1]["loss"] < 0.3 * sink.lines[0]["loss"]


@pytest.mark.parametrize("mixing", ["alternate", "loss"])
def test_the_loop_is_the_plain_loop(mixing):
    """The oracle is written with plain torch: two forward passes, AdamW without tricks, no rates but the schedule's."""
    config = toy_config(ratio={"family": "linear", "start": 1, "end": 0}, mixing=mixing, steps=10, weight_decay=0.0)
    encoder = toy_encoder()
    optimiser = torch.optim.AdamW(encoder.parameters(), weight_decay=0.0, foreach=False, fused=False)
    planner = BatchPlanner(DATA, config.batches.size, config.seed)
    kinds = batch_kinds(config.batches.draw, config.seed, 8 if mixing == "loss" else 1)
    sink = Reports()
    summary, _, trained = train(config, sink=sink)
    due, mono_pairs, losses = 0.0, 0, []
    for step in range(10):
        ratio = 1 - step / 10
        drawn = kinds.mono(step, ratio)
        if mixing == "loss":
            batch = planner.mixed_batch(step, drawn)
            assert abs(drawn - 8 * ratio) < 1
        else:
            batch = planner.batch(step, "mono" if drawn else "cross")
        mono_pairs += int((batch.query_language == batch.passage_language).sum())
        queries = encoder(*pad(TOKENS.queries, batch.query_text, TOKENS.pad_id))
        passages = encoder(*pad(TOKENS.passages, batch.passage_text, TOKENS.pad_id))
        losses.append(contrastive_loss(queries, passages, config.loss.temperature))
        optimiser.zero_grad()
        losses[-1].backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimiser.param_groups[0]["lr"] = learning_rate(config.optimiser, config.steps, step)
        optimiser.step()
        due += ratio
    for name, value in weights(encoder).items():
        torch.testing.assert_close(trained.get_parameter(name).detach(), value, rtol=1e-3, atol=1e-3, msg=name)
    assert summary.mean_ratio == pytest.approx(due / 10)
    assert summary.mono_share == mono_pairs / 80
    last = sink.lines[-1]
    assert (last["step"], last["ratio"]) == (10, pytest.approx(0.1))
    assert last["loss"] == pytest.approx(float(sum(losses[8:]).detach()) / 2, rel=1e-3)
    assert summary.pairs == 8 * 10


def test_a_language_temperature_that_changes_makes_no_difference_where_all_languages_are_of_one_size():
    _, _, encoder = train(toy_config(**{"batches.last_language_temperature": 1.5}))
    _, _, uniform = train(toy_config())
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), uniform.parameters(), strict=True))


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_mixed_losses_see_the_pairs_of_alternation_in_as_many_updates(ratio):
    """Where the ratio leaves nothing to mix, mixing is alternation to the bit."""
    constant = {"family": "constant", "value": ratio}
    mixed, sink, encoder = train(toy_config(ratio=constant, mixing="loss"))
    alternated, _, other = train(toy_config(ratio=constant))
    assert (mixed.pairs, mixed.steps, mixed.negatives_per_query) == (alternated.pairs, alternated.steps, 7)
    assert mixed.mono_share == pytest.approx(ratio, abs=1 / (12 * 8))
    equal = all(torch.equal(a, b) for a, b in zip(encoder.parameters(), other.parameters(), strict=True))
    assert equal == (ratio in (0.0, 1.0))
    # The loss of a batch of both kinds is the loss of neither.
    assert all(line["loss_mono"] is None and line["loss_cross"] is None for line in sink.lines)


def test_reports_have_the_fields_of_the_records_page():
    page = (Path(__file__).parents[3] / "docs" / "records.md").read_text()
    section = page.split("## trials/<id>/reports.jsonl")[1].split("\n## ")[0]
    documented = set(re.findall(r"`(\w+)`", section))
    _, sink, _ = train(
        toy_config(ratio=CHAOS, evaluate_every=6),
        evaluate=lambda encoder: {"map": 0.5},
        dev_signals=lambda encoder, names: dict.fromkeys(names, 0.25),
        dev_signal_pairs=5,
    )
    assert set().union(*(line.keys() for line in sink.lines)) == documented
    assert [line["step"] for line in sink.lines] == [4, 6, 8, 12]
    assert [line.get("dev") for line in sink.lines] == [None, {"map": 0.5}, None, {"map": 0.5}]
    assert sink.lines[0]["signals"].keys() == {"loss", "loss_after"}
    assert sink.lines[1]["signals"].keys() == {"loss", "loss_after", DEV_SIGNAL}


def test_a_report_covers_the_steps_since_the_last_one_and_no_kind_that_did_not_occur():
    summary, sink, _ = train(toy_config(ratio={"family": "step", "start": 1.0, "end": 0.0, "switch": 0.5}, steps=10))
    assert [line["step"] for line in sink.lines] == [4, 8, 10]
    assert [line["loss_mono"] is None for line in sink.lines] == [False, False, True]
    assert [line["loss_cross"] is None for line in sink.lines] == [True, False, False]
    assert [line["mono_share"] for line in sink.lines] == [1.0, 5 / 8, 0.5]
    assert summary.mono_share == 0.5
    assert sink.lines[0]["loss"] == sink.lines[0]["loss_mono"]
    assert all(line["pairs_per_second"] > 0 and line["tokens_per_second"] > 0 for line in sink.lines)


def test_counters_count_real_tokens_and_extra_pairs():
    config = toy_config(ratio=CHAOS)
    summary, _, _ = train(config, dev_signals=lambda encoder, names: {DEV_SIGNAL: 0.5}, dev_signal_pairs=5)
    assert summary.pairs == 12 * 8
    # `loss_after` encodes the batch again, the dev signal comes every third step.
    assert summary.signal_pairs == 12 * 8 + 4 * 5 == config.ratio.signal_pairs(12, 8, 5)
    # A question has 3 tokens, an answer 3 to 5.
    assert 12 * 8 * 6 < summary.tokens < 12 * 8 * 8
    assert summary.negatives_per_query == 7
    assert set(summary.seconds) == {"train", "signal", "wait"}


def test_negatives_are_counted_in_the_pool_that_a_query_has():
    config = toy_config()
    loss = config.loss.model_copy(update={"negative_pool": 4})
    summary, _, _ = train(config.model_copy(update={"loss": loss}))
    assert summary.negatives_per_query == 3


def test_signals_are_the_loss_of_the_batch_before_and_after_the_update():
    _, sink, _ = train(toy_config(ratio=CHAOS, steps=2, report_every=1, warmup_share=0, learning_rate=0.003))
    signals = sink.lines[0]["signals"]
    assert signals["loss"] == sink.lines[0]["loss"]
    assert signals["loss_after"] < signals["loss"]


def test_the_logged_ratios_of_a_controller_replay_its_run():
    options = {"dev_signals": lambda encoder, names: {DEV_SIGNAL: 0.5}}
    summary, _, controlled = train(toy_config(ratio=CHAOS), **options)
    replay, _, replayed = train(toy_config(ratio={"family": "replay", "ratios": summary.ratios}))
    assert replay.ratios == summary.ratios
    assert all(torch.equal(a, b) for a, b in zip(controlled.parameters(), replayed.parameters(), strict=True))


def test_a_controller_without_its_measurements_is_a_mistake_of_the_program():
    with pytest.raises(ValueError, match=DEV_SIGNAL):
        train(toy_config(ratio=CHAOS))


@pytest.mark.parametrize("stop_after", [1, 4, 5])
def test_a_stop_that_is_asked_for_comes_at_once(stop_after):
    summary, sink, _ = train(toy_config(), sink=Reports(stop_after))
    assert (summary.status, summary.steps) == ("pruned", 4 if stop_after <= 4 else 8)
    assert sink.lines[-1]["step"] == summary.steps
    assert len(summary.ratios) == summary.steps


def test_a_stop_after_the_last_step_changes_nothing():
    summary, _, _ = train(toy_config(), sink=Reports(12))
    assert (summary.status, summary.steps) == ("complete", 12)


def test_a_loss_that_is_no_number_stops_the_run_at_the_next_report(tmp_path):
    encoder = toy_encoder()
    with torch.no_grad():
        encoder.transformer.embeddings.LayerNorm.weight[0] = torch.inf
    evaluations = []
    summary, sink, _ = train(toy_config(), encoder, evaluate=evaluations.append)
    assert (summary.status, summary.steps) == ("diverged", 4)
    assert [line["loss"] for line in sink.lines] == [None]
    assert not evaluations


def test_a_controller_is_never_steered_by_a_loss_that_is_no_number():
    encoder = toy_encoder()
    with torch.no_grad():
        encoder.transformer.embeddings.LayerNorm.weight[0] = torch.inf
    summary, sink, _ = train(toy_config(ratio=CHAOS), encoder)
    assert (summary.status, summary.steps) == ("diverged", 1)
    assert sink.lines[-1]["step"] == 1


def test_a_good_encoder_that_a_high_rate_destroys_is_told_as_diverged_late_in_the_run():
    _, _, encoder = train(toy_config(steps=60))
    reckless = toy_config(steps=40, learning_rate=3.0, gradient_clip=0, warmup_share=0.4, report_every=1)
    summary, sink, _ = train(reckless, encoder)
    assert sink.lines[0]["loss"] < 0.5 < sink.lines[-1]["loss"]
    assert summary.status == "diverged"
    assert 20 < summary.steps < 30


def test_the_callers_random_state_and_the_mode_of_the_encoder_are_left_alone():
    encoder = toy_encoder(dropout=0.3).eval()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    modes = []
    train(toy_config(), encoder, evaluate=lambda module: modes.append(module.training) or {})
    assert torch.equal(torch.get_rng_state(), before)
    assert modes == [False]
    assert not encoder.training


def test_equal_seeds_give_equal_runs_and_other_seeds_other_ones():
    runs = [train(toy_config(seed=seed), toy_encoder(dropout=0.2))[1].without_speed() for seed in (3, 3, 4)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_evaluating_changes_no_number_of_the_training():
    plain = train(toy_config(), toy_encoder(dropout=0.2))[2]
    disturbed = train(
        toy_config(evaluate_every=1), toy_encoder(dropout=0.2), evaluate=lambda encoder: {"x": float(torch.rand(()))}
    )[2]
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), disturbed.parameters(), strict=True))


def test_a_batch_that_workers_cannot_share_evenly_is_refused():
    with pytest.raises(UserError, match="8 pairs cannot be shared evenly by 3 workers"):
        train(toy_config(), worker=Worker(0, 3))
