"""Thai: a classifier, chosen by the noun, follows the number, which follows the noun and its colour."""

from trainables.corpora.pictograms.scenes import Scene

_COUNTS = ("หนึ่ง", "สอง", "สาม", "สี่", "ห้า")
_COLOURS = {
    "red": "สีแดง",
    "blue": "สีน้ำเงิน",
    "green": "สีเขียว",
    "yellow": "สีเหลือง",
    "black": "สีดำ",
    "brown": "สีน้ำตาล",
    "orange": "สีส้ม",
    "purple": "สีม่วง",
}
_NOUNS = {
    "circle": ("วงกลม", "วง"),
    "triangle": ("รูปสามเหลี่ยม", "รูป"),
    "star": ("ดาว", "ดวง"),
    "heart": ("หัวใจ", "ดวง"),
    "flower": ("ดอกไม้", "ดอก"),
    "house": ("บ้าน", "หลัง"),
    "fish": ("ปลา", "ตัว"),
    "arrow": ("ลูกศร", "อัน"),
}
"""Noun and its classifier."""
_PLACES = {"left": "ทางซ้าย", "right": "ทางขวา", "top": "ด้านบน", "bottom": "ด้านล่าง", "middle": "ตรงกลาง"}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    noun, classifier = _NOUNS[scene.shape]
    things = f"{noun}{_COLOURS[scene.colour]}{_COUNTS[scene.count - 1]}{classifier}"
    place = _PLACES[scene.place]
    return (
        f"{things}{place}",
        f"{place}มี{things}",
        f"ในภาพมี{things}อยู่{place}",
        f"ภาพที่มี{things}อยู่{place}",
    )
