"""What `--dry-run` prints: the plan of a study and its cost."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields

import numpy as np
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from study.cluster.cells import CellResources
from study.cluster.resources import Resources
from study.cost.disk import disk
from study.cost.estimate import Estimate, estimate
from study.cost.rental import HERE, Rental
from study.data import StudyData
from study.plan.objective import asks_bilingual
from study.plan.program import StudyPlan
from study.records import BranchRecord
from study.settings import StudySettings
from study.study_folder import Study
from trainables.batches.languages import CrossLingual
from trainables.config import TrialConfig
from trainables.corpora.items import PairItem
from trainables.corpora.pairs import TrainingData
from trainables.encoders.base import EncoderConfig
from trainables.evaluation.pools import is_multilingual
from trainables.inert import inert
from trainables.inputs import StudyInputs
from trainables.ratio.registry import FAMILIES
from trainables.step_memory import StepMemory

_LONG = 2 * 86400.0
"""Seconds from which a study is told in days, and a smaller one named beside it."""

_SHOWN = 3
_START = 60
"""Languages, and characters of a text, that are shown of the first item of a set."""

_FEWEST_SEEDS = 3
"""Seeds from which intervals say something."""


def print_plan(
    console: Console,
    settings: StudySettings,
    plan: StudyPlan,
    data: StudyData,
    inputs: StudyInputs,
    resources: CellResources,
    rental: Rental = HERE,
    absent: Sequence[EncoderConfig] = (),
) -> None:
    """Prints arms, trials, steps, pairs, resources, memory and time, and the budget of every branch.

    `absent` are encoders whose weights are not on this machine.
    """
    console.print(Text.assemble((plan.space.name, "bold"), f": {plan.space.question}"))
    rows = Table(box=None, show_header=False, pad_edge=False)
    rows.add_column(style="dim")
    rows.add_column()
    for name, value in {**_lines(settings, plan, data, inputs, resources, rental), **_not_seen(absent)}.items():
        rows.add_row(Text(name), Text(value))
    console.print(rows)
    factors = [factor.name for factor in plan.space.factors]
    headings = (*factors, "strategy or family", "role", "searched", "trials", "pairs")
    branches = Table(*(Column(Text(one)) for one in headings), box=None, header_style="dim")
    for branch in plan.branches:
        branches.add_row(*map(Text, (*branch.cell.values(), *_budget(branch))))
    console.print(branches)
    if any(FAMILIES[str(config.ratio.family)].closed_loop for config in plan.first_configs):
        console.print("Families that follow signals pay for measuring them with training steps.")


def print_rest(console: Console, planned: Mapping[str, int], recorded: Study, resources: CellResources) -> None:
    """Prints what is left of a study that has begun, and how long it takes if trials go on to cost what they did."""
    table = Table("phase", "planned", "done", "left", box=None, header_style="dim")
    left, seconds = 0, 0.0
    for phase, number in planned.items():
        ended = [trial.result for trial in recorded.trials if trial.phase == phase and trial.result is not None]
        rest = max(0, number - len(ended))
        costs = [one.cost.total_seconds for one in ended if one.cost is not None]
        every = costs or [t.result.cost.total_seconds for t in recorded.trials if t.result and t.result.cost]
        left += rest
        seconds += rest * sum(every) / max(1, len(every))
        table.add_row(phase, f"{number:,}", f"{len(ended):,}", f"{rest:,}")
    console.print(table)
    time = f", about {_duration(seconds / resources.concurrent)}" if seconds else ""
    console.print(f"{left:,} trials are left{time}.", highlight=False)


def _lines(
    settings: StudySettings,
    plan: StudyPlan,
    data: StudyData,
    inputs: StudyInputs,
    resources: CellResources,
    rental: Rental,
) -> Mapping[str, str]:
    training, dev = data.training, data.dev
    tests = [
        f"{t.name} ({len(t.query_language):,} queries, {len(t.candidate_language):,} candidates; "
        f"licence {data.sources[t.name].terms})"
        for t in data.tests
    ]
    apart = ", ".join(test.name for test in data.tests if not is_multilingual(test))
    factors = [f"{f.name}: {', '.join(level.label for level in f.levels)}" for f in plan.space.factors]
    return {
        **({"factors": "; ".join(factors)} if factors else {}),
        **_costs(settings, plan, data, inputs, resources, rental),
        "training": f"{', '.join(training.set_names)}: {len(training):,} items, {len(training.languages)} languages",
        **_training_files(data),
        "groups": f"items of one group never share a batch; the {len(training):,} items form {training.groups:,} "
        f"groups ({_joined(training)})",
        "batches": _batches(plan, data),
        **({"hard negatives": _negatives(plan, data)} if training.negatives or training.negatives.dropped else {}),
        "left out": "; ".join(f"{name}: {why}" for name, why in data.left_out) or "nothing",
        "no monolingual batches in": "; ".join(f"{name}: {why}" for name, why in data.languages_left_out)
        or "no language",
        "overlap": _overlap(data, "kept" if settings.keep_overlap else "dropped"),
        **_meetings(data),
        "dev set": f"{len(dev.query_language):,} queries, {len(dev.candidate_language):,} candidates"
        + (f", made of {data.held_out:,} items held out of the training sets" if data.held_out else ""),
        "benchmarks": ", ".join(tests),
        **{f"  {one.name}": inert("; ".join(one.remarks)) for one in data.tests if one.remarks},
        **({"no language bias in": f"{apart} (no query has relevant candidates in two languages)"} if apart else {}),
        **({"bilingual pools in": _bilingual(data)} if asks_bilingual(settings) else {}),
        **({"not trained": _not_trained(data)} if data.languages_not_trained else {}),
        "search": f"{len(plan.space.branches)} strategies and families{_of_cells(plan)}{_again(plan)}, "
        f"{plan.planned['search']} trials, chosen by dev "
        f"{' and '.join(objective.metric for objective in plan.objectives)}",
        "confirm": f"up to {plan.most_arms} arms x {plan.seeds} fresh seeds{_again(plan)}"
        f"{_more_to_confirm(settings, plan)}",
        **_measured(plan),
        "resources": _held(resources),
    }


def _held(resources: CellResources) -> str:
    """How many trials run at a time on what; cell by cell where they ask for different things."""
    if len(resources.kinds) == 1:
        return _of_each(resources.kinds[0])
    of_cells = (f"{label}: {_of_each(held)}" for label, held in resources.by_cell.items())
    return f"{'; '.join(of_cells)}; trials of several kinds run beside each other where all of them have room"


def _of_each(held: Resources) -> str:
    custom = "".join(f", {amount:g} {name}" for name, amount in held.custom.items())
    worker = f"({held.cpus_per_worker:g} CPUs, {held.gpus_per_worker:g} GPUs{custom})"
    return f"{held.concurrent} trials at a time, each {held.workers} x {worker}"


def _measured(plan: StudyPlan) -> dict[str, str]:
    """The measure phase, where there is one."""
    if plan.space.efficiency is None:
        return {}
    of_others = (plan.most_arms - plan.most_main_arms) * plan.other_seeds
    of_main = (plan.most_main_arms + len(plan.cells)) * plan.seeds
    rounds, encoders = plan.space.efficiency.orders, of_others + of_main
    return {
        "measure": f"up to {rounds * encoders} measurements of efficiency, one at a time: {rounds} rounds, in which "
        f"those of {plan.space.main_comparison[1]} have two turns"
    }


def _training_files(data: StudyData) -> dict[str, str]:
    """How the files of each training set were understood."""
    found: dict[str, str] = {}
    for name, seen in data.seen.items():
        of = f" of {seen.origin or seen.files[0]}"
        of += f" and {len(seen.files) - 1} more" if len(seen.files) > 1 and not seen.origin else ""
        columns = f" (read: {', '.join(seen.columns)})" if seen.columns else ""
        languages = ", ".join(_spelled(code, written) for code, written in seen.spellings.items())
        left_out = f"; left out: {', '.join(seen.notes)}" if seen.notes else ""
        found[f"  {name}"] = inert(f"layout {seen.layout}{columns}{of}; languages {languages}{left_out}")
        found[f"  {name}, first item"] = _shown(data.first_items[name])
    return found


def _overlap(data: StudyData, treated: str) -> str:
    """How many items share text with the benchmarks and with the dev set, and what is done with them."""
    tests = sum(data.overlap.of_benchmark(test.name) for test in data.tests)
    parts = [f"{tests:,} items share text with a benchmark"]
    if of_dev := data.overlap.of_benchmark(data.dev.name):
        parts.append(f"{of_dev:,} with the dev set")
    if negatives := sum(n for of in data.overlap.negative_counts().values() for n in of.values()):
        parts.append(f"{negatives:,} explicit negatives with a benchmark or the dev set")
    return f"{', '.join(parts)}: {treated} (translations are not seen: no comparison of texts tells them)"


def _meetings(data: StudyData) -> dict[str, str]:
    """How many items overlap with each benchmark, with examples."""
    found: dict[str, str] = {}
    for name in (one.name for one in (*data.tests, data.dev)):
        if count := data.overlap.of_benchmark(name):
            shown = "; ".join(f"{_start(m.training)} | {_start(m.evaluation)}" for m in data.overlap.examples(name))
            found[f"  with {name}"] = f"{count:,} items, such as (training text | evaluation text) {shown}"
    return found


def _spelled(code: str, written: tuple[str, ...]) -> str:
    others = [one for one in written if one != code]
    return f"{code} (written {', '.join(others)})" if others else code


def _shown(item: PairItem) -> str:
    def side(texts: Mapping[str, str]) -> str:
        return " | ".join(f"{language}: {_start(text)}" for language, text in list(texts.items())[:_SHOWN])

    negatives = sum(map(len, item.negatives.values()))
    return f"{item.id}: {side(item.query)} -> {side(item.passage)}" + (f" ({negatives} negatives)" if negatives else "")


def _start(text: str) -> str:
    line = " ".join(text[: 4 * _START].split())
    return inert(line if len(line) <= _START else line[:_START].rstrip() + "...")


def _negatives(plan: StudyPlan, data: StudyData) -> str:
    negatives = data.training.negatives
    most = max(config.batches.hard_negatives for config in plan.first_configs)
    used = (
        f"{data.items_with_negatives:,} items bring up to {most} into a batch (batches.hard_negatives)"
        if most
        else "none is used (batches.hard_negatives=0)"
    )
    whole = f"{negatives.items:,} items have {len(negatives):,}; {used}"
    lacking = negatives.items - data.items_with_negatives
    if most and lacking:
        whole += f", {lacking:,} lack them in a language of their passages and bring none"
    return whole + (
        f"; {negatives.dropped:,} were dropped: they stand in their item's group" if negatives.dropped else ""
    )


def _batches(plan: StudyPlan, data: StudyData) -> str:
    if all(config.batches.items == "common" for config in plan.first_configs):
        return f"{data.items_in_use:,} items can serve, each in both kinds of batches, whatever the ratio"
    training = data.training
    in_one = ((training.query_text >= 0) & (training.passage_text >= 0)).any(axis=1).sum()
    in_two = CrossLingual(training).eligible(np.arange(len(training), dtype=np.int32)).sum()
    return (
        f"{in_one:,} items can serve monolingual batches, {in_two:,} cross-lingual ones (batches.items=all): arms with "
        "other ratios see other items, and the report will say so"
    )


def _bilingual(data: StudyData) -> str:
    names = [one.name for one in data.tests if is_multilingual(one)]
    return ", ".join(names) or "no benchmark (no query has relevant candidates in two languages)"


def _not_trained(data: StudyData) -> str:
    return f"{', '.join(data.languages_not_trained)}: languages of a benchmark without any training text"


def estimates(
    plan: StudyPlan, data: StudyData, inputs: StudyInputs, resources: CellResources, rental: Rental
) -> list[tuple[TrialConfig, Resources, Estimate]]:
    """What a trial holds and costs, once for all trials that are the same in everything an estimate reads."""
    different: dict[Hashable, tuple[TrialConfig, Resources]] = {}
    for cell, config in plan.first_of_cells:
        held, batches = resources.of(cell.levels), config.batches
        sizes = (config.steps, batches.size, batches.hard_negatives)
        different.setdefault((config.encoder.model_dump_json(), *sizes, config.compute, repr(held)), (config, held))
    found = []
    for config, held in different.values():
        negatives = config.batches.hard_negatives * data.items_with_negatives / max(1, data.items_in_use)
        found.append((config, held, estimate(config, inputs.of(config.encoder).texts, held, negatives, rental)))
    return found


def _costs(
    settings: StudySettings,
    plan: StudyPlan,
    data: StudyData,
    inputs: StudyInputs,
    resources: CellResources,
    rental: Rental,
) -> dict[str, str]:
    """Encoder, trial, estimate and disk: once for all trials that cost the same."""
    encoders: dict[str, None] = {}
    trials: dict[str, None] = {}
    costs: list[tuple[Resources, Estimate]] = []
    trained: list[tuple[Resources, Estimate]] = []
    for config, held, cost in estimates(plan, data, inputs, resources, rental):
        # The shape that the cost is of lacks what is trimmed.
        parameters = config.encoder.shape(len(inputs.of(config.encoder).texts.tokenizer)).parameters
        trained_ones = cost.shape.trained
        of_them = f", {trained_ones:,} of them trained" if trained_ones < parameters else ""
        encoders[f"{config.encoder.name} ({parameters:,} parameters{of_them})"] = None
        pairs = config.steps * config.batches.size
        if config.steps:
            trained.append((held, cost))
            trials[f"{config.steps:,} steps x {config.batches.size} pairs = {pairs:,} pairs"] = None
        costs.append((held, cost))
    most_memory = max((cost for _, cost in costs), key=lambda cost: cost.memory_gib)
    # Untrained arms are a few of the trials, and cost next to nothing.
    trained = trained or costs
    mean = sum(cost.trial_seconds for _, cost in trained) / len(trained)
    each = sum(cost.trial_seconds / held.concurrent for held, cost in trained) / len(trained)
    of_workers = sum(cost.trial_seconds * held.workers for held, cost in trained) / len(trained)
    trials_in_all = sum(plan.planned.values()) - plan.rival_trials
    most = trials_in_all + plan.most_main_arms * max(0, (settings.until_separable or 0) - plan.seeds)
    time = _duration(each * trials_in_all) + (f", at most {_duration(each * most)}" if most > trials_in_all else "")
    found = {
        "encoder": ", ".join(encoders),
        "trial": ", ".join(trials),
        "estimate": f"{most_memory.memory_gib:.2f} GiB per worker, {mean:.0f} s per trial, {time} in all (rough)",
        "memory": _parts(most_memory.step),
        **_rented(rental, most_memory, of_workers * trials_in_all / 3600),
        "disk": _disk(settings, plan, inputs, resources),
    }
    if each * most > _LONG:
        fewest = each * plan.repetitions * (len(plan.branches) + plan.most_arms * _FEWEST_SEEDS)
        found["smaller"] = (
            f"--trials 1 --seeds {_FEWEST_SEEDS} takes {_duration(fewest)}; --arms and --without leave arms out"
        )
    return found


def _not_seen(absent: Sequence[EncoderConfig]) -> dict[str, str]:
    """What of a study was not looked at, because it is not here."""
    if not absent:
        return {}
    names = ", ".join(encoder.name for encoder in absent)
    return {
        "not checked": f"the weights of {names}, which are not on this machine; without its tokenizer the lengths of "
        "texts and the embeddings that they use are those of one that was trained on them, of few pieces: large "
        "corpora use more"
    }


def _parts(step: StepMemory) -> str:
    """What the peak of a training step is made of."""
    parts = (f"{one.name} {getattr(step, one.name) / 2**30:.2f}" for one in fields(step))
    return f"at the peak of a training step {', '.join(parts)} GiB"


def _rented(rental: Rental, cost: Estimate, hours: float) -> dict[str, str]:
    """What GPUs are wanted, for how long, at what price."""
    if rental.gpu is None:
        return {}
    price = "" if rental.price is None else f", {hours * rental.price:,.2f} at {rental.price:g} an hour"
    energy = hours * rental.gpu.watts / 1000
    return {
        "GPU": cost.fit,
        "GPU-hours": f"{hours:,.2f} at {cost.flops:.3g} FLOP/s{price}, at most {energy:,.2f} kWh "
        f"({rental.gpu.watts} W each, without their hosts)",
    }


def _disk(settings: StudySettings, plan: StudyPlan, inputs: StudyInputs, resources: CellResources) -> str:
    """What a study takes on disk; records are small beside it."""
    most = disk(settings, plan, inputs, resources.concurrent)
    parts = [f"up to {_size(most.checkpoints)} for checkpoints while it runs"]
    if most.kept:
        which = {"best": "the best encoder of every arm", "all": "the encoders of all confirm trials"}
        parts.append(f"up to {_size(most.kept)} for {which[settings.keep_encoders]}")
    if most.held:
        parts.append(f"up to {_size(most.held)} for encoders and embeddings until they are measured")
    if settings.keep_runs:
        parts.append("run files")
    return ", ".join(parts)


def _size(number: int) -> str:
    return f"{number / 2**30:.2f} GiB" if number >= 2**30 / 10 else f"{number / 2**20:.1f} MiB"


def _duration(seconds: float) -> str:
    if seconds < _LONG:
        return f"{seconds / 3600:.2f} h"
    return f"{seconds / 86400:.1f} days"


def _joined(training: TrainingData) -> str:
    joined = training.groups_in_files - training.groups
    if not joined:
        return "no text is in two of them"
    return f"the files name {training.groups_in_files:,}; {joined:,} were joined to others that have a text in common"


def _of_cells(plan: StudyPlan) -> str:
    return f" in each of {len(plan.cells)} cells" if len(plan.cells) > 1 else ""


def _again(plan: StudyPlan) -> str:
    return f", in each of {plan.repetitions} searches" if plan.repetitions > 1 else ""


def _budget(branch: BranchRecord) -> tuple[str, ...]:
    searched = ", ".join(branch.searched) or "nothing"
    return branch.branch, branch.role, searched, str(branch.trials), f"{branch.pairs:,}"


def _more_to_confirm(settings: StudySettings, plan: StudyPlan) -> str:
    front = ", and those of the Pareto front" if len(plan.objectives) > 1 else ""
    fewer = f", the arms that the main comparison does not need x {plan.other_seeds}" * (plan.other_seeds < plan.seeds)
    of_main = f", then one more at a time of the main comparison, up to {settings.until_separable}"
    return front + fewer + (of_main if settings.until_separable else "")
