"""Encoders of images: what they give an image is what the classes of transformers give it."""

import importlib.util
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch.nn.functional import normalize
from transformers import (
    CLIPConfig,
    CLIPModel,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipModel,
    ViTConfig,
    ViTModel,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from trainables.corpora.images import HeldImages, decoded
from trainables.encoders.clip import ClipEncoder
from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.image_text import ImageTextEncoder
from trainables.encoders.model import save_encoder
from trainables.encoders.pixels import pixel_table
from trainables.encoders.registry import PRESETS, encoder_config, resolve_encoder
from trainables.encoders.tokens import pad, tokenise
from trainables.errors import UserError

TEXTS = ["a cat", "two dogs", "a cat and two dogs", "dogs"]
_SHAPE = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
_VISION = {**_SHAPE, "image_size": 32, "patch_size": 8}
TOWERS = ("vit", "clip", "siglip")


def photograph(number: int, width: int, height: int, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


IMAGES = HeldImages(
    (photograph(0, 50, 40), photograph(1, 33, 90, "L"), photograph(2, 32, 32), photograph(3, 70, 20, "RGBA")), "toy"
)


def _drawn(model: torch.nn.Module) -> torch.nn.Module:
    for weight in model.parameters():
        # As drawn they are so small that all images have nearly one vector.
        weight.data += 0.1 * torch.randn_like(weight)
    return model.eval()


def tower(kind: str, folder: Path) -> tuple[Path, torch.nn.Module, object]:
    """A small random checkpoint, its model and its image processor."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        if kind == "vit":
            model, processor = ViTModel(ViTConfig(**_VISION)), ViTImageProcessorPil(size={"height": 32, "width": 32})
        elif kind == "clip":
            ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 7}
            text = {**_SHAPE, **ids, "vocab_size": 8, "max_position_embeddings": 20}
            model = CLIPModel(CLIPConfig(text_config=text, vision_config=_VISION, projection_dim=20))
            processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
        else:
            text = {**_SHAPE, "vocab_size": 8, "max_position_embeddings": 12, "projection_size": 24, "pad_token_id": 0}
            model = SiglipModel(SiglipConfig(text_config=text, vision_config=_VISION))
            processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
        _drawn(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder, model, processor


def clip_tokenizer(folder: Path) -> None:
    words = ["<pad>", "<s>", "a", "cat", "two", "dogs", "and", "</s>"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, "a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 7)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="a"
    ).save_pretrained(folder)


def theirs(model: torch.nn.Module, processor) -> torch.Tensor:
    """The vectors of `IMAGES` by transformers alone."""
    pixels = processor([decoded(content) for content in IMAGES], return_tensors="pt").pixel_values
    with torch.no_grad():
        if isinstance(model, ViTModel):
            return model(pixel_values=pixels).last_hidden_state[:, 0]
        found = model.get_image_features(pixel_values=pixels)
        return getattr(found, "pooler_output", found)


def both(encoder: ImageTextEncoder, tokenizer, prefix: str = "", order: list[int] | None = None) -> torch.Tensor:
    """The vectors of `TEXTS` and of `IMAGES`, [8, d], from one batch in some order."""
    table = pixel_table([IMAGES], encoder.config.image_reader())
    encoder.show(table.pixels)
    texts = tokenise(TEXTS, tokenizer, prefix, 16)
    numbers = np.array([-1] * 4 + [0, 1, 2, 3])
    rows = texts.among(np.arange(4), 8).with_images(numbers, table.tokens)
    order = order or [5, 0, 1, 7, 4, 2, 3, 6]
    found = encoder(*pad(rows, order, tokenizer.pad_token_id))
    return found[np.argsort(order)]


def with_tower(text: Path, image: Path, **more: object) -> HuggingFaceEncoder:
    config = resolve_encoder(str(text))
    return encoder_config({**config.model_dump(), "image": {"tower": str(image), **more}})


@pytest.mark.parametrize("kind", TOWERS)
def test_vectors_of_images_are_those_of_transformers(checkpoint, tmp_path: Path, kind: str) -> None:
    text = checkpoint("xlm-r")
    folder, model, processor = tower(kind, tmp_path / kind)
    config = with_tower(text, folder)
    assert config.reads_images
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0).eval()
    expected = theirs(model, processor)
    # A CLIP gives 20 components where the texts have 24: a layer stands between.
    assert (encoder.tower.layer is None) == (expected.shape[1] == 24)
    with torch.no_grad():
        found = both(encoder, tokenizer, config.passage_prefix)
        torch.testing.assert_close(found[4:], normalize(encoder.tower.projected(expected), dim=-1), atol=1e-5, rtol=0)
        plain = resolve_encoder(str(text)).build(tokenizer, seed=0).eval()
        texts = pad(tokenise(TEXTS, tokenizer, config.passage_prefix, 16), range(4), tokenizer.pad_token_id)
        torch.testing.assert_close(found[:4], plain(*texts), atol=1e-5, rtol=0)
    assert config.shape(len(tokenizer)).parameters == pytest.approx(encoder.parameter_count, rel=0.05)
    # The layer is drawn by the seed alone.
    layers = [config.build(tokenizer, seed).tower.layer for seed in (0, 0, 1)]
    if layers[0] is not None:
        weights = [layer.linear.weight for layer in layers]
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])


def test_patches_are_pooled_as_asked_for_and_a_kept_tower_says_how(checkpoint, tmp_path: Path) -> None:
    text, (folder, model, processor) = checkpoint("xlm-r"), tower("vit", tmp_path / "vit")
    pixels = processor([decoded(content) for content in IMAGES], return_tensors="pt").pixel_values
    with torch.no_grad():
        patches = model(pixel_values=pixels).last_hidden_state[:, 1:]
    for pooling, expected in (("mean", patches.mean(1)), ("max", patches.amax(1))):
        config = with_tower(text, folder, pooling=pooling)
        tokenizer = config.tokenizer([])
        encoder = config.build(tokenizer, seed=0).eval()
        with torch.no_grad():
            found = both(encoder, tokenizer)[4:]
        torch.testing.assert_close(found, normalize(expected, dim=-1), atol=1e-5, rtol=0)
        save_encoder(encoder, tokenizer, tmp_path / pooling)
        assert resolve_encoder(str(tmp_path / pooling)).image.pooling == pooling


def test_a_clip_is_its_own_encoder_of_texts(tmp_path: Path) -> None:
    folder, model, processor = tower("clip", tmp_path / "clip")
    clip_tokenizer(folder)
    config = resolve_encoder(str(folder))
    assert isinstance(config, ClipEncoder)
    assert (config.pooling, config.query_prefix, config.max_passage_length) == ("lasttoken", "", 20)
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0).eval()
    read = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        found = both(encoder, tokenizer)
        texts = model.get_text_features(input_ids=read["input_ids"], attention_mask=read["attention_mask"])
    torch.testing.assert_close(found[4:], normalize(theirs(model, processor), dim=-1), atol=1e-5, rtol=0)
    texts = getattr(texts, "pooler_output", texts)
    torch.testing.assert_close(found[:4], normalize(texts, dim=-1), atol=1e-5, rtol=0)
    settings = json.loads((folder / "config.json").read_text())
    settings["text_config"]["eos_token_id"] = 5
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match="finds the end of a text by the token 5, and its tokenizer ends texts by 7"):
        config.build(tokenizer, seed=0)


@pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")
@pytest.mark.parametrize("frozen", [False, True])
def test_a_clip_gets_adapters_and_is_kept_with_them_merged(tmp_path: Path, frozen: bool) -> None:
    folder, *_ = tower("clip", tmp_path / "clip")
    clip_tokenizer(folder)
    plain = resolve_encoder(str(folder))
    config = encoder_config({**plain.model_dump(), "lora": {"rank": 2}, "image": {"frozen": frozen}})
    assert config.shape(8).trained < plain.shape(8).trained
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0)
    moved = [weight for name, weight in encoder.transformer.named_parameters() if "lora_B" in name]
    assert moved
    for weight in moved:
        torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        trained = both(encoder.eval(), tokenizer)
        untrained = both(plain.build(tokenizer, seed=0).eval(), tokenizer)
    assert (trained - untrained)[:4].abs().max() > 1e-2
    torch.testing.assert_close(trained[4:], untrained[4:], atol=1e-6, rtol=0)
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    again = resolve_encoder(str(tmp_path / "kept"))
    with torch.no_grad():
        found = both(again.build(again.tokenizer([]), seed=9).eval(), again.tokenizer([]))
    torch.testing.assert_close(found, trained, atol=1e-5, rtol=0)


def test_a_siglip_reads_texts_with_their_padding(tmp_path: Path) -> None:
    folder, model, processor = tower("siglip", tmp_path / "siglip")
    clip_tokenizer(folder)
    config = resolve_encoder(str(folder))
    assert (config.kind, config.query_prefix, config.max_passage_length) == ("siglip", "", 12)
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0).eval()
    read = tokenizer(TEXTS, padding="max_length", max_length=12, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        found = both(encoder, tokenizer)
        texts = model.get_text_features(input_ids=read)
        alone = encoder(*pad(tokenise(TEXTS[:1], tokenizer, "", 12), [0], tokenizer.pad_token_id))
    torch.testing.assert_close(found[4:], normalize(theirs(model, processor), dim=-1), atol=1e-5, rtol=0)
    texts = getattr(texts, "pooler_output", texts)
    torch.testing.assert_close(found[:4], normalize(texts, dim=-1), atol=1e-5, rtol=0)
    torch.testing.assert_close(alone, found[:1], atol=1e-5, rtol=0)
    assert config.shape(8).parameters == pytest.approx(encoder.parameter_count, rel=0.01)
    with pytest.raises(UserError, match="gets no adapters here"):
        encoder_config({**config.model_dump(), "lora": {"rank": 2}}).build(tokenizer, seed=0)


@pytest.fixture(params=["mini", *TOWERS, "clip alone", "siglip alone"])
def config(request, checkpoint, tmp_path: Path):
    if request.param == "mini":
        return PRESETS["mini-image-xs"].config
    if request.param.endswith(" alone"):
        folder, *_ = tower(request.param.removesuffix(" alone"), tmp_path / "alone")
        clip_tokenizer(folder)
        return resolve_encoder(str(folder))
    return with_tower(checkpoint("xlm-r"), tower(request.param, tmp_path / "tower")[0])


@pytest.mark.parametrize("config", ["mini", "vit", "clip alone", "siglip alone"], indirect=True)
def test_first_components_that_are_kept_are_kept_in_what_is_kept(config, texts, tmp_path: Path) -> None:
    tokenizer = config.tokenizer(texts)
    encoder = config.model_copy(update={"dimensions": 8}).build(tokenizer, seed=1).eval()
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    again = resolve_encoder(str(tmp_path / "kept"))
    with torch.no_grad():
        wanted = both(encoder, tokenizer)
        found = both(again.build(tokenizer, seed=9).eval(), tokenizer)
    assert wanted.shape[1] == 8
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)


def test_every_parameter_learns_and_what_is_kept_comes_back(config, texts, tmp_path: Path) -> None:
    tokenizer = config.tokenizer(texts)
    encoder = config.build(tokenizer, seed=1)
    optimiser = torch.optim.SGD(encoder.parameters(), lr=0.1)
    (both(encoder, tokenizer) * torch.arange(encoder.dimension)).sum().backward()
    # What comes behind the vector of an image in a whole checkpoint is not loaded.
    assert [name for name, parameter in encoder.named_parameters() if parameter.grad is None] == []
    optimiser.step()
    with torch.no_grad():
        trained = both(encoder.eval(), tokenizer)
        # Neither what stands beside an image nor the order moves it.
        torch.testing.assert_close(both(encoder, tokenizer, order=list(range(8))), trained, atol=1e-5, rtol=0)
    save_encoder(encoder, tokenizer, tmp_path / "kept")
    # A folder may be moved.
    shutil.move(tmp_path / "kept", tmp_path / "moved")
    again = resolve_encoder(str(tmp_path / "moved"))
    assert again.reads_images
    with torch.no_grad():
        found = both(again.build(again.tokenizer([]), seed=9).eval(), again.tokenizer([]))
    torch.testing.assert_close(found, trained, atol=1e-6, rtol=0)
    assert {name.split("/")[0] for name in again.files()} >= {"image", "model.safetensors"}


def test_a_frozen_tower_stays_and_encodes_every_image_once(checkpoint, tmp_path: Path) -> None:
    text, (folder, model, processor) = checkpoint("xlm-r"), tower("clip", tmp_path / "clip")
    config = with_tower(text, folder, frozen=True)
    tokenizer = config.tokenizer([])
    encoder = config.build(tokenizer, seed=0)
    seen: list[int] = []
    encoder.tower.model.register_forward_hook(lambda *_: seen.append(1))
    with torch.inference_mode():
        before = both(encoder.eval(), tokenizer)
    encoder.train()
    assert not encoder.tower.model.training
    optimiser = torch.optim.SGD([p for p in encoder.parameters() if p.requires_grad], lr=0.1)
    pixels = encoder._pixels
    for _ in range(3):
        rows = (
            tokenise(TEXTS, tokenizer, "", 16).among(np.arange(4), 8).with_images(np.array([-1] * 4 + [0, 1, 2, 3]), 17)
        )
        (encoder(*pad(rows, range(8), tokenizer.pad_token_id)) * torch.arange(24)).sum().backward()
        optimiser.step()
    assert len(seen) == 1
    assert encoder._pixels is pixels
    # The layer behind the tower learns, and so do the texts.
    trained = {name for name, parameter in encoder.named_parameters() if parameter.grad is not None}
    assert "tower.layer.linear.weight" in trained
    assert not any(name.startswith("tower.model") for name in trained)
    with torch.no_grad():
        after = both(encoder.eval(), tokenizer)
    assert (after - before).abs().max() > 1e-3
    torch.testing.assert_close(
        after[4:], normalize(encoder.tower.projected(theirs(model, processor)), dim=-1), atol=1e-5, rtol=0
    )
    # What is frozen has the tokens and pixels of what is not.
    assert config.token_key == with_tower(text, folder).token_key


def _change(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "preprocessor_config.json").unlink(), "has no preprocessor_config.json"),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: _change(folder / "config.json", model_type="resnet"), "model_type resnet: known are clip, "),
        (lambda folder: _change(folder / "config.json", patch_size=0), "patch_size as 0"),
        (
            lambda folder: _change(
                folder / "preprocessor_config.json",
                size={"shortest_edge": 32},
                image_processor_type="CLIPImageProcessor",
                do_center_crop=False,
            ),
            "images of different sizes",
        ),
        (lambda folder: (folder / "preprocessor_config.json").write_text("{"), "does not load"),
        (lambda folder: (folder / "adapter_config.json").write_text("{}"), r"holds an adapter \(adapter_config.json\)"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(checkpoint, tmp_path: Path, break_it, message: str) -> None:
    folder, *_ = tower("vit", tmp_path / "vit")
    config = with_tower(checkpoint("xlm-r"), folder)
    break_it(folder)
    with pytest.raises(UserError, match=message):
        config.image_reader()


def test_code_of_a_tower_is_not_run_and_nobody_is_asked(checkpoint, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 9))
    folder, *_ = tower("vit", tmp_path / "vit")
    config = with_tower(checkpoint("xlm-r"), folder)
    (folder / "mine.py").write_text(
        f"open({str(folder / 'ran')!r}, 'w')\nfrom transformers import ViTImageProcessor as Mine\n"
    )
    _change(
        folder / "preprocessor_config.json", image_processor_type="Mine", auto_map={"AutoImageProcessor": "mine.Mine"}
    )
    for asked in (False, True):
        trusting = config.model_copy(update={"trust_remote_code": asked})
        for read in (trusting.image_reader, lambda own=trusting: own.build(own.tokenizer([]), seed=0)):
            with pytest.raises(
                UserError, match=r"names code of its own \(auto_map\), and none of an image tower is run"
            ):
                read()
    assert not (folder / "ran").exists()


def test_weights_that_are_not_whole_are_refused_by_name(checkpoint, tmp_path: Path) -> None:
    text, (folder, model, _) = checkpoint("xlm-r"), tower("vit", tmp_path / "vit")
    config = with_tower(text, folder)
    tokenizer = config.tokenizer([])
    model.layernorm.weight.data[0] = torch.nan
    model.save_pretrained(folder)
    with pytest.raises(UserError, match=r"NaN or infinity \(in layernorm.weight\)"):
        config.build(tokenizer, seed=0)
    _change(folder / "config.json", num_hidden_layers=3)
    with pytest.raises(UserError, match=r"lack 16 tensors .* that its config.json asks for"):
        config.build(tokenizer, seed=0)
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(UserError, match="cut off"):
        config.build(tokenizer, seed=0)
    with pytest.raises(UserError, match="There is no image tower 'nowhere'"):
        with_tower(text, Path("nowhere")).image_reader()


def test_a_relative_folder_is_found_from_anywhere(checkpoint, tmp_path: Path, monkeypatch) -> None:
    tower("vit", tmp_path / "vit")
    monkeypatch.chdir(tmp_path)
    assert with_tower(checkpoint("xlm-r"), Path("vit")).image.tower == str(tmp_path / "vit")


def test_patches_fill_an_image_of_the_ladder() -> None:
    values = {**PRESETS["mini-image-xs"].config.model_dump(), "patch": 7}
    with pytest.raises(ValueError, match="image_size 64 must be a multiple of patch 7"):
        encoder_config(values)
