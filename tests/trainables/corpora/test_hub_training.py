"""Training sets of the hub: read from a local copy as from the hub, whose commit is recorded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import Dataset

from tests.trainables.corpora.hub_server import COMMIT, hub_server
from trainables.corpora.pair_files import Asked, TrainingSet
from trainables.corpora.training_sets import read_training
from trainables.errors import UserError

CARD = """---
configs:
- config_name: de
  data_files:
  - split: train
    path: de/train-*
  - split: test
    path: de/test.parquet
- config_name: en
  data_files:
  - split: train
    path: en/*.parquet
---
A set.
"""


def copy(folder: Path) -> Path:
    """A data folder with a repository in two languages, of which one has shards and another split."""
    root = folder / "org" / "set"
    for lang in ("de", "en"):
        (root / lang).mkdir(parents=True)
        rows = [{"id": str(n), "context": f"{lang} c{n}", "question": f"{lang} q{n}"} for n in range(4)]
        for shard in range(2):
            data = Dataset.from_list(rows[2 * shard : 2 * shard + 2])
            data.to_parquet(str(root / lang / f"train-0000{shard}-of-00002.parquet"))
    Dataset.from_list([{"other": 1}]).to_parquet(str(root / "de" / "test.parquet"))
    (root / "README.md").write_text(CARD)
    return folder


def read(folder: Path, *names: str, language: str = "") -> dict[str, TrainingSet]:
    return read_training(names, folder, Asked.of([], language.split()))


def test_configurations_in_different_languages_are_one_set(tmp_path: Path) -> None:
    found = read(copy(tmp_path), "hub:org/set:de", "hub:org/set:en")
    items = found["set"].items
    assert [item.id for item in items] == ["0", "1", "2", "3"]
    assert items[3].query == {"de": "de q3", "en": "en q3"}
    assert found["set"].seen.layout == "squad"


def test_a_configuration_or_split_is_asked_for_or_told(tmp_path: Path) -> None:
    copy(tmp_path)
    for name, parts in {
        "hub:org/set": ("configurations de, en", "hub:org/set:de"),
        "hub:org/set:fr": ("configurations de, en, and no fr", "as in hub:org/set:de."),
        "hub:org/set:de/dev": ("splits test, train, and no dev", "hub:org/set:de/train"),
        "hub:org/other": ("org/other is not in the data folder",),
        "hub:set": ("hub:org/name",),
        "hub:org/set:de/test": ("has the fields other", "no layout"),
    }.items():
        with pytest.raises(UserError) as caught:
            read(tmp_path, name)
        assert all(part in str(caught.value) for part in parts), caught.value


def test_a_repository_without_data_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "org" / "script").mkdir(parents=True)
    (tmp_path / "org" / "script" / "script.py").write_text("import datasets")
    with pytest.raises(UserError, match=r"no file that is read from the hub \(\.jsonl, .*download it"):
        read(tmp_path, "hub:org/script")


def test_a_set_must_not_be_named_twice(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="named twice"):
        read(copy(tmp_path), "hub:org/set:de", "hub:org/set:de/train")


def test_splits_in_different_languages_and_csv_are_read(tmp_path: Path) -> None:
    root = tmp_path / "org" / "rows"
    (root / "data").mkdir(parents=True)
    for lang in ("de", "en"):
        (root / "data" / f"{lang}-00000-of-00001.csv").write_text(f"pair_id,query,passage\n1,{lang} q,{lang} p\n")
    found = read(tmp_path, "hub:org/rows:default/de", "hub:org/rows:default/en")
    assert found["rows"].items[0].query == {"de": "de q", "en": "en q"}


ASK = """
import sys
from trainables.corpora.pair_files import Asked
from trainables.corpora.training_sets import read_training
from trainables.errors import UserError
try:
    found = read_training([sys.argv[1]], None, Asked.of([], ["en"]))
    print([(name, len(one.items), one.seen.layout, one.seen.origin) for name, one in found.items()])
except UserError as error:
    print(error)
"""


@pytest.mark.slow
def test_what_is_fetched_is_recorded_with_its_commit_and_read_again_offline(tmp_path: Path) -> None:
    rows = [{"anchor": f"q{n}", "positive": f"p{n}"} for n in range(3)]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()

    def ask(name: str, endpoint: str, offline: bool) -> str:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": str(int(offline))}
        environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "no_proxy": "*"}
        command = [sys.executable, "-c", ASK, name]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout

    with hub_server({"org/pairs": {"train.jsonl": content, "test.jsonl": b"{}\n"}}) as endpoint:
        expected = str([("pairs", 3, "sentence_transformers", f"hub:org/pairs@{COMMIT}")])
        assert ask("hub:org/pairs", endpoint, offline=False).strip() == expected
    assert ask("hub:org/pairs", endpoint, offline=True).strip() == expected
    assert "HF_HUB_OFFLINE is set" in ask("hub:org/unknown", endpoint, offline=True)
