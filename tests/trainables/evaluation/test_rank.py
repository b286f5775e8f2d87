import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.evaluation.bilingual import BilingualPlaces
from trainables.evaluation.rank import rank_relevant
from trainables.evaluation.tie_rule import TieRule


def build(query_languages: str, candidate_languages: str, relevant: list[list[int]]) -> Benchmark:
    queries = [Query(str(i), language, "") for i, language in enumerate(query_languages)]
    return benchmark("b", queries, [Candidate(str(i), x, "") for i, x in enumerate(candidate_languages)], relevant)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Benchmark, np.ndarray, np.ndarray]:
    candidates = draw(st.text("abc", min_size=2, max_size=30))
    one = st.integers(0, len(candidates) - 1)
    relevant = draw(st.lists(st.lists(one, min_size=1, max_size=5, unique=True), min_size=1, max_size=5))
    # The first query always has relevant candidates in two languages, so that the pool of all languages is searched.
    candidates = "ab" + candidates[2:]
    relevant[0] = [0, 1, *(c for c in relevant[0] if c > 1)]
    vector = st.lists(st.integers(-2, 2), min_size=2, max_size=2)
    rows = [draw(st.lists(vector, min_size=n, max_size=n)) for n in (len(relevant), len(candidates))]
    b = build("a" * len(relevant), candidates, relevant)
    return b, *(np.array(x, dtype=np.float32) for x in rows)


def position(pool: list[int], score: np.ndarray, relevant: list[int], candidate: int) -> int:
    return sorted(pool, key=lambda c: (-score[c], c in relevant, c)).index(candidate) + 1


@given(problems())
@settings(max_examples=100, deadline=None)
def test_ranks_are_positions_in_the_pessimistic_order_of_each_pool(problem) -> None:
    b, queries, candidates = problem
    ranks = rank_relevant(b, queries, candidates)
    everything = list(range(len(candidates)))
    for i, (q, c) in enumerate(zip(ranks.query.tolist(), b.relevant.tolist(), strict=True)):
        score = candidates @ queries[q]
        relevant = b.relevant[b.relevant_start[q] : b.relevant_start[q + 1]].tolist()
        own = [x for x in everything if b.candidate_language[x] == b.candidate_language[c]]
        alone = [x for x in everything if x not in relevant or x == c]
        assert ranks.language[i] == b.candidate_language[c]
        assert ranks.rank[i] == position(everything, score, relevant, c)
        assert ranks.rank_in_language[i] == position(own, score, relevant, c)
        assert ranks.rank_alone[i] == position(alone, score, relevant, c)
        assert ranks.ties[i] == sum(score[x] == score[c] for x in everything if x not in relevant)
    assert ranks.top_languages.sum(axis=1) == pytest.approx(min(10, len(candidates)))
    for q, found in enumerate(ranks.first_language):
        score = candidates @ queries[q]
        tied = b.candidate_language[score == score.max()]
        assert found == pytest.approx(np.bincount(tied, minlength=len(b.languages)) / len(tied))


@given(problems(), st.integers(1, 40), st.sampled_from([1, 300, 10**6]))
@settings(max_examples=60, deadline=None)
def test_the_size_of_tiles_changes_nothing(problem, columns: int, block_bytes: int) -> None:
    expected = rank_relevant(*problem, bilingual=True)
    found = rank_relevant(*problem, bilingual=True, columns=columns, block_bytes=block_bytes)
    names = ("rank", "rank_in_language", "rank_alone", "first_rank", "ties", "top_languages", "first_language")
    for name in (*names, "bilingual"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name


def test_tiles_of_real_numbers_agree_with_brute_force() -> None:
    rng = np.random.default_rng(0)
    relevant = [rng.choice(600, 4, replace=False).tolist() for _ in range(40)]
    b = build("ab" * 20, "abc" * 200, relevant)
    queries = rng.standard_normal((40, 16), dtype=np.float32)
    candidates = rng.standard_normal((600, 16), dtype=np.float32)
    candidates[rng.choice(600, 300, replace=False)] = candidates[:1]
    found = rank_relevant(b, queries, candidates, columns=37, block_bytes=4 * 37 * 7)
    scores = queries.astype(np.float64) @ candidates.T.astype(np.float64)
    for i, (q, c) in enumerate(zip(found.query.tolist(), b.relevant.tolist(), strict=True)):
        same = np.all(candidates == candidates[c], axis=1)
        others = np.setdiff1d(np.arange(600), relevant[q])
        outranked = same[others] | (scores[q, others] > scores[q, c])
        assert found.rank_alone[i] == 1 + np.count_nonzero(outranked)
        assert found.ties[i] == np.count_nonzero(same[others])


def test_many_relevant_candidates_are_counted_in_several_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    b = build("a", "ab" * 40, [list(range(0, 80, 3))])
    queries, candidates = (
        rng.integers(-2, 3, (1, 2)).astype(np.float32),
        rng.integers(-2, 3, (80, 2)).astype(np.float32),
    )
    expected = rank_relevant(b, queries, candidates)
    monkeypatch.setattr("trainables.evaluation.rank.COMPARISON_BYTES", 400)
    found = rank_relevant(b, queries, candidates)
    for name in ("rank", "rank_in_language", "rank_alone", "ties"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    assert expected.ties.sum() > 0


@given(problems(), st.integers(1, 40), st.sampled_from([1, 60, 10**6]), st.sampled_from(["pessimistic", "trec"]))
@settings(max_examples=100, deadline=None)
def test_blocks_of_any_size_count_what_a_sorted_pool_holds(problem, columns: int, size: int, ties: TieRule) -> None:
    b, queries, candidates = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainables.evaluation.rank.COMPARISON_BYTES", size)
        patch.setattr("trainables.evaluation.search._CACHED_BYTES", 3 * size)
        patch.setattr("trainables.evaluation.top_languages._MANY", 3)
        ranks = rank_relevant(b, queries, candidates, ties=ties, bilingual=True, columns=columns)
    places = BilingualPlaces.of(b)
    assert ranks.bilingual is not None
    for q in range(len(queries)):
        score = candidates @ queries[q]
        relevant = set(b.relevant[ranks.query == q].tolist())
        rules = {
            "pessimistic": lambda c, score=score, relevant=relevant: (-score[c], c in relevant, c),
            "trec": lambda c, score=score: (-score[c], b.id_order[c]),
        }
        order = sorted(range(len(candidates)), key=rules[ties])
        language = b.candidate_language[order]
        for i in np.flatnonzero(ranks.query == q):
            at = order.index(b.relevant[i])
            assert ranks.rank[i] == at + 1
            assert ranks.rank_in_language[i] == np.count_nonzero(language[: at + 1] == ranks.language[i])
            for m in np.flatnonzero(places.relevant == i):
                pool = np.isin(language[: at + 1], [b.query_language[q], places.other[m]])
                assert ranks.bilingual[m] == np.count_nonzero(pool)
        for found, number in ((ranks.top_languages[q], 10), (ranks.first_language[q], 1)):
            share = [min(1, max(0, number - np.sum(score > x)) / np.sum(score == x)) for x in score]
            assert found == pytest.approx(np.bincount(b.candidate_language, share, len(b.languages)))
