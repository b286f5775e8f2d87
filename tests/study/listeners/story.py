"""A trial, what it reports and how it ends."""

from tests.trainables.toy_trial import toy_trial
from trainables.records import Outcome, Report

TRIAL = toy_trial().model_copy(update={"id": "search-linear-000", "branch": "linear"})
OUTCOME = Outcome(status="complete", steps=8, metrics={"dev/multilingual/recall@10": 0.5}, dev_by_step={})


def report_at(step: int) -> Report:
    return Report(
        step=step,
        steps=8,
        ratio=0.25,
        mono_share=0.5,
        loss=1.5,
        loss_mono=None,
        loss_cross=2.0,
        learning_rate=0.1,
        pairs_per_second=321.0,
        tokens_per_second=4321.0,
        memory_gib=0.5,
        seconds=1.0,
        dev={"multilingual/map": 0.25},
    )
