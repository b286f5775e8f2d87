"""Low-rank adapters (LoRA, Hu et al. 2021) through peft: of a checkpoint that is one, and new ones to be trained."""

import warnings
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from trainables.encoders.hub_copy import local_copy
from trainables.encoders.json_files import read_json
from trainables.errors import UserError, one_line
from trainables.options import Option

ADAPTER_FILE = "adapter_config.json"
"""What a folder has that holds an adapter and names the model that it belongs to."""

_INSTALL = "pip install 'hybrid-batch-studies[lora]'"


class LoraConfig(BaseModel):
    """Small matrices that are trained in place of the weights they are added to."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rank: Annotated[int, Field(ge=0, le=10_000), Option(phrase="LoRA adapters of rank {}", phrases={"0": ""})] = 0
    """rank of low-rank adapters, the only weights that are trained; 0: no adapters, all weights are"""
    alpha: Annotated[float, Field(gt=0, le=1e6)] = 32.0
    """what the adapters add is scaled by alpha / rank"""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """share of an adapter's inputs that are left out at random"""
    targets: tuple[str, ...] = ()
    """linear layers that get an adapter, by the last part of their name; none: all of attention and feed-forward"""


def base_of(folder: Path, *, weights: bool = False) -> Path | None:
    """Returns the folder of the model that an adapter folder belongs to; None if the folder holds no adapter.

    Raises UserError if the adapter does not name its model, or the model is not to be had.
    """
    file = folder / ADAPTER_FILE
    if not file.is_file():
        return None
    name = read_json(file).get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise UserError(f"{file} does not name its model (base_model_name_or_path): add it.")
    path = Path(name).expanduser()
    if path.is_dir():
        return path.absolute()
    if path.is_absolute() or name.count("/") != 1:
        raise UserError(f"{file} belongs to the model {name!r}, which is not there: correct base_model_name_or_path.")
    return local_copy(name, None, weights=weights)


def merged(transformer: Any, folder: Path) -> Any:
    """Returns a transformer with the adapter of a folder added to its weights.

    Raises UserError if peft is not installed or the adapter does not fit.
    """
    peft = _peft(f"The encoder folder {folder} holds an adapter", "merge it into its model elsewhere")
    try:
        return peft.PeftModel.from_pretrained(transformer, folder).merge_and_unload(safe_merge=True)
    except Exception as error:
        # An adapter of another model, of another method, or a damaged file: each has an exception of its own.
        raise UserError(f"The adapter in {folder} does not load ({one_line(error)}): fetch it again.") from error


def without_adapters(transformer: Any) -> Any:
    """Returns a transformer with the adapters that it was given added to its weights; it is changed itself."""
    return transformer.merge_and_unload() if hasattr(transformer, "merge_and_unload") else transformer


def with_adapters(transformer: Any, config: LoraConfig, source: str, seed: int) -> Any:
    """Returns a transformer whose weights are frozen, with adapters that are trained; it adds nothing at first.

    Args:
        transformer: of any kind.
        config: rank, scale, dropout and targets.
        source: the checkpoint that the transformer is from, to be found again with a kept adapter.
        seed: draws the weights of the adapters.

    Raises:
        UserError: peft is not installed, or a target matches no linear layer.
    """
    import torch

    peft = _peft("Adapters are asked for", "set encoder.lora.rank to 0")
    names = {name.rpartition(".")[2] for name, part in transformer.named_modules() if isinstance(part, torch.nn.Linear)}
    unmatched = sorted(set(config.targets) - names)
    if unmatched or not names:
        raise UserError(
            f"encoder.lora.targets: {', '.join(unmatched) or 'all'} matches no linear layer of {source!r}; it has "
            f"{', '.join(sorted(names)) or 'none'}."
        )
    settings = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        # A transformer without a head has linear layers in attention and feed-forward only.
        target_modules=sorted(config.targets or names),
        task_type="FEATURE_EXTRACTION",
        base_model_name_or_path=source,
    )
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would also seed the accelerators.
        torch.default_generator.manual_seed(seed)
        with warnings.catch_warnings():
            # Of what the versions of two libraries think of each other.
            warnings.simplefilter("ignore", FutureWarning)
            adapted = peft.get_peft_model(transformer, settings)
    # It takes the folder in which the model was found, which another machine does not have.
    adapted.peft_config["default"].base_model_name_or_path = source
    return adapted


def _peft(what: str, remedy: str) -> Any:
    try:
        import peft
    except ImportError as error:
        raise UserError(f"{what}, and peft is not installed: {_INSTALL}, or {remedy}.") from error
    return peft
