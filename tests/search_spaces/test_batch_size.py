import math

import pytest

from search_spaces.batch_size import LARGE, SMALL, batch_size
from study.plan.program import asked_space
from study.settings import StudySettings
from trainables.errors import UserError


def test_each_level_of_the_large_batch_holds_another_thing_fixed() -> None:
    small, large, pairs, negatives = (level.patch for level in batch_size().factors[0].levels)
    assert large["steps"] == small["steps"]
    assert large["batches.size"] == LARGE > small["batches.size"] == SMALL
    assert pairs["steps"] * pairs["batches.size"] == small["steps"] * small["batches.size"]
    assert {key for key in pairs if pairs[key] != large[key]} == {"steps"}
    assert negatives == {**large, "loss.negative_pool": SMALL}


def test_the_second_moment_forgets_as_fast_per_pair_at_every_level() -> None:
    half_lives = {
        level.patch["batches.size"] * math.log(0.5) / math.log(level.patch["optimiser.betas"][1])
        for level in batch_size().factors[0].levels
    }
    assert max(half_lives) == pytest.approx(min(half_lives))


def test_an_option_that_the_levels_decide_is_refused() -> None:
    with pytest.raises(UserError, match=r"batches\.size is set, but .* the factor 'batch' of the space batch_size"):
        asked_space(batch_size(), StudySettings(set={"batches.size": 512}))
