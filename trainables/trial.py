"""One trial from start to end: train, evaluate, write the records. Whoever calls it says where it runs.

A trial that was interrupted and is run again goes on from its last checkpoint and ends with the same numbers. Three
steps on the atlas, without Ray:

>>> from tempfile import TemporaryDirectory
>>> from trainables.config import TrialConfig
>>> from trainables.corpora.pairs import training_data
>>> from trainables.corpora.sources.registry import load_benchmark
>>> from trainables.corpora.training_sets import load_training
>>> from trainables.inputs import prepare_inputs
>>> from trainables.sealed import read_sealed
>>> config = TrialConfig.model_validate({
...     "encoder": "mini-xs", "ratio": "linear(1, 0)", "steps": 3, "batches": {"size": 8},
...     "optimiser": {"learning_rate": 0.004},
... })
>>> data, dev = training_data(load_training(["atlas"])), load_benchmark("atlas", "dev")
>>> inputs = prepare_inputs([config.encoder], data, dev, tests=[]).of(config.encoder)
>>> trial = TrialRecord(id="mine", phase="search", branch="linear", number=0, config=config)
>>> with TemporaryDirectory() as folder:
...     run_trial(trial, inputs, Folder(folder), Worker())
...     result = read_sealed(Folder(folder), RESULT, Result)
>>> result.status, result.steps, "dev/multilingual/map" in result.metrics
('complete', 3, True)
"""

import logging
import shutil
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from trainables.batches.facts import batch_facts
from trainables.claim import Claim, claimed
from trainables.clock import Clock
from trainables.config import TrialConfig
from trainables.encoders.averaging import average_of_folders
from trainables.encoders.image_text import ImageTextEncoder
from trainables.encoders.model import Encoder, save_encoder
from trainables.encoders.vocabulary import restore_vocabulary, trim_where_told
from trainables.errors import UserError
from trainables.evaluation.arrays import ScoreArray
from trainables.evaluation.centring import centred
from trainables.evaluation.config import EvaluationConfig
from trainables.evaluation.efficiency.held import HELD, hold_embeddings, hold_encoder
from trainables.evaluation.encode import Precision, encode
from trainables.evaluation.evaluate import Evaluation, evaluate
from trainables.evaluation.geometry import Geometry
from trainables.evaluation.means import collection_means
from trainables.evaluation.metric_name import named_dev
from trainables.evaluation.runs import RUNS, run_file
from trainables.inputs import TokenisedBenchmark, TokenisedTexts, TrialInputs
from trainables.memory import forget_what_was_held, peak_gib
from trainables.noted_work import NotedWork
from trainables.parallel.strategy import parallel_of
from trainables.parallel.worker import Worker
from trainables.ratio.signals import DevSignals
from trainables.records import PER_QUERY, RELEVANT_RANKS, RESULT, Cost, Report, Result, TrialRecord, now
from trainables.sealed import read_sealed, write_sealed
from trainables.storage import Folder
from trainables.training.fine_tune import TrainingSummary, fine_tune
from trainables.training.gradient import Tokens
from trainables.training.optimiser import decay_of
from trainables.training.report_log import ReportLog
from trainables.trial_log import is_log, logged
from trainables.watch import Watch, unwatched

_logger = logging.getLogger(__name__)

CHECKPOINT = "checkpoint"
ENCODER = "encoder"


@dataclass(frozen=True)
class TrialOptions:
    """What a trial is told beside its record: nothing that its numbers depend on."""

    threads: int = 1
    """Threads of a worker."""
    gpus_per_worker: float = 0.0
    keep_encoder: bool = False
    """Keep the trained encoder of a confirm run, as a folder of sentence-transformers."""
    hold: bool = False
    """Leave encoder and embeddings of a confirm run for the measure phase, which deletes them."""
    cache: Path | None = None
    """Folder on this machine for embeddings that are too many for memory; None: all in memory."""
    holder: str = ""
    """The mark of the process that has taken the trial's folder for its workers; none: the first of them takes it."""
    chunks: int = 1
    """In how many chunks a worker encodes its share of a batch at least: of a trial that is begun again with more."""


