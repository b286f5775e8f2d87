"""What is wrong with --log-to is said before anything starts."""

from pathlib import Path

import pytest

from study.listeners.kind import ListenerKind, folder_for_files
from study.listeners.registry import LISTENERS
from study.listeners.tensorboard import TensorBoard
from trainables.errors import UserError
from trainables.storage import Folder


def test_a_tool_that_is_not_installed_is_said_with_its_remedy() -> None:
    with pytest.raises(UserError, match="--log-to mine: the package no_such_package is not installed; get it by `pip"):
        ListenerKind("mine", "no_such_package", "", TensorBoard).check()
    LISTENERS.find("tensorboard").check()


def test_an_unknown_tool_is_said_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"Unknown tool for --log-to 'tensorbord': did you mean tensorboard"):
        LISTENERS.find("tensorbord")


def test_files_of_two_studies_of_one_name_lie_apart(tmp_path: Path) -> None:
    assert folder_for_files(Folder(tmp_path / "mine"), "1a2b") == tmp_path / "mine"
    assert folder_for_files(Folder("s3://bucket/mine"), "1a2b") == Path("mine-1a2b")
