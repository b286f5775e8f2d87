"""What `--dry-run` prints: the plan of a study and its cost."""

from rich.console import Console
from rich.table import Table

from search_spaces.space import Space
from study.cluster.resources import Resources
from study.data import StudyData
from study.estimate import estimate
from study.plan.program import StudyPlan
from study.settings import StudySettings
from trainables.encoders.config import EncoderConfig
from trainables.inputs import TrialInputs
from trainables.ratio.registry import FAMILIES


def print_plan(
    console: Console,
    space: Space,
    settings: StudySettings,
    encoder: EncoderConfig,
    plan: StudyPlan,
    data: StudyData,
    inputs: TrialInputs,
    resources: Resources,
) -> None:
    """Prints arms, trials, steps, pairs, resources, memory and time, and the budget of every family."""
    effort, arms = plan.effort, plan.most_arms
    cost = estimate(inputs, effort, resources, arms * effort.seeds, settings.gradient_accumulation)
    overlapping = sum(len(data.overlap.of_set(name)) for name in data.overlap.items)
    training, dev = data.training, data.dev
    tests = [
        f"{t.name} ({len(t.query_language):,} queries, {len(t.candidate_language):,} candidates)" for t in data.tests
    ]
    worker = f"({resources.cpus_per_worker:g} CPUs, {resources.gpus_per_worker:g} GPUs)"
    fate = "kept" if settings.keep_overlap else "dropped"
    lines = {
        "encoder": f"{encoder.name} ({cost.parameters:,} parameters)",
        "training": f"{', '.join(training.set_names)}: {len(training):,} items, {len(training.languages)} languages",
        "left out": "; ".join(f"{name}: {why}" for name, why in data.planner.left_out) or "nothing",
        "overlap": f"{overlapping} items share text with a benchmark, {fate}",
        "dev set": f"{len(dev.query_language):,} queries, {len(dev.candidate_language):,} candidates",
        "benchmarks": ", ".join(tests),
        "search": f"{len(effort.trials)} strategies and families, {effort.search_trials} trials, chosen by dev "
        + " and ".join(objective.metric for objective in plan.objectives),
        "confirm": f"up to {arms} arms x {effort.seeds} fresh seeds" + _more_to_confirm(settings, plan),
        "trial": f"{effort.steps:,} steps x {effort.batch_size} pairs = {effort.pairs_per_trial:,} pairs",
        "resources": f"{resources.concurrent} trials at a time, each {resources.workers} x {worker}",
        "estimate": f"{cost.memory_gib:.2f} GiB per worker, {cost.trial_seconds:.0f} s per trial, "
        f"{cost.study_seconds / 3600:.2f} h in all (rough)",
    }
    console.print(f"[bold]{space.name}[/bold]: {space.question}")
    rows = Table(box=None, show_header=False, pad_edge=False)
    rows.add_column(style="dim")
    rows.add_column()
    for name, value in lines.items():
        rows.add_row(name, value)
    console.print(rows)
    branches = Table("strategy or family", "role", "searched", "trials", "pairs", box=None, header_style="dim")
    for branch in space.branches:
        trials = effort.trials[branch.name]
        pairs = f"{trials * effort.pairs_per_trial:,}"
        branches.add_row(
            branch.name, branch.role, ", ".join(plan.searched[branch.name]) or "nothing", str(trials), pairs
        )
    console.print(branches)
    if any(FAMILIES[branch.family].closed_loop for branch in space.branches):
        console.print("Families that follow signals pay for measuring them with training steps.")


def _more_to_confirm(settings: StudySettings, plan: StudyPlan) -> str:
    front = ", and those of the Pareto front" if len(plan.objectives) > 1 else ""
    more = f", then one more at a time, up to {settings.until_separable}" if settings.until_separable else ""
    return front + more
