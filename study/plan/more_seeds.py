"""Adding confirm seeds to a study: to which, after which looks at its results, and whether it needs more."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from analysis.statistics import sequential
from analysis.statistics.errors import StatisticsError
from analysis.statistics.questions import QuestionTable, has_values, question_table
from analysis.statistics.sequential import FIRST_LOOK
from analysis.statistics.significance import MARGIN
from search_spaces.registry import space
from study.benchmarks import JudgedBenchmark, judged_benchmarks
from study.records import DECISION, Study
from trainables.errors import UserError
from trainables.storage import Folder

FEWEST_SEEDS = 2
"""Seeds without which there is no spread."""


def first_look(seeds: int) -> int:
    """The seeds at the first look of a study that was asked for so many."""
    return max(seeds, FIRST_LOOK)


def planned_seeds(folder: Folder) -> int | None:
    """The most seeds for which a study that has looked at its results planned its error rate; None before a look."""
    recorded = _recorded(folder)
    return None if recorded is None else int(recorded["max_seeds"])


def looks_so_far(folder: Folder, seeds: int) -> list[int]:
    """The seeds at every look that a study has taken, and at the next one, which may repeat the last.

    `seeds`: as many as were asked for. No look is forgotten: the error rate is spent over all of them.
    """
    recorded = _recorded(folder)
    if recorded is None:
        return [first_look(seeds)]
    asked = [int(look) for look in recorded["asked"]]
    return asked if recorded["stop"] or seeds <= asked[-1] else [*asked, seeds]


def trials_of_all(study: Study) -> int:
    """The search trials that every branch of an unfinished search has ended: the equal effort that can be confirmed.

    Raises UserError if a branch has none, and for samplers whose trials depend on how many there will be.
    """
    where, settings = study.folder.location, study.info["settings"]
    if (settings.get("sampler") or space(study.info["space"]).sampler) in ("grid", "nsga2"):
        raise UserError(
            f"{where} is in its search phase, and a grid or a genetic search cannot be cut short: end it with --resume."
        )
    ended = Counter(trial.family for trial in study.trials if trial.phase == "search" and trial.result is not None)
    planned = {name: int(budget["trials"]) for name, budget in study.info["families"].items()}
    fewest = min(ended[name] if trials > 1 else ended[name] * max(planned.values()) for name, trials in planned.items())
    if fewest == 0:
        missing = ", ".join(name for name in planned if not ended[name])
        raise UserError(f"{where} has no search trial of {missing} yet: go on with --resume.")
    return fewest


def _recorded(folder: Folder) -> dict[str, Any] | None:
    if not folder.exists(DECISION):
        return None
    try:
        found: dict[str, Any] = folder.read_json(DECISION)
        return {name: found[name] for name in ("stop", "asked", "max_seeds")}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder.location}/{DECISION} is damaged ({error!r}): without the looks that it names the error rate of "
            "--until-separable cannot be kept; restore it from a copy."
        ) from error


def decide(study: Study, looks: Sequence[int], max_seeds: int) -> dict[str, Any]:
    """Returns what docs/records.md calls stopping.json, judged by the seeds below `looks[-1]` that both arms finished.

    Judged on the first benchmark, in the setting of the objective.

    Args:
        study: its main comparison is decided.
        looks: the seeds that had been started at every look so far, this one last. One that failed is missing from the
            looks of the decision.
        max_seeds: seeds at which the study stops in any case.

    Raises:
        UserError: the arms have no such results.
    """
    where = study.folder.location
    arm, baseline = study.info["main_comparison"]
    found = judged_benchmarks(study.info["data"]["benchmarks"], _metrics(study))
    if not (found and study.confirm_trials(arm) and study.confirm_trials(baseline)):
        raise UserError(f"{where} has no results for its main comparison yet: let its confirm phase end first.")
    benchmark, setting = found[0], found[0].setting_of(study.info["objective"][0]["metric"])
    what = {
        "arm": arm,
        "baseline": baseline,
        "benchmark": benchmark.name,
        "setting": setting,
        "metric": benchmark.metric,
        "margin": MARGIN,
    }
    if study.source(arm) == study.source(baseline):
        sentence = f"{arm} and {baseline} are the same training: no seed can tell them apart."
        return {"stop": True, "verdict": "equivalent", "sentence": sentence, "looks": list(looks), **what}
    tables = [_table(study, name, benchmark, setting) for name in (arm, baseline)]
    seeds = tuple(sorted(set(tables[0].seeds) & set(tables[1].seeds) & set(range(looks[-1]))))
    finished = [sum(seed < look for seed in seeds) for look in looks]
    # A look that added no seed to both arms was none.
    taken = sorted({count for count in finished if count >= FEWEST_SEEDS})
    if not taken or finished[-1] < FEWEST_SEEDS:
        raise UserError(
            f"{where} has {len(seeds)} seeds that both {arm} and {baseline} finished, but a decision needs "
            f"{FEWEST_SEEDS}: see the errors of the failed trials."
        )
    one, other = (table.of_seeds(seeds) for table in tables)
    try:
        decision = sequential.decide(one, other, taken, max_seeds, is_last=looks[-1] >= max_seeds)
    except StatisticsError as error:
        raise UserError(f"{where}: the decision about more seeds failed. {error}") from error
    return {**asdict(decision), "looks": taken, **what}


def _metrics(study: Study) -> set[str]:
    ended = (t for t in study.trials if t.phase == "confirm" and t.status == "complete")
    return {name for trial in ended for name in (trial.result or {})["metrics"]}


def _table(study: Study, arm: str, benchmark: JudgedBenchmark, setting: str) -> QuestionTable:
    """The values per question of an arm, of the seeds that have any."""
    read = ((trial.seed, trial.per_query()) for trial in study.confirm_trials(arm))
    frames = {seed: frame[frame["benchmark"] == benchmark.name] for seed, frame in read if frame is not None}
    try:
        held = {seed: frame for seed, frame in frames.items() if has_values(frame, setting, benchmark.metric)}
        return question_table(held, setting, benchmark.metric)
    except StatisticsError as error:
        raise UserError(f"{study.folder.location} holds no values per question for {arm}: {error}") from error
