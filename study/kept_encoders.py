"""The trained encoders that a study keeps (`--keep-encoders`), and how one that is outdone goes.

Of every arm, in every search, the seed that is best on the dev set is kept: at no time are there more than one per arm
and those of the trials that run. The dev set chooses, as it chose the arm; the benchmarks judge.
"""

from trainables.records import RESULT, Result
from trainables.sealed import read_sealed, write_sealed
from trainables.storage import Folder
from trainables.trial import ENCODER


def let_go(trial: Folder) -> None:
    """Removes the encoder of a finished trial, if it has one; its result does not name the files any more."""
    if not (trial / ENCODER).exists():
        return
    result = read_sealed(trial, RESULT, Result)
    # First the seal: whoever is killed in between leaves files that nothing asks for, and not a trial that lacks some.
    others = {name: checksum for name, checksum in result.files.items() if name.split("/")[0] != ENCODER}
    write_sealed(trial, RESULT, result.model_copy(update={"files": others}))
    (trial / ENCODER).delete()
