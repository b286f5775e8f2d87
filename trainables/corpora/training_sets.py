"""The training sets of a study: those that are built in, and files in any layout that is known."""

from collections.abc import Container, Sequence
from pathlib import Path

from trainables.corpora.hub_training import hub_set, is_hub_name
from trainables.corpora.image_items import image_items
from trainables.corpora.image_text_folder import is_image_text_folder, load_image_texts
from trainables.corpora.items import Items
from trainables.corpora.pair_files import Asked, FileSet, TrainingSet, file_sets, read_set
from trainables.corpora.pair_paths import (
    SAVED_DATASET,
    SUFFIXES_IN_WORDS,
    PairSet,
    all_files,
    find_training_files,
)
from trainables.corpora.sources.registry import TRAINING_SOURCES
from trainables.corpora.training_files.layout import FileLayout
from trainables.corpora.training_files.registry import LAYOUTS
from trainables.errors import UserError
from trainables.home import with_home
from trainables.watch import Watch, unwatched


def load_training(names: Sequence[str], data_dir: Path | None = None, asked: Asked | None = None) -> dict[str, Items]:
    """Loads the items of one or several training sets, by name of the set; see `read_training`.

    >>> sets = load_training(["atlas"])
    >>> sets["atlas"][0].query["en"]
    'Which currency is used in the territory of Andorra?'
    """
    return {name: one.items for name, one in read_training(names, data_dir, asked or Asked()).items()}


def read_training(
    names: Sequence[str],
    data_dir: Path | None,
    asked: Asked,
    folder: Path | None = None,
    watch: Watch = unwatched,
) -> dict[str, TrainingSet]:
    """Reads one or several training sets.

    Args:
        names: each a name of `TRAINING_SOURCES`, a file, a folder for all files in it, a folder of images and captions
            (`image_text_folder`), or a data set of the hub (`hub_training`). Paths may be relative to the working
            directory or else to `data_dir`, and may leave out the suffix.
        data_dir: folder with local copies of data.
        asked: layouts and languages that the user names.
        folder: where texts are kept once they are too many for memory; None: in memory.
        watch: shows how far it is.

    Returns:
        The sets by name, in the order of `names`. The set of a file is called after it, with -2, -3, ... where that
        name is taken; the shards of one set are one set (see `pair_sets`), and so are files of one name in different
        languages that share ids.

    Raises:
        UserError: a name is nothing of these, a set is named twice, or a file breaks a rule.
    """
    if not names:
        raise UserError(
            f"No training set is named: name {', '.join(TRAINING_SOURCES)}, a training file or a folder of them."
        )
    named_by: dict[str, str] = {}
    origins: list[str | Path | PairSet] = []
    folders: dict[Path, list[Path]] = {}
    for name in names:
        for origin in _origins(name, data_dir, folders):
            place = str(origin.resolve()) if isinstance(origin, Path) else str(origin)
            if place in named_by:
                shown = origin.name if isinstance(origin, PairSet) else origin
                raise UserError(
                    f"The training set {shown} is named twice, by {named_by[place]!r} and {name!r}: drop one."
                )
            named_by[place] = name
            origins.append(origin)
    found: list[FileSet] = []
    for folder, files in folders.items():
        # What is in different folders does not belong together, whatever it is called.
        in_folder = file_sets(files, asked)
        _check_one_layout(folder, in_folder)
        found += in_folder
    image_folders = {origin for origin in origins if isinstance(origin, Path) and is_image_text_folder(origin)}
    of_folders = {path for files in folders.values() for path in files}
    alone = [one for one in origins if isinstance(one, Path) and one not in of_folders and one not in image_folders]
    found += file_sets(alone, asked, [origin for origin in origins if isinstance(origin, PairSet)])
    set_of_file = {path: one for one in found for path in one.files}
    sets: dict[str, TrainingSet] = {}
    read: list[FileSet] = []
    for origin in origins:
        if isinstance(origin, str):
            source = TRAINING_SOURCES[origin]
            images = None if source.images is None else source.images(data_dir)
            sets[origin] = TrainingSet(Items.of(source.load(data_dir)), images=images)
            continue
        if origin in image_folders:
            found_in = load_image_texts(origin, "train")
            name = _free_name(origin.resolve().name, {*sets, *TRAINING_SOURCES})
            sets[name] = TrainingSet(Items.of(image_items(found_in)), images=found_in.images)
            continue
        one = set_of_file[origin if isinstance(origin, Path) else origin.files[0]]
        if not any(one is other for other in read):
            # A file called like a set of the registry is another set.
            name = _free_name(one.name, {*sets, *TRAINING_SOURCES})
            sets[name] = read_set(one, name, asked, folder, watch)
            read.append(one)
    asked.check_used(sets)
    return sets


def _origins(name: str, data_dir: Path | None, folders: dict[Path, list[Path]]) -> Sequence[str | Path | PairSet]:
    if name in TRAINING_SOURCES:
        return [name]
    return [hub_set(name, data_dir)] if is_hub_name(name) else _files(name, data_dir, folders)


def _files(name: str, data_dir: Path | None, folders: dict[Path, list[Path]]) -> list[Path]:
    """The files that a name stands for; those of a folder are noted in `folders`. One of images is itself."""
    places = [with_home(name), *([] if data_dir is None else [data_dir / name])]
    for place in places:
        is_folder = place.is_dir() and not (place / SAVED_DATASET).is_file()
        if is_folder and is_image_text_folder(place):
            return [place]
        if files := (_files_of_a_layout(place) if is_folder else []) or find_training_files(place):
            if is_folder:
                folders[place] = files
            return files
        if is_folder:
            raise UserError(
                f"The folder {place} has no training file: name one with files {SUFFIXES_IN_WORDS}, "
                "or one of " + "; ".join(f"{one.name} ({one.fields})" for one in _file_layouts()) + "."
            )
    raise UserError(
        f"Unknown training set {name!r}: it is not built in ({', '.join(TRAINING_SOURCES)} is), and there is no such "
        f"folder or training file, with or without suffix, at {' or '.join(str(place.absolute()) for place in places)}."
    )


def _files_of_a_layout(folder: Path) -> list[Path]:
    """The files in a folder, or in those inside, that are known by their names; in the order of their names."""
    files = all_files(folder)
    own = {path for layout in _file_layouts() for _, found in layout.sets(files) for path in found}
    beside = [path for path in find_training_files(folder) if path not in own] if own else []
    return [*(path for path in files if path in own), *beside]


def _file_layouts() -> list[FileLayout]:
    return [layout for layout in LAYOUTS.values() if isinstance(layout, FileLayout)]


def _check_one_layout(folder: Path, sets: Sequence[FileSet]) -> None:
    other = next((one for one in sets if one.layout is not sets[0].layout), None)
    if other is not None:
        raise UserError(
            f"The folder {folder} holds training files in two layouts, {sets[0].files[0].name} ({sets[0].layout.name}) "
            f"and {other.files[0].name} ({other.layout.name}): name each with a --train of its own."
        )


def _free_name(name: str, taken: Container[str]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
