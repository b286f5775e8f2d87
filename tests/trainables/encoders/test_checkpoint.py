"""What a checkpoint declares is read at the revision that is asked for, and what would do nothing is refused."""

from pathlib import Path

import pytest

from study.plan.template import encoder_in, with_patch
from tests.trainables.encoders.layouts import Layer, Layout
from trainables.encoders.adapters import LoraConfig
from trainables.encoders.image_config import ImageConfig
from trainables.encoders.registry import PRESETS, encoder_config, resolve_encoder
from trainables.errors import UserError


def _two_commits(checkpoint, hub) -> None:
    first = Layout(settings={"max_seq_length": 32}, prompts={"prompts": {"query": "a: "}})
    second = Layout(
        {"pooling_mode": "cls"},
        ["cls"],
        [Layer("2_Dense", 8)],
        settings={"max_seq_length": 20},
        prompts={"prompts": {"query": "b: ", "document": "d: "}},
    )
    for layout, commit in ((first, "a" * 40), (second, "b" * 40)):
        layout.write(checkpoint("xlm-r", positions=130), hub(commit))


def test_a_revision_is_what_its_own_files_declare(checkpoint, hub) -> None:
    _two_commits(checkpoint, hub)
    main = resolve_encoder("acme/retriever")
    assert (main.revision, main.pooling, main.query_prefix, main.max_query_length) == ("a" * 40, "mean", "a: ", 32)
    for patch in ({"encoder.revision": "b" * 40}, {"encoder.revision": "b" * 40, "encoder.query_prefix": "mine: "}):
        found = encoder_in({"encoder": "acme/retriever", **patch})
        assert found.revision == "b" * 40
        assert (found.pooling, found.layers, found.passage_prefix) == ("cls", ("2_Dense",), "d: ")
        assert found.query_prefix == patch.get("encoder.query_prefix", "b: ")
        assert found.max_passage_length == 20
        assert found.build(found.tokenizer(), seed=0).dimension == 8


def test_a_branch_stands_for_the_commit_that_it_is_at(checkpoint, hub) -> None:
    _two_commits(checkpoint, hub)
    (hub("b" * 40).parents[1] / "refs/next").write_text("b" * 40)
    assert encoder_in({"encoder": "acme/retriever", "encoder.revision": "next"}).revision == "b" * 40
    with pytest.raises(UserError, match="'acme/retriever' at 'nowhere' cannot be fetched"):
        encoder_in({"encoder": "acme/retriever", "encoder.revision": "nowhere"})


def test_a_revision_of_what_has_none_or_without_its_encoder_is_refused(checkpoint) -> None:
    folder = str(checkpoint())
    with pytest.raises(UserError, match=r"encoder\.revision is 'x', but .* is a folder, which has one state"):
        encoder_in({"encoder": folder, "encoder.revision": "x"})
    with pytest.raises(UserError, match="the encoder mini-xs is not of the hub"):
        encoder_in({"encoder": "mini-xs", "encoder.revision": "x"})
    values = {"encoder": resolve_encoder("mini-xs").model_dump()}
    with pytest.raises(UserError, match=r"encoder\.revision is 'x' without an encoder beside it"):
        with_patch(values, {"encoder.revision": "x"})


def test_what_a_preset_declares_stands_at_every_revision() -> None:
    preset = PRESETS["multilingual-e5-small"].config
    for name in (preset.name, preset.source):
        assert encoder_in({"encoder": name, "encoder.revision": "v2"}) == preset.model_copy(update={"revision": "v2"})


def test_options_without_what_they_are_of_have_no_effect(checkpoint) -> None:
    bare = resolve_encoder(str(checkpoint()))
    lora = {"encoder.lora.alpha", "encoder.lora.dropout", "encoder.lora.targets"}
    image = {"encoder.image.revision", "encoder.image.pooling", "encoder.image.frozen"}
    assert bare.without_effect.keys() == lora | image
    adapted = bare.model_copy(update={"lora": LoraConfig(rank=2)})
    assert adapted.without_effect == dict.fromkeys(image, "encoder.image.tower")
    towered = bare.model_copy(update={"image": ImageConfig(tower="google/vit-base-patch16-224")})
    assert towered.without_effect == dict.fromkeys(lora, "encoder.lora.rank")


def test_one_that_reads_images_itself_may_have_that_half_frozen() -> None:
    clip = encoder_config({"kind": "clip", "name": "c", "source": "openai/clip-vit-base-patch32"})
    assert "encoder.image.frozen" not in clip.without_effect
    assert {"encoder.image.revision", "encoder.image.pooling"} < clip.without_effect.keys()


def test_the_revision_of_a_tower_in_a_folder_is_refused(checkpoint, tmp_path: Path) -> None:
    values = {**resolve_encoder(str(checkpoint())).model_dump(), "image": {"tower": str(tmp_path), "revision": "v1"}}
    with pytest.raises(UserError, match=r"encoder\.image\.revision is 'v1', but the tower .* is a folder"):
        encoder_config(values).image_reader()
