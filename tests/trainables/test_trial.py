"""A trial without Ray: what it leaves in its folder, and that it goes on where it was killed."""

import gzip
import multiprocessing
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from tests.trainables.toy_trial import ENCODER, numbers, run_toy_trial, toy_inputs, toy_trial
from trainables.claim import TakenOverError, take
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.registry import EMBEDDED, load_benchmark
from trainables.corpora.training_sets import load_training
from trainables.encoders.registry import resolve_encoder
from trainables.errors import UserError
from trainables.evaluation.evaluate import evaluate
from trainables.evaluation.runs import RUNS
from trainables.inputs import EvaluationRules, prepare_inputs
from trainables.parallel.worker import Worker
from trainables.ratio.controllers.gap import Gap
from trainables.ratio.controls.replay import Replay
from trainables.ratio.schedules.constant import Constant
from trainables.records import LOG, PER_QUERY, RELEVANT_RANKS, REPORTS, RESULT, Report, Result, Rung
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.training.report_log import ReportLog, new_reports
from trainables.trial import CHECKPOINT, TrialOptions, run_trial
from trainables.trial import ENCODER as ENCODER_FOLDER


@pytest.mark.slow
def test_a_search_trial_leaves_its_reports_its_log_and_its_result_and_nothing_else(tmp_path: Path) -> None:
    result = run_toy_trial(toy_trial(), tmp_path)
    assert (result.status, result.steps, result.ratios) == ("complete", 8, None)
    reports = new_reports(Folder(tmp_path), 0)
    assert [report.step for report in reports] == [2, 4, 6, 8]
    assert [report.step for report in reports if report.dev] == [4, 8]
    assert result.metrics == {f"dev/{name}": value for name, value in (reports[-1].dev or {}).items()}
    assert "dev/multilingual/map" in result.metrics
    # A finished trial keeps no optimiser state.
    assert sorted(Folder(tmp_path).file_names()) == [LOG, REPORTS, RESULT]
    assert result.files == {REPORTS: Folder(tmp_path).checksum(REPORTS)}


def test_a_trial_says_what_it_cost(tmp_path: Path) -> None:
    cost = run_toy_trial(toy_trial(), tmp_path, TrialOptions(gpus_per_worker=0.5)).cost
    kinds = (cost.train_seconds, cost.signal_seconds, cost.encode_seconds, cost.score_seconds, cost.wait_seconds)
    assert cost.total_seconds >= sum(kinds)
    assert min(cost.train_seconds, cost.encode_seconds, cost.score_seconds, cost.cpu_seconds) > 0
    assert (cost.pairs, cost.signal_pairs, cost.signal_seconds) == (8 * 16, 0, 0)
    assert (cost.workers, cost.gpus, cost.device) == (1, 0.5, "cpu")
    assert 0 < cost.peak_memory_gib < 16


@pytest.mark.slow
def test_a_confirm_trial_keeps_its_runs_where_asked(tmp_path: Path) -> None:
    dev = load_benchmark(EMBEDDED, "dev")
    data = training_data({EMBEDDED: load_training([EMBEDDED])[EMBEDDED][:200]})
    inputs = prepare_inputs([ENCODER], data, dev, [dev], EvaluationRules(keep_runs=True)).of(ENCODER)
    run_trial(toy_trial(phase="confirm"), inputs, Folder(tmp_path), Worker())
    files = read_sealed(Folder(tmp_path), RESULT, Result).files
    assert [name for name in files if name.startswith(f"{RUNS}/")] == [f"{RUNS}/{dev.name}.trec.gz"]
    with gzip.open(tmp_path / RUNS / f"{dev.name}.trec.gz", "rt", encoding="utf-8") as file:
        topic, _, candidate, rank, _, tag = file.readline().split(" ")
    assert (topic.split("|")[1], candidate in dev.candidate_ids, rank, tag) == ("all", True, "1", "t\n")


def test_a_confirm_trial_is_judged_on_the_benchmarks_and_keeps_its_encoder_where_asked(tmp_path: Path) -> None:
    result = run_toy_trial(toy_trial(phase="confirm"), tmp_path, TrialOptions(keep_encoder=True))
    assert set(result.files) >= {REPORTS, PER_QUERY, RELEVANT_RANKS, f"{ENCODER_FOLDER}/model.safetensors"}
    rows = pq.read_table(tmp_path / PER_QUERY).to_pandas()
    multilingual = rows[rows["setting"] == "multilingual"]
    (name,) = {name.split("/")[0] for name in result.metrics} - {"dev"}
    assert name.startswith(EMBEDDED)
    assert result.metrics[f"{name}/multilingual/map"] == pytest.approx(multilingual["map"].mean(), abs=1e-6)
    # The benchmark of this test is the dev set.
    assert result.metrics[f"{name}/multilingual/map"] == result.metrics["dev/multilingual/map"]
    assert resolve_encoder(str(tmp_path / ENCODER_FOLDER)).max_query_length == ENCODER.max_query_length


