import re
from pathlib import Path

import pytest

from tests.trainables.corpora.lareqa_checks import bibliography_key
from trainables.corpora.items import PairItem
from trainables.corpora.sources.registry import (
    BENCHMARKS,
    COLLECTIONS,
    EMBEDDED,
    TRAINING_SOURCES,
    asked_collections,
    benchmark_names,
    load_benchmark,
)
from trainables.corpora.training_sets import load_training
from trainables.errors import UserError
from trainables.evaluation.measures.registry import chosen_measures
from trainables.evaluation.metric_name import MetricName


def write_pair(path: Path, identifier: str = "a") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{"id": "{identifier}", "query": {{"en": "q"}}, "passage": {{"en": "p"}}}}\n')
    return path


def ids(sets: dict[str, list[PairItem]]) -> dict[str, list[str]]:
    return {name: [item.id for item in items] for name, items in sets.items()}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "working").mkdir()
    monkeypatch.chdir(tmp_path / "working")


def test_every_source_is_described_in_one_line_without_its_name_and_licence() -> None:
    assert list(BENCHMARKS)[:3] == ["atlas", "xquad-r", "mlqa-r"]
    assert list(TRAINING_SOURCES) == ["atlas", "pictograms"]
    for source in (*BENCHMARKS.values(), *TRAINING_SOURCES.values()):
        assert source.description.strip()
        assert "\n" not in source.description
        assert re.fullmatch(r"[A-Za-z0-9.+-]+", source.licence)
        assert source.licence not in source.description
        assert source.non_commercial == ("NC" in source.licence.split("-"))


def test_what_sources_cite_is_an_entry_of_a_bibliography_and_the_same_wherever_it_is_cited() -> None:
    entries: dict[str, str] = {}
    for source in (*BENCHMARKS.values(), *TRAINING_SOURCES.values()):
        for entry in source.references:
            assert re.fullmatch(r"@[a-z]+\{[a-z0-9]+,\n(  [a-z]+ += \{.+\},?\n)+\}", entry)
            assert entry.count("{") == entry.count("}")
            assert entries.setdefault(bibliography_key(entry), entry) == entry


def test_a_benchmark_is_judged_by_its_test_split_at_least() -> None:
    for source in BENCHMARKS.values():
        assert "test" in source.splits
        assert set(source.splits) <= {"dev", "test"}


def test_a_training_set_chooses_parameters_by_a_split_that_exists() -> None:
    for source in TRAINING_SOURCES.values():
        assert source.dev is None or "dev" in BENCHMARKS[source.dev].splits


def test_what_is_embedded_trains_and_tests_without_a_data_folder() -> None:
    training = load_training([EMBEDDED])
    assert list(training) == [EMBEDDED]
    assert len(training[EMBEDDED]) > 100
    dev, test = (load_benchmark(EMBEDDED, split) for split in ("dev", "test"))
    assert dev.fingerprint != test.fingerprint
    assert not {item.id for item in training[EMBEDDED]} & {*dev.parallel_ids, *test.parallel_ids}


def test_an_unknown_benchmark_or_split_is_told_with_the_known_ones(shared_data: Path) -> None:
    with pytest.raises(UserError, match="xquad-r"):
        load_benchmark("xquad", "test", shared_data)
    with pytest.raises(UserError, match=r"split of benchmark xquad-r 'dev': .*test"):
        load_benchmark("xquad-r", "dev", shared_data)


def test_a_benchmark_is_loaded_by_name(shared_data: Path) -> None:
    assert load_benchmark("mlqa-r", "test", shared_data).name == "mlqa-r"


@pytest.mark.parametrize("name", ["sub/set.jsonl", "sub/set", "sub", "{absolute}/sub/set.jsonl", "{absolute}/sub/set"])
def test_a_set_is_found_by_path_with_or_without_suffix_below_the_data_folder(tmp_path: Path, name: str) -> None:
    write_pair(tmp_path / "data/sub/set.jsonl")
    name = name.format(absolute=tmp_path / "data")
    assert ids(load_training([name], tmp_path / "data")) == {"set": ["a"]}


def test_the_working_directory_goes_before_the_data_folder(tmp_path: Path) -> None:
    write_pair(tmp_path / "data/set.jsonl", "far")
    write_pair(tmp_path / "working/set.jsonl", "near")
    assert ids(load_training(["set"], tmp_path / "data")) == {"set": ["near"]}
    assert ids(load_training(["set"], None)) == {"set": ["near"]}


def test_a_folder_gives_its_pair_files_in_order_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "licenses/c.jsonl", ".d.jsonl", "README.md"):
        write_pair(tmp_path / "data" / name, name[0])
    assert ids(load_training(["data"], tmp_path)) == {"a": ["a"], "b": ["b"]}


