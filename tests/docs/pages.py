"""Fenced blocks of the pages in docs/, so that tests follow a page to the letter."""

import re
from pathlib import Path

_DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The contents of a page's fenced blocks of one language, in their order; `page` is such as `design.md`."""
    text = (_DOCS / page).read_text(encoding="utf-8")
    found: list[str] = re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return found
