import numpy as np
import pytest
import torch

from trainables.evaluation.scores import _product, checked, score_blocks


def test_identical_candidates_score_identically_wherever_they_stand() -> None:
    rng = np.random.default_rng(0)
    queries, candidates = (
        rng.standard_normal((37, 128), dtype=np.float32),
        rng.standard_normal((1103, 128), dtype=np.float32),
    )
    same = rng.choice(1103, 400, replace=False)
    candidates[same] = candidates[same[0]]
    for _, block in score_blocks(queries, candidates):
        assert np.all(block[:, same] == block[:, same[:1]])


@pytest.mark.parametrize("block_bytes", [0, 4 * 7 * 3, 10**9])
def test_blocks_cover_all_queries_once_and_keep_to_the_limit(block_bytes: int) -> None:
    rng = np.random.default_rng(1)
    queries, candidates = rng.standard_normal((10, 5), dtype=np.float32), rng.standard_normal((7, 5), dtype=np.float32)
    starts, blocks = zip(
        *((start, block.copy()) for start, block in score_blocks(queries, candidates, block_bytes)), strict=True
    )
    assert np.vstack(blocks) == pytest.approx(queries @ candidates.T, abs=1e-6)
    assert list(starts) == [0, *np.cumsum([len(x) for x in blocks])[:-1]]
    assert all(x.nbytes <= max(block_bytes, 4 * 7) for x in blocks)


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
