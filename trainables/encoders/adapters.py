"""Low-rank adapters (LoRA, Hu et al. 2021) through peft: of a checkpoint that is one, and new ones to be trained."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from trainables.encoders.hub_copy import local_copy
from trainables.encoders.json_files import read_json
from trainables.encoders.module_list import transformer_folder
from trainables.errors import UserError, one_line
from trainables.home import with_home
from trainables.options import Option

ADAPTER_FILE = "adapter_config.json"
"""What a folder has that holds an adapter and names the model that it belongs to."""

_REACHING_OUT: Mapping[str, tuple[Any, ...]] = {
    "megatron_config": (None,),
    "megatron_core": (None, "megatron.core"),
    "adapters": (None,),
}
"""Fields by which peft imports a module that a file names, or reads other adapters, and their values that do not."""

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


def base_of(folder: Path, *, weights: bool = False, code: bool = False) -> Path | None:
    """Returns the folder of the model that an adapter folder belongs to; None if the folder holds no adapter.

    Raises UserError if the adapter does not name its model, names more than that, or the model is not to be had.

    Args:
        folder: with config or adapter.
        weights: whether the weights of a model of the hub are wanted, too.
        code: whether its Python files are.
    """
    file = folder / ADAPTER_FILE
    if not file.is_file():
        return None
    said = _said(file)
    base = _named(file, said, weights=weights, code=code)
    if (transformer_folder(base) / ADAPTER_FILE).is_file():
        # Transformers would add it unasked, and unseen.
        raise UserError(
            f"{file} belongs to {said['base_model_name_or_path']!r}, which holds an adapter itself: merge that into "
            "its model first."
        )
    return base


def _said(file: Path) -> dict[str, Any]:
    """The settings of an adapter, such as peft may be given; raises UserError for others."""
    said = read_json(file)
    for field, harmless in _REACHING_OUT.items():
        if said.get(field) not in harmless:
            raise UserError(
                f"{file} sets {field}, by which peft imports a module of any name or reads other adapters: remove it."
            )
    return said


def _named(file: Path, said: Mapping[str, Any], *, weights: bool, code: bool) -> Path:
    """The folder of the model that the settings of an adapter name."""
    name, revision = said.get("base_model_name_or_path"), said.get("revision")
    if not isinstance(name, str) or not name:
        raise UserError(f"{file} does not name its model (base_model_name_or_path): add it.")
    if not isinstance(revision, str | None):
        raise UserError(f"{file} gives revision as {revision!r}: it must be a commit, a tag, a branch or null.")
    path = with_home(name)
    if path.is_dir():
        if revision is not None:
            raise UserError(
                f"{file} names the revision {revision!r} of the folder {name}, which has one state: set revision to "
                "null, or base_model_name_or_path to the hub id."
            )
        return path.absolute()
    if path.is_absolute() or name.count("/") != 1:
        raise UserError(f"{file} belongs to the model {name!r}, which is not there: correct base_model_name_or_path.")
    return local_copy(name, revision, weights=weights, code=code)


def merged(transformer: Any, folder: Path) -> Any:
    """Returns a transformer with the adapter of a folder added to its weights.

    One that was trained on the transformer with a head is that of the transformer. Raises UserError if peft is not
    installed, or the adapter names more than its model or does not fit it, tensor for tensor.
    """
    _said(folder / ADAPTER_FILE)
    peft = _peft(f"The encoder folder {folder} holds an adapter", "merge it into its model elsewhere")
    try:
        settings = peft.PeftConfig.from_pretrained(folder)
        weights = peft.load_peft_weights(folder, device="cpu")
        # With a task, peft asks the transformer for what the head of that task needs.
        settings.task_type, settings.inference_mode = None, True
        head = _head_prefix(transformer, weights)
        if head:
            weights = {_IN_MODEL + name.removeprefix(_IN_MODEL).removeprefix(head): w for name, w in weights.items()}
            _leave_out(head, settings)
        adapted = _wrapped(peft, transformer, settings)
        report = peft.set_peft_model_state_dict(adapted, weights)
        # What it does not hold of a pooler adds nothing to it.
        lacking = [name for name in report.missing_keys if ".default" in name and _POOLER not in name]
        _refuse_others(folder, sorted(report.unexpected_keys), "have no place in its model")
        _refuse_others(folder, sorted(lacking), "are asked for by its adapter_config.json and missing")
        return adapted.merge_and_unload(safe_merge=True)
    except UserError:
        raise
    except Exception as error:
        # An adapter of another model, of another method, or a damaged file: each has an exception of its own.
        raise UserError(
            f"The adapter in {folder} does not load ({one_line(error)}): fetch it again, or give one of the model that "
            f"its {ADAPTER_FILE} names."
        ) from error


_IN_MODEL = "base_model.model."
"""What peft puts in front of every name of a tensor."""
_POOLER = f"{_IN_MODEL}pooler."


def _head_prefix(transformer: Any, weights: Mapping[str, Any]) -> str:
    """What stands before the names of a transformer inside a model with a head (`roberta.`), if it does; else empty."""
    prefix = getattr(transformer, "base_model_prefix", "")
    inside = bool(prefix) and not hasattr(transformer, prefix)
    found = inside and any(name.startswith(f"{_IN_MODEL}{prefix}.") for name in weights)
    return f"{prefix}." if found else ""


def _leave_out(head: str, settings: Any) -> None:
    """Takes the prefix of a model with a head out of the names that the settings of an adapter have."""
    start = re.compile(rf"^(\^?){re.escape(head[:-1])}\\?\.")
    for field in ("rank_pattern", "alpha_pattern"):
        patterns = getattr(settings, field, None) or {}
        setattr(settings, field, {start.sub(r"\1", name): value for name, value in patterns.items()})
    if not isinstance(targets := getattr(settings, "target_modules", None), str) and targets is not None:
        settings.target_modules = {start.sub(r"\1", name) for name in targets}


def _refuse_others(folder: Path, names: list[str], what: str) -> None:
    if names:
        # The encoder would be its model as if there were no adapter, or half of one.
        raise UserError(
            f"The adapter in {folder} does not fit: {len(names)} of its tensors ({names[0]}, ...) {what}; give an "
            "adapter of this model without a head, or merge it into its model elsewhere."
        )


def without_adapters(transformer: Any) -> Any:
    """Returns a transformer with the adapters that it was given added to its weights; it is changed itself."""
    return transformer.merge_and_unload() if hasattr(transformer, "merge_and_unload") else transformer


def with_adapters(transformer: Any, config: LoraConfig, source: str, revision: str | None, seed: int) -> Any:
    """Returns a transformer whose weights are frozen, with adapters that are trained; it adds nothing at first.

    Args:
        transformer: of any kind.
        config: rank, scale, dropout and targets.
        source: the checkpoint that the transformer is from, to be found again with a kept adapter.
        revision: of it, if it is of the hub.
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
        revision=revision,
    )
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would also seed the accelerators.
        torch.default_generator.manual_seed(seed)
        return _wrapped(peft, transformer, settings)


def _wrapped(peft: Any, transformer: Any, settings: Any) -> Any:
    with warnings.catch_warnings():
        # Of what the versions of two libraries think of each other.
        warnings.simplefilter("ignore", FutureWarning)
        # Not get_peft_model, whose class for a task calls every transformer with arguments that CLIP's lacks, and which
        # takes the folder in which the model was found for its name.
        return peft.PeftModel(transformer, settings)


def _peft(what: str, remedy: str) -> Any:
    try:
        import peft
    except ImportError as error:
        raise UserError(f"{what}, and peft is not installed: {_INSTALL}, or {remedy}.") from error
    return peft
