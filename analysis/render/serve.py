"""The page on this machine, made anew whenever the studies have moved on."""

import html
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from analysis.contents import build_report
from analysis.render.page import page
from study.study_folder import open_study
from trainables.errors import UserError
from trainables.inert import inert

ADDRESS = "127.0.0.1"
LAST_PORT = 65_535

WATCH = """<script>
(() => {
  let seen = null;
  const look = async () => {
    try {
      const now = await (await fetch("version")).text();
      if (seen !== null && now !== seen) location.reload();
      seen = now;
    } catch { /* the server has gone: keep the page as it is */ }
  };
  look();
  setInterval(look, 5000);
})();
</script>
"""


PROBLEM = "<!doctype html><html lang=en><meta charset=utf-8><title>No report</title><body><p>{}</p>{}</body></html>"
"""What is shown instead of a report that cannot be made now; it looks again by itself."""


class LivePage:
    """The page of some studies, kept until their status changes."""

    def __init__(self, locations: Sequence[str], margin: float, watts: float | None = None) -> None:
        self._locations, self._margin, self._watts = tuple(locations), margin, watts
        self._lock = Lock()
        self._made_from: str | None = None
        self._content = b""

    def version(self) -> str:
        """Changes whenever a study says that something has happened."""
        folders = [open_study(location).folder for location in self._locations]
        return " ".join(f"{folder.modified('status.json')}/{folder.modified('arms.json')}" for folder in folders)

    def content(self) -> bytes:
        """The page as it should be now."""
        with self._lock:
            version = self.version()
            if version != self._made_from:
                report = build_report(self._locations, self._margin, self._watts)
                # The last one: Vega's script holds such a tag as well.
                head, tag, tail = page(report).rpartition("</body>")
                self._content = f"{head}{WATCH}{tag}{tail}".encode()
                self._made_from = version
            return self._content


def make_server(locations: Sequence[str], margin: float, port: int, watts: float | None = None) -> ThreadingHTTPServer:
    """A server of the page on this machine only (port 0: any free one); raises UserError if the port cannot be had."""
    if not 0 <= port <= LAST_PORT:
        raise UserError(f"--serve is {port}, but a port lies between 0 (any free one) and {LAST_PORT}.")
    live = LivePage(locations, margin, watts)
    live.version()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # A page from elsewhere may have its own name lead here: its reader would read the study.
            if self.headers.get("Host", "").rpartition(":")[0] not in (ADDRESS, "localhost"):
                self.send_error(HTTPStatus.FORBIDDEN, "This page is for this machine only.")
                return
            try:
                if self.path == "/":
                    self._answer(live.content(), "text/html; charset=utf-8")
                elif self.path == "/version":
                    self._answer(live.version().encode(), "text/plain; charset=utf-8")
                else:
                    self.send_error(HTTPStatus.NOT_FOUND)
            except (UserError, OSError) as error:
                page = PROBLEM.format(html.escape(inert(str(error))), WATCH)
                self._answer(page.encode(), "text/html; charset=utf-8", HTTPStatus.SERVICE_UNAVAILABLE)

        def _answer(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Stays quiet: the terminal is for the address."""

    try:
        return ThreadingHTTPServer((ADDRESS, port), Handler)
    except OSError as error:
        raise UserError(
            f"Port {port} cannot be used ({error.strerror}): name another one, as in --serve 8765."
        ) from error


def serve(locations: Sequence[str], margin: float, port: int, watts: float | None = None) -> int:
    """Shows the page until the user stops it; returns the exit status."""
    with make_server(locations, margin, port, watts) as server:
        print(f"http://{ADDRESS}:{server.server_address[1]} (stop with Ctrl-C)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
