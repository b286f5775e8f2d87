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
from analysis.figures import Figure, report_figures
from analysis.render.page import page

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
POINT = """<script>
const found = { errors: window.probeErrors };
const tip = document.getElementById("tip");
const lines = () => [...tip.querySelectorAll("strong, span")].map((line) => line.textContent);
const said = () => tip.hidden ? null : lines().join("\\n");
const figure = (name) => document.getElementById(`${name}-desc`).closest("svg");
const marks = (svg) => [...svg.querySelectorAll(".mark")];
const label = (one) => one.getAttribute("aria-label");
const mark = (svg, ...words) => marks(svg).find((one) => words.every((word) => label(one).includes(word)));
const bright = (svg) => [...svg.querySelectorAll("g[data-of]:not(.dim)")];
const dimmed = (svg) => svg.querySelectorAll("g.dim").length;
const fire = (kind, element, x, y) => (document.elementFromPoint(x, y) ?? element).dispatchEvent(
  new PointerEvent(kind, { clientX: x, clientY: y, bubbles: true, cancelable: true }));
const at = (kind, one) => {
  one.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const box = one.getBoundingClientRect();
  fire(kind, one, (box.left + box.right) / 2, (box.top + box.bottom) / 2);
};
const press = (key) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const active = () => label(document.activeElement);

const trade = figure("trade_off_atlas");
const point = mark(trade, "best dynamic reversed", "monolingual");
found.before = [said(), dimmed(trade)];
at("pointermove", point);
found.hovered = said();
found.hoverDims = dimmed(trade);
found.lit = bright(trade).length > 3 && bright(trade).every((part) => part.dataset.of === point.dataset.of);
const box = tip.getBoundingClientRect();
found.inside = box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight;
found.paper = [getComputedStyle(tip).backgroundColor, getComputedStyle(tip).color];
trade.dispatchEvent(new PointerEvent("pointerleave"));
found.left = [said(), dimmed(trade)];

const entries = marks(trade).filter((one) => one.matches(".label"));
found.legend = entries.map(label);
at("click", entries.find((one) => label(one) === "X-Y"));
trade.dispatchEvent(new PointerEvent("pointerleave"));
found.kept = [dimmed(trade), document.getElementById("announce").textContent];
found.pressedNames = [...trade.querySelectorAll('[aria-pressed="true"]')].map((one) => label(one).split(":")[0]);
at("pointermove", point);
found.keptDims = bright(trade).every((part) => part.dataset.of !== point.dataset.of);
press("Escape");
found.released = [said(), dimmed(trade), trade.querySelectorAll('[aria-pressed="true"]').length];

trade.focus();
found.ownStop = document.activeElement === trade;
const map = figure("pairs_atlas");
const drawings = [...document.querySelectorAll(".drawing svg")];
found.stops = drawings.map((svg) => marks(svg).filter((one) => one.tabIndex === 0).length);
marks(map).find((one) => one.tabIndex === 0).focus();
found.walk = [active()];
for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp", "End", "ArrowRight", "Home"]) {
  press(key);
  found.walk.push(active());
}
found.focused = said();
found.hint = tip.querySelector("small")?.textContent;
found.framed = map.querySelectorAll(".lit").length;
press("Escape");
found.escaped = [said(), map.querySelectorAll(".lit").length];
press("Enter");
found.pressed = [active(), document.activeElement.getAttribute("aria-pressed")];
document.activeElement.blur();
found.blurred = [said(), map.querySelectorAll(".lit").length];
document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
found.framedAfter = map.querySelectorAll(".lit").length;

found.every = drawings.every((svg) => svg.getAttribute("role") === "group" && label(svg)
  && marks(svg).length > 0 && marks(svg).every((one) => label(one) && !one.querySelector("title"))
  && svg.querySelector(":scope > g").getAttribute("aria-hidden") === "true");
document.body.dataset.found = JSON.stringify(found);
</script></body>"""
AXE = os.environ.get("AXE_CORE")
"""axe.min.js of the npm package axe-core: docs/reading_the_report.md."""
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]

LISTEN = """<script>window.probeErrors = [];
addEventListener("error", (event) => window.probeErrors.push(event.message));</script></head>"""


