import pytest

from trainables.corpora.languages import is_known_language, language_code
from trainables.corpora.sources.belebele import VARIETIES


@pytest.mark.parametrize(
    ("written", "meant"), [("jp", "ja"), ("JP", "ja"), ("cz", "cs"), ("gr", "el"), ("ua", "uk"), ("us", "en")]
)
def test_the_code_of_a_territory_is_refused_and_its_language_named(written: str, meant: str) -> None:
    assert not is_known_language(written)
    with pytest.raises(ValueError, match=rf"{written!r} is no code of a language \(did you mean {meant}\?\)"):
        language_code(written)


@pytest.mark.parametrize("written", ["xx", "zz", "xx-Latn", "english", "e", "", "en de"])
def test_what_is_no_code_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no code of a language such as en, pt-BR or zh-Hant"):
        language_code(written)


def test_codes_of_published_sets_rare_languages_and_private_use_are_taken() -> None:
    assert len({language_code(one) for one in VARIETIES}) == len(VARIETIES)
    # Old codes, sign languages without data in CLDR, ISO 639-5, private use, mBART's.
    codes = ("iw", "in", "tl", "no", "bh", "asf", "aed", "bih", "qaa", "qtz-Latn", "en_XX", "kea_Latn", "quz", "fil")
    for code in codes:
        assert language_code(code)
