"""Nothing that somebody prepared is followed, waited for or overwritten."""

import os
from pathlib import Path

import pytest

from trainables.plain_files import check_no_link, create, first_link, open_to_append, open_to_read
from trainables.storage import Folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("mine")
    return file


def test_a_plain_file_is_read_created_and_appended_to(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with create(file) as stream:
        stream.write(b"one ")
    with open_to_append(file) as stream:
        stream.write(b"two")
    with open_to_read(file) as stream:
        assert stream.read() == b"one two"


def test_links_are_neither_read_nor_written_through(tmp_path: Path, secret: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(secret)
    for opening in (open_to_read, open_to_append, create):
        with pytest.raises(OSError, match=r"symbolic links|File exists"):
            opening(link)
    assert secret.read_text() == "mine"


def test_pipes_folders_and_devices_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="no plain file"):
        open_to_read(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"no plain file|Is a directory"):
        open_to_read(tmp_path / "folder")
    with pytest.raises(OSError, match="no plain file"):
        open_to_read(Path("/dev/zero"))


def test_what_exists_is_not_created_again(secret: Path) -> None:
    with pytest.raises(FileExistsError):
        create(secret)
    assert secret.read_text() == "mine"


def test_a_link_on_the_way_is_found_wherever_it_is(tmp_path: Path, secret: Path) -> None:
    inside = tmp_path / "study" / "trials"
    inside.mkdir(parents=True)
    assert first_link(tmp_path / "study") is None
    check_no_link(tmp_path / "study", inside / "any" / "file")
    (inside / "one").symlink_to(tmp_path, target_is_directory=True)
    assert first_link(tmp_path / "study") == inside / "one"
    with pytest.raises(OSError, match="is a link, which is not followed"):
        check_no_link(tmp_path / "study", inside / "one" / "secret")


def test_a_folder_follows_no_link_inside_itself_but_may_be_reached_by_one(tmp_path: Path, secret: Path) -> None:
    real, named = tmp_path / "real", tmp_path / "named"
    (real / "trials").mkdir(parents=True)
    (real / "note.json").write_text("1")
    named.symlink_to(real, target_is_directory=True)
    study = Folder(named)
    assert study.read_bytes("note.json") == b"1"
    (real / "trials" / "t").symlink_to(tmp_path, target_is_directory=True)
    (real / "planted.json").symlink_to(secret)
    for folder, name in ((study, "planted.json"), (study / "trials" / "t", "secret")):
        with pytest.raises(OSError, match="is a link"):
            folder.read_bytes(name)
        with pytest.raises(OSError, match="is a link"):
            folder.checksum(name)
        with pytest.raises(OSError, match="is a link"):
            folder.append_bytes(name, b"x")
    with pytest.raises(OSError, match="is a link"):
        (study / "trials" / "t").write_bytes("secret", b"theirs")
    assert secret.read_text() == "mine"


def test_a_planted_link_in_the_place_of_a_file_is_refused(tmp_path: Path, secret: Path) -> None:
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "report.md"
    target.symlink_to(secret)
    with pytest.raises(OSError, match="is a link"):
        Folder(tmp_path / "out").write_bytes("report.md", b"theirs")
    assert secret.read_text() == "mine"
