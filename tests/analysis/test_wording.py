"""Numbers and findings in sentences."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from analysis.findings.comparisons import Judged
from analysis.statistics.comparison import Comparison, Detectable, Sequential
from analysis.wording import MINUS, claim, doubts, evidence, headline, number, p_value, rough, size

FOUND = Comparison(
    difference=0.0123,
    interval=(0.004, 0.0206),
    p=0.0012,
    p_adjusted=0.0036,
    p_equivalence=1.0,
    margin=0.005,
    verdict="better",
    detectable=Detectable(0.0095, 0.006, 0.02),
    seeds_needed=14,
    n_seeds=5,
    n_questions=150,
    n_comparisons=3,
)
OPEN = replace(FOUND, difference=-0.033, interval=(-0.1, 0.04), verdict="not separable", p_adjusted=0.51)
SINGLE = replace(FOUND, interval=None, p=None, p_adjusted=None, verdict="not separable", obstacle="single run")


def judged(found: Comparison, withheld: str = "") -> Judged:
    arms = [SimpleNamespace(label=name) for name in ("best dynamic", "best static")]
    place = SimpleNamespace(label="mAP of xquad-r, multilingual")
    return Judged(*arms, place, "question", found, withheld)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            replace(OPEN, detectable=Detectable(0.1301, 0.08, 0.3)),
            f"Too small to tell: {MINUS}.033 [{MINUS}.100, +.040]; only differences above .13 would show.",
        ),
        (
            replace(OPEN, detectable=None),
            f"{MINUS}.033 [{MINUS}.100, +.040]; no difference that the metric can have would show.",
        ),
        # Two seeds leave nothing to plan with, and a rule of its own is no study to be repeated.
        (replace(OPEN, n_seeds=2, detectable=None), f"Too small to tell: {MINUS}.033 [{MINUS}.100, +.040]."),
        (replace(OPEN, sequential=Sequential((3,), 9, 0.01, "")), f"tell: {MINUS}.033 [{MINUS}.100, +.040]."),
        (FOUND, "Better: +.012 [+.0040, +.021]."),
        (replace(FOUND, verdict="worse"), "Worse: +.012 [+.0040, +.021]."),
        (
            replace(FOUND, verdict="equivalent", difference=0.001, interval=(-0.002, 0.004)),
            f"Equivalent: +.0010 [{MINUS}.0020, +.0040], within \N{PLUS-MINUS SIGN}.005.",
        ),
        (SINGLE, "One run each: +.012, and nothing to tell it from chance."),
    ],
)
def test_the_headline_holds_the_finding_and_its_numbers(found: Comparison, said: str) -> None:
    assert headline(judged(found)).endswith(said)


@pytest.mark.parametrize(
    ("found", "withheld", "said"),
    [
        (FOUND, "", "Linear ({alpha} 1) is better than static on {place}: +.012 [+.0040, +.021]."),
        (replace(FOUND, verdict="worse"), "", "Linear ({alpha} 1) is worse than static on {place}: +.012"),
        (replace(FOUND, verdict="equivalent"), "", "Linear ({alpha} 1) is equivalent to static on {place}: +.012"),
        (OPEN, "", "Linear ({alpha} 1) and static cannot be told apart on {place}: {minus}.033"),
        (
            replace(SINGLE, obstacle="single question"),
            "",
            "A single question for the runs of linear ({alpha} 1) and static on {place}: +.012, and nothing to tell",
        ),
        (SINGLE, "", "One run each of linear ({alpha} 1) and static on {place}: +.012, and nothing to tell"),
        (
            FOUND,
            "a seed diverged",
            "No verdict on linear ({alpha} 1) against static on {place}: +.012 [+.0040, +.021], but a",
        ),
    ],
)
def test_a_claim_names_both_arms_and_the_place(found: Comparison, withheld: str, said: str) -> None:
    words = said.format(alpha="\N{GREEK SMALL LETTER ALPHA}", place="mAP of xquad-r, multilingual", minus=MINUS)
    assert claim(judged(found, withheld), "linear (\N{GREEK SMALL LETTER ALPHA} 1)", "static").startswith(words)


def test_a_withheld_verdict_is_none() -> None:
    said = headline(judged(FOUND, "2 of 5 seeds of best dynamic diverged"))
    assert said == "No verdict: +.012 [+.0040, +.021], but 2 of 5 seeds of best dynamic diverged."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "p = .004, 95 % intervals that hold together for 3 comparisons; 5 seeds x 150 questions"),
        ({"n_comparisons": 1}, "p = .004, 95 % interval; 5 seeds x 150 questions"),
        ({"p_adjusted": 1.0}, "p = 1.000, 95 % intervals"),
        ({"p_adjusted": 0.0001, "n_seeds": 1, "n_questions": 1}, "p < .001, 95 % intervals that hold together for 3"),
        ({"sequential": Sequential((3, 4, 5), 9, 0.01, "")}, "95 % repeated confidence interval, 3 looks; 5 seeds"),
        ({"sequential": Sequential((3,), 9, 0.01, "")}, "95 % repeated confidence interval, 1 look; 5 seeds"),
        (
            {"interval": None, "obstacle": "single run", "n_seeds": 1},
            "single run: no interval over seeds; 1 seed x 150",
        ),
        ({"interval": None, "obstacle": "single question"}, "a single question: no interval over questions"),
    ],
)
def test_the_evidence_says_on_what_a_verdict_rests(changes: dict[str, object], said: str) -> None:
    assert said in evidence(judged(replace(FOUND, **changes)))


def test_a_doubt_is_a_sentence() -> None:
    assert doubts(FOUND) == []
    few, far, rare = doubts(replace(FOUND, doubts=("few questions", "far seed", "rare event")))
    assert few.startswith("A few questions decide")
    assert far.startswith("A seed lies far from the others of its arm")
    assert "1 in 10 trainings losing .1 or 1 in 50 questions losing .5, would undo this verdict" in rare


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (-0.033, False, f"{MINUS}.033"),
        (0.0099951, True, "+.010"),
        (-0.00949, False, f"{MINUS}.0095"),
        # What rounds to nothing has no sign.
        (-0.00001, True, ".0000"),
        (0.0, True, ".0000"),
        (-31.25, True, f"{MINUS}31.2"),
        (1.0, False, "1.000"),
    ],
)
def test_numbers_have_one_sign_for_minus_and_none_for_nothing(value: float, sign: bool, text: str) -> None:
    assert number(value, sign=sign) == text


@pytest.mark.parametrize(("value", "text"), [(0.13, ".13"), (0.0099, ".0099"), (0.00012, ".00012"), (31.4, "31")])
def test_sizes_of_differences_have_two_digits(value: float, text: str) -> None:
    assert rough(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "p unknown"), (0.00099, "p < .001"), (0.0005, "p < .001")])
def test_small_p_values_are_bounded(value: float | None, text: str) -> None:
    assert p_value(value) == text


@pytest.mark.parametrize(("value", "text"), [(278e6, "278M"), (10.7e9, "10.7B"), (64, "64"), (403_968, "403968")])
def test_sizes_are_written_short(value: float, text: str) -> None:
    assert size(value) == text
