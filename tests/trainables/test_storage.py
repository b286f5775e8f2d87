"""A folder on a disk or behind a URI: files are whole or not there, and both kinds behave alike."""

import errno
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.disks import small_disk
from trainables import storage
from trainables.errors import UserError
from trainables.storage import Folder

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["local", "remote"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """A folder that does not exist yet."""
    return Folder(tmp_path / "study" if request.param == "local" else f"fsspec+memory://{uuid.uuid4().hex}/study")


def test_what_is_written_is_read_back(folder: Folder) -> None:
    assert not folder.exists()
    assert folder.names() == []
    (folder / "trials" / "a").write_json("result.json", {"text": "ไทย", "value": 0.1})
    folder.write_bytes("empty", b"")
    assert (folder / "trials" / "a").read_json("result.json") == {"text": "ไทย", "value": 0.1}
    assert folder.read_bytes("empty") == b""
    assert folder.names() == ["empty", "trials"]
    assert folder.exists()
    assert folder.exists("empty")
    assert not folder.exists("full")


def test_writing_again_replaces(folder: Folder) -> None:
    folder.write_bytes("x", b"a long first version")
    folder.write_bytes("x", b"short")
    assert folder.read_bytes("x") == b"short"
    assert folder.names() == ["x"]


def test_a_missing_file_is_said(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        folder.read_bytes("none")
    with pytest.raises(FileNotFoundError):
        folder.read_json("none.json")
    assert folder.modified("none") == 0.0


def test_numbers_that_json_lacks_are_refused_and_leave_the_old_file(folder: Folder) -> None:
    folder.write_json("result.json", {"map": 0.5})
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError):
            folder.write_json("result.json", {"map": value})
    assert folder.read_json("result.json") == {"map": 0.5}


def test_deleting_removes_all_and_may_be_repeated(folder: Folder) -> None:
    (folder / "a" / "b").write_bytes("x", b"1")
    folder.delete()
    folder.delete()
    assert not folder.exists()


def test_a_folder_travels_as_its_location(folder: Folder) -> None:
    folder.write_bytes("x", b"1")
    other = pickle.loads(pickle.dumps(folder))  # noqa: S301 (Ray pickles what it sends)
    assert other.location == folder.location
    assert other.read_bytes("x") == b"1"
    assert folder.name == "study"
    assert (folder / "sub").name == "sub"


def test_an_uploaded_folder_can_be_downloaded(folder: Folder) -> None:
    checkpoint = folder / "checkpoint"
    with checkpoint.uploaded() as path:
        (path / "weights").write_bytes(b"\x00" * 1000)
        (path / "state.json").write_text("{}")
    with checkpoint.downloaded() as path:
        assert sorted(p.name for p in path.iterdir()) == ["state.json", "weights"]
        assert (path / "weights").read_bytes() == b"\x00" * 1000


def test_an_upload_that_fails_leaves_the_old_folder(folder: Folder) -> None:
    checkpoint = folder / "checkpoint"
    with checkpoint.uploaded() as path:
        (path / "weights").write_bytes(b"old")

    def fail() -> None:
        with checkpoint.uploaded() as path:
            (path / "weights").write_bytes(b"new")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    assert checkpoint.read_bytes("weights") == b"old"
    assert folder.names() == ["checkpoint"], "nothing is left lying about"


def test_a_local_upload_takes_the_place_of_the_old_folder_with_all_its_files(tmp_path: Path) -> None:
    checkpoint = Folder(tmp_path / "checkpoint")
    for names in (("a", "b"), ("b", "c")):
        with checkpoint.uploaded() as path:
            for name in names:
                (path / name).write_text(name)
    assert checkpoint.names() == ["b", "c"]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write_bytes("x", b"old")
    with pytest.raises(TypeError):
        folder.write_bytes("x", "text, no bytes")  # type: ignore[arg-type]
    assert folder.read_bytes("x") == b"old"
    assert folder.names() == ["x"]


def test_a_reader_never_sees_a_half_written_file(tmp_path: Path) -> None:
    """A process writes two versions in turn and is killed at a random moment; the file is always one of them."""
    size = 2_000_000
    writer = (
        "import itertools, sys\n"
        "from trainables.storage import Folder\n"
        f"for letter in itertools.cycle([b'a', b'b']): Folder(sys.argv[1]).write_bytes('x', letter * {size})\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(tmp_path)], env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        seen: set[bytes] = set()
        deadline = time.monotonic() + 60
        while len(seen) < 2 and time.monotonic() < deadline:
            if (tmp_path / "x").exists():
                content = (tmp_path / "x").read_bytes()
                assert content in (b"a" * size, b"b" * size)
                seen.add(content[:1])
        process.send_signal(signal.SIGKILL)
    assert seen == {b"a", b"b"}
    assert len(Folder(tmp_path).read_bytes("x")) == size


KILLED_UPLOADS = """
import os, shutil, signal, sys
from pathlib import Path
from trainables.errors import UserError
from trainables.storage import Folder

def upload(folder, version, steps):
    \"\"\"Uploads two files in a child process that is killed after so many steps; tells whether it was.\"\"\"
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0

    def step():
        nonlocal steps
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        steps -= 1

    replace, rmtree = Path.replace, shutil.rmtree

    def stepwise_replace(path, target):
        step()
        return replace(path, target)

    def stepwise_rmtree(path, **options):
        step()
        if Path(path).is_dir():
            for file in Path(path).iterdir():
                file.unlink()
                step()
        rmtree(path, **options)

    Path.replace, shutil.rmtree = stepwise_replace, stepwise_rmtree
    with folder.uploaded() as path:
        for name in ("a", "b"):
            step()
            (path / name).write_text(version)
    step()
    os._exit(0)

def stored(folder):
    if not folder.exists():
        return None
    return {name: folder.read_bytes(name).decode() for name in folder.names()}

root, number, killed = Path(sys.argv[1]), 0, True
first = -1
while killed:
    first, second, again = first + 1, -1, True
    while again:
        second, number = second + 1, number + 1
        parent = Folder(root / str(number))
        folder = parent / "checkpoint"
        whole = None
        for version, steps in (("1", -1), ("2", first), ("3", second)):
            ended = not upload(folder, version, steps)
            new = dict.fromkeys(("a", "b"), version)
            # The old folder, the new one, or neither: never a mixture of both, never a part of one.
            assert stored(folder) in ([new] if ended else [whole, None, new]), (first, second, version)
            whole = stored(folder)
            if version == "2":
                killed = not ended
        again = not ended
        if number % 2:
            assert not upload(folder, "4", -1)
            assert parent.names() == ["checkpoint"], (first, second, parent.names())
        else:
            folder.delete()
            assert parent.names() == [], (first, second, parent.names())
print(number)
"""


@pytest.mark.slow
def test_an_upload_that_is_killed_at_any_step_mixes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    """Two uploads in a row are killed after every possible number of steps; then a third one, or the end."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_UPLOADS, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


def test_an_old_folder_that_cannot_be_removed_does_not_stand_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "rmtree", lambda path, ignore_errors: None)
    checkpoint = Folder(tmp_path / "checkpoint")
    for version in (b"1", b"2", b"3", b"4"):
        with checkpoint.uploaded() as path:
            (path / "weights").write_bytes(version)
        assert checkpoint.read_bytes("weights") == version


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    kept = [".checkpoint.old", ".lock", f"{'0' * 32}", "checkpoint", "result.json"]
    for name in (*kept, f".result.json.{uuid.uuid4().hex}"):
        (tmp_path / name).write_text("x")
    (folder / f".encoder.{uuid.uuid4().hex}").write_bytes("weights", b"x")
    folder.sweep()
    assert folder.names() == sorted(kept)
    (folder / "nowhere").sweep()


@pytest.mark.parametrize("name", ["local", "remote"])
def test_an_error_of_the_system_is_an_oserror_whatever_library_met_it(tmp_path: Path, name: str) -> None:
    folder = Folder(tmp_path / "x" if name == "local" else f"fsspec+memory://{uuid.uuid4().hex}/x")

    def fail(error: Exception) -> None:
        with folder.uploaded():
            raise error

    with pytest.raises(OSError, match="No space left") as caught:
        fail(RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"))
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(RuntimeError, match="something else"):
        fail(RuntimeError("something else"))
    assert not folder.exists()


def test_the_time_of_the_last_change_is_known_on_a_disk(tmp_path: Path) -> None:
    Folder(tmp_path).write_bytes("x", b"1")
    assert Folder(tmp_path).modified("x") == pytest.approx((tmp_path / "x").stat().st_mtime, abs=0.01)


def test_a_relative_or_home_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Folder("studies").local_path == tmp_path / "studies"
    assert Folder("~/studies").local_path == tmp_path / "home" / "studies"


def test_a_remote_folder_has_no_local_path() -> None:
    folder = Folder("s3://bucket/studies/")
    assert not folder.is_local
    assert (folder / "a").location == "s3://bucket/studies/a"
    assert folder.name == "studies"
    with pytest.raises(ValueError, match="s3://bucket/studies/ is not on a local disk"):
        _ = folder.local_path


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret", ".."])
def test_a_name_that_leads_out_of_the_folder_is_nothing_of_it(folder: Folder, name: str) -> None:
    folder.write_bytes("x", b"1")
    for use in (folder.read_bytes, folder.checksum, folder.exists, lambda name: folder.write_bytes(name, b"1")):
        with pytest.raises(OSError, match="leads out of its folder"):
            use(name)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, OSError], list[float]]:
    """Lets the storage in memory fail so many times from now on; the list it returns will hold the pauses."""
    working = MemoryFileSystem.info

    def begin(times: int, error: OSError) -> list[float]:
        left, pauses = [times], []

        def info(self: MemoryFileSystem, path: str, **options: object) -> object:
            if left[0]:
                left[0] -= 1
                raise error
            return working(self, path, **options)

        monkeypatch.setattr(MemoryFileSystem, "info", info)
        monkeypatch.setattr(storage.time, "sleep", pauses.append)
        return pauses

    return begin


GONE = ConnectionError("AWS Error NETWORK_CONNECTION: Couldn't connect to server")


def test_remote_storage_that_does_not_answer_for_a_while_is_waited_for(
    outage: Callable[[int, OSError], list[float]],
) -> None:
    folder = Folder(f"fsspec+memory://{uuid.uuid4().hex}/study")
    folder.write_bytes("x", b"1")
    pauses = outage(6, GONE)
    assert folder.exists("x")
    assert pauses == [1, 2, 4, 8, 10, 10]


def test_what_never_answered_and_what_may_not_be_read_is_said_at_once(
    outage: Callable[[int, OSError], list[float]],
) -> None:
    folder = Folder(f"fsspec+memory://{uuid.uuid4().hex}/study")
    for error, said in ((GONE, "NETWORK_CONNECTION"), (PermissionError("ACCESS_DENIED"), "ACCESS_DENIED")):
        pauses = outage(1, error)
        with pytest.raises(OSError, match=said):
            folder.exists("x")
        assert pauses == []
        folder.write_bytes("x", b"1")


def test_patience_ends(outage: Callable[[int, OSError], list[float]], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(f"fsspec+memory://{uuid.uuid4().hex}/study")
    folder.write_bytes("x", b"1")
    monkeypatch.setattr(storage, "PATIENCE_SECONDS", 0.0)
    outage(1, GONE)
    with pytest.raises(OSError, match="NETWORK_CONNECTION"):
        folder.exists("x")


def test_a_disk_that_cannot_be_read_for_a_moment_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Truly: this process has no file descriptor left until it pauses."""
    folder = Folder(tmp_path)
    folder.write_bytes("x", b"1")
    pauses: list[float] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    monkeypatch.setattr(storage.time, "sleep", pause)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        assert folder.read_bytes("x") == b"1"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert pauses == [1]


def test_an_error_names_the_file_whether_it_was_opened_read_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_DISK_PATIENCE_SECONDS", 0.0)
    # A plain file that can be opened, and not be read from its beginning: there is no memory.
    process = Folder("/proc/self")
    for read in (process.read_bytes, process.checksum):
        with pytest.raises(OSError, match="Input/output error: '/proc/self/mem'") as caught:
            read("mem")
        assert pickle.loads(pickle.dumps(caught.value)).filename == "/proc/self/mem"  # noqa: S301
    with small_disk(tmp_path / "disk", "1m") as disk:
        folder = Folder(disk)
        folder.write_bytes("lines", b"")
        for write in (folder.write_bytes, folder.append_bytes):
            with pytest.raises(OSError, match=f"No space left on device: '{disk}/lines'"):
                write("lines", b"x" * (2 << 20))


def test_an_error_of_remote_storage_gets_the_name_and_the_number_that_libraries_leave_out(
    outage: Callable[[int, OSError], list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PATIENCE_SECONDS", 0.0)
    folder = Folder(f"fsspec+memory://{uuid.uuid4().hex}/study")
    folder.write_bytes("x", b"1")
    for error, code in (
        (PermissionError("ACCESS_DENIED"), errno.EIO),
        (OSError("connection timed out"), errno.ETIMEDOUT),
        (OSError(errno.EACCES, "denied"), errno.EACCES),
    ):
        said = str(error.args[-1])
        outage(1, error)
        with pytest.raises(type(error), match=said) as caught:
            folder.exists("x")
        again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
        assert (again.errno, again.filename) == (code, folder.location)
        assert said in again.strerror
    with pytest.raises(FileNotFoundError) as missing:
        folder.read_bytes("none")
    assert missing.value.errno != errno.EIO


@pytest.mark.parametrize("options", ["", "?region=eu-west-1"])
@pytest.mark.parametrize("base", ["/studies/s/trials/one", "s3://bucket/s/trials/one"])
def test_what_a_folder_withholds_lies_in_it_and_may_be_whole(base: str, options: str) -> None:
    folder = Folder(base + options)

    def withheld(code: int, place: str | None) -> bool:
        return folder.withholds(OSError(code, os.strerror(code), place))

    inside = (folder / "checkpoint" / "000000006").location
    for code in (errno.EACCES, errno.ENOTCONN, errno.EREMOTEIO, errno.EUCLEAN, errno.EBADMSG, errno.EHOSTDOWN):
        assert withheld(code, inside)
        assert withheld(code, folder.location)
        assert not withheld(code, folder.beside("one-more").location)
        assert not withheld(code, "/etc/passwd")
        assert not withheld(code, None)
    for code in (errno.ENOENT, errno.EISDIR, errno.ENXIO):
        assert not withheld(code, inside)


def test_a_disk_that_may_not_be_read_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(storage.time, "sleep", pauses.append)
    (tmp_path / "x").symlink_to("y")
    with pytest.raises(OSError, match="is a link"):
        Folder(tmp_path).read_bytes("x")
    assert pauses == []


@pytest.mark.parametrize("name", ["..", "../x", "a/../../x", "/etc", "", "."])
def test_no_folder_inside_or_beside_lies_outside(folder: Folder, name: str) -> None:
    with pytest.raises(OSError, match="folder"):
        _ = folder / name
    with pytest.raises(OSError, match="folder"):
        folder.beside(name)


def test_what_lies_beside_is_one_folder_and_reached_by_no_link(tmp_path: Path) -> None:
    study, elsewhere = Folder(tmp_path / "study"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "study" / "trials").mkdir(parents=True)
    for place in (tmp_path / "linked", tmp_path / "study" / "trials" / "linked"):
        place.symlink_to(elsewhere)
    for one in (study, study / "trials" / "a"):
        with pytest.raises(OSError, match="not the name of one folder"):
            one.beside("a/b")
        with pytest.raises(OSError, match="is a link"):
            one.beside("linked").write_bytes("x", b"")
        one.beside("b").write_bytes("x", b"1")
        assert pickle.loads(pickle.dumps(one.beside("b"))).read_bytes("x") == b"1"  # noqa: S301
    assert list(elsewhere.iterdir()) == []


def test_the_home_of_nobody_is_a_mistake_of_the_users() -> None:
    with pytest.raises(UserError, match=r"^~nobody-here/x begins with the home folder of a user, .*: correct the name"):
        Folder("~nobody-here/x")
