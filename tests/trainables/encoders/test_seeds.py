from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from trainables.encoders.seeds import LONGEST, count_words, repeated_substrings


def _expected(words: dict[str, int], fewest: int) -> dict[str, int]:
    """All substrings by brute force."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for start in range(len(word)):
            for end in range(start + 2, len(word) + 1):
                counts[word[start:end]] += count
    longest_child: Counter[str] = Counter()
    for substring, count in counts.items():
        longest_child[substring[:-1]] = max(longest_child[substring[:-1]], count)
    return {s: c for s, c in counts.items() if c >= fewest and len(s) <= LONGEST and c > longest_child[s]}


@given(
    st.dictionaries(st.text("abไ𝒳中", min_size=1, max_size=24), st.integers(1, 4), min_size=1, max_size=8),
    st.integers(1, 6),
)
def test_counts_are_those_of_brute_force(words: dict[str, int], fewest: int) -> None:
    assert repeated_substrings(words, 10_000, fewest) == _expected(words, fewest)


def test_beyond_the_budget_the_most_frequent_words_are_read() -> None:
    assert repeated_substrings({"rare": 2, "often": 9}, 5, 2) == {"often": 9, "ften": 9, "ten": 9, "en": 9}


def test_words_end_at_space_and_punctuation_and_keep_the_space_before_them() -> None:
    counts = count_words(["In Ghana?", "Ghana (Accra)", "使用，货币"])
    assert counts == {"▁In": 1, "▁Ghana": 2, "Accra": 1, "▁使用": 1, "货币": 1}
