"""The planned batches for the trainer of sentence-transformers: a data set and what its `batch_sampler` takes.

A batch of ours says which items it holds and in which languages, so that an item may stand in every batch in other
ones. The data set therefore has one row for every pair of the plan, in the order of the plan, and the sampler cuts it
into batches (docs/batches_for_others.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError
from torch.utils.data import BatchSampler, SequentialSampler

from trainables.batches.batch import Batch
from trainables.batches.config import BatchConfig
from trainables.batches.drawn import drawn_batch, kinds_of
from trainables.batches.planner import BatchPlanner
from trainables.corpora.image_items import image_digest
from trainables.corpora.pairs import TrainingData
from trainables.errors import UserError, rule_in
from trainables.ratio.config import RatioConfig
from trainables.ratio.family import Family
from trainables.ratio.policy import ratio_policy
from trainables.ratio.registry import FAMILIES

if TYPE_CHECKING:
    from datasets import Dataset

QUERY, PASSAGE, NEGATIVE = "anchor", "positive", "negative"
_RATIO: TypeAdapter[Family] = TypeAdapter(RatioConfig)


@dataclass(frozen=True, eq=False)
class PlannedTraining:
    """What the trainer is given: `train_dataset=planned.dataset`, `batch_sampler=planned.sampler`."""

    dataset: "Dataset"
    """Columns `anchor` and `positive`, and `negative_1`, ... where there are any; the pairs of step t are the rows
    from t times the batch size on."""
    batches: tuple[Batch, ...]
    """The batches, step by step."""

    def sampler(self, dataset: Any, batch_size: int, **others: Any) -> BatchSampler:
        """The batches as the trainer asks for them; rows that are not of the plan, to evaluate on, as they stand.

        Raises UserError for a part of the plan's data set, or another batch size.
        """
        if not self._holds(dataset):
            return BatchSampler(SequentialSampler(dataset), batch_size, drop_last=False)
        planned = len(self.batches[0])
        if batch_size != planned or len(dataset) != len(self.dataset):
            raise UserError(
                f"The trainer asks for batches of {batch_size} of {len(dataset):,} rows, and {len(self.batches):,} "
                f"batches of {planned} are planned: set per_device_train_batch_size to {planned}, and give the whole "
                "data set of the plan."
            )
        # Nothing else of what the trainer says matters: order and size are those of the plan.
        return BatchSampler(SequentialSampler(self.dataset), batch_size, drop_last=False)

    def _holds(self, dataset: Any) -> bool:
        """Whether a data set is the one of the plan, or a part of it."""
        return set(dataset[dataset.column_names[0]]) <= set(self.dataset[QUERY])


def planned_training(
    data: TrainingData, ratio: Any, steps: int, batches: BatchConfig, seed: int = 0
) -> PlannedTraining:
    """Returns the batches that a training of ours with these options has, as a data set of sentence-transformers.

    Args:
        data: the training data.
        ratio: the probability that a batch is monolingual: a schedule such as `"linear(1, 0)"` or its fields.
        steps: of the training, over which the schedule runs.
        batches: size, draw and all else of the batches.
        seed: of the training.

    Raises:
        UserError: a controller, which would have to see the loss; data that fill no batch; batches with images, which a
            text cannot stand for; queries of which only some have explicit negatives, for which a column has no place.
    """
    try:
        config = _RATIO.validate_python(ratio)
    except ValidationError as error:
        raise UserError(f"The ratio {ratio!r}: {_reason(error)}.") from error
    if config.closed_loop:
        raise UserError(
            f"The {config.family} controller decides step by step from the training, so that its batches cannot be "
            "planned: give a schedule, or replay the ratios of a run."
        )
    policy, kinds = ratio_policy(config, steps), kinds_of(batches, seed)
    planner = BatchPlanner.of(data, batches, seed, steps)
    planned = tuple(drawn_batch(planner, batches, step, kinds.mono(step, policy.ratio(step))) for step in range(steps))
    return PlannedTraining(_dataset(data, planned), planned)


def _reason(error: ValidationError) -> str:
    why = rule_in(error.errors()[0]).rstrip(".")
    return f"{why[:1].lower()}{why[1:]} (families: {', '.join(FAMILIES)})"


def _dataset(data: TrainingData, batches: Sequence[Batch]) -> "Dataset":
    # Imported late: command lines and reports read options without it.
    from datasets import Dataset

    def column(numbers: npt.NDArray[np.int32]) -> list[str]:
        found = list(data.texts.take(numbers))
        if any(map(image_digest, found)):
            raise UserError(
                f"The training data ({', '.join(data.set_names)}) have images, and the data set of a plan holds texts "
                "alone: give training files of texts."
            )
        return found

    columns = {
        QUERY: column(np.concatenate([batch.query_text for batch in batches])),
        PASSAGE: column(np.concatenate([batch.passage_text for batch in batches])),
    }
    negatives = np.concatenate([batch.negative_text for batch in batches])
    if (negatives >= 0).any():
        if (negatives < 0).any():
            raise UserError(
                "Some queries have fewer explicit negatives than batches.hard_negatives asks for, and a data set of "
                "sentence-transformers has as many for every row: set hard_negatives to 0."
            )
        columns |= {f"{NEGATIVE}_{place + 1}": column(negatives[:, place]) for place in range(negatives.shape[1])}
    return Dataset.from_dict(columns)
