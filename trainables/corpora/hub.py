"""Files of data set repositories of the Hugging Face hub, read as files: no code of a repository is ever run.

Where files come from follows the settings of huggingface_hub: `HF_ENDPOINT` (a mirror), `HF_HOME` (the cache),
`HF_HUB_OFFLINE`, `HF_TOKEN`. With a data folder nothing is fetched: the same files lie in `<data_dir>/<org>/<name>/` or
in `<data_dir>/<name>/`, as `hf download --repo-type dataset --local-dir` puts them there.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from trainables.errors import UserError, one_line

MAIN = "main"
PREFIX = "hub:"
"""What a name begins with that means a repository: `hub:org/name` or `hub:org/name@revision`."""

_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class HubFiles:
    """The files of one repository at one commit, on the hub or as a local copy."""

    repository: str
    """`org/name`"""
    commit: str | None
    """None: the files are a local copy, whose commit is not known."""
    names: tuple[str, ...]
    """Paths inside the repository, sorted, with slashes."""
    folder: Path | None = None
    """The local copy; None: files are fetched."""
    sizes: dict[str, int] = field(default_factory=dict, repr=False)
    """Bytes of the files, as far as the hub says so."""

    @property
    def origin(self) -> str:
        """Where the files are from, for records and messages: `hub:org/name@commit`, or the folder of a local copy."""
        return str(self.folder) if self.commit is None else published_at(self.repository, self.commit)

    def path(self, name: str) -> Path:
        """Makes sure that a file is here, whole, and returns where it lies.

        Raises:
            UserError: there is no such file, it may not or cannot be fetched, or it is not whole.
        """
        if name not in self.names:
            near = get_close_matches(name, self.names, n=3) or self.names[:3]
            raise UserError(
                f"{self.origin} has no file {name}, but {len(self.names)} others: {', '.join(near) or 'none'}."
            )
        if self.folder is not None:
            return _checked_copy(self.folder / name)
        path = _fetched(self.repository, self.commit, name, again=False)
        if not self._is_whole(name, path):
            path = _fetched(self.repository, self.commit, name, again=True)
            if not self._is_whole(name, path):
                raise UserError(
                    f"{name} of {self.origin} came with another size or checksum than the hub names, twice: try again "
                    f"later, or without a mirror (HF_ENDPOINT)."
                )
        return path

    def _is_whole(self, name: str, path: Path) -> bool:
        return path.stat().st_size == self.sizes.get(name, path.stat().st_size) and _has_its_digest(path)


def hub_id(text: str) -> tuple[str, str]:
    """Splits `org/name` or `org/name@revision`, with or without `hub:` in front, into repository and revision.

    >>> hub_id("hub:mteb/scifact@d56462d"), hub_id("mteb/scifact")
    (('mteb/scifact', 'd56462d'), ('mteb/scifact', 'main'))

    Raises:
        UserError: it is no such text.
    """
    repository, at, revision = text.removeprefix(PREFIX).partition("@")
    if repository.count("/") != 1 or not all(repository.split("/")) or (at and not revision):
        raise UserError(f"{text!r} is no data set of the hub: write hub:org/name or hub:org/name@revision.")
    return repository, revision or MAIN


def published_at(repository: str, revision: str = MAIN) -> str:
    """Where a set is published, as one may ask for it: `hub:org/name@revision`."""
    return f"{PREFIX}{repository}@{revision}"


def local_files(folder: Path) -> HubFiles:
    """The files of a folder that is laid out like a repository, such as somebody's own data."""
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    shown = sorted(name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts))
    return HubFiles(folder.name, None, tuple(shown), folder)


def hub_files(
    repository: str, revision: str = MAIN, data_dir: Path | None = None, copies: Sequence[str] = ()
) -> HubFiles:
    """Lists the files of a data set repository; none of them is fetched yet.

    Args:
        repository: `org/name`.
        revision: a commit, a tag or a branch. A branch is resolved to its commit, which `HubFiles.commit` names.
        data_dir: folder with local copies of data, whatever their commit; None: the hub, or what its cache holds where
            the hub cannot be reached.
        copies: other folders below the data folder in which the same files may lie.

    Raises:
        UserError: there is no such copy, repository or revision, it may not be read, or there is no connection.
    """
    if data_dir is not None:
        return _local_copy(repository, data_dir, copies)
    # Imported late: --list must not wait for it.
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        info = HfApi().dataset_info(repository, revision=revision, files_metadata=True)
    except (HfHubHTTPError, HFValidationError) as error:
        raise _refused(repository, revision, error) from error
    except Exception as error:  # No connection: the kind of error is that of whatever library does the requests.
        return _cached(repository, revision, error)
    siblings = info.siblings or []
    return HubFiles(
        repository,
        info.sha,
        tuple(sorted(file.rfilename for file in siblings)),
        sizes={file.rfilename: file.size for file in siblings if file.size is not None},
    )


