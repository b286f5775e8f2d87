import random
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.corpora import normal_form as normal_form_module
from trainables.corpora import overlap as overlap_module
from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.corpora.items import PairItem
from trainables.corpora.normal_form import normal_form
from trainables.corpora.overlap import drop_overlap, find_overlap
from trainables.corpora.shingles import known_texts, overlapping
from trainables.corpora.sources.registry import load_benchmark
from trainables.corpora.training_sets import load_training
from trainables.errors import UserError

ENGLISH = (
    "The committee met every Thursday in the old town hall, where the minutes of its discussions were kept in a locked "
    "cabinet until the flood of 1953 destroyed most of the paper records."
)
CHINESE = "这座老桥建于十九世纪中叶，横跨城市北部的运河，曾经是商人运送茶叶和丝绸的必经之路，直到铁路开通。"
THAI = "สะพานเก่าแห่งนี้สร้างขึ้นในกลางศตวรรษที่สิบเก้า ข้ามคลองทางตอนเหนือของเมือง และเคยเป็นเส้นทางที่พ่อค้าใช้ขนส่งชาและผ้าไหม"


def test_set(*texts: str) -> Benchmark:
    candidates = [Candidate(str(n), "en", text) for n, text in enumerate(texts)]
    return benchmark("test", [Query("q", "en", "Unrelated?")], candidates, [[0]])


test_set.__test__ = False  # type: ignore[attr-defined]


def overlaps(training: str, evaluation: str) -> bool:
    items = [PairItem("i", "g", {"en": "Is it?"}, {"en": training})]
    return bool(find_overlap({"s": items}, [test_set("Nothing of the kind.", evaluation)]).items["s"]["test"])


# An independent account of the rule, with strings.


@cache
def has_no_spaces(character: str) -> bool:
    name = unicodedata.name(character, "")
    return name.startswith(("CJK UNIFIED", "THAI", "HIRAGANA", "KATAKANA"))


def plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    spaced = " ".join("".join(" " if unicodedata.category(c)[0] in "PSZC" else c for c in folded).split())
    return "".join(
        c
        for n, c in enumerate(spaced)
        if c != " " or not (has_no_spaces(spaced[n - 1]) or has_no_spaces(spaced[n + 1]))
    )


def dense(text: str) -> int:
    return sum(map(has_no_spaces, text))


def dense_runs(text: str, width: int) -> set[str]:
    runs = (text[i : i + width] for i in range(len(text) - width + 1))
    return {run for run in runs if 2 * dense(run) >= width}


def words_of(text: str) -> list[str]:
    """A word ends at a space, and where a script that needs none begins or ends."""
    return ["".join(part) for word in text.split() for _, part in groupby(word, has_no_spaces)]


def runs(words: list[str], width: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + width]) for i in range(len(words) - width + 1)}


def plainly_shared(text: str, known: str) -> bool:
    text, known = plain(text), plain(known)
    words, text_words = words_of(known), words_of(text)
    is_dense = 2 * dense(known) >= len(known) > 0
    if runs(text_words, 13) & runs(words, 13) or dense_runs(text, 30) & dense_runs(known, 30):
        return True
    if text == known and (dense(known) >= 6 if is_dense else len(words) >= 3):
        return True
    if runs(words, 13) or dense_runs(known, 30):
        return False
    if not is_dense:
        return len(words) >= 4 and tuple(words) in runs(text_words, len(words))
    ideographs = sum(unicodedata.name(c, "").startswith("CJK UNIFIED") for c in known)
    return len(known) + ideographs >= 16 and known in text and bool(dense_runs(known, 8))


pieces = st.lists(
    st.sampled_from(
        [
            "a",
            "b",
            " ",
            "  \n",
            "A",
            "ａ",
            "b c a",
            "ไทย",
            "ไม",
            "中",
            "文文文文文文文",
            "。",
            "?",
            "カタカナ" * 4,
            " a" * 12,
        ]
    ),
    max_size=30,
).map("".join)


