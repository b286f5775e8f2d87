"""Findings in plain English: verdicts with their evidence, lists, counts."""

from collections.abc import Collection, Sequence

from analysis.findings.comparisons import Judged
from analysis.plural import plural
from analysis.statistics.comparison import (
    QUESTION_LOSS,
    RARE_QUESTION,
    RARE_SEED,
    SEED_LOSS,
    Comparison,
    Doubt,
    Obstacle,
)

MINUS = "\N{MINUS SIGN}"

OBSTACLES: dict[Obstacle, str] = {
    "single run": "single run: no interval over seeds",
    "single question": "a single question: no interval over questions",
}
"""Why a comparison has no interval."""

DOUBTS: dict[Doubt, str] = {
    "few questions": "A few questions decide: the typical question says less, or something else.",
    "far seed": "A seed lies far from the others of its arm: with seeds like that the stated error rates do not hold.",
    "rare event": (
        f"An event too rare for these seeds and questions to show, such as 1 in {1 / RARE_SEED:.0f} trainings losing "
        f"{SEED_LOSS:g} or 1 in {1 / RARE_QUESTION:.0f} questions losing {QUESTION_LOSS:g}, would undo this verdict."
    ).replace("0.", "."),
}
"""What a doubt means."""


def beside_looks(judged: Judged) -> str:
    """What the looks at a comparison that was decided by them mean for all others."""
    if judged.has_own_seeds:
        return (
            "Comparisons of these two arms elsewhere do not allow for the looks; all others rest on seeds whose number "
            "was fixed."
        )
    return "Other comparisons do not allow for the looks."


def headline(judged: Judged) -> str:
    """A comparison in a sentence, of which the arms and the place are known: what holds and by how much.

    `Too small to tell: \N{MINUS SIGN}.033 [\N{MINUS SIGN}.100, +.040]; only differences above .13 would show.`
    """
    found = judged.comparison
    if found.interval is None:
        return f"{capital(_single(found))}: {_by_how_much(judged)}."
    if judged.withheld:
        return f"No verdict: {_by_how_much(judged)}."
    lead = "Too small to tell" if found.verdict == "not separable" else capital(found.verdict)
    return f"{lead}: {_by_how_much(judged)}."


def claim(judged: Judged, first: str, second: str) -> str:
    """A comparison in a sentence of its own: of what, where, what holds and by how much.

    `Linear is better than static on mAP of xquad-r, overall: +.044 [+.032, +.055].`

    Args:
        judged: the comparison.
        first: what its first arm is called.
        second: what the other one is called.
    """
    found, where = judged.comparison, f"on {judged.place.label}"
    if found.interval is None:
        said = f"{_single(found)} of {first} and {second} {where}"
    elif judged.withheld:
        said = f"no verdict on {first} against {second} {where}"
    elif found.verdict == "not separable":
        said = f"{first} and {second} cannot be told apart {where}"
    else:
        said = f"{first} is {found.verdict} {'to' if found.verdict == 'equivalent' else 'than'} {second} {where}"
    return f"{capital(said)}: {_by_how_much(judged)}."


def _single(found: Comparison) -> str:
    """Of what there is only one, so that there is no interval."""
    return "a single question for the runs" if found.obstacle == "single question" else "one run each"


def _by_how_much(judged: Judged) -> str:
    """A difference with its interval, and what a reader must know to take it for no more than it is."""
    found = judged.comparison
    difference = number(found.difference, sign=True)
    if found.interval is None:
        return f"{difference}, and nothing to tell it from chance"
    known = f"{difference} {interval(found.interval)}"
    if judged.withheld:
        return f"{known}, but {judged.withheld}"
    if found.verdict == "not separable":
        return f"{known}{_would_show(found)}"
    if found.verdict == "equivalent":
        return f"{known}, within \N{PLUS-MINUS SIGN}{rough(found.margin or 0.0)}"
    return known


def _would_show(found: Comparison) -> str:
    if found.sequential is not None or found.n_seeds < 3:
        return ""
    if found.detectable is None:
        return "; no difference that the metric can have would show"
    return f"; only differences above {rough(found.detectable.size)} would show"


def interval(ends: Sequence[float] | None) -> str:
    """An interval of differences: `[-.100, +.040]`."""
    return "[" + ", ".join(number(end, sign=True) for end in ends or ()) + "]"


def evidence(judged: Judged) -> str:
    """On what a comparison rests: `p = .51; 95 % interval; 5 seeds x 150 questions`."""
    found = judged.comparison
    paired = paired_with(found)
    if found.sequential is not None:
        return f"95 % repeated confidence interval, {count(len(found.sequential.looks), 'look')}; {paired}"
    if found.interval is None:
        return f"{OBSTACLES[found.obstacle]}; {paired}"
    together = f" that hold together for {found.n_comparisons} comparisons" if found.n_comparisons > 1 else ""
    return f"{p_value(found.p_adjusted)}, 95 % interval{'s' * bool(together)}{together}; {paired}"


def doubts(found: Comparison) -> list[str]:
    """Why the stated error rates may not hold for a comparison, in sentences."""
    return [DOUBTS[doubt] for doubt in found.doubts]


def paired_with(found: Comparison) -> str:
    """What a comparison rests on: `5 seeds x 150 questions`."""
    return f"{count(found.n_seeds, found.unit)} x {count(found.n_questions, 'question')}"


def number(value: float, *, sign: bool = False) -> str:
    """A value in a sentence: three decimals for shares such as mAP (four below .01), one for ranks.

    >>> number(0.01234, sign=True), number(0.005), number(31.25, sign=True)
    ('+.012', '.0050', '+31.2')
    """
    size = abs(value)
    text = f"{size:.1f}" if size >= 2 else f"{size:.{3 if round(size, 3) >= 0.01 else 4}f}"
    text = text[1:] if text.startswith("0.") else text
    is_zero = not text.strip(".0")
    return ("" if is_zero else MINUS if value < 0 else "+" * sign) + text


def rough(value: float) -> str:
    """A size to two digits.

    >>> rough(0.1287), rough(0.0312), rough(125.2)
    ('.13', '.031', '130')
    """
    digits = f"{float(f'{value:.2g}'):.6f}".rstrip("0").rstrip(".")
    return digits[1:] if digits.startswith("0.") else digits


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
    """A number with its noun: `1 seed`, `3 seeds`, `3 searches`."""
    return f"{number} {noun if number == 1 else plural(noun)}"


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
