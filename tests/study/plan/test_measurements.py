from collections import Counter

import pytest

from search_spaces.registry import space
from study.plan.measurements import asked_efficiency, measurement_jobs
from study.settings import StudySettings
from trainables.config import TrialConfig
from trainables.errors import UserError
from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.records import TrialRecord

CONFIG = EfficiencyConfig(orders=4)
TRAINED = TrialConfig.model_validate(
    {
        "encoder": "mini-xs",
        "ratio": "constant(1)",
        "steps": 1,
        "batches": {"size": 8},
        "optimiser": {"learning_rate": 0.001},
    }
)


def ids(arm: str, seeds: int) -> list[str]:
    return [trial.id for trial in trials(arm, seeds)]


def trials(arms: str, seeds: int) -> list[TrialRecord]:
    return [
        TrialRecord(id=f"confirm-{arm}-{seed:03d}", phase="confirm", arm=arm, config=TRAINED)
        for seed in range(seeds)
        for arm in arms
    ]


def test_every_round_holds_every_encoder_once_and_the_baseline_twice() -> None:
    jobs = measurement_jobs(trials("abc", 3), ids("b", 3), CONFIG)
    assert len({job.id for job in jobs}) == len(jobs) == 4 * (9 + 3)
    for order in range(4):
        own = [job for job in jobs if job.order == order]
        assert Counter((job.trial.arm, job.is_copy) for job in own) == {
            ("a", False): 3,
            ("b", False): 3,
            ("b", True): 3,
            ("c", False): 3,
        }
        assert [job.place for job in own] == list(range(12))


def test_rounds_follow_each_other_in_orders_that_differ_and_repeat() -> None:
    jobs, again = (measurement_jobs(trials("abc", 3), ids("b", 3), CONFIG) for _ in range(2))
    assert jobs == again
    assert [job.order for job in jobs] == sorted(job.order for job in jobs)
    turns = [[(j.trial.id, j.is_copy) for j in jobs if j.order == order] for order in range(4)]
    assert len({tuple(turn) for turn in turns}) == 4


def test_what_was_measured_keeps_its_id_when_seeds_are_added() -> None:
    before = {job.id for job in measurement_jobs(trials("ab", 2), ids("b", 2), CONFIG)}
    assert before < {job.id for job in measurement_jobs(trials("ab", 5), ids("b", 5), CONFIG)}


def test_options_of_the_phase_are_those_of_the_space_but_for_what_was_asked() -> None:
    asked = StudySettings(space="inference_efficiency", efficiency={"links": "32", "recalls": "0.5, 0.95"})
    found = asked_efficiency(space("inference_efficiency"), asked)
    assert found == EfficiencyConfig(links=32, recalls=(0.5, 0.95))
    assert asked_efficiency(space("static_ratio"), StudySettings()) is None


@pytest.mark.parametrize(
    ("where", "asked", "message"),
    [
        ("static_ratio", {"links": 4}, "the space static_ratio measures no efficiency"),
        ("inference_efficiency", {"link": 4}, "did you mean links"),
        ("inference_efficiency", {"links": "x"}, "--efficiency links: input should be a valid integer"),
        ("inference_efficiency", {"recall": 0.7}, r"arms are to be compared at recall 0\.7, which is not measured"),
    ],
)
def test_mistakes_are_told_in_a_sentence(where: str, asked: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        asked_efficiency(space(where), StudySettings(space=where, efficiency=asked))
