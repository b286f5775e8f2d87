from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from trainables.batches.epochs import DueSets, ItemStream
from trainables.batches.streams import Stream

seeds = st.integers(0, 10**6)


def stream_of(groups, has=None, batch_size=4, seed=0, number=0, weights=None):
    """A stream of items that are numbered from 100 on."""
    has = np.ones((1, len(groups)), dtype=bool) if has is None else np.asarray(has)
    weights = np.ones(len(has)) if weights is None else np.asarray(weights, dtype=float)
    items = np.arange(100, 100 + len(groups), dtype=np.int32)
    return ItemStream(items, np.asarray(groups, dtype=np.int64), has, weights, batch_size, number, Stream(seed))


def apart(size):
    return np.arange(size)


@given(st.integers(1, 12), st.integers(0, 60), st.integers(0, 5), st.integers(1, 4))
def test_every_item_is_due_once_per_epoch_and_never_twice_in_a_batch(batch_size, more, seed, languages):
    size = 3 * batch_size + more
    found = stream_of(apart(size), np.ones((languages, size), dtype=bool), batch_size, seed)
    batches = [found.at(number).items for number in range(4 * size // batch_size + 1)]
    laid_out = np.concatenate(batches)
    for epoch in range(4):
        assert sorted(laid_out[epoch * size : (epoch + 1) * size]) == list(range(100, 100 + size))
    assert all(len(set(due.tolist())) == batch_size for due in batches)


def any_items(seed):
    """Groups of all sizes, languages of all sizes that fill a batch, and the size of a batch."""
    generator = np.random.default_rng(seed)
    batch_size, languages = int(generator.integers(1, 9)), int(generator.integers(1, 5))
    size = int(generator.integers(2 * batch_size, 60))
    groups = generator.integers(0, generator.integers(batch_size, size + 1), size)
    has = generator.random((languages, size)) < generator.random()
    for own in has:
        own[:] &= len(set(groups[own])) >= batch_size
    used = has.any(axis=0)
    return groups[used], has[:, used], batch_size


@given(seeds)
def test_a_batch_has_no_two_items_of_a_group_and_a_language_that_all_of_them_have(seed):
    groups, has, batch_size = any_items(seed)
    assume(len(groups))
    found = stream_of(groups, has, batch_size, seed)
    for number in range(60):
        due = found.at(number)
        assert len(due.items) == len(set(groups[due.items - 100])) == batch_size
        assert has[due.language, due.items - 100].all()


@given(seeds)
def test_no_item_is_further_than_two_from_any_other_however_groups_are_made(seed):
    """As long as no group is so large that an epoch cannot show all of it."""
    groups, has, batch_size = any_items(seed)
    assume(len(groups))
    found = stream_of(groups, np.ones_like(has), batch_size, seed)
    assume(found.items_per_epoch == len(groups))
    counts = np.zeros(len(groups), dtype=int)
    for number in range(20 * len(groups) // batch_size):
        counts[found.at(number).items - 100] += 1
        assert counts.max() - counts.min() <= 2


@given(seeds)
def test_no_item_is_far_from_any_other_however_languages_are_spread(seed):
    """As long as every language can fill two batches: where it has just one, each of its batches holds all of it."""
    _, has, batch_size = any_items(seed)
    able = has.sum(axis=1) >= 2 * batch_size
    has = has[able][:, has[able].any(axis=0)]
    assume(has.size)
    found = stream_of(apart(has.shape[1]), has, batch_size, seed, weights=has.sum(axis=1))
    counts = np.zeros(has.shape[1], dtype=int)
    for number in range(20 * has.shape[1] // batch_size):
        counts[found.at(number).items - 100] += 1
        assert counts.max() - counts.min() <= 3


@given(seeds)
def test_the_item_that_has_been_due_for_longest_is_never_left_behind(seed):
    """Whatever the data, an epoch is over once a batch has begun with each of its items."""
    groups, has, batch_size = any_items(seed)
    assume(len(groups))
    found = stream_of(groups, has, batch_size, seed)
    counts = np.zeros(len(groups), dtype=int)
    for number in range(len(groups)):
        counts[found.at(number).items - 100] += 1
    assert counts.min() >= 1 or found.items_per_epoch < len(groups)


@pytest.mark.parametrize("large", [9, 30, 200])
def test_items_of_a_group_that_an_epoch_cannot_show_take_turns(large):
    groups = np.concatenate([np.zeros(large, dtype=int), np.arange(1, 25)])
    found = stream_of(groups, batch_size=4)
    # 8 batches of 4: the 24 others and 8 of the group.
    assert found.items_per_epoch == 32
    counts = Counter()
    for number in range(8 * large):
        counts.update(found.at(number).items.tolist())
    own = np.array([counts[100 + item] for item in range(large)])
    others = np.array([counts[100 + large + item] for item in range(24)])
    assert own.sum() == pytest.approx(8 * large, rel=0.05)
    assert own.max() - own.min() <= 2
    assert others.max() - others.min() <= 2


@given(seeds, st.lists(st.integers(0, 29), max_size=12))
def test_what_is_due_does_not_depend_on_what_was_asked_before(seed, asked):
    groups, has, batch_size = any_items(seed)
    assume(len(groups))
    in_order = stream_of(groups, has, batch_size, seed)
    due = [(found.items.tolist(), found.language) for found in map(in_order.at, range(30))]
    jumping = stream_of(groups, has, batch_size, seed)
    for number in asked:
        found = jumping.at(number)
        assert (found.items.tolist(), found.language) == due[number]


def test_every_item_is_due_first_equally_often():
    counts = np.zeros(20)
    for seed in range(600):
        # Batch 3 runs over the end of the first epoch: its place 2 is the first of the second epoch.
        counts[stream_of(apart(20), batch_size=6, seed=seed).at(3).items[2] - 100] += 1
    assert stats.chisquare(counts).pvalue > 1e-3


def test_items_of_a_group_are_spread_over_an_epoch():
    """Each of the four items of a group has its place in a quarter of its own."""
    groups = np.repeat(np.arange(40), 4)
    for seed in range(20):
        found = stream_of(groups, batch_size=10, seed=seed)
        epoch = np.concatenate([found.at(number).items for number in range(16)]) - 100
        place = np.empty(160)
        place[epoch] = np.arange(160)
        quarters = np.sort(place.reshape(40, 4) // 40, axis=1)
        # What was put off since its group was in the batch may come a little later.
        assert (np.abs(quarters - np.arange(4)) <= 1).all()


def test_sets_and_seeds_have_orders_of_their_own():
    firsts = [
        stream_of(apart(50), seed=seed, number=number).at(0).items.tolist() for seed in (0, 1) for number in (0, 1)
    ]
    assert len(set(map(tuple, firsts))) == 4


@pytest.mark.parametrize("per_epoch", [[5.0, 3.0, 2.0], [0.37, 12.4], [1.0, 1.0]])
def test_sets_are_due_in_exact_proportion_and_counted(per_epoch):
    sets, wanted = DueSets(np.array(per_epoch), Stream(3)), np.array(per_epoch) / sum(per_epoch)
    seen = np.zeros(len(per_epoch), dtype=int)
    for step in range(5000):
        number, before = sets.at(step)
        assert before == seen[number]
        seen[number] += 1
        assert (np.abs(seen - (step + 1) * wanted) <= sum(per_epoch) + 1).all()
    # Other epochs than the last one, far ahead and back.
    ahead = DueSets(np.array(per_epoch), Stream(3))
    far = ahead.at(4999)
    assert far == sets.at(4999)
    assert ahead.at(5) == sets.at(5)
    assert sets.at(4999) == far
    for step in (4999, 0, 5, 2500):
        assert ahead.step_of(*sets.at(step)) == step


def test_the_order_of_sets_within_an_epoch_is_random():
    sets = DueSets(np.array([20.0, 20.0]), Stream(0))
    order = [sets.at(step)[0] for step in range(4000)]
    # Alternation would be confounded with that of the kinds.
    changes = sum(a != b for a, b in pairwise(order))
    assert stats.binomtest(changes, 3999, 20 / 39).pvalue > 1e-3


def test_a_single_set_is_always_due():
    assert DueSets(np.array([1.0]), Stream(0)).at(12345) == (0, 12345)
    assert DueSets(np.array([1.0]), Stream(0)).step_of(0, 12345) == 12345
