"""Names and places of pair files: which files a path stands for, with or without its suffix, file or folder."""

from pathlib import Path

from trainables.errors import UserError

PAIR_FILE_SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")


def pair_file_suffix(path: Path) -> str | None:
    """Returns the suffix that makes `path` a pair file, or None; the file itself is not looked at.

    >>> pair_file_suffix(Path("pairs.v2.jsonl.gz"))
    '.jsonl.gz'
    """
    return next((suffix for suffix in PAIR_FILE_SUFFIXES if path.name.endswith(suffix) and path.name != suffix), None)


def pair_file_stem(path: Path) -> str:
    """Returns the name of a pair file without its suffix."""
    return path.name.removesuffix(pair_file_suffix(path) or "")


def find_pair_files(place: Path) -> list[Path]:
    """Returns the pair files that a path stands for, an empty list where there is nothing of this name.

    Args:
        place: a folder, for all pair files directly in it, in the order of their names; a file, whatever its suffix;
            or a pair file without its suffix.

    Raises:
        UserError: the folder holds no pair file, or one training set is there in two formats.
    """
    if place.is_dir():
        return _files_in(place)
    if place.is_file():
        return [place]
    with_suffix = [path for suffix in PAIR_FILE_SUFFIXES if (path := Path(f"{place}{suffix}")).is_file()]
    if len(with_suffix) > 1:
        raise UserError(f"The training set {place} may be {' or '.join(map(str, with_suffix))}: add the suffix.")
    return with_suffix


def _files_in(folder: Path) -> list[Path]:
    by_stem: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if pair_file_suffix(path) is None or path.name.startswith("."):
            continue
        other = by_stem.setdefault(pair_file_stem(path), path)
        if other is not path:
            raise UserError(f"{other} and {path.name} look like one training set in two formats: name one of them.")
    if not by_stem:
        raise UserError(f"The folder {folder} has no pair file: name one with files {', '.join(PAIR_FILE_SUFFIXES)}.")
    return list(by_stem.values())
