"""docs/cost.md: its tables are those of the code, and its figures are what the plan says."""

import re

import pytest

from benchmarks.published_memory import PUBLISHED, table
from study.cost.gpus import GPUS
from tests.docs.pages import DOCS

TEXT = (DOCS / "cost.md").read_text("utf-8")


def test_the_table_of_gpus_is_current() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| ([\d.e]+) \| (none|[\d.e]+) \| (\d+) \|$", TEXT, re.MULTILINE)
    found = {
        name: (float(full), None if half == "none" else float(half), int(watts)) for name, full, half, watts in rows
    }
    assert found == {gpu.name: (gpu.float32, gpu.bfloat16, gpu.watts) for gpu in GPUS.values()}


def test_ten_published_figures_are_met_within_a_quarter() -> None:
    off = [int(share) for share in re.findall(r"\| ([+-]\d+)% \|$", TEXT, re.MULTILINE)]
    assert len(off) == len(PUBLISHED)
    assert sum(abs(share) <= 25 for share in off) >= 10
    assert "One is missed by more than 25 %" in TEXT
    assert sum(abs(share) > 25 for share in off) == 1


@pytest.mark.nightly
def test_the_published_figures_are_planned_as_the_page_says() -> None:
    assert table() in TEXT, "write there what python benchmarks/published_memory.py prints"
