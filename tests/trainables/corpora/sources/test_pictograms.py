import io
import os
import subprocess
import sys
import unicodedata
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trainables.corpora.atlas.facts import LANGUAGES
from trainables.corpora.image_items import image_digest
from trainables.corpora.normal_form import text_keys
from trainables.corpora.overlap import find_overlap
from trainables.corpora.pairs import training_data
from trainables.corpora.pictograms.drawing import SIDE, picture
from trainables.corpora.pictograms.grammars.registry import GRAMMARS
from trainables.corpora.pictograms.scenes import COLOURS, COUNTS, PLACES, SHAPES, Scene, scenes
from trainables.corpora.sources.pictograms import BENCHMARKS, TRAINING, pictograms
from trainables.corpora.sources.registry import load_benchmark

SPLITS = ("train", "dev", "test")
SCRIPTS = {"ar": "ARABIC", "el": "GREEK", "hi": "DEVANAGARI", "ru": "CYRILLIC", "th": "THAI", "zh": "CJK"}

any_scene = st.builds(
    Scene, st.sampled_from(COUNTS), st.sampled_from(COLOURS), st.sampled_from(SHAPES), st.sampled_from(PLACES)
)


def attributes(identifier: str) -> tuple[str, ...]:
    return tuple(identifier.split("-"))


@pytest.mark.parametrize("language", GRAMMARS)
def test_no_caption_tells_two_scenes_and_no_two_wordings_are_the_same(language: str) -> None:
    captions = [caption for scene in scenes() for caption in GRAMMARS[language](scene)]
    assert len(captions) == 4 * len(scenes())
    # Not even without case, punctuation and signs that scripts drop.
    assert len(np.unique(text_keys(captions).view("V8"))) == len(captions)


@given(any_scene, any_scene)
def test_what_two_scenes_have_in_common_decides_what_their_captions_have_in_common(one: Scene, other: Scene) -> None:
    for captions in GRAMMARS.values():
        assert (captions(one) == captions(other)) == (one == other)
        for text in captions(one):
            assert text == unicodedata.normalize("NFC", text).strip()
            assert "  " not in text
            assert not set(text) & set("{}-_")


@given(any_scene)
def test_a_caption_is_written_in_the_script_of_its_language(scene: Scene) -> None:
    assert tuple(GRAMMARS) == LANGUAGES
    for language, captions in GRAMMARS.items():
        for text in captions(scene):
            letters = [character for character in text if unicodedata.category(character)[0] == "L"]
            own = SCRIPTS.get(language, "LATIN")
            assert all(unicodedata.name(letter).startswith(own) for letter in letters), text


@pytest.mark.parametrize(
    ("language", "scene", "captions"),
    [
        # Genders, cases, and the ending that an article decides.
        (
            "de",
            Scene(1, "red", "circle", "left"),
            ("Das Bild zeigt links einen roten Kreis.", "Ein roter Kreis links."),
        ),
        ("de", Scene(1, "blue", "heart", "top"), ("Ein Bild mit einem blauen Herzen oben.", "Ein blaues Herz oben.")),
        ("de", Scene(1, "green", "flower", "top"), ("Ein Bild mit einer grünen Blume oben.",)),
        ("de", Scene(3, "orange", "house", "right"), ("Ein Bild mit drei orangefarbenen Häusern rechts.",)),
        ("el", Scene(1, "black", "circle", "top"), ("Η εικόνα δείχνει έναν μαύρο κύκλο πάνω.",)),
        ("el", Scene(4, "red", "circle", "left"), ("Αριστερά υπάρχουν τέσσερις κόκκινοι κύκλοι.",)),
        ("el", Scene(3, "yellow", "heart", "left"), ("Τρεις κίτρινες καρδιές αριστερά.",)),
        ("el", Scene(3, "red", "fish", "bottom"), ("Τρία κόκκινα ψάρια κάτω.",)),
        ("es", Scene(1, "black", "flower", "left"), ("A la izquierda hay una flor negra.",)),
        ("es", Scene(4, "brown", "fish", "bottom"), ("Abajo hay cuatro peces marrones.",)),
        ("es", Scene(2, "orange", "star", "middle"), ("Dos estrellas naranja en el centro.",)),
        # One, two to four, five; feminine nouns have their adjective in the nominative after two to four.
        ("ru", Scene(1, "blue", "heart", "top"), ("Вверху одно синее сердце.",)),
        ("ru", Scene(2, "red", "fish", "left"), ("Две красные рыбы слева.",)),
        ("ru", Scene(4, "green", "flower", "right"), ("Справа четыре зелёных цветка.",)),
        ("ru", Scene(5, "blue", "star", "middle"), ("Пять синих звёзд посередине.",)),
        # A dual, and numbers of the other gender.
        ("ar", Scene(1, "blue", "fish", "left"), ("على اليسار سمكة زرقاء واحدة.",)),
        ("ar", Scene(2, "red", "heart", "top"), ("قلبان أحمران في الأعلى.",)),
        ("ar", Scene(2, "brown", "circle", "top"), ("دائرتان بنيتان في الأعلى.",)),
        ("ar", Scene(3, "green", "house", "right"), ("ثلاثة بيوت خضراء على اليمين.",)),
        ("ar", Scene(5, "black", "star", "middle"), ("خمس نجمات سوداء في الوسط.",)),
        ("hi", Scene(1, "blue", "fish", "left"), ("बाईं ओर एक नीली मछली है।",)),
        ("hi", Scene(3, "yellow", "star", "top"), ("ऊपर तीन पीले तारे हैं।",)),
        ("hi", Scene(2, "black", "fish", "bottom"), ("नीचे दो काली मछलियाँ हैं।",)),
        # Classifiers.
        ("zh", Scene(2, "red", "fish", "left"), ("左边有两条红色的鱼。",)),
        ("zh", Scene(3, "blue", "flower", "top"), ("三朵蓝色的花在上面。",)),
        ("th", Scene(2, "red", "house", "left"), ("ทางซ้ายมีบ้านสีแดงสองหลัง",)),
        ("th", Scene(5, "blue", "fish", "top"), ("ปลาสีน้ำเงินห้าตัวด้านบน",)),
        ("vi", Scene(3, "red", "fish", "middle"), ("Ở giữa có ba con cá màu đỏ.",)),
        ("tr", Scene(5, "purple", "star", "bottom"), ("Altta beş mor yıldız var.",)),
        ("en", Scene(1, "red", "fish", "top"), ("At the top there is one red fish.",)),
        ("en", Scene(5, "red", "fish", "top"), ("Five red fish at the top.",)),
    ],
)
def test_agreement_is_that_of_the_language(language: str, scene: Scene, captions: tuple[str, ...]) -> None:
    assert set(captions) <= set(GRAMMARS[language](scene))


