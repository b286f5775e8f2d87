import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from trainables.encoders.base import EncoderConfig
from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.mini import MiniEncoder
from trainables.encoders.registry import PRESETS, encoder_config, resolve_encoder
from trainables.errors import UserError


def test_a_preset_is_found_by_its_name_and_by_its_hub_id() -> None:
    for name, preset in PRESETS.items():
        config = preset.config
        assert config.name == name
        assert resolve_encoder(name) is config
        if isinstance(config, HuggingFaceEncoder):
            assert resolve_encoder(config.source) is config


def test_every_preset_has_a_description_of_one_line() -> None:
    for preset in PRESETS.values():
        assert preset.description
        assert "\n" not in preset.description


def test_the_ladder_grows_in_layers_and_width_and_keeps_its_vocabulary() -> None:
    ladder = [PRESETS[f"mini-{size}"].config for size in ("xs", "s", "m", "l", "xl")]
    assert [c.layers for c in ladder] == sorted({c.layers for c in ladder})
    assert [c.width for c in ladder] == sorted({c.width for c in ladder})
    assert len({c.vocabulary for c in ladder}) == 1


def test_published_prefixes_and_poolings_are_kept() -> None:
    assert PRESETS["xlm-r-base"].config.query_prefix == "Query: "
    assert PRESETS["labse"].config.passage_prefix == "Passage: "
    assert PRESETS["labse"].config.pooling == "pooler"
    assert PRESETS["multilingual-e5-large"].config.query_prefix == "query: "
    assert PRESETS["multilingual-e5-large"].config.passage_prefix == "passage: "


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("xlmr-base", "did you mean xlm-r-base"),
        ("./nowhere/at-all", "no encoder folder './nowhere/at-all'"),
        ("/nowhere/at-all", "no encoder folder '/nowhere/at-all'"),
        ("a/b/c", "Unknown encoder"),
        ("", "Unknown encoder"),
    ],
)
def test_a_name_that_is_nothing_is_a_users_mistake(name: str, part: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name:
        with pytest.raises(UserError, match=part):
            resolve_encoder(name)


def test_a_file_is_not_an_encoder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(UserError, match="is a file"):
        resolve_encoder(str(tmp_path / "model.safetensors"))


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (MiniEncoder, {}),
        (MiniEncoder, {"layers": 1, "width": 64, "heads": 3}),
        (MiniEncoder, {"layers": 1, "width": 64, "heads": 2, "pooling": "pooler"}),
        (MiniEncoder, {"layers": 1, "width": 64, "heads": 2, "vocabulary": 500}),
        (MiniEncoder, {"layers": 1, "width": 64, "heads": 2, "source": "org/model"}),
        (HuggingFaceEncoder, {}),
        (HuggingFaceEncoder, {"source": "org/model", "layers": 1}),
        (HuggingFaceEncoder, {"source": "org/model", "max_query_length": 2}),
        (HuggingFaceEncoder, {"source": "org/model", "pooling": "median"}),
        (HuggingFaceEncoder, {"source": "org/model", "pooling": "cls+cls"}),
        (HuggingFaceEncoder, {"source": "org/model", "pooling": "pooler+cls"}),
        (HuggingFaceEncoder, {"source": "org/model", "dimensions": 0}),
    ],
)
def test_an_impossible_encoder_is_refused(kind: type[EncoderConfig], fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate({"name": "x", **fields})


def test_any_encoder_survives_json() -> None:
    for preset in PRESETS.values():
        values = json.loads(preset.config.model_dump_json())
        assert encoder_config(values) == preset.config


def test_an_encoder_of_an_unknown_kind_can_be_read_but_not_built() -> None:
    values = {"kind": "abacus", "name": "mine", "beads": 7, "pooling": "mean"}
    found = encoder_config(values)
    assert found.model_dump()["beads"] == 7
    with pytest.raises(UserError, match=r"mine is of the kind 'abacus', which nothing registers: .* --plugin"):
        found.build(None, seed=0)


def test_encoders_share_tokens_exactly_where_these_are_equal() -> None:
    ladder = [preset.config for name, preset in PRESETS.items() if name.startswith("mini")]
    # Those that read images share their pixels, too.
    for reads_images in (False, True):
        assert len({config.token_key for config in ladder if config.reads_images == reads_images}) == 1
    mini = ladder[0]
    for change in ({"query_prefix": "q: "}, {"max_query_length": 32}, {"vocabulary": 4000}):
        assert mini.model_copy(update=change).token_key != mini.token_key
    base = HuggingFaceEncoder(name="x", source="org/model")
    assert base.model_copy(update={"pooling": "cls"}).token_key == base.token_key
    assert base.model_copy(update={"revision": "v2"}).token_key != base.token_key


def test_a_folder_is_named_as_given_and_located_absolutely(checkpoint, monkeypatch) -> None:
    folder = checkpoint()
    monkeypatch.chdir(folder.parent)
    config = resolve_encoder(f"./{folder.name}")
    assert config.name == f"./{folder.name}"
    assert Path(config.source) == folder


def test_a_bare_folder_is_mean_pooled_and_no_longer_than_its_positions(checkpoint) -> None:
    xlmr, bert = resolve_encoder(str(checkpoint("xlm-r"))), resolve_encoder(str(checkpoint("bert")))
    assert xlmr.pooling == bert.pooling == "mean"
    assert xlmr.max_passage_length == xlmr.max_query_length == 38
    assert bert.max_passage_length == bert.max_query_length == 40


def _drop(name: str):
    return lambda folder: (folder / name).unlink()


def _write(name: str, content: str):
    return lambda folder: (folder / name).write_text(content)


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def _lost_shard(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}')


def _broken_index(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": ["model.safetensors"]}')


def _settings(**changes: object):
    settings = {"pooling": "mean", "query_prefix": "", "passage_prefix": "", "max_query_length": 16}
    return _write("encoder.json", json.dumps({**settings, "max_passage_length": 16, **changes}))


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 24681\n"


def _positions(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, "max_position_embeddings": 7}))


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (_drop("config.json"), "no config.json"),
        (_write("config.json", '{\n"model_type": "bert",\n'), r"config\.json:\d+ is not JSON"),
        (_write("config.json", "[1]"), "no JSON object"),
        (_write("config.json", POINTER), r"config\.json is a pointer of Git LFS"),
        (_write("tokenizer.json", POINTER), r"tokenizer\.json is a pointer of Git LFS"),
        (_write("config.json", "{}"), "no model_type"),
        (_drop("tokenizer.json"), "no tokenizer"),
        (_drop("model.safetensors"), "no weights"),
        (_pickle, "convert them to model.safetensors"),
        (_write("config.json", '{"model_type": ["bert"]}'), "no model_type"),
        (_write("sentence_bert_config.json", "{}"), r"has sentence_bert_config\.json but no modules\.json"),
        (_settings(pooling="median"), r"encoder\.json gives pooling as 'median': 'median' is none of mean, cls, max"),
        (_settings(max_query_length=4), r"encoder\.json gives max_query_length as 4: input should be greater"),
        (_settings(max_passage_length="abc"), r"encoder\.json gives max_passage_length as 'abc'"),
        (_settings(query_prefix=None), r"encoder\.json gives query_prefix as None"),
        (_positions, r"config\.json gives max_query_length as 5"),
        (_broken_index, "has no weight_map"),
        (_lost_shard, "model-00001-of-00002.safetensors, which is not there"),
        (_write("encoder.json", '{"pooling": "mean"}'), "must hold exactly"),
        (_write("encoder.json", "{"), r"encoder\.json:1 is not JSON"),
    ],
)
def test_a_broken_folder_is_told_in_one_sentence(checkpoint, damage, part: str) -> None:
    folder = checkpoint()
    damage(folder)
    with pytest.raises(UserError, match=part) as caught:
        resolve_encoder(str(folder))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert str(folder) in sentence


def test_sharded_weights_are_enough(checkpoint) -> None:
    folder = checkpoint(max_shard_size="20KB")
    assert not (folder / "model.safetensors").exists()
    resolve_encoder(str(folder))


def test_configs_load_without_torch() -> None:
    program = (
        "import sys, trainables.encoders.registry; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])
