"""Texts in one run of UTF-8 are the texts that were given, wherever they lie."""

import gc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.corpora import texts as module
from trainables.corpora.normal_form import text_keys
from trainables.corpora.texts import KnownTexts, Texts, TextWriter

ANY = st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=30)


def written(texts: list[str], folder: Path | None = None) -> tuple[KnownTexts, list[int]]:
    writer = TextWriter(folder)
    numbers = [writer.add(text) for text in texts]
    return writer.texts(), numbers


@given(ANY, st.data())
def test_texts_are_read_as_a_list_is(texts: list[str], data: st.DataObject) -> None:
    found, numbers = written(texts)
    assert [found[number] for number in numbers] == texts
    plain = list(dict.fromkeys(texts))
    assert found == plain
    assert found != [*plain, "more"]
    assert list(found.keys) == list(text_keys(plain))
    first, last = data.draw(st.integers(-31, 31)), data.draw(st.integers(-31, 31))
    assert found[first:last] == plain[first:last]
    index = data.draw(st.lists(st.integers(0, len(plain) - 1), max_size=9)) if plain else []
    assert found.take(np.array(index, np.int64)) == [plain[number] for number in index]
    assert Texts.joined([found, found[1:], Texts()]) == [*plain, *plain[1:]]


def test_many_texts_lie_in_a_file_that_nobody_need_remove(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IN_MEMORY", 100)
    monkeypatch.setattr(module, "_CHUNK", 7)
    texts = [f"text № {number}" for number in range(200)]
    found, _ = written(texts, tmp_path / "cache")
    assert (tmp_path / "cache").is_dir()
    assert not list((tmp_path / "cache").iterdir())
    assert found == texts
    # What was given back to the system is there when it is asked for once more.
    assert (found[199], found[::50]) == (texts[199], texts[::50])
    assert written(texts)[0] == found
    del found
    gc.collect()


def test_equal_texts_that_are_far_from_each_other_are_known_as_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RECENT", 2)
    found, numbers = written(["a", "b", "c", "a", "c", "a"])
    assert list(found) == ["a", "b", "c", "a"]
    assert numbers == [0, 1, 2, 3, 2, 3]
    assert found.first.tolist() == [0, 1, 2, 0]
    both = KnownTexts.all_of([found, found])
    assert both.first.tolist() == [0, 1, 2, 0, 0, 1, 2, 0]
    assert both.keys.tolist() == [*found.keys, *found.keys]


def test_what_is_not_there_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        written(["a"])[0][1]
    assert len(Texts()) == 0
    assert list(Texts()) == []
