"""The files of a model repository of the Hugging Face hub as a folder on this machine.

Where they come from follows the settings of huggingface_hub: `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_OFFLINE`, `HF_TOKEN`.
"""

import re
from pathlib import Path

from trainables.errors import UserError, one_line

_SETTINGS = ("*.json", "*.txt", "*.model", "*_Dense/*.safetensors")
"""What says how a checkpoint is used, tokenizers and the small layers behind its pooling included."""
_WEIGHTS = ("*.safetensors",)
# The same weights for other libraries, or as their authors train them.
_LEFT_OUT = ("onnx/*", "openvino/*", "original/*", "consolidated*", "*/checkpoint-*", "checkpoint-*")

_COMMIT = re.compile(r"[0-9a-f]{40}")


def commit_of(folder: Path) -> str | None:
    """Returns the commit whose files a folder in the cache of the hub holds; None for another folder."""
    return folder.name if folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name) else None


def is_cached(repository: str, revision: str | None) -> bool:
    """Whether the weights of a repository are on this machine; nothing is asked of the hub."""
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            repository,
            revision=revision,
            local_files_only=True,
            allow_patterns=list(_WEIGHTS),
            # What is not fetched is not missed.
            ignore_patterns=list(_LEFT_OUT),
        )
    except Exception:
        # Not there, or not as a repository lies in the cache.
        return False
    # A dense layer comes with the settings.
    return any(not file.parent.name.endswith("_Dense") for file in Path(folder).rglob(_WEIGHTS[0]))


def local_copy(repository: str, revision: str | None, *, weights: bool, code: bool = False) -> Path:
    """Returns the folder with a repository's files, fetched unless the cache has them.

    Args:
        repository: `org/name`.
        revision: commit, tag or branch; None: the main branch.
        weights: whether the weights are wanted, too.
        code: whether the Python files are.

    Raises:
        UserError: there is no such repository or revision, it may not be read, or it is neither cached nor reachable.
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    wanted = [*_SETTINGS, *(_WEIGHTS if weights else ()), *(("*.py",) if code else ())]
    quiet = are_progress_bars_disabled()
    if not weights:
        disable_progress_bars()
    try:
        folder = snapshot_download(
            repository, revision=revision, allow_patterns=wanted, ignore_patterns=list(_LEFT_OUT)
        )
    except Exception as error:
        # No connection, no such repository, no access: each library below has an exception of its own.
        if constants.HF_HUB_OFFLINE:
            why, remedy = "it is not in the cache, and HF_HUB_OFFLINE is set", "fetch it once with a connection"
        else:
            why, remedy = one_line(error), "check the id, the connection, and HF_TOKEN for a gated one"
        at = "" if revision is None else f" at {revision!r}"
        raise UserError(
            f"The encoder {repository!r}{at} cannot be fetched ({why}): {remedy}, or give a local folder."
        ) from error
    finally:
        if not quiet:
            enable_progress_bars()
    found = Path(folder)
    if weights and not any(found.rglob(_WEIGHTS[0])):
        _refuse_pickles(repository, revision)
    return found


def _refuse_pickles(repository: str, revision: str | None) -> None:
    """Raises UserError if a repository without safetensors has its weights as pickles, which are not fetched."""
    from huggingface_hub import HfApi

    try:
        names = HfApi().list_repo_files(repository, revision=revision)
    except Exception:
        # Without a connection nothing is known but that there are no weights.
        return
    pickle = next((name for name in sorted(names) if name.endswith(".bin")), None)
    if pickle is not None and not any(name.endswith(".safetensors") for name in names):
        raise UserError(
            f"The weights of the encoder {repository!r} are a pickle ({pickle}), which may run any code: convert them "
            "to model.safetensors, and give that folder."
        )
