"""What a verdict will cost: seeds and pairs until a difference is found, from the variances of earlier studies.

The variances are those of the two arms of the main comparison where the report judges them, the formula is that of
*Detectable* there.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.statistics.comparison import LEVEL, MARGIN
from analysis.statistics.errors import StatisticsError
from analysis.statistics.panel import Panel
from analysis.statistics.planning import detectable_with, pooled, seeds_to_find
from analysis.statistics.power import FEWEST_SEEDS
from search_spaces.space import Space, slug
from study.benchmarks import judged_benchmarks
from study.plan.more_seeds import confirmed_metrics, main_pairs, table_of
from study.records import STUDY, ArmRecord, StudyRecord
from study.settings import StudySettings
from study.study_folder import Study, open_study
from study.verify import damage
from trainables.encoders.registry import AnyEncoder
from trainables.errors import UserError
from trainables.evaluation.measures.words import measure_named, objective_label, place_label
from trainables.evaluation.metric_name import MetricName
from trainables.inert import inert_line
from trainables.storage import Folder

PILOT_SEEDS = 5
"""Confirm seeds of a pilot: four degrees of freedom for each of two arms."""

_HOUR = 3600.0


def asked_difference(text: str) -> float:
    """Reads the difference of `--plan-for`; raises UserError for anything but a number above 0, and 1 at most."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found <= 1:
        raise UserError(
            f"--plan-for {text}: a difference of qualities is a number above 0 and at most 1; give one such as 0.01."
        )
    return found


@dataclass(frozen=True, eq=False)
class Evidence:
    """An earlier study that tells variances: two arms and their values, by the name of the place where they are judged.

    The arms are those of the main comparison; where these are one training, another arm stands for the first.
    """

    study: Study
    arms: tuple[ArmRecord, ArmRecord]
    panels: dict[str, Panel]
    by_objective: bool
    """Whether all places have the measure and the setting of the objective."""

    @property
    def seeds(self) -> int:
        """Seeds that both arms finished."""
        return min(len(panel.seeds) for panel in self.panels.values())

    @property
    def trainings(self) -> frozenset[str]:
        """What its arms are but for the seed."""
        return frozenset(arm.config.model_copy(update={"seed": 0}).model_dump_json() for arm in self.arms)


def evidence_in(storage: str, asked: StudyRecord, steps: int, batch_size: int) -> tuple[list[Evidence], list[str]]:
    """Returns the studies in a storage whose variances can be used, and a line for each other one: why not.

    Args:
        storage: folder or URI under which studies lie.
        asked: the record of the study that is planned; encoder, data, objective and options must be the same.
        steps: of its trainings.
        batch_size: pairs of a step.
    """
    folder = Folder(storage)
    names = folder.names() if folder.exists() else []
    found: list[Evidence] = []
    left_out: list[str] = []
    for name in sorted(name for name in names if (folder / name).exists(STUDY)):
        try:
            found.append(_evidence(open_study((folder / name).location), asked, steps, batch_size))
        except (UserError, StatisticsError) as error:
            left_out.append(f"{name}: {error}")
    # The same training with the same seed is one sample, however many studies made it.
    used: list[Evidence] = []
    for one in sorted(found, key=lambda one: -one.seeds):
        twin = next((other for other in used if other.trainings & one.trainings), None)
        if twin is not None:
            left_out.append(f"{one.study.folder.name}: it repeats trainings of {twin.study.folder.name}")
        elif used and one.panels.keys() != used[0].panels.keys():
            left_out.append(f"{one.study.folder.name}: it is judged by {_listed(one.panels)}, not as the others")
        else:
            used.append(one)
    return used, list(map(inert_line, left_out))


