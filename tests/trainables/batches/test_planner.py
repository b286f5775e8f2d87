import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.trainables.batches.toy_sets import mixed_sets, parallel
from trainables.batches.config import BatchConfig
from trainables.batches.drawn import drawn_batch, kinds_of
from trainables.batches.planner import BatchPlanner
from trainables.corpora.items import PairItem
from trainables.corpora.normal_form import normal_form
from trainables.corpora.pair_files import load_pair_file
from trainables.corpora.pairs import training_data
from trainables.corpora.sources.registry import EMBEDDED
from trainables.corpora.training_sets import load_training
from trainables.errors import UserError

KINDS = ("mono", "cross")
both_sorts_of_items = pytest.mark.parametrize("items", ["common", "all"])


def any_data(seed, distinct_texts=False):
    """One to three sets with holes, shared groups and shared texts, all by chance."""
    generator = np.random.default_rng(seed)
    sets = {}
    for name in "ABC"[: generator.integers(1, 4)]:
        vocabulary, groups, density = generator.choice([3, 12, 1000]), generator.choice([8, 30]), generator.random()
        items = []
        for i in range(generator.integers(1, 26)):
            query, passage = (
                {
                    lang: f"{name}{role}{i if distinct_texts else number}{lang}"
                    for lang in "abcd"
                    if generator.random() < density or lang == always
                }
                for role, number, always in zip(
                    "qp", generator.integers(0, vocabulary, 2), generator.choice(list("abcd"), 2), strict=True
                )
            )
            items.append(PairItem(str(i), str(generator.integers(0, groups)), query, passage))
        sets[name] = items
    return training_data(sets)


seeds_of_data = st.integers(0, 10**6)


def check(data, batch, batch_size):
    """Every rule of a batch, told from the data alone."""
    assert [
        a.dtype
        for a in (batch.items, batch.query_language, batch.passage_language, batch.query_text, batch.passage_text)
    ] == [np.int64, np.int16, np.int16, np.int32, np.int32]
    rows = list(
        zip(
            batch.items, batch.query_language, batch.passage_language, batch.query_text, batch.passage_text, strict=True
        )
    )
    assert len(rows) == len(batch) == batch_size
    for item, query_language, passage_language, query_text, passage_text in rows:
        assert data.set_of_item[item] == batch.set_index
        assert data.query_text[item, query_language] == query_text >= 0
        assert data.passage_text[item, passage_language] == passage_text >= 0
        if batch.kind is not None:
            assert (query_language == passage_language) == (batch.kind == "mono")
    if batch.kind == "mono":
        assert len(set(batch.query_language.tolist())) == 1
    for column in (batch.items, data.group_of_item[batch.items], batch.query_text, batch.passage_text):
        assert len(set(column.tolist())) == batch_size
    # No text of one item, in any language, is a text of another one.
    owners = [set(forms_of(data, item)) for item in batch.items.tolist()]
    assert sum(map(len, owners)) == len(set().union(*owners))


def forms_of(data, item):
    texts = [*data.query_text[item].tolist(), *data.passage_text[item].tolist()]
    return (form_of(data.texts[text]) for text in texts if text >= 0)


form_of = cache(normal_form)


def content(batch):
    return [
        column.tolist()
        for column in (batch.items, batch.query_language, batch.passage_language, batch.query_text, batch.passage_text)
    ]


def planned(data, batch_size, seed=0, **options):
    """A planner, or None if it can fill nothing."""
    try:
        return BatchPlanner(data, batch_size, seed, **options)
    except UserError:
        return None


@pytest.mark.slow
@given(seeds_of_data, st.integers(1, 9), st.integers(0, 99), st.lists(st.integers(0, 400), min_size=1, max_size=6))
@settings(deadline=None, max_examples=120)
@both_sorts_of_items
def test_every_batch_keeps_every_rule(items, data_seed, batch_size, seed, steps):
    data = any_data(data_seed)
    planner = planned(data, batch_size, seed, items=items)
    assume(planner is not None)
    filled = 0
    for kind in KINDS:
        try:
            planner.check(kind)
        except UserError:
            with pytest.raises(UserError):
                planner.batch(steps[0], kind)
            continue
        for step in steps:
            batch = planner.batch(step, kind)
            assert (batch.step, batch.kind) == (step, kind)
            check(data, batch, batch_size)
            filled += 1
    assert filled


