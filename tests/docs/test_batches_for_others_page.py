"""The program of docs/batches_for_others.md runs as it stands, outside the tree."""

import json
from pathlib import Path

import pytest

from tests.docs.pages import Lab, blocks
from trainables.encoders.model import save_encoder
from trainables.encoders.registry import resolve_encoder

PAGE = "batches_for_others.md"


@pytest.mark.slow
def test_the_program_of_the_page_trains_on_the_planned_batches(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    lab = Lab(PAGE, tmp_path)
    items = [
        {
            "id": str(n),
            "query": {c: f"{c} question {n}" for c in ("de", "en")},
            "passage": {"de": f"Satz {n}", "en": f"line {n}"},
        }
        for n in range(30)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    mini = resolve_encoder("mini-xs")
    tokenizer = mini.tokenizer([text for item in items for text in item["query"].values()] * 20)
    save_encoder(mini.build(tokenizer, 0), tokenizer, tmp_path / "my_encoder")
    (program,) = blocks(PAGE, "python")
    said = lab.python(f"{program}\nprint([batch.kind for batch in planned.batches])")
    # The ratios 1, 5/6, ..., 1/6 sum to 3.5.
    assert said.splitlines()[-1].count("mono") in (3, 4)
    assert (tmp_path / "out" / "checkpoint-6" / "model.safetensors").is_file()
