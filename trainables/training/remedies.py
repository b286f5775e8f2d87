"""What would make a training fit that is too large for a worker, as far as its other options allow it."""

import torch
from pydantic import ValidationError

from trainables.config import TrialConfig
from trainables.options import flat, patched


def sharding_flags(config: TrialConfig, precision: torch.dtype) -> str | None:
    """Returns the flags that shard the weights of a training; None where its options refuse that.

    >>> config = TrialConfig.model_validate(
    ...     {"encoder": "mini-xs", "ratio": {"family": "linear"}, "steps": 100, "batches": {"size": 16},
    ...      "optimiser": {"learning_rate": 1e-3}}
    ... )
    >>> sharding_flags(config, torch.float32)
    '--set compute.parallel=sharded --set compute.precision=float32'

    Args:
        config: the training.
        precision: what its encoder computes in; sharded weights have one precision, evaluations included.
    """
    name = "bfloat16" if precision == torch.bfloat16 else "float32"
    wanted = {"compute.parallel": "sharded", "compute.precision": name, "compute.evaluation_precision": name}
    values = config.model_dump()
    now = flat(values)
    changes = {key: value for key, value in wanted.items() if now[key] != value}
    try:
        TrialConfig.model_validate(patched(values, changes))
    except ValidationError:
        return None
    return " ".join(f"--set {key}={value}" for key, value in changes.items())


def smaller_model(config: TrialConfig, precision: torch.dtype) -> str:
    """Returns what to do about weights, gradients and moments that do not fit into memory."""
    flags = sharding_flags(config, precision)
    if not config.encoder.has_layers or config.encoder.has_routes:
        return "train the embeddings of fewer pieces (compute.trim_vocabulary), or choose a smaller encoder"
    remedies = ["train adapters (encoder.lora.rank)", "choose a smaller encoder"]
    if config.compute.parallel == "sharded":
        remedies.insert(1, "shard the weights over more workers (--workers-per-trial)")
    elif flags is not None:
        remedies.insert(1, f"shard the weights over workers ({flags})")
    return f"{', '.join(remedies[:-1])}, or {remedies[-1]}"


def or_recompute(config: TrialConfig) -> str:
    """Returns the end of a sentence on smaller chunks or texts: another remedy, where there are layers for it."""
    return ", or compute.activation_checkpointing to true" if config.encoder.has_layers else ""