@given(seeds_of_data, st.integers(1, 9))
@settings(deadline=None, max_examples=60)
@both_sorts_of_items
def test_a_kind_is_filled_exactly_when_a_set_has_enough_groups_for_it(items, data_seed, batch_size):
    data = any_data(data_seed, distinct_texts=True)

    def groups(usable):
        found = {(data.set_of_item[i], data.group_of_item[i]) for i in range(len(data)) if usable(data.item(i))}
        return max(Counter(set_index for set_index, _ in found).values(), default=0)

    def crosses(item):
        return any(q != p for q in item.query for p in item.passage)

    def serves(item, lang):
        return lang in item.query and lang in item.passage and (items == "all" or crosses(item))

    per_language = {lang: groups(lambda item, lang=lang: serves(item, lang)) for lang in data.languages}
    able = {lang: count >= batch_size for lang, count in per_language.items()}
    fillable = {"mono": any(able.values()), "cross": groups(crosses) >= batch_size}
    if items == "common":
        # What cannot fill a batch of one kind is in no batch of the other either.
        fillable["cross"] = fillable["mono"]
    planner = planned(data, batch_size, items=items)
    assert (planner is not None) == any(fillable.values())
    if planner is None:
        return
    for kind, expected in fillable.items():
        try:
            planner.batch(3, kind)
            assert expected
        except UserError:
            assert not expected
    assert {lang for lang, _ in planner.languages_left_out} == {lang for lang, found in able.items() if not found}


@pytest.mark.slow
@given(seeds_of_data, st.integers(1, 6), st.lists(st.tuples(st.integers(0, 200), st.sampled_from(KINDS)), max_size=12))
@settings(deadline=None, max_examples=60)
@both_sorts_of_items
def test_a_batch_does_not_depend_on_earlier_calls_nor_on_numpy_s_global_state(items, data_seed, batch_size, calls):
    data = any_data(data_seed)
    planner = planned(data, batch_size, items=items)
    assume(planner is not None)
    for step, kind in calls:
        try:
            batch = planner.batch(step, kind)
        except UserError:
            continue
        np.random.seed(step)
        fresh = BatchPlanner(data, batch_size, 0, items=items).batch(step, kind)
        assert batch.set_index == fresh.set_index
        assert content(batch) == content(fresh)


def test_seeds_and_data_give_other_batches():
    data, other = training_data({"set": parallel(100)}), training_data({"sets": parallel(100)})
    batches = [BatchPlanner(d, 16, seed).batch(0, "mono") for d, seed in [(data, 0), (data, 1), (other, 0)]]
    assert len({tuple(batch.items.tolist()) for batch in batches}) == 3


@pytest.mark.parametrize("groups", [None, 40])
@both_sorts_of_items
def test_on_parallel_data_the_items_are_the_same_in_every_arm(items, groups):
    data = training_data({"A": parallel(90, name="A", groups=groups), "B": parallel(200, name="B", groups=groups)})
    planner = BatchPlanner(data, 16, seed=3, items=items)
    sets = set()
    for step in range(150):
        mono, cross = planner.batch(step, "mono"), planner.batch(step, "cross")
        assert mono.items.tolist() == cross.items.tolist()
        sets.add(mono.set_index)
    assert sets == {0, 1}


def partly_parallel():
    """Two sets in which most items lack languages, on either side, and some serve one kind of batch only."""
    generator = np.random.default_rng(7)
    sets = {}
    for name, languages in (("A", "abcd"), ("B", "bcde")):
        items = parallel(300, languages, name, groups=90)
        for number in range(0, 300, 2):
            kept = [{lang for lang in languages if generator.random() < 0.5} or {languages[0]} for _ in range(2)]
            query, passage = (
                {lang: text for lang, text in side.items() if lang in own}
                for side, own in zip((items[number].query, items[number].passage), kept, strict=True)
            )
            items[number] = PairItem(items[number].id, items[number].group, query, passage)
        sets[name] = [*items, *parallel(200, languages[0], f"{name} only")]
    return training_data(sets)


