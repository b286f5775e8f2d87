"""A study of 10,000 trials is reported within the memory of a laptop."""

import resource
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.nightly
def test_ten_thousand_trials_are_reported_in_four_gigabytes(tmp_path, write_study):
    folder = write_study(tmp_path, questions=100, search_trials=2_500)
    assert len(list((folder / "trials").iterdir())) > 10_000
    subprocess.run([sys.executable, "-m", "analysis.report", str(folder)], check=True, cwd=ROOT, capture_output=True)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 4 * 2**20
    search = pd.read_csv(folder / "report" / "tables" / "search.csv")
    assert search["complete"].sum() + search["pruned"].sum() == 10_000
