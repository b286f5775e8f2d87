"""Small real checkpoints, written by the real classes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import copyfile, copytree

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    Gemma2Config,
    Gemma2Model,
    Gemma3TextConfig,
    Gemma3TextModel,
    GemmaConfig,
    GemmaModel,
    LlamaConfig,
    LlamaModel,
    MistralConfig,
    MistralModel,
    ModernBertConfig,
    ModernBertModel,
    MT5Config,
    MT5Model,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2Model,
    Qwen3Config,
    Qwen3Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)

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


_CLASSES = {
    "xlm-r": (XLMRobertaConfig, XLMRobertaModel),
    "bert": (BertConfig, BertModel),
    "modernbert": (ModernBertConfig, ModernBertModel),
    "mt5": (MT5Config, MT5Model),
    "qwen2": (Qwen2Config, Qwen2Model),
    "qwen3": (Qwen3Config, Qwen3Model),
    "llama": (LlamaConfig, LlamaModel),
    "mistral": (MistralConfig, MistralModel),
    "gemma": (GemmaConfig, GemmaModel),
    "gemma2": (Gemma2Config, Gemma2Model),
    "gemma3": (Gemma3TextConfig, Gemma3TextModel),
}


@pytest.fixture(scope="session")
def _written() -> dict[str, Path]:
    """What `checkpoint` has written, from where it is copied when it is asked for again."""
    return {}


@pytest.fixture
def checkpoint(
    tmp_path: Path,
    tokenizer: PreTrainedTokenizerFast,
    tmp_path_factory: pytest.TempPathFactory,
    _written: dict[str, Path],
) -> Checkpoint:
    """Writes a random transformer with a tokenizer into a folder, which may hold another one."""

    def copied(family: str = "xlm-r", positions: int = 40, **save: object) -> Path:
        asked = repr((family, positions, sorted(save.items())))
        if asked not in _written:
            _written[asked] = tmp_path_factory.mktemp("checkpoint")
            _write(_written[asked], tokenizer, family, positions, save)
        return Path(copytree(_written[asked], tmp_path / family, copy_function=copyfile, dirs_exist_ok=True))

    return copied


def _write(
    folder: Path, tokenizer: PreTrainedTokenizerFast, family: str, positions: int, save: Mapping[str, object]
) -> None:
    config, model = _CLASSES[family]
    ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    if family == "mt5":
        shape = {
            "d_model": 24,
            "d_kv": 12,
            "d_ff": 48,
            "num_layers": 2,
            "num_heads": 2,
            "decoder_start_token_id": 1,
        }
    else:
        shape = {
            "hidden_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 48,
            "max_position_embeddings": positions,
        }
    if family == "modernbert":
        shape |= {"cls_token_id": 0, "sep_token_id": 2, "local_attention": 8}
    if family[:4] in ("qwen", "llam", "mist", "gemm"):
        shape |= {"num_key_value_heads": 1, "head_dim": 12}
    if family in ("mistral", "gemma2", "gemma3"):
        # Shorter than texts, so that it tells.
        shape |= {"sliding_window": 6}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        transformer = model(config(vocab_size=len(tokenizer), **shape, **ids))
        for weight in transformer.parameters():
            # As drawn they are so small that every token has nearly one vector.
            weight.data += 0.1 * torch.randn_like(weight)
    transformer.save_pretrained(folder, **save)
    tokenizer.save_pretrained(folder)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Gives an empty cache of the hub, and the folder of a commit in it; `main` is the first commit."""
    from huggingface_hub import constants

    from trainables.encoders.checkpoint import _hub_folder

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    _hub_folder.cache_clear()

    def commit(name: str) -> Path:
        repository = tmp_path / "hub" / "models--acme--retriever"
        (repository / "snapshots").mkdir(parents=True, exist_ok=True)
        (repository / "refs").mkdir(exist_ok=True)
        if not (repository / "refs/main").exists():
            (repository / "refs/main").write_text(name)
        return repository / "snapshots" / name

    yield commit
    _hub_folder.cache_clear()