@pytest.mark.parametrize("order", [(0.0, 0.25, 0.5, 1.0), (1.0, 0.5, 0.25, 0.0)])
def test_on_partly_parallel_data_the_items_are_the_same_in_every_arm(order):
    """Whatever its ratio, whether it changes, and whether kinds alternate or are mixed in a batch."""
    data = partly_parallel()
    streams = []
    for ratio in order:
        for mixing in ("alternate", "loss"):
            batches = BatchConfig(size=16, mixing=mixing)
            planner, kinds = BatchPlanner.of(data, batches, 5), kinds_of(batches, 5)
            arm = [drawn_batch(planner, batches, step, kinds.mono(step, ratio)) for step in range(120)]
            for batch in arm:
                check(data, batch, 16)
            mono_share = sum(batch.mono for batch in arm) / (120 * 16)
            assert mono_share == pytest.approx(ratio, abs=1 / 120)
            streams.append([(batch.set_index, batch.items.tolist()) for batch in arm])
    assert all(stream == streams[0] for stream in streams)
    assert {set_index for set_index, _ in streams[0]} == {0, 1}


def test_common_items_serve_both_kinds_and_the_others_are_not_used():
    data = partly_parallel()
    both = set()
    for number in range(len(data)):
        item = data.item(number)
        if set(item.query) & set(item.passage) and any(q != p for q in item.query for p in item.passage):
            both.add(number)
    planner = BatchPlanner(data, 16, seed=0)
    seen = set()
    for step in range(3 * len(data) // 16):
        seen |= set(planner.batch(step, "mono").items.tolist())
    assert seen == both
    assert planner.items_in_use == len(both)


def test_a_batch_of_both_kinds_has_as_many_pairs_of_each_as_were_asked_for_chosen_at_random():
    data = training_data({"set": parallel(100)})
    planner = BatchPlanner(data, 16, seed=0)
    places = np.zeros(16)
    for step in range(300):
        batch = planner.mixed_batch(step, 5)
        check(data, batch, 16)
        is_mono = batch.query_language == batch.passage_language
        assert is_mono.sum() == batch.mono == 5
        # One language, as in a monolingual batch of the step.
        assert set(batch.query_language[is_mono]) == {planner.batch(step, "mono").query_language[0]}
        cross = planner.batch(step, "cross")
        assert (batch.query_text[~is_mono] == cross.query_text[~is_mono]).all()
        assert (batch.passage_text[~is_mono] == cross.passage_text[~is_mono]).all()
        places += is_mono
    assert stats.chisquare(places).pvalue > 1e-3
    with pytest.raises(ValueError, match="must be common"):
        BatchPlanner(data, 16, seed=0, items="all").mixed_batch(0, 5)


@pytest.mark.parametrize("arm", ["mono", "cross", "mixed"])
@both_sorts_of_items
def test_on_parallel_data_every_arm_sees_every_item_of_a_set_once_per_epoch(items, arm):
    data = training_data({"A": parallel(53, name="A"), "B": parallel(120, name="B")})
    planner = BatchPlanner(data, 16, seed=1, items=items)
    seen = {0: [], 1: []}
    for step in range(200):
        batch = planner.batch(step, KINDS[step % 3 == 0] if arm == "mixed" else arm)
        seen[batch.set_index] += batch.items.tolist()
    for number, (first, size) in enumerate([(0, 53), (53, 120)]):
        epochs = len(seen[number]) // size
        assert epochs >= 9
        for epoch in range(epochs):
            assert sorted(seen[number][epoch * size : (epoch + 1) * size]) == list(range(first, first + size))


@pytest.mark.parametrize("groups", [16, 17, 25, 60])
def test_items_that_share_groups_are_deferred_and_not_dropped(groups):
    """Groups as few as a batch is large, or so many that a batch seldom has two due items of one."""
    data = training_data({"set": parallel(240, groups=groups)})
    planner = BatchPlanner(data, 16, seed=0)
    counts = np.zeros(240, dtype=int)
    for step in range(60):
        counts[planner.batch(step, "cross").items] += 1
        if step % 15 == 14:
            # An epoch and what was put off, at most a batch of it.
            assert counts.min() >= (step + 1) // 15 - 1
            assert counts.max() <= (step + 1) // 15 + 1
    assert (counts == 4).mean() > 0.9


def test_a_due_item_that_cannot_serve_is_replaced_in_its_place_only():
    items = parallel(200, "ab")
    holes = [
        PairItem(i.id, i.group, {"a": i.query["a"]}, {"a": i.passage["a"]}) if n % 4 == 0 else i
        for n, i in enumerate(items)
    ]
    planner = BatchPlanner(training_data({"set": holes}), 16, seed=0, items="all")
    due_and_able = replaced = 0
    for step in range(40):
        mono, cross = planner.batch(step, "mono"), planner.batch(step, "cross")
        if mono.query_language[0] == 0:
            for m, c in zip(mono.items, cross.items, strict=True):
                due_and_able += m % 4 > 0
                replaced += m % 4 == 0
                assert (m == c) == (m % 4 > 0)
    assert due_and_able > 50
    assert replaced > 20


def frequencies(planner, steps, kind="mono"):
    languages = Counter(int(planner.batch(step, kind).query_language[0]) for step in range(steps))
    return np.array([languages[number] for number in range(len(planner.data.languages))])


def test_monolingual_languages_are_uniform_whatever_their_sizes():
    items = parallel(40, "abc") + parallel(300, "c", name="more")
    for sort in ("common", "all"):
        planner = BatchPlanner(training_data({"set": items}), 8, seed=4, items=sort)
        assert stats.chisquare(frequencies(planner, 3000)).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_a_language_temperature_draws_by_a_power_of_the_size(temperature):
    items = parallel(40, "abc") + parallel(300, "c", name="more")
    data = training_data({"set": items})
    planner = BatchPlanner(data, 8, seed=4, language_temperature=temperature, items="all")
    shares = np.array([40.0, 40.0, 340.0]) ** (1 / temperature)
    assert stats.chisquare(frequencies(planner, 3000), 3000 * shares / shares.sum()).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [None, 1.0, 2.0, 5.0])
