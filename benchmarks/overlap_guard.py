"""What the guard against overlap finds, what it finds wrongly, and how long it takes, on real text.

    python benchmarks/overlap_guard.py --data-dir FOLDER [--items 1000000]

Every question and candidate of XQuAD-R, in 11 languages, is written as people and programs write it anew (case,
punctuation, blanks, invisible characters, marks and letters that a script may leave out or swap, inside a longer
passage); printed is the share that the guard recognises. Then the share of texts of other origin (stock phrases, news
headlines, frequently asked questions, science, names of pictograms) that it takes for text of XQuAD-R or MLQA-R. Then
the processor time for so many items of real training sets. Leaves with status 1 if less than 95 % of a variant of a
language is recognised, if more than 0.1 % of the others are, or if a million items take more than two minutes.
"""

import argparse
import gzip
import json
import random
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from trainables.corpora.benchmark import Benchmark
from trainables.corpora.shingles import KnownTexts, known_texts, overlapping
from trainables.corpora.sources.registry import load_benchmark
from trainables.corpora.training_sets import load_training

LEAST_FOUND, MOST_WRONG, SECONDS_PER_MILLION = 0.95, 0.001, 120.0

Edit = Callable[[str], str]


def every(count: int, between: str) -> Edit:
    """Puts something between every so many characters."""
    return lambda text: between.join(text[place : place + count] for place in range(0, len(text), count))


def without(categories: str) -> Edit:
    """Replaces characters of some categories by a blank."""
    return lambda text: "".join(" " if unicodedata.category(c)[0] in categories else c for c in text)


def swapped(letters: dict[str, str]) -> Edit:
    """Writes letters for others."""
    table = {ord(old): new for old, new in letters.items()}
    return lambda text: text.translate(table)


