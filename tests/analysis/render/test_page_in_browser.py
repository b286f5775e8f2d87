"""The page in a real headless Chromium: no errors, sorting, filtering, figures, light and dark, printing."""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from analysis.contents import Report, build_report
from analysis.render.page import page
from analysis.render.style import values

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]

# Runs after the page's own script; what it finds is read from the dumped page.
PROBE = """<script type="module">
const found = { errors: window.probeErrors };
const table = document.getElementById("table-results");
const column = (index) => [...table.tBodies[0].rows].map((row) => Number(row.cells[index].dataset.sort));
const header = table.tHead.rows[table.tHead.rows.length - 1].cells[2];
header.querySelector("button").click();
found.ascending = column(2);
found.objective = table.tBodies[0].rows[0].cells[1].getBoundingClientRect().right <= innerWidth;
found.pictures = document.querySelectorAll("#answer figure.drawing").length;
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
FIGURES = """<script type="module">
const found = { errors: window.probeErrors };
const settled = () => new Promise((done) => setTimeout(done, 60));
const drawn = () => [...document.querySelectorAll("figure.drawing")].every((one) => one.querySelector(".chart svg"));
while (!drawn()) await settled();
const figure = (name) => document.getElementById(`figure-${name}`);
const tip = () => document.querySelector("#vg-tooltip-element.visible");
const said = () => tip() && Object.fromEntries([...tip().querySelectorAll("tr")].map(
  (row) => [row.cells[0].textContent, row.cells[1].textContent]));
const symbols = (name) => [...figure(name).querySelectorAll(".mark-symbol.role-mark path")];
const fire = (element, ...kinds) => {
  element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const box = element.getBoundingClientRect();
  const at = { clientX: (box.left + box.right) / 2, clientY: (box.top + box.bottom) / 2, bubbles: true, view: window };
  const event = (kind) => new (kind.startsWith("pointer") ? PointerEvent : MouseEvent)(kind, at);
  for (const kind of kinds) element.dispatchEvent(event(kind));
};
const strength = (one) => Number(one.getAttribute("opacity") ?? 1);
const faint = (name) => symbols(name).filter((one) => strength(one) < .5).length;

const points = symbols("trade_off_atlas");
found.points = points.length;
found.before = [said(), faint("trade_off_atlas")];
found.tips = [];
for (const point of points) {
  fire(point, "pointerover", "mouseover", "pointermove", "mousemove");
  await settled();
  found.tips.push(said());
}
const box = tip().getBoundingClientRect();
found.inside = box.left >= 0 && box.right <= innerWidth + 1 && box.top >= 0 && box.bottom <= innerHeight + 1;
found.paper = [getComputedStyle(tip()).backgroundColor, getComputedStyle(tip()).color];
fire(points[0], "pointerdown", "mousedown", "pointerup", "mouseup", "click");
await settled();
found.chosen = faint("trade_off_atlas");
fire(points[0], "dblclick");
await settled();
found.released = faint("trade_off_atlas");
const entry = figure("trade_off_atlas").querySelector(".role-legend-symbol path");
fire(entry, "pointerdown", "mousedown", "pointerup", "mouseup", "click");
await settled();
found.chosenInLegend = faint("trade_off_atlas");

const ink = () => getComputedStyle(figure("trade_off_atlas").querySelector(".role-axis-title text")).fill;
const first = ink();
document.getElementById("scheme").click();
found.inks = [first, ink()];
found.labels = [...document.querySelectorAll(".chart")].every((one) => one.closest("[aria-hidden=true]"));
found.focusable = document.querySelectorAll(".chart [tabindex], .chart a, .chart button").length;
found.wider = document.documentElement.scrollWidth > document.documentElement.clientWidth;
document.body.dataset.found = JSON.stringify(found);
</script></body>"""
AXE = os.environ.get("AXE_CORE")
"""axe.min.js of the npm package axe-core: docs/reading_the_report.md."""
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]

LISTEN = """<script>window.probeErrors = [];
addEventListener("error", (event) => window.probeErrors.push(event.message));
addEventListener("unhandledrejection", (event) => window.probeErrors.push(String(event.reason)));</script></head>"""


@pytest.fixture(scope="module")
def report(finished_study: Path) -> Report:
    return build_report([str(finished_study)])


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return page(report)


def chromium(folder: Path, *arguments: str) -> str:
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-sync", "--disable-gpu", "--no-sandbox"]
    command = [str(CHROMIUM), "--headless", *quiet, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def before_the_end(page_text: str, script: str) -> str:
    """Vega's script holds the same tag as a text."""
    head, _, tail = page_text.rpartition("</body>")
    return head + script + tail


