"""InfoNCE over cosine similarities with in-batch negatives of the global batch.

>>> queries = passages = torch.eye(3)
>>> contrastive_loss(queries, passages, temperature=0.05) < contrastive_loss(queries, passages.roll(1, 0), 0.05)
tensor(True)
"""

from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn import functional

from trainables.parallel.worker import Worker


def contrastive_loss(
    queries: Tensor,
    passages: Tensor,
    temperature: float,
    *,
    negatives: Tensor | None = None,
    present: Tensor | None = None,
    symmetric: bool = False,
    negative_pool: int | None = None,
    worker: Worker | None = None,
) -> Tensor:
    """Returns this worker's part of the InfoNCE loss of the global batch (arXiv 1807.03748), in float32.

    The global batch holds B pairs, and worker r holds its rows r·b to (r + 1)·b. The loss is the mean over its queries
    i of `-log(exp(s(i, i) / temperature) / Σ_j exp(s(i, j) / temperature))`, j over the passages and the explicit
    negatives of *all* workers. The parts, and the gradients that flow from them, sum over the workers to those of one
    worker. Every worker must call this, and run backward through it, in the same order.

    Args:
        queries: [b, d], rows of length 1.
        passages: [b, d], rows of length 1.
        temperature: what similarities are divided by.
        negatives: [b, h, d], h more passages per query, rows of length 1.
        present: bool [b, h], which of them there are; None: all.
        symmetric: average with the loss of every passage among all queries.
        negative_pool: pairs of a block of the global batch, which holds whole blocks. Queries and passages (explicit
            negatives with their query) meet only those of their block; None: all are in one.
        worker: this process; None: the only one.
    """
    worker = worker or Worker()
    # Similarities divided by a small temperature need more digits than bfloat16 has, whatever the encoder computed in.
    with torch.autocast(queries.device.type, enabled=False):
        local = [queries.float(), passages.float()]
        if negatives is not None:
            local.append(negatives.float().flatten(0, 1))
        everywhere = local if worker.world == 1 else _gather(local, worker)
        first = worker.rank * len(queries)
        labels = torch.arange(first, first + len(queries), device=queries.device)
        # Explicit negatives come after all positives, so that a query's positive has the query's own number.
        candidates = everywhere[1] if negatives is None else torch.cat(everywhere[1:])
        scores = local[0] @ candidates.T / temperature
        if present is not None:
            scores = scores.masked_fill(_absent(present, len(everywhere[1]), worker), -torch.inf)
        pairs = torch.arange(len(everywhere[0]), device=queries.device)
        if negative_pool is not None:
            of_negatives = pairs.repeat_interleave(0 if negatives is None else negatives.shape[1])
            met = _of_one_block(labels, torch.cat([pairs, of_negatives]), negative_pool)
            scores = scores.masked_fill(~met, -torch.inf)
        loss = functional.cross_entropy(scores, labels, reduction="sum")
        if symmetric:
            scores = local[1] @ everywhere[0].T / temperature
            if negative_pool is not None:
                scores = scores.masked_fill(~_of_one_block(labels, pairs, negative_pool), -torch.inf)
            back = functional.cross_entropy(scores, labels, reduction="sum")
            loss = (loss + back) / 2
        return loss / len(everywhere[0])


def _of_one_block(rows: Tensor, columns: Tensor, size: int) -> Tensor:
    """Whether pairs of these numbers are in one block: bool [rows, columns]."""
    return rows[:, None] // size == columns[None, :] // size


def _absent(present: Tensor, passages: int, worker: Worker) -> Tensor:
    """Which of all candidates are not there: bool [passages + explicit negatives of all workers]."""
    own = present.flatten().to(torch.uint8)
    parts = [torch.empty_like(own) for _ in range(worker.world)] if worker.world > 1 else [own]
    if worker.world > 1:
        distributed.all_gather(parts, own)
    there = [torch.ones(passages, dtype=torch.uint8, device=own.device), *parts]
    return torch.cat(there) == 0


def _gather(local: list[Tensor], worker: Worker) -> list[Tensor]:
    """Every worker's rows of each tensor, in the order of the ranks, by one collective."""
    gathered: Tensor = _GatherRows.apply(torch.cat(local), worker)  # type: ignore[no-untyped-call]
    per_worker = gathered.view(worker.world, -1, gathered.shape[-1])
    parts = per_worker.split([len(rows) for rows in local], dim=1)
    return [part.flatten(0, 1) for part in parts]


class _GatherRows(torch.autograd.Function):
    """All workers' [n, d] as [world · n, d]; backward sums over the workers what each wants of these rows."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, worker: Worker) -> Tensor:
        ctx.worker = worker
        gathered = [torch.empty_like(rows) for _ in range(worker.world)]
        distributed.all_gather(gathered, rows.contiguous())
        return torch.cat(gathered)

    @staticmethod
    def backward(ctx: Any, *wanted: Tensor) -> tuple[Tensor, None]:
        total = wanted[0].contiguous()
        distributed.all_reduce(total)
        size = len(total) // ctx.worker.world
        return total[ctx.worker.rank * size : (ctx.worker.rank + 1) * size], None