@pytest.mark.slow
def test_a_trial_writes_the_result_of_another_that_differs_in_how_it_is_judged(tmp_path: Path) -> None:
    centred = toy_trial(phase="confirm", **{"evaluation.centred": True})
    usual = toy_trial(phase="confirm")
    both = usual.model_copy(update={"also": {"other": centred.config.evaluation}})
    result = run_toy_trial(both, tmp_path / "t")
    assert numbers(result) == numbers(run_toy_trial(usual, tmp_path / "usual"))
    found = read_sealed(Folder(tmp_path / "other"), RESULT, Result)
    alone = run_toy_trial(centred, tmp_path / "alone")
    assert numbers(found) == numbers(alone)
    assert found.metrics != result.metrics
    assert (found.cost.pairs, alone.cost.pairs) == (0, 8 * 16), "its training was paid twice, or never"
    for name in (PER_QUERY, RELEVANT_RANKS):
        assert found.files[name] == alone.files[name] == Folder(tmp_path / "other").checksum(name)


def test_a_training_that_is_lost_is_lost_to_whatever_would_be_judged_with_it(tmp_path: Path) -> None:
    how = toy_trial(**{"evaluation.centred": True}).config.evaluation
    lost = toy_trial(phase="confirm", **{"optimiser.learning_rate": 1e6, "optimiser.gradient_clip": 0.0})
    result = run_toy_trial(lost.model_copy(update={"also": {"other": how}}), tmp_path / "t")
    found = read_sealed(Folder(tmp_path / "other"), RESULT, Result)
    assert (found.status, found.steps, found.metrics) == (result.status, result.steps, {})
    assert result.status == "diverged"


@pytest.mark.slow
def test_a_merged_trial_is_judged_by_the_mean_of_the_weights_of_its_sources(tmp_path: Path) -> None:
    kept = TrialOptions(keep_encoder=True)
    ends = {}
    for name, value in (("mono", 1.0), ("cross", 0.0)):
        ends[name] = run_toy_trial(toy_trial(Constant(value=value), phase="confirm"), tmp_path / name, kept)

    def merged(name: str, weight: float) -> Result:
        trial = toy_trial(phase="confirm", steps=0, **{"merging.cross_weight": weight})
        return run_toy_trial(trial.model_copy(update={"sources": ("mono", "cross")}), tmp_path / name, kept)

    # At the ends it is one of them.
    assert merged("first", 0.0).metrics == pytest.approx(ends["mono"].metrics, abs=1e-6)
    assert merged("last", 1.0).metrics == pytest.approx(ends["cross"].metrics, abs=1e-6)
    middle = merged("middle", 0.5)
    assert (middle.status, middle.cost.pairs, middle.batches) == ("complete", 0, None)
    assert middle.metrics not in (ends["mono"].metrics, ends["cross"].metrics)
    weights = tmp_path / "cross" / ENCODER_FOLDER / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"cross has lost encoder/model.safetensors, or it was changed"):
        merged("damaged", 0.5)
    (tmp_path / "mono" / RESULT).unlink()
    with pytest.raises(UserError, match="mono kept no encoder, which was to be averaged"):
        merged("gone", 0.5)


@pytest.mark.slow
def test_a_search_trial_keeps_its_encoder_for_those_that_average_it(tmp_path: Path) -> None:
    options = TrialOptions(keep_encoder=True)
    for name, value in (("mono", 1.0), ("cross", 0.0)):
        trial = toy_trial(Constant(value=value)).model_copy(update={"is_source": True})
        result = run_toy_trial(trial, tmp_path / name, options)
        assert f"{ENCODER_FOLDER}/model.safetensors" in result.files
        assert not (tmp_path / name / PER_QUERY).exists(), "it was judged on a benchmark"
    merged = toy_trial(steps=0, **{"merging.cross_weight": 1.0}).model_copy(update={"sources": ("mono", "cross")})
    found = run_toy_trial(merged, tmp_path / "merged", options)
    assert found.metrics == pytest.approx(result.metrics, abs=1e-6)
    assert not (tmp_path / "merged" / ENCODER_FOLDER).exists()