@pytest.mark.slow
@given(texts=st.lists(pieces, min_size=1, max_size=4), cut=st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_texts_overlap_exactly_as_the_rule_says(texts: list[str], cut: int) -> None:
    texts = [*texts, texts[-1][:cut] + texts[0][cut:], f"{texts[0]} {texts[-1]}", texts[0][3:cut]]
    for known in texts:
        found = overlapping(texts, {"known": known_texts([known])})["known"]
        assert found.tolist() == [plainly_shared(text, known) for text in texts]
    together = overlapping(texts, {"known": known_texts(texts[:2])})["known"]
    assert together.tolist() == [any(plainly_shared(text, known) for known in texts[:2]) for text in texts]


def test_what_is_found_does_not_depend_on_where_chunks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [ENGLISH, "", "short", CHINESE, THAI, "one two three four five", CHINESE[:20], "Who won?"] * 3
    known = [CHINESE[5:20], "two three four five six", "One, two, three, four; five", THAI, "short"]

    def found() -> list[bool]:
        result: list[bool] = overlapping(texts, {"known": known_texts(known)})["known"].tolist()
        return result

    whole = found()
    assert whole == [False, False, False, True, True, True, True, False] * 3
    for size in (1, 20, 100, 333):
        monkeypatch.setattr(normal_form_module, "_CHUNK", size)
        assert found() == whole


def test_what_is_found_does_not_depend_on_how_many_shingles_are_held_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = [ENGLISH, CHINESE, THAI, "The duke of Normandy", "Who won?", "桥建于十九世纪的中叶吗", "A phrase of four"]
    items = [
        PairItem(str(n), str(n), {"en": f"Question {n}?"}, {"en": f"before {text} after"}, {"en": (text[:60], "none")})
        for n, text in enumerate([*texts, "nothing of the kind"])
    ]
    judged = [test_set(*texts), replace(test_set(*texts[:2]), name="other")]
    whole = find_overlap({"s": items}, judged)
    seen: list[str] = []

    def watch(things: Iterable[Any], what: str, total: int | None = None) -> Iterable[Any]:
        seen.append(what)
        return things

    monkeypatch.setattr(overlap_module, "PART_BYTES", 300)
    in_parts = find_overlap({"s": items}, judged, watch=watch)
    assert "comparing s with test, other (part 4 of 4)" in seen
    assert (in_parts.items, in_parts.meetings) == (whole.items, whole.meetings)
    assert 0 < whole.of_benchmark("other") < whole.of_benchmark("test") < len(items)
    for other, negatives in whole.negatives["s"].items():
        assert in_parts.negatives["s"][other].tolist() == negatives.tolist()


def test_no_text_overlaps_with_nothing() -> None:
    for known in ([], [""], [" ", "\n"], ["?"], ["a"], ["* * * * *", "😀 😀 😀 😀", "。 。 。 。"]):
        assert not overlapping(
            [ENGLISH, "", "?", "a", "* * * * * *", "😀 😀 😀 😀", "。 。 。 。"], {"known": known_texts(known)}
        )["known"].any()
    assert len(overlapping([], {"known": known_texts([ENGLISH])})["known"]) == 0


def test_many_different_texts_are_told_apart() -> None:
    generator = random.Random(0)
    words = [f"w{n}" for n in range(1000)]
    texts = [" ".join(generator.choices(words, k=60)) for _ in range(1000)]
    assert overlapping(texts, {"known": known_texts(texts)})["known"].all()
    others = [" ".join(generator.choices(words, k=60)) for _ in range(1000)]
    assert not overlapping(others, {"known": known_texts(texts)})["known"].any()


@pytest.mark.parametrize("planted", [ENGLISH, CHINESE, THAI], ids=["words", "Chinese", "Thai"])
def test_a_planted_run_is_found_in_the_middle_of_other_text(planted: str) -> None:
    is_words = planted == ENGLISH
    # A comma is none of the characters of a run.
    long = normal_form(planted)
    run = " ".join(planted.split()[5:18]) if is_words else long[10:40]
    short = " ".join(planted.split()[5:17]) if is_words else long[10:39]
    gap = " " if is_words else "、"
    assert overlaps(f"Something else before{gap}{run}{gap}and after it.", planted)
    assert not overlaps(f"Something else before{gap}{short}{gap}and after it.", planted)


def test_case_width_punctuation_and_white_space_make_no_difference() -> None:
    run = " ".join(ENGLISH.split()[3:16])
    assert overlaps("x " + run.upper().replace(" ", " \n\t ") + " y", ENGLISH)
    assert overlaps("x " + run.replace(" ", ", ") + "! y", ENGLISH)
    full_width = "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in run)
    assert overlaps(f"x {full_width} y", ENGLISH)


def test_a_long_common_run_of_letters_is_no_overlap_where_words_have_spaces() -> None:
    assert not overlaps(
        "the people's republic of china and its provinces", "In the people's republic of china and its capital"
    )
    # ... nor inside a text that is otherwise Chinese.
    name = "the people's republic of china and its provinces"
    assert not overlaps(f"{CHINESE[:25]}{name}", f"{THAI[:25]}{name}")


def test_short_texts_overlap_as_a_whole_and_if_they_are_no_stock_phrases_within_longer_ones_too() -> None:
    assert overlaps("Who built the old bridge?", "who  built the old bridge")
    assert not overlaps("Who built the old bridge?", "Who built the old bridges?")
    assert overlaps(f"Who built the old bridge? {ENGLISH}", "Who built the old bridge?")
    assert not overlaps("Who built the old bridge?", f"Who built the old bridge? {ENGLISH}"), "a run is too short"
    assert overlaps("这座桥是谁在哪一年修建的?", "这座桥是谁在哪一年修建的？")  # full-width question mark
    assert overlaps(f"{THAI}这座桥是谁在哪一年修建的?{THAI}", "这座桥是谁在哪一年修建的？")
    # Phrases that anybody may say count only where nothing else is said.
    assert overlaps("Yes, it is.", "Yes; it is")
    assert not overlaps(f"Yes, it is. {ENGLISH}", "Yes, it is.")
    assert overlaps("是谁修建了它？", "是谁修建了它")
    assert not overlaps(f"是谁修建了它？{CHINESE}", "是谁修建了它？")
    assert not overlaps("Who won?", "Who won?")
    assert not overlaps("修建的？", "修建的？")


def test_every_language_of_queries_and_passages_is_compared_with_queries_and_candidates() -> None:
    run = f"And then {ENGLISH}"
    unrelated = {"en": "Unrelated words here only.", "de": "Ganz andere Worte."}
    items = [
        PairItem("none", "g", unrelated, unrelated),
        PairItem("query", "g", {**unrelated, "de": run}, unrelated),
        PairItem("passage", "g", unrelated, {**unrelated, "de": run}),
    ]
    as_query = benchmark("q", [Query("1", "th", ENGLISH)], [Candidate("c", "th", "nothing")], [[0]])
    as_candidate = benchmark("c", [Query("1", "th", "nothing")], [Candidate("c", "th", ENGLISH)], [[0]])
    other = benchmark("o", [Query("1", "th", THAI)], [Candidate("c", "th", CHINESE)], [[0]])
    found = find_overlap({"s": items, "t": items[:1]}, [as_query, as_candidate, other])
    both = ("query", "passage")
    assert found.items == {"s": {"q": both, "c": both, "o": ()}, "t": {"q": (), "c": (), "o": ()}}
    assert found.counts() == {"s": {"q": 2, "c": 2, "o": 0}, "t": {"q": 0, "c": 0, "o": 0}}
    assert drop_overlap({"s": items, "t": items[:1]}, found) == {"s": items[:1], "t": items[:1]}


def test_a_set_of_which_nothing_would_be_left_is_refused() -> None:
    items = [PairItem("i", "g", {"en": "Is it?"}, {"en": ENGLISH})]
    found = find_overlap({"s": items}, [test_set(ENGLISH)])
    with pytest.raises(UserError, match="'s' shares text with test"):
        drop_overlap({"s": items}, found)
    assert drop_overlap({"not looked at": items}, found) == {"not looked at": items}


def test_without_benchmarks_or_items_nothing_overlaps() -> None:
    assert find_overlap({"s": []}, [test_set(ENGLISH)]).counts() == {"s": {"test": 0}}
    assert find_overlap({"s": [PairItem("i", "g", {"en": "a"}, {"en": "b"})]}, []).counts() == {"s": {}}


@pytest.mark.slow
def test_real_training_sets_share_next_to_nothing_with_xquad_r_and_mlqa_r(shared_data: Path) -> None:
    sets = load_training(["train_parallel", "train_mono/tydi_goldp_en"], shared_data)
    benchmarks = [load_benchmark(name, "test", shared_data) for name in ("xquad-r", "mlqa-r")]
    found = find_overlap(sets, benchmarks)
    # Two of mlqa_test are short questions that also occur in MLQA dev word by word, two hold a fragment of a sentence
    # that is a candidate; tydi has sentences of the same articles.
    assert found.counts() == {
        "belebele_en_de": {"xquad-r": 0, "mlqa-r": 0},
        "bitcoin_org_faq": {"xquad-r": 0, "mlqa-r": 0},
        "mlqa_test": {"xquad-r": 0, "mlqa-r": 4},
        "ntrex_headline_ict": {"xquad-r": 0, "mlqa-r": 0},
        "xnli_dev_entailment": {"xquad-r": 1, "mlqa-r": 0},
        "tydi_goldp_en": {"xquad-r": 0, "mlqa-r": 10},
    }


def test_a_negative_that_is_judged_is_lost_and_its_item_is_not() -> None:
    """Mined negatives come from the corpus that a benchmark searches."""
    negatives = {"de": ("Etwas anderes.", "Drittes."), "en": (ENGLISH, "A third one.")}
    items = [
        PairItem("1", "1", {"en": "Who?", "de": "Wer?"}, {"en": "A duke.", "de": "Ein Herzog."}, negatives),
        PairItem("2", "2", {"en": "When?"}, {"en": "In 1087."}, {"en": ("In 1953.",)}),
    ]
    found = find_overlap({"s": items}, [test_set("Nothing of the kind.", ENGLISH)])
    assert found.counts() == {"s": {"test": 0}}
    assert found.negative_counts() == {"s": {"test": 1}}
    kept = drop_overlap({"s": items}, found)["s"]
    # What stands in its place in other languages is its translation, and goes with it.
    assert [item.negatives for item in kept] == [{"de": ("Drittes.",), "en": ("A third one.",)}, {"en": ("In 1953.",)}]
    assert [item.query for item in kept] == [item.query for item in items]


def test_negatives_that_are_judged_by_nobody_stay() -> None:
    items = [PairItem("1", "1", {"en": "Who?"}, {"en": "A duke."}, {"en": (ENGLISH,)})]
    found = find_overlap({"s": items}, [test_set("Nothing of the kind.")])
    assert found.negative_counts() == {}
    assert list(drop_overlap({"s": items}, found)["s"]) == items
