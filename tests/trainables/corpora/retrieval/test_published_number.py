"""A published pipeline gives its number: a real encoder on a real set, about twenty minutes of one core.

Set E5_SMALL to a folder with `multilingual-e5-small` in the layout of Hugging Face. Only the checkpoint in it is read:
what files of sentence-transformers may lie beside it says nothing new, and a converted copy does not have all of them.
"""

import os
import shutil
from pathlib import Path

import pytest

from trainables.corpora.sources.registry import load_benchmark
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import tokenise
from trainables.evaluation.encode import encode
from trainables.evaluation.evaluate import evaluate


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_multilingual_e5_small_has_its_ndcg_on_scifact(shared_data: Path, tmp_path: Path) -> None:
    folder = os.environ.get("E5_SMALL")
    if not folder:
        pytest.skip("set E5_SMALL to a folder with multilingual-e5-small")
    built = load_benchmark("beir-scifact", "test", shared_data)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(Path(folder) / name, tmp_path)
    config = resolve_encoder(str(tmp_path))
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, 0)
    embeddings = [
        encode(encoder, tokenise(texts, tokenizer, prefix, 512), pad_id=tokenizer.pad_token_id)
        for texts, prefix in ((built.query_texts, "query: "), (built.candidate_texts, "passage: "))
    ]
    found = evaluate(built, *embeddings, measures=["ndcg@10", "recall@100", "mrr@10"], ties="trec").metrics
    published = {"ndcg@10": 0.6616, "recall@100": 0.9110, "mrr@10": 0.6294}
    for measure, value in published.items():
        assert found[f"beir-scifact/monolingual/{measure}"] == pytest.approx(value, abs=5e-4), measure
