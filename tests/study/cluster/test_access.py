"""What is said of a dashboard is what its Ray does: it asks for a token, or whoever reaches it is warned about."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from study.cluster.access import Dashboard, asks_for_token

Serve = Callable[[bytes], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves an answer to whatever is asked; returns the address."""
    servers = []

    def begin(answer: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer if self.path == "/api/authentication_mode" else b"?")

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def mode(name: str) -> bytes:
    return json.dumps({"authentication_mode": name}).encode()


def test_where_a_token_is_asked_for_it_is_said_where_it_is(serve: Serve, tmp_path: Path) -> None:
    address = serve(mode("token"))
    assert Dashboard(address, tmp_path / "t").lines() == [
        f"dashboard: {address} (it asks for a token: cat {tmp_path / 't'})"
    ]
    (line,) = Dashboard(address, None, "auto").lines()
    assert line.endswith("(it asks for a token: ray get-auth-token)")


def test_a_cluster_that_asks_for_none_is_warned_about(serve: Serve, tmp_path: Path) -> None:
    address = serve(mode("disabled"))
    line, warning = Dashboard(address, None, "10.0.0.1:6379").lines()
    assert line == f"dashboard: {address}"
    assert warning.startswith("warning: the cluster at --address 10.0.0.1:6379 asks for no token: whoever reaches")
    _, warning = Dashboard(address, tmp_path / "t").lines()
    assert "every user of this machine" in warning


@pytest.mark.parametrize("answer", [b"", b"{", b"[]", b'{"other": 1}', b"\xff"])
def test_a_dashboard_that_does_not_say_is_neither(serve: Serve, answer: bytes) -> None:
    address = serve(answer)
    assert asks_for_token(address) is None
    assert Dashboard(address, None, "auto").lines() == [f"dashboard: {address}"]


def test_no_dashboard_is_no_error() -> None:
    assert asks_for_token("http://127.0.0.1:9") is None
