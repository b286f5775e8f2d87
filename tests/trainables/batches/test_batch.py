import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainables.batches.toy_sets import parallel
from trainables.batches.planner import BatchPlanner
from trainables.corpora.pairs import training_data
from trainables.errors import UserError


@given(st.sampled_from([1, 2, 3, 4, 6, 12]), st.sampled_from(["mono", "cross"]))
def test_shards_put_together_are_the_batch(world, kind):
    batch = BatchPlanner(training_data({"set": parallel(40)}), 12, seed=0).batch(5, kind)
    shards = [batch.shard(rank, world) for rank in range(world)]
    assert {len(shard) for shard in shards} == {12 // world}
    for field in ("items", "query_language", "passage_language", "query_text", "passage_text"):
        assert np.concatenate([getattr(s, field) for s in shards]).tolist() == getattr(batch, field).tolist()
    assert {(s.step, s.kind, s.set_index) for s in shards} == {(5, kind, 0)}


def test_shards_must_be_equal_and_ranks_exist():
    batch = BatchPlanner(training_data({"set": parallel(40)}), 12, seed=0).batch(0, "mono")
    with pytest.raises(UserError, match=r"batch of 12 .* by 5 workers: use a --batch-size that is a multiple of 5"):
        batch.shard(0, 5)
    for rank in (-1, 3):
        with pytest.raises(ValueError, match="rank"):
            batch.shard(rank, 3)
