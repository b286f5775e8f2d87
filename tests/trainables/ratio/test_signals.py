"""The signals of closed-loop families are what a plain computation says of the same slice of the dev set."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainables.toy_run import PAD, toy_encoder
from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.encoders.tokens import TokenTable
from trainables.evaluation.encode import encode
from trainables.evaluation.evaluate import evaluate
from trainables.inputs import TokenisedBenchmark
from trainables.parallel.worker import Worker
from trainables.ratio.signals import SLICE, DevSignals, Embeddings, available_signals, dev_loss, dev_slice

LANGUAGES = ("de", "en", "th")
TEMPERATURE = 0.05


def parallel_benchmark(questions: int, gaps: frozenset[tuple[int, int]] = frozenset()) -> Benchmark:
    """Every question in every language, one relevant passage per language, but for the (question, language) gaps.

    Passages that answer nothing stand between the others.
    """
    queries = [Query(f"q{i}", language, f"{language} {i}") for i in range(questions) for language in LANGUAGES]
    candidates: list[Candidate] = []
    number: dict[tuple[int, int], int] = {}
    for i in range(questions):
        for x, language in enumerate(LANGUAGES):
            if (i, x) not in gaps:
                number[i, x] = len(candidates)
                candidates.append(Candidate(f"p{i}-{language}", language, f"{language} answer {i}"))
            candidates.append(Candidate(f"n{i}-{language}", language, f"{language} noise {i}"))
    relevant = [[number[i, x] for x in range(3) if (i, x) in number] for i in range(questions) for _ in LANGUAGES]
    return benchmark("dev", queries, candidates, relevant)


def embeddings(rng: np.random.Generator, rows: int) -> Embeddings:
    values = rng.standard_normal((rows, 8))
    unit: Embeddings = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    return unit


def plain_loss(bench: Benchmark, queries: Embeddings, candidates: Embeddings, kind: str) -> float | None:
    """One query at a time, in plain numbers: the sentence in the docstring of `dev_loss`."""

    def passage(query: int, language: int) -> int | None:
        relevant = bench.relevant[bench.relevant_start[query] : bench.relevant_start[query + 1]]
        own = [int(c) for c in relevant if bench.candidate_language[c] == language]
        return min(own) if own else None

    losses = []
    count = len(bench.languages)
    for language in range(count):
        rows = [q for q in range(len(bench.query_language)) if bench.query_language[q] == language]
        target = language
        if kind == "cross":
            others = [(language + step) % count for step in range(1, count)]
            usable = [x for x in others if sum(passage(q, x) is not None for q in rows) > 1]
            if not usable:
                continue
            target = usable[0]
        pairs = [(q, found) for q in rows if (found := passage(q, target)) is not None]
        pool = {c for _, c in pairs}
        if len(pool) < 2:
            continue
        for query, own in pairs:
            score = {
                c: math.fsum(queries[query].astype(float) * candidates[c].astype(float)) / TEMPERATURE for c in pool
            }
            losses.append(math.log(math.fsum(math.exp(score[c] - score[own]) for c in pool)))
    return math.fsum(losses) / len(losses) if losses else None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 5),
    st.frozensets(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_the_dev_loss_is_that_of_a_plain_loop(questions: int, gaps: frozenset[tuple[int, int]], seed: int) -> None:
    # A question keeps a passage: a query without any relevant candidate is no query.
    gaps = frozenset(gap for gap in gaps if gap[1] > 0)
    bench = parallel_benchmark(questions, gaps)
    rng = np.random.default_rng(seed)
    queries, candidates = embeddings(rng, len(bench.query_language)), embeddings(rng, len(bench.candidate_language))
    available = available_signals(bench)
    for kind in ("mono", "cross"):
        expected = plain_loss(bench, queries, candidates, kind)
        assert (f"dev/loss/{kind}" in available) == (expected is not None)
        if expected is None:
            with pytest.raises(ValueError, match=f"no {kind} pair with a negative"):
                dev_loss(bench, queries, candidates, TEMPERATURE, kind)
        else:
            found = dev_loss(bench, queries, candidates, TEMPERATURE, kind)
            assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_equal_embeddings_of_all_languages_have_equal_losses_of_both_kinds() -> None:
    """The losses can be compared: an encoder without language bias has the same mono and cross loss."""
    bench = parallel_benchmark(6)
    rng = np.random.default_rng(0)
    meaning, answer = embeddings(rng, 6), embeddings(rng, 6)
    queries = meaning[bench.query_parallel]
    candidates = embeddings(rng, len(bench.candidate_language))
    for i in range(6):
        for x in range(3):
            row = bench.candidate_ids.index(f"p{i}-{LANGUAGES[x]}")
            candidates[row] = answer[i]
    mono, cross = (dev_loss(bench, queries, candidates, TEMPERATURE, kind) for kind in ("mono", "cross"))
    assert mono == pytest.approx(cross, rel=1e-12)


def test_a_monolingual_encoder_has_a_low_mono_and_a_high_cross_loss() -> None:
    bench = parallel_benchmark(4)
    one = np.eye(12, dtype=np.float32)
    queries = one[bench.query_parallel * 3 + bench.query_language]
    candidates = np.zeros((len(bench.candidate_language), 12), dtype=np.float32)
    for i in range(4):
        for x, language in enumerate(LANGUAGES):
            candidates[bench.candidate_ids.index(f"p{i}-{language}")] = one[i * 3 + x]
    assert dev_loss(bench, queries, candidates, 0.05, "mono") == pytest.approx(math.log(1 + 3 * math.exp(-20)))
    assert dev_loss(bench, queries, candidates, 0.05, "cross") == pytest.approx(math.log(4))


def table(rows: int, rng: np.random.Generator) -> TokenTable:
    lengths = rng.integers(1, 6, rows)
    ids = rng.integers(2, 30, int(lengths.sum())).astype(np.int32)
    return TokenTable(ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def tokenised(bench: Benchmark, seed: int = 0) -> TokenisedBenchmark:
    rng = np.random.default_rng(seed)
    return TokenisedBenchmark(bench, table(len(bench.query_language), rng), table(len(bench.candidate_language), rng))


def row(tokens: TokenTable, number: int) -> list[int]:
    return [int(token) for token in tokens.ids[tokens.offsets[number] : tokens.offsets[number + 1]]]


def by_hand(whole: TokenisedBenchmark, kept: list[str]) -> tuple[TokenisedBenchmark, list[int], list[int]]:
    """The benchmark of these questions alone, built anew from their texts; and the rows that it kept."""
    bench = whole.benchmark
    rows = [q for q in range(len(bench.query_language)) if bench.parallel_ids[bench.query_parallel[q]] in kept]
    relevant = [list(map(int, bench.relevant[bench.relevant_start[q] : bench.relevant_start[q + 1]])) for q in rows]
    pool = sorted({c for found in relevant for c in found})
    queries = [
        Query(
            bench.parallel_ids[bench.query_parallel[q]], bench.languages[bench.query_language[q]], bench.query_texts[q]
        )
        for q in rows
    ]
    candidates = [
        Candidate(bench.candidate_ids[c], bench.languages[bench.candidate_language[c]], bench.candidate_texts[c])
        for c in pool
    ]
    alone = benchmark("dev", queries, candidates, [[pool.index(c) for c in found] for found in relevant])
    query_rows, pool_rows = (
        [row(tokens, n) for n in numbers] for tokens, numbers in ((whole.queries, rows), (whole.candidates, pool))
    )
    return TokenisedBenchmark(alone, _table(query_rows), _table(pool_rows)), rows, pool


def _table(rows: list[list[int]]) -> TokenTable:
    ids = np.array([token for one in rows for token in one], dtype=np.int32)
    return TokenTable(ids, np.concatenate([[0], np.cumsum([len(one) for one in rows])]).astype(np.int64))


@pytest.mark.parametrize("gaps", [frozenset(), frozenset({(0, 1), (4, 1), (4, 2), (9, 2)})])
@pytest.mark.parametrize("questions", [2, 4, 10, 50])
def test_a_slice_is_the_benchmark_of_its_questions_alone(questions: int, gaps: frozenset[tuple[int, int]]) -> None:
    whole = tokenised(parallel_benchmark(10, gaps))
    cut = dev_slice(whole, questions)
    assert len(cut.benchmark.parallel_ids) == min(questions, 10)
    assert {cut.benchmark.parallel_ids[0], cut.benchmark.parallel_ids[-1]} == {"q0", "q9"}, "evenly over the dev set"
    alone, rows, pool = by_hand(whole, list(cut.benchmark.parallel_ids))
    for name in (
        "query_language",
        "query_length",
        "query_parallel",
        "candidate_language",
        "relevant_start",
        "relevant",
    ):
        np.testing.assert_array_equal(getattr(cut.benchmark, name), getattr(alone.benchmark, name), err_msg=name)
    for own, other in ((cut.queries, alone.queries), (cut.candidates, alone.candidates)):
        np.testing.assert_array_equal(own.ids, other.ids)
        np.testing.assert_array_equal(own.offsets, other.offsets)
    rng = np.random.default_rng(1)
    queries = embeddings(rng, len(whole.queries))[rows]
    candidates = embeddings(rng, len(whole.candidates))[pool]
    assert (
        evaluate(cut.benchmark, queries, candidates).metrics == evaluate(alone.benchmark, queries, candidates).metrics
    )


def test_the_slice_does_not_depend_on_the_encoder_or_the_run() -> None:
    whole = tokenised(parallel_benchmark(60))
    first, second = dev_slice(whole, SLICE), dev_slice(whole, SLICE)
    assert first.benchmark.parallel_ids == second.benchmark.parallel_ids
    assert len(set(first.benchmark.parallel_ids)) == SLICE


def test_every_signal_is_what_the_slice_says_of_the_encoder() -> None:
    whole = tokenised(parallel_benchmark(40))
    encoder = toy_encoder()
    signals = DevSignals(whole, PAD, Worker(), TEMPERATURE)
    names = {
        "dev/loss/mono",
        "dev/loss/cross",
        "dev/monolingual/map",
        "dev/cross-lingual/map",
        "dev/bias/rank_distance",
    }
    found = signals.measure(encoder, names)
    assert set(found) == names
    assert names < available_signals(whole.benchmark)
    alone, _, _ = by_hand(whole, list(dev_slice(whole, SLICE).benchmark.parallel_ids))
    queries, candidates = (encode(encoder, t, pad_id=PAD) for t in (alone.queries, alone.candidates))
    metrics = evaluate(alone.benchmark, queries, candidates).metrics
    assert found["dev/monolingual/map"] == metrics["dev/monolingual/map"]
    assert found["dev/cross-lingual/map"] == metrics["dev/cross-lingual/map"]
    assert found["dev/bias/rank_distance"] == metrics["dev/bias/rank_distance"]
    for kind in ("mono", "cross"):
        assert found[f"dev/loss/{kind}"] == pytest.approx(plain_loss(alone.benchmark, queries, candidates, kind))
    assert signals.pairs == (len(alone.queries) + len(alone.candidates)) // 2


def test_only_what_is_asked_for_is_measured() -> None:
    signals = DevSignals(tokenised(parallel_benchmark(4)), PAD, Worker(), TEMPERATURE)
    encoder = toy_encoder()
    assert set(signals.measure(encoder, {"dev/loss/mono"})) == {"dev/loss/mono"}
    assert set(signals.measure(encoder, {"dev/bias/diagonal_gap"})) == {"dev/bias/diagonal_gap"}
    assert signals.measure(encoder, set()) == {}


def test_what_the_slice_lacks_is_not_available_though_the_dev_set_has_it() -> None:
    """Of 64 questions all but the second have one passage, in their language: it is no question of the slice."""
    queries = [Query(f"q{i}", "de", f"{i}") for i in range(64)]
    candidates = [Candidate(f"p{i}", "de", f"answer {i}") for i in range(64)] + [Candidate("other", "en", "answer 1")]
    bench = benchmark("dev", queries, candidates, [[i, 64] if i == 1 else [i] for i in range(64)])
    assert "q1" not in dev_slice(tokenised(bench), SLICE).benchmark.parallel_ids
    available = available_signals(bench)
    assert {"dev/loss/mono", "dev/monolingual/map"} <= available
    assert not {"dev/loss/cross", "dev/cross-lingual/map", "dev/bias/rank_distance"} & available


def test_a_metric_that_the_dev_set_lacks_is_said() -> None:
    signals = DevSignals(tokenised(parallel_benchmark(4)), PAD, Worker(), TEMPERATURE)
    with pytest.raises(KeyError, match="rank_distnace"):
        signals.measure(toy_encoder(), {"dev/bias/rank_distnace"})


def test_ranks_of_a_collapsed_encoder_are_no_signal() -> None:
    signals = DevSignals(tokenised(parallel_benchmark(40)), PAD, Worker(), TEMPERATURE)
    encoder = toy_encoder()
    with torch.no_grad():
        for parameter in encoder.parameters():
            # Every token has one and the same vector.
            parameter.copy_(parameter[:1].expand_as(parameter) if parameter.dim() > 1 else parameter)
    found = signals.measure(encoder, {"dev/bias/rank_distance", "dev/monolingual/map", "dev/loss/mono"})
    assert math.isnan(found["dev/bias/rank_distance"])
    assert math.isnan(found["dev/monolingual/map"])
    assert math.isfinite(found["dev/loss/mono"])
