"""The name of a metric: which benchmark, which setting, which measure, over which queries.

Every summary value of a trial has such a name, in result.json, as an objective and in tables. Names are built and taken
apart here and nowhere else; the module needs nothing but the standard library.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

Setting = Literal["monolingual", "cross-lingual", "bilingual", "multilingual"]
"""Which pool is searched: the query's own language, one other language, these two together, or all languages."""

MetricSetting = Setting | Literal["overall", "bias"]
"""What a metric is about: a setting, the mean of three of them, or language bias."""

SETTINGS: tuple[Setting, ...] = get_args(Setting)
OVERALL_SETTINGS: tuple[Setting, ...] = ("monolingual", "cross-lingual", "multilingual")
"""The settings whose mean is the overall value."""
PAIR_SETTINGS: tuple[Setting, ...] = ("cross-lingual", "bilingual")
"""The settings whose cells are pairs of a query language and another one."""
METRIC_SETTINGS: tuple[MetricSetting, ...] = (*SETTINGS, "overall", "bias")

DEV = "dev"
"""What the dev set is called in metric names, whatever its own name."""

_MEASURE = re.compile(r"[a-z][a-z0-9_]*(@[1-9][0-9]*)?")
_MICRO = "micro"


@dataclass(frozen=True, slots=True)
class MetricName:
    """Names one summary value; `str` gives the name as records hold it, `parse` reads it.

    >>> name = MetricName("xquad-r", "cross-lingual", "map", query_language="de", pool_language="en")
    >>> str(name)
    'xquad-r/cross-lingual/map/de-en'
    >>> MetricName.parse("xquad-r/cross-lingual/map/de-en") == name
    True
    >>> str(MetricName.parse("multilingual/map").of("atlas-test"))
    'atlas-test/multilingual/map'

    Raises:
        ValueError: a part has a form that cannot be read back, or parts exclude each other.
    """

    benchmark: str | None
    """None: the metric of any benchmark, as an objective names it."""
    setting: MetricSetting | None
    """None for what belongs to no setting: the ties of a benchmark without language bias."""
    measure: str
    """With its cut-off: `recall@10`."""
    micro: bool = False
    """Whether it is the mean over queries; otherwise the mean over cells."""
    query_language: str | None = None
    """Only queries in this language; None: all."""
    pool_language: str | None = None
    """Only this language's candidates (bilingual: beside the query language's; bias: only its relevant candidates)."""

    def __post_init__(self) -> None:
        if self.benchmark is not None:
            check_benchmark_name(self.benchmark)
        if self.setting is not None and self.setting not in METRIC_SETTINGS:
            raise ValueError(f"{self.setting!r} is no setting: give one of {', '.join(METRIC_SETTINGS)}.")
        if not _MEASURE.fullmatch(self.measure):
            raise ValueError(
                f"{self.measure!r} is no name of a measure: give small letters, digits and _, and a cut-off after @ if "
                "it has one, as in recall@10."
            )
        if self.micro and self.setting not in SETTINGS:
            raise ValueError(
                f"There is no micro mean of {self.setting or self.measure}: only of {', '.join(SETTINGS)}."
            )
        for language in (self.query_language, self.pool_language):
            if language is not None and (not language or "/" in language or ":" in language):
                raise ValueError(f"{language!r} is no language code: give one such as en, zh-tw or eng_Latn.")
        if self.query_language is not None and (self.micro or self.setting in (None, "overall")):
            raise ValueError(f"A language cannot stand with {'a micro mean' if self.micro else self.setting}: drop it.")
        if self.pool_language is not None and (self.query_language is None or self.setting not in _WITH_PAIRS):
            raise ValueError(
                f"The pool language {self.pool_language!r} needs a query language, and one of the settings "
                f"{', '.join(_WITH_PAIRS)}."
            )

    def __str__(self) -> str:
        measure = f"{self.measure}:{_MICRO}" if self.micro else self.measure
        languages = self.query_language
        if self.pool_language is not None:
            languages = f"{languages}-{self.pool_language}"
        return "/".join(part for part in (self.benchmark, self.setting, measure, languages) if part is not None)

    @property
    def is_headline(self) -> bool:
        """Whether it is one value for all languages: a macro mean, or the bias over all queries."""
        return self.setting is not None and not self.micro and self.query_language is None

    def of(self, benchmark: str | None) -> "MetricName":
        """The same metric of another benchmark; of any one for None."""
        return replace(self, benchmark=benchmark)

    def among(self, query_language: str | None = None, pool_language: str | None = None) -> "MetricName":
        """The same metric of the queries in one language, or of a pair of languages; of all for None."""
        return MetricName(self.benchmark, self.setting, self.measure, False, query_language, pool_language)

    @classmethod
    def parse(cls, text: str, languages: Collection[str] = ()) -> "MetricName":
        """Reads a name; the inverse of `str`.

        Args:
            text: the name, with or without a benchmark.
            languages: those of the benchmark. They are needed where codes hold hyphens, for a pair of languages is
                written with one, too: `zh-tw` is one language or two. Without them one hyphen is read as a pair.

        Raises:
            ValueError: it is no name of a metric, or its languages can be read in no or in several ways.
        """
        first, *others = text.split("/")
        benchmark, rest = (None, [first, *others]) if first in METRIC_SETTINGS or not others else (first, others)
        setting = next((setting for setting in METRIC_SETTINGS if setting == rest[0]), None)
        measure, *parts = rest if setting is None else rest[1:] or [""]
        if len(parts) > (setting is not None):
            raise ValueError(
                f"{text!r} is no name of a metric: it must be [benchmark/]setting/measure[/languages] with the setting "
                f"{', '.join(METRIC_SETTINGS[:-1])} or {METRIC_SETTINGS[-1]}."
            )
        plain, colon, mean = measure.partition(":")
        if colon and mean != _MICRO:
            raise ValueError(f"{text!r} is no name of a metric: after the colon only {_MICRO} can stand.")
        query_language, pool_language = None, None
        if parts:
            query_language, pool_language = _languages(parts[0], languages, pairs=setting in _WITH_PAIRS)
        try:
            return cls(benchmark, setting, plain, bool(colon), query_language, pool_language)
        except ValueError as error:
            raise ValueError(f"{text!r} is no name of a metric. {error}") from error


