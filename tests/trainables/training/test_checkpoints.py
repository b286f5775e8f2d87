import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.disks import small_disk
from tests.trainables.ratio.examples import examples
from tests.trainables.toy_run import CHAOS, ITEMS, Reports, toy_config, toy_data, toy_encoder, toy_tokens
from trainables.clock import Clock
from trainables.corpora.pairs import training_data
from trainables.errors import UserError
from trainables.ratio.registry import FAMILIES
from trainables.storage import Folder
from trainables.training.checkpoints import load_checkpoint, save_checkpoint
from trainables.training.fine_tune import fine_tune
from trainables.training.optimiser import build_optimiser, trainable_parameters

DATA = toy_data()
TOKENS = toy_tokens(DATA)
LINEAR = {"family": "linear", "start": 1, "end": 0}
RUNS = {
    "open loop": {"ratio": LINEAR},
    "closed loop": {"ratio": CHAOS},
    "loss mixing": {"ratio": LINEAR, "mixing": "loss"},
    "bernoulli, chunks": {"draw": "bernoulli", "gradient_accumulation": 3},
}


class KilledError(Exception):
    pass


class Killed(Reports):
    """A sink in which the process dies."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def report(self, report):
        super().report(report)
        if report.step >= self.after:
            raise KilledError
        return False


def train(config, sink, folder=None, seed=0):
    encoder = toy_encoder(dropout=0.2, seed=seed)
    summary = fine_tune(
        config,
        DATA,
        TOKENS,
        encoder,
        sink=sink,
        evaluate=lambda module: {"size": float(sum(p.detach().abs().sum() for p in module.parameters()))},
        dev_signals=lambda module, names: {
            name: float(parameter.detach().abs().mean())
            for name, parameter in zip(sorted(names), module.parameters(), strict=False)
        },
        checkpoints=folder,
    )
    return summary, encoder


@pytest.mark.parametrize("knobs", RUNS.values(), ids=RUNS.keys())
@pytest.mark.parametrize(("every", "killed"), [(1, 1), (2, 7), (4, 9), (6, 12)])
def test_an_interrupted_run_ends_like_one_that_never_stopped(tmp_path, knobs, every, killed):
    config = toy_config(report_every=3, evaluate_every=6, checkpoint_every=every, **knobs)
    whole = Reports()
    expected, encoder = train(config, whole)
    folder, first, second = Folder(tmp_path / "checkpoint"), Killed(killed), Reports()
    with pytest.raises(KilledError):
        train(config, first, folder)
    # Other weights at the start: everything must come from the checkpoint.
    summary, resumed = train(config, second, folder, seed=0 if not folder.exists("state.json") else 1)
    for (name, left), right in zip(encoder.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(left, right), name
    # The later line of a step counts.
    lines = {line["step"]: line for line in first.without_speed() + second.without_speed()}
    assert list(lines.values()) == whole.without_speed()
    told, wanted = dict(vars(summary)), dict(vars(expected))
    assert told.pop("seconds").keys() == wanted.pop("seconds").keys()
    assert told == wanted


@pytest.mark.parametrize(
    "ratio",
    [values for name, family in FAMILIES.items() if family.closed_loop for values in examples(name)],
    ids=lambda values: values["family"],
)
def test_every_controller_survives_an_interruption(tmp_path, ratio):
    config = toy_config(ratio=ratio, steps=20, report_every=3, checkpoint_every=5)
    expected, encoder = train(config, Reports())
    folder = Folder(tmp_path / "checkpoint")
    with pytest.raises(KilledError):
        train(config, Killed(12), folder)
    summary, resumed = train(config, Reports(), folder, seed=1)
    assert summary.ratios == expected.ratios
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), resumed.parameters(), strict=True))


KILLED_CHILD = """
import os, signal, shutil, sys
from pathlib import Path
import trainables.training.checkpoints
from tests.trainables.training.test_checkpoints import LINEAR, train
from tests.trainables.ratio.examples import examples
from tests.trainables.toy_run import Reports, toy_config
from trainables.storage import Folder

