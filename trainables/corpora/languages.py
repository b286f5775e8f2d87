"""Codes of languages: one language has one code, however it is written.

Codes follow BCP 47 (RFC 5646, section 2.1.1): parts are joined by hyphens, a script is written in title case, a region
in capitals, everything else small. So `pt_br`, `PT-BR` and `pt-BR` are one language. What a code means is not looked
up: `en` and `eng` are two.
"""

import re

_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")


def language_code(text: str) -> str:
    """The one form of a code.

    >>> [language_code(code) for code in ("pt_br", "ZH_HANT_TW", "eng_latn", "sl-rozaj-biske", "en-x-us")]
    ['pt-BR', 'zh-Hant-TW', 'eng-Latn', 'sl-rozaj-biske', 'en-x-us']

    Raises:
        ValueError: the text is no code of a language.
    """
    if not _CODE.fullmatch(text):
        raise ValueError(f"{text!r} is no code of a language such as en, zh-TW or eng-Latn")
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
    return "-".join(found)
