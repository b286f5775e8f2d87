"""Arabic: a dual; from 3 on the number has the other gender than its noun, and things take feminine singular colours.

All phrases stand in the nominative, so that no case shows in unvowelled writing but in the dual.
"""

from trainables.corpora.pictograms.scenes import Scene

_COUNTS = {3: ("ثلاثة", "ثلاث"), 4: ("أربعة", "أربع"), 5: ("خمسة", "خمس")}
"""Before a masculine and before a feminine noun."""
_COLOURS = {
    "red": ("أحمر", "حمراء", "أحمران", "حمراوان"),
    "blue": ("أزرق", "زرقاء", "أزرقان", "زرقاوان"),
    "green": ("أخضر", "خضراء", "أخضران", "خضراوان"),
    "yellow": ("أصفر", "صفراء", "أصفران", "صفراوان"),
    "black": ("أسود", "سوداء", "أسودان", "سوداوان"),
    "brown": ("بني", "بنية", "بنيان", "بنيتان"),
    "orange": ("برتقالي", "برتقالية", "برتقاليان", "برتقاليتان"),
    "purple": ("بنفسجي", "بنفسجية", "بنفسجيان", "بنفسجيتان"),
}
"""Masculine and feminine singular, masculine and feminine dual."""
_NOUNS = {
    "circle": ("f", "دائرة", "دائرتان", "دوائر"),
    "triangle": ("m", "مثلث", "مثلثان", "مثلثات"),
    "star": ("f", "نجمة", "نجمتان", "نجمات"),
    "heart": ("m", "قلب", "قلبان", "قلوب"),
    "flower": ("f", "زهرة", "زهرتان", "زهرات"),
    "house": ("m", "بيت", "بيتان", "بيوت"),
    "fish": ("f", "سمكة", "سمكتان", "سمكات"),
    "arrow": ("m", "سهم", "سهمان", "أسهم"),
}
"""Gender; singular, dual, plural."""
_PLACES = {
    "left": "على اليسار",
    "right": "على اليمين",
    "top": "في الأعلى",
    "bottom": "في الأسفل",
    "middle": "في الوسط",
}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    place, things = _PLACES[scene.place], _things(scene)
    return (
        f"{things} {place}.",
        f"{place} {things}.",
        f"في الصورة {things} {place}.",
        f"صورة فيها {things} {place}.",
    )


def _things(scene: Scene) -> str:
    gender, singular, dual, plural = _NOUNS[scene.shape]
    is_feminine = gender == "f"
    colours = _COLOURS[scene.colour]
    if scene.count == 1:
        return f"{singular} {colours[is_feminine]} {'واحدة' if is_feminine else 'واحد'}"
    if scene.count == 2:
        return f"{dual} {colours[2 + is_feminine]}"
    return f"{_COUNTS[scene.count][is_feminine]} {plural} {colours[1]}"