@pytest.fixture(scope="module")
def report(finished_study: Path) -> Report:
    return build_report([str(finished_study)])


@pytest.fixture(scope="module")
def built(report: Report) -> list[Figure]:
    return report_figures(report)


@pytest.fixture(scope="module")
def text(report: Report, built: list[Figure]) -> str:
    return page(report, built)


def chromium(folder: Path, *arguments: str) -> str:
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-sync", "--disable-gpu", "--no-sandbox"]
    command = [str(CHROMIUM), "--headless", *quiet, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def probe(page_text: str, script: str, folder: Path, *arguments: str) -> dict[str, Any]:
    file = folder / "page.html"
    file.write_text(page_text.replace("</head>", LISTEN).replace("</body>", script), encoding="utf-8")
    dumped = chromium(folder, *arguments, "--dump-dom", file.as_uri())
    match = re.search(r'data-found="([^"]*)"', dumped)
    assert match, "the probe did not run to its end"
    found: dict[str, Any] = json.loads(html.unescape(match.group(1)))
    return found


@pytest.mark.parametrize("width", [1280, 500])
def test_the_page_sorts_filters_and_changes_colours_without_an_error(text, tmp_path, width):
    found = probe(text, PROBE, tmp_path, f"--window-size={width},900")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 500])
def test_figures_answer_to_pointer_and_keyboard_without_an_error(built, text, tmp_path, width, scheme):
    script = POINT.replace("<script>", f'<script>document.documentElement.dataset.scheme = "{scheme}";', 1)
    found = probe(text, script, tmp_path, f"--window-size={width},900")
    assert found["errors"] == []
    assert found["before"] == found["left"] == [None, 0]
    expected = {t for figure in built for t in figure.marks.texts if figure.name == "trade_off_atlas"}
    assert found["hovered"] in expected
    assert found["hovered"].startswith("best dynamic reversed\nmonolingual mAP: ")
    assert found["hoverDims"] > 5
    assert found["lit"]
    assert found["inside"], "the tooltip leaves the window"
    assert len(set(found["paper"])) == 2
    assert "best dynamic reversed" in found["legend"]
    assert found["kept"] == [pytest.approx(found["hoverDims"], abs=5), "Kept: X-Y"]
    assert set(found["pressedNames"]) == {"X-Y"}
    assert len(found["pressedNames"]) == 3
    assert found["keptDims"], "what was kept gave way to what is pointed at"
    assert found["released"] == [None, 0, 0]
    assert set(found["stops"]) == {1}
    assert not found["ownStop"], "the drawing takes the focus from its marks"
    one, right, below, left, up, same, last, still, first = found["walk"]
    assert [label.split(":")[0] for label in (one, right, below, left, up)] == [
        "query de, pool de",
        "query de, pool en",
        "query en, pool en",
        "query en, pool de",
        "query de, pool de",
    ]
    assert same == up == first
    assert last == still
    assert last.startswith("query th, pool th: best dynamic \N{MINUS SIGN} best static")
    assert found["focused"].startswith("query de, pool de\nbest dynamic\nmAP: ")
    assert "Escape" in found["hint"]
    assert found["framed"] == 2
    assert found["escaped"] == [None, 0]
    assert found["pressed"] == [one, "true"]
    assert found["blurred"] == [None, 2]
    assert found["framedAfter"] == 0
    assert found["every"]


def test_without_javascript_the_figures_stand_as_they_were(text, tmp_path):
    still = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert "<script" not in still
    bare = re.sub(r'<g class="marks">.*?</g>\n', "", still, flags=re.DOTALL)
    assert bare.count('class="mark') == 0 < still.count('class="mark')
    images = []
    for name, content in (("still", still), ("bare", bare)):
        (tmp_path / f"{name}.html").write_text(content, encoding="utf-8")
        image = tmp_path / f"{name}.png"
        options = ["--window-size=1280,6000", "--hide-scrollbars", f"--screenshot={image}"]
        chromium(tmp_path, *options, (tmp_path / f"{name}.html").as_uri())
        images.append(image.read_bytes())
    assert images[0] == images[1]


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
