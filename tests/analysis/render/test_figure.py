"""Figures: how series look, and what the files for papers hold."""

import re
from xml.etree import ElementTree as ET

import pytest

from analysis.contents import build_report
from analysis.render.figure import Figure
from analysis.render.style import DASHES, PRINT, SCREEN, SHAPES, look, once, rows, values
from analysis.render.table import Cell, Column, make_table

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def figures(tmp_path_factory, write_study):
    folder = write_study(tmp_path_factory.mktemp("studies"), questions=20, search_trials=12)
    return {figure.name: figure for figure in build_report([str(folder)]).figures}


@pytest.mark.slow
def test_every_figure_of_a_report_is_drawn(figures):
    assert {
        "main_comparison",
        "trade_off_atlas",
        "forest_atlas",
        "questions_atlas",
        "ratio_atlas",
        "dev_ratio",
        "pairs_atlas",
        "time_split",
        "schedules",
        "learning_curves",
        "importance",
        "parallel_coordinates",
    } == set(figures)
    for name, figure in figures.items():
        root = ET.fromstring(figure.svg)
        marks = [element for element in root.iter(f"{SVG}g") if "role-mark" in (element.get("class") or "").split()]
        assert marks, name
        paper = figure.pdf()
        assert paper.startswith(b"%PDF")
        box = re.search(rb"/MediaBox *\[0 0 ([\d.]+) ([\d.]+)\]", paper)
        assert box is not None
        width, height = figure.size
        # No wider than the text of a page, and of the same shape.
        assert float(box[1]) == pytest.approx(min(0.75 * width, 482), rel=0.01)
        assert float(box[2]) / float(box[1]) == pytest.approx(height / width, rel=0.02)
        assert figure.data.rows
        assert len(figure.description) > 30


def test_a_file_for_papers_says_what_it_shows_and_its_ids_are_unique(figures):
    for figure in figures.values():
        root = ET.fromstring(figure.svg)
        assert root.get("role") == "img"
        assert [child.tag for child in root][:2] == [f"{SVG}title", f"{SVG}desc"]
        assert (root[0].text, root[1].text) == (figure.title, figure.description)
        ids = re.findall(r'\bid="([^"]+)"', figure.svg)
        assert len(ids) == len(set(ids))


def test_files_have_colours_of_their_own_and_the_page_those_of_its_style_sheet(figures):
    for figure in figures.values():
        assert "var(--" not in figure.svg
        page = str(figure.specification())
        assert "var(--ink)" in page
        assert not {colour for colour in (PRINT.ink, PRINT.muted, *PRINT.series) if colour in page}


def test_no_two_of_many_series_look_alike_even_in_grey():
    looks = [look(index) for index in range(32)]
    assert len({str(one) for one in looks}) == 32
    points = [(one.shape, one.is_hollow) for one in looks]
    assert len(set(points[:16])) == 16
    assert len({(*point, one.dash) for point, one in zip(points, looks, strict=True)}) == 32
    assert len(set(PRINT.series)) == len(SHAPES) == len(SCREEN.series) == 8
    assert len(DASHES) == 4


def test_a_chart_gets_the_numbers_of_a_table_and_its_texts():
    table = make_table(
        "t",
        "T",
        [Column("arm", "Arm"), Column("map", "mAP", "score")],
        [["a", Cell(0.123456789, 0.1, 0.2)], ["b", Cell(None)]],
    )
    first, second = values(table)
    assert first == {"arm": "a", "map": 0.123457, "map_low": 0.1, "map_high": 0.2, "map_text": ".123 [.100, .200]"}
    assert (second["map"], second["map_low"]) == (None, None)


def test_any_name_stays_a_text():
    import altair as alt

    name = 'a</title></svg><script>x</script> & "title" url(#x)'
    table = make_table("t", name, [Column("arm", "Arm"), Column("x", "X", "number")], [[name, 1.0]])

    def draw(palette):
        zero = once().mark_rule(color=palette.line).encode(x=alt.datum(0))
        return alt.layer(zero, alt.Chart().mark_text().encode(x="x:Q", text="arm:N"), data=rows())

    figure = Figure("one", name, name, table, draw)
    root = ET.fromstring(figure.svg)
    assert (root[0].text, root[1].text) == (name, name)
    assert name in {text.text for text in root.iter(f"{SVG}text")}
    assert not list(root.iter(f"{SVG}script"))


def test_a_chart_that_vega_lite_does_not_know_is_refused():
    import altair as alt
    from altair.utils.schemapi import SchemaValidationError

    def draw(palette):
        return alt.Chart(rows()).mark_point(opacity="much").encode(x="x:Q")

    figure = Figure("one", "T", "D", make_table("t", "T", [Column("x", "X", "number")], [[1.0]]), draw)
    with pytest.raises(SchemaValidationError, match="'much' is an invalid value"):
        figure.specification()