def test_the_language_of_common_items_is_drawn_from_their_own(temperature):
    """Set A has three languages, B two of them, which thus have more items."""
    data = training_data({"A": parallel(100, "abc", "A"), "B": parallel(300, "bc", "B")})
    planner = BatchPlanner(data, 8, seed=4, language_temperature=temperature)
    counts = np.zeros((2, 3))
    for step in range(6000):
        batch = planner.batch(step, "mono")
        counts[batch.set_index, batch.query_language[0]] += 1
    sizes = np.array([100.0, 400.0, 400.0]) ** (0 if temperature is None else 1 / temperature)
    assert stats.chisquare(counts[0], counts[0].sum() * sizes / sizes.sum()).pvalue > 1e-3
    assert counts[1, 0] == 0
    assert stats.chisquare(counts[1, 1:]).pvalue > 1e-3


TO_THE_LARGE = {"language_temperature": 5.0, "last_language_temperature": 1.0}


def drawn_by(sizes, steps, first, last):
    """The expected number of monolingual batches per language where the exponent of the sizes goes in a line."""
    powers = first + (last - first) * np.arange(steps) / steps
    weights = np.array(sizes, dtype=float)[None, :] ** powers[:, None]
    return (weights / weights.sum(axis=1, keepdims=True)).sum(axis=0)