def _local_copy(repository: str, data_dir: Path, copies: Sequence[str]) -> HubFiles:
    places = [data_dir / name for name in dict.fromkeys((repository, repository.partition("/")[2], *copies))]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise UserError(
            f"{repository} is not in the data folder: there is no {' or '.join(map(str, places))}; put it there (hf "
            f"download --repo-type dataset {repository} --local-dir {places[0]}), or leave out --data-dir to fetch it."
        )
    return replace(local_files(folder), repository=repository)


def _cached(repository: str, revision: str, reason: Exception) -> HubFiles:
    """What the cache of huggingface_hub holds of a repository; raises UserError if it holds nothing."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir().repos
    except CacheNotFound:
        repos = frozenset()
    kept = [
        one for repo in repos if (repo.repo_type, repo.repo_id) == ("dataset", repository) for one in repo.revisions
    ]
    # Files are fetched by commit, so that the cache does not know what a branch was: it is what was fetched last.
    wanted = [one for one in kept if revision in (one.commit_hash, *one.refs, MAIN)]
    if wanted:
        cached = max(wanted, key=lambda one: (revision in one.refs, one.last_modified))
        names = (file.file_path.relative_to(cached.snapshot_path).as_posix() for file in cached.files)
        return HubFiles(repository, cached.commit_hash, tuple(sorted(names)))
    raise UserError(
        f"{repository}@{revision} is not in the cache, and the hub {_reached(reason)}: fetch it on another machine (hf "
        f"download --repo-type dataset {repository} --revision {revision} --local-dir FOLDER/{repository}) and name "
        "FOLDER with --data-dir."
    )


def _fetched(repository: str, commit: str | None, name: str, *, again: bool) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(hf_hub_download(repository, name, repo_type="dataset", revision=commit, force_download=again))
    except HfHubHTTPError as error:
        raise _refused(repository, str(commit), error) from error
    except Exception as error:  # No connection, one that broke, or a full disk.
        raise UserError(
            f"{name} of {repository}@{commit} is not whole in the cache and could not be fetched ({one_line(error)}): "
            "try again with a connection, or name a folder with a local copy with --data-dir."
        ) from error


def _refused(repository: str, revision: str, error: Exception) -> UserError:
    """What the hub's refusal means for the user."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        DisabledRepoError,
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    page = f"https://huggingface.co/datasets/{repository}"
    match error:
        case HFValidationError():
            return UserError(f"{repository!r} is no data set of the hub: write org/name.")
        case GatedRepoError():
            return UserError(
                f"{repository} is gated: accept its terms at {page}, and set HF_TOKEN to a token of your account "
                "(https://huggingface.co/settings/tokens) or run `hf auth login`."
            )
        case RevisionNotFoundError():
            return UserError(f"{repository} has no revision {revision!r}: see {page}/commits/main, or leave it out.")
        case RepositoryNotFoundError():
            return UserError(
                f"There is no data set {repository} at {constants.ENDPOINT}, or it is private: check its id, or set "
                "HF_TOKEN to a token that may read it."
            )
        case DisabledRepoError():
            return UserError(f"{repository} has been disabled by the hub: see {page}.")
    return UserError(f"{repository} could not be read at {constants.ENDPOINT} ({one_line(error)}): try again later.")


def _reached(reason: Exception) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(reason, OfflineModeIsEnabled):
        return "is not asked (HF_HUB_OFFLINE is set)"
    return f"cannot be reached at {constants.ENDPOINT} ({one_line(reason)})"


def _checked_copy(path: Path) -> Path:
    with path.open("rb") as file:
        start = file.read(len(_LFS_POINTER))
    if start == _LFS_POINTER:
        raise UserError(f"{path} is a pointer of Git LFS and not the file itself: run `git lfs pull` in its folder.")
    return path


def _has_its_digest(path: Path) -> bool:
    """Whether a cached file has the digest that it is stored by: the sha256 of large files, Git's sha1 of others."""
    digest = path.resolve().name
    if len(digest) not in (40, 64) or set(digest) - set("0123456789abcdef"):
        return True
    content = hashlib.sha256() if len(digest) == 64 else hashlib.sha1(usedforsecurity=False)
    if len(digest) == 40:
        content.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            content.update(chunk)
    return content.hexdigest() == digest