def _evidence(study: Study, asked: StudyRecord, steps: int, batch_size: int) -> Evidence:
    """Raises UserError with the reason why a study cannot be used."""
    if other := _differences(study.info, asked):
        raise UserError(f"it differs in {', '.join(other)}")
    if broken := damage(study):
        raise UserError(f"it is not whole ({broken[0]})")
    pairs = main_pairs(study)
    if not pairs or not all(study.confirm_trials(arm) for arm in pairs[0]):
        raise UserError("it has no confirmed runs of both arms of the main comparison")
    arms = _different_arms(study, *pairs[0])
    if (arms[1].config.steps, arms[1].config.batches.size) != (steps, batch_size):
        theirs = f"{arms[1].config.steps:,} steps x {arms[1].config.batches.size} pairs"
        raise UserError(f"it trains {theirs}, not {steps:,} x {batch_size}")
    objective = MetricName.parse(study.info.objectives[0].metric)
    panels, by_objective = {}, True
    for benchmark in judged_benchmarks(study.info.data.main_measures, confirmed_metrics(study), study.info.measures):
        setting = benchmark.setting_of(str(objective))
        tables = {arm.arm: table_of(study, [arm], benchmark, setting) for arm in arms}
        place = place_label(benchmark.name, setting, measure_named(benchmark.metric, study.info.measures))
        panels[place] = Panel.of(tables)
        by_objective &= (objective.setting, objective.measure) == (setting, benchmark.metric)
    if not panels or min(len(panel.seeds) for panel in panels.values()) < FEWEST_SEEDS:
        raise UserError(f"variances need {FEWEST_SEEDS} seeds that both arms finished")
    return Evidence(study, arms, panels, by_objective)


def _different_arms(study: Study, one: ArmRecord, other: ArmRecord) -> tuple[ArmRecord, ArmRecord]:
    """The main pair or, where its arms are one training, another trained arm in place of the first one."""
    training = other.same_as or other.arm
    if (one.same_as or one.arm) != training:
        return one, other
    trained = [arm for arm in study.arms if arm.same_as is None and not arm.is_untrained and arm.role != "control"]
    found = next((arm for arm in trained if arm.arm != training and study.confirm_trials(arm)), None)
    if found is None:
        raise UserError(f"{one.arm} and {other.arm} are the same training")
    return found, other


def _differences(info: StudyRecord, asked: StudyRecord) -> list[str]:
    """What is different in another study, in words."""
    pairs = {
        "space": (info.space, asked.space),
        "main comparison": (info.main_comparison, asked.main_comparison),
        "encoder": (_encoders(info), _encoders(asked)),
        "training data": (info.data.training.fingerprint, asked.data.training.fingerprint),
        "benchmarks": (_benchmarks(info), _benchmarks(asked)),
        "objective": (info.objectives, asked.objectives),
        "options": (_options(info), _options(asked)),
        "factors": (info.factors, asked.factors),
        "repeated searches": (info.settings.repeat_search, asked.settings.repeat_search),
    }
    return [name for name, (theirs, ours) in pairs.items() if theirs != ours]


def _encoders(info: StudyRecord) -> list[tuple[AnyEncoder, Mapping[str, str]]]:
    return [(one.config, one.files) for one in info.encoders]


def _options(info: StudyRecord) -> Mapping[str, Any]:
    """What all trials are set to, as it is recorded."""
    found: Mapping[str, Any] = info.settings.model_dump(mode="json")["set"]
    return found


def _benchmarks(info: StudyRecord) -> list[tuple[str, str, int | None, str]]:
    return [(name, one.fingerprint, one.metric_definition, one.ties) for name, one in info.data.benchmarks.items()]


def check_can_be_planned(info: StudyRecord) -> None:
    """Raises UserError for a study whose verdict is no difference of two arms over seeds."""
    if info.main_comparison is None:
        raise UserError("--plan-for: the main comparison lacks an arm; do not leave it out with --arms or --without.")
    if info.factors:
        names = ", ".join(factor.name for factor in info.factors)
        raise UserError(
            f"--plan-for plans one cell, and this study has the factor {names}: give one level of it, "
            "or another --space."
        )
    if info.settings.repeat_search > 1:
        raise UserError("--plan-for counts seeds, not searches: leave --repeat-search out.")


