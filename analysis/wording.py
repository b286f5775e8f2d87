"""Findings in plain English: verdicts with their evidence, lists, counts."""

from collections.abc import Collection, Sequence

from analysis.findings.comparisons import Judged
from analysis.statistics.comparison import LEVEL, Comparison, Obstacle

PAIRED = "paired by seed and question id"

OBSTACLES: dict[Obstacle, str] = {
    "single run": "single run: no interval over seeds",
    "single question": "a single question: no interval over questions",
}
"""Why a comparison has no interval."""


def judged_sentence(judged: Judged) -> str:
    """A comparison with its verdict and its evidence."""
    return comparison_sentence(judged.comparison, judged.first.label, judged.second.label, judged.place.label)


def comparison_sentence(found: Comparison, arm: str, baseline: str, metric: str) -> str:
    """What a comparison found: `a is better than b on mAP: +0.0123 (95 % interval ...)`."""
    verbs = {"better": "is better than", "worse": "is worse than", "equivalent": "is equivalent to"}
    claim = f"{arm} {verbs.get(found.verdict, 'cannot be told from')} {baseline} on {metric}"
    difference = number(found.difference, sign=True)
    if found.sequential is not None:
        looks = count(len(found.sequential.looks), "look")
        evidence = f"95 % repeated confidence interval {_interval(found)}, {looks}; {paired_with(found)}"
        return f"{claim}: {difference} ({evidence}). {found.sequential.sentence}"
    if found.interval is None:
        return f"{claim}: {difference} ({OBSTACLES[found.obstacle]}; {paired_with(found)})."
    family = f" after Holm's correction for {found.n_comparisons} comparisons" if found.n_comparisons > 1 else ""
    evidence = f"95 % interval {_interval(found)}, {p_value(found.p_holm)}{family}; {paired_with(found)}"
    return f"{claim}: {difference} ({evidence}){_remark(found)}."


def paired_with(found: Comparison) -> str:
    """What a comparison was paired over: `5 seeds x 150 questions, paired by seed and question id`."""
    return f"{count(found.n_seeds, 'seed')} x {found.n_questions} questions, {PAIRED}"


def _interval(found: Comparison) -> str:
    return " to ".join(number(end, sign=True) for end in found.interval or ())


def _remark(found: Comparison) -> str:
    """What a verdict leaves open: how large a real difference may be, what would have been found."""
    if found.verdict == "equivalent":
        real = found.p_holm is not None and found.p_holm <= LEVEL
        size = f"smaller than the margin of {number(found.margin or 0.0)}"
        return f"; there is a difference, but one {size}" if real else f"; any difference is {size}"
    if found.verdict != "not separable" or found.n_seeds < 3:
        return ""
    if found.smallest_detectable is None:
        remark = f"; no true difference could have been found in 4 of 5 such studies with {found.n_seeds} seeds"
    else:
        detectable = number(found.smallest_detectable)
        remark = f"; a true difference of {detectable} would have been found in 4 of 5 such studies"
    if found.margin is None:
        return remark
    if found.seeds_needed is None:
        return f"{remark}, one of {number(found.margin)} needs more test questions"
    return f"{remark}, one of {number(found.margin)} needs about {found.seeds_needed} seeds"


def number(value: float, *, sign: bool = False) -> str:
    """A value in a sentence: four decimals for shares such as mAP, one for ranks and other large numbers.

    >>> number(0.01234, sign=True), number(-31.25)
    ('+0.0123', '-31.2')
    """
    return f"{value:{'+' if sign else ''}.{4 if abs(value) < 2 else 1}f}"


def p_value(value: float | None) -> str:
    """A p value in a sentence.

    >>> p_value(0.0312), p_value(0.0001)
    ('p = .031', 'p < .001')
    """
    return "p unknown" if value is None else "p < .001" if value < 0.001 else f"p = {value:.3f}".replace("0.", ".", 1)


def size(value: float) -> str:
    """A number of parameters or pairs.

    >>> size(278e6), size(10.7e9), size(64)
    ('278M', '10.7B', '64')
    """
    for unit, name in ((1e9, "B"), (1e6, "M")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:g}"


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 seed`, `3 seeds`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def span(values: Collection[float], kind: str = "number") -> str:
    """A number, or `least to most`; `kind` is `number` or `count`."""
    shown = [f"{int(v):,}" if kind == "count" else f"{v:.4g}" for v in sorted(values)]
    return shown[0] if len(shown) == 1 else f"{shown[0]} to {shown[-1]}" if shown else "unknown"


def listed(items: Sequence[str]) -> str:
    """Items in a sentence.

    >>> listed(["a", "b", "c"]), listed(["a", "b, reversed", "c"])
    ('a, b and c', 'a; b, reversed; and c')
    """
    if len(items) == 1:
        return items[0]
    if any("," in item for item in items):
        return f"{'; '.join(items[:-1])}; and {items[-1]}"
    return f"{', '.join(items[:-1])} and {items[-1]}"


def capital(text: str) -> str:
    """A text that begins a sentence."""
    return text[:1].upper() + text[1:]
