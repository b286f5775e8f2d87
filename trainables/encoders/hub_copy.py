"""The files of a model repository of the Hugging Face hub as a folder on this machine.

Where they come from follows the settings of huggingface_hub: `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_OFFLINE`, `HF_TOKEN`.
"""

from pathlib import Path

from trainables.errors import UserError, one_line

_SETTINGS = ("*.json", "*.txt", "*.model")
"""What says how a checkpoint is used, tokenizers included."""
_WEIGHTS = ("*.safetensors",)
# The same weights for other libraries, or as their authors train them.
_LEFT_OUT = ("onnx/*", "openvino/*", "original/*", "consolidated*", "*/checkpoint-*", "checkpoint-*")


def is_cached(repository: str, revision: str | None) -> bool:
    """Whether the weights of a repository are on this machine; nothing is asked of the hub."""
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(repository, revision=revision, local_files_only=True, allow_patterns=list(_WEIGHTS))
    except Exception:
        # Not there, or not as a repository lies in the cache.
        return False
    return any(Path(folder).rglob(_WEIGHTS[0]))


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
    return Path(folder)
