"""Runs whose encoder has collapsed, as far as a benchmark shows it."""

from analysis.facts.arms import Arm
from analysis.facts.facts import Benchmark
from analysis.facts.measures import bias_metric
from trainables.evaluation.measures.collapse import TIES, is_collapsed
from trainables.evaluation.metric_name import MetricName


def collapsed_seeds(arm: Arm, benchmark: Benchmark) -> tuple[int, ...]:
    """The seeds of an arm whose encoder gives too many candidates of a benchmark the same score."""
    if benchmark.record is None:
        return ()
    ties = arm.by_seed(bias_metric(benchmark.name, TIES)) or arm.by_seed(str(MetricName(benchmark.name, None, TIES)))
    queries, candidates = benchmark.record.queries, benchmark.record.candidates
    return tuple(seed for seed, value in ties.items() if is_collapsed(value, queries, candidates))
