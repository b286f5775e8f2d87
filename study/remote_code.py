"""Code that the checkpoint of an encoder brings: that of a recorded study runs only for whoever asks for it, too.

A study may come from somebody else, and so may the checkpoints that it names.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from study.read_settings import settings_from
from study.study_folder import Study
from trainables.encoders.base import EncoderConfig
from trainables.errors import UserError

OPTION = "encoder.trust_remote_code"


def asks_for_code(changes: Mapping[str, Any]) -> bool:
    """Whether flags beside those of a recorded study ask for the code of its encoders.

    Raises UserError for any other option of a trial: a study keeps those that it was started with.
    """
    given = changes.get("set")
    if given is None:
        return False
    options = settings_from(None, {"set": given}).set
    if options.keys() != {OPTION} or not TypeAdapter(bool).validate_python(options[OPTION]):
        raise UserError(
            f"--set {' --set '.join(given)} cannot be given with a study that has begun, which keeps its settings; all "
            f"that can be set is {OPTION}=true: leave the rest out, or start a new study."
        )
    return True


def brings_code(encoder: EncoderConfig) -> bool:
    """Whether an encoder runs code that its checkpoint brings."""
    return bool(getattr(encoder, "trust_remote_code", False))


def check_code(recorded: Study, planned: Iterable[EncoderConfig], *, asked: bool) -> None:
    """Raises UserError where a recorded study would run code of encoders unasked, or has none that could be asked for.

    Args:
        recorded: the study.
        planned: the encoders that its settings stand for.
        asked: whether whoever goes on with it asks for their code.
    """
    where = recorded.folder.location
    # What is measured or run again is what the records hold.
    held = (config.encoder for config in (*(arm.config for arm in recorded.arms), *(t.config for t in recorded.trials)))
    bring = sorted({encoder.name for encoder in (*planned, *held) if brings_code(encoder)})
    if not bring and OPTION in recorded.info.settings.search:
        bring = ["an encoder"]
    if bring and not asked:
        raise UserError(
            f"{where} runs code that {' and '.join(bring)} brings ({OPTION}), and code that a study names is run only "
            f"if you ask for it: read it, then give --set {OPTION}=true, too."
        )
    if asked and not bring:
        raise UserError(f"--set {OPTION}=true: no encoder of {where} brings code; leave it out.")