def test_sets_with_the_same_file_name_get_different_names(tmp_path: Path) -> None:
    for folder in ("one", "two", "three"):
        write_pair(tmp_path / folder / "set.jsonl", folder)
    write_pair(tmp_path / "set-2.jsonl", "own")
    found = load_training(["one/set", "set-2", "two/set", "three"], tmp_path)
    assert ids(found) == {"set": ["one"], "set-2": ["own"], "set-3": ["two"], "set-4": ["three"]}


def test_a_set_must_not_be_named_twice(tmp_path: Path) -> None:
    write_pair(tmp_path / "data/set.jsonl")
    with pytest.raises(UserError, match=r"set\.jsonl is named twice, by 'data' and 'data/set'"):
        load_training(["data", "data/set"], tmp_path)
    with pytest.raises(UserError, match="'atlas'"):
        load_training(["atlas", "atlas"], tmp_path)


def test_one_set_in_two_formats_is_not_taken_for_two_sets(tmp_path: Path) -> None:
    for name in ("set.jsonl", "set.d.jsonl", "set.csv"):
        write_pair(tmp_path / "data" / name)
    with pytest.raises(UserError, match="two formats"):
        load_training(["data"], tmp_path)
    with pytest.raises(UserError, match=r"set\.jsonl or .*set\.csv: add the suffix"):
        load_training(["data/set"], tmp_path)


def test_an_unknown_set_is_told_with_every_place_where_it_was_sought(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_training(["atls"], tmp_path / "data")
    for part in ("'atls'", "atlas", str(tmp_path / "working" / "atls"), str(tmp_path / "data" / "atls")):
        assert part in str(caught.value)


def test_an_empty_folder_and_no_name_at_all_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"working.* has no training file"):
        load_training([str(tmp_path / "working")], None)
    with pytest.raises(UserError, match="No training set"):
        load_training([], None)


def test_a_link_to_a_file_of_another_name_is_a_pair_file(tmp_path: Path) -> None:
    write_pair(tmp_path / "blobs/0123")
    (tmp_path / "set.jsonl").symlink_to(tmp_path / "blobs/0123")
    assert ids(load_training(["set"], tmp_path)) == {"set": ["a"]}


def test_names_and_collections_are_consistent() -> None:
    assert not BENCHMARKS.keys() & COLLECTIONS.keys()
    for collection in COLLECTIONS.values():
        assert len(set(collection.members)) == len(collection.members)
        assert set(collection.members) <= BENCHMARKS.keys() | COLLECTIONS.keys()
    assert benchmark_names(["atlas", "cqadupstack", "xquad-r"]) == (
        "atlas", *COLLECTIONS["cqadupstack"].members, "xquad-r",
    )  # fmt: skip
    assert (len(COLLECTIONS["cqadupstack"].members), len(COLLECTIONS["nano-beir"].members)) == (12, 13)
    assert "beir-msmarco" not in COLLECTIONS["beir"].members


def test_the_forums_of_cqadupstack_are_one_of_fourteen_sets() -> None:
    assert len(COLLECTIONS["beir"].members) == 14
    assert len(set(benchmark_names(["beir"]))) == len(benchmark_names(["beir"])) == 13 + 12
    assert [one.name for one in asked_collections(["beir", "atlas"])] == ["cqadupstack", "beir"]
    assert asked_collections(["atlas", "beir-scifact"]) == ()


def test_every_source_can_be_named_in_metrics_and_reports_measures_that_exist() -> None:
    for name, source in BENCHMARKS.items():
        chosen_measures(source.measures)
        for asked in (name, f"{name}:{','.join(source.languages[:2])}" if source.languages else name):
            metric = MetricName(asked, "cross-lingual", "ndcg@10", query_language="sw", pool_language="ko")
            assert MetricName.parse(str(metric)) == metric


def test_languages_are_asked_of_sets_that_have_several() -> None:
    with pytest.raises(UserError, match="The benchmark beir-scifact is one whole: ask for it without languages"):
        load_benchmark("beir-scifact:en", "test")
    with pytest.raises(UserError, match="Unknown language of miracl 'swa': did you mean sw"):
        load_benchmark("miracl:swa", "test")


def test_revisions_are_pinned_by_commit() -> None:
    """Facts are written by hand: a digit too few is a branch that does not exist."""
    sources = Path(__file__).parents[4] / "trainables/corpora/sources"
    for path in (
        sources / f"{name}.py" for name in ("beir", "beir_pl", "cqadupstack", "nano_beir", "miracl", "dureader")
    ):
        for text in re.findall(r'"([0-9a-f]{30,})"', path.read_text()):
            assert len(text) in (40, 64)
