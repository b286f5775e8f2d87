"""Repositories of models, fetched from a hub in miniature by processes with settings of their own."""

from pathlib import Path

from tests.trainables.corpora.hub_server import COMMIT, beside_a_hub, hub_server
from trainables.encoders.hub_copy import commit_of

ASK = """
import sys
from pathlib import Path
from trainables.encoders.hub_copy import commit_of, is_cached, local_copy
from trainables.errors import UserError
try:
    folder = local_copy(sys.argv[1], None, weights=sys.argv[2] == "weights")
    print(commit_of(folder))
    print(*sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))
    print(is_cached(sys.argv[1], None))
except UserError as error:
    print(error)
"""
FILES = {
    "config.json": b"{}",
    "modules.json": b"[]",
    "2_Dense/config.json": b"{}",
    "2_Dense/model.safetensors": b"small",
    "model.safetensors": b"large",
    "onnx/model.safetensors": b"of another library",
}


def test_small_layers_come_with_the_settings_and_weights_when_they_are_wanted(tmp_path: Path) -> None:
    settings = "2_Dense/config.json 2_Dense/model.safetensors config.json"
    with hub_server({"org/model": FILES}) as address:
        read = beside_a_hub(tmp_path, address, ASK, "org/model", "settings")
        assert read == [COMMIT, f"{settings} modules.json", "False"]
        loaded = beside_a_hub(tmp_path, address, ASK, "org/model", "weights")
        assert loaded == [COMMIT, f"{settings} model.safetensors modules.json", "True"]


def test_weights_that_are_pickles_are_said_to_be_so_and_not_to_be_missing(tmp_path: Path) -> None:
    old = {"config.json": b"{}", "pytorch_model.bin": b"a pickle"}
    with hub_server({"org/old": old}) as address:
        assert len(beside_a_hub(tmp_path, address, ASK, "org/old", "settings")) == 3
        (said,) = beside_a_hub(tmp_path, address, ASK, "org/old", "weights")
    assert said.startswith("The weights of the encoder 'org/old' are a pickle (pytorch_model.bin), which may run any")
    # Without a connection nobody knows, and what loads them says that they are missing.
    assert len(beside_a_hub(tmp_path, address, ASK, "org/old", "weights", offline=True)) == 3


def test_only_a_folder_in_the_cache_of_the_hub_is_a_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path / "snapshots" / COMMIT) == COMMIT
    assert commit_of(tmp_path / COMMIT) is None
    assert commit_of(tmp_path / "snapshots" / "main") is None