def run_trial(
    trial: TrialRecord, inputs: TrialInputs, folder: Folder, worker: Worker, options: TrialOptions = TrialOptions()
) -> None:
    """Trains and evaluates with the other workers of the trial; the first one writes the result into `folder`.

    Args:
        trial: what to do.
        inputs: data and token ids, those of the trial's encoder.
        folder: where the trial's records lie; one that holds a checkpoint of this trial is gone on with.
        worker: this process among those that train together; every one of them calls this.
        options: threads and what is kept.

    Raises:
        UserError: the checkpoint is of another trial, the batch cannot be shared by the workers, or memory does not
            suffice; TooLargeStepError if it would for a trial that is begun again with more chunks.
        TakenOverError: somebody else has begun the trial since.
    """
    with logged(folder, worker.rank), claimed(folder, options.holder) if worker.is_first else nullcontext() as claim:
        if claim is not None:
            # What is left there is nobody's any more.
            folder.sweep()
        _logger.info("%s starts as worker %d of %d on %s", trial.id, worker.rank, worker.world, worker.device)
        _run(trial, inputs, folder, worker, options, claim)


def _run(
    trial: TrialRecord,
    inputs: TrialInputs,
    folder: Folder,
    worker: Worker,
    options: TrialOptions,
    claim: Claim | None,
) -> None:
    """`claim`: that of the first worker on the folder."""
    started = now()
    forget_what_was_held()
    clock = Clock(worker.device)
    torch.set_num_threads(options.threads)
    config, texts = trial.config, inputs.texts
    pad_id = texts.tokenizer.pad_token_id
    parallel = parallel_of(config.compute, worker)
    build = _Build(config, texts, [folder.beside(source) for source in trial.sources])
    encoder = parallel.place(build)
    if texts.pixels is not None and isinstance(encoder, ImageTextEncoder):
        encoder.show(texts.pixels)
    scratch = _scratch(folder, options)
    precision = config.compute.evaluation_precision
    views = [_View(trial.id, folder, config.evaluation)]
    views += [_View(other, folder.beside(other), how) for other, how in trial.also.items()]
    # Another worker has nothing to tell, and must not touch what the first one writes.
    watch = NotedWork(folder) if worker.is_first else unwatched
    check = _unclaimed if claim is None else claim.check
    judge = _Judge(inputs, worker, clock, precision, scratch, watch, check)
    ratio = config.ratio
    signals = DevSignals(texts.dev, pad_id, worker, config.loss.temperature, precision)
    summary = fine_tune(
        config,
        inputs.data,
        Tokens(texts.queries, texts.passages, pad_id),
        encoder,
        worker=worker,
        sink=_Silent() if claim is None else _Claimed(ReportLog(folder, trial.rungs), claim),
        evaluate=lambda encoder: judge.dev_metrics(encoder, config.evaluation),
        explain=Geometry(texts.dev, pad_id, worker, precision).measure if config.monitoring.explain else None,
        dev_signals=signals.measure,
        dev_signal_pairs=signals.pairs,
        clock=clock,
        checkpoints=folder / CHECKPOINT,
        before_storing=check,
        chunks=options.chunks,
    )
    _logger.info("training is %s after %d of %d steps", summary.status, summary.steps, config.steps)
    check()
    metrics = {trial.id: named_dev(summary.dev)}
    if summary.status == "complete":
        is_judged = trial.phase == "confirm"
        hold = options.hold and is_judged
        # What no step has trained is the checkpoint that it came from.
        keep = options.keep_encoder and config.steps > 0 and (is_judged or trial.is_source)
        if is_judged:
            metrics |= {view.id: named_dev(judge.dev_metrics(encoder, view.evaluation)) for view in views[1:]}
        with (folder / HELD).uploaded() if hold and worker.is_first else nullcontext() as held:
            for id_, judged in judge.judged(encoder, views, held).items() if is_judged else ():
                metrics[id_] |= judged | collection_means(judged, inputs.rules.collections)
            whole = parallel.whole(encoder, build) if keep or hold else None
            if whole is not None:
                restore_vocabulary(whole, build.whole, decay_of(config.optimiser, config.steps))
            if whole is not None and held is not None:
                hold_encoder(held, whole)
            # In an upload: it takes its place when it ends.
            check()
        if whole is not None and keep:
            with (folder / ENCODER).uploaded() as path:
                save_encoder(whole, texts.tokenizer, path)
                check()
    if claim is None:
        return
    result = Result(
        status=summary.status,
        steps=summary.steps,
        metrics=metrics[trial.id],
        mean_ratio=summary.mean_ratio,
        mono_share=summary.mono_share,
        negatives_per_query=summary.negatives_per_query,
        parameters=build.parameters,
        batches=batch_facts(
            inputs.data, config.batches, config.seed, summary.ratios, config.steps, config.loss.negative_pool
        )
        if summary.ratios
        else None,
        cost=_cost(summary, clock, worker, options),
        started=started,
        ended=now(),
        host=socket.gethostname(),
        # An open-loop schedule says it all in the trial's record; what a controller decided is known only afterwards.
        ratios=summary.ratios if ratio.closed_loop else None,
        rechunked=summary.rechunked,
    )
    claim.check()
    # Before its own: a trial that has a result is not run again.
    for view in views[1:]:
        own = Cost(workers=worker.world, gpus=result.cost.gpus, device=result.cost.device)
        write_result(view.folder, result.model_copy(update={"metrics": metrics.get(view.id, {}), "cost": own}))
    write_result(folder, result)
    # A finished trial is never resumed; its optimiser state and its embeddings would fill the disk.
    (folder / CHECKPOINT).delete()
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)


