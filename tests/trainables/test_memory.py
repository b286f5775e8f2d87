import sys

import pytest

from trainables.memory import forget_peak, peak_gib

GIB = 1 << 30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can forget what this process held before")
def test_the_peak_outlives_what_was_held() -> None:
    forget_peak()
    before = peak_gib()
    block = bytearray(GIB // 4)
    del block
    assert before + 0.2 < peak_gib() < before + 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can forget")
def test_a_forgotten_peak_is_what_is_held_now() -> None:
    block = bytearray(GIB // 4)
    high = peak_gib()
    del block
    forget_peak()
    assert peak_gib() < high - 0.2