@pytest.mark.slow
def test_a_trimmed_vocabulary_changes_no_number_and_a_kept_encoder_has_all_of_it(tmp_path: Path) -> None:
    kept = TrialOptions(keep_encoder=True)
    # Few texts, so that pieces are left over, and a decay that would be seen.
    found = {}
    for name, trim in (("whole", False), ("trimmed", True)):
        options = {"optimiser.weight_decay": 5.0, "compute.trim_vocabulary": trim}
        found[name] = run_toy_trial(toy_trial(phase="confirm", **options), tmp_path / name, kept)
    texts = toy_inputs().of(ENCODER).texts
    assert len(texts.pieces()) < len(texts.tokenizer)
    assert found["trimmed"].parameters == found["whole"].parameters
    # The norm of the gradient sums in another order, so that what nearly ties may tie.
    quality = [
        {name: value for name, value in found[one].metrics.items() if "/map" in name} for one in ("trimmed", "whole")
    ]
    assert quality[0] == pytest.approx(quality[1], abs=1e-3)
    whole, trimmed = (load_file(tmp_path / name / ENCODER_FOLDER / "model.safetensors") for name in found)
    for name, weights in whole.items():
        torch.testing.assert_close(trimmed[name], weights, rtol=1e-4, atol=1e-4, msg=name)


