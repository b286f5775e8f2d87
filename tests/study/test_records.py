"""Which of two studies a record is of."""

from tests.study.toy_study import study_record


def test_the_identity_of_a_study_outlives_a_resume_and_is_that_of_no_other_study_of_its_name() -> None:
    info = study_record()
    settings = info.settings
    resumed = info.model_copy(
        update={"settings": settings.model_copy(update={"seeds": 9, "trials": 7}), "seen_at": (5,), "branches": ()}
    )
    assert resumed.identity == info.identity
    others = [
        info.model_copy(update={"created": "2026-11-20T12:00:00.001+00:00"}),
        info.model_copy(update={"settings": settings.model_copy(update={"storage": "elsewhere"})}),
        info.model_copy(update={"settings": settings.model_copy(update={"search_seed": 2_000_000})}),
    ]
    assert len({one.identity for one in (info, *others)}) == 4
