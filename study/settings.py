"""What the user asked for: the flags of `python -m study.run` and the fields of `--config` files.

Options of a trial are not repeated here: they are declared in `trainables.config` and reached by their dotted key, or
by the short name that their declaration gives them.
"""

import glob
import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from trainables.evaluation.tie_rule import TieRule
from trainables.home import with_home

Positive = Annotated[int, Field(ge=1, le=1_000_000)]
Text = Annotated[str, Field(min_length=1)]


def _folder_name(name: str) -> str:
    if not re.fullmatch(r"\w[\w.+=-]{0,99}", name):
        raise ValueError(
            "a study is named by at most 100 letters, digits and . _ + = -, of which the first is a letter or digit"
        )
    return name


StudyName = Annotated[str, AfterValidator(_folder_name)]
"""The name of a folder in the storage, and of nothing outside it."""


def _resource(text: str) -> str:
    name, _, amount = text.partition("=")
    try:
        good = bool(name.strip()) and name not in ("CPU", "GPU") and 0 < float(amount) < float("inf")
    except ValueError:
        good = False
    if not good:
        raise ValueError(
            "write it as NAME=AMOUNT, such as fast_disk=1 (CPUs and GPUs have flags of their own: --cpus-per-worker, "
            "--gpus-per-worker)"
        )
    return text


Resource = Annotated[str, AfterValidator(_resource)]
"""A custom resource of a cluster and how much of it a worker holds: `fast_disk=1`."""

ENCODER = "encoder"
"""The option of a trial that may name a folder."""


CLUSTER = "cluster"
"""What stands among the options of a level for what its trials ask for on a cluster."""


