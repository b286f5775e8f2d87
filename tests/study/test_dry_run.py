"""The plan counts every level of a factor, and no trial at the price of another one."""

import itertools
import json
import re
from pathlib import Path

import pytest

from study.run import main

ASKED = ("--model", "mini-xs", "--arms", "X-X-mono,X-Y", "--trials", "1", "--seeds", "3", "--batch-size", "96")
# So slow that hours have digits enough, and padded, so that memory has.
ASKED += ("--dry-run", "--gpu", "a100-80", "--flops", "1e10", "--set", "compute.packing=off")
ACCUMULATION = "compute.gradient_accumulation"


@pytest.fixture
def planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def plan(*more: str) -> tuple[float, float, float]:
        """GiB of a worker, seconds of a trial, and GPU-hours."""
        assert main([*ASKED, "--storage", str(tmp_path / "studies"), *more]) == 0
        said = capsys.readouterr().out
        parts = (r"^estimate +([\d.]+) GiB", r" (\d+) s per trial", r"^GPU-hours +([\d.,]+)")
        memory, seconds, hours = (re.findall(part, said, re.MULTILINE)[0].replace(",", "") for part in parts)
        return float(memory), float(seconds), float(hours)

    return plan


@pytest.mark.slow
def test_the_plan_of_a_factor_is_that_of_its_levels_in_any_order(planned) -> None:
    whole, chunks = planned("--gradient-accumulation", "1"), planned("--gradient-accumulation", "32")
    assert whole[0] > chunks[0]
    assert whole[2] < 0.9 * chunks[2]
    for levels in ("1,32", "32,1"):
        memory, _, hours = planned("--factor", f"{ACCUMULATION}={levels}")
        assert memory == whole[0]
        assert hours == pytest.approx(whole[2] + chunks[2], rel=1e-3)


@pytest.mark.slow
def test_arms_that_are_not_trained_do_not_make_the_others_cheap(planned) -> None:
    assert planned("--arm", "raw: ratio=constant(0) steps=0")[1] == planned()[1]


@pytest.mark.parametrize("gpu", ["t4-16", "v100-16"])
def test_a_gpu_that_cannot_pack_is_planned_with_rectangles(
    gpu: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever precision is asked for, and whatever GPU is here."""
    memory = {}
    for packing, options in itertools.product(("auto", "off"), ((), ("--set", "compute.precision=bfloat16"))):
        ask = (*ASKED[:-1], f"compute.packing={packing}", "--gpu", gpu, "--set", "compute.rectangles=4", *options)
        assert main([*ask, "--storage", str(tmp_path / "studies")]) == 0
        (memory[packing, options],) = re.findall(r"^estimate +([\d.]+) GiB", capsys.readouterr().out, re.MULTILINE)
    for _, options in memory:
        assert memory["auto", options] == memory["off", options]


def test_the_names_of_factors_are_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "study.yaml"
    levels = {"a[/b]": {"optimiser.learning_rate": 1e-3}, "c": {"optimiser.learning_rate": 1e-4}}
    config.write_text(json.dumps({"factor": {"[link=http://e.example]f[/link]": levels}}), "utf-8")
    assert main([*ASKED, "--storage", str(tmp_path / "studies"), "--config", str(config)]) == 0
    said = capsys.readouterr().out
    # In a narrow terminal a cell is broken.
    assert "[link" in said
    assert "a[/b]" in said
