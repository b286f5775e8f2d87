"""Every knob of a study with its default: the flags of `python -m study.run` and the fields of `--config` files."""

import difflib
import glob
from collections.abc import Container
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trainables.errors import UserError

Positive = Annotated[int, Field(ge=1)]


class StudySettings(BaseModel):
    """What the user asked for. A field without value is filled in by the space or by the encoder's recipe."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, coerce_numbers_to_str=True
    )

    # What is studied.
    space: str = Field("dynamic_vs_static", description="search space: the question to answer (see --list)")
    model: str | None = Field(None, description="encoder: a preset, a local folder or a hub id (default: the space's)")
    train: tuple[str, ...] = Field(
        (), description="training set: a name, a file or a folder; repeatable (default: the space's)"
    )
    evaluate: tuple[str, ...] = Field((), description="benchmark; repeatable (default: the space's)")
    data_dir: Path | None = Field(
        None, description="folder with local copies of the data sets; without it they are fetched"
    )
    keep_overlap: bool = Field(
        False, description="train also on items that share text with an evaluation set (not zero-shot)"
    )

    # How it is searched.
    objective: tuple[str, ...] = Field(
        ("multilingual/map",),
        description="dev metric that chooses, with :maximize or :minimize where it is not the usual direction; "
        "repeatable: the Pareto front of several goes to the confirm phase",
    )
    measure: tuple[str, ...] = Field(
        (), description="measure to compute beside the default ones, such as ndcg@10; repeatable (see --list)"
    )
    sampler: Literal["tpe", "random", "nsga2"] | None = Field(
        None, description="Optuna sampler inside every family (default: the space's; tpe is random for 4 trials)"
    )
    search_temperature: bool = Field(False, description="search the temperature of the loss, too, in every family")
    search_seed: Annotated[int, Field(ge=100_000)] = Field(
        1_000_000, description="seed of all search trials and of the samplers; confirm seeds are 0, 1, ..."
    )
    early_stopping: Literal["off", "halving"] = Field(
        "off", description="halving: stop search trials that are behind earlier ones of their own family"
    )

    # How much.
    trials: Positive | None = Field(None, description="search trials per family and strategy (default: the space's)")
    seeds: Positive | None = Field(None, description="confirm runs per arm (default: the space's)")
    until_separable: Positive | None = Field(
        None, description="add confirm seeds, up to this many, until the main comparison has a verdict"
    )
    time_budget: str | None = Field(None, description="start no trial after this time, such as 90s, 15m, 2.5h or 3d")
    trial_budget: Positive | None = Field(None, description="most trials of the study")
    pair_budget: Positive | None = Field(None, description="most training pairs of the study, over all trials")
    steps: Positive | None = Field(None, description="optimiser steps of a trial (default: the encoder's recipe)")
    batch_size: Annotated[int, Field(ge=2)] | None = Field(
        None, description="pairs in a batch, over all workers (default: the encoder's recipe)"
    )
    learning_rate: Annotated[float, Field(gt=0)] | None = Field(
        None, description="the same learning rate in every trial (default: searched within every family)"
    )
    temperature: Annotated[float, Field(gt=0)] | None = Field(
        None, description="temperature of the loss (default: the encoder's recipe)"
    )

    # How a trial trains.
    draw: Literal["exact", "bernoulli"] = Field(
        "exact", description="batch kinds by error diffusion, or by independent draws as in arXiv 2408.10536"
    )
    gradient_accumulation: Positive = Field(
        1, description="chunks in which a batch is encoded; the loss and the gradient do not change"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where supported")
    evaluations: Annotated[int, Field(ge=1)] = Field(
        2, description="dev evaluations in a trial, evenly spaced; the last is at the end (halving wants 4 or more)"
    )
    checkpoints: Annotated[int, Field(ge=0)] = Field(
        4, description="checkpoints in a trial, evenly spaced; 0: none, an interrupted trial starts again"
    )

    # On what.
    workers_per_trial: Positive = Field(1, description="workers of a trial; more than 1 train under Ray Train")
    cpus_per_worker: Annotated[float, Field(gt=0)] = Field(1, description="cores of a worker; also its threads")
    gpus_per_worker: Annotated[float, Field(ge=0)] | None = Field(
        None, description="GPUs of a worker (default: 1 where the cluster has any, else 0)"
    )
    max_concurrent_trials: Positive | None = Field(
        None, description="trials at a time (default: as many as fill the cluster)"
    )
    address: str | None = Field(None, description="address of a running Ray cluster (default: start one here)")
    max_failures: Annotated[int, Field(ge=0)] = Field(
        2, description="how often a trial whose machine or process died is started again"
    )

    # Where to.
    keep_encoders: bool = Field(
        False, description="keep the trained encoder of every confirm run, as a Hugging Face folder"
    )
    storage: str = Field("studies", description="folder or URI under which studies lie")
    name: str | None = Field(None, description="name of the study (default: space and time)")

    @field_validator("train", "evaluate", "objective", "measure", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def with_absolute_paths(self) -> "StudySettings":
        """The same settings, valid from any folder: a study may be resumed from another one."""
        # Imported late: --help must not wait for what reads data.
        from trainables.corpora.sources import TRAINING_SOURCES
        from trainables.encoders.config import PRESETS

        return self.model_copy(
            update={
                "model": self.model and _absolute(self.model, known=PRESETS),
                "train": tuple(_absolute(name, known=TRAINING_SOURCES) for name in self.train),
                "data_dir": self.data_dir and self.data_dir.expanduser().absolute(),
            }
        )


def _absolute(name: str, known: Container[str]) -> str:
    """The path that a name stands for from here; the name itself if it is known or nothing here is called so."""
    path = Path(name).expanduser()
    is_here = path.exists() or any(path.parent.glob(f"{glob.escape(path.name)}.*"))
    return str(path.absolute()) if is_here and name not in known else name


def settings_from(file: Path | None, flags: dict[str, Any]) -> StudySettings:
    """Merges a YAML file of settings and the flags given; the flags win.

    Raises UserError that names the file or flag, the value and what would be right.
    """
    from_file = _read_yaml(file) if file else {}
    return validated({**from_file, **flags}, flags, file)


def validated(values: dict[str, Any], flags: dict[str, Any], file: Path | str | None = None) -> StudySettings:
    """Builds settings; raises UserError that names the flag, or else the field of the file."""
    try:
        return StudySettings(**values)
    except ValidationError as error:
        problem = error.errors()[0]
        field = str(problem["loc"][0])
        where = _flag(field) if field in flags or not file else f"{file}, field {field}"
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(field, StudySettings.model_fields, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(StudySettings.model_fields)}."
            raise UserError(f"{file}: there is no setting {field!r}; {remedy}") from error
        rule = problem["msg"][0].lower() + problem["msg"][1:]
        raise UserError(f"{where} is {problem['input']!r}: {rule}.") from error


def _flag(field: str) -> str:
    return "--" + field.replace("_", "-")


class _EachOnce(yaml.SafeLoader):
    """YAML in which a setting that is given twice is an error: the last one would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        for position, (key, _) in enumerate(node.value):
            if key.value in names[:position]:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is given twice", key.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_EachOnce)
    except FileNotFoundError as error:
        raise UserError(f"--config {file}: there is no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--config {file}: the file cannot be read ({error}); it must be YAML in UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "this is not YAML"
        raise UserError(f"{file}{line}: {what}; write one `setting: value` per line.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{file}: it must hold one `setting: value` per line, found {type(content).__name__}.")
    return {str(key).replace("-", "_"): value for key, value in content.items()}