class StudySettings(BaseModel):
    """A study as it was asked for. What has no value here comes from the space or from the encoder's recipe."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
        use_attribute_docstrings=True,
    )

    # What is studied.
    space: Text = "dynamic_vs_static"
    """search space: the question to answer (see --list)"""
    train: tuple[Text, ...] = ()
    """training set: a name, a file, a folder or hub:org/name (docs/training_files.md); repeatable (default: the
    space's)"""
    train_language: tuple[Text, ...] = ()
    """language of training files that do not say it: en, or en:de for questions in en and passages in de; SET=en for
    one set; repeatable"""
    train_layout: tuple[Text, ...] = ()
    """layout of training files where several fit, such as flag_embedding (see --list); SET=LAYOUT for one set;
    repeatable"""
    evaluate: tuple[Text, ...] = ()
    """benchmark: a name, a folder or hub:org/name; repeatable (default: the space's)"""
    data_dir: Path | None = None
    """folder with local copies of the data sets; without it they are fetched"""
    cache_dir: Path | None = None
    """folder for what many texts were made into, shared by studies: token ids and, while they are in use, the texts of
    large training sets and embeddings (default: ~/.cache/hybrid-batch-studies)"""
    keep_overlap: bool = False
    """train also on items that share text with an evaluation set (not zero-shot)"""
    set: Mapping[str, Any] = {}
    """option of all trials, such as optimiser.betas=0.9,0.98 (see --list); repeatable"""
    factor: Mapping[str, Any] = {}
    """option with several levels, such as loss.temperature=0.02,0.05, that crosses every branch; repeatable"""

    # Which arms are compared.
    arms: tuple[Text, ...] = ()
    """only these strategies and families, separated by commas (default: all of the space)"""
    without: tuple[Text, ...] = ()
    """leave these strategies, families and controls out, separated by commas"""
    arm: Mapping[str, Mapping[str, Any]] = {}
    """one more arm, confirmed as it is, such as "mine: ratio=linear(0.2,0.8) optimiser.learning_rate=3e-5";
    repeatable"""

    # How it is searched.
    objective: Annotated[tuple[Text, ...], Field(min_length=1)] = ("overall/map",)
    """dev metric that chooses, with :maximize or :minimize where it is not the usual direction; repeatable: the Pareto
    front of several goes to the confirm phase"""
    measure: tuple[Text, ...] = ()
    """measure to compute beside the default ones, such as ndcg@10; repeatable (see --list)"""
    ties: TieRule = "pessimistic"
    """how equal scores rank: what is not relevant first, or as in trec_eval, for numbers beside published ones"""
    bilingual: bool = False
    """search also in the pools of two languages, the query's and one other, for every other language"""
    sampler: Literal["tpe", "random", "nsga2"] | None = None
    """Optuna sampler inside every branch (default: the space's; tpe is random for 4 trials)"""
    search: Mapping[str, str] = {}
    """option to search in every branch, with its range as in loss.temperature=0.01..0.1:log or batches.size=24,48;
    repeatable"""
    search_factor: Mapping[str, Any] = {}
    """option with several levels that is searched in every branch instead of crossing it; repeatable"""
    warm_start: bool = False
    """begin the search of a level with what its neighbour found, counted as one of its trials"""
    search_seed: Annotated[int, Field(ge=100_000, lt=2**31)] = 1_000_000
    """seed of all search trials and of the samplers, one more in every further search; confirm seeds are 0, 1, ..."""
    repeat_search: Annotated[int, Field(ge=1, le=1_000)] = 1
    """make the whole search so many times, with other seeds, and confirm what each of them chooses: the intervals then
    hold for new searches, too"""
    early_stopping: Literal["off", "halving"] = "off"
    """halving: stop search trials that are behind earlier ones of their own branch"""

    efficiency: Mapping[str, Any] = {}
    """option of the measure phase, such as links=32, where the space has one (docs/inference_efficiency.md);
    repeatable"""

    # How much.
    trials: Positive | None = None
    """search trials per strategy and family (default: the space's); constants get as many in all as schedules"""
    seeds: Positive | None = None
    """confirm runs per arm and search (default: the space's)"""
    other_seeds: Positive | None = None
    """confirm runs of the arms that the main comparison does not need (default: as many as --seeds)"""
    until_separable: Positive | None = None
    """add confirm seeds to the arms of the main comparison, up to this many, until it has a verdict"""
    time_budget: Text | None = None
    """start no trial after this time, such as 90s, 15m, 2.5h or 3d"""
    trial_budget: Positive | None = None
    """most trials of the study"""
    pair_budget: Annotated[int, Field(ge=1, le=10**15)] | None = None
    """most training pairs of the study, over all trials"""

    # On what.
    workers_per_trial: Positive = 1
    """workers of a trial; more than 1 train under Ray Train"""
    cpus_per_worker: Annotated[float, Field(gt=0)] = 1
    """cores of a worker; also its threads"""
    gpus_per_worker: Annotated[float, Field(ge=0)] | None = None
    """GPUs of a worker, such as 2 or .5 (default: 1 where the cluster has any, else 0)"""
    accelerator_type: Text | None = None
    """type of the GPUs, as Ray names them, such as A100, on a cluster that has several"""
    resource: tuple[Resource, ...] = ()
    """custom resource of the cluster that a worker holds, such as fast_disk=1; repeatable"""
    placement: Literal["pack", "spread", "strict_pack", "strict_spread"] = "pack"
    """where the workers of a trial go: pack and spread prefer few or many machines; strict_pack insists on one,
    strict_spread on one for each"""
    max_concurrent_trials: Positive | None = None
    """trials at a time (default: as many as fill the cluster)"""
    address: Text | None = None
    """address of a running Ray cluster (default: start one here)"""
    wait_for_cluster: Text | None = None
    """how long to wait, such as 15m, until a cluster that grows has room for --max-concurrent-trials (default: one)"""
    max_failures: Annotated[int, Field(ge=0, le=1_000)] = 2
    """how often a trial whose machine or process died is started again"""

    # Where to, and with what.
    keep_encoders: Literal["best", "all", "none"] = "best"
    """which trained encoders of the confirm phase are kept, for study.export: of every arm that of the seed that is
    best on the dev set, or all"""
    keep_runs: bool = False
    """keep the first 1,000 candidates of every query in every confirm run, in the pool of all languages and in that of
    its own, as trec run files, and the judgements"""
    storage: Text = "studies"
    """folder or URI under which studies lie"""
    name: StudyName | None = None
    """name of the study (default: space and time)"""
    log_to: tuple[Text, ...] = ()
    """tool that gets the curves of all trials, too: tensorboard, mlflow or wandb (docs/watching.md); repeatable"""
    plugin: tuple[Text, ...] = ()
    """module that adds families, encoders, benchmarks, measures, spaces or sections of the report; repeatable"""

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("a number or a text must be given")
        return value

    # Of several validators the last one comes first.
    @field_validator("keep_encoders", mode="before")
    @classmethod
    def _all_or_none(cls, value: Any) -> Any:
        # What studies recorded before there was a best.
        return ("all" if value else "none") if isinstance(value, bool) else value

    @field_validator(
        "train",
        "train_language",
        "train_layout",
        "evaluate",
        "objective",
        "measure",
        "arms",
        "without",
        "log_to",
        "resource",
        "plugin",
        mode="before",
    )
    @classmethod
    def _one_is_a_list_of_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def with_absolute_paths(self) -> "StudySettings":
        """The same settings, valid from any folder: a study may be resumed from another one."""
        # Imported late: --help must not wait for what reads data.
        from trainables.corpora.retrieval.own import absolute
        from trainables.corpora.sources.registry import BENCHMARKS, COLLECTIONS, TRAINING_SOURCES
        from trainables.encoders.registry import PRESETS

        def located(value: Any) -> Any:
            if isinstance(value, tuple | list):
                return tuple(map(located, value))
            return _absolute(value, known=PRESETS) if isinstance(value, str) else value

        def with_located_encoder(options: Mapping[str, Any]) -> dict[str, Any]:
            return {key: located(value) if key == ENCODER else value for key, value in options.items()}

        return self.model_copy(
            update={
                "set": with_located_encoder(self.set),
                "factor": with_located_encoder(self.factor),
                "search_factor": with_located_encoder(self.search_factor),
                "train": tuple(_absolute(name, known=TRAINING_SOURCES) for name in self.train),
                "evaluate": tuple(
                    name if name in BENCHMARKS or name in COLLECTIONS else absolute(name) for name in self.evaluate
                ),
                "data_dir": self.data_dir and with_home(self.data_dir).absolute(),
                "cache_dir": self.cache_dir and with_home(self.cache_dir).absolute(),
            }
        )


def _absolute(name: str, known: Container[str]) -> str:
    """The path that a name stands for from here; the name itself if it is known or nothing here is called so."""
    path = with_home(name)
    is_here = path.exists() or any(path.parent.glob(f"{glob.escape(path.name)}.*"))
    return str(path.absolute()) if is_here and name not in known else name
