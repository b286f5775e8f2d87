from collections.abc import Iterator

import pytest
from torch import distributed


@pytest.fixture
def no_process_group_is_left() -> Iterator[None]:
    """Sharded weights of one worker need a process group, and other tests have none."""
    yield
    if distributed.is_initialized():
        distributed.destroy_process_group()
