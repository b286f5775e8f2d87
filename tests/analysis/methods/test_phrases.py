from analysis.methods.phrases import phrased
from trainables.encoders.adapters import LoraConfig
from trainables.encoders.registry import PRESETS


def test_every_preset_is_said_and_what_it_does_not_have_is_not() -> None:
    for name, preset in PRESETS.items():
        words = list(phrased([preset.config]))
        assert f"{preset.config.pooling} pooling" in words, name
        assert not any("none" in one.lower() or "LoRA" in one or "components" in one for one in words), name


def test_a_group_of_options_inside_another_is_said_too() -> None:
    changes = {"lora": LoraConfig(rank=8), "dimensions": 64}
    encoders = [preset.config.model_copy(update=changes) for name, preset in PRESETS.items() if name == "mt5-base"]
    assert list(phrased(encoders))[-2:] == ["the first 64 components", "LoRA adapters of rank 8"]
