import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.disks import small_disk
from tests.trainables.ratio.examples import examples
from tests.trainables.toy_run import CHAOS, ITEMS, Reports, toy_config, toy_data, toy_encoder, toy_tokens
from trainables import storage
from trainables.clock import Clock
from trainables.corpora.pairs import training_data
from trainables.errors import UserError
from trainables.parallel.replicated import Replicated
from trainables.parallel.worker import Worker
from trainables.ratio.registry import FAMILIES
from trainables.sealed import checksum, plain_json
from trainables.storage import Folder
from trainables.training.checkpoints import load_checkpoint, save_checkpoint
from trainables.training.fine_tune import fine_tune
from trainables.training.optimiser import build_optimiser, trainable_parameters

ALONE = Replicated(toy_config().compute, Worker())
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


@pytest.mark.slow
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
    summary, resumed = train(config, second, folder, seed=1 if folder.names() else 0)
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
import os, signal, sys
from pathlib import Path
import trainables.storage
import trainables.parallel.replicated
from tests.trainables.training.test_checkpoints import LINEAR, train
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
# A checkpoint saves two files, renames state.json and then its own folder; the third one deletes the first.
if point == "writing":
    trainables.parallel.replicated.save_file = killing(trainables.parallel.replicated.save_file, 3, before=False)
elif point == "before the rename":
    Path.replace = killing(Path.replace, 4, before=True)
elif point == "after the rename":
    Path.replace = killing(Path.replace, 4, before=False)
else:
    Folder.delete = killing(Folder.delete, 1, before=True)
