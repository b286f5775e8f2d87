"""Whether the main comparison needs another seed: python -m analysis.stopping STUDY --looks 5 6 --max-seeds 20.

Prints one JSON object, a decision; a study asks between repetitions (--until-separable).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from analysis.findings import Findings
from analysis.pairing import main_pairs, training
from analysis.queries import Queries
from analysis.statistics.sequential import decide
from analysis.statistics.significance import MARGIN
from study.records import UserError, open_study

FEWEST_SEEDS = 2
"""Seeds without which there is no spread."""


def decision(location: str, looks: Sequence[int], max_seeds: int) -> dict[str, Any]:
    """Returns what docs/records.md calls stopping.json, judged by the seeds below `looks[-1]` that both arms finished.

    `looks`: the seeds that had been started at every look; one that failed is missing from the looks of the decision.
    Judged on the first benchmark, in the setting of the objective. Raises UserError if the arms have no such results.
    """
    findings = Findings([open_study(location)])
    pairs = main_pairs(findings)
    if not pairs or not findings.benchmarks:
        raise UserError(f"{location} has no results for its main comparison yet: let its confirm phase end first.")
    arm, baseline = pairs[0]
    benchmark = findings.benchmarks[0]
    wished = findings.objective[0].split("/")[0]
    setting = wished if wished in benchmark.settings else benchmark.settings[-1]
    what = {
        "arm": arm.name,
        "baseline": baseline.name,
        "benchmark": benchmark.name,
        "setting": setting,
        "metric": benchmark.metric,
        "margin": MARGIN,
    }
    if training(arm) == training(baseline):
        sentence = f"{arm.label} and {baseline.label} are the same training: no seed can tell them apart."
        return {"stop": True, "verdict": "equivalent", "sentence": sentence, "looks": list(looks), **what}
    queries = Queries(findings)
    tables = [queries.table(one, benchmark.name, setting, benchmark.metric) for one in (arm, baseline)]
    if tables[0] is None or tables[1] is None:
        raise UserError(f"{location} holds no values per question for {arm.label} and {baseline.label}.")
    seeds = tuple(sorted(set(tables[0].seeds) & set(tables[1].seeds) & set(range(looks[-1]))))
    finished = [sum(seed < look for seed in seeds) for look in looks]
    # A look that added no seed to both arms was none.
    taken = sorted({count for count in finished if count >= FEWEST_SEEDS})
    if not taken or finished[-1] < FEWEST_SEEDS:
        raise UserError(
            f"{location} has {len(seeds)} seeds that both {arm.label} and {baseline.label} finished, but a decision "
            f"needs {FEWEST_SEEDS}: see the errors of the failed trials."
        )
    one, other = (table.of_seeds(seeds) for table in tables if table is not None)
    found = decide(one, other, taken, max_seeds, is_last=looks[-1] >= max_seeds)
    return {**asdict(found), "looks": taken, **what}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the decision; returns 0, or 2 for a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m analysis.stopping", description=__doc__)
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("--looks", type=int, nargs="+", required=True, help="seeds at every look so far, this one last")
    parser.add_argument("--max-seeds", type=int, required=True, help="seeds at which the study stops in any case")
    options = parser.parse_args(arguments)
    try:
        print(json.dumps(decision(options.study, options.looks, options.max_seeds)))
    except UserError as error:
        print(f"analysis.stopping: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
