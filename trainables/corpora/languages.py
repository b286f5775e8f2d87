"""Codes of languages: one language has one code, however it is written.

Codes follow BCP 47 (RFC 5646, section 2.1.1): parts are joined by hyphens, a script is written in title case, a region
in capitals, everything else small. Codes of two letters must be registered, for ISO 639-1 is a closed list; of those of
three, which have thousands of rare languages and a range for private use, any is taken. What a code means is looked up
in the Unicode CLDR (package `babel`): the shortest code of a language is taken (`deu` is `de`, `arb` is `ar`), and a
script is left out where the language is usually written in it (`zh-Hans` is `zh`). A region stays (`pt-BR` is not
`pt`), except where it only tells the script: `zh-CN` is `zh`, and `zh-TW` is `zh-Hant`.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache

EXAMPLES = "such as en, pt-BR or zh-Hant"

_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")
_SCRIPT = re.compile(r"[A-Z][a-z]{3}")
_REGION = re.compile(r"[A-Z]{2}|\d{3}")
_SAME_SCRIPT = {"Hang": "Kore"}
"""FLORES names the alphabet of Korean, CLDR what it is written in."""
_NO_REGION = frozenset(("XX", "ZZ"))
"""mBART writes `en_XX`."""


@cache
def language_code(text: str) -> str:
    """The one form of a code.

    >>> [language_code(code) for code in ("pt_br", "ZH_HANT_TW", "eng_latn", "sl-rozaj-biske", "en-x-us")]
    ['pt-BR', 'zh-Hant', 'en', 'sl-rozaj-biske', 'en-x-us']
    >>> {language_code(code) for code in ("zh", "zh_cn", "zh-Hans", "zho", "zho_Hans", "cmn-Hans-CN")}
    {'zh'}

    Raises:
        ValueError: the text is no code of a language; says which is likely meant.
    """
    language, *rest = _in_case(text) if _CODE.fullmatch(text) else ("",)
    if not language or (len(language) == 2 and not _is_registered(language)):
        meant = language_of_territory(text)
        raise ValueError(
            f"{text!r} is no code of a language" + (f" (did you mean {meant}?)" if meant else f" {EXAMPLES}")
        )
    language, *implied = _cldr("language_aliases").get(language, language).split("_")
    script = _first(_SCRIPT, [*rest[:1], *implied])
    region = _first(_REGION, [*rest[:2], *implied])
    further = rest[len({script, region} & set(rest[:2])) :]
    usual = _likely(language)[0]
    script = _SAME_SCRIPT.get(script, script) or _likely(f"{language}_{region}")[0] or usual
    in_script = language if script == usual else f"{language}_{script}"
    if region in _NO_REGION or (_by_region(language) and _likely(in_script)[1] == region):
        region = ""
    return "-".join(part for part in (language, "" if script == usual else script, region, *further) if part)


def _first(kind: re.Pattern[str], parts: Sequence[str]) -> str:
    return next((part for part in parts if kind.fullmatch(part)), "")


def language_of_territory(text: str) -> str | None:
    """The language that is likely in a territory, whose code is easily taken for that of its language; else None.

    >>> [language_of_territory(code) for code in ("jp", "cz", "us", "xx")]
    ['ja', 'cs', 'en', None]
    """
    territory = text.upper()
    if not re.fullmatch("[A-Z]{2}", territory) or territory in _NO_REGION or territory not in _territories():
        return None
    likely = _cldr("likely_subtags")
    return likely.get(f"und_{territory}", likely["und"]).split("_")[0]


def is_known_language(text: str) -> bool:
    """Whether a text is the code of a language that has a name in the CLDR, with or without script and region.

    >>> [is_known_language(text) for text in ("de", "zh_cn", "eng_Latn", "dev", "qq", "train")]
    [True, True, True, False, False, False]
    """
    try:
        language, *rest = language_code(text).split("-")
    except ValueError:
        return False
    return language in _names() and all(_SCRIPT.fullmatch(part) or _REGION.fullmatch(part) for part in rest)


def language_named(name: str) -> str | None:
    """The code of a language by its English name, or None.

    >>> language_named("german"), language_named("collection")
    ('de', None)
    """
    return next((code for code, known in _names().items() if known.lower() == name.lower()), None)


def _in_case(text: str) -> list[str]:
    found: list[str] = []
    in_extension = False
    for part in text.replace("_", "-").lower().split("-"):
        if not found or in_extension:
            found.append(part)
        elif len(part) == 2:
            found.append(part.upper())
        else:
            found.append(part.title() if len(part) == 4 and part.isalpha() else part)
        in_extension = in_extension or len(part) == 1
    return found


def _likely(code: str) -> tuple[str, str]:
    """The script and the region that are likely for a language, or a language with a script or a region; else empty."""
    parts = _cldr("likely_subtags").get(code, "").split("_")
    return (parts[1], parts[2]) if len(parts) == 3 else ("", "")


@cache
def _by_region(language: str) -> bool:
    """Whether a region may tell in which script a language is written."""
    usual = _likely(language)[0]
    found = (code.split("_") for code in _cldr("likely_subtags") if code.startswith(f"{language}_"))
    return any(
        len(parts) == 2 and _REGION.fullmatch(parts[1]) and _likely("_".join(parts))[0] != usual for parts in found
    )


def _cldr(table: str) -> Mapping[str, str]:
    # Imported late: whoever reads plain codes of records need not wait for it.
    from babel.core import get_global

    found: Mapping[str, str] = get_global(table)
    return found


def _is_registered(language: str) -> bool:
    known = (_names(), _cldr("language_aliases"), _cldr("likely_subtags"))
    return any(language in table for table in known)


@cache
def _territories() -> frozenset[str]:
    from babel import Locale

    return frozenset(Locale("en").territories)


@cache
def _names() -> Mapping[str, str]:
    from babel import Locale

    return dict(Locale("en").languages)
