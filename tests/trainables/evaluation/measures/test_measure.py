"""What holds for every measure: its name and cut-off, where it can be computed, its record."""

import pytest

from trainables.errors import UserError
from trainables.evaluation.measures.map import AveragePrecision
from trainables.evaluation.measures.measure import BiasMeasure, QueryBiasMeasure, RankingMeasure
from trainables.evaluation.measures.ndcg import Ndcg
from trainables.evaluation.measures.rank_distance import RankDistance
from trainables.evaluation.measures.registry import MEASURES, example, find_measure
from trainables.evaluation.metric_name import MetricName


@pytest.mark.parametrize("kind", MEASURES.values(), ids=MEASURES)
def test_a_measure_says_all_that_others_need(kind) -> None:
    measure = find_measure(example(kind))
    record = measure.record()
    assert str(measure) == record.name == example(kind)
    assert str(find_measure(record.name)) == record.name
    assert all(str(MetricName("b", setting, record.name)) for setting in record.settings)
    assert record.label
    assert record.description
    assert record.per_query == isinstance(measure, RankingMeasure | QueryBiasMeasure)
    assert (record.settings == ("bias",)) == isinstance(measure, BiasMeasure)
    assert all(isinstance(find_measure(name), kind) for name in kind.default)
    assert type(record).model_validate_json(record.model_dump_json()) == record


def test_a_cut_off_belongs_to_name_and_label() -> None:
    assert Ndcg(10).record().name == "ndcg@10"
    assert Ndcg(10).record().label == "nDCG@10"
    assert Ndcg(10) == find_measure("ndcg@10") != Ndcg(20)
    assert AveragePrecision().record().label == "mAP"
    assert AveragePrecision(10) != Ndcg(10)


def test_a_cut_off_is_given_where_it_must_be_and_nowhere_else() -> None:
    with pytest.raises(UserError, match="Unknown measure 'ndcg': it needs a cut-off, as in ndcg@10"):
        Ndcg()
    with pytest.raises(UserError, match="Unknown measure 'rank_distance@3': rank_distance has no cut-off"):
        RankDistance(3)
