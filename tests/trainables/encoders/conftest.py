"""Small real checkpoints, written by the real classes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from trainables.encoders.tokenizer import train_tokenizer

NAMES = ["Ghana", "Peru", "Norwegen", "Grecia", "Россия", "ประเทศไทย", "中国", "Việt Nam", "भारत", "مصر", "Ελλάδα"]
WORDINGS = [
    "What currency is used in {}?",
    "Welche Währung hat {}?",
    "¿Qué moneda se usa en {}?",
    "Какая валюта в стране {}?",
    "{}ใช้สกุลเงินอะไร",
    "{}使用什么货币？",
    "{} की मुद्रा क्या है?",
    "ما العملة في {}؟",
    "Ποιο νόμισμα έχει {};",
]
TEXTS = [wording.format(name) for wording in WORDINGS for name in NAMES]

Checkpoint = Callable[..., Path]


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return TEXTS


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, 1000)


@pytest.fixture
def checkpoint(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> Checkpoint:
    """Writes a random transformer with a tokenizer into a new folder."""

    def write(family: str = "xlm-r", positions: int = 40, **save: object) -> Path:
        shape = {
            "vocab_size": len(tokenizer),
            "hidden_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 48,
            "max_position_embeddings": positions,
            "pad_token_id": 1,
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            model = XLMRobertaModel(XLMRobertaConfig(**shape)) if family == "xlm-r" else BertModel(BertConfig(**shape))
        folder = tmp_path / family
        model.save_pretrained(folder, **save)
        tokenizer.save_pretrained(folder)
        return folder

    return write
