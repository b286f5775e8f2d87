"""A hub in miniature: the few requests that huggingface_hub makes of a repository, answered over HTTP."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1000
"""Bytes from which on a file is known by its sha256, as those in Git LFS are."""


@contextmanager
def hub_server(repositories: Mapping[str, Mapping[str, bytes]], *, gated: str = "", cut: str = "") -> Iterator[str]:
    """Serves repositories, by id and file name; yields the address for HF_ENDPOINT.

    `gated`: the repository whose files are refused. `cut`: the file of which half is sent.
    """

    class Hub(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if path.startswith(("/api/datasets/", "/api/models/")):
                self.info(path.removeprefix("/api/").partition("/")[2])
            else:
                self.file(path.removeprefix("/datasets").removeprefix("/"))

        def do_HEAD(self) -> None:
            self.do_GET()

        def info(self, path: str) -> None:
            path, _, tree = path.partition("/tree/")
            repository, _, revision = path.partition("/revision/")
            files = repositories.get(repository)
            if files is None:
                return self.answer(401, error="RepoNotFound")
            if revision not in ("", "main", COMMIT):
                return self.answer(404, error="RevisionNotFound")
            if tree:
                entries = [
                    {"type": "file", "path": name, "size": len(content), "oid": digest(content)}
                    for name, content in files.items()
                ]
                return self.answer(200, json.dumps(entries).encode())
            siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
            return self.answer(200, json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode())

        def file(self, path: str) -> None:
            repository, _, rest = path.partition("/resolve/")
            name = rest.partition("/")[2]
            content = repositories.get(repository, {}).get(name)
            if repository == gated:
                return self.answer(403, error="GatedRepo")
            if content is None:
                return self.answer(404, error="EntryNotFound")
            return self.answer(200, content, cut=name == cut)

        def answer(self, status: int, content: bytes = b"", *, error: str = "", cut: bool = False) -> None:
            self.send_response(status)
            if error:
                self.send_header("X-Error-Code", error)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{digest(content)}"')
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[: len(content) // 2] if cut else content)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def beside_a_hub(home: Path, endpoint: str, code: str, *arguments: str, offline: bool = False) -> list[str]:
    """The lines that a program prints, in a process of its own: huggingface_hub reads its environment once."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline)), "no_proxy": "*"}
    environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_ETAG_TIMEOUT": "5"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def digest(content: bytes) -> str:
    """What the hub knows a file by: sha256 if it is large, else Git's sha1."""
    if len(content) >= LARGE:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
