"""Training sets of the Hugging Face hub: `hub:org/name[@revision][:configuration[/split]]`.

Files are listed at a commit, fetched, and read as other training files are; no code of a repository is run. A
configuration or a split that is called like a language is in that language.
"""

from collections.abc import Sequence
from pathlib import Path

from trainables.corpora.hub import PREFIX, hub_files, hub_id
from trainables.corpora.languages import is_known_language
from trainables.corpora.pair_paths import PairSet, languages_in_name
from trainables.corpora.retrieval.configs import configs_of
from trainables.corpora.retrieval.tables import SUFFIXES
from trainables.errors import UserError

_SPLIT = "train"
_SUFFIXES = (*SUFFIXES, ".csv", ".csv.gz")


def is_hub_name(name: str) -> bool:
    """Whether a name of a training set is one of the hub."""
    return name.startswith(PREFIX)


def hub_set(name: str, data_dir: Path | None) -> PairSet:
    """The files of a training set of the hub, fetched, or those of a local copy in the data folder.

    Of several splits `train` is taken.

    Raises:
        UserError: there is no such repository, configuration or split, it may not be read, or is not whole.
    """
    place, _, part = name.removeprefix(PREFIX).partition(":")
    wanted_config, _, wanted_split = part.partition("/")
    repository, revision = hub_id(place)
    files = hub_files(repository, revision, data_dir)
    configs = configs_of(files, _SUFFIXES)
    if not configs:
        raise UserError(
            f"{files.origin} has no file that is read from the hub ({', '.join(_SUFFIXES)}): download it and name its "
            "files."
        )
    config = _chosen(
        list(configs), wanted_config, "default", f"{files.origin} has the configurations", f"{PREFIX}{place}:{{}}"
    )
    example = f"{PREFIX}{place}:{config}/{{}}"
    split = _chosen(list(configs[config]), wanted_split, _SPLIT, f"{files.origin}, {config}, has the splits", example)
    names = configs[config][split]
    short = repository.partition("/")[2]
    named = is_known_language(config) or languages_in_name(config)
    called = f"{short}.{config}" if named else short if config == "default" else f"{short}-{config}"
    return PairSet(
        f"{called}.{split}" if is_known_language(split) else called,
        tuple(files.path(one) for one in names),
        place=f"{PREFIX}{repository}",
        origin=files.origin,
    )


def _chosen(known: Sequence[str], wanted: str, usual: str, what: str, example: str) -> str:
    if wanted in known:
        return wanted
    if not wanted and (usual in known or len(known) == 1):
        return usual if usual in known else known[0]
    remedy = f"name one of them, as in {example.format(known[0])}"
    raise UserError(f"{what} {', '.join(sorted(known))}{f', and no {wanted}' if wanted else ''}: {remedy}.")
