"""The languages in which scenes are told: those of XQuAD-R, as in the atlas."""

from collections.abc import Callable, Mapping

from trainables.corpora.pictograms.grammars import ar, de, el, en, es, hi, ru, th, tr, vi, zh
from trainables.corpora.pictograms.scenes import Scene

GRAMMARS: Mapping[str, Callable[[Scene], tuple[str, ...]]] = {
    "ar": ar.captions,
    "de": de.captions,
    "el": el.captions,
    "en": en.captions,
    "es": es.captions,
    "hi": hi.captions,
    "ru": ru.captions,
    "th": th.captions,
    "tr": tr.captions,
    "vi": vi.captions,
    "zh": zh.captions,
}
"""By language the captions that a scene can have, equally many of each scene."""
