import numpy as np
import pytest

from tests.trainables.evaluation.efficiency.clouds import cloud
from trainables.evaluation.efficiency.vectors import FORMS, binary, int8, truncated

VECTORS = cloud(100, 16, 16, seed=0)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_leaves_the_number_of_vectors_and_no_nan(form: str) -> None:
    changed = FORMS[form][1](VECTORS)
    assert len(changed) == len(VECTORS)
    assert np.isfinite(changed).all()
    assert changed.dtype == np.float32
    assert np.isfinite(FORMS[form][1](np.zeros((3, 16), dtype=np.float32))).all()


def test_truncated_vectors_are_the_first_components_at_length_one() -> None:
    half = truncated(1 / 2)(VECTORS)
    assert half.shape == (100, 8)
    assert np.linalg.norm(half, axis=1) == pytest.approx(1.0)
    assert np.abs(half / VECTORS[:, :8] - (half / VECTORS[:, :8])[:, :1]).max() < 1e-4


def test_int8_has_255_steps_and_stays_within_half_of_one() -> None:
    codes = int8(VECTORS)
    assert np.array_equal(codes, np.rint(codes))
    assert np.abs(codes).max() == 127
    assert np.abs(codes * np.abs(VECTORS).max() / 127 - VECTORS).max() <= np.abs(VECTORS).max() / 254 + 1e-7


def test_binary_keeps_signs_alone() -> None:
    assert set(np.unique(binary(VECTORS))) == {-1.0, 1.0}
    assert np.array_equal(binary(VECTORS), binary(7 * VECTORS))
