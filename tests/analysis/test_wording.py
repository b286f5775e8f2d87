from dataclasses import replace

import pytest

from analysis.statistics.comparison import Comparison, Sequential, Verdict
from analysis.wording import comparison_sentence, size

FOUND = Comparison(
    difference=0.0123,
    interval=(0.004, 0.0206),
    p=0.0012,
    p_holm=0.0036,
    p_equivalence=1.0,
    margin=0.005,
    verdict="better",
    smallest_detectable=0.0095,
    seeds_needed=14,
    n_seeds=5,
    n_questions=150,
    n_comparisons=3,
)


def said(found: Comparison) -> str:
    return comparison_sentence(found, "best dynamic", "best static", "xquad-r/multilingual/map")


def test_the_sentence_holds_the_evidence() -> None:
    assert said(FOUND) == (
        "best dynamic is better than best static on xquad-r/multilingual/map: +0.0123 "
        "(95 % interval +0.0040 to +0.0206, p = .004 after Holm's correction for 3 comparisons; "
        "5 seeds x 150 questions, paired by seed and question id)."
    )


@pytest.mark.parametrize(
    ("verdict", "changes", "words"),
    [
        (
            "not separable",
            {},
            "0.0095 would have been found in 4 of 5 such studies, one of 0.0050 needs about 14 seeds",
        ),
        ("not separable", {"seeds_needed": None}, "one of 0.0050 needs more test questions."),
        ("not separable", {"margin": None, "seeds_needed": None}, "found in 4 of 5 such studies."),
        (
            "not separable",
            {"smallest_detectable": None},
            "; no true difference could have been found in 4 of 5 such studies with 5 seeds, one of 0.0050 needs about",
        ),
        ("equivalent", {"p_holm": 0.4}, "; any difference is smaller than the margin of 0.0050."),
        ("equivalent", {}, "; there is a difference, but one smaller than the margin of 0.0050."),
        ("worse", {"n_comparisons": 1}, "p = .004; 5 seeds"),
        ("better", {"p_holm": 0.0001}, "p < .001 after"),
        ("better", {"p_holm": 1.0}, "p = 1.000 after"),
    ],
)
def test_the_sentence_says_what_the_verdict_means(verdict: Verdict, changes: dict[str, object], words: str) -> None:
    assert words in said(replace(FOUND, verdict=verdict, **changes))


def test_ranks_are_written_with_one_decimal() -> None:
    ranks = replace(FOUND, difference=-31.25, interval=(-40.0, -22.5), margin=None)
    assert "-31.2 (95 % interval -40.0 to -22.5" in said(ranks)


def test_without_an_interval_the_reason_is_given() -> None:
    alone = replace(FOUND, interval=None, p=None, p_holm=None, verdict="not separable", obstacle="single run")
    assert said(alone) == (
        "best dynamic cannot be told from best static on xquad-r/multilingual/map: +0.0123 "
        "(single run: no interval over seeds; 5 seeds x 150 questions, paired by seed and question id)."
    )


def test_with_two_seeds_nothing_is_said_about_what_could_have_been_found() -> None:
    two = replace(FOUND, verdict="not separable", n_seeds=2, smallest_detectable=None, seeds_needed=None)
    assert said(two).endswith("paired by seed and question id).")


@pytest.mark.parametrize(
    ("verdict", "claim"),
    [
        ("better", "is better than"),
        ("worse", "is worse than"),
        ("equivalent", "is equivalent to"),
        ("not separable", "cannot be told from"),
    ],
)
def test_the_claim_comes_before_its_numbers(verdict: Verdict, claim: str) -> None:
    sentence = said(replace(FOUND, verdict=verdict))
    assert sentence.startswith(f"best dynamic {claim} best static on xquad-r/multilingual/map: +0.0123 (95 % interval")


def test_one_seed_and_one_question_are_said_for_what_they_are() -> None:
    one = replace(FOUND, interval=None, p=None, p_holm=None, verdict="not separable", obstacle="single run", n_seeds=1)
    assert "single run: no interval over seeds; 1 seed x 150 questions" in said(one)
    assert "a single question" in said(replace(one, obstacle="single question"))


def test_a_decision_by_looking_is_said_with_its_own_interval() -> None:
    rule = Sequential((3, 4, 5), 9, 0.01, "After 5 of at most 9 seeds the verdict is 'better'.")
    sentence = said(replace(FOUND, p_holm=None, sequential=rule))
    assert "95 % repeated confidence interval +0.0040 to +0.0206, 3 looks; 5 seeds x 150 questions" in sentence
    assert sentence.endswith(rule.sentence)


@pytest.mark.parametrize(("value", "text"), [(278e6, "278M"), (10.7e9, "10.7B"), (64, "64"), (403_968, "403968")])
def test_sizes_are_written_short(value: float, text: str) -> None:
    assert size(value) == text
