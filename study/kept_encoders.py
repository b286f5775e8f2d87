"""The trained encoders that a study keeps (`--keep-encoders`): their room on disk, and how one that is outdone goes.

Of every arm, in every search, the seed that is best on the dev set is kept: at no time are there more than one per arm
and those of the trials that run. The dev set chooses, as it chose the arm; the benchmarks judge.
"""

from study.plan.program import StudyPlan
from study.settings import StudySettings
from trainables.inputs import StudyInputs
from trainables.records import RESULT, Result
from trainables.sealed import read_sealed, write_sealed
from trainables.storage import Folder
from trainables.trial import ENCODER

_BYTES_OF_WEIGHT = 4
"""In float32."""


def kept_bytes(settings: StudySettings, plan: StudyPlan, inputs: StudyInputs, concurrent: int) -> int:
    """Returns the most that the kept encoders of a study take on disk; those of adapters count as nothing.

    Args:
        settings: which encoders are kept.
        plan: the study.
        inputs: the tokenizers.
        concurrent: trials at a time.
    """
    more_seeds = max(0, (settings.until_separable or 0) - plan.seeds)
    confirmed = plan.planned["confirm"] - plan.rival_trials + plan.most_arms * more_seeds
    encoders = {config.encoder.model_dump_json(): config.encoder for config in plan.first_configs if config.steps}
    largest = max(
        (
            encoder.shape(len(inputs.of(encoder).texts.tokenizer)).parameters
            for encoder in encoders.values()
            if encoder.is_kept_whole
        ),
        default=0,
    )
    best = min(confirmed, plan.repetitions * plan.most_arms + concurrent)
    count = {"none": 0, "best": best, "all": confirmed}[settings.keep_encoders]
    return count * largest * _BYTES_OF_WEIGHT


def let_go(trial: Folder) -> None:
    """Removes the encoder of a finished trial, if it has one; its result does not name the files any more."""
    if not (trial / ENCODER).exists():
        return
    result = read_sealed(trial, RESULT, Result)
    # First the seal: whoever is killed in between leaves files that nothing asks for, and not a trial that lacks some.
    others = {name: checksum for name, checksum in result.files.items() if name.split("/")[0] != ENCODER}
    write_sealed(trial, RESULT, result.model_copy(update={"files": others}))
    (trial / ENCODER).delete()