_WITH_PAIRS: tuple[MetricSetting, ...] = (*PAIR_SETTINGS, "bias")


def check_benchmark_name(name: str) -> None:
    """Raises ValueError for a name that would make metric names ambiguous: empty, with a slash, or a setting's."""
    if not name or "/" in name or name in METRIC_SETTINGS:
        raise ValueError(
            f"A benchmark cannot be called {name!r}: give a name without slash (beir-scifact) that is no setting."
        )


def named_dev(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics of a dev evaluation, `multilingual/map`, as records name them: `dev/multilingual/map`."""
    return {str(MetricName.parse(name).of(DEV)): value for name, value in metrics.items()}


def only_dev(metrics: Mapping[str, float]) -> dict[str, float]:
    """The dev metrics among those of a trial, named as the dev evaluation does: the inverse of `named_dev`."""
    names = {name: MetricName.parse(name) for name in metrics if name.startswith(f"{DEV}/")}
    return {str(name.of(None)): metrics[text] for text, name in names.items()}


def measure_of(text: str) -> str:
    """The measure in the name of a summary metric, whatever its benchmark and languages; the name is not checked.

    >>> measure_of("xquad-r/cross-lingual/recall@10/de-zh-tw"), measure_of("xquad-r/ties")
    ('recall@10', 'ties')
    """
    _, *parts = text.split("/")
    place = 1 if parts and parts[0] in METRIC_SETTINGS else 0
    return parts[place].partition(":")[0] if place < len(parts) else ""


def headlines(names: Iterable[str]) -> Iterator[MetricName]:
    """The metrics among these names that are one value for all languages; what is no name of a metric is left out.

    >>> [str(name) for name in headlines(["xquad-r/multilingual/map", "xquad-r/multilingual/map/de", "seconds"])]
    ['xquad-r/multilingual/map']
    """
    for text in names:
        try:
            name = MetricName.parse(text)
        except ValueError:
            continue
        if name.is_headline:
            yield name


def _languages(text: str, known: Collection[str], *, pairs: bool) -> tuple[str, str | None]:
    """The query language and, if it is a pair, the pool language."""
    hyphens = [i for i, character in enumerate(text) if character == "-"] if pairs else []
    readings = [(text, None), *((text[:i], text[i + 1 :]) for i in hyphens)]
    if known:
        found = [(one, other) for one, other in readings if one in known and (other is None or other in known)]
    elif len(readings) <= 2:
        found = readings[-1:]
    else:
        raise ValueError(f"{text!r} holds several hyphens: name the languages of the benchmark to tell them apart.")
    if len(found) != 1:
        ways = "is no language or pair of" if not found else "can be read in several ways with"
        raise ValueError(f"{text!r} {ways} the languages {', '.join(sorted(known))}.")
    return found[0]
