"""The record of a study that never ran, for tests of what works on records."""

from typing import Any

from study.records import (
    BenchmarkRecord,
    DataRecord,
    EncoderRecord,
    ObjectiveRecord,
    StudyRecord,
    TrainingDataRecord,
)
from study.settings import StudySettings
from trainables.encoders.registry import resolve_encoder
from trainables.evaluation.measures.registry import chosen_measures
from trainables.records import now


def benchmark_record(name: str, **changes: Any) -> BenchmarkRecord:
    values = {"queries": 20, "candidates": 40, "languages": ("de", "en"), "parallel_ids": 10}
    return BenchmarkRecord(**{"name": name, "fingerprint": name, "metric_definition": 1, **values, **changes})


def study_record(name: str = "s", **changes: Any) -> StudyRecord:
    values = {
        "name": name,
        "created": now(),
        "space": "dynamic_vs_static",
        "question": "?",
        "settings": StudySettings(),
        "objectives": (ObjectiveRecord(metric="multilingual/map", direction="maximize"),),
        "main_comparison": ("best dynamic", "best static"),
        "branches": (),
        "round_size": 1,
        "encoders": (EncoderRecord(config=resolve_encoder("mini-xs")),),
        "data": DataRecord(
            training=TrainingDataRecord(fingerprint="t", languages=("de", "en"), sets=()),
            dev=benchmark_record("dev"),
            benchmarks={"test": benchmark_record("test")},
        ),
        "measures": {str(measure): measure.record() for measure in chosen_measures()},
        "versions": {},
        "git_commit": None,
        "hardware": {},
    }
    return StudyRecord(**{**values, **changes})
