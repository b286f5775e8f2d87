import sys

import pytest

from trainables.memory import forget_what_was_held, held_gib, peak_gib

GIB = 1 << 30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can forget what this process held before")
def test_the_peak_outlives_what_was_held() -> None:
    forget_what_was_held()
    before = peak_gib()
    block = bytearray(GIB // 4)
    del block
    assert before + 0.2 < peak_gib() < before + 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can forget")
def test_a_forgotten_peak_is_what_is_held_now() -> None:
    block = bytearray(GIB // 4)
    high = peak_gib()
    del block
    forget_what_was_held()
    assert peak_gib() < high - 0.2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can give memory back")
def test_a_heap_full_of_holes_is_given_back() -> None:
    forget_what_was_held()
    before = held_gib()
    blocks = [bytearray(60_000) for _ in range(8_000)]
    # The last block lies at the end of the heap, which cannot shrink as long as it is there.
    last = blocks.pop()
    blocks.clear()
    assert held_gib() > before + 0.2
    forget_what_was_held()
    assert held_gib() < before + 0.05
    assert len(last) == 60_000