@pytest.mark.parametrize("last", [1.0, 50.0])
@pytest.mark.parametrize("first", [None, 2.0])
def test_a_changing_language_temperature_draws_by_the_power_of_every_step(first, last):
    items, steps = parallel(40, "abc") + parallel(300, "c", name="more"), 3000
    options = {"language_temperature": first, "last_language_temperature": last, "steps": steps}
    planner = BatchPlanner(training_data({"set": items}), 8, seed=4, items="all", **options)
    found = np.array([planner.batch(step, "mono").query_language[0] for step in range(steps)])
    start, end = 0.0 if first is None else 1 / first, 1 / last
    for part in (slice(0, steps), slice(0, steps // 2), slice(steps // 2, steps)):
        share = [start + (end - start) * at / steps for at in (part.start, part.stop)]
        expected = drawn_by([40, 40, 340], part.stop - part.start, *share)
        assert stats.chisquare(np.bincount(found[part], minlength=3), expected).pvalue > 1e-3


def test_a_changing_temperature_of_common_items_follows_the_steps_of_the_training_in_every_set():
    """Set A has three languages, B two of them, which thus have more items; what an epoch holds is not what a training
    has."""
    data, steps = training_data({"A": parallel(100, "abc", "A"), "B": parallel(300, "bc", "B")}), 6000
    planner = BatchPlanner(data, 8, seed=4, language_temperature=0.5, last_language_temperature=20, steps=steps)
    batches = [planner.batch(step, "mono") for step in range(steps)]
    found = np.array([(batch.set_index, batch.query_language[0]) for batch in batches])
    powers = 2 + (1 / 20 - 2) * np.arange(steps) / steps
    weights = np.array([100.0, 400.0, 400.0])[None, :] ** powers[:, None]
    for part in (slice(0, steps // 2), slice(steps // 2, steps)):
        in_a = found[part, 0] == 0
        expected = (weights[part] / weights[part].sum(axis=1, keepdims=True))[in_a].sum(axis=0)
        assert stats.chisquare(np.bincount(found[part][in_a, 1], minlength=3), expected).pvalue > 1e-3


@both_sorts_of_items
def test_batches_of_a_changing_temperature_depend_on_nothing_but_the_step_and_not_on_the_kind_in_their_items(items):
    data, options = partly_parallel(), {**TO_THE_LARGE, "steps": 150, "items": items}
    planner = BatchPlanner(data, 16, 3, **options)
    planned = [planner.batch(step, "mono") for step in range(150)]
    for step in (149, 20, 77):
        fresh = BatchPlanner(data, 16, 3, **options).batch(step, "mono")
        assert content(planner.batch(step, "mono")) == content(fresh) == content(planned[step])
        if items == "common":
            assert planner.batch(step, "cross").items.tolist() == fresh.items.tolist()
    other = BatchPlanner(data, 16, 3, language_temperature=5.0, items=items)
    assert any(content(other.batch(step, "mono")) != content(planned[step]) for step in range(150))


@both_sorts_of_items
@pytest.mark.parametrize(("first", "last"), [(2.0, 2.0), (2.0, None), (None, None)])
def test_a_temperature_that_ends_where_it_begins_is_a_constant_one(items, first, last):
    data = partly_parallel()
    constant = BatchPlanner(data, 16, 3, language_temperature=first, items=items)
    still = BatchPlanner(data, 16, 3, language_temperature=first, last_language_temperature=last, steps=40, items=items)
    assert all(content(constant.batch(step, "mono")) == content(still.batch(step, "mono")) for step in range(40))


def test_items_in_one_language_of_few_are_served_as_often_as_the_others():
    """Their batches come when they have been due for longest, not when a language is drawn."""
    data = training_data({"set": [*parallel(300, "abc"), *parallel(20, "cd", "few")]})
    planner = BatchPlanner(data, 16, seed=0)
    counts = np.zeros(len(data), dtype=int)
    for step in range(200):
        counts[planner.batch(step, "mono").items] += 1
    assert counts.max() - counts.min() <= 2


def test_cross_lingual_pairs_are_uniform_over_the_ordered_pairs_of_an_item():
    planner = BatchPlanner(training_data({"set": parallel(64, "abcd")}), 16, seed=0)
    pairs = Counter()
    for step in range(500):
        batch = planner.batch(step, "cross")
        pairs.update(zip(batch.query_language.tolist(), batch.passage_language.tolist(), strict=True))
    assert len(pairs) == 12
    assert stats.chisquare(list(pairs.values())).pvalue > 1e-3


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        (None, {"a": [100, 300, 0], "b": [100, 0, 50], "c": [100, 0, 50], "cross": [100, 0, 50]}),
        (
            {"A": 1, "B": 1, "C": 6},
            {"a": [1, 1, 0], "b": [1, 0, 6], "c": [1, 0, 6], "cross": [1, 0, 6]},
        ),
    ],
)
def test_sets_serve_in_proportion_to_what_they_can_serve_or_to_their_weights(weights, shares):
    data = mixed_sets()
    planner = BatchPlanner(data, 8, seed=0, set_weights=weights, items="all")
    counts = {name: np.zeros(3) for name in shares}
    for step in range(4000):
        mono, cross = planner.batch(step, "mono"), planner.batch(step, "cross")
        counts[data.languages[mono.query_language[0]]][mono.set_index] += 1
        counts["cross"][cross.set_index] += 1
    for name, expected in shares.items():
        able = np.array(expected) > 0
        assert counts[name][~able].sum() == 0
        wanted = np.array(expected)[able] / sum(expected) * counts[name].sum()
        assert stats.chisquare(counts[name][able], wanted).pvalue > 1e-3


@pytest.mark.parametrize(
    ("options", "shares"),
    [
        ({}, [100, 0, 50]),
        ({"set_share": "pairs"}, [100 * 9, 0, 50 * 4]),
        ({"set_weights": {"A": 1, "B": 1, "C": 6}}, [1, 0, 6]),
    ],
)
def test_sets_of_common_items_have_one_share_whatever_the_kind(options, shares):
    """B has items in one language only: they serve one kind of batch."""
    planner = BatchPlanner(mixed_sets(), 8, seed=0, **options)
    counts = np.zeros(3)
    for step in range(1, 1001):
        mono, cross = planner.batch(step, "mono"), planner.batch(step, "cross")
        assert mono.set_index == cross.set_index
        counts[mono.set_index] += 1
        # Never further from its share than what an epoch of all sets holds.
        assert np.abs(counts - step * np.array(shares) / sum(shares)).max() < 150 / 8 + 2
    assert counts[1] == 0
    wanted = {name: share / sum(shares) for name, share in zip("ABC", shares, strict=True) if share}
    assert planner.set_shares == pytest.approx(wanted)


def test_a_set_that_can_serve_only_in_part_gives_up_only_a_part_of_its_batches():
    # In language b set A has 30 of its 120 items, B all of its 60, C all of its 20.
    # So the shares are 3 : 6 : 2, and the sets are due 12 : 6 : 2.
    sets = {
        "A": parallel(30, "ab", "A") + parallel(90, "a", "A more"),
        "B": parallel(60, "b", "B"),
        "C": parallel(20, "b", "C"),
    }
    planner = BatchPlanner(training_data(sets), 8, seed=0, items="all")
    due_and_taken = Counter()
    for step in range(6000):
        batch = planner.batch(step, "mono")
        if batch.query_language[0] == 1:
            due_and_taken[planner._plan._due.at(step)[0], batch.set_index] += 1
    table = np.array([[due_and_taken[due, taken] for taken in range(3)] for due in range(3)])
    # B and C are taken whenever they are due; A is taken in 3/11 of all steps and leaves the rest to those who lack.
    lacking = np.array([6 / 11 - 6 / 20, 2 / 11 - 2 / 20])
    expected = np.array([[3 / 11, *lacking], [0, 6 / 20, 0], [0, 0, 2 / 20]]) * table.sum()
    assert (table[expected == 0] == 0).all()
    assert stats.chisquare(table[expected > 0], expected[expected > 0]).pvalue > 1e-3


def test_sets_that_fill_no_batch_and_languages_without_one_are_reported():
    data = training_data(
        {"big": parallel(30, "ab"), "small": parallel(5, "abc", "small"), "grouped": parallel(50, "a", "g", 7)}
    )
    why = "in groups of their own, a batch needs 8"
    planner = BatchPlanner(data, 8, seed=0, items="all")
    assert planner.left_out == [("small", f"at most 5 items {why}"), ("grouped", f"at most 7 items {why}")]
    assert planner.languages_left_out == [("c", f"at most 5 items {why}")]
    common = BatchPlanner(data, 8, seed=0)
    assert common.left_out == [
        ("small", f"at most 5 items that serve both kinds of batch {why}"),
        ("grouped", f"at most 0 items that serve both kinds of batch {why}"),
    ]
    assert common.languages_left_out == [("c", f"at most 5 items {why}")]
    assert common.items_in_use == 30
    assert {planner.batch(step, kind).set_index for step in range(50) for kind in KINDS} == {0}


def test_nothing_to_fill_a_batch_from_is_told_with_numbers_and_remedy():
    apart = {"set": parallel(30, "a"), "other": parallel(2, "b", "other")}
    only_mono = BatchPlanner(training_data(apart), 8, seed=0, items="all")
    only_mono.check("mono")
    untold = r"^No cross-lingual batch of 8 .*: every one of the 32 items is in one language; give .* one id \(pair_id"
    with pytest.raises(UserError, match=untold):
        only_mono.check("cross")
    with pytest.raises(UserError, match=r"^No monolingual batch of 8 .* more than 5 .* use --batch-size 5 or less"):
        BatchPlanner(training_data({"set": parallel(5)}), 8, seed=0, items="all")
    with pytest.raises(UserError, match=untold):
        BatchPlanner(training_data(apart), 8, seed=0)
    with pytest.raises(UserError, match=r"^All training texts are in a, .* give translations .*batches.items=all"):
        BatchPlanner(training_data({"set": parallel(30, "a")}), 8, seed=0)
    with pytest.raises(UserError, match=r"^No batch of 8 .* more than 5 items .* use --batch-size 5 or less"):
        BatchPlanner(training_data({"set": parallel(5)}), 8, seed=0)
    for empty in ({}, {"set": []}):
        for items in ("common", "all"):
            with pytest.raises(UserError, match="no training data"):
                BatchPlanner(training_data(empty), 8, seed=0, items=items)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"set_weights": {"set": 1, "zet": 1}}, "Unknown training set 'zet': did you mean set"),
        ({"set_weights": {}}, "weight of training set 'set' is None"),
        ({"set_weights": {"set": 0}}, "weight of training set 'set' is 0"),
        ({"language_temperature": 0}, "language temperature is 0"),
        ({"language_temperature": float("nan")}, "language temperature is nan"),
        ({"last_language_temperature": 0, "steps": 3}, "last language temperature is 0"),
    ],
)
def test_wrong_options_are_told(options, message):
    with pytest.raises(UserError, match=re.escape(message)):
        BatchPlanner(training_data({"set": parallel(30)}), 8, seed=0, **options)


