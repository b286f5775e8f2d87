"""The kinds of listeners by name. A plugin adds its own by `LISTENERS.register`."""

from typing import Final

from study.listeners.kind import ListenerKind
from study.listeners.mlflow import MLFLOW
from study.listeners.tensorboard import TENSORBOARD
from study.listeners.wandb import WANDB
from trainables.registry import Registry

LISTENERS: Final[Registry[ListenerKind]] = Registry(
    "tool for --log-to", lambda kind: kind.name, (TENSORBOARD, MLFLOW, WANDB)
)
