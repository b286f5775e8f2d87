"""The fenced code blocks of a page of the documentation, and a folder outside the tree where a test follows them."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


@dataclass(frozen=True)
class Block:
    language: str
    title: str | None
    """Name of the file that the block stands for, from ```python title="name.py"."""
    code: str


def code_blocks(page: str) -> list[Block]:
    """The fenced blocks of docs/<page> in order."""
    found = re.findall(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', (DOCS / page).read_text("utf-8"), re.M | re.S)
    return [Block(language, title or None, code) for language, title, code in found]


def blocks(page: str, language: str) -> list[str]:
    """The code of the blocks in one language, in order."""
    return [block.code for block in code_blocks(page) if block.language == language]


def files(page: str) -> dict[str, str]:
    """The files that a page tells to write, by name."""
    return {block.title: block.code for block in code_blocks(page) if block.title}


def commands(page: str) -> list[str]:
    """The commands that a page tells to type, in order; a line that ends in a backslash goes on."""
    lines = "".join(blocks(page, "shell")).replace("\\\n", "").splitlines()
    return [" ".join(line.split()) for line in lines]


@dataclass(frozen=True)
class Lab:
    """A folder outside the tree with the files of a page, in which its commands are typed."""

    page: str
    folder: Path

    def __post_init__(self) -> None:
        for name, content in files(self.page).items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(content, "utf-8")

    def command(self, word: str) -> str:
        """The command of the page that holds this word."""
        (found,) = [command for command in commands(self.page) if word in command]
        return found

    def run(self, command: str) -> str:
        """What a command prints, its lines joined as a wide terminal would; it must succeed."""
        done = self._done(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, code: str) -> str:
        """What a program prints; it must succeed."""
        done = self._process([sys.executable, "-c", code])
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, command: str) -> str:
        """The one sentence with which a command refuses."""
        done = self._done(command)
        assert done.returncode == 2, done.stdout + done.stderr
        (sentence,) = done.stderr.splitlines()
        return sentence

    def report(self, study: str) -> str:
        """The report that was written last, as Markdown."""
        return (self.folder / study / "report" / "report.md").read_text("utf-8")

    def _done(self, command: str) -> "subprocess.CompletedProcess[str]":
        return self._process(["bash", "-ec", command])

    def _process(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        # The project is on the path as if it were installed; the folder is found because the process starts in it.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PYTHONPATH": str(DOCS.parent), "PATH": path, "COLUMNS": "200"}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=500
        )