train(toy_config(ratio=LINEAR, checkpoint_every=2), Reports(), folder)
"""


@pytest.mark.slow
def test_a_run_killed_anywhere_in_a_checkpoint_goes_on_and_leaves_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    left = {
        "writing": (2, {"000000002", "temporary"}),
        "before the rename": (2, {"000000002", "temporary"}),
        "after the rename": (4, {"000000002", "000000004"}),
        "deleting an old one": (6, {"000000002", "000000004", "000000006"}),
    }
    children = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED_CHILD, point, str(tmp_path / point / "checkpoint")],
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        for point in left
    ]
    assert [child.wait(120) for child in children] == [-signal.SIGKILL] * len(left)
    config = toy_config(ratio=LINEAR, checkpoint_every=2, report_every=1)
    expected, encoder = train(config, Reports())
    for point, (step, names) in left.items():
        trial, folder = Folder(tmp_path / point), Folder(tmp_path / point / "checkpoint")
        assert {name if name.isdecimal() else "temporary" for name in folder.names()} == names, point
        sink = Reports()
        summary, resumed = train(toy_config(ratio=LINEAR, checkpoint_every=2), sink, folder, seed=1)
        assert min(line["step"] for line in sink.lines) > step, point
        assert (summary.ratios, summary.dev) == (expected.ratios, expected.dev), point
        assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), resumed.parameters(), strict=True)), point
        assert [name for name in folder.names() if name.isdecimal()] == ["000000010", "000000012"], point
        folder.delete()
        assert trial.names() == [], point


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        (disk / "other").write_bytes(b"x" * (1000 << 10))
        with pytest.raises(OSError, match="No space left on device") as caught:
            saved(Folder(disk / "checkpoint"), 3)
        assert caught.value.errno == errno.ENOSPC
        assert [path.name for path in disk.rglob("*") if path.is_file()] == ["other"]


def test_the_cost_of_a_run_is_that_of_all_its_lives(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "checkpoint")
    train(toy_config(), Reports(), folder)
    last = folder / folder.names()[-1]
    content = plain_json(last.read_bytes("state.json"))
    stored = content["state"]["clock"]
    assert stored["seconds"]["train"] <= stored["total"]
    assert stored["cpu"] > 0
    content["state"]["clock"] = {"seconds": {"train": 900.0}, "total": 1000.0, "cpu": 3000.0}
    write_again(last, content)
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


def saved(folder, step):
    encoder = toy_encoder(seed=step)
    parameters = trainable_parameters(encoder)
    optimiser = build_optimiser(parameters, toy_config().optimiser)
    for parameter in parameters.values():
        parameter.grad = torch.full_like(parameter, step)
    optimiser.step()
    save_checkpoint(folder, encoder, optimiser, toy_config(), "data", {"step": step}, ALONE)
    return encoder


def write_again(checkpoint, content):
    """Writes a changed state.json that is sealed as it should be."""
    values = {name: value for name, value in content.items() if name != "sha256"}
    checkpoint.write_json("state.json", {**values, "sha256": checksum(values)})


def loaded(folder):
    """The step that is gone on with, None for a start from the beginning; the encoder is as the step left it."""
    encoder = toy_encoder(seed=5)
    optimiser = build_optimiser(trainable_parameters(encoder), toy_config().optimiser)
    state = load_checkpoint(folder, encoder, optimiser, toy_config(), "data", ALONE)
    expected = (
        toy_encoder(seed=5) if state is None else saved(Folder(folder.local_path.parent / "again"), state["step"])
    )
    assert all(torch.equal(a, b) for a, b in zip(encoder.parameters(), expected.parameters(), strict=True))
    assert bool(optimiser.state) == (state is not None)
    return None if state is None else state["step"]


def test_the_last_two_are_kept(tmp_path):
    folder = Folder(tmp_path / "checkpoint")
    assert loaded(folder) is None
    for step in (3, 6, 9, 12):
        saved(folder, step)
        assert loaded(folder) == step
    assert folder.names() == ["000000009", "000000012"]


@pytest.mark.parametrize("name", ["model.safetensors", "optimiser.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["missing", "of another", "flipped bit", "half", "empty", "a socket"])
def test_what_is_damaged_is_set_aside_and_the_one_before_it_is_used(tmp_path, name, damage):
    folder = Folder(tmp_path / "checkpoint")
    saved(folder, 3)
    saved(folder, 6)
    for step, before in ((6, 3), (3, None)):
        path = tmp_path / "checkpoint" / f"{step:09d}" / name
        content = path.read_bytes()
        if damage == "missing":
            path.unlink()
        elif damage == "a socket":
            path.unlink()
            os.mknod(path, stat.S_IFSOCK | 0o600)
        elif damage == "of another":
            saved(Folder(tmp_path / "other"), 9)
            path.write_bytes((tmp_path / "other" / "000000009" / name).read_bytes())
        elif damage == "flipped bit":
            path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        else:
            path.write_bytes(content[: len(content) // 2] if damage == "half" else b"")
        assert loaded(folder) == before
        assert f"damaged-{step:09d}" in folder.names()


@pytest.fixture
def unreadable(monkeypatch):
    """Lets a file of the last checkpoint fail to open so many times from now on, as one on a shared disk does."""
    working = os.open

    def begin(times, code):
        left = [times]

        def fail(path, *arguments, **options):
            if left[0] and str(path).endswith("000000006/model.safetensors"):
                left[0] -= 1
                raise OSError(code, os.strerror(code), str(path))
            return working(path, *arguments, **options)

        monkeypatch.setattr(os, "open", fail)
        monkeypatch.setattr(storage.time, "sleep", lambda seconds: None)

    return begin


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EIO, errno.EMFILE])
def test_one_that_cannot_be_read_for_a_moment_is_no_damaged_one(tmp_path, unreadable, code):
    folder = Folder(tmp_path / "checkpoint")
    saved(folder, 3)
    saved(folder, 6)
    unreadable(2, code)
    assert loaded(folder) == 6
    assert folder.names() == ["000000003", "000000006"]


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EACCES])
def test_one_that_cannot_be_read_stays_and_nothing_goes_on_from_the_one_before_it(
    tmp_path, unreadable, monkeypatch, code
):
    folder = Folder(tmp_path / "checkpoint")
    saved(folder, 3)
    saved(folder, 6)
    monkeypatch.setattr(storage, "_DISK_PATIENCE_SECONDS", 0.0)
    unreadable(9, code)
    with pytest.raises(OSError, match=r"000000006/model\.safetensors"):
        loaded(folder)
    assert folder.names() == ["000000003", "000000006"]


def test_frozen_weights_are_left_out_and_files_are_safetensors_and_json(tmp_path):
    encoder, folder = toy_encoder(), Folder(tmp_path / "checkpoint")
    encoder.transformer.embeddings.requires_grad_(False)
    fine_tune(toy_config(), DATA, TOKENS, encoder, sink=Reports(), checkpoints=folder)
    last = folder / "000000012"
    assert last.names() == ["model.safetensors", "optimiser.safetensors", "state.json"]
    for name in ("model.safetensors", "optimiser.safetensors"):
        content = last.read_bytes(name)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        assert not any("embeddings" in tensor for tensor in header)
    content = last.read_json("state.json")
    assert (content["state"]["step"], content["state"]["progress"]["step"]) == (12, 12)
    assert (content["data"], content["config"]) == (DATA.fingerprint, toy_config().fingerprint)


def test_a_checkpoint_of_another_format_is_set_aside(tmp_path):
    folder = Folder(tmp_path / "checkpoint")
    saved(folder, 3)
    last = folder / "000000003"
    write_again(last, {**last.read_json("state.json"), "format": 2})
    assert loaded(folder) is None
    assert folder.names() == ["damaged-000000003"]
