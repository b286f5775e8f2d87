"""Every example of the page on training files is read, and is what the page says."""

import re
from pathlib import Path

import pytest

from study.command_line import parser
from tests.docs.pages import Lab, blocks, code_blocks, files
from trainables.corpora.pair_files import Asked, TrainingSet
from trainables.corpora.training_files.registry import LAYOUTS
from trainables.corpora.training_sets import read_training

PAGE = "training_files.md"
EXAMPLES = blocks(PAGE, "console")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files of the page."""
    root = tmp_path_factory.mktemp("page")
    for name, content in files(PAGE).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for block in code_blocks(PAGE):
            if block.language == "python" and not block.title:
                exec(block.code, {})
    return root


def summary(one: TrainingSet) -> str:
    languages = sorted({language for item in one.items for language in (*item.query, *item.passage)})
    negatives = sum(len(texts) for item in one.items for texts in item.negatives.values())
    told = f"{one.seen.layout}: {number(len(one.items), 'item')} in {', '.join(languages)}"
    return told + (f", {number(negatives, 'hard negative')}" if negatives else "")


def number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_an_example_is_read_as_the_page_says(folder: Path, example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    command, *told = example.splitlines()
    flags = parser().parse_args(command.split())
    asked = Asked.of(flags.train_layout or (), flags.train_language or ())
    assert [summary(one) for one in read_training(flags.train, None, asked).values()] == told


def test_every_layout_has_an_example() -> None:
    assert {line.split(":")[0] for example in EXAMPLES for line in example.splitlines()[1:]} == set(LAYOUTS)


def test_every_file_of_the_page_belongs_to_an_example() -> None:
    named = re.findall(r"(?<!\S)(?!--)\S+", "\n".join(example.splitlines()[0] for example in EXAMPLES))
    for block in code_blocks(PAGE):
        if block.title and block.title not in ("lab_layout.py", "forms.jsonl"):
            assert any(
                Path(name) in (path := Path(block.title), *path.parents, path.with_suffix("")) for name in named
            ), block.title


def test_the_layout_of_the_page_is_read_from_outside_the_tree(tmp_path: Path) -> None:
    printed = Lab(PAGE, tmp_path).python(
        "from trainables.corpora.pair_files import Asked\n"
        "from trainables.corpora.training_sets import read_training\n"
        "from trainables.plugins import load_plugins\n"
        "load_plugins(['lab_layout'])\n"
        "(found,) = read_training(['forms.jsonl'], None, Asked()).values()\n"
        "print(found.seen.layout, found.items[0].id, found.items[0].query)"
    )
    assert printed == "lab 3 {'en': 'Who pays?'}\n"
