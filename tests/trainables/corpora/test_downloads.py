import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from trainables.corpora.downloads import fetched
from trainables.errors import UserError

CONTENT = b"a public file"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    requests = 0

    def do_GET(self) -> None:
        type(self).requests += 1
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:4] if self.path == "/broken-off" else CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    Server.requests = 0
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_file_is_fetched_once(server: str, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "file"
    for _ in range(2):
        assert fetched(f"{server}/file", target, DIGEST, "do this").read_bytes() == CONTENT
    assert Server.requests == 1
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_damaged_cached_file_is_fetched_again(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT[:-1])
    assert fetched(f"{server}/file", tmp_path / "file", DIGEST, "do this").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "digest", "reason"),
    [
        ("missing", DIGEST, "Not Found"),
        ("file", "0" * 64, "another file"),
        ("broken-off", DIGEST, "could not be fetched"),
    ],
)
def test_nothing_is_kept_of_a_failed_fetch_and_the_remedy_is_told(
    server: str, tmp_path: Path, path: str, digest: str, reason: str
) -> None:
    with pytest.raises(UserError, match=f"{path} .*{reason}.*: do this\\.$"):
        fetched(f"{server}/{path}", tmp_path / "file", digest, "do this")
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_told(server: str, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(UserError, match="could not be written"):
        fetched(f"{server}/file", tmp_path / "cache" / "file", DIGEST, "do this")