def bare(text: str) -> str:
    """Without combining marks and accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")


def with_vowel_signs(text: str) -> str:
    """An Arabic text with a fatha after every other letter."""
    return "".join(c + "\u064e" * ("\u0621" <= c <= "\u064a" and n % 2 == 0) for n, c in enumerate(text))


def spaced(text: str) -> str:
    """A text of a script without spaces with one after every character, as programs write it; words stay whole."""
    return "".join(c if c.isascii() else f" {c} " for c in text)


ANY_LANGUAGE: dict[str, Edit] = {
    "as it is": str,
    "no mark at its end": lambda text: text.rstrip(" ?？!.。؟;؛।…\"'»”’)"),
    "no punctuation": without("PS"),
    "space before marks": lambda text: "".join(f" {c}" if unicodedata.category(c)[0] == "P" else c for c in text),
    "lower case": str.lower,
    "capitals": str.upper,
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "full width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "soft hyphens": every(5, "\u00ad"),
    "zero-width spaces": every(6, "\u200b"),
    "direction marks": lambda text: "\u200f" + text.replace(" ", " \u200f"),
    "quoted": lambda text: f"»{text}«",
}
ONE_LANGUAGE: dict[str, dict[str, Edit]] = {
    "ar": {
        "vowel signs": with_vowel_signs,
        "no vowel signs": bare,
        "tatweel": every(4, "\u0640"),
        "no hamza": swapped({"أ": "ا", "إ": "ا", "آ": "ا", "ؤ": "و", "ئ": "ي"}),
        "other letters": swapped({"ى": "ي", "ة": "ه"}),
        "Persian letters": swapped({"ي": "ی", "ك": "ک"}),
        "other digits": swapped({str(digit): chr(0x660 + digit) for digit in range(10)}),
    },
    "el": {"no accents": bare},
    "hi": {"no nukta": lambda text: unicodedata.normalize("NFD", text).replace("\u093c", "")},
    "ru": {"no io": swapped({"ё": "е", "Ё": "Е"})},
    "th": {"blanks": spaced},
    "zh": {"blanks": spaced, "other commas": swapped({",": "，", "，": ",", "。": "."})},
}
WITHIN = "inside a passage"


def variants(language: str, fillers: Sequence[str], seed: int = 0) -> dict[str, Edit]:
    """The ways in which a text of a language is written anew; a filler is text of other origin around it."""
    generator = random.Random(seed)

    def within(text: str) -> str:
        before, after = generator.choice(fillers), generator.choice(fillers)
        return f"{before} {text} {after}"

    return {**ANY_LANGUAGE, **ONE_LANGUAGE.get(language, {}), WITHIN: within}


def texts_of(benchmark: Benchmark, language: str) -> list[str]:
    """The different queries and candidates of a language."""
    number = benchmark.languages.index(language)
    queries = (benchmark.query_texts[n] for n in (benchmark.query_language == number).nonzero()[0])
    candidates = (benchmark.candidate_texts[n] for n in (benchmark.candidate_language == number).nonzero()[0])
    return list(dict.fromkeys([*queries, *candidates]))


def found_share(known: KnownTexts, texts: Sequence[str]) -> float:
    """The share of texts that the guard recognises."""
    return float(overlapping(texts, {"known": known})["known"].mean())


def rates(benchmark: Benchmark, fillers: Sequence[str]) -> dict[str, dict[str, float]]:
    """The share that is recognised, by language and variant."""
    known = known_texts((*benchmark.query_texts, *benchmark.candidate_texts))
    return {
        language: {
            name: found_share(known, list(map(edit, texts_of(benchmark, language))))
            for name, edit in variants(language, fillers).items()
        }
        for language in benchmark.languages
    }


STOCK = {
    "ar": (
        "وفقا للفقرة، أي مما يلي صحيح؟",
        "اقرأ أيضا",
        "جميع الحقوق محفوظة",
        "في القرن التاسع عشر",
        "اضغط هنا لمزيد من المعلومات",
    ),
    "de": (
        "Welche der folgenden Aussagen ist richtig?",
        "Lesen Sie auch",
        "Alle Rechte vorbehalten",
        "Im 19. Jahrhundert",
        "Klicken Sie hier, um mehr zu erfahren",
    ),
    "el": (
        "Ποιο από τα παρακάτω είναι σωστό;",
        "Διαβάστε επίσης",
        "Με επιφύλαξη παντός δικαιώματος",
        "Τον 19ο αιώνα",
        "Κάντε κλικ εδώ για περισσότερα",
    ),
    "en": (
        "Which of the following statements is true?",
        "Read more",
        "All rights reserved",
        "In the 19th century",
        "Click here for more information",
    ),
    "es": (
        "¿Cuál de las siguientes afirmaciones es correcta?",
        "Leer más",
        "Todos los derechos reservados",
        "En el siglo XIX",
        "Haga clic aquí para más información",
    ),
    "hi": (
        "निम्नलिखित में से कौन सा कथन सही है?",
        "और पढ़ें",
        "सर्वाधिकार सुरक्षित",
        "19वीं सदी में",
        "अधिक जानकारी के लिए यहाँ क्लिक करें",
    ),
    "ru": (
        "Какое из следующих утверждений верно?",
        "Читать далее",
        "Все права защищены",
        "В XIX веке",
        "Нажмите здесь, чтобы узнать больше",
    ),
    "th": (
        "ข้อใดต่อไปนี้ถูกต้อง",
        "อ่านเพิ่มเติม",
        "สงวนลิขสิทธิ์",
        "ในศตวรรษที่ 19",
        "คลิกที่นี่เพื่อดูข้อมูลเพิ่มเติม",
    ),
    "tr": (
        "Aşağıdakilerden hangisi doğrudur?",
        "Devamını oku",
        "Tüm hakları saklıdır",
        "19. yüzyılda",
        "Daha fazla bilgi için buraya tıklayın",
    ),
    "vi": (
        "Câu nào sau đây là đúng?",
        "Đọc thêm",
        "Bảo lưu mọi quyền",
        "Vào thế kỷ 19",
        "Bấm vào đây để biết thêm thông tin",
    ),
    "zh": (
        "下列哪项陈述是正确的？",
        "阅读更多",
        "版权所有，保留所有权利",
        "在19世纪",
        "点击此处了解更多信息",
    ),
}
"""Phrases that stand on every other page, some of them in benchmarks, too."""

OTHERS = ("belebele_en_de", "bitcoin_org_faq", "ntrex_headline_ict")
"""Training sets that have nothing to do with Wikipedia, from which the benchmarks are made."""


def boilerplate() -> list[str]:
    """Stock phrases: alone, one after the other, and with a number or a name of their own."""
    found: list[str] = []
    for phrases in STOCK.values():
        found += phrases
        found += [f"{one} {other}" for one in phrases for other in phrases if one != other]
        found += [f"{phrase} {number}" for phrase in phrases for number in range(1900, 2000)]
    return found


def foreign(folder: Path) -> list[str]:
    """Texts of other origin: short ones above all, in many languages."""
    sets = load_training([f"train_parallel/{name}" for name in OTHERS], folder)
    texts = [text for items in sets.values() for i in items for text in (*i.query.values(), *i.passage.values())]
    for file in ("scifact/queries.jsonl.gz", "scifact/corpus.jsonl.gz"):
        with gzip.open(folder / file, "rt", encoding="utf-8") as lines:
            texts += [value for line in lines for value in json.loads(line).values() if isinstance(value, str)]
    with gzip.open(folder / "emoji-captions" / "keywords.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts += list(_strings([json.loads(line) for line in lines]))
    return list(dict.fromkeys([*texts, *boilerplate()]))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that holds xquad-r/, train_parallel/, ...")
    parser.add_argument("--items", type=int, default=100_000, help="items of which the time is taken")
    arguments = parser.parse_args()
    folder = arguments.data_dir
    judged = [load_benchmark(name, "test", folder) for name in ("xquad-r", "mlqa-r")]
    others = foreign(folder)

    table = rates(judged[0], others)
    print("recognised, % of the different questions and candidates of XQuAD-R")
    for name in dict.fromkeys(name for found in table.values() for name in found):
        cells = ("    ." if name not in found else f"{100 * found[name]:5.1f}" for found in table.values())
        print(f"  {name:20} {' '.join(cells)}")
    print(f"  {'':20} {' '.join(f'{language:>5}' for language in table)}")
    lowest = min(share for found in table.values() for share in found.values())

    known = {one.name: known_texts((*one.query_texts, *one.candidate_texts)) for one in judged}
    wrong = {name: overlapping(others, {name: own})[name] for name, own in known.items()}
    for name, flags in wrong.items():
        print(f"taken for text of {name}: {flags.sum()} of {len(others):,} texts of other origin ({flags.mean():.4%})")
        for text in [text for text, flag in zip(others, flags, strict=True) if flag][:5]:
            print(f"  {text[:100]}")
    highest = max(float(flags.mean()) for flags in wrong.values())

    items = [i for own in load_training(["train_parallel", "train_mono"], folder).values() for i in own]
    texts = (t for i in islice(cycle(items), arguments.items) for t in (*i.query.values(), *i.passage.values()))
    characters = 0

    def counted() -> Iterator[str]:
        nonlocal characters
        for text in texts:
            characters += len(text)
            yield text

    start = time.process_time()
    overlapping(counted(), known)
    seconds = (time.process_time() - start) / arguments.items * 1e6
    size = characters / arguments.items
    print(f"a million items of {size:,.0f} characters against both benchmarks: {seconds:.0f} s of one core")
    return int(lowest < LEAST_FOUND or highest > MOST_WRONG or seconds > SECONDS_PER_MILLION)


if __name__ == "__main__":
    sys.exit(main())
