import numpy as np
import pytest

from tests.trainables.batches.toy_sets import mixed_sets, parallel
from trainables.batches.expected import describe_batches
from trainables.batches.planner import BatchPlanner
from trainables.corpora.pairs import training_data


def counts(planner, ratios):
    text = describe_batches(planner, np.array(ratios))
    assert text.startswith(f"the first {len(ratios)} batches of 8 pairs")
    return {line[:14].strip(): float(line[14:].split()[0]) for line in text.splitlines()[1:]}


def test_the_expected_counts_of_kinds_languages_and_sets():
    assert counts(BatchPlanner(mixed_sets(), 8, seed=0), [0.5, 1.0] * 20) == {
        "monolingual": 30,
        "a": 10,
        "b": 10,
        "c": 10,
        "cross-lingual": 10,
        "set A": pytest.approx(10 * 0.25 + 20 * 2 / 3 + 10 * 2 / 3, abs=0.06),
        "set B": pytest.approx(10 * 0.75, abs=0.06),
        "set C": pytest.approx(20 / 3 + 10 / 3, abs=0.06),
    }


def test_a_kind_that_no_set_can_fill_has_no_set():
    found = counts(BatchPlanner(training_data({"one": parallel(20, "a")}), 8, seed=0), [1.0] * 4)
    assert found == {"monolingual": 4, "a": 4, "cross-lingual": 0, "set one": 4}


def test_what_is_decided_in_training_is_not_described():
    assert "decided in training" in describe_batches(BatchPlanner(mixed_sets(), 8, seed=0), None)
