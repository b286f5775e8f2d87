"""What the figures say about what is pointed at."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.contents import build_report
from analysis.figures import report_figures
from analysis.figures.marks import MOST_TRIALS, STOPS, Marks, stops
from analysis.figures.style import Figure, new_canvas, style
from analysis.render.table import format_value

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"
MINUS = "\N{MINUS SIGN}"
ARMS = ["X-X-mono", "X-Y", "best static", "best dynamic"]


@pytest.fixture(scope="module")
def report(tmp_path_factory, write_study):
    return build_report([str(write_study(tmp_path_factory.mktemp("studies"), questions=20, search_trials=12))])


@pytest.fixture(scope="module")
def figures(report) -> dict[str, Figure]:
    return {figure.name: figure for figure in report_figures(report)}


def marks_in(figure: Figure) -> list[ET.Element]:
    layer = [group for group in ET.fromstring(figure.inline_svg()) if group.get("class") == "marks"]
    return list(layer[0]) if layer else []


def text_of(mark: ET.Element) -> str:
    return mark[0].text or ""


def with_interval(row: dict, key: str, kind: str) -> str:
    ends = ", ".join(format_value(row[f"{key}_{end}"], kind) for end in ("low", "high"))
    return f"{format_value(row[key], kind)} [{ends}]"


def test_every_figure_has_marks_and_says_them_in_its_svg(figures):
    assert len(figures) > 8
    for name, figure in figures.items():
        found = marks_in(figure)
        assert [text_of(mark) for mark in found] == list(figure.marks.texts), name
        assert found, name
        assert all(text.split("\n")[0] for text in figure.marks.texts), name


@pytest.mark.parametrize("name", ["trade_off_atlas", "schedules", "learning_curves", "time_split"])
def test_figures_of_arms_name_every_arm(figures, name):
    assert set(ARMS) <= set(figures[name].marks.names)
    firsts = {text.split("\n")[0] for text in figures[name].marks.texts}
    assert set(ARMS) <= firsts


def test_what_is_tagged_is_tagged_with_names_that_exist(figures):
    for name, figure in figures.items():
        known = {str(number) for number in range(len(figure.marks.names))}
        root = ET.fromstring(figure.inline_svg())
        tagged = [element for element in root.iter(f"{SVG}g") if element.get("data-of")]
        for element in [*tagged, *(mark for mark in marks_in(figure) if mark.get("data-of"))]:
            assert set(element.get("data-of").split()) <= known, name
        if "pairs" not in name:
            drawn = {number for element in tagged for number in element.get("data-of").split()}
            assert drawn == known, f"{name}: a name without a drawing"


def test_the_figures_for_papers_hold_neither_tags_nor_marks_and_their_ids_are_unique(figures):
    for figure in figures.values():
        text = figure.svg()
        ET.fromstring(text)
        ids = re.findall(r'\bid="([^"]+)"', text)
        assert len(ids) == len(set(ids))
        assert "data-of" not in text
        assert "mark" not in {element.get("class") for element in ET.fromstring(text).iter()}


def test_a_row_of_the_forest_says_what_the_table_of_comparisons_says(report, figures):
    rows = [row for row in report.table("comparisons").records() if row["metric"] == "mAP"]
    expected = {
        f"{row['arm']} {MINUS} {row['baseline']}\n{row['setting']} mAP: "
        f"{with_interval(row, 'difference', 'difference')}\n{row['verdict']}"
        for row in rows
    }
    assert expected == {text for text in figures["forest_atlas"].marks.texts if "\n" in text}


def test_the_ratio_curve_says_what_the_table_of_results_says(report, figures):
    texts = set(figures["ratio_atlas"].marks.texts)
    for row in report.table("results").records():
        for setting in ("monolingual", "cross-lingual", "multilingual"):
            value = with_interval(row, f"atlas_{setting.replace('-', '_')}_map", "score")
            ratio = {"X-X-mono": "α 1\n", "X-Y": "α 0\n", "best static": "α 0.3\n"}.get(row["arm"], "")
            assert f"{row['arm']}\n{ratio}{setting} mAP: {value}" in texts


def test_a_cell_of_the_heat_map_says_what_the_table_of_pairs_says(report, figures):
    pairs = {
        (r["arm"], r["query_language"], r["pool_language"]): r["value"] for r in report.table("pairs_atlas").records()
    }
    texts = set(figures["pairs_atlas"].marks.texts)
    assert len(texts) == 18
    for query in ("de", "en", "th"):
        for pool in ("de", "en", "th"):
            one, other = (pairs[arm, query, pool] for arm in ("best dynamic", "best static"))
            head = f"query {query}, pool {pool}\nbest dynamic"
            assert f"{head}\nmAP: {format_value(one, 'score')}" in texts
            assert f"{head} {MINUS} best static\nmAP: {format_value(one - other, 'difference')}" in texts


def test_the_bars_of_time_say_what_the_table_of_costs_says(report, figures):
    texts = set(figures["time_split"].marks.texts)
    for row in report.table("cost").records():
        assert f"{row['arm']}\ntrain: {format_value(row['train_seconds'], 'seconds')} s" in texts
        assert f"{row['arm']}\ntotal: {format_value(row['total_seconds'], 'seconds')} s" in texts


def test_the_schedule_says_what_was_reported(report, figures):
    folder = next(arm for arm in report.findings.arms if arm.name == "best dynamic").trials[0].folder
    last = json.loads(folder.read_bytes("reports.jsonl").splitlines()[-1])
    text = f"best dynamic\n100 % of the steps\nα asked for: {format_value(last['ratio'], 'score')}"
    assert text in figures["schedules"].marks.texts


@pytest.mark.parametrize("name", ["trade_off_atlas", "dev_ratio"])
def test_a_mark_lies_where_its_point_is_drawn(figures, name):
    root = ET.fromstring(figures[name].inline_svg())
    drawn: dict[str, set[tuple[float, float]]] = {}
    for group in root.iter(f"{SVG}g"):
        for use in group.iter(f"{SVG}use") if group.get("data-of") else ():
            drawn.setdefault(group.get("data-of"), set()).add((float(use.get("x", 0)), float(use.get("y", 0))))
    points = [mark for mark in marks_in(figures[name]) if mark.get("class") == "mark"]
    assert points
    for mark in points:
        x, y = map(float, re.fullmatch(r"M([\d.]+) ([\d.]+)h.1", mark.get("d")).groups())
        assert any(abs(x - a) < 0.1 and abs(y - b) < 0.1 for a, b in drawn[mark.get("data-of")])


def test_the_marks_of_a_legend_lie_on_its_texts(figures):
    root = ET.fromstring(figures["trade_off_atlas"].inline_svg())
    texts = {t.text: t for t in root.iter(f"{SVG}text") if t.text in ARMS}
    labels = [mark for mark in marks_in(figures["trade_off_atlas"]) if "label" in mark.get("class").split()]
    assert {text_of(mark) for mark in labels} == set(ARMS)
    for mark in labels:
        corners = [tuple(map(float, place.split())) for place in mark.get("d").strip("Mz").split("L")]
        xs, ys = zip(*corners, strict=True)
        place = re.search(r"translate\(([\d.]+) ([\d.]+)\)", texts[text_of(mark)].get("transform"))
        x, y = map(float, place.groups()) if place else (float(texts[text_of(mark)].get(k)) for k in "xy")
        assert min(xs) < x < max(xs)
        assert min(ys) < y - 2 < max(ys)


def test_of_many_search_trials_only_the_best_are_marked(tmp_path: Path, write_study):
    report = build_report([str(write_study(tmp_path, questions=4, search_trials=60))])
    assert len(report.findings.search_trials()) == 240
    figures = {figure.name: figure for figure in report_figures(report)}
    for name in ("dev_ratio", "parallel_coordinates"):
        marked = [text for text in figures[name].marks.texts if text.startswith("search-")]
        assert len(marked) == MOST_TRIALS
    said = [float(text.rpartition(" ")[2]) for text in figures["dev_ratio"].marks.texts if text.startswith("search-")]
    every = sorted(
        (row["value"] for row in report.table("static_ratio").records() if row["status"] == "complete"), reverse=True
    )
    assert said == pytest.approx(every[:MOST_TRIALS], abs=5.01e-4)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_any_name_can_be_said_and_nothing_breaks_out_of_it(text):
    with style():
        canvas, (ax,) = new_canvas(2, 2)
        marks = Marks()
        marks.tag(ax.plot([0, 1], [0, 1]), text)
        marks.point(ax, 0.5, 0.5, text, text)
        layer = ET.fromstring(marks.svg(canvas))
    assert [(path.tag, path[0].text) for path in layer] == [("path", text)]


def test_a_hostile_name_stays_what_it_is_inside_the_page_too():
    name = 'a</title></svg><script>x</script> id="title" url(#x) #1c2127'
    with style():
        canvas, (ax,) = new_canvas(2, 2)
        marks = Marks()
        marks.tag(ax.plot([0, 1], [0, 1]), name)
        marks.point(ax, 0.5, 0.5, name, name)
        canvas.draw_without_rendering()
    figure = Figure("one", "Title", "Description", "section", canvas, marks=marks)
    assert [text_of(mark) for mark in marks_in(figure)] == [name]


def test_series_of_which_nothing_is_drawn_leave_no_id_behind():
    with style():
        canvas, (ax,) = new_canvas(2, 2)
        marks = Marks()
        for _ in range(2):
            marks.tag(ax.plot([], []), "empty")
            marks.tag(ax.fill_between([0, 1], [0, 1], where=[False, False]), "empty")
        canvas.draw_without_rendering()
    figure = Figure("one", "Title", "Description", "section", canvas, marks=marks)
    for text in (figure.svg(), figure.inline_svg()):
        ids = re.findall(r'\bid="([^"]+)"', text)
        assert len(ids) == len(set(ids))


def test_what_is_not_drawn_is_not_marked():
    canvas, (ax,) = new_canvas(2, 2)
    marks = Marks()
    marks.point(ax, float("nan"), 0.5, "nowhere", "a")
    assert marks.svg(canvas) == ""


@given(st.integers(0, 3000), st.integers(2, 40))
def test_stops_are_few_rise_and_hold_both_ends(count, most):
    found = stops(count, most)
    assert len(found) == min(count, most)
    assert found == sorted(set(found))
    assert found[:1] == [0][:count]
    assert found[-1:] == [count - 1][:count]


def test_a_long_line_says_no_more_than_its_stops(figures):
    texts = [t for t in figures["learning_curves"].marks.texts if t.startswith("best dynamic\nstep") and "loss" in t]
    assert 2 < len(texts) <= STOPS
