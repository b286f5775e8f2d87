"""Whether the weights of a checkpoint are there, and whole; nothing of them is loaded."""

import json
from collections.abc import Sequence
from pathlib import Path

from trainables.encoders.json_files import read_json, refuse_pointer
from trainables.errors import UserError

_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "adapter_model.bin")
_SHORTEST_HEADER, _LONGEST_HEADER = 2, 100_000_000
"""Bytes of `{}`, and the most that the library reads."""


def check_weights(folder: Path, name: str = "model") -> None:
    """Raises UserError if a folder has no safetensors weights, a pickle in their place, or files that are not whole.

    Args:
        folder: the checkpoint.
        name: of the file without `.safetensors`, or of the index of its shards.
    """
    whole, index = folder / f"{name}.safetensors", folder / f"{name}.safetensors.index.json"
    if whole.is_file():
        check_whole(whole)
        return
    if index.is_file():
        for shard in _shards(index):
            check_whole(folder / shard)
        return
    if any((folder / pickle).is_file() for pickle in _PICKLES):
        raise UserError(
            f"The weights in {folder} are a pickle, which may run any code: convert them to {whole.name} first."
        )
    raise UserError(f"The encoder folder {folder} has no weights: put {whole.name} next to config.json.")


def check_whole(file: Path) -> None:
    """Raises UserError if a safetensors file is a pointer of Git LFS, cut off, or no such file at all."""
    refuse_pointer(file)
    size = file.stat().st_size
    with file.open("rb") as content:
        header_bytes = int.from_bytes(content.read(8), "little")
        if size < 8 + _SHORTEST_HEADER or header_bytes > _LONGEST_HEADER:
            raise UserError(f"{file} is no safetensors file: fetch it again.")
        header = content.read(header_bytes)
    try:
        tensors = json.loads(header) if len(header) == header_bytes else {}
        ends = [entry["data_offsets"][1] for name, entry in tensors.items() if name != "__metadata__"]
        expected = 8 + header_bytes + max(ends, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise UserError(f"{file} is no safetensors file: fetch it again.") from error
    if size < expected:
        raise UserError(f"{file} is cut off: {size:,} of {expected:,} bytes are there; fetch it again.")


def _shards(index: Path) -> Sequence[str]:
    tensors = read_json(index).get("weight_map")
    if not isinstance(tensors, dict):
        raise UserError(f"{index} has no weight_map from tensors to files: fetch it again.")
    shards = sorted({str(shard) for shard in tensors.values()})
    missing = [shard for shard in shards if Path(shard).name != shard or not (index.parent / shard).is_file()]
    if missing or not shards:
        raise UserError(f"{index} names {', '.join(missing) or 'no file'}, which is not there: fetch it again.")
    return shards
