"""Entries are whole or made again, whoever else writes at the same time."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from trainables.array_cache import ArrayCache, Parts

NUMBERS = np.arange(5000, dtype=np.int32)


def parts(calls: list[str]) -> Callable[[], Mapping[str, Parts]]:
    def make() -> Mapping[str, Parts]:
        calls.append("made")
        return {"numbers": np.array_split(NUMBERS, 7), "none": []}

    return make


def check(found: Mapping[str, np.ndarray]) -> None:
    assert np.array_equal(found["numbers"], NUMBERS)
    assert found["numbers"].dtype == np.int32
    assert len(found["none"]) == 0


def test_an_entry_is_made_once_and_mapped_afterwards(tmp_path: Path) -> None:
    calls: list[str] = []
    for _ in range(3):
        found = ArrayCache(tmp_path / "cache").arrays("numbers", parts(calls))
        check(found)
        assert not found["numbers"].flags.writeable
    assert calls == ["made"]
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0, "what training texts say is nobody else's business"


def test_other_content_is_another_entry(tmp_path: Path) -> None:
    calls: list[str] = []
    for content in ("one", "other"):
        ArrayCache(tmp_path).arrays(content, parts(calls))
    assert calls == ["made", "made"]


@pytest.mark.parametrize("name", ["numbers", "arrays.json"])
@pytest.mark.parametrize("damage", ["bit", "cut", "gone", "folder"])
def test_a_damaged_entry_is_made_again(tmp_path: Path, name: str, damage: str) -> None:
    calls: list[str] = []
    ArrayCache(tmp_path).arrays("numbers", parts(calls))
    (file,) = tmp_path.glob(f"*/{name}")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "bit":
        file.write_bytes(content)
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    else:
        file.unlink()
        if damage == "folder":
            file.mkdir()
    check(ArrayCache(tmp_path).arrays("numbers", parts(calls)))
    assert calls == ["made", "made"]
    check(ArrayCache(tmp_path).arrays("numbers", parts(calls)))
    assert calls == ["made", "made"]


def test_two_that_make_an_entry_at_one_time_both_succeed(tmp_path: Path) -> None:
    calls: list[str] = []
    together = Barrier(4)

    def make() -> Mapping[str, Parts]:
        together.wait(10)
        return parts(calls)()

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: ArrayCache(tmp_path).arrays("numbers", make), range(4)):
            check(found)
    assert len(calls) == 4
    assert len(list(tmp_path.iterdir())) == 1, "nothing unfinished is left"


def test_an_error_while_it_is_made_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield NUMBERS
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ArrayCache(tmp_path).arrays("numbers", lambda: {"numbers": broken()})
    assert list(tmp_path.iterdir()) == []
