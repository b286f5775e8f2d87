import os
from contextlib import suppress

import faiss
import torch

from trainables.evaluation.efficiency.machine import machine, pinned


def test_a_machine_is_pinned_for_the_block_and_no_longer() -> None:
    before = torch.get_num_threads(), faiss.omp_get_max_threads()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    with suppress(InterruptedError), pinned(1) as cores:
        assert (torch.get_num_threads(), faiss.omp_get_max_threads()) == (1, 1)
        if allowed is not None:
            assert cores is not None
            assert os.sched_getaffinity(0) == set(cores) <= allowed
            assert len(cores) == 1
        raise InterruptedError
    assert (torch.get_num_threads(), faiss.omp_get_max_threads()) == before
    if allowed is not None:
        assert os.sched_getaffinity(0) == allowed


def test_its_state_is_told_as_far_as_it_is_known() -> None:
    found = machine(2, (0, 1))
    assert (found.threads, found.pinned_to) == (2, (0, 1))
    assert found.host
