"""The training loop: one for a worker in the caller's own process and for many in a process group."""

import logging
import math
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import torch
from torch import Tensor

from trainables.batches.batch import Batch
from trainables.batches.drawn import drawn_batch, kinds_of
from trainables.batches.kinds import KINDS
from trainables.batches.planner import BatchPlanner
from trainables.clock import Clock
from trainables.config import TrialConfig
from trainables.corpora.pairs import TrainingData
from trainables.encoders.model import Encoder
from trainables.errors import UserError
from trainables.memory import peak_gib
from trainables.parallel.strategy import Parallel, parallel_of
from trainables.parallel.worker import Worker, from_first, sum_over_workers
from trainables.ratio.policy import ratio_policy
from trainables.records import Report
from trainables.storage import Folder
from trainables.training.checkpoints import load_checkpoint, save_checkpoint
from trainables.training.gradient import GradientEngine, Tokens, resolve_precision
from trainables.training.gradient_cosine import GradientCosine
from trainables.training.optimiser import build_optimiser, learning_rate, trainable_parameters
from trainables.training.out_of_memory import is_out_of_memory
from trainables.training.progress import Progress, diverged, mean
from trainables.training.remedies import smaller_model

_logger = logging.getLogger(__name__)

Evaluate = Callable[[Encoder], Mapping[str, float]]
"""The dev metrics of an encoder in evaluation mode, by name.

Every worker is asked, so that they can share the work; the answer of the first one counts.
"""

DevSignals = Callable[[Encoder, Set[str]], Mapping[str, float]]
"""The named signals for a closed-loop controller, measured on dev data; asked of every worker like `Evaluate`."""

Status = Literal["complete", "pruned", "diverged"]


class Sink(Protocol):
    """Where reports go."""

    def report(self, report: Report) -> bool:
        """Takes a line of reports.jsonl; True asks the run to stop.

        Every worker's sink gets every report, in which only the speeds are the worker's own; the answer of the first
        worker counts.
        """


@dataclass(frozen=True)
class TrainingSummary:
    """How a training run ended."""

    status: Status
    steps: int
    """Optimiser steps done."""
    mean_ratio: float
    mono_share: float
    negatives_per_query: int
    """Explicit ones included, as if every query of a batch had all that it may have."""
    ratios: tuple[float, ...] = field(repr=False)
    """α of every step: as an open-loop schedule it replays the run."""
    dev: Mapping[str, float]
    """The last dev metrics; empty if the dev set was never evaluated."""
    pairs: int
    tokens: int
    """Of queries, passages and explicit negatives, without padding."""
    signal_pairs: int
    """Pairs encoded beyond training, for a controller's signals."""
    rechunked: Mapping[int, int]
    """Where memory ran out: the step (0, 1, ...) from which on, and in how many chunks, a worker encoded its share."""
    seconds: Mapping[str, float]
    """`train`; `signal`; `encode` and what else the evaluation books; `wait`: reports, checkpoints, other workers."""


