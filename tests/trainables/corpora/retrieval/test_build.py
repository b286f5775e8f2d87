from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.trainables.corpora.retrieval.toy_files import read
from trainables.corpora.retrieval.build import Counts, Judgement, Part, Text, retrieval_benchmark
from trainables.errors import UserError

Texts = Iterable[tuple[Any, ...]]


def part(queries: Texts, documents: Texts, judged: Iterable[tuple[str, str, int]], language: str | None = "en") -> Part:
    """Texts are (id, text[, language[, parallel id]])."""

    def texts(kind: str, rows: Texts) -> list[Text]:
        return [Text(f"{kind}:{n}", *row) for n, row in enumerate(rows, 1)]

    judgements = [Judgement(f"qrels:{n}", *row) for n, row in enumerate(judged, 1)]
    return Part(
        "set", language, lambda: iter(texts("corpus", documents)), lambda: iter(texts("queries", queries)),
        lambda: iter(judgements),
    )  # fmt: skip


TOY = part([("q1", "a?"), ("q2", "b?")], [("d1", "a"), ("d2", "b")], [("q1", "d1", 1), ("q2", "d2", 2)])


def test_ids_of_several_languages_are_not_parallel_unless_that_is_said() -> None:
    swahili = replace(TOY, language="sw")
    apart = retrieval_benchmark("two", [TOY, swahili])
    assert apart.candidate_ids == ("en:d1", "en:d2", "sw:d1", "sw:d2")
    assert apart.parallel_ids == ("en:q1", "en:q2", "sw:q1", "sw:q2")
    assert read(apart)["judgements"] == [{"en:d1": 1}, {"en:d2": 2}, {"sw:d1": 1}, {"sw:d2": 2}]
    together = retrieval_benchmark("two", [TOY, swahili], parallel=True)
    assert together.parallel_ids == ("q1", "q2")
    both = [{"en:d1": 1, "sw:d1": 1}, {"en:d2": 2, "sw:d2": 2}]
    assert read(together)["judgements"] == both + both


def test_a_parallel_id_joins_texts_of_one_file_and_what_was_judged_of_them() -> None:
    built = retrieval_benchmark(
        "set",
        [part(
            [("1", "a?", "en", "capital"), ("2", "b?", "de", "capital"), ("3", "c?", "en")],
            [("4", "a", "en", "Rome"), ("5", "b", "de", "Rome"), ("6", "c", "de")],
            [("1", "4", 1), ("2", "6", 2), ("3", "6", 1)],
            None,
        )],
    )  # fmt: skip
    assert [built.parallel_ids[p] for p in built.query_parallel] == ["capital", "capital", "3"]
    assert read(built)["judgements"] == [{"4": 1, "5": 1, "6": 2}, {"4": 1, "5": 1, "6": 2}, {"6": 1}]


def test_a_query_does_not_see_the_document_with_its_id_where_that_is_the_rule() -> None:
    own = part([("x", "a?"), ("y", "b?")], [("x", "a"), ("d", "b")], [("x", "d", 1), ("y", "x", 1)])
    built = retrieval_benchmark("set", [own], ignore_identical_ids=True)
    assert [built.ignored[q].tolist() for q in (0, 1)] == [[0], []]
    assert retrieval_benchmark("set", [own]).ignored.longest == 0


def test_a_query_that_nobody_judged_is_counted_and_one_judged_irrelevant_is_kept() -> None:
    built = retrieval_benchmark(
        "set", [part([("q1", "a?"), ("q2", ""), ("q3", "c?")], [("d1", "a")], [("q1", "d1", 0), ("q3", "d1", 1)])]
    )
    assert (built.parallel_ids, built.unjudged_queries) == (("q1", "q3"), 1)
    assert built.judged_only_irrelevant.tolist() == [0]


def test_a_query_is_judged_where_one_of_its_translations_is() -> None:
    asked = [("1", "a?", "en", "x"), ("2", "b?", "de", "x"), ("3", "c?", "de")]
    built = retrieval_benchmark("set", [part(asked, [("d", "a", "en")], [("1", "d", 1)], None)])
    assert (built.query_texts, built.unjudged_queries) == (("a?", "b?"), 1)
    assert read(built)["judgements"] == [{"d": 1}, {"d": 1}]


