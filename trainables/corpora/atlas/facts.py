"""The facts of the atlas, read from the Unicode CLDR as package babel carries it.

Four relations of a territory: its currency, its main official language, the place its time zone is named after, its
region of the world. A fact is kept only if it has one answer and the CLDR names the territory and the answer in all
eleven languages.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from babel import Locale
from babel.core import get_global

LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
"""The languages of XQuAD-R."""

# The CLDR's territory containment is no part of package babel. These are its groups and their inhabited members.
_REGIONS = {
    "005": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
    "011": "BF BJ CI CV GH GM GN GW LR ML MR NE NG SH SL SN TG",
    "013": "BZ CR GT HN MX NI PA SV",
    "014": "BI DJ ER ET KE KM MG MU MW MZ RE RW SC SO SS TZ UG YT ZM ZW",
    "015": "DZ EG EH LY MA SD TN",
    "017": "AO CD CF CG CM GA GQ ST TD",
    "018": "BW LS NA SZ ZA",
    "021": "BM CA GL PM US",
    "029": "AG AI AW BB BL BQ BS CU CW DM DO GD GP HT JM KN KY LC MF MQ MS PR SX TC TT VC VG VI",
    "030": "CN HK JP KP KR MN MO TW",
    "034": "AF BD BT IN IR LK MV NP PK",
    "035": "BN ID KH LA MM MY PH SG TH TL VN",
    "039": "AD AL BA ES GI GR HR IT ME MK MT PT RS SI SM VA XK",
    "053": "AU CC CX NF NZ",
    "054": "FJ NC PG SB VU",
    "057": "FM GU KI MH MP NR PW",
    "061": "AS CK NU PF PN TK TO TV WF WS",
    "143": "KG KZ TJ TM UZ",
    "145": "AE AM AZ BH CY GE IL IQ JO KW LB OM PS QA SA SY TR YE",
    "151": "BG BY CZ HU MD PL RO RU SK UA",
    "154": "AX DK EE FI FO GB GG IE IM IS JE LT LV NO SE SJ",
    "155": "AT BE CH DE FR LI LU MC NL",
}
_REGION_OF = {territory: region for region, members in _REGIONS.items() for territory in members.split()}

# A longer name alone would be a run of text that the check for overlap takes for copied.
_WITHOUT_SPACES, _LONGEST_WITHOUT_SPACES = ("th", "zh"), 24
_SOFT_HYPHEN = "\u00ad"
_SCRIPTS = {"ar": "ARABIC", "el": "GREEK", "hi": "DEVANAGARI", "ru": "CYRILLIC", "th": "THAI", "zh": "CJK"}


@dataclass(frozen=True)
class Fact:
    """One relation of one territory, with both names in every language."""

    relation: str
    territory: str
    """Two letters of ISO 3166."""
    place: Mapping[str, str]
    """language -> name of the territory."""
    answer: Mapping[str, str]
    """language -> name of the answer."""

    @property
    def id(self) -> str:
        """Relation and territory, such as `currency:FR`."""
        return f"{self.relation}:{self.territory}"


@cache
def facts() -> tuple[Fact, ...]:
    """Returns every fact that can be told in all languages, by relation, then by territory."""
    found = []
    for relation, (answer_code, answer_name) in _RELATIONS.items():
        for territory in sorted(_REGION_OF):
            code = answer_code(territory)
            if code is None:
                continue
            place = _names(_territory_name, territory)
            answer = _names(answer_name, code)
            if place and answer:
                found.append(Fact(relation, territory, place, answer))
    return tuple(found)


def _currency(territory: str) -> str | None:
    """The legal tender of today; none where there are several."""
    entries = get_global("territory_currencies").get(territory, [])
    current = [code for code, _, end, is_tender in entries if is_tender and end is None]
    return current[0] if len(current) == 1 else None


def _language(territory: str) -> str | None:
    """The official language (by law or in fact, nationwide) with the most speakers; none if two have as many."""
    share: dict[str, float] = {}
    for locale, entry in get_global("territory_languages").get(territory, {}).items():
        if entry["official_status"] in ("official", "de_facto_official"):
            # One language counts once, whatever its script; Bokmål and Norwegian are listed side by side.
            language = {"nb": "no"}.get(locale.split("_")[0], locale.split("_")[0])
            share[language] = max(share.get(language, 0.0), entry["population_percent"])
    leaders = [language for language, percent in share.items() if percent == max(share.values())]
    return leaders[0] if len(leaders) == 1 else None


def _time_zone(territory: str) -> str | None:
    """The time zone, where there is one only and it is not simply called like the territory."""
    zones = get_global("territory_zones").get(territory, [])
    if len(zones) != 1:
        return None
    english = Locale.parse("en")
    city, name = str(_city(english, zones[0])).casefold(), english.territories[territory].casefold()
    return zones[0] if city not in name and name not in city else None


def _zone_name(zone: str) -> str:
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def _city(locale: Locale, zone: str) -> str | None:
    for name in (zone, *(old for old, new in get_global("zone_aliases").items() if new == zone)):
        city = locale.time_zones.get(name, {}).get("city")
        if city:
            return str(city)
    # The CLDR leaves out a place whose name is spelled as in the identifier of its zone.
    return None if locale.language in _SCRIPTS else _zone_name(zone)


def _territory_name(locale: Locale, code: str) -> str | None:
    name: str | None = locale.territories.get(code)
    return name


def _names(name_in: Callable[[Locale, str], str | None], code: str) -> dict[str, str] | None:
    """The names in all languages, or None if one is missing, too long or not in the script of its language."""
    names = {}
    for language in LANGUAGES:
        name = name_in(Locale.parse(language), code)
        if not name or not _is_written_in(language, name):
            return None
        if language in _WITHOUT_SPACES and len(name) > _LONGEST_WITHOUT_SPACES:
            return None
        names[language] = unicodedata.normalize("NFC", name.replace(_SOFT_HYPHEN, ""))
    return names


def _is_written_in(language: str, name: str) -> bool:
    script = _SCRIPTS.get(language, "LATIN")
    return any(unicodedata.name(character, "").startswith(script) for character in name)


_RELATIONS: Mapping[str, tuple[Callable[[str], str | None], Callable[[Locale, str], str | None]]] = {
    "currency": (_currency, lambda locale, code: locale.currencies.get(code)),
    "language": (_language, lambda locale, code: locale.languages.get(code)),
    "time zone": (_time_zone, _city),
    "region": (_REGION_OF.get, _territory_name),
}
"""relation -> (the code that answers for a territory, if there is one answer; the name of a code in a locale)."""
