"""An option of a trial is decided once: what two decide is refused, what goes together is not."""

from typing import Any

import pytest

from search_spaces.registry import SPACES, space
from search_spaces.space import strategies
from study.plan.program import StudyPlan, asked_space
from study.read_settings import settings_from
from study.run import main
from study.settings import StudySettings
from trainables.errors import UserError

OF_THE_SPACE = r"what the levels of the factor 'batch' of the space batch_size set: leave it out, or give levels"
STEPS = {"short": {"steps": 20}, "long": {"steps": 40}}


def asked(name: str, **flags: Any) -> StudySettings:
    return settings_from(None, {"space": name, **flags})


@pytest.mark.parametrize(
    ("name", "flags", "said"),
    [
        ("batch_size", {"set": ["optimiser.betas=0.9,0.95"]}, rf"optimiser\.betas is set, but it is {OF_THE_SPACE}"),
        ("batch_size", {"batch_size": ["24", "48"]}, rf"batches\.size is a factor, but it is {OF_THE_SPACE}"),
        ("batch_size", {"factor": ["steps=100,200"]}, rf"steps is a factor, but it is {OF_THE_SPACE}"),
        ("batch_size", {"search": ["batches.size=24,48"]}, rf"batches\.size is searched, but it is {OF_THE_SPACE}"),
        ("batch_size", {"search": ["steps=100,200"]}, rf"steps is searched, but it is {OF_THE_SPACE}"),
        ("batch_size", {"search_factor": {"length": STEPS}}, r"of the searched factor 'length' set, but it is what"),
        (
            "model_size",
            {"search_factor": ["encoder=mini-image-xs,mini-image-s"]},
            r"encoder is a searched factor, but .* the factor 'encoder' of the space model_size set: leave it out\.$",
        ),
        ("model_size", {"factor": ["encoder.patch=8,16"]}, r"encoder\.patch is a factor, but it is what the levels"),
        ("static_ratio", {"set": ["steps=30"], "factor": {"length": STEPS}}, "steps is set, but .* let one of them"),
        (
            "static_ratio",
            {"factor": {"length": STEPS, "size": {"a": {"steps": 1, "batches.size": 8}, "b": {"batches.size": 16}}}},
            "steps is what the levels of the factor 'length' set, but it is what the levels of the factor 'size' set",
        ),
        (
            "static_ratio",
            {"search": ["steps=10,20"], "search_factor": {"length": STEPS}},
            "steps is searched, but it is what the levels of the searched factor 'length' set",
        ),
        # A whole takes its parts with it where it is laid over them.
        (
            "static_ratio",
            {"set": ["encoder.pooling=cls"], "search_factor": ["encoder=mini-xs,mini-s"]},
            r"encoder is a searched factor and would replace encoder\.pooling, which is set: leave it out, or search",
        ),
        (
            "static_ratio",
            {"factor": ["encoder.pooling=cls,mean"], "search": ["encoder=mini-xs,mini-s"]},
            r"encoder is searched and would replace encoder\.pooling, which is a factor",
        ),
        # What a strategy is made of is not searched.
        (
            "static_ratio",
            {"search": ["ratio.value=0.3,0.4"]},
            r"ratio\.value is searched, .* makes X-X-mono what it",
        ),
        (
            "static_ratio",
            {"search": ["ratio=linear,step"]},
            r"ratio is searched and would replace ratio\.family",
        ),
    ],
)
def test_what_two_decide_is_refused(name: str, flags: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        asked_space(space(name), asked(name, **flags))


def test_two_levels_that_ask_for_a_cluster_are_refused() -> None:
    asks = {n: {"cluster": {"workers-per-trial": n}} for n in (1, 2)}
    one, other = ({n: {key: n, **asks[n]} for n in asks} for key in ("steps", "batches.size"))
    with pytest.raises(UserError, match=r"cluster\.workers_per_trial is what the levels of the factor 'one' set"):
        asked_space(space("static_ratio"), StudySettings(factor={"one": one, "other": other}))


@pytest.mark.parametrize("name", list(SPACES))
def test_every_space_stands_with_what_it_does_not_decide(name: str) -> None:
    flags = {"search": ["loss.temperature", "optimiser.learning_rate"], "factor": ["loss.symmetric=true,false"]}
    plan = StudyPlan(space(name), asked(name, sampler="tpe", **flags))
    assert {config.loss.symmetric for config in plan.first_configs} == {True, False}


@pytest.mark.parametrize(
    ("name", "flags", "seen"),
    [
        # The whole before its parts, in whatever order they were given.
        (
            "static_ratio",
            {"model": ["mini-xs", "mini-s"], "set": ["encoder.pooling=cls"]},
            {("mini-xs", "cls"), ("mini-s", "cls")},
        ),
        (
            "static_ratio",
            {"factor": ["encoder.pooling=cls,mean", "encoder=mini-xs,mini-s"]},
            {(encoder, pooling) for encoder in ("mini-xs", "mini-s") for pooling in ("cls", "mean")},
        ),
        (
            "static_ratio",
            {"model": ["mini-xs", "mini-s"], "search": ["encoder.pooling=cls,mean"], "sampler": "tpe"},
            {("mini-xs", "mean"), ("mini-s", "mean")},
        ),
        # Levels of one's own take the place of the space's.
        (
            "model_size",
            {"model": ["mini-image-s", "mini-image-xs"], "search": ["steps=20,40"]},
            {("mini-image-xs", "mean"), ("mini-image-s", "mean")},
        ),
        (
            "batch_size",
            {"factor": {"batch": {"a": {"batches.size": 8}, "b": {"batches.size": 16}}}, "set": ["steps=20"]},
            {("mini-t5-xs", "mean")},
        ),
    ],
)
def test_what_goes_together_is_followed(name: str, flags: dict[str, Any], seen: set[tuple[str, str]]) -> None:
    plan = StudyPlan(space(name), asked(name, **flags))
    assert {(config.encoder.name, config.encoder.pooling) for config in plan.first_configs} == seen


def test_a_ratio_is_searched_where_no_strategy_is_made_of_it() -> None:
    settings = asked("static_ratio", search=["ratio.value=0.3,0.4"], arms=["static"], sampler="tpe")
    assert {branch.name for branch in asked_space(space("static_ratio"), settings).branches} == {"static"}


def test_two_factors_of_a_space_that_decide_the_same_are_refused() -> None:
    (batch,) = space("batch_size").factors
    twice = space("batch_size").model_copy(
        update={"branches": strategies(), "factors": (batch, batch.model_copy(update={"name": "again"}))}
    )
    with pytest.raises(UserError, match=r"of the factor 'batch' .* set, but it is .* the factor 'again'"):
        asked_space(twice, StudySettings())


def test_a_dry_run_says_it_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--space", "batch_size", "--batch-size", "24", "--batch-size", "48", "--dry-run"]
    assert main(flags) == 2
    assert "batches.size is a factor, but it is what the levels of the factor 'batch'" in capsys.readouterr().err


def test_an_arm_that_is_given_has_the_first_level_of_a_searched_bundle() -> None:
    """What an arm leaves open is as it would be tried first; what it says itself it keeps."""
    levels = {"short": {"steps": 20, "encoder": "mini-s"}, "long": {"steps": 40, "encoder": "mini-xs"}}
    arms = ["mine: ratio=constant(0.3) encoder.pooling=cls", "longer: ratio=constant(0.3) steps=60"]
    settings = asked("static_ratio", search_factor={"length": levels}, arm=arms, arms=["X-Y"], sampler="tpe")
    plan = StudyPlan(space("static_ratio"), settings)
    mine, longer = (config for config in plan.first_configs if config.ratio.constant_value() == 0.3)
    assert (mine.steps, mine.encoder.name, mine.encoder.pooling) == (20, "mini-s", "cls")
    assert (longer.steps, longer.encoder.name) == (60, "mini-s")
    (budget,) = plan.branches
    assert budget.pairs == budget.trials * 20 * mine.batches.size
