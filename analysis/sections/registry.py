"""The sections of the report in the order of the report: the answer's evidence, what explains it, then the details.

Where efficiency was measured, the question is about it: it is what the answer begins with.
"""

from analysis.sections import (
    batches,
    bias,
    comparisons,
    cost,
    data,
    details,
    efficiency,
    factors,
    languages,
    pareto,
    published,
    ratio,
    results,
    search,
    why,
)
from analysis.sections.section import Section
from trainables.registry import Registry


def _key(section: Section) -> str:
    return section.key


SECTIONS: Registry[Section] = Registry(
    "section of the report",
    _key,
    (
        efficiency.SECTION,
        results.SECTION,
        comparisons.SECTION,
        pareto.SECTION,
        factors.SECTION,
        ratio.SECTION,
        bias.SECTION,
        languages.SECTION,
        why.SECTION,
        published.SECTION,
        cost.SECTION,
        search.SECTION,
        batches.SECTION,
        data.SECTION,
        details.SECTION,
    ),
)
"""A section that a plugin registers stands at the end."""