@pytest.mark.slow
def test_a_trial_with_a_trimmed_vocabulary_goes_on_where_it_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = toy_trial(**{"compute.trim_vocabulary": True, "compute.rectangles": 2})
    whole = run_toy_trial(trial, tmp_path / "whole")
    monkeypatch.setattr(ReportLog, "report", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run_toy_trial(trial, tmp_path / "cut")
    monkeypatch.undo()
    assert [path.name for path in (tmp_path / "cut" / CHECKPOINT).iterdir()]
    assert numbers(run_toy_trial(trial, tmp_path / "cut")) == numbers(whole)


def cut_off(log: ReportLog, report: Report) -> bool:
    """Takes reports up to that after a checkpoint."""
    if report.step > 4:
        raise KeyboardInterrupt
    return False


@pytest.mark.slow
def test_a_trial_can_be_evaluated_in_bfloat16(tmp_path: Path) -> None:
    exact = run_toy_trial(toy_trial(), tmp_path / "exact").metrics["dev/multilingual/map"]
    rounded = run_toy_trial(toy_trial(**{"compute.evaluation_precision": "bfloat16"}), tmp_path / "rounded")
    assert rounded.metrics["dev/multilingual/map"] == pytest.approx(exact, rel=0.05)
    assert rounded.metrics["dev/multilingual/map"] != exact


def test_a_trial_that_misses_its_rung_leaves_by_itself(tmp_path: Path) -> None:
    rungs = (Rung(step=4, metric="multilingual/map", minimum=2.0),)
    result = run_toy_trial(toy_trial(Constant(value=0.5), rungs, phase="confirm"), tmp_path)
    assert (result.status, result.steps) == ("pruned", 4)
    assert "dev/multilingual/map" in result.metrics
    assert {name.split("/")[0] for name in result.metrics} == {"dev"}, "it was judged on a benchmark"


@pytest.mark.slow
def test_a_closed_loop_run_replays_as_an_open_one(tmp_path: Path) -> None:
    closed = run_toy_trial(toy_trial(Gap()), tmp_path / "closed")
    assert closed.cost.signal_pairs > 0
    assert closed.ratios is not None
    assert len(set(closed.ratios)) > 1, "the controller decided nothing"
    replayed = run_toy_trial(toy_trial(Replay(ratios=closed.ratios)), tmp_path / "open")
    assert numbers(replayed) == numbers(closed)


def test_an_error_in_the_training_is_the_callers_and_leaves_no_result(tmp_path: Path) -> None:
    trial = toy_trial(Replay(ratios=(0.5, 0.5)))
    with pytest.raises(UserError, match="A replay of 2 ratios cannot drive 8 steps"):
        run_trial(trial, toy_inputs().of(ENCODER), Folder(tmp_path), Worker())
    assert not Folder(tmp_path).exists(RESULT)


@pytest.mark.slow
@pytest.mark.parametrize("evaluations", [1, 3], ids=["in its training", "while it is judged"])
def test_a_process_that_was_given_up_and_lives_changes_nothing_of_the_one_that_took_its_trial_over(
    evaluations: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, folder = toy_trial(phase="confirm"), tmp_path / "t"
    left: dict[str, bytes] = {}
    written: dict[Path, int] = {}
    calls = []

    def after_a_while(*arguments: Any, **named: Any) -> Any:
        calls.append(None)
        if len(calls) == evaluations:
            monkeypatch.undo()
            run_toy_trial(trial, folder, TrialOptions(keep_encoder=True))
            left.update(content_of(folder))
            written.update(times_of(folder))
        return evaluate(*arguments, **named)

    monkeypatch.setattr("trainables.trial.evaluate", after_a_while)
    with pytest.raises(TakenOverError, match="t was begun again by another process"):
        run_toy_trial(trial, folder, TrialOptions(keep_encoder=True))
    assert left
    assert content_of(folder) == left
    # Equal bits would hide that they were written again.
    assert times_of(folder) == written
    assert numbers(read_sealed(Folder(folder), RESULT, Result)) == numbers(run_toy_trial(trial, tmp_path / "whole"))


@pytest.mark.slow
def test_workers_that_are_started_again_go_on_while_their_folder_is_theirs_and_never_take_it_back(
    tmp_path: Path,
) -> None:
    trial, folder = toy_trial(), tmp_path / "t"
    own = TrialOptions(holder=take(Folder(folder)).mark)
    whole = numbers(run_toy_trial(trial, folder, own))
    assert numbers(run_toy_trial(trial, folder, own)) == whole
    other = take(Folder(folder))
    left = content_of(folder)
    for _ in range(2):
        with pytest.raises(TakenOverError):
            run_toy_trial(trial, folder, own)
    assert content_of(folder) == left
    other.check()


def content_of(trial: Path) -> dict[str, bytes]:
    return {name: Folder(trial).read_bytes(name) for name in Folder(trial).file_names() if name != LOG}


def times_of(trial: Path) -> dict[Path, int]:
    """When the files of a trial were written, but for its log."""
    return {path: path.stat().st_mtime_ns for path in trial.rglob("*") if path.is_file() and path.name != LOG}


@pytest.mark.slow
def test_a_trial_that_was_killed_goes_on_and_ends_with_the_same_numbers(tmp_path: Path) -> None:
    trial = toy_trial(
        steps=40, **{"monitoring.reports": 20, "monitoring.evaluations": 10, "monitoring.checkpoints": 20}
    )
    folder = Folder(tmp_path / "killed")
    process = multiprocessing.get_context("spawn").Process(target=run_toy_trial, args=(trial, folder.local_path))
    process.start()
    try:
        while len(new_reports(folder, 0)) < 5:
            assert process.is_alive(), "it ended before it was killed"
            time.sleep(0.01)
    finally:
        process.kill()
        process.join()
    assert not folder.exists(RESULT)
    before = len(new_reports(folder, 0))
    result = run_toy_trial(trial, folder.local_path)
    assert numbers(result) == numbers(run_toy_trial(trial, tmp_path / "whole"))
    steps = [report.step for report in new_reports(folder, 0)]
    assert steps[before] > 2, "it began again from the start"
    assert steps[-1] == 40


@pytest.mark.slow
def test_a_trial_says_how_far_encoding_and_ranking_are(tmp_path, monkeypatch) -> None:
    said: set[str] = set()

    def watch(things: Any, what: str, total: int | None = None) -> Any:
        said.add(what.partition(" ")[0])
        passed = 0
        for thing in things:
            passed += 1
            yield thing
        assert passed == total

    monkeypatch.setattr("trainables.trial.NotedWork", lambda folder: watch)
    result = run_toy_trial(toy_trial(phase="confirm"), tmp_path / "trial")
    assert said == {"encoding", "ranking"}
    assert result.status == "complete"


@pytest.mark.slow
def test_embeddings_of_a_large_pool_lie_in_a_file_while_they_are_needed(tmp_path, monkeypatch) -> None:
    alone = run_toy_trial(toy_trial(phase="confirm"), tmp_path / "in memory")
    monkeypatch.setattr("trainables.evaluation.encode.MANY_TEXTS", 1)
    seen: list[Path] = []

    def watched(*arguments: Any, **named: Any) -> Any:
        seen.extend((tmp_path / "cache" / "embeddings").glob("*/*/embeddings"))
        return evaluate(*arguments, **named)

    monkeypatch.setattr("trainables.trial.evaluate", watched)
    trial = toy_trial(phase="confirm")
    result = run_toy_trial(trial, tmp_path / "in a file", TrialOptions(cache=tmp_path / "cache"))
    assert numbers(result) == numbers(alone)
    assert len(set(seen)) > 2
    assert not list((tmp_path / "cache" / "embeddings").iterdir())
