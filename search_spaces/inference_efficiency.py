"""Does hybrid training change latency, throughput or index size at equal recall, against monolingual training?"""

from search_spaces.space import Space, family_branch, strategies
from trainables.evaluation.efficiency.config import EfficiencyConfig


def inference_efficiency() -> Space:
    """The strategies and the best of two schedules, each trained anew and then measured as it would be served."""
    return Space(
        name="inference_efficiency",
        question="Does hybrid training change what retrieval costs at equal recall (latency, throughput, size of the "
        "index), against monolingual training?",
        branches=(*strategies(), *map(family_branch, ("linear", "step"))),
        trials=2,
        seeds=5,
        main_comparison=("hybrid 0.5", "X-X-mono"),
        efficiency=EfficiencyConfig(),
    )
