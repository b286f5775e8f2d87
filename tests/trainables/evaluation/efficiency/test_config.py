import pytest
from pydantic import ValidationError

from trainables.evaluation.efficiency.config import EfficiencyConfig
from trainables.evaluation.efficiency.registry import PARTS, efficiency_record


def test_arms_are_compared_at_a_recall_that_is_measured() -> None:
    with pytest.raises(ValidationError, match=r"recall 0\.8"):
        EfficiencyConfig(recall=0.8)


def test_fewer_than_three_orders_of_insertion_are_refused() -> None:
    with pytest.raises(ValidationError, match="orders"):
        EfficiencyConfig(orders=2)


def test_every_number_has_one_name_and_says_what_it_is_about() -> None:
    config = EfficiencyConfig()
    names = [number.name for part in PARTS.values() for number in part.numbers(config)]
    assert len(names) == len(set(names))
    record = efficiency_record(config)
    assert list(record.numbers) == names
    compared = [number for number in record.numbers.values() if number.is_compared]
    # The headline of a report is the first of them that no machine changes.
    assert next(number.name for number in compared if not number.is_timed) == "hnsw/distances@0.95"
    assert {number.part for number in compared} == {"search", "encoder"}