def fine_tune(
    config: TrialConfig,
    data: TrainingData,
    tokens: Tokens,
    encoder: Encoder,
    *,
    sink: Sink,
    worker: Worker | None = None,
    evaluate: Evaluate | None = None,
    explain: Evaluate | None = None,
    dev_signals: DevSignals | None = None,
    dev_signal_pairs: int = 0,
    checkpoints: Folder | None = None,
    before_storing: Callable[[], None] = lambda: None,
    clock: Clock | None = None,
    chunks: int = 1,
) -> TrainingSummary:
    """Trains `encoder` in place, and tells how that ended.

    Goes on from the checkpoint in `checkpoints` if there is one. On a CPU, with the same number of workers, it then
    ends with the same numbers, to the bit, as a run that never stopped. Every worker calls this with equal arguments
    but for `worker` and `sink`, and reads the same `checkpoints`; weights come from the first worker. The caller's
    random state is left as it was.

    Args:
        config: the training.
        data: the training data.
        tokens: token ids of its texts.
        encoder: what is trained, as `Parallel.place` returned it. Whole weights need only be on the worker's device,
            where layers are neither compiled nor computed again.
        sink: where reports go.
        worker: this process among those that train together; None: the only one, on the CPU.
        evaluate: asked every `config.evaluate_every` steps and after the last one; it may book time on `clock` itself.
        explain: asked likewise where `monitoring.explain` is on, for what stands beside the gradient cosine.
        dev_signals: what a controller wants beyond the batch's own loss.
        dev_signal_pairs: pairs that a call of `dev_signals` encodes.
        checkpoints: folder of the checkpoint; None: none is written.
        before_storing: asked before one is written, and raises an error where it must not be.
        clock: on which time is booked.
        chunks: in how many a worker encodes its share of a batch at least.

    Raises:
        UserError: the workers cannot share a batch evenly, the checkpoint is of another run, or memory is too small.
        TooLargeStepError: memory is too small for a step that could not be tried again.
    """
    parallel = parallel_of(config.compute, worker or Worker())
    worker = parallel.worker
    if config.batches.size % worker.world:
        raise UserError(
            f"A batch of {config.batches.size} pairs cannot be shared evenly by {worker.world} workers: "
            "choose a batch size that is a multiple of the number of workers."
        )
    run = _Run(config, data, tokens, encoder, parallel, clock or Clock(worker.device), dev_signals, dev_signal_pairs)
    was_training = encoder.training
    with torch.random.fork_rng([worker.device] if worker.device.type == "cuda" else []):
        try:
            if checkpoints is not None:
                run.resume(checkpoints)
            run.take_chunks(chunks)
            parallel.same_weights(encoder)
            encoder.train()
            with run.clock.measure("train"):
                return run.summary(_loop(run, sink, evaluate, explain, checkpoints, before_storing))
        finally:
            encoder.train(was_training)


def _loop(
    run: "_Run",
    sink: Sink,
    evaluate: Evaluate | None,
    explain: Evaluate | None,
    checkpoints: Folder | None,
    before_storing: Callable[[], None],
) -> Status:
    config, progress = run.config, run.progress
    while progress.step < config.steps:
        healthy = run.step()
        last = progress.step == config.steps
        evaluating = evaluate is not None and (last or _due(progress.step, config.evaluate_every))
        reporting = last or evaluating or _due(progress.step, config.report_every)
        storing = checkpoints is not None and (last or _due(progress.step, config.checkpoint_every))
        if healthy and (reporting or storing):
            healthy = run.is_healthy(whole_window=reporting)
        if not healthy:
            run.report(sink)
            return "diverged"
        explained: dict[str, float] | None = None
        if evaluate is not None and evaluating:
            with run.clock.measure("encode"):
                progress.dev = run.asked(evaluate)
                explained = run.explained(explain) if config.monitoring.explain else None
        if reporting and run.report(sink, progress.dev if evaluating else None, explained) and not last:
            return "pruned"
        if checkpoints is not None and storing:
            before_storing()
            run.store(checkpoints)
    if evaluate is not None and config.steps == 0:
        with run.clock.measure("encode"):
            progress.dev = run.asked(evaluate)
    return "complete"


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