def adversarial(languages):
    """Data in which few combinations make a batch of 6."""

    def item(number, group, query, passage):
        sides = ({lang: f"{name} {lang}" for lang in languages} for name in (query, passage))
        return PairItem(str(number), str(group), *sides)

    return {
        "six query texts": [item(i, i, f"q{i % 6}", f"p{i}") for i in range(3000)],
        "one big group": [item(i, "big" if i > 4 else i, f"q{i}", f"p{i}") for i in range(3000)],
    }


@pytest.mark.parametrize("name", ["six query texts", "one big group"])
@both_sorts_of_items
def test_batches_end_and_keep_the_rules_on_adversarial_data(items, name):
    data = training_data({"set": adversarial("ab")[name]})
    planner = BatchPlanner(data, 6, 0, items=items)
    distinct = set()
    for step in range(40):
        for kind in KINDS:
            batch = planner.batch(step, kind)
            check(data, batch, 6)
            distinct.add(tuple(sorted(batch.items.tolist())))
    assert len(distinct) > 1


@both_sorts_of_items
def test_items_that_share_a_text_each_with_its_neighbour_are_one_group(items):
    """Every other one of them would fit, but what has two answers in common may well be the answer."""
    cycle = [
        PairItem(str(i), str(i), dict.fromkeys("ab", f"q{i // 2}"), {"a": f"p{(i + 1) % 12 // 2}", "b": f"r{i}"})
        for i in range(12)
    ]
    data = training_data({"set": cycle})
    assert (data.groups, data.groups_in_files) == (1, 12)
    with pytest.raises(UserError, match="more than 1 items"):
        BatchPlanner(data, 6, 0, items=items)