def test_a_judgement_may_be_repeated_and_name_an_irrelevant_document_that_is_not_there() -> None:
    built = retrieval_benchmark(
        "set", [part([("q", "?")], [("d", "a")], [("q", "d", 1), ("q", "d", 1), ("q", "gone", 0)])]
    )
    assert read(built)["judgements"] == [{"d": 1}]


def test_translations_that_are_judged_differently_are_counted_and_refused() -> None:
    other = part([("q1", "a?"), ("q2", "b?")], [("d1", "a"), ("d2", "b")], [("q1", "d1", 0), ("q2", "d2", 1)], "sw")
    assert retrieval_benchmark("two", [TOY, other]).candidate_ids
    with pytest.raises(UserError) as caught:
        retrieval_benchmark("two", [TOY, other], parallel=True)
    assert "qrels:1: document 'd1' is judged 0 for query 'q1', and 1 in a translation (2 judgements" in str(
        caught.value
    )
    # What nobody can find is no contradiction, nor is a grade below 0 beside 0.
    agreed = part([("q1", "a?"), ("q2", "b?")], [("d1", "a"), ("d2", "b")], [("q1", "d1", 1), ("q1", "gone", -1)], "sw")
    assert len(retrieval_benchmark("two", [TOY, agreed], parallel=True).relevant) == 8


def test_documents_without_a_text_stay_and_are_counted() -> None:
    documents = [("d1", "a"), ("d2", " "), ("d3", "")]
    built = retrieval_benchmark("set", [part([("q", "?")], documents, [("q", "d1", 1)])])
    assert built.remarks == ("2 documents have no text, the first is 'd2' in en: they stay in the pool",)
    assert len(built.candidate_ids) == 3
    assert retrieval_benchmark("set", [TOY]).remarks == ()


ASKED, DOCUMENT, JUDGED = [("q", "?")], [("d", "")], [("q", "d", 1)]
SAME = [("q", "?", "en", "x"), ("p", "?", "en", "x")]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            part(ASKED, DOCUMENT * 2, JUDGED),
            "corpus:2: the document 'd' stands already at corpus:1: ids must be unique",
        ),
        (part(ASKED * 2, DOCUMENT, JUDGED), "queries:2: the query 'q' stands already at queries:1: ids must be unique"),
        (part(ASKED, DOCUMENT, [("q", "e", 1)]), "qrels:1: there is no document 'e' in its file"),
        (part(ASKED, DOCUMENT, [*JUDGED, ("p", "d", 0)]), "qrels:2: there is no query 'p' in its file"),
        (
            part(ASKED, DOCUMENT, [*JUDGED, ("q", "d", 2)]),
            "qrels:2: document 'd' is judged twice for query 'q', as 1 and",
        ),
        (part([("q", " ")], DOCUMENT, JUDGED), "queries:1: query 'q' has no text"),
        (part(ASKED, DOCUMENT, []), "set: no query was judged"),
        (
            part(ASKED, DOCUMENT, JUDGED, None),
            "queries:1: nothing says in which language this is: name it behind a colon",
        ),
        (part([("q", "?", "english")], DOCUMENT, JUDGED), "queries:1: 'english' is no code of a language"),
        (
            part(SAME, DOCUMENT, [*JUDGED, ("p", "d", 1)]),
            "queries:2: there is a query 'x' in 'en' already, at queries:1",
        ),
    ],
)
def test_what_contradicts_itself_is_told_with_its_place(wrong: Part, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        retrieval_benchmark("set", [wrong])


@pytest.mark.parametrize(
    ("published", "sentence"),
    [
        (Counts(documents=3), "set has 2 documents in en where 3 are published: it is another version or not whole"),
        (Counts(queries=1), "set has 2 judged queries in en where 1 are published"),
        (Counts(relevant=4), "set has 2 relevant documents of queries in en where 4 are published"),
    ],
)
def test_other_counts_than_the_published_ones_are_told(published: Counts, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        retrieval_benchmark("set", [replace(TOY, published=published)])
    assert retrieval_benchmark("set", [replace(TOY, published=Counts(2, 2, 2))]).unjudged_queries == 0


def test_a_benchmark_knows_where_it_is_from_and_what_it_is_does_not_depend_on_that() -> None:
    here, there = (retrieval_benchmark("set", [replace(TOY, origin=origin)]) for origin in ("here", "there"))
    assert (here.origin, there.origin) == ("here", "there")
    assert here.fingerprint == there.fingerprint
