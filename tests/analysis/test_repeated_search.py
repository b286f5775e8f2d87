"""A study that repeated its search: what each search chose is one arm, and a search with its seeds is one unit."""

import math
from pathlib import Path

import numpy as np
import pytest

from analysis.facts.facts import Place
from analysis.findings.findings import Findings
from analysis.methods.paragraph import methods
from analysis.report import main
from analysis.sections.answer import answer
from analysis.sections.details import spread
from analysis.sections.results import results
from analysis.sections.search import arms, search
from tests.study.planted import BENCHMARK, SETTINGS, Planted, study_in_folder

SEARCHES, SEEDS = 3, 2


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    settings = SETTINGS.model_copy(update={"repeat_search": SEARCHES, "seeds": SEEDS})
    folder = tmp_path_factory.mktemp("studies") / "again"
    study_in_folder(Planted("no difference", world=1), folder, settings=settings)
    return Findings.of([str(folder)])


def place_of(findings: Findings, setting: str = "overall") -> Place:
    return next(
        p for b in findings.facts.benchmarks for p in b.places if p.setting == setting and not p.measure.is_bias
    )


def test_an_arm_has_the_runs_of_what_every_search_chose(findings: Findings) -> None:
    study = findings.facts.first
    for arm in findings.facts.arms:
        assert arm.searches == SEARCHES
        assert arm.seeds == tuple(range(SEARCHES * SEEDS))
        for run in arm.runs:
            chosen = next(one for one in study.arms if (one.arm, one.repetition) == (arm.name, run.seed % SEARCHES))
            assert run.repetition == run.seed % SEARCHES
            assert run.config.model_copy(update={"seed": 0}) == chosen.config.model_copy(update={"seed": 0})
    assert len({run.config.fingerprint for run in findings.facts.find("best dynamic").runs}) == SEARCHES * SEEDS


def test_the_unit_of_every_interval_is_the_search(findings: Findings) -> None:
    place = place_of(findings)
    metric = findings.facts.benchmark(BENCHMARK).column("overall")
    for arm in findings.facts.arms:
        by_search = [
            math.fsum(run.metrics[metric] for run in arm.runs if run.repetition == number) / SEEDS
            for number in range(SEARCHES)
        ]
        assert arm.values(metric) == pytest.approx(dict(enumerate(by_search)))
        panel = findings.panels.of(arm, place)
        assert panel is not None
        assert panel.seeds == tuple(range(SEARCHES))
        row = panel.seed_means[panel.arms.index("/".join(arm.identity))]
        assert row == pytest.approx(by_search, abs=1e-6)
    for judged in findings.comparisons.judged:
        assert judged.comparison.unit == "search"
        assert judged.comparison.n_seeds == SEARCHES
    for arm in findings.facts.arms:
        found = findings.means.of(arm, findings.facts.benchmark(BENCHMARK), "overall")
        assert found is not None
        assert found.mean == pytest.approx(np.mean([run.metrics[metric] for run in arm.runs]), abs=1e-6)


def test_the_report_says_so(findings: Findings) -> None:
    text = " ".join(answer(findings))
    assert "Over 3 searches, whose luck is in the interval." in text
    assert "3 searches x 150 questions" in text
    assert "chosen anew in each of 3 searches as the best of 8 search trials" in text
    paragraph = methods(findings)
    assert "The whole search was made 3 times, and each search chose its own arms." in paragraph
    assert "with seeds 1000001 to 1000003" in paragraph
    assert "6 seeds that the search had not used, shared out evenly among what 3 searches chose" in paragraph
    assert "for new searches with their seeds and new questions" in " ".join(results(findings).notes)
    table = arms(findings.facts)
    labels = [row[0].value for row in table.rows]
    assert labels.count("best dynamic, search 2") == 1
    planned = {row[0].value: row[1].value for row in search(findings.facts).rows}
    assert planned == {"hybrid 0.5": 12, "static": 12, "linear": 12, "step": 12}


def test_the_variance_between_searches_has_a_share_of_its_own(findings: Findings) -> None:
    table = spread(findings)
    columns = [column.key for column in table.columns]
    parts = ["search", "seed", "question", "seed_question"]
    for row in table.rows:
        shares = [row[columns.index(part)].value for part in parts]
        assert all(share is not None and -1e-12 <= share <= 1 for share in shares)
        assert math.fsum(shares) == pytest.approx(1)
    assert any(row[columns.index("search")].value > 0 for row in table.rows)


def test_a_single_search_is_said_to_be_one(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"seeds": 3})
    study_in_folder(Planted("no difference", world=1), tmp_path / "once", settings=settings)
    found = Findings.of([str(tmp_path / "once")])
    text = " ".join(answer(found))
    assert "the best of 8 search trials" in text
    assert "The luck of the search is not in the interval" in text
    assert {judged.comparison.unit for judged in found.comparisons.judged} == {"seed"}
    assert "search" not in [column.key for column in spread(found).columns]


def test_the_whole_report_of_a_repeated_search_is_written(findings: Findings, tmp_path: Path) -> None:
    assert main([findings.facts.first.location, "--output", str(tmp_path), "--format", "markdown,csv"]) == 0
    page = (tmp_path / "report.md").read_text()
    assert "best dynamic, search 3" in page
    assert "Traceback" not in page