def test_replacements_are_uniform_over_the_items_that_fit():
    # Half of all items lack language b; of those that have it, half are in one group: each batch has it at most once.
    has_b = [
        PairItem(str(i), "big" if i < 30 else str(i), *({lang: f"{side}{i}{lang}" for lang in "ab"} for side in "qp"))
        for i in range(60)
    ]
    planner = BatchPlanner(training_data({"set": [*has_b, *parallel(60, "a", "more")]}), 6, seed=0, items="all")
    counts = np.zeros(120)
    batches = 0
    for step in range(10_000):
        batch = planner.batch(step, "mono")
        if batch.query_language[0] == 1:
            counts[batch.items] += 1
            batches += 1
    assert counts[60:].sum() == 0
    assert 0 < counts[:30].sum() <= batches
    assert stats.chisquare(counts[:30]).pvalue > 1e-3
    assert stats.chisquare(counts[30:60]).pvalue > 1e-3


@pytest.mark.slow
def test_real_parallel_text_fills_batches_that_keep_every_rule(shared_data):
    files = sorted((shared_data / "train_parallel").glob("*.jsonl.gz")) + sorted(
        (shared_data / "train_mono").glob("*.jsonl.gz")
    )
    data = training_data({path.name: load_pair_file(path) for path in files})
    for items, least in (("common", 3), ("all", 4)):
        planner = BatchPlanner(data, 32, seed=0, items=items)
        sets = set()
        for step in range(150):
            for kind in KINDS:
                batch = planner.batch(step, kind)
                check(data, batch, 32)
                sets.add(batch.set_index)
        assert len(sets) >= least


