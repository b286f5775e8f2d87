"""Verdicts: is one arm better than another, for new seeds and new questions? The methods are in docs/statistics.md."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics.bootstrap import calibrated_interval
from analysis.statistics.comparison import LEVEL, Comparison, Verdict
from analysis.statistics.equivalence import equivalence_p_value, holm
from analysis.statistics.power import seeds_needed, smallest_detectable
from analysis.statistics.questions import PAIRING, QuestionTable
from analysis.statistics.randomisation import paired_p_value
from analysis.statistics.variance import TwoWay, two_way

MARGIN = 0.005
"""Differences in mAP below half a point are taken for none, unless told otherwise."""

RESAMPLES = 10_000
SINGLE_RUN = "single run: no interval over seeds"
PUBLISHED = "published number: no interval over seeds"
ONE_QUESTION = "a single question: no interval over questions"


@dataclass(frozen=True)
class ArmMean:
    """The metric of one arm: mean over seeds, 95 % interval for new seeds and new questions (None: see `note`)."""

    mean: float
    interval: tuple[float, float] | None
    standard_error: float | None
    n_seeds: int
    n_questions: int
    note: str


def arm_mean(table: QuestionTable, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0) -> ArmMean:
    """Returns the mean of an arm with its two-level bootstrap interval; deterministic given `seed`."""
    n_seeds, n_questions = table.values.shape
    note = _obstacle(table)
    if note:
        return ArmMean(table.estimate, None, None, n_seeds, n_questions, note)
    parts = two_way(table.values)
    interval = calibrated_interval(table, parts, level=1 - level, resamples=resamples, seed=seed)
    return ArmMean(table.estimate, interval, parts.standard_error, n_seeds, n_questions, "")


@dataclass(frozen=True, eq=False)
class Contrast:
    """Two arms to compare on one metric; the baseline may be a published number.

    `margin`: the largest difference that counts as none, in units of the metric; None asks for no equivalence test.
    """

    arm: str
    baseline: str
    metric: str
    arm_table: QuestionTable
    baseline_table: QuestionTable | float
    higher_is_better: bool = True
    margin: float | None = MARGIN


def compare(
    family: Sequence[Contrast], *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Comparison, ...]:
    """Judges a family of comparisons; deterministic given `seed`, in the order given.

    A contrast is `equivalent` if the two one-sided tests within its margin hold, else `better` or `worse` if the
    randomisation test holds, else `not separable`; both tests at `level` after Holm's correction over the family.
    Raises UserError where two arms share no seed or were judged on different queries.
    """
    drafts = [_measure(contrast, level, resamples, seed) for contrast in family]
    adjusted = holm([draft.p for draft in drafts])
    within = holm([draft.p_equivalence for draft in drafts])
    tested = sum(draft.p is not None for draft in drafts)
    return tuple(_judge(*row, tested, level) for row in zip(drafts, adjusted, within, strict=True))


@dataclass(frozen=True, eq=False)
class _Draft:
    """A contrast before the family is known; `parts` is None where there is no interval over seeds (see `note`)."""

    contrast: Contrast
    estimate: float
    n_seeds: int
    n_questions: int
    note: str
    parts: TwoWay | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_equivalence: float | None = None


def _measure(contrast: Contrast, level: float, resamples: int, seed: int) -> _Draft:
    if not isinstance(contrast.baseline_table, QuestionTable):
        table = contrast.arm_table
        gap = table.estimate - float(contrast.baseline_table)
        return _Draft(contrast, gap, len(table.seeds), len(table.questions), PUBLISHED)
    table = contrast.arm_table.minus(contrast.baseline_table)
    note = _obstacle(table)
    if note:
        return _Draft(contrast, table.estimate, len(table.seeds), len(table.questions), note)
    parts = two_way(table.values)
    return _Draft(
        contrast,
        table.estimate,
        len(table.seeds),
        len(table.questions),
        note,
        parts,
        interval=calibrated_interval(table, parts, level=1 - level, resamples=resamples, seed=seed),
        p=paired_p_value(table.values, resamples, seed),
        p_equivalence=None if contrast.margin is None else equivalence_p_value(parts, contrast.margin),
    )


def _judge(draft: _Draft, p_holm: float | None, within: float | None, tested: int, level: float) -> Comparison:
    contrast, parts = draft.contrast, draft.parts
    strictest = level / max(tested, 1)
    pairing = "" if draft.note == PUBLISHED else PAIRING
    return Comparison(
        arm=contrast.arm,
        baseline=contrast.baseline,
        metric=contrast.metric,
        difference=draft.estimate,
        interval=draft.interval,
        p=draft.p,
        p_holm=p_holm,
        p_equivalence=within,
        margin=contrast.margin,
        verdict=_verdict(draft, p_holm, within, level),
        smallest_detectable=None
        if parts is None
        else smallest_detectable(parts, strictest, largest=_largest(contrast)),
        seeds_needed=None
        if parts is None or contrast.margin is None
        else seeds_needed(contrast.margin, parts, strictest),
        n_seeds=draft.n_seeds,
        n_questions=draft.n_questions,
        n_comparisons=tested,
        paired_with=f"{draft.n_seeds} seed{'s' * (draft.n_seeds > 1)} x {draft.n_questions} questions{pairing}",
        note=draft.note,
    )


def _largest(contrast: Contrast) -> float:
    """The largest difference that two arms can have: qualities are shares, rank distances have no bound."""
    return 1.0 if contrast.higher_is_better else math.inf


def _verdict(draft: _Draft, p_holm: float | None, within: float | None, level: float) -> Verdict:
    if within is not None and within <= level:
        return "equivalent"
    if p_holm is None or p_holm > level:
        return "not separable"
    return "better" if (draft.estimate > 0) == draft.contrast.higher_is_better else "worse"


def _obstacle(table: QuestionTable) -> str:
    """Why there can be no interval; empty where there can."""
    if len(table.seeds) < 2:
        return SINGLE_RUN
    return ONE_QUESTION if len(table.questions) < 2 else ""