def answer(
    difference: float, evidence: Sequence[Evidence], left_out: Iterable[str], gpu_hours: float | None = None
) -> list[str]:
    """Returns the plan in sentences; the first one answers.

    Args:
        difference: what is to be found.
        evidence: the studies that tell variances, one at least.
        left_out: a line for every other study.
        gpu_hours: of a training, where GPUs are planned for; else the recorded speed counts.

    Raises:
        StatisticsError: the studies were judged on other questions, though by name on the same benchmarks.
    """
    info = evidence[0].study.info
    names = list(evidence[0].panels)
    # The main pair is judged on every benchmark, and these verdicts share the error rate.
    level = LEVEL / len(names)
    known = {name: pooled([one.panels[name] for one in evidence]) for name in names}
    needed = {name: seeds_to_find(difference, one, level) for name, one in known.items()}
    arms = " and ".join(info.main_comparison or ())
    what = (
        f"a difference of {difference:g} in {_listed(names)} between {arms} "
        f"with power .8 at an error rate of {LEVEL:.0%}"
    )
    seeds = None if None in needed.values() else max(n for n in needed.values() if n is not None)
    if seeds is None:
        without = _listed(name for name, n in needed.items() if n is None)
        lines = [f"No number of seeds up to 1,000 finds {what}: there are too few questions for {without}."]
    else:
        lines = [f"{seeds} confirm seeds of each arm find {what}: {_price(seeds, evidence, gpu_hours)}."]
        if len(names) > 1:
            each = "; ".join(f"{name}: {n}" for name, n in needed.items())
            lines.append(f"Seeds by benchmark, which share the error rate: {each}.")
    if not evidence[0].by_objective:
        objective = objective_label(info.objectives[0].metric, info.measures)
        lines.append(
            f"The objective, {objective}, only chooses in the search: the report judges the arms as named here."
        )
    fewest = ", ".join(f"{n} seeds: {detectable_with(n, known[names[0]], level):.4f}" for n in (3, 5, 10, 20))
    lines.append(f"Found with power .8 in {names[0]} by {fewest}.")
    used = ", ".join(
        f"{inert_line(one.study.folder.name)} ({one.seeds} seeds of {' and '.join(arm.arm for arm in one.arms)})"
        for one in evidence
    )
    freedom = known[names[0]].seed_freedom
    lines.append(
        f"Variances of {used}; mean squares of the two arms averaged with their degrees of freedom "
        f"({freedom:g} for each arm). Other arms of a study may lend it some more, which is not counted."
    )
    if difference <= MARGIN:
        lines.append(f"Differences within {MARGIN:g} may be called equivalent: this one is no larger than that margin.")
    lines.append("The search comes on top: --dry-run tells its trials.")
    return [*lines, *(f"Not used: {line}" for line in left_out)]


def _listed(names: Iterable[str]) -> str:
    """Places in words: their own names hold commas."""
    return " and in ".join(names)


def _price(seeds: int, evidence: Sequence[Evidence], gpu_hours: float | None) -> str:
    """Trainings, pairs and hours of so many seeds of both arms."""
    config = evidence[0].arms[1].config
    trainings = 2 * seeds
    pairs = trainings * config.steps * config.batches.size
    told = f"{trainings} trainings x {config.steps:,} steps x {config.batches.size} pairs = {pairs:,} pairs"
    if gpu_hours is not None:
        return f"{told}, {trainings * gpu_hours:,.2g} GPU hours"
    costs = [
        trial.result.cost
        for one in evidence
        for arm in one.arms
        for trial in one.study.confirm_trials(arm)
        if trial.result is not None and trial.result.cost is not None
    ]
    seconds, devices = sum(cost.total_seconds for cost in costs), sorted({str(cost.device) for cost in costs})
    if not seconds:
        return told
    hours = trainings * seconds / len(costs) / _HOUR
    return f"{told}, {hours:.2g} hours of a worker ({', '.join(devices)}) at the speed of these studies"


def pilot_settings(settings: StudySettings, space: Space, name: str) -> StudySettings:
    """The settings of a small study of the arms of the main comparison: few search trials, few seeds.

    A best arm is stood for by one branch of its kind.
    """
    of_role = {role: [b.name for b in space.branches if b.role == role] for role in ("dynamic", "static", "strategy")}
    of_kind = {"best dynamic": of_role["dynamic"][:1], "best static": (of_role["static"] or of_role["strategy"])[:1]}
    arms = [name for arm in space.main_comparison for name in of_kind.get(arm, [arm])]
    if "best static" in space.main_comparison and "best dynamic" not in space.main_comparison:
        # The best constant may turn out to be the one that it is compared with: another one can stand for it.
        arms += [name for name in of_role["strategy"] if name not in arms][:1]
    without = (*space.controls, *space.rivals)
    # Two trials: one could try what the other arm is.
    changes = {
        "arms": tuple(map(slug, dict.fromkeys(arms))),
        "without": without,
        "arm": {},
        "trials": 2,
        "seeds": PILOT_SEEDS,
        "other_seeds": None,
    }
    return settings.model_copy(
        update={**changes, "until_separable": None, "early_stopping": "off", "keep_encoders": "none", "name": name}
    )
