import json
import time

import pytest

from trainables.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    """A clock whose second passes each time that somebody looks."""
    now = iter(range(1000))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(now)))
    return Clock()


def test_inner_work_is_taken_from_the_outer(clock: Clock):
    with clock.measure("train"):
        with clock.measure("encode"), clock.measure("score"):
            pass
        with clock.measure("wait"):
            pass
    assert clock.seconds == {"train": 3.0, "encode": 2.0, "score": 1.0, "wait": 1.0}


def test_the_running_block_counts_and_no_second_is_lost_or_doubled(clock: Clock):
    with clock.measure("train"):
        assert clock.running("train") == 1.0
        assert clock.running("wait") == 0.0
        with clock.measure("wait"):
            assert clock.running("train") == 3.0
    assert sum(clock.seconds.values()) == 6.0


def test_a_failing_block_is_booked_and_time_outside_blocks_is_not(clock: Clock):
    with pytest.raises(KeyError), clock.measure("train"):
        raise KeyError
    clock.running("train")
    with clock.measure("train"):
        pass
    assert clock.seconds == {"train": 2.0}


def test_it_goes_on_from_an_earlier_clock(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    with clock.measure("train"):
        pass
    state = json.loads(json.dumps(clock.state()))
    assert state["seconds"] == {"train": 1.0}
    assert state["total"] == 3.0
    processor = iter((100.0, 107.0))
    monkeypatch.setattr(time, "process_time", lambda: next(processor))
    later = Clock()
    later.restore({"seconds": {"train": 10.0}, "total": 50.0, "cpu": 20.0})
    with later.measure("train"):
        pass
    assert later.seconds == {"train": 11.0}
    assert later.total == 53.0
    assert later.cpu == 27.0