class _Build:
    """Builds the encoder of a trial, and knows how large it is."""

    def __init__(self, config: TrialConfig, texts: TokenisedTexts, sources: Sequence[Folder]) -> None:
        self._config, self._texts, self._sources = config, texts, sources
        self.parameters = 0
        """Of the whole vocabulary."""

    def __call__(self) -> Encoder:
        encoder = self.whole()
        self.parameters = encoder.parameter_count
        trim_where_told(encoder, self._config.compute.trim_vocabulary, self._texts.pieces)
        return encoder

    def whole(self) -> Encoder:
        """The encoder with all of its vocabulary."""
        return self._merged() or self._config.encoder.build(self._texts.tokenizer, self._config.seed)

    def _merged(self) -> Encoder | None:
        """The mean of what the sources of the trial, X-X-mono and X-Y, have kept; None of a trial without any."""
        weights = self._config.merging.weights
        if weights is None:
            return None
        with ExitStack() as stack:
            folders = [stack.enter_context(_kept(source).downloaded()) for source in self._sources]
            return average_of_folders(folders, weights, self._config.encoder)[0]


def _kept(trial: Folder) -> Folder:
    """The folder of the encoder that a trial has kept; raises UserError where it is not what the trial left."""
    files = read_sealed(trial, RESULT, Result).files if trial.exists(RESULT) else {}
    own = {name: checksum for name, checksum in files.items() if name.split("/")[0] == ENCODER}
    if not own:
        raise UserError(
            f"{trial.location} kept no encoder, which was to be averaged: remove this folder, and --resume the study, "
            "which trains it again."
        )
    wrong = next((name for name, checksum in own.items() if _checksum(trial, name) != checksum), None)
    if wrong is not None:
        raise UserError(
            f"{trial.location} has lost {wrong}, or it was changed, which was to be averaged: --resume the study, "
            "which trains it again."
        )
    return trial / ENCODER


def _checksum(folder: Folder, name: str) -> str | None:
    return folder.checksum(name) if folder.exists(name) else None


def _scratch(folder: Folder, options: TrialOptions) -> Path | None:
    """Where a trial leaves embeddings that it would need again if it were killed."""
    if options.cache is None:
        return None
    return options.cache / "embeddings" / sha256(folder.location.encode()).hexdigest()


def write_result(folder: Folder, result: Result) -> None:
    """Writes a result with the checksums of all other files of the trial: whatever has one has ended."""
    write_sealed(folder, RESULT, result.model_copy(update={"files": _checksums(folder)}))


def failure(error: str) -> Result:
    """The result of a trial that did not come to an end of its own."""
    return Result(status="failed", steps=0, ended=now(), host=socket.gethostname(), error=error)


@dataclass(frozen=True)
class _View:
    """A way of judging the encoder of a trial, and where its records lie."""

    id: str
    folder: Folder
    evaluation: EvaluationConfig