class _Run:
    """A training run between two steps."""

    def __init__(
        self,
        config: TrialConfig,
        data: TrainingData,
        tokens: Tokens,
        encoder: Encoder,
        parallel: Parallel,
        clock: Clock,
        dev_signals: DevSignals | None,
        dev_signal_pairs: int,
    ) -> None:
        self.config, self.encoder, self.clock = config, encoder, clock
        self.parallel, self.worker = parallel, parallel.worker
        self.progress = Progress()
        self._data, self._fingerprint = data, data.fingerprint
        self._dev_signals, self._dev_signal_pairs = dev_signals, dev_signal_pairs
        self._parameters = trainable_parameters(encoder)
        self._optimiser = build_optimiser(self._parameters, config.optimiser)
        self._engine = GradientEngine(encoder, tokens, config, parallel)
        self._policy = ratio_policy(config.ratio, max(1, config.steps))
        self._kinds = kinds_of(config.batches, config.seed)
        self._planner = BatchPlanner.of(data, config.batches, config.seed, config.steps)
        self._query_lengths, self._passage_lengths = tokens.queries.lengths, tokens.passages.lengths

    def step(self) -> bool:
        """Does one optimiser step; false if a controller would have to steer by numbers that are not finite."""
        config, progress, step = self.config, self.progress, self.progress.step
        batch = drawn_batch(self._planner, config.batches, step, self._kinds.mono(step, self._policy.ratio(step)))
        loss = self._engine.add_gradient(batch, step)
        progress.note_chunks(step, self._engine.chunks, config.compute.gradient_accumulation)
        self._count(batch)
        progress.windows["loss"].pending.append(loss)
        if batch.kind is not None:
            progress.windows[batch.kind].pending.append(loss)
        self._update(step)
        progress.step += 1
        wanted = self._policy.wants(step)
        if wanted:
            with self.clock.measure("signal"):
                progress.signals = self._measure(step, wanted, loss, batch)
            if not all(math.isfinite(value) for value in progress.signals.values()):
                return False
        # Only schedules, which look at nothing, drive batches of both kinds.
        self._policy.observe(step, batch.kind or "cross", progress.signals)
        return True

    def _count(self, batch: Batch) -> None:
        progress = self.progress
        progress.pairs += len(batch)
        progress.mono_pairs += batch.mono
        progress.tokens += int(self._query_lengths.take(batch.query_text).sum())
        progress.tokens += int(self._passage_lengths.take(batch.passage_text).sum())
        progress.tokens += int(self._passage_lengths.take(batch.negative_text[batch.negative_text >= 0]).sum())

    def _update(self, step: int) -> None:
        self.parallel.sum_gradients(self._parameters.values())
        if self.config.optimiser.gradient_clip:
            torch.nn.utils.clip_grad_norm_(self._parameters.values(), self.config.optimiser.gradient_clip)
        rate = learning_rate(self.config.optimiser, self.config.steps, step)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        try:
            self._optimiser.step()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            # Nothing of the batch is in memory any more, so that smaller chunks would not help.
            raise UserError(
                "The moments of the optimiser do not fit into memory beside weights and gradients: "
                f"{smaller_model(self.config, resolve_precision(self.config.compute, self.worker.device))}."
            ) from error
        self._optimiser.zero_grad()

    def _measure(self, step: int, wanted: Set[str], loss: Tensor, batch: Batch) -> dict[str, float]:
        """The wanted signals after a step, the same on every worker."""
        seen: dict[str, float] = {}
        if "loss" in wanted:
            seen["loss"] = float(sum_over_workers(loss, self.worker))
        if "loss_after" in wanted:
            seen["loss_after"] = float(sum_over_workers(self._engine.loss(batch, step), self.worker))
            self.progress.signal_pairs += self.config.batches.size
        names = frozenset(wanted) - {"loss", "loss_after"}
        if names:
            measure = self._dev_signals
            if measure is None:
                raise ValueError(f"the controller wants {', '.join(sorted(names))}, but nothing measures it")
            seen |= self.asked(lambda encoder: measure(encoder, names))
            self.progress.signal_pairs += self._dev_signal_pairs
        return seen

    def asked(self, measure: Evaluate) -> dict[str, float]:
        """Returns what the first worker finds of the encoder in evaluation mode, on every worker."""
        self.encoder.eval()
        try:
            values = {name: float(value) for name, value in measure(self.encoder).items()}
        finally:
            self.encoder.train()
        with self.clock.measure("wait"):
            return dict(from_first(values, self.worker))

    def is_healthy(self, whole_window: bool) -> bool:
        """Tells whether the run is worth going on with; whether losses have risen is judged on a whole window only."""
        config = self.config
        late = self.progress.step > max(0.5, config.optimiser.warmup_share) * config.steps
        losses = self.progress.read(self.worker)
        return not diverged(losses, self.progress.first_loss, whole_window and late, self._pool)

    @property
    def _pool(self) -> int:
        """The pairs among which a query finds its negatives, its own included."""
        return self.config.loss.negative_pool or self.config.batches.size

    def explained(self, explain: Evaluate | None) -> dict[str, float]:
        """What may explain the results; of sharded weights no gradients, which no worker holds whole."""
        found = {} if explain is None else self.asked(explain)
        if self.config.compute.parallel == "sharded" or self._cosine is None:
            return found
        self.encoder.eval()
        try:
            return {**found, "gradient_cosine": self._cosine.measure()}
        finally:
            self.encoder.train()

    @cached_property
    def _cosine(self) -> GradientCosine | None:
        """None for data that fill batches of one kind only."""
        planner = BatchPlanner.of(self._data, self.config.batches, self.config.seed, self.config.steps)
        try:
            return GradientCosine(self._engine, planner, self._parameters, self.parallel)
        except UserError:
            return None

    def report(
        self, sink: Sink, dev: dict[str, float] | None = None, explained: dict[str, float] | None = None
    ) -> bool:
        """Reports the steps since the last report; true if the run should stop."""
        config, progress = self.config, self.progress
        losses = {name: mean(values) for name, values in progress.read(self.worker).items()}
        seconds = self.clock.running("train")
        elapsed = max(seconds - progress.reported_seconds, 1e-9)
        report = Report(
            step=progress.step,
            steps=config.steps,
            ratio=self._policy.ratio(progress.step - 1),
            mono_share=progress.mono_share,
            loss=losses["loss"],
            **{f"loss_{kind}": losses[kind] for kind in KINDS},
            learning_rate=learning_rate(config.optimiser, config.steps, progress.step - 1),
            pairs_per_second=(progress.pairs - progress.reported_pairs) / elapsed,
            tokens_per_second=(progress.tokens - progress.reported_tokens) / elapsed,
            memory_gib=peak_gib(),
            seconds=seconds,
            dev=dev,
            explained=explained,
            signals=progress.signals or None,
        )
        progress.close_window(seconds)
        with self.clock.measure("wait"):
            return bool(from_first(bool(sink.report(report)), self.worker))

    def store(self, folder: Folder) -> None:
        """Writes a checkpoint from which `resume` goes on."""
        with self.clock.measure("wait"):
            state = {
                "step": self.progress.step,
                "workers": self.worker.world,
                "progress": self.progress.state(self.worker),
                "policy": self._policy.state(),
                "kinds": self._kinds.state(),
                "clock": self.clock.state(),
            }
            save_checkpoint(folder, self.encoder, self._optimiser, self.config, self._fingerprint, state, self.parallel)

    def resume(self, folder: Folder) -> None:
        """Goes back to where `store` was called, if it was."""
        state = load_checkpoint(folder, self.encoder, self._optimiser, self.config, self._fingerprint, self.parallel)
        if state:
            self.progress = Progress.restored(state["progress"])
            _logger.info("training goes on from step %d", self.progress.step)
            self._policy.restore(state["policy"])
            self._kinds.restore(state["kinds"])
            self.clock.restore(state["clock"])
            self.take_chunks(self.progress.chunks or 1)

    def take_chunks(self, least: int) -> None:
        """Encodes a worker's share of a batch in so many chunks at least."""
        self._engine.chunks = max(self._engine.chunks, least)

    def summary(self, status: Status) -> TrainingSummary:
        """Returns what the run came to."""
        progress, ratios = self.progress, self._policy.log()
        return TrainingSummary(
            status=status,
            steps=progress.step,
            mean_ratio=math.fsum(ratios) / max(1, len(ratios)),
            mono_share=progress.mono_share,
            negatives_per_query=self._pool * (1 + self._planner.negatives.per_query) - 1,
            ratios=tuple(ratios),
            dev=progress.dev,
            pairs=progress.pairs,
            tokens=progress.tokens,
            signal_pairs=progress.signal_pairs,
            rechunked=progress.rechunked,
            seconds={"train": self.clock.running("train"), **self.clock.seconds},
        )