def probe(page_text: str, script: str, folder: Path, *arguments: str) -> dict[str, Any]:
    file = folder / "page.html"
    file.write_text(before_the_end(page_text.replace("</head>", LISTEN, 1), script), encoding="utf-8")
    dumped = chromium(folder, *arguments, "--dump-dom", file.as_uri())
    match = re.search(r'data-found="([^"]*)"', dumped)
    assert match, "the probe did not run to its end"
    found: dict[str, Any] = json.loads(html.unescape(match.group(1)))
    return found


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_sorts_filters_and_changes_colours_without_an_error(text, tmp_path, width):
    found = probe(text, PROBE, tmp_path, f"--window-size={width},900")
    assert found["errors"] == []
    assert found["ascending"] == sorted(found["ascending"])
    assert found["sortedUp"] == "ascending"
    assert found["objective"], "the column of the objective is cut off"
    assert found["pictures"] == 1
    assert found["descending"] == sorted(found["ascending"], reverse=True)
    assert "descending" in found["said"]
    assert 0 < found["after"] < found["before"]
    assert found["matching"]
    assert found["first"] != found["second"]
    assert not found["wider"], "the page scrolls sideways"
    assert found["unnamed"] == 0
    assert found["jumps"] == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 500])
def test_figures_are_drawn_and_answer_to_the_pointer_without_an_error(report, text, tmp_path, width, scheme):
    chosen = text.replace('<html lang="en">', f'<html lang="en" data-scheme="{scheme}">', 1)
    found = probe(chosen, FIGURES, tmp_path, f"--window-size={width},900", "--virtual-time-budget=60000")
    assert found["errors"] == []
    figure = report.figure("trade_off_atlas")
    # One point per arm in either panel, and its tooltip says what the table of the data says.
    rows = {row["arm"]: row for row in values(figure.data)}
    assert found["points"] == 2 * len(rows)
    assert found["before"] == [None, 0]
    labels = {column.key: column.label for column in figure.data.columns}
    for number, tip in enumerate(found["tips"]):
        row = rows[tip["Arm"]]
        keys = ("monolingual", "cross_lingual") if number < len(rows) else ("multilingual", "rank_distance")
        assert tip == {"Arm": row["arm"]} | {labels[key]: row[f"{key}_text"] for key in keys}
    assert found["inside"], "the tooltip leaves the window"
    assert len(set(found["paper"])) == 2
    assert found["chosen"] == found["chosenInLegend"] == found["points"] - 2
    assert found["released"] == 0
    assert found["inks"][0] != found["inks"][1], "figures do not follow light and dark"
    assert found["labels"]
    assert found["focusable"] == 0
    assert not found["wider"], "the page scrolls sideways"


def test_no_figure_asks_for_anything_from_the_network(text, tmp_path):
    spy = """<script>window.probeAsked = [];
    window.fetch = (address) => { window.probeAsked.push(String(address)); return Promise.reject(new Error("no")); };
    XMLHttpRequest.prototype.open = (_, address) => { window.probeAsked.push(String(address)); };</script></head>"""
    script = """<script type="module">
    while (![...document.querySelectorAll(".chart")].every((one) => one.querySelector("svg")))
      await new Promise((done) => setTimeout(done, 60));
    document.body.dataset.found = JSON.stringify({ asked: window.probeAsked,
      loaded: performance.getEntriesByType("resource").map((one) => one.name) });
    </script></body>"""
    found = probe(text.replace("</head>", spy, 1), script, tmp_path, "--virtual-time-budget=60000")
    assert found == {"asked": [], "loaded": []}


def test_the_page_prints(text, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    chromium(tmp_path, f"--print-to-pdf={tmp_path / 'page.pdf'}", file.as_uri())
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.skipif(AXE is None, reason="AXE_CORE names no axe.min.js")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_core_finds_nothing(text, tmp_path, scheme):
    axe = Path(str(AXE)).read_text(encoding="utf-8").replace("</script", r"<\/script")
    check = f"""<script>{axe}</script><script type="module">
    document.documentElement.dataset.scheme = "{scheme}";
    document.querySelectorAll("details").forEach((details) => {{ details.open = true; }});
    const drawn = () => [...document.querySelectorAll(".chart")].every((one) => one.querySelector("svg"));
    while (!drawn()) await new Promise((done) => setTimeout(done, 60));
    axe.run(document, {{ runOnly: {json.dumps(RULES)} }}).then((found) => {{
      const violations = found.violations.map((v) => `${{v.id}}: ${{v.nodes[0].html}}`);
      document.body.dataset.axe = JSON.stringify({{ violations, passes: found.passes.length }});
    }});
    </script></body>"""
    file = tmp_path / "page.html"
    file.write_text(before_the_end(text, check), encoding="utf-8")
    dumped = chromium(tmp_path, "--window-size=1280,900", "--virtual-time-budget=60000", "--dump-dom", file.as_uri())
    match = re.search(r'data-axe="([^"]*)"', dumped)
    assert match, "axe did not run to its end"
    found = json.loads(html.unescape(match.group(1)))
    assert found["violations"] == []
    assert found["passes"] > 30
