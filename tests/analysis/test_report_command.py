"""The command lines: what they print, write and refuse."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from analysis import compare, report

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory, write_study) -> Path:
    """A report of a study whose texts try to break out of every format, and the modules that making it took."""
    folder = write_study(tmp_path_factory.mktemp("studies"), name='<b>x</b> & "y"', failed=1, questions=12)
    code = (
        "import sys; from pathlib import Path; from analysis.report import main; "
        f"assert main([{str(folder)!r}]) == 0; "
        f"Path({str(folder)!r}, 'modules').write_text(' '.join(sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)
    return folder / "report"


def test_the_terminal_shows_the_answer_then_the_tables(finished_study, tmp_path, capsys):
    assert report.main([str(finished_study), "--output", str(tmp_path), "--format", "markdown"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    results = out.index("Results by arm, 3 seeds: atlas (mAP)")
    assert out.index("is better than") < out.index("on mAP of atlas, multilingual: +.0") < out.index("(p ") < results
    assert results < out.index("Best dynamic against best static")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


@pytest.mark.slow
def test_all_formats_hold_the_same_numbers(written):
    frame = pd.read_csv(written / "tables" / "results.csv")
    parquet = pd.read_parquet(written / "tables" / "results.parquet")
    rows = json.loads((written / "tables" / "results.json").read_text())["rows"]
    key = "atlas_multilingual_map"
    assert frame[key].tolist() == parquet[key].tolist() == [row[key] for row in rows]
    shown = [f"{value:.3f}".lstrip("0") for value in frame[key]]
    for name in ("report.md", "report.html", "tables/results.tex"):
        text = (written / name).read_text()
        assert all(value in text for value in shown), name


def test_the_default_is_the_newest_study_here(tmp_path, write_study, monkeypatch, capsys):
    write_study(tmp_path / "studies", name="newest", questions=4)
    monkeypatch.chdir(tmp_path)
    assert report.main(["--format", "markdown"]) == 0
    assert (tmp_path / "studies" / "newest" / "report" / "report.md").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/folder"], "There is no folder /no/such/folder"),
        (["{study}", "--format", "docx"], "--format knows no docx: choose from markdown"),
        (["{study}", "--watts", "much"], "--watts is much, but it must be a positive number"),
        (["{study}", "--watts=-250"], "--watts is -250, but it must be a positive number"),
        (["{study}", "--watts", "inf"], "--watts is inf, but it must be a positive number"),
        (["{study}", "--watts", "nan", "--serve"], "--watts is nan, but it must be a positive number"),
        (["{study}", "--margin", "0"], "--margin is 0.0, but it must lie between 0 and 1"),
        (["{study}", "--serve", "99999"], "--serve is 99999, but a port lies between 0 (any free one) and 65535"),
        (["--serve", "/no/such/folder"], "There is no folder /no/such/folder"),
        (["{study}", "--serve", "-5"], "--serve is -5, but a port lies between"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_status_2(finished_study, capsys, arguments, said):
    assert report.main([a.format(study=finished_study) for a in arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["file", "file/inside", "locked"])
@pytest.mark.parametrize("command", ["report", "compare"])
def test_a_place_that_cannot_be_written_to_is_one_sentence(tmp_path, write_study, capsys, name, command):
    folder = write_study(tmp_path, questions=5, search_trials=0, seeds=(1, 2))
    (tmp_path / "file").write_text("mine")
    # A folder where a file must go: not even the owner of the machine can replace it.
    first = "report.md" if command == "report" else "overview.csv"
    (tmp_path / "locked" / first / "inside").mkdir(parents=True)
    place = ["--output", str(tmp_path / name)]
    if command == "report":
        assert report.main([str(folder), "--format", "markdown", *place]) == 2
    else:
        assert compare.main([str(folder), "X-Y", "best static", *place]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"analysis.{command}: Nothing can be written to {tmp_path / name} (")
    assert len(error.splitlines()) == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_the_power_of_a_worker_becomes_energy_in_the_files(finished_study, tmp_path):
    assert report.main([str(finished_study), "--watts", "250", "--output", str(tmp_path), "--format", "csv,latex"]) == 0
    energy = pd.read_csv(tmp_path / "tables" / "cost.csv")["energy"]
    assert energy.to_numpy() == pytest.approx(13.5 / 3600 * 250 / 1000)
    assert "250 W" in (tmp_path / "tables" / "cost.tex").read_text()


def test_comparing_unknown_arms_is_a_mistake(finished_study, capsys):
    assert compare.main([str(finished_study), "X-Y", "X-Z"]) == 2
    assert "'X-Z' is no arm with finished trials" in capsys.readouterr().err


def test_two_arms_are_compared_down_to_the_question(finished_study, tmp_path, capsys):
    arguments = [str(finished_study), "best dynamic", "X-Y", "--top", "2", "--output", str(tmp_path)]
    assert compare.main(arguments) == 0
    out = capsys.readouterr().out
    assert "by query language" in out
    questions = pd.read_csv(tmp_path / "questions_atlas_cross_lingual.csv")
    assert len(questions) == 40
    assert questions["difference"].is_monotonic_increasing
    frames = {}
    for arm in ("best-dynamic", "X-Y"):
        runs = [
            pd.read_parquet(finished_study / "trials" / f"confirm-{arm}-{seed}" / "per_query.parquet")
            for seed in (11, 12, 13)
        ]
        part = pd.concat(runs)
        part = part[(part["benchmark"] == "atlas") & (part["setting"] == "cross-lingual")]
        frames[arm] = part.groupby("parallel_id")["map"].mean()
    expected = (frames["best-dynamic"] - frames["X-Y"]).loc[questions["question"]]
    assert questions["difference"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        if "id" in values:
            self.ids.append(values["id"])
        for name in ("src", "href", "xlink:href"):
            if name in values:
                self.links.append(values[name])
        for name in ("aria-labelledby", "aria-describedby", "for"):
            self.references += (values.get(name) or "").split()


def test_the_page_needs_no_network_and_its_ids_are_unique(written):
    text = (written / "report.html").read_text()
    page = _Page()
    page.feed(text)
    inside = [link for link in page.links if not link.startswith("data:image/svg+xml,")]
    assert all(link.startswith("#") for link in inside), inside
    assert not re.search(r"url\((?!#|%23)", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in inside} | set(page.references) <= set(page.ids)


def test_the_page_shows_hostile_names_as_text(written):
    text = (written / "report.html").read_text()
    assert "<b>x" not in text
    assert "&lt;b&gt;x&lt;/b&gt; &amp;" in text
    assert "step 7 &lt;nan&gt; &amp; 50 %" in text


def test_every_figure_is_an_svg_with_title_and_description_and_a_pdf(written):
    names = sorted(path.stem for path in (written / "figures").glob("*.svg"))
    assert {
        "forest_atlas",
        "ratio_atlas",
        "pairs_atlas",
        "schedules",
        "learning_curves",
        "time_split",
        "questions_atlas",
    } <= set(names)
    for name in names:
        root = ET.parse(written / "figures" / f"{name}.svg").getroot()
        assert root.get("role") == "img"
        assert [child.tag.rpartition("}")[2] for child in root][:2] == ["title", "desc"]
        assert len(root[1].text or "") > 30
        assert (written / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_the_report_imports_neither_ray_nor_torch_and_its_start_nothing_heavy(written):
    modules = (written.parent / "modules").read_text().split()
    assert {"altair", "vl_convert"} <= set(modules)
    assert not {"ray", "torch", "transformers", "matplotlib"} & set(modules)
    code = (
        "import sys, analysis.report, analysis.contents, analysis.render.terminal, analysis.render.files; "
        "heavy = {'ray', 'torch', 'altair', 'vl_convert', 'scipy', 'optuna', 'jinja2'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--serve", "a"], (["a"], 8000)),
        (["--serve", "a", "b"], (["a", "b"], 8000)),
        (["a", "--serve"], (["a"], 8000)),
        (["a", "--serve", "9000"], (["a"], 9000)),
    ],
)
def test_what_stands_behind_serve_is_a_port_or_a_study(monkeypatch, arguments, expected):
    from analysis.render import serve

    monkeypatch.setattr(serve, "serve", lambda locations, margin, port, watts: shown.append((list(locations), port)))
    shown: list[tuple[list[str], int]] = []
    report.main(arguments)
    assert shown == [expected]
