"""Checkpoint folders in the layout of sentence-transformers, and what they should compute, by plain arithmetic."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

OLD, NEW = "sentence_transformers.models.", "sentence_transformers.base.modules."
POOLED = {
    "cls": lambda hidden: hidden[0],
    "max": lambda hidden: hidden.max(0),
    "mean": lambda hidden: hidden.mean(0),
    "mean_sqrt_len_tokens": lambda hidden: hidden.sum(0) / np.sqrt(len(hidden)),
    "lasttoken": lambda hidden: hidden[-1],
}


@dataclass(frozen=True)
class Layer:
    """A dense layer, or scaling to length one where it has no size."""

    path: str
    size: int = 0
    activation: str = "Tanh"
    bias: bool = True


@dataclass(frozen=True)
class Layout:
    """A checkpoint folder; what is None or empty is not written."""

    pooling: Mapping[str, Any] = field(default_factory=lambda: {"pooling_mode": "mean"})
    modes: Sequence[str] = ("mean",)
    """What `pooling` asks for."""
    layers: Sequence[Layer] = ()
    prefix: str = OLD
    transformer: str = ""
    """Folder of the transformer."""
    prompts: Mapping[str, Any] | None = None
    """config_sentence_transformers.json"""
    settings: Mapping[str, Any] | None = None
    """sentence_bert_config.json"""
    tokenizer: Mapping[str, Any] = field(default_factory=dict)
    """What is set in tokenizer_config.json."""
    query: str = ""
    passage: str = ""
    length: int = 10**6
    lower: bool = False

    def write(self, checkpoint: Path, folder: Path) -> Path:
        """Lays out a checkpoint that is nothing but a transformer and its tokenizer."""
        folder.mkdir()
        checkpoint.rename(folder / (self.transformer or "x"))
        if not self.transformer:
            for file in (folder / "x").iterdir():
                file.rename(folder / file.name)
            (folder / "x").rmdir()
        inner = folder / self.transformer
        names = [("Transformer", self.transformer), ("Pooling", "1_Pooling")]
        names += [("Dense" if layer.size else "Normalize", layer.path) for layer in self.layers]
        entries = [
            {"idx": n, "name": str(n), "path": path, "type": f"{self.prefix}{kind.lower()}.{kind}"}
            if self.prefix == NEW
            else {"idx": n, "name": str(n), "path": path, "type": f"{self.prefix}{kind}"}
            for n, (kind, path) in enumerate(names)
        ]
        if self.prefix == NEW:
            entries[1]["type"] = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
        _write(folder / "modules.json", entries)
        width = json.loads((inner / "config.json").read_text())
        width = width.get("hidden_size") or width["d_model"]
        size = {"embedding_dimension" if self.prefix == NEW else "word_embedding_dimension": width}
        _write(folder / "1_Pooling/config.json", {**size, **self.pooling})
        width *= len(self.modes)
        generator = torch.Generator().manual_seed(3)
        for layer in self.layers:
            (folder / layer.path).mkdir()
            if layer.size:
                module = "linear" if layer.activation == "Identity" else "activation"
                activation = f"torch.nn.modules.{module}.{layer.activation}"
                shape = {"in_features": width, "out_features": layer.size, "bias": layer.bias}
                _write(folder / layer.path / "config.json", {**shape, "activation_function": activation})
                weights = {"linear.weight": torch.randn(layer.size, width, generator=generator)}
                if layer.bias:
                    weights["linear.bias"] = torch.randn(layer.size, generator=generator)
                save_file(weights, folder / layer.path / "model.safetensors")
                width = layer.size
        if self.prompts is not None:
            _write(folder / "config_sentence_transformers.json", self.prompts)
        if self.settings is not None:
            _write(inner / "sentence_bert_config.json", self.settings)
        if self.tokenizer:
            file = inner / "tokenizer_config.json"
            _write(file, {**json.loads(file.read_text()), **self.tokenizer})
        return folder

    def expected(self, folder: Path, texts: Sequence[str], prompt: str) -> np.ndarray:
        """[n, d], of length one: every text alone, through the plain transformer."""
        inner = folder / self.transformer
        model, tokenizer = (
            AutoModel.from_pretrained(inner, dtype=torch.float32).eval(),
            AutoTokenizer.from_pretrained(inner),
        )
        model = model.encoder if hasattr(model, "encoder") and model.config.is_encoder_decoder else model
        rows = []
        for text in texts:
            text = (prompt + text).lower() if self.lower else prompt + text
            ids = tokenizer(text, truncation=True, max_length=self.length)["input_ids"]
            with torch.no_grad():
                hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy().astype(np.float64)
            skipped = 0
            if self.pooling.get("include_prompt") is False and prompt:
                alone = tokenizer(prompt)["input_ids"]
                skipped = len(alone) - (alone[-1] in tokenizer.all_special_ids)
            vector = np.concatenate([self._pooled(mode, hidden, skipped) for mode in self.modes])
            for layer in self.layers:
                vector = self._applied(folder, layer, vector)
            vector = vector[: (self.prompts or {}).get("truncate_dim")]
            rows.append(vector / np.linalg.norm(vector))
        return np.stack(rows)

    def _pooled(self, mode: str, hidden: np.ndarray, skipped: int) -> np.ndarray:
        if mode == "weightedmean":
            weights = np.arange(1, len(hidden) + 1)[skipped:, None]
            return (hidden[skipped:] * weights).sum(0) / weights.sum()
        return POOLED[mode](hidden[skipped:])

    def _applied(self, folder: Path, layer: Layer, vector: np.ndarray) -> np.ndarray:
        if not layer.size:
            return vector / np.linalg.norm(vector)
        from safetensors.numpy import load_file

        weights = load_file(folder / layer.path / "model.safetensors")
        result = weights["linear.weight"] @ vector + weights.get("linear.bias", 0)
        return getattr(torch.nn, layer.activation)()(torch.from_numpy(result)).numpy()


def _write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def static_expected(folder: Path, texts: Sequence[str], prompt: str) -> np.ndarray:
    """[n, d], the means of the vectors of tokens of a table in a folder, in float64."""
    from safetensors.numpy import load_file

    backend, table = Tokenizer.from_file(str(folder / "tokenizer.json")), load_file(folder / "model.safetensors")
    ids = [backend.encode(prompt + text, add_special_tokens=False).ids for text in texts]
    return np.stack([table["embedding.weight"][row].astype(np.float64).mean(0) for row in ids])


def dense_folder(folder: Path, rows: int, columns: int, seed: int = 0) -> Path:
    """A dense layer with Tanh."""
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(seed)
    weights = {
        "linear.weight": torch.randn(rows, columns, generator=generator) / 5,
        "linear.bias": torch.randn(rows, generator=generator) / 5,
    }
    save_file(weights, folder / "model.safetensors")
    tanh = "torch.nn.modules.activation.Tanh"
    settings = {"in_features": columns, "out_features": rows, "bias": True, "activation_function": tanh}
    _write(folder / "config.json", settings)
    return folder


def dense_expected(folder: Path, vectors: np.ndarray) -> np.ndarray:
    """[n, e], the layer in a folder on vectors [n, d]."""
    from safetensors.numpy import load_file

    weights = load_file(folder / "model.safetensors")
    return np.tanh(vectors @ weights["linear.weight"].T + weights["linear.bias"])


def pooling_folder(folder: Path, width: int, mode: str = "mean") -> Path:
    """A pooling of one mode."""
    _write(folder / "config.json", {"word_embedding_dimension": width, "pooling_mode": mode, "include_prompt": True})
    return folder


def router_file(folder: Path, structure: Mapping[str, Sequence[str]], name: str = "router_config.json", **more: Any):
    """Says which of the modules in a folder are on which route; the class of each is the last part of its name."""
    names = {one for modules in structure.values() for one in modules}
    classes = {one: one.rpartition("_")[2] for one in names}
    types = {one: f"{OLD}{kind}.{kind}" for one, kind in classes.items()}
    parameters = {"default_route": "document", "allow_empty_key": True, **more}
    _write(folder / name, {"types": types, "structure": structure, "parameters": parameters})


def modules_file(folder: Path, *modules: tuple[str, str]) -> None:
    """Lists modules by class and path."""
    entries = [{"idx": n, "name": str(n), "path": path, "type": OLD + kind} for n, (kind, path) in enumerate(modules)]
    _write(folder / "modules.json", entries)


def plain_tokenizer(tokenizer: Any) -> Tokenizer:
    """What is inside a tokenizer of `transformers`, without the length to which it has cut a text before."""
    found = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    found.no_truncation()
    found.no_padding()
    return found


def static_folder(folder: Path, tokenizer: Any, width: int = 24, more_rows: int = 0) -> Path:
    """A table of token vectors for all tokens of a tokenizer of `transformers`, and perhaps for more."""
    folder.mkdir()
    plain_tokenizer(tokenizer).save(str(folder / "tokenizer.json"))
    rows = torch.randn(len(tokenizer) + more_rows, width, generator=torch.Generator().manual_seed(3))
    save_file({"embedding.weight": rows}, folder / "model.safetensors")
    _write(folder / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": f"{OLD}StaticEmbedding"}])
    return folder


Expected = Callable[[Path, Sequence[str], str], np.ndarray]
