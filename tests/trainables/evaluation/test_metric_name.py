"""Names of metrics: what is written is read, and nothing else is."""

import doctest

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trainables.evaluation import metric_name
from trainables.evaluation.metric_name import METRIC_SETTINGS, SETTINGS, MetricName, named_dev, only_dev

PLAIN = st.sampled_from(["ar", "de", "en", "zh", "tw", "zh_cn", "eng_Latn", "vie"])
HYPHENED = st.sampled_from(["zh-tw", "pt-br", "zh-Hant-tw", "tw-en", "en-de"])
BENCHMARKS = st.none() | st.sampled_from(["xquad-r", "atlas-test", "dev", "my set", "map", "ties", "a:b"])
MEASURES = st.from_regex(r"[a-z][a-z0-9_]{0,12}(@[1-9][0-9]{0,3})?", fullmatch=True)


@st.composite
def names(draw: st.DrawFn, languages: st.SearchStrategy[str]) -> MetricName:
    setting = draw(st.sampled_from([None, *METRIC_SETTINGS]))
    query_language = draw(st.none() | languages) if setting not in (None, "overall") else None
    with_pairs = query_language is not None and setting in ("cross-lingual", "bias")
    return MetricName(
        draw(BENCHMARKS),
        setting,
        draw(MEASURES),
        micro=draw(st.booleans()) if query_language is None and setting in SETTINGS else False,
        query_language=query_language,
        pool_language=draw(st.none() | languages) if with_pairs else None,
    )


@given(names(PLAIN))
def test_a_name_is_read_as_it_was_written(name: MetricName) -> None:
    assert MetricName.parse(str(name)) == name


@given(names(PLAIN | HYPHENED), st.sets(PLAIN | HYPHENED))
def test_codes_with_hyphens_are_told_apart_by_the_languages_of_the_benchmark(
    name: MetricName, others: set[str]
) -> None:
    known = others | {x for x in (name.query_language, name.pool_language) if x is not None}
    text = "-".join(x for x in (name.query_language, name.pool_language) if x is not None)
    pairs = [(one, other) for one in known for other in known if f"{one}-{other}" == text]
    has_pairs = name.setting in ("cross-lingual", "bilingual", "bias")
    if has_pairs and len(pairs) + (text in known) > 1:
        with pytest.raises(ValueError, match="can be read in several ways"):
            MetricName.parse(str(name), known)
    else:
        assert MetricName.parse(str(name), known) == name


@given(names(PLAIN | HYPHENED), names(PLAIN | HYPHENED))
def test_names_differ_unless_hyphens_hide_it(one: MetricName, other: MetricName) -> None:
    assume(one != other)
    if str(one) == str(other):
        assert "-" in str(one).split("/")[-1]
        assert (one.setting, one.measure, one.micro) == (other.setting, other.measure, other.micro)


@given(names(PLAIN), BENCHMARKS)
def test_a_metric_of_another_benchmark_differs_in_nothing_else(name: MetricName, benchmark: str | None) -> None:
    moved = name.of(benchmark)
    assert moved.benchmark == benchmark
    assert moved.of(name.benchmark) == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (MetricName("a", "cross-lingual", "map", query_language="de", pool_language="en"), "a/cross-lingual/map/de-en"),
        (MetricName("atlas-test", "multilingual", "map", micro=True), "atlas-test/multilingual/map:micro"),
        (MetricName("dev", "bias", "rank_distance"), "dev/bias/rank_distance"),
        (MetricName("xquad-r", "bias", "rank_distance", query_language="de"), "xquad-r/bias/rank_distance/de"),
        (MetricName("xquad-r", None, "ties"), "xquad-r/ties"),
        (MetricName("xquad-r", "bias", "ties"), "xquad-r/bias/ties"),
        (MetricName(None, "multilingual", "recall@10"), "multilingual/recall@10"),
        (MetricName(None, "bias", "ties"), "bias/ties"),
        (MetricName(None, None, "ties"), "ties"),
        (MetricName("a", "overall", "map"), "a/overall/map"),
        (MetricName("a", "monolingual", "map", query_language="zh-tw"), "a/monolingual/map/zh-tw"),
    ],
)
def test_names_are_written_as_records_hold_them(name: MetricName, text: str) -> None:
    assert str(name) == text
    assert MetricName.parse(text) == name


def test_a_pair_is_read_where_nothing_says_which_languages_there_are() -> None:
    assert MetricName.parse("a/cross-lingual/map/zh-tw").pool_language == "tw"
    assert MetricName.parse("a/cross-lingual/map/zh-tw", ["zh-tw", "en"]).query_language == "zh-tw"
    assert MetricName.parse("a/cross-lingual/map/zh-tw-en", ["zh-tw", "en"]).pool_language == "en"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'' is no name of a metric. '' is no name of a measure"),
        ("xquad-r/multilingal/map", "it must be .*setting/measure"),
        ("beir/scifact/multilingual/map", "it must be .*setting/measure"),
        ("a/multilingual/map/de/en", "it must be .*setting/measure"),
        ("a/ties/de", "it must be .*setting/measure"),
        ("/multilingual/map", "A benchmark cannot be called ''"),
        ("a/multilingual", "'' is no name of a measure"),
        ("a/multilingual/", "'' is no name of a measure"),
        ("a/multilingual/MAP", "'MAP' is no name of a measure"),
        ("a/multilingual/map@0", "'map@0' is no name of a measure"),
        ("a/multilingual/map:macro", "after the colon only micro"),
        ("a/multilingual/map:", "after the colon only micro"),
        ("a/bias/rank_distance:micro", "There is no micro mean of bias"),
        ("a/overall/map:micro", "There is no micro mean of overall"),
        ("ties:micro", "There is no micro mean of ties"),
        ("a/multilingual/map:micro/de", "A language cannot stand with a micro mean"),
        ("a/overall/map/de", "A language cannot stand with overall"),
        ("a/multilingual/map/", "'' is no language code"),
        ("a/multilingual/map/de:micro", "'de:micro' is no language code"),
        ("a/cross-lingual/map/zh-Hant-tw-en", "several hyphens: name the languages"),
    ],
)
def test_what_is_no_name_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MetricName.parse(text)


def test_languages_that_the_benchmark_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="'de-fr' is no language or pair of the languages de, en"):
        MetricName.parse("a/cross-lingual/map/de-fr", ["de", "en"])
    with pytest.raises(ValueError, match="'fr' is no language or pair"):
        MetricName.parse("a/monolingual/map/fr", ["de", "en"])


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (("beir/scifact", "multilingual", "map"), "A benchmark cannot be called 'beir/scifact'"),
        (("bias", "multilingual", "map"), "A benchmark cannot be called 'bias'"),
        (("a", "zero-shot", "map"), "'zero-shot' is no setting: give one of monolingual"),
        (("a", "monolingual", "map", False, "de", "en"), "The pool language 'en' needs"),
        (("a", "cross-lingual", "map", False, None, "en"), "The pool language 'en' needs"),
    ],
)
def test_parts_that_could_not_be_read_back_are_refused(parts: tuple, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MetricName(*parts)


def test_dev_metrics_are_named_after_the_dev_set_in_records_only() -> None:
    dev = {"multilingual/map": 0.5, "bias/rank_distance": 3.0}
    named = named_dev(dev)
    assert named == {"dev/multilingual/map": 0.5, "dev/bias/rank_distance": 3.0}
    assert only_dev({**named, "atlas-test/multilingual/map": 0.4, "development/multilingual/map": 0.3}) == dev


def test_the_examples_are_right() -> None:
    assert doctest.testmod(metric_name).failed == 0
