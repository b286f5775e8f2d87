import gc
from itertools import count

import numpy as np
import pytest

from trainables.evaluation.efficiency.timing import medians


def test_a_query_is_timed_by_the_median_of_its_own_times() -> None:
    sweeps = iter([[1.0, 5.0], [1.0, 80.0], [70.0, 5.0]])
    found = medians(lambda: {"search": np.array(next(sweeps)), "build": np.array(2.0)}, 3)
    assert found["search"].tolist() == [1.0, 5.0]
    assert found["build"].shape == ()
    assert next(sweeps, None) is None


def test_a_disturbance_of_less_than_half_of_the_sweeps_changes_no_quantile() -> None:
    number = count()

    def sweep() -> dict[str, np.ndarray]:
        return {"search": np.arange(400.0) * (10 if next(number) in (1, 4) else 1)}

    assert np.array_equal(medians(sweep, 5)["search"], np.arange(400.0))


@pytest.mark.parametrize("was_enabled", [True, False])
def test_no_garbage_is_collected_meanwhile(was_enabled: bool) -> None:
    def sweep() -> dict[str, np.ndarray]:
        assert not gc.isenabled()
        raise InterruptedError

    (gc.enable if was_enabled else gc.disable)()
    try:
        with pytest.raises(InterruptedError):
            medians(sweep, 1)
        assert gc.isenabled() == was_enabled
    finally:
        gc.enable()
