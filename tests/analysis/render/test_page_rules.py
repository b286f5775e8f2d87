"""The page by the rules of HTML and of accessibility (WCAG 2.2), as far as they can be checked without a browser."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from analysis.contents import build_report
from analysis.render.page import page

html5lib = pytest.importorskip("html5lib")

STYLE = Path(__file__).parents[3] / "analysis" / "render" / "templates" / "style.css"
ROLES = {"group", "status"}
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


@pytest.fixture(scope="module")
def text(tmp_path_factory, write_study) -> str:
    """The page of a study whose names try to break out of the markup, with every kind of table and figure."""
    folder = write_study(
        tmp_path_factory.mktemp("studies"), name='<b>x</b> & "y" </script>', failed=1, questions=8, state="running"
    )
    report = build_report([str(folder)])
    return page(report)


@pytest.fixture(scope="module")
def root(text) -> ET.Element:
    return html5lib.parse(text, treebuilder="etree", namespaceHTMLElements=False)


def elements(root: ET.Element, *names: str) -> Iterator[ET.Element]:
    return (element for element in root.iter() if isinstance(element.tag, str) and element.tag in names)


def said(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def parents(root: ET.Element) -> dict[ET.Element, ET.Element]:
    return {child: parent for parent in root.iter() for child in parent}


@pytest.mark.slow
def test_the_page_has_no_parse_error(text):
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(text)
    found = [(position, code) for position, code, _ in parser.errors]
    assert not found


def test_a_parse_error_would_be_found(text):
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(text.replace("</caption>", "", 1))
    assert parser.errors


def test_language_title_and_viewport_are_given(root):
    assert root.get("lang") == "en"
    (title,) = (e for e in elements(root, "title") if e in set(root.find("head")))
    assert said(title)
    (viewport,) = (e for e in elements(root, "meta") if e.get("name") == "viewport")
    # Zooming must stay possible.
    assert "user-scalable" not in viewport.get("content")
    assert "maximum-scale" not in viewport.get("content")


def test_there_is_one_main_and_every_part_of_the_page_has_its_landmark(root):
    assert len(list(elements(root, "main"))) == 1
    assert [e.get("aria-label") for e in elements(root, "nav")] == ["Contents"]
    assert all(e.get("aria-labelledby") for e in elements(root, "section"))


def test_headings_have_text_and_skip_no_level(root):
    levels = [int(e.tag[1]) for e in elements(root, *HEADINGS)]
    assert all(said(e) for e in elements(root, *HEADINGS))
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_ids_are_unique_and_every_reference_is_met(root):
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    wanted = set()
    for element in root.iter():
        for name in ("aria-labelledby", "aria-describedby", "aria-controls", "for", "data-from"):
            wanted |= set((element.get(name) or "").split())
        if (element.get("href") or "").startswith("#"):
            wanted.add(element.get("href")[1:])
    assert wanted <= set(ids)


def test_everything_that_can_be_used_has_a_name_and_keeps_its_place_in_the_tab_order(root):
    for element in elements(root, "button", "a", "summary"):
        assert said(element) or element.get("aria-label"), ET.tostring(element)
    above = parents(root)
    for element in elements(root, "input", "select", "textarea"):
        assert element.get("aria-label") or above[element].tag == "label"
    assert all(e.get("tabindex") in (None, "0", "-1") for e in root.iter())
    assert all(e.get("type") == "button" for e in elements(root, "button"))


def test_a_visible_name_is_part_of_the_spoken_one(root):
    """WCAG 2.5.3: who speaks to the page says what is written on it."""
    for element in elements(root, "button", "a"):
        label, written = element.get("aria-label"), said(element)
        if label and written:
            words = re.findall(r"\w+", written.lower())
            assert all(word in label.lower() for word in words), (written, label)


def test_roles_are_known_and_what_scrolls_can_be_reached_by_keyboard(root):
    assert {e.get("role") for e in root.iter()} - {None} <= ROLES
    scrolling = [e for e in root.iter() if "scroll" in (e.get("class") or "").split()]
    assert scrolling
    for element in scrolling:
        assert (element.get("tabindex"), element.get("role")) == ("0", "group")
        assert element.get("aria-label")


def test_every_table_has_a_caption_and_every_cell_a_heading(root):
    tables = list(elements(root, "table"))
    assert len(tables) > 8
    for table in tables:
        assert said(next(elements(table, "caption")))
        (head,), (body,) = (list(elements(table, part)) for part in ("thead", "tbody"))
        columns = [e for e in elements(head, "th") if e.get("scope") == "col"]
        assert all(said(e) for e in columns)
        for row in elements(body, "tr"):
            cells = [e for e in row if e.tag in ("th", "td")]
            assert len(cells) == len(columns)
            assert [e.get("scope") for e in cells if e.tag == "th"] == ["row"]
        groups = [int(e.get("colspan") or 1) for e in elements(head, "th", "td") if e.get("scope") != "col"]
        assert not groups or sum(groups) == len(columns)


def test_lists_hold_items_only(root):
    for element in elements(root, "ul", "ol"):
        assert {child.tag for child in element} == {"li"}
    for element in elements(root, "dl"):
        assert {child.tag for child in element} <= {"div", "dt", "dd"}


def test_every_figure_has_a_name_a_description_and_its_data_as_a_table(root):
    figures = list(elements(root, "figure"))
    by_id = {e.get("id"): e for e in root.iter() if e.get("id")}
    assert len(figures) > 5
    for figure in figures:
        (drawing,) = (e for e in figure.iter() if e.get("role") == "group" and e.get("aria-describedby"))
        assert drawing.get("aria-label")
        assert len(said(by_id[drawing.get("aria-describedby")])) > 30
        # What the script draws is not read aloud mark by mark: the table says it better.
        (chart,) = (e for e in figure.iter() if e.get("class") == "chart")
        assert chart.get("aria-hidden") == "true"
        links = [e.get("href") for e in elements(figure, "a")]
        assert list(elements(figure, "table")) or any(by_id[link[1:]].tag == "table" for link in links)


def test_without_scripts_every_figure_is_an_image_with_a_text(root):
    images = list(elements(root, "img"))
    above = parents(root)
    assert len(images) == len(list(elements(root, "figure")))
    for image in images:
        assert above[image].tag == "noscript"
        assert image.get("alt")
        assert ET.fromstring(unquote(image.get("src").removeprefix("data:image/svg+xml,"))).tag.endswith("svg")


def test_every_figure_carries_its_specification_and_no_text_breaks_out_of_it(root):
    specifications = [json.loads(said(e)) for e in elements(root, "script") if e.get("type") == "application/json"]
    assert len(specifications) == len(list(elements(root, "figure")))
    for one in specifications:
        assert one["datasets"]["rows"]
        assert one["$schema"].startswith("https://vega.github.io/schema/vega-lite/")


def schemes() -> list[dict[str, str]]:
    """The colour variables of the light scheme, of the chosen dark one, of the system's dark one and of paper."""
    css = STYLE.read_text(encoding="utf-8")
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", css)
    return [dict(re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{6})", block)) for block in blocks]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_wcag_defines_it():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_text_has_a_contrast_of_4_5_and_lines_of_figures_one_of_3_in_every_scheme():
    light, dark, system, printed = schemes()
    assert dark == system
    assert set(light) == set(dark) == set(printed)
    for colours in (light, dark, printed):
        for paper in ("paper", "raised"):
            for name in ("ink", "muted", "accent", "good", "bad", "same"):
                assert contrast(colours[name], colours[paper]) >= 4.5, (name, paper)
        for name in (name for name in colours if name.startswith("series-")):
            assert contrast(colours[name], colours["paper"]) >= 3, name


def test_colour_is_never_the_only_sign_of_a_verdict(root):
    remarks = [e for e in root.iter() if "remark" in (e.get("class") or "").split()]
    assert remarks
    assert all(said(e) for e in remarks)
