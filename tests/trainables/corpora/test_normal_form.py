"""Two texts are the same if no reader would tell them apart, whatever bytes they are made of."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.corpora import normal_form as module
from trainables.corpora.normal_form import normal_form, text_keys

SAME = {
    "case": ("Who was the Duke?", "WHO WAS THE DUKE?"),
    "punctuation": ("Who, was the duke?", "who was the duke"),
    "quotes and dashes": ("the “old” town–hall", 'the "old" town - hall'),
    "space before a mark": ("Wer war es ?", "Wer war es?"),
    "blanks": (" a\u00a0b\u2009 c\t\n", "a b c"),
    "trailing blank": ("A passage. ", "A passage."),
    "compatibility": ("ﬁne ① Ａｂｃ", "fine 1 abc"),
    "composed": ("caf\u00e9", "cafe\u0301"),
    "soft hyphen": ("Hast\u00adings", "Hastings"),
    "zero-width spaces": ("สะพาน\u200bเก่า", "สะพานเก่า"),
    "byte order mark": ("\ufeffa b", "a b"),
    "variation selector": ("桥\ufe00", "桥"),
    "Thai with spaces": ("สะพาน เก่า", "สะพานเก่า"),
    "Chinese with spaces": ("桥 建于 19 世纪", "桥建于19世纪"),
    "Chinese commas": ("桥,建于。", "桥， 建于"),
    "Khmer": ("ស្ពាន\u200bចាស់", "ស្ពានចាស់"),
    "Arabic vowel signs": ("الكِتَابُ", "الكتاب"),
    "Arabic tatweel": ("الكتـــاب", "الكتاب"),
    "Arabic hamza": ("أحمد إلى آخر", "احمد الى اخر"),
    "Arabic alef maqsura": ("على", "علي"),
    "Arabic teh marbuta": ("مدرسة", "مدرسه"),
    "Persian letters": ("کتابی", "كتابي"),
    "Arabic digits": ("١٩٨٧", "1987"),
    "Hindi digits": ("१९८७", "1987"),
    "Hindi nukta": ("क़ानून", "कानून"),
    "right-to-left marks": ("\u200fالكتاب\u200e", "الكتاب"),
    "Hebrew points": ("שָׁלוֹם", "שלום"),
    "Greek accents": ("Ποιος ήταν;", "ΠΟΙΟΣ ΗΤΑΝ"),
    "final sigma": ("ΟΔΟΣ", "οδος"),
    "Cyrillic io": ("ещё", "еще"),
    "Turkish capitals": ("İSTANBUL", "istanbul"),
    "German ss": ("STRASSE", "straße"),
    "only punctuation, twice": ("? ?", " ? ? "),
}

DIFFERENT = {
    "Vietnamese tones": ("ma má mà", "ma mà má"),
    "French accents": ("pêche", "péché"),
    "German umlauts": ("schon", "schön"),
    "Thai tone marks": ("เสือ", "เสื่อ"),
    "Thai vowels": ("กา", "กี"),
    "Hindi vowel signs": ("कमल", "कमाल"),
    "words run together": ("the rapist", "therapist"),
    "numbers run together": ("1 9", "19"),
    "order": ("a b", "b a"),
    "pictograms": ("😀", "😁"),
    "marks alone": ("?", "!"),
    "kanji and kana": ("ハ", "八"),
}


@pytest.mark.parametrize("name", SAME)
def test_texts_that_read_alike_are_the_same(name: str) -> None:
    one, other = SAME[name]
    assert normal_form(one) == normal_form(other)
    left, right = text_keys([one, other])
    assert left == right


@pytest.mark.parametrize("name", DIFFERENT)
def test_texts_that_mean_something_else_are_not(name: str) -> None:
    one, other = DIFFERENT[name]
    assert normal_form(one) != normal_form(other)
    left, right = text_keys([one, other])
    assert left != right


text = st.text(st.one_of(st.characters(), st.sampled_from(" \n\u00a0\u200b\u00ad\u0301?.ıİßςＡ文ไา़्ـَ😀"))).filter(
    lambda value: "\ud800" not in value
)


@given(text)
def test_the_normal_form_of_a_normal_form_is_itself(value: str) -> None:
    form = normal_form(value)
    assert normal_form(form) == form
    assert form == form.strip()
    assert "  " not in form


@given(text, st.integers(0, 40), st.sampled_from("\u200b\u00ad\ufeff\u200f\u2060\ufe0f"))
def test_an_invisible_character_anywhere_changes_nothing(value: str, place: int, invisible: str) -> None:
    assert normal_form(value[:place] + invisible + value[place:]) == normal_form(value)


@given(text)
def test_compatible_and_decomposed_texts_are_the_same(value: str) -> None:
    assert normal_form(unicodedata.normalize("NFD", value)) == normal_form(value)
    assert normal_form(unicodedata.normalize("NFKC", value)) == normal_form(value)


@given(st.lists(text, max_size=12))
def test_keys_are_those_of_the_forms_wherever_chunks_end(values: list[str]) -> None:
    keys = text_keys(values).tolist()
    forms = [normal_form(value) for value in values]
    assert len(keys) == len(values)
    for left, one in enumerate(forms):
        for right, other in enumerate(forms):
            assert (keys[left] == keys[right]) == (one == other)
    before, module._CHUNK = module._CHUNK, 7
    try:
        assert text_keys(values).tolist() == keys
    finally:
        module._CHUNK = before
