"""The statistics stand alone: a study, a benchmark script or another project may import them."""

import subprocess
import sys
from pathlib import Path

import analysis.statistics

ROOT = Path(__file__).parents[3]
MODULES = sorted(
    f"analysis.statistics.{path.stem}"
    for path in Path(analysis.statistics.__path__[0]).glob("*.py")
    if path.stem[0] != "_"
)
OWN = ("analysis", "search_spaces", "study", "trainables")


def test_the_statistics_import_nothing_else_of_this_project():
    code = (
        f"import sys, {', '.join(MODULES)}\n"
        "for name in sorted(sys.modules):\n"
        f"    if name.split('.')[0] in {OWN} and name != 'analysis' and not name.startswith('analysis.statistics'):\n"
        "        print(name)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert run.stdout == ""
    assert len(MODULES) > 10
