"""Time and memory of all intervals and comparisons of a large study.

Ten arms x ten seeds in the shape of XQuAD-R (13,090 queries, three settings) and of MLQA-R (4,199 queries, an
unbalanced one): every pair of arms in every setting. Run: python benchmarks/significance.py [--arms 10] [--seeds 10]
"""

import argparse
import resource
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))

from analysis.statistics.panel import Panel
from analysis.statistics.questions import QuestionTable, question_table
from analysis.statistics.significance import arm_mean, judge

SETTINGS = ("monolingual", "cross-lingual", "multilingual")


def keys_of(benchmark: str, languages: list[str], held: list[list[str]]) -> pd.DataFrame:
    """The key columns of a per-query file; `held[q]` are the languages of question q."""
    rows = []
    for number, own in enumerate(held):
        question = f"question-{number:05d}"
        for language in own:
            rows.append((benchmark, question, language, "monolingual", language))
            rows += [(benchmark, question, language, "cross-lingual", pool) for pool in own if pool != language]
            rows.append((benchmark, question, language, "multilingual", "*"))
    return pd.DataFrame(rows, columns=["benchmark", "parallel_id", "query_language", "setting", "pool_language"])


def write_study(folder: Path, keys: pd.DataFrame, arms: int, seeds: int) -> None:
    rng = np.random.default_rng(0)
    question = pd.factorize(keys["parallel_id"])[0]
    difficulty = rng.beta(1, 0.5, question.max() + 1)
    for arm in range(arms):
        for seed in range(seeds):
            noise = rng.normal(0, 0.1, len(keys)) + rng.normal(0, 0.01)
            values = np.clip(difficulty[question] + 0.003 * arm + noise, 0, 1).astype(np.float32)
            keys.assign(map=values).to_parquet(folder / f"{arm}-{seed}.parquet")


def judge_study(folder: Path, arms: int, seeds: int) -> None:
    started, cpu_before = time.perf_counter(), time.process_time()
    tables: dict[tuple[int, str], QuestionTable] = {}
    for arm in range(arms):
        runs = {seed: pd.read_parquet(folder / f"{arm}-{seed}.parquet") for seed in range(seeds)}
        for setting in SETTINGS:
            tables[arm, setting] = question_table(runs, setting, "map")
    read = time.perf_counter()
    names = [str(arm) for arm in range(arms)]
    panels = [Panel.of({name: tables[int(name), setting] for name in names}) for setting in SETTINGS]
    for panel in panels:
        for name in names:
            arm_mean(panel, name)
    means = time.perf_counter()
    pairs = list(combinations(names, 2))
    found = [judge(panel, one, other, len(pairs) * len(panels)) for panel in panels for one, other in pairs]
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  {len(tables)} tables read and built {read - started:6.1f} s")
    print(f"  {len(tables)} intervals of arms         {means - read:6.1f} s")
    print(f"  {len(found)} comparisons             {ended - means:6.1f} s")
    cpu = time.process_time() - cpu_before
    print(f"  together {ended - started:.1f} s, processor time {cpu:.1f} s, peak resident memory {peak:.2f} GiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arms", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    eleven = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"]
    rng = np.random.default_rng(1)
    seven = ["ar", "de", "en", "es", "hi", "vi", "zh"]
    # English and one to three more, as in MLQA-R: 4 languages for 820 questions, 3 for 263, 2 for 65.
    others = [language for language in seven if language != "en"]
    held = [["en", *rng.choice(others, n, replace=False)] for n in [3] * 820 + [2] * 263 + [1] * 65]
    for name, keys in (
        ("XQuAD-R", keys_of("xquad-r", eleven, [eleven] * 1190)),
        ("MLQA-R", keys_of("mlqa-r", seven, held)),
    ):
        queries = int((keys["setting"] == "monolingual").sum())
        print(f"{name}: {options.arms} arms x {options.seeds} seeds x {queries} queries x 3 settings")
        with tempfile.TemporaryDirectory() as folder:
            write_study(Path(folder), keys, options.arms, options.seeds)
            judge_study(Path(folder), options.arms, options.seeds)


if __name__ == "__main__":
    main()
