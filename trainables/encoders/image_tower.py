"""The image side of an encoder: a vision transformer, what its checkpoint says of images, and a layer into the space of
the texts.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from trainables.encoders.adapters import ADAPTER_FILE
from trainables.encoders.image_config import SETTINGS_FILE, ImageConfig, ImagePooling
from trainables.encoders.json_files import read_json
from trainables.encoders.layers import Dense, load_dense
from trainables.encoders.pixels import Pixels
from trainables.encoders.quiet import quiet
from trainables.encoders.weight_files import check_weights
from trainables.errors import UserError, one_line

if TYPE_CHECKING:
    from PIL.Image import Image

_LAYER = "1_Dense"
"""Where in the folder of a tower the layer behind the transformer lies."""
_PROCESSOR = "preprocessor_config.json"


class _Kind(NamedTuple):
    """How a vision transformer is called, and where in its output the vector of an image is."""

    model: str
    of_output: str | None
    """An attribute; None: it is pooled of the last layer."""


_KINDS: Mapping[str, _Kind] = {
    "vit": _Kind("ViTModel", None),
    "clip": _Kind("CLIPVisionModelWithProjection", "image_embeds"),
    "clip_vision_model": _Kind("CLIPVisionModelWithProjection", "image_embeds"),
    "siglip": _Kind("SiglipVisionModel", "pooler_output"),
    "siglip_vision_model": _Kind("SiglipVisionModel", "pooler_output"),
}
"""By `model_type` in config.json."""


class ImageTower(nn.Module):
    """Pixels to vectors.

    Args:
        model: a vision transformer of the kinds above.
        layer: what follows it; None: nothing.
        processor: of `transformers`, whose scale, mean and deviation are taken.
        pooling: of a model that leaves it open.
    """

    def __init__(self, model: Any, layer: nn.Module | None, processor: Any, pooling: ImagePooling) -> None:
        super().__init__()
        self.model: Any = model
        self.layer = layer
        self.pooling = pooling
        self.processor = processor
        scale = float(processor.rescale_factor) if processor.do_rescale else 1.0
        mean, deviation = (processor.image_mean, processor.image_std) if processor.do_normalize else ([0.0], [1.0])
        self._scale = scale
        self._mean: Tensor
        self._deviation: Tensor
        self.register_buffer("_mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("_deviation", torch.tensor(deviation).view(1, -1, 1, 1), persistent=False)

    @property
    def width(self) -> int:
        """Components of a vector."""
        return int(self.layer.linear.out_features) if isinstance(self.layer, Dense) else model_width(self.model)

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 [B, height, width, channels] to float32 [B, d], not scaled to length one."""
        return self.projected(self.vectors(pixels))

    def projected(self, vectors: Tensor) -> Tensor:
        """What `forward` makes of the vectors of the transformer."""
        if self.layer is None:
            return vectors
        found: Tensor = self.layer(vectors)
        return found

    def vectors(self, pixels: Tensor) -> Tensor:
        """The vectors of the transformer alone, float32."""
        values = (pixels.permute(0, 3, 1, 2).float() * self._scale - self._mean) / self._deviation
        output = self.model(pixel_values=values)
        where = _KINDS[self.model.config.model_type].of_output
        if where is not None:
            vectors: Tensor = getattr(output, where)
            return vectors.float()
        tokens: Tensor = output.last_hidden_state.float()
        if self.pooling == "cls":
            return tokens[:, 0]
        return tokens[:, 1:].amax(1) if self.pooling == "max" else tokens[:, 1:].mean(1)

    def save(self, folder: Path) -> None:
        """Writes transformer, layer and what is done to images into a folder, from which `load_tower` reads them."""
        from safetensors.torch import save_file

        with quiet():
            self.model.save_pretrained(folder)
        self.processor.save_pretrained(folder)
        (folder / SETTINGS_FILE).write_text(json.dumps({"pooling": self.pooling}) + "\n", "utf-8")
        if isinstance(self.layer, Dense):
            (folder / _LAYER).mkdir()
            (folder / _LAYER / "config.json").write_text(json.dumps(self.layer.settings, indent=2) + "\n", "utf-8")
            weights = {name: weight.detach().cpu().contiguous() for name, weight in self.layer.state_dict().items()}
            save_file(weights, folder / _LAYER / "model.safetensors", metadata={"format": "pt"})