def test_combinations_are_held_out_and_not_what_they_are_made_of() -> None:
    found = {split: pictograms(split).image_ids for split in SPLITS}
    assert {split: len(ids) for split, ids in found.items()} == {"train": 1360, "dev": 80, "test": 160}
    assert sorted(one for ids in found.values() for one in ids) == sorted(scene.id for scene in scenes())
    trained = [attributes(one) for one in found["train"]]
    for split in ("dev", "test"):
        for held_out in map(attributes, found[split]):
            for first, second in combinations(range(4), 2):
                assert any((one[first], one[second]) == (held_out[first], held_out[second]) for one in trained)


@pytest.mark.parametrize("split", SPLITS)
def test_every_scene_has_a_caption_in_every_language_and_all_wordings_are_used(split: str) -> None:
    found = pictograms(split)
    assert Counter((c.image, c.language) for c in found.captions) == Counter(
        (image, language) for image in range(len(found.image_ids)) for language in LANGUAGES
    )
    used: Counter[tuple[str, int]] = Counter()
    for caption in found.captions:
        count, *words = attributes(found.image_ids[caption.image])
        wordings = GRAMMARS[caption.language](Scene(int(count), *words))
        used[caption.language, wordings.index(caption.text)] += 1
    assert len(used) == 4 * len(LANGUAGES)
    assert min(used.values()) > 0.1 * len(found.image_ids)


def test_every_picture_is_another_one_and_shows_its_colour_where_it_is_told() -> None:
    assert len({picture(scene) for scene in scenes()}) == len(scenes())
    for scene in scenes()[::37]:
        pixels = np.asarray(Image.open(io.BytesIO(picture(scene)))).astype(int)
        assert pixels.shape == (SIDE, SIDE, 3)
        rows, columns = np.nonzero(np.abs(pixels - pixels[0, 0]).sum(axis=2) > 60)
        centre = (
            {"left": 0.16, "right": 0.84}.get(scene.place, 0.5),
            {"top": 0.16, "bottom": 0.84}.get(scene.place, 0.5),
        )
        assert (columns.mean() / SIDE, rows.mean() / SIDE) == pytest.approx(centre, abs=0.08), scene
        # Nothing is cut off.
        assert min(rows.min(), columns.min()) >= 0
        assert len(rows) > 20 * scene.count


def test_another_process_draws_and_tells_the_same() -> None:
    code = (
        "from trainables.corpora.sources.pictograms import *; from trainables.corpora.sources.registry import *;"
        "print(*(load_benchmark(*one).fingerprint for one in ("
        "('pictograms-text-to-image', 'test'), ('pictograms-image-to-text', 'dev'))))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "2", "PYTHONPATH": os.pathsep.join(sys.path)}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    names = (("pictograms-text-to-image", "test"), ("pictograms-image-to-text", "dev"))
    assert printed == [load_benchmark(*one).fingerprint for one in names]


def test_benchmarks_and_training_set_are_what_they_say() -> None:
    text_to_image, image_to_text = BENCHMARKS
    assert (text_to_image.splits, image_to_text.splits) == (("test",), ("dev", "test"))
    dev, test = (load_benchmark(image_to_text.name, split) for split in image_to_text.splits)
    assert (dev.name, test.name) == ("pictograms-image-to-text-dev", "pictograms-image-to-text")
    assert (len(test.query_texts), len(test.candidate_texts)) == (160, 1760)
    two = load_benchmark("pictograms-image-to-text:de,en", "test")
    assert (len(two.candidate_texts), two.languages) == (320, ("de", "en", "image"))
    assert TRAINING.images is not None
    images, items = TRAINING.images(None), TRAINING.load(None)
    assert [image_digest(item.passage["en"]) for item in items] == list(images.digests())
    assert training_data({"pictograms": items}).groups == len(items)
    # Wordings are shared on purpose; no image is, which would be found.
    held_out = [load_benchmark(one.name, split) for one in BENCHMARKS for split in one.splits]
    assert {one.name for one in held_out} == TRAINING.overlap_exempt
    for one in held_out:
        pictures = one.query_images or one.candidate_images
        assert pictures is not None
        assert not set(pictures.digests()) & set(images.digests())


def test_an_image_that_trains_and_is_judged_is_found_byte_for_byte() -> None:
    images = pictograms("test")
    items = TRAINING.load(None)[:3]
    seen = load_benchmark("pictograms-text-to-image", "test")
    digest = images.images.digests()[5]
    leaked = items[1].__class__("leak", "leak", {"en": "?"}, {"en": f"\N{OBJECT REPLACEMENT CHARACTER}{digest}"})
    assert find_overlap({"mine": [leaked]}, [seen]).items["mine"] == {seen.name: ("leak",)}