def killing(real, call, before):
    count = 0
    def wrapper(*arguments, **options):
        nonlocal count
        count += 1
        if count == call and before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **options)
        if count == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return wrapper

point, folder = sys.argv[1], Folder(sys.argv[2])
# A checkpoint saves two files, renames state.json and its folder, and removes what may be left of the old folder and of
# its own; later ones rename the old folder, too, before their own.
if point == "writing":
    trainables.training.checkpoints.save_file = killing(trainables.training.checkpoints.save_file, 3, before=False)
elif point == "between the renames":
    Path.replace = killing(Path.replace, 4, before=False)
else:
    shutil.rmtree = killing(shutil.rmtree, 3, before=True)
train(toy_config(ratio=LINEAR, checkpoint_every=2), Reports(), folder)
"""


@pytest.mark.slow
def test_a_run_killed_anywhere_in_a_checkpoint_goes_on_and_leaves_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    left = {
        "writing": {"checkpoint", "temporary"},
        "between the renames": {".checkpoint.old", "temporary"},
        "emptying the old one": {"checkpoint", ".checkpoint.old"},
    }
    children = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED_CHILD, point, str(tmp_path / point / "checkpoint")],
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        for point in left
    ]
    assert [child.wait(120) for child in children] == [-signal.SIGKILL] * 3
    config = toy_config(ratio=LINEAR, checkpoint_every=2)
    expected, encoder = train(config, Reports())
    for point, names in left.items():
        trial, folder = Folder(tmp_path / point), Folder(tmp_path / point / "checkpoint")
        assert {name if name in names else "temporary" for name in trial.names()} == names, point
        sink = Reports()
        summary, resumed = train(config, sink, folder, seed=1)
        # From the checkpoint of step 4 where that had taken over, else from that of step 2.
        assert sink.lines[0]["step"] == (8 if point == "emptying the old one" else 4)
        assert (summary.ratios, summary.dev) == (expected.ratios, expected.dev), point
        assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), resumed.parameters(), strict=True)), point
        assert trial.names() == ["checkpoint"], point
        folder.delete()
        assert trial.names() == [], point


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        (disk / "other").write_bytes(b"x" * (1000 << 10))
        with pytest.raises(OSError, match="No space left on device") as caught:
            saved(Folder(disk / "checkpoint"), 3)
        assert caught.value.errno == errno.ENOSPC
        assert [path.name for path in disk.iterdir()] == ["other"]


def test_the_cost_of_a_run_is_that_of_all_its_lives(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "checkpoint")
    train(toy_config(), Reports(), folder)
    stored = folder.read_json("state.json")
    assert stored["clock"]["seconds"]["train"] <= stored["clock"]["total"]
    assert stored["clock"]["cpu"] > 0
    folder.write_json("state.json", {**stored, "clock": {"seconds": {"train": 900.0}, "total": 1000.0, "cpu": 3000.0}})
    clock = Clock()
    fine_tune(toy_config(), DATA, TOKENS, toy_encoder(), sink=Reports(), checkpoints=folder, clock=clock)
    assert 1000 < clock.total < 1100
    assert 3000 < clock.cpu < 3100
    assert 900 < clock.seconds["train"] < 1000


def test_a_finished_run_is_only_told_again(tmp_path):
    folder = Folder(tmp_path / "checkpoint")
    summary, encoder = train(toy_config(), Reports(), folder)
    sink = Reports()
    again, loaded = train(toy_config(), sink, folder, seed=1)
    assert sink.lines == []
    assert (again.status, again.steps, again.dev, again.ratios) == (
        summary.status,
        summary.steps,
        summary.dev,
        summary.ratios,
    )
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), loaded.parameters(), strict=True))


def test_a_run_that_diverged_never_replaces_its_checkpoint(tmp_path):
    encoder, folder = toy_encoder(), Folder(tmp_path / "checkpoint")
    with torch.no_grad():
        encoder.transformer.embeddings.LayerNorm.weight[0] = torch.inf
    summary = fine_tune(
        toy_config(checkpoint_every=1, report_every=6), DATA, TOKENS, encoder, sink=Reports(), checkpoints=folder
    )
    assert (summary.status, summary.steps) == ("diverged", 1)
    assert not folder.exists()


def test_other_knobs_other_data_and_other_encoders_are_refused_with_a_remedy(tmp_path):
    folder = Folder(tmp_path / "checkpoint")
    train(toy_config(), Reports(), folder)
    with pytest.raises(UserError, match=r"another configuration .* delete the folder"):
        train(toy_config(seed=1), Reports(), folder)
    other = training_data({"toy": [DATA.item(i) for i in range(ITEMS - 1)]})
    with pytest.raises(UserError, match=r"other training data .* delete the folder"):
        fine_tune(toy_config(), other, TOKENS, toy_encoder(), sink=Reports(), checkpoints=folder)
    frozen = toy_encoder()
    frozen.transformer.embeddings.requires_grad_(False)
    with pytest.raises(UserError, match=r"another encoder .* delete the folder"):
        fine_tune(toy_config(), DATA, TOKENS, frozen, sink=Reports(), checkpoints=folder)


def saved(folder, step, seed=0):
    encoder = toy_encoder(seed=seed)
    parameters = trainable_parameters(encoder)
    optimiser = build_optimiser(parameters, toy_config().optimiser)
    for parameter in parameters.values():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    save_checkpoint(folder, encoder, optimiser, toy_config(), "data", {"step": step})
    return encoder


def test_files_of_different_checkpoints_count_as_none(tmp_path):
    """An upload to an object store may end between two files; training anew is right, mixing them is not."""
    old, new = Folder(tmp_path / "old"), Folder(tmp_path / "new")
    saved(old, 3)
    saved(new, 6)
    for name in ("model.safetensors", "optimiser.safetensors", "state.json"):
        mixed = Folder(tmp_path / f"mixed {name}")
        for file in new.names():
            mixed.write_bytes(file, (old if file == name else new).read_bytes(file))
        encoder = toy_encoder(seed=5)
        optimiser = build_optimiser(trainable_parameters(encoder), toy_config().optimiser)
        assert load_checkpoint(mixed, encoder, optimiser, toy_config(), "data") is None
        assert not optimiser.state
        fresh = toy_encoder(seed=5)
        assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), fresh.parameters(), strict=True))


def test_a_missing_file_counts_as_no_checkpoint(tmp_path):
    folder = Folder(tmp_path / "checkpoint")
    encoder = toy_encoder()
    optimiser = build_optimiser(trainable_parameters(encoder), toy_config().optimiser)
    assert load_checkpoint(folder, encoder, optimiser, toy_config(), "data") is None
    saved(folder, 3)
    (tmp_path / "checkpoint" / "optimiser.safetensors").unlink()
    assert load_checkpoint(folder, encoder, optimiser, toy_config(), "data") is None


def test_frozen_weights_are_left_out_and_files_are_safetensors_and_json(tmp_path):
    encoder, folder = toy_encoder(), Folder(tmp_path / "checkpoint")
    encoder.transformer.embeddings.requires_grad_(False)
    fine_tune(toy_config(), DATA, TOKENS, encoder, sink=Reports(), checkpoints=folder)
    assert folder.names() == ["model.safetensors", "optimiser.safetensors", "state.json"]
    for name in ("model.safetensors", "optimiser.safetensors"):
        content = folder.read_bytes(name)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        assert header["__metadata__"] == {"step": "12"}
        assert not any("embeddings" in tensor for tensor in header)
    state = folder.read_json("state.json")
    assert (state["step"], state["progress"]["step"], state["data"]) == (12, 12, DATA.fingerprint)


def test_a_checkpoint_of_another_format_is_refused(tmp_path):
    folder = Folder(tmp_path / "checkpoint")
    encoder = saved(folder, 3)
    folder.write_json("state.json", {**folder.read_json("state.json"), "format": 0})
    optimiser = build_optimiser(trainable_parameters(encoder), toy_config().optimiser)
    with pytest.raises(UserError, match="format 0, but this version reads 2"):
        load_checkpoint(folder, encoder, optimiser, toy_config(), "data")