def model_width(model: Any) -> int:
    """Components of the vector that a vision transformer gives an image."""
    settings = model.config
    return int(settings.projection_dim if settings.model_type == "clip_vision_model" else settings.hidden_size)


class Reader:
    """Reads images as the processor of a checkpoint says.

    Args:
        processor: an image processor of `transformers`.
        patch: pixels of a patch, each way.
        name: of the checkpoint, for messages.

    Raises:
        UserError: images would not all have one size.
    """

    def __init__(self, processor: Any, patch: int, name: str) -> None:
        self._processor = processor
        self.key = json.dumps({k: v for k, v in processor.to_dict().items() if k not in _OF_VALUES}, sort_keys=True)
        self.shape = self._shape(name)
        self.tokens = 1 + (self.shape[0] // patch) * (self.shape[1] // patch)

    def read(self, image: "Image") -> Pixels:
        """See `ImageReader`. What changes values and not places is left to the tower, so that a byte is enough."""
        found = self._processor(
            image, do_rescale=False, do_normalize=False, do_convert_rgb=True, return_tensors="np"
        ).pixel_values[0]
        if found.dtype != np.uint8:
            raise TypeError(f"pixels are {found.dtype} before they are scaled")
        return np.ascontiguousarray(np.moveaxis(found, 0, -1))

    def _shape(self, name: str) -> tuple[int, int, int]:
        from PIL import Image

        try:
            shapes = {self.read(Image.new("RGB", size)).shape for size in ((40, 90), (400, 300), (64, 64))}
        except Exception as error:
            # A processor with settings that contradict each other raises anything.
            raise UserError(
                f"The images of {name!r} cannot be read as its {_PROCESSOR} says ({one_line(error)}): correct it."
            ) from error
        if len(shapes) > 1:
            raise UserError(
                f"{_PROCESSOR} of {name!r} gives images of different sizes ({', '.join(map(str, sorted(shapes)))}), "
                "and one size is known here: give a checkpoint that scales and cuts all images alike."
            )
        height, width, channels = shapes.pop()
        return height, width, channels


_OF_VALUES = frozenset(("do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"))


def reader_of(config: ImageConfig) -> Reader:
    """Returns how the images of a tower are read. Raises UserError if it does not say, or in a way not known here."""
    folder = config.folder()
    return Reader(_processor(folder, config.tower), _vision(folder, config.tower)[1]["patch_size"], config.tower)


def load_tower(config: ImageConfig, width: int, seed: int) -> ImageTower:
    """Returns the image side of an encoder whose texts have vectors of `width` components, in float32.

    Where the tower's own vectors have as many there is no layer between; else a linear one that `seed` draws.

    Raises:
        UserError: it does not load.
    """
    folder = config.folder(weights=True)
    check_weights(folder)
    kind, _ = _vision(folder, config.tower)
    try:
        import transformers

        with quiet(), torch.random.fork_rng(devices=[]):
            options = {} if _KINDS[kind].of_output else {"add_pooling_layer": False}
            model, report = getattr(transformers, _KINDS[kind].model).from_pretrained(
                folder,
                config=_settings(folder),
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **options,
            )
    except Exception as error:
        # Libraries below raise anything from KeyError to a bare Exception for a broken file.
        raise UserError(
            f"The image tower {config.tower!r} does not load ({one_line(error)}): fetch it again."
        ) from error
    if report["missing_keys"]:
        raise UserError(
            f"The weights of the image tower {config.tower!r} lack {len(report['missing_keys'])} tensors "
            f"({min(report['missing_keys'])}, ...) that its config.json asks for: fetch them again."
        )
    broken = next((name for name, weight in model.state_dict().items() if not weight.isfinite().all()), None)
    if broken is not None:
        raise UserError(
            f"The weights of the image tower {config.tower!r} hold NaN or infinity (in {broken}): fetch them again."
        )
    layer = _layer(folder, model_width(model), width, seed)
    tower = ImageTower(model, layer, _processor(folder, config.tower), config.pooling)
    if tower.width != width:
        raise UserError(
            f"The image tower {config.tower!r} has vectors of {tower.width} components and the texts of {width}: "
            "choose the encoder of texts that it was kept with."
        )
    return tower.train()


def _settings(folder: Path) -> Any:
    """The configuration of the vision transformer in a folder."""
    from transformers import AutoConfig

    return half_of(AutoConfig.from_pretrained(folder, trust_remote_code=False), "vision_config")


def half_of(settings: Any, half: str) -> Any:
    """The configuration of one half of a CLIP or SigLIP; that of a half alone is returned as it is.

    What the whole says of the space that both share counts, as it does for transformers' own whole.
    """
    own = getattr(settings, half, settings)
    if own is not settings and settings.model_type == "clip":
        own.projection_dim = settings.projection_dim
    return own


def _layer(folder: Path, given: int, width: int, seed: int) -> Dense | None:
    if (folder / _LAYER).is_dir():
        return load_dense(folder / _LAYER)
    return None if given == width else drawn_layer(given, width, seed)


def drawn_layer(given: int, width: int, seed: int) -> Dense:
    """A linear layer from one number of components to another, drawn by a seed."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which would also seed the accelerators.
        torch.default_generator.manual_seed(seed)
        return Dense(nn.Linear(given, width, bias=False), "Identity")


def tower_skeleton(config: ImageConfig, width: int) -> ImageTower:
    """The image side of an encoder on the meta device, from its config.json alone."""
    import transformers

    folder = config.folder()
    kind, _ = _vision(folder, config.tower)
    model_class = getattr(transformers, _KINDS[kind].model)
    with torch.device("meta"), quiet():
        model = model_class._from_config(_settings(folder))
        if _KINDS[kind].of_output is None:
            model.pooler = None
        given = model_width(model)
        layer = None if given == width else Dense(nn.Linear(given, width, bias=False), "Identity")
        return ImageTower(model, layer, _processor(folder, config.tower), config.pooling)


def _vision(folder: Path, name: str) -> tuple[str, Mapping[str, Any]]:
    """The model_type of a checkpoint, and what its config.json says of the vision transformer."""
    if not (folder / "config.json").is_file():
        raise UserError(f"The image tower {name!r} has no config.json: give a folder in the Hugging Face layout.")
    if (folder / ADAPTER_FILE).is_file():
        # Transformers would add it unasked.
        raise UserError(f"The image tower {name!r} holds an adapter ({ADAPTER_FILE}): merge it into the tower first.")
    settings = read_json(folder / "config.json")
    kind = str(settings.get("model_type"))
    if kind not in _KINDS:
        raise UserError(f"The image tower {name!r} has the model_type {kind}: known are {', '.join(sorted(_KINDS))}.")
    vision = settings.get("vision_config", settings)
    patch = vision.get("patch_size", _PATCH[kind]) if isinstance(vision, dict) else None
    if not isinstance(patch, int) or patch < 1:
        raise UserError(f"{folder / 'config.json'} gives patch_size as {patch!r}: it must be a number from 1.")
    return kind, {**vision, "patch_size": patch}


_PATCH = {"vit": 16, "clip": 32, "clip_vision_model": 32, "siglip": 16, "siglip_vision_model": 16}
"""What transformers takes where config.json leaves it out."""


def _processor(folder: Path, name: str) -> Any:
    from transformers import AutoImageProcessor

    if not (folder / _PROCESSOR).is_file():
        raise UserError(f"The image tower {name!r} has no {_PROCESSOR}, which says how images are scaled: fetch it.")
    try:
        with quiet():
            # Where nothing is said, it asks on the terminal.
            return AutoImageProcessor.from_pretrained(folder, backend="pil", trust_remote_code=False)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise UserError(
                f"{folder / _PROCESSOR} names code of its own (auto_map), and none of an image tower is run: give a "
                "tower whose image processor is one of transformers."
            ) from error
        raise UserError(f"{folder / _PROCESSOR} does not load ({one_line(error)}): fetch it again.") from error
