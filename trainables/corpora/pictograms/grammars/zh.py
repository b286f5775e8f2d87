"""Chinese: a classifier, chosen by the noun, follows the number; two before a classifier is 两."""

from trainables.corpora.pictograms.scenes import Scene

_COUNTS = "一两三四五"
_COLOURS = {
    "red": "红色",
    "blue": "蓝色",
    "green": "绿色",
    "yellow": "黄色",
    "black": "黑色",
    "brown": "棕色",
    "orange": "橙色",
    "purple": "紫色",
}
_NOUNS = {
    "circle": ("个", "圆形"),
    "triangle": ("个", "三角形"),
    "star": ("颗", "星星"),
    "heart": ("颗", "爱心"),
    "flower": ("朵", "花"),
    "house": ("座", "房子"),
    "fish": ("条", "鱼"),
    "arrow": ("个", "箭头"),
}
"""Classifier and noun."""
_PLACES = {"left": "左边", "right": "右边", "top": "上面", "bottom": "下面", "middle": "中间"}


def captions(scene: Scene) -> tuple[str, ...]:
    """All ways to tell a scene."""
    classifier, noun = _NOUNS[scene.shape]
    things = f"{_COUNTS[scene.count - 1]}{classifier}{_COLOURS[scene.colour]}的{noun}"
    place = _PLACES[scene.place]
    return (
        f"{things}在{place}。",
        f"{place}有{things}。",
        f"图片{place}有{things}。",
        f"一张{place}有{things}的图片。",
    )
