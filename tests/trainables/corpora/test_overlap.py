import random
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.corpora import shingles as shingles_module
from trainables.corpora.benchmark import Benchmark, Candidate, Query, benchmark
from trainables.corpora.overlap import drop_overlap, find_overlap
from trainables.corpora.pairs import PairItem
from trainables.corpora.shingles import shingles
from trainables.corpora.sources.registry import load_benchmark, load_training
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


# An independent account of the rule, with sets of strings.


@cache
def has_no_spaces(character: str) -> bool:
    name = unicodedata.name(character, "")
    return name.startswith(("CJK UNIFIED", "THAI", "HIRAGANA", "KATAKANA"))


def plain_shingles(text: str) -> set[str]:
    text = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    words = text.split()
    found = {f"w{' '.join(words[i : i + 13])}" for i in range(len(words) - 12)}
    for i in range(len(text) - 29):
        if sum(map(has_no_spaces, text[i : i + 30])) >= 15:
            found.add(f"c{text[i : i + 30]}")
    dense = sum(map(has_no_spaces, text))
    if not found and (len(words) >= 5 or (dense >= 12 and dense >= len(text) / 2)):
        found.add(f"t{text}")
    return found


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
            "กำ",
            "中",
            "文文文文文文文",
            "。",
            "カタカナ" * 4,
            " a" * 12,
        ]
    ),
    max_size=30,
).map("".join)


@given(first=pieces, second=pieces, cut=st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_two_texts_overlap_exactly_when_they_have_a_shingle_in_common(first: str, second: str, cut: int) -> None:
    third = second[:cut] + first[cut:]
    owned: dict[int, set[int]] = {0: set(), 1: set(), 2: set(), 3: set()}
    for hashes, texts in shingles([first, second, "", third]):
        for value, text in zip(hashes.tolist(), texts.tolist(), strict=True):
            owned[text].add(value)
    expected = {0: plain_shingles(first), 1: plain_shingles(second), 2: set(), 3: plain_shingles(third)}
    for one in owned:
        assert len(owned[one]) == len(expected[one])
        for other in owned:
            assert len(owned[one] & owned[other]) == len(expected[one] & expected[other])


def test_shingles_do_not_depend_on_where_chunks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [ENGLISH, "", "short", CHINESE, THAI, "one two three four five", CHINESE[:20]] * 3

    def all_pairs() -> list[tuple[int, int]]:
        return sorted(
            (int(t), int(h)) for hashes, owners in shingles(texts) for h, t in zip(hashes, owners, strict=True)
        )

    whole = all_pairs()
    for size in (1, 100, 333):
        monkeypatch.setattr(shingles_module, "_CHUNK", size)
        assert all_pairs() == whole


def test_fingerprints_of_no_text_are_none() -> None:
    assert list(shingles([])) == []
    for texts in ([""], [" ", "\n"]):
        ((hashes, owners),) = shingles(texts)
        assert len(hashes) == len(owners) == 0


def test_many_different_texts_have_different_fingerprints() -> None:
    generator = random.Random(0)
    words = [f"w{n}" for n in range(1000)]
    texts = [" ".join(generator.choices(words, k=60)) for _ in range(1000)]
    distinct = {tuple(text.split()[i : i + 13]) for text in texts for i in range(48)}
    assert len(np.unique(np.concatenate([hashes for hashes, _ in shingles(texts)]))) == len(distinct)


@pytest.mark.parametrize("planted", [ENGLISH, CHINESE, THAI], ids=["words", "Chinese", "Thai"])
def test_a_planted_run_is_found_in_the_middle_of_other_text(planted: str) -> None:
    is_words = planted == ENGLISH
    run = " ".join(planted.split()[5:18]) if is_words else planted[10:40]
    short = " ".join(planted.split()[5:17]) if is_words else planted[10:39]
    gap = " " if is_words else "、"
    assert overlaps(f"Something else before{gap}{run}{gap}and after it.", planted)
    assert not overlaps(f"Something else before{gap}{short}{gap}and after it.", planted)


def test_case_width_and_white_space_make_no_difference() -> None:
    run = " ".join(ENGLISH.split()[3:16])
    assert overlaps("x " + run.upper().replace(" ", " \n\t ") + " y", ENGLISH)
    full_width = "".join(chr(ord(c) + 0xFEE0) if "a" <= c <= "z" else c for c in run)
    assert overlaps(f"x {full_width} y", ENGLISH)


def test_a_long_common_run_of_letters_is_no_overlap_where_words_have_spaces() -> None:
    assert not overlaps(
        "the people's republic of china and its provinces", "In the people's republic of china and its capital"
    )
    # ... nor inside a text that is otherwise Chinese.
    name = "the people's republic of china and its provinces"
    assert not overlaps(f"{CHINESE[:25]}{name}", f"{THAI[:25]}{name}")


def test_short_texts_overlap_only_as_a_whole_and_only_if_they_are_no_stock_phrases() -> None:
    assert overlaps("Who built the old bridge?", "who  built the old bridge?")
    assert not overlaps("Who built the old bridge?", "Who built the old bridges?")
    assert not overlaps("Yes, it is.", "Yes, it is.")
    assert overlaps("这座桥是谁在哪一年修建的?", "这座桥是谁在哪一年修建的？")  # full-width question mark
    assert not overlaps("是谁修建的？", "是谁修建的？")
    assert not overlaps("Who built the old bridge?", f"Who built the old bridge? {ENGLISH}")


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
    # No run of words or characters: the two of mlqa_test are short questions that also occur in MLQA dev word by word.
    assert found.counts() == {
        "belebele_en_de": {"xquad-r": 0, "mlqa-r": 0},
        "bitcoin_org_faq": {"xquad-r": 0, "mlqa-r": 0},
        "mlqa_test": {"xquad-r": 0, "mlqa-r": 2},
        "ntrex_headline_ict": {"xquad-r": 0, "mlqa-r": 0},
        "xnli_dev_entailment": {"xquad-r": 1, "mlqa-r": 0},
        "tydi_goldp_en": {"xquad-r": 0, "mlqa-r": 7},
    }