class _Judge:
    """Evaluates an encoder on the dev set and on the benchmarks. All workers encode, and the first one scores."""

    def __init__(
        self,
        inputs: TrialInputs,
        worker: Worker,
        clock: Clock,
        precision: Precision,
        scratch: Path | None,
        watch: Watch,
        check: Callable[[], None],
    ) -> None:
        """`check` is asked before anything is written: it raises an error if the folder is somebody else's."""
        self._inputs, self._texts = inputs, inputs.texts
        self._worker, self._clock, self._precision, self._scratch = worker, clock, precision, scratch
        self._watch, self._check = watch, check

    def dev_metrics(self, encoder: Encoder, how: EvaluationConfig) -> dict[str, float]:
        """The values for all queries without the benchmark's name: `multilingual/map`, `bias/rank_distance`, ..."""
        queries, candidates = self._encoded(encoder, self._texts.dev)
        if not self._worker.is_first:
            return {}
        with self._clock.measure("score"):
            return self._scored(self._texts.dev, *_as_judged(self._texts.dev, queries, candidates, how)).headlines

    def judged(self, encoder: Encoder, views: Sequence[_View], held: Path | None) -> dict[str, dict[str, float]]:
        """The summary metrics of every view on all benchmarks, by id, whose values per query are written; texts are
        encoded once. Only the first worker is told any; `held`: where it leaves the embeddings.
        """
        found: dict[str, list[Evaluation]] = {view.id: [] for view in views}
        for test in self._texts.tests:
            queries, candidates = self._encoded(encoder, test)
            if not self._worker.is_first:
                continue
            if held is not None:
                hold_embeddings(held, test.benchmark.name, queries, candidates)
            with self._clock.measure("score"):
                for view in views:
                    embeddings = _as_judged(test, queries, candidates, view.evaluation)
                    if self._inputs.rules.keep_runs:
                        run = run_file(test.benchmark, *embeddings, view.id)
                        self._check()
                        (view.folder / RUNS).write_bytes(f"{test.benchmark.name}.trec.gz", run)
                    found[view.id].append(self._scored(test, *embeddings, keep_per_query=True))
        self._check()
        for view in views if self._worker.is_first else ():
            _write_table(view.folder, PER_QUERY, [e.per_query for e in found[view.id]])
            _write_table(view.folder, RELEVANT_RANKS, [e.relevant_ranks for e in found[view.id]])
        return {
            id_: {name: value for evaluation in evaluations for name, value in evaluation.metrics.items()}
            for id_, evaluations in found.items()
        }

    def _encoded(self, encoder: Encoder, tokenised: TokenisedBenchmark) -> tuple[ScoreArray, ScoreArray]:
        """Queries and candidates, [Q, d] and [C, d]; on other workers than the first one none."""
        pad_id = self._texts.tokenizer.pad_token_id
        with self._clock.measure("encode"):
            queries, candidates = (
                encode(
                    encoder,
                    table,
                    pad_id=pad_id,
                    worker=self._worker,
                    precision=self._precision,
                    scratch=self._scratch,
                    watch=self._watch,
                )
                for table in (tokenised.queries, tokenised.candidates)
            )
        return queries, candidates

    def _scored(
        self,
        tokenised: TokenisedBenchmark,
        queries: ScoreArray,
        candidates: ScoreArray,
        keep_per_query: bool = False,
    ) -> Evaluation:
        return evaluate(
            tokenised.benchmark,
            queries,
            candidates,
            measures=self._inputs.rules.measures,
            ties=self._inputs.rules.ties,
            bilingual=self._inputs.rules.bilingual,
            keep_per_query=keep_per_query,
            watch=self._watch,
        )


def _as_judged(
    tokenised: TokenisedBenchmark, queries: ScoreArray, candidates: ScoreArray, how: EvaluationConfig
) -> tuple[ScoreArray, ScoreArray]:
    return centred(tokenised.benchmark, queries, candidates) if how.centred else (queries, candidates)


def _write_table(folder: Folder, name: str, tables: list[pa.Table | None]) -> None:
    present = [table for table in tables if table is not None]
    if present:
        content = BytesIO()
        # Benchmarks may have different measures: what one lacks is null.
        pq.write_table(
            pa.concat_tables(present, promote_options="default"), content, compression="zstd", write_page_checksum=True
        )
        folder.write_bytes(name, content.getvalue())


def _cost(summary: TrainingSummary, clock: Clock, worker: Worker, options: TrialOptions) -> Cost:
    return Cost(
        pairs=summary.pairs,
        tokens=summary.tokens,
        signal_pairs=summary.signal_pairs,
        train_seconds=clock.seconds.get("train", 0.0),
        signal_seconds=clock.seconds.get("signal", 0.0),
        encode_seconds=clock.seconds.get("encode", 0.0),
        score_seconds=clock.seconds.get("score", 0.0),
        wait_seconds=clock.seconds.get("wait", 0.0),
        total_seconds=clock.total,
        cpu_seconds=clock.cpu,
        peak_memory_gib=peak_gib(),
        workers=worker.world,
        gpus=worker.world * options.gpus_per_worker,
        device=torch.cuda.get_device_name(worker.device) if worker.device.type == "cuda" else "cpu",
    )


def _checksums(folder: Folder) -> dict[str, str]:
    """The sha256 of every file of a trial but its result, its logs and what is removed once it has ended."""
    passing = (RESULT, CHECKPOINT, HELD)
    names = [name for name in folder.file_names() if name.split("/")[0] not in passing and not is_log(name)]
    return {name: folder.checksum(name) for name in names}


@dataclass(frozen=True)
class _Claimed:
    """The sink of the first worker: it writes as long as the folder is its own."""

    log: ReportLog
    claim: Claim

    def report(self, report: Report) -> bool:
        self.claim.check()
        return self.log.report(report)


def _unclaimed() -> None:
    """Another worker than the first writes nothing."""


class _Silent:
    """The sink of all workers but the first."""

    def report(self, report: Report) -> bool:
        return False
