"""Rivals that cost no training: whether one of them does as well as the best schedule."""

from collections.abc import Iterator

from analysis.findings.comparisons import Judged
from analysis.findings.findings import Findings
from analysis.findings.pairing import free_rivals
from analysis.wording import capital, interval, listed, number

SAID = {
    "worse": "{rivals} {do} better than {leader}, without a schedule and at no cost of training",
    "equivalent": "{rivals} {do} as well as {leader}, without a schedule and at no cost of training",
    "not separable": "{rivals}, which cost no training, could not be told from {leader}",
    "better": "{leader} beats {rivals}, which cost no training",
}
"""By the verdict on the schedule."""


def rivals(findings: Findings) -> Iterator[str]:
    """One sentence per verdict on the best schedule and what costs nothing, where the question looks."""
    free = [arm for group in findings.facts.groups for arm in free_rivals(group)]
    judged = [one for one in findings.comparisons.judged if one.second in free and _is_asked(findings, one)]
    for verdict, text in SAID.items():
        held = [one for one in judged if one.comparison.interval is not None and one.verdict == verdict]
        for leader in dict.fromkeys(one.first.label for one in held):
            own = [one for one in held if one.first.label == leader]
            names = listed([f"{one.second.label} ({_difference(one)})" for one in own])
            place = own[0].place.label
            said = text.format(rivals=names, leader=leader, do="does" if len(own) == 1 else "do")
            said = said.replace("which cost no", "which costs no") if len(own) == 1 else said
            yield f"{capital(said)}, on {place}."


def _is_asked(findings: Findings, one: Judged) -> bool:
    """Whether it is the schedule that leads, at the place of the question."""
    benchmark = findings.facts.benchmarks[0]
    asked = benchmark.name, benchmark.setting_of(findings.facts.objective)
    leads = one.first.role == "dynamic" and one.first.name.startswith("best")
    return leads and one.is_quality and (one.place.benchmark, one.place.setting) == asked


def _difference(one: Judged) -> str:
    """The schedule minus the rival, as in the table."""
    found = one.comparison
    return f"difference {number(found.difference, sign=True)} {interval(found.interval)}"
