"""What the README and the documentation name is there: files, flags, links, files of options."""

import re
from contextlib import redirect_stdout, suppress
from functools import cache
from io import StringIO
from pathlib import Path

import pytest

from analysis.compare import main as compare
from analysis.report import main as report
from study.bundle import main as bundle
from study.export import main as export
from study.read_settings import settings_from
from study.run import main as study_run
from study.status import main as status
from tests.docs.pages import DOCS, code_blocks

ROOT = DOCS.parent
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md")])
FOLDERS = "study|search_spaces|trainables|analysis|tests|docs|benchmarks|deploy"
COMMANDS = re.compile(r"python -m (?:study\.(?:run|bundle|export|status)|analysis\.(?:report|compare))[^`\n]*")

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


@by_page
def test_files_exist(page: Path) -> None:
    for path in re.findall(rf"(?<![\w./])(?:{FOLDERS})/[\w./-]*\w", text_of(page)):
        assert (ROOT / path).exists(), path


@by_page
def test_links_lead_somewhere(page: Path) -> None:
    for link, heading in re.findall(r"\]\(([\w./]+\.md)?(?:#([\w-]+))?\)", text_of(page)):
        target = page.parent / link if link else page
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE)
            assert heading in {re.sub(r"[^\w-]", "", one.lower().replace(" ", "-")) for one in headings}, heading


@by_page
def test_flags_exist(page: Path) -> None:
    text = text_of(page).replace("\\\n", "")
    spans = [span for span in re.findall(r"`(--[^`\n]+)`", text) if not span.startswith("--extra-index-url")]
    for flag in re.findall(r"(?<!\S)--[a-z][a-z-]+", "\n".join([*spans, *COMMANDS.findall(text)])):
        assert flag in known_flags(), flag


@pytest.mark.parametrize(
    ("page", "title"), [(page, b.title) for page in PAGES for b in code_blocks(str(page)) if b.language == "yaml"]
)
def test_files_of_options_are_read(page: Path, title: str, tmp_path: Path) -> None:
    (content,) = [block.code for block in code_blocks(str(page)) if block.title == title]
    file = tmp_path / title
    file.write_text(content, "utf-8")
    assert settings_from(file, {}) != settings_from(None, {})


def test_the_tree_of_the_design_page_is_the_tree() -> None:
    (tree,) = re.findall(r"^```\n(study/ .+?)^```", text_of(DOCS / "design.md"), re.MULTILINE | re.DOTALL)
    top = folder = ROOT
    for line in tree.splitlines():
        if not line.startswith(" "):
            top = folder = ROOT / line.split()[0]
        elif re.match(r"  \w+/ ", line):
            folder = top / line.split()[0]
        elif re.match(r"  \w+\.py ", line):
            folder = top
        assert folder.is_dir(), line
        for name in re.findall(r"(?<![\w/])(\w+\.py)\b", line):
            assert (folder / name).is_file(), f"{folder.name}/{name}"
        for name in re.findall(r"(?<![\w/.])(\w+)/", line)[1:] if folder != top else []:
            assert (folder / name).is_dir(), f"{folder.name}/{name}"


@cache
def known_flags() -> frozenset[str]:
    """Those of the command lines and of the benchmarks."""
    printed = StringIO()
    for main in (study_run, bundle, export, status, report, compare):
        with redirect_stdout(printed), suppress(SystemExit):
            main(["--help"])
    benchmarks = (text_of(file) for file in (ROOT / "benchmarks").glob("*.py"))
    return frozenset(re.findall(r"--[a-z][a-z-]+", "\n".join([printed.getvalue(), *benchmarks])))
