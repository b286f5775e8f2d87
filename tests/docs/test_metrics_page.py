"""docs/metrics.md lists every measure as the registry has it, and its example runs."""

import re

from tests.docs.pages import DOCS, blocks
from trainables.evaluation.evaluate import METRIC_DEFINITION
from trainables.evaluation.measures.registry import MEASURES, example

PAGE = "metrics.md"


def test_the_page_lists_every_measure_with_label_direction_and_unit() -> None:
    text = (DOCS / PAGE).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)(@\w+)?` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| .+ \|$", text, flags=re.MULTILINE)
    listed = {name: (bool(cutoff), *others) for name, cutoff, *others in rows}
    assert list(listed) == list(MEASURES)
    for name, kind in MEASURES.items():
        assert listed[name] == ("@" in example(kind), kind.label, kind.direction, kind.unit), name


def test_the_page_says_what_every_evaluation_computes() -> None:
    (sentence,) = re.findall(
        r"^Every evaluation computes (.+?);", (DOCS / PAGE).read_text(encoding="utf-8"), re.MULTILINE
    )
    default = [name for kind in MEASURES.values() if "overall" in kind.settings for name in kind.default]
    assert re.findall(r"`(.+?)`", sentence) == default


def test_the_example_of_the_page_runs() -> None:
    for block in blocks(PAGE, "python"):
        exec(block, {})


def test_the_page_names_the_definition_that_records_hold() -> None:
    assert f"(now {METRIC_DEFINITION})" in (DOCS / PAGE).read_text(encoding="utf-8")
