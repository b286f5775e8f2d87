import numpy as np
import pytest
import torch

from trainables.evaluation.scores import Repeated, _product, checked, score_tiles


def test_identical_candidates_score_identically_wherever_they_stand() -> None:
    rng = np.random.default_rng(0)
    queries, candidates = (
        rng.standard_normal((37, 128), dtype=np.float32),
        rng.standard_normal((1103, 128), dtype=np.float32),
    )
    same = rng.choice(1103, 400, replace=False)
    candidates[same] = candidates[same[0]]
    for columns in (100, 1103):
        whole = np.empty((37, 1103), dtype=np.float32)
        for tile in score_tiles(queries, candidates, Repeated.of(candidates), columns=columns):
            whole[tile.query :, tile.candidate : tile.candidate + columns] = tile.scores
        assert np.all(whole[:, same] == whole[:, same[:1]])


@pytest.mark.parametrize(("columns", "block_bytes"), [(7, 0), (3, 4 * 3 * 4), (100, 10**9)])
def test_tiles_cover_all_scores_once_and_keep_to_the_limit(columns: int, block_bytes: int) -> None:
    rng = np.random.default_rng(1)
    queries, candidates = rng.standard_normal((10, 5), dtype=np.float32), rng.standard_normal((7, 5), dtype=np.float32)
    covered = np.zeros((10, 7))
    for tile in score_tiles(queries, candidates, Repeated.of(candidates), columns=columns, block_bytes=block_bytes):
        rows, width = tile.scores.shape
        where = slice(tile.query, tile.query + rows), slice(tile.candidate, tile.candidate + width)
        covered[where] += 1
        assert tile.scores == pytest.approx((queries @ candidates.T)[where], abs=1e-6)
        assert tile.scores.nbytes <= max(block_bytes, 4 * columns)
    assert np.all(covered == 1)


def test_rows_are_repeated_if_they_are_equal_number_for_number() -> None:
    rows = np.array([[1, 2], [0, 5], [1, 2], [-0.0, 5], [2, 1], [1, 2]], dtype=np.float32)
    repeated = Repeated.of(rows)
    assert repeated.originals.tolist() == [0, 1]
    assert repeated.copies.tolist() == [2, 3, 5]
    assert {n: same.tolist() for n, same in repeated.like(np.arange(6)).items()} == {
        **{key: [0, 2, 5] for key in (0, 2, 5)},
        **{key: [1, 3] for key in (1, 3)},
    }


def test_a_product_of_tensors_is_float32_whatever_precision_training_uses() -> None:
    rng = np.random.default_rng(2)
    queries, candidates = rng.standard_normal((6, 64), dtype=np.float32), rng.standard_normal((9, 64), dtype=np.float32)
    out = np.empty((6, 9), dtype=np.float32)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            _product(torch.tensor(queries), torch.tensor(candidates), out)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert out == pytest.approx(queries @ candidates.T, abs=1e-5)


def test_half_precision_embeddings_are_widened() -> None:
    half = torch.tensor([[1.5, -2.0]], dtype=torch.bfloat16, requires_grad=True)
    queries, candidates = checked(half, np.array([[1, 2]], dtype=np.float64))
    assert queries.dtype == candidates.dtype == np.float32
    assert queries.tolist() == [[1.5, -2.0]]
