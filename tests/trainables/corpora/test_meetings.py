"""The evaluation text beside a training text is one that it meets, and both show what they share."""

import random

import pytest

from tests.trainables.corpora.test_overlap import CHINESE, ENGLISH, THAI
from trainables.corpora.meetings import LONGEST, excerpt, meetings, partners
from trainables.corpora.shingles import known_texts, overlapping

FILLER = "entirely other words are here which nobody has ever said before in just this order or another one "


def known(count: int) -> list[str]:
    generator = random.Random(0)
    return [" ".join(generator.choices(FILLER.split(), k=20)) + f" {number}" for number in range(count)]


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, THAI, "Who built the old bridge?"])
@pytest.mark.parametrize("place", [0, 3, 4095, 4096, 5000])
def test_the_text_that_is_met_is_found_wherever_it_stands(text: str, place: int) -> None:
    among = known(5000)
    among.insert(place, text)
    assert partners([text], among) == [text]


def test_long_texts_are_cut_to_what_they_share() -> None:
    training = f"{FILLER * 9}So {ENGLISH} And {FILLER * 9}"
    evaluation = f"{FILLER[::-1] * 9}{ENGLISH}{FILLER[::-1] * 9}"
    (met,) = meetings([training], [evaluation])
    for shown in (met.training, met.evaluation):
        assert len(shown) <= LONGEST + 8
        assert shown.startswith("... ")
        assert shown.endswith(" ...")
        part = shown[4:-4]
        assert part in ENGLISH
        assert overlapping([part], {"e": known_texts([ENGLISH])})["e"].all()


def test_short_texts_are_shown_whole() -> None:
    text = "Who built the old bridge?"
    (met,) = meetings([f"Tell me: {text.lower()}"], [text])
    assert (met.training, met.evaluation) == (f"Tell me: {text.lower()}", text)


def test_a_text_that_meets_nothing_is_no_example() -> None:
    with pytest.raises(ValueError, match="no known text"):
        partners([FILLER], [ENGLISH])
    assert meetings([], [ENGLISH]) == ()
    assert excerpt(FILLER * 9, ENGLISH).startswith(FILLER[:100])
