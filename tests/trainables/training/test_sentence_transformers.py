"""What the trainer of sentence-transformers sees is what was planned; its real trainer is run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset

from tests.trainables.batches.toy_sets import parallel
from trainables.batches.config import BatchConfig
from trainables.batches.planner import BatchPlanner
from trainables.corpora.image_items import image_text
from trainables.corpora.pairs import TrainingData, training_data
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.errors import UserError
from trainables.training.sentence_transformers import PlannedTraining, planned_training

STEPS, SIZE, SEED = 8, 6, 3
BATCHES = BatchConfig(size=SIZE)


def _data(negatives: int = 0) -> TrainingData:
    items = parallel(60)
    if negatives:
        items = [
            replace(one, negatives={c: tuple(f"{one.id} n{k}{c}" for k in range(negatives)) for c in "abc"})
            for one in items
        ]
    return training_data({"toy": items})


def _rows(planned: PlannedTraining) -> Iterator[dict[str, list[str]]]:
    """The rows of every batch that the sampler gives."""
    for rows in planned.sampler(planned.dataset, SIZE, drop_last=True, seed=99):
        yield planned.dataset[rows]


def test_the_batches_are_those_of_the_planner_and_follow_the_schedule() -> None:
    data = _data()
    planned = planned_training(data, "linear(1, 0)", STEPS, BATCHES, SEED)
    planner = BatchPlanner.of(data, BATCHES, SEED)
    batches = list(_rows(planned))
    assert len(batches) == STEPS
    for step, (rows, batch) in enumerate(zip(batches, planned.batches, strict=True)):
        assert batch.kind is not None
        wanted = planner.batch(step, batch.kind)
        assert rows["anchor"] == [data.texts[text] for text in wanted.query_text]
        assert rows["positive"] == [data.texts[text] for text in wanted.passage_text]
    # Error diffusion: of n batches the rounded sum of 1, 7/8, ... are monolingual.
    mono = [batch.kind == "mono" for batch in planned.batches]
    for n in range(1, STEPS + 1):
        assert abs(sum(mono[:n]) - sum(1 - step / STEPS for step in range(n))) < 1
    still = planned_training(data, "constant(0)", STEPS, BATCHES, SEED)
    assert {batch.kind for batch in still.batches} == {"cross"}
    assert [b.items.tolist() for b in still.batches] == [b.items.tolist() for b in planned.batches]
    changing = BATCHES.model_copy(update={"last_language_temperature": 2.0})
    assert len(planned_training(data, "linear(1, 0)", STEPS, changing, SEED).batches) == STEPS


def test_explicit_negatives_are_columns_where_all_queries_have_them() -> None:
    planned = planned_training(_data(negatives=2), "constant(0.5)", STEPS, BatchConfig(size=SIZE, hard_negatives=2))
    assert planned.dataset.column_names == ["anchor", "positive", "negative_1", "negative_2"]
    for row in planned.dataset:
        item = row["negative_1"].split(" ")[0]
        # Of the item, in the language of its passage.
        assert row["positive"].startswith(f"set p{item.removeprefix('set')}")
        assert row["negative_2"][-1] == row["positive"][-1]


def test_what_cannot_be_planned_or_is_not_the_plan_is_refused() -> None:
    with pytest.raises(UserError, match=r"gap controller decides step by step .* give a schedule"):
        planned_training(_data(), "gap", STEPS, BATCHES)
    with pytest.raises(
        UserError, match=r"The ratio 'liner\(1, 0\)': unknown ratio family 'liner': did you mean linear"
    ):
        planned_training(_data(), "liner(1, 0)", STEPS, BATCHES)
    few = [
        replace(one, negatives={} if i % 2 else {c: (f"n{i}{c}",) for c in "abc"}) for i, one in enumerate(parallel(60))
    ]
    with pytest.raises(UserError, match="set hard_negatives to 0"):
        planned_training(training_data({"toy": few}), "constant(0.5)", STEPS, BATCHES)
    seen = [
        replace(one, passage=dict.fromkeys(one.passage, image_text(f"{i:064x}"))) for i, one in enumerate(parallel(60))
    ]
    with pytest.raises(UserError, match=r"training data \(toy\) have images, .*: give training files of texts"):
        planned_training(training_data({"toy": seen}), "constant(0.5)", STEPS, BATCHES)
    planned = planned_training(_data(), "constant(0.5)", STEPS, BATCHES)
    with pytest.raises(UserError, match="set per_device_train_batch_size to 6"):
        planned.sampler(planned.dataset, 8)
    with pytest.raises(UserError, match="give the whole data set"):
        planned.sampler(planned.dataset.select(range(12)), SIZE)


def test_rows_that_are_not_of_the_plan_stand_in_batches_of_any_size() -> None:
    planned = planned_training(_data(), "constant(0.5)", STEPS, BATCHES)
    others = Dataset.from_dict({"question": ["Who?", "Where?", "When?"], "answer": ["She", "There", "Then"]})
    assert list(planned.sampler(others, 2)) == [[0, 1], [2]]


@pytest.mark.slow
def test_the_real_trainer_sees_the_planned_batches_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    losses = pytest.importorskip("sentence_transformers.losses")
    data = _data()
    planned = planned_training(data, "linear(1, 0)", STEPS, BATCHES, SEED)
    config = resolve_encoder("mini-xs")
    tokenizer = config.tokenizer(list(data.texts))
    save_encoder(config.build(tokenizer, 0), tokenizer, tmp_path / "model")

    held_out = Dataset.from_dict({"question": ["Who?", "Where?", "When?"], "answer": ["She", "There", "Then"]})

    def seen(resume: bool) -> list[list[Any]]:
        """The token ids of every batch that reaches the loss."""
        model = library.SentenceTransformer(str(tmp_path / "model"), device="cpu")
        loss = losses.MultipleNegativesRankingLoss(model)
        batches = []
        loss.register_forward_pre_hook(
            # Without gradients it evaluates, on rows that are not of the plan.
            lambda _, inputs: (
                batches.append([one["input_ids"].tolist() for one in inputs[0]]) if torch.is_grad_enabled() else None
            )
        )
        arguments = library.SentenceTransformerTrainingArguments(
            str(tmp_path / "out"),
            max_steps=STEPS,
            per_device_train_batch_size=SIZE,
            batch_sampler=planned.sampler,
            save_steps=STEPS // 2,
            eval_strategy="steps",
            eval_steps=STEPS // 2,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = library.SentenceTransformerTrainer(
            model, arguments, train_dataset=planned.dataset, eval_dataset=held_out, loss=loss
        )
        trainer.train(resume_from_checkpoint=str(tmp_path / "out" / f"checkpoint-{STEPS // 2}") if resume else None)
        return batches

    def ids(texts: list[str]) -> Any:
        return tokenizer(texts, padding=True)["input_ids"]

    wanted = [[ids(rows["anchor"]), ids(rows["positive"])] for rows in _rows(planned)]
    assert seen(resume=False) == wanted
    assert seen(resume=True) == wanted[STEPS // 2 :]
