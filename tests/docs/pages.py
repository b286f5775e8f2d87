"""The fenced code blocks of a page of the documentation, for the tests that follow the page to the letter."""

import re
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
