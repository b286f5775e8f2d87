"""Files of a hub in miniature, asked for by processes with settings of their own, and local copies of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trainables.corpora.hub_server import COMMIT, beside_a_hub, hub_server
from trainables.corpora.hub import hub_files, hub_id
from trainables.errors import UserError

FILES = {"corpus.jsonl": b'{"_id": "1", "text": "a"}\n' * 100, "qrels/test.jsonl": b"{}\n", "README.md": b"---\n"}
NAMES = ["README.md", "corpus.jsonl", "qrels/test.jsonl"]

ASK = """
import json, sys
from pathlib import Path
from trainables.corpora.hub import hub_files
from trainables.errors import UserError
for repository, revision, name in json.loads(sys.argv[1]):
    try:
        files = hub_files(repository, revision)
        print(json.dumps([files.origin, files.names, files.path(name).read_text() if name else None]))
    except UserError as error:
        print(json.dumps(str(error)))
"""


def ask(home: Path, endpoint: str, *wanted: tuple[str, str, str], offline: bool = False) -> list[list[object] | str]:
    """What a process finds: [origin, names, text of the file], or the sentence with which it is refused."""
    lines = beside_a_hub(home, endpoint, ASK, json.dumps(wanted), offline=offline)
    return [json.loads(line) for line in lines]


@pytest.fixture
def hub() -> Iterator[str]:
    with hub_server({"org/set": FILES}) as address:
        yield address


def test_a_branch_is_resolved_to_its_commit_and_files_are_kept_for_work_without_connection(
    hub: str, tmp_path: Path
) -> None:
    text = FILES["corpus.jsonl"].decode()
    wanted = ("org/set", "main", "corpus.jsonl")
    assert ask(tmp_path, hub, wanted) == [[f"hub:org/set@{COMMIT}", NAMES, text]]
    kept = [f"hub:org/set@{COMMIT}", ["corpus.jsonl"], text]
    assert ask(tmp_path, hub, wanted, ("org/set", COMMIT, "corpus.jsonl"), offline=True) == [kept, kept]
    assert ask(tmp_path, "http://127.0.0.1:9", wanted) == [kept]


def test_what_cannot_be_had_is_told_in_a_sentence(hub: str, tmp_path: Path) -> None:
    no_set, no_revision, no_file, no_id = ask(
        tmp_path, hub, ("org/sett", "main", ""), ("org/set", "v9", ""), ("org/set", "main", "corpus.json"),
        ("org/a/b", "main", ""),
    )  # fmt: skip
    assert no_set == (
        f"There is no data set org/sett at {hub}, or it is private: check its id, or set HF_TOKEN to a token that may "
        "read it."
    )
    assert "org/set has no revision 'v9'" in no_revision
    assert f"hub:org/set@{COMMIT} has no file corpus.json, but 3 others: corpus.jsonl" in no_file
    assert "'org/a/b' is no data set of the hub: write org/name." in no_id


def test_without_connection_or_permission_to_use_it_the_remedy_is_told(tmp_path: Path) -> None:
    (offline,) = ask(tmp_path, "http://127.0.0.1:9", ("org/set", "main", ""), offline=True)
    (unreachable,) = ask(tmp_path, "http://127.0.0.1:9", ("org/set", "main", ""))
    assert "org/set@main is not in the cache, and the hub is not asked (HF_HUB_OFFLINE is set)" in offline
    assert "cannot be reached at http://127.0.0.1:9" in unreachable
    for sentence in (offline, unreachable):
        assert isinstance(sentence, str)
        assert sentence.endswith("and name FOLDER with --data-dir.")


def test_a_gated_set_names_the_page_and_the_token(tmp_path: Path) -> None:
    with hub_server({"org/set": FILES}, gated="org/set") as address:
        (refused,) = ask(tmp_path, address, ("org/set", "main", "corpus.jsonl"))
    assert "org/set is gated: accept its terms at https://huggingface.co/datasets/org/set, and set HF_TOKEN" in refused


@pytest.mark.slow
def test_a_file_that_is_not_sent_whole_is_no_file(tmp_path: Path) -> None:
    with hub_server({"org/set": FILES}, cut="corpus.jsonl") as address:
        (refused,) = ask(tmp_path, address, ("org/set", "main", "corpus.jsonl"))
    assert f"corpus.jsonl of org/set@{COMMIT} is not whole in the cache and could not be fetched" in refused


@pytest.mark.parametrize(("name", "damage"), [("corpus.jsonl", "changed"), ("README.md", "cut")])
def test_a_damaged_file_of_the_cache_is_fetched_again(hub: str, tmp_path: Path, name: str, damage: str) -> None:
    wanted = ("org/set", "main", name)
    ask(tmp_path, hub, wanted)
    (blob,) = [path for path in tmp_path.rglob("blobs/*") if path.is_file()]
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] if damage == "cut" else b"#" + content[1:])
    (offline,) = ask(tmp_path, hub, wanted, offline=True)
    assert "is not whole in the cache" in offline
    assert ask(tmp_path, hub, wanted) == [[f"hub:org/set@{COMMIT}", NAMES, FILES[name].decode()]]


@pytest.mark.parametrize("folder", ["org/set", "set"])
def test_a_local_copy_needs_no_hub(tmp_path: Path, folder: str) -> None:
    for name, content in FILES.items():
        (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / name).write_bytes(content)
    (tmp_path / folder / ".cache").mkdir()
    (tmp_path / folder / ".cache/corpus.jsonl.lock").touch()
    files = hub_files("org/set", data_dir=tmp_path)
    assert (files.origin, list(files.names)) == (str(tmp_path / folder), NAMES)
    assert files.path("corpus.jsonl") == tmp_path / folder / "corpus.jsonl"


def test_a_copy_that_is_not_there_or_holds_pointers_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"org/set is not in the data folder: there is no .*org/set or .*/set; put"):
        hub_files("org/set", data_dir=tmp_path)
    (tmp_path / "set").mkdir()
    (tmp_path / "set/corpus.jsonl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    with pytest.raises(UserError, match=r"corpus\.jsonl is a pointer of Git LFS and not the file itself: run `git lfs"):
        hub_files("org/set", data_dir=tmp_path).path("corpus.jsonl")


@pytest.mark.parametrize("text", ["hub:set", "hub:org/set@", "hub:org/set/file", "hub:/set", ""])
def test_an_id_is_an_organisation_and_a_name(text: str) -> None:
    with pytest.raises(UserError, match="is no data set of the hub: write hub:org/name or hub:org/name@revision"):
        hub_id(text)
