"""The page in a real headless Chromium: no errors, sorting, filtering, light and dark, printing."""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from analysis.contents import build_report
from analysis.figures import report_figures
from analysis.page import page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]

# Runs after the page's own script; what it finds is read from the dumped page.
PROBE = """<script>
const found = { errors: window.probeErrors };
const table = document.getElementById("table-results");
const column = (index) => [...table.tBodies[0].rows].map((row) => Number(row.cells[index].dataset.sort));
const header = table.tHead.rows[table.tHead.rows.length - 1].cells[2];
header.querySelector("button").click();
found.ascending = column(2);
found.sortedUp = header.getAttribute("aria-sort");
header.querySelector("button").click();
found.descending = column(2);
found.said = document.getElementById("announce").textContent;
const box = document.querySelector('[data-name="comparisons"]');
const input = box.querySelector(".filter input");
const visible = () => [...box.querySelectorAll("tbody tr")].filter((row) => !row.hidden).length;
found.before = visible();
input.value = "better MULTILINGUAL";
input.dispatchEvent(new Event("input"));
found.after = visible();
found.matching = [...box.querySelectorAll("tbody tr")].filter((row) => !row.hidden)
  .every((row) => row.textContent.includes("better") && row.textContent.includes("multilingual"));
const paper = () => getComputedStyle(document.body).backgroundColor;
found.first = paper();
document.getElementById("scheme").click();
found.second = paper();
found.wider = document.documentElement.scrollWidth > document.documentElement.clientWidth;
const unnamed = [...document.querySelectorAll("button, input, a, [tabindex]")].filter(
  (e) => !(e.textContent.trim() || e.getAttribute("aria-label")));
found.unnamed = unnamed.length;
const heads = [...document.querySelectorAll("h1, h2, h3")].map((h) => Number(h.tagName[1]));
found.jumps = heads.filter((level, i) => i > 0 && level > heads[i - 1] + 1).length;
document.body.dataset.found = JSON.stringify(found);
</script></body>"""
AXE = os.environ.get("AXE_CORE")
"""axe.min.js of the npm package axe-core: docs/reading_the_report.md."""
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]

LISTEN = """<script>window.probeErrors = [];
addEventListener("error", (event) => window.probeErrors.push(event.message));</script></head>"""


@pytest.fixture(scope="module")
def text(finished_study: Path) -> str:
    report = build_report([str(finished_study)])
    return page(report, report_figures(report))


def chromium(folder: Path, *arguments: str) -> str:
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-sync", "--disable-gpu", "--no-sandbox"]
    command = [str(CHROMIUM), "--headless", *quiet, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_sorts_filters_and_changes_colours_without_an_error(text, tmp_path, width):
    file = tmp_path / "page.html"
    file.write_text(text.replace("</head>", LISTEN).replace("</body>", PROBE), encoding="utf-8")
    dumped = chromium(tmp_path, f"--window-size={width},900", "--dump-dom", file.as_uri())
    match = re.search(r'data-found="([^"]*)"', dumped)
    assert match, "the probe did not run to its end"
    found = json.loads(match.group(1).replace("&quot;", '"').replace("&amp;", "&"))
    assert found["errors"] == []
    assert found["ascending"] == sorted(found["ascending"])
    assert found["sortedUp"] == "ascending"
    assert found["descending"] == sorted(found["ascending"], reverse=True)
    assert "descending" in found["said"]
    assert 0 < found["after"] < found["before"]
    assert found["matching"]
    assert found["first"] != found["second"]
    assert not found["wider"], "the page scrolls sideways"
    assert found["unnamed"] == 0
    assert found["jumps"] == 0


def test_the_page_prints(text, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    chromium(tmp_path, f"--print-to-pdf={tmp_path / 'page.pdf'}", file.as_uri())
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.skipif(AXE is None, reason="AXE_CORE names no axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_core_finds_nothing(text, tmp_path, scheme):
    axe = Path(str(AXE)).read_text(encoding="utf-8").replace("</script", r"<\/script")
    check = f"""<script>{axe}</script><script>
    document.documentElement.dataset.scheme = "{scheme}";
    document.querySelectorAll("details").forEach((details) => {{ details.open = true; }});
    axe.run(document, {{ runOnly: {json.dumps(RULES)} }}).then((found) => {{
      const violations = found.violations.map((v) => `${{v.id}}: ${{v.nodes[0].html}}`);
      document.body.dataset.axe = JSON.stringify({{ violations, passes: found.passes.length }});
    }});
    </script></body>"""
    file = tmp_path / "page.html"
    file.write_text(text.replace("</body>", check), encoding="utf-8")
    dumped = chromium(tmp_path, "--window-size=1280,900", "--virtual-time-budget=60000", "--dump-dom", file.as_uri())
    match = re.search(r'data-axe="([^"]*)"', dumped)
    assert match, "axe did not run to its end"
    found = json.loads(html.unescape(match.group(1)))
    assert found["violations"] == []
    assert found["passes"] > 30