def test_the_embedded_training_set_fills_batches_that_keep_every_rule():
    data = training_data(load_training([EMBEDDED]))
    planner = BatchPlanner(data, 48, seed=0)
    assert not planner.left_out
    assert not planner.languages_left_out
    for step in range(60):
        for kind in KINDS:
            check(data, planner.batch(step, kind), 48)


def real_sets(folder):
    return sorted(path for name in ("train_parallel", "train_mono") for path in (folder / name).glob("*.jsonl.gz"))


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [16, 48])
@both_sorts_of_items
def test_two_epochs_of_any_real_set_show_every_item_once_at_least(shared_data, items, batch_size):
    sizes = {}
    for path in real_sets(shared_data):
        data = training_data({path.name: load_pair_file(path)})
        planner = planned(data, batch_size, items=items)
        if planner is None:
            continue
        kind = "mono" if "train_mono" in path.parts else "cross"
        counts = np.zeros(len(data), dtype=int)
        for step in range(-(-2 * planner.items_in_use // batch_size)):
            counts[planner.batch(step, kind).items] += 1
        assert (counts > 0).sum() == planner.items_in_use, path.name
        assert counts.max() <= 3
        sizes[path.name] = planner.items_in_use
    assert sizes["ntrex_headline_ict.jsonl.gz"] == 448
    assert len(sizes) == (4 if items == "common" else 8)


def test_partly_parallel_real_data_give_every_arm_the_same_items(shared_data):
    """mlqa_test: items in few languages, of which not all serve both kinds."""
    data = training_data({"mlqa": load_pair_file(shared_data / "train_parallel" / "mlqa_test.jsonl.gz")})
    planner = BatchPlanner(data, 48, seed=0)
    seen = {kind: [planner.batch(step, kind).items.tolist() for step in range(400)] for kind in KINDS}
    assert seen["mono"] == seen["cross"]
    assert [planner.mixed_batch(step, 20).items.tolist() for step in range(400)] == seen["mono"]
    assert len({item for items in seen["mono"] for item in items}) == planner.items_in_use
