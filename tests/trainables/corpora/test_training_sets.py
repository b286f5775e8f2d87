"""The front door: what is recognised, what is asked for, and what belongs together."""

from pathlib import Path

import pytest

from tests.trainables.corpora.training_files.reading import only, read, refused, write
from trainables.corpora.languages import language_code
from trainables.corpora.pair_files import Asked
from trainables.corpora.training_files.records import Pair
from trainables.errors import UserError

PAIR = {"anchor": "q", "positive": "p"}
BOTH = {**PAIR, "query": "other", "pos": ["r"]}


def test_what_fits_two_layouts_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": [BOTH]})
    refused(
        tmp_path, "a.jsonl:1", "--train-layout sentence_transformers or --train-layout flag_embedding", language="en"
    )
    assert only(read(tmp_path, language="en", layout="flag_embedding")).items[0].query == {"en": "other"}
    assert only(read(tmp_path, language="en", layout="a=sentence_transformers")).items[0].query == {"en": "q"}


def test_what_is_in_no_layout_is_told_with_all_of_them(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": [{"sentence": "x"}]})
    message = refused(tmp_path, "a.jsonl:1 has the fields sentence", "docs/training_files.md")
    assert all(f"{name}: " in message for name in ("whole_items", "rows", "tevatron", "squad", "mkqa"))


def test_a_table_without_a_header_is_not_guessed(tmp_path: Path) -> None:
    write(tmp_path, {"a.tsv": "What?\tThat.\nWho?\tThey.\n"})
    refused(tmp_path, "--train-layout text_pairs or bitext_table", language="en")
    assert len(only(read(tmp_path, language="en", layout="text_pairs")).items) == 2
    write(tmp_path, {"a.tsv": "anchor\tpositiv\nWho?\tThey.\n"})
    refused(tmp_path, "a.tsv:1", "anchor, positiv", language="en")


def test_a_folder_in_two_layouts_is_refused_and_its_files_one_by_one_are_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": [PAIR], "b.jsonl": [{"query": "q", "pos": ["p"]}]})
    refused(tmp_path, "two layouts", "a.jsonl (sentence_transformers)", "b.jsonl (flag_embedding)", language="en")
    assert list(read(tmp_path, ["a", "b"], "en")) == ["a", "b"]


def test_parts_of_one_set_in_two_layouts_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"x-00000-of-00002.jsonl": [PAIR], "x-00001-of-00002.jsonl": [{"query": "q", "pos": ["p"]}]})
    refused(tmp_path, "parts of one set in two layouts", language="en")


def test_a_language_is_told_by_a_column_then_by_the_set_then_by_the_name_then_for_all(tmp_path: Path) -> None:
    write(tmp_path, {"a.de.jsonl": [PAIR], "b.jsonl": [PAIR], "c.jsonl": [{**PAIR, "lang": "tr"}]})
    found = read(tmp_path, language="en c=fr")
    assert {name: next(iter(one.items[0].query)) for name, one in found.items()} == {"a.de": "de", "b": "en", "c": "tr"}
    assert next(iter(read(tmp_path, language="en a.de=it")["a.de"].items[0].query)) == "it"


@pytest.mark.parametrize("written", ["zh_cn", "zh-Hans", "zho_Hans", "zh"])
def test_one_language_meets_itself_however_it_is_written(tmp_path: Path, written: str) -> None:
    rows = [
        {"pair_id": 1, "language": written, "query": "q", "passage": None},
        {"pair_id": 1, "language": "zh-CN", "query": None, "passage": "p"},
    ]
    write(tmp_path, {"a.jsonl": rows})
    found = only(read(tmp_path))
    assert (found.items[0].query, found.items[0].passage) == ({"zh": "q"}, {"zh": "p"})
    assert set(found.seen.spellings["zh"]) == {written, "zh-CN"}


def test_codes_that_mean_one_language_are_one_and_others_are_not() -> None:
    same = [
        ("zh", "zh_cn", "zh-Hans", "zho", "zho_Hans", "cmn-Hans-CN"),
        ("zh-TW", "zh_tw", "zh-Hant", "zho_Hant"),
        ("ar", "arb_Arab", "ara"),
        ("pt-BR", "pt_br", "PT-BR"),
        ("en", "eng", "eng_Latn", "en_XX"),
        ("sw", "swh_Latn", "swa"),
        ("ko", "kor_Hang"),
        ("sr", "srp_Cyrl", "sr-RS"),
    ]
    codes = [{language_code(written) for written in group} for group in same]
    assert all(len(group) == 1 for group in codes)
    apart = [
        *(code for group in codes for code in group),
        *map(language_code, ("pt", "en-GB", "sr-Latn", "yue", "zh-HK")),
    ]
    assert len(set(apart)) == len(apart)
    assert all(language_code(code) == code for code in apart)


BELEBELE = """
als_Latn acm_Arab apc_Arab arb_Arab arb_Latn ars_Arab ary_Arab arz_Arab azj_Latn ben_Beng ben_Latn ckb_Arab est_Latn
eus_Latn fuv_Latn gaz_Latn hin_Deva hin_Latn khk_Cyrl kor_Hang lvs_Latn nob_Latn npi_Deva npi_Latn ory_Orya pbt_Arab
pes_Arab plt_Latn sin_Latn sin_Sinh swh_Latn tgl_Latn urd_Arab urd_Latn uzn_Latn zho_Hans zho_Hant zsm_Latn
"""


def test_varieties_that_a_benchmark_tells_apart_stay_apart() -> None:
    codes = [language_code(written) for written in BELEBELE.split()]
    assert len(set(codes)) == len(codes)
    assert [language_code(code) for code in codes] == codes


WRONG_FLAGS = {
    "no layout": ((["tevatrn"], []), ["tevatrn", "tevatron"]),
    "no language": (([], ["English"]), ["--train-language English", "en:de"]),
    "two for all": (([], ["en", "de"]), ["--train-language de", "all sets"]),
    "two for one": (([], ["a=en", "a=de"]), ["a=de", "the set a"]),
}


@pytest.mark.parametrize("case", WRONG_FLAGS)
def test_a_wrong_flag_is_told(case: str) -> None:
    (layouts, languages), parts = WRONG_FLAGS[case]
    with pytest.raises(UserError) as caught:
        Asked.of(layouts, languages)
    assert all(part in str(caught.value) for part in parts), caught.value


def test_flags_count_for_one_set_or_for_all_others() -> None:
    asked = Asked.of(["faq=text_pairs"], ["en:de", "faq=tr"])
    assert asked.languages == {"": Pair("en", "de"), "faq": Pair("tr", "tr")}
    assert asked.layouts == {"faq": "text_pairs"}


def test_a_flag_for_a_set_that_is_not_there_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"faq.jsonl": [PAIR]})
    refused(tmp_path, "--train-language fag=", "faq", language="en fag=de")


def test_layouts_of_other_files_cannot_be_asked_of_one(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": [PAIR]})
    refused(tmp_path, "--train-layout moses", "a.jsonl", layout="moses")


def test_what_is_in_two_folders_does_not_belong_together(tmp_path: Path) -> None:
    for name in ("a", "b"):
        files = {
            "corpus.jsonl": [{"_id": "1", "text": f"p {name}"}],
            "queries.jsonl": [{"_id": "1", "text": f"q {name}"}],
            "qrels/train.tsv": "1\t1\t1\n",
        }
        write(tmp_path / name, files)
        write(tmp_path / f"opus-{name}", {"train.en": f"{name}\n", "train.de": f"{name * 2}\n"})
    found = read(tmp_path, ["a", "b", "opus-a", "opus-b"], "en")
    assert [(name, one.items[0].query) for name, one in found.items()] == [
        ("a", {"en": "q a"}),
        ("b", {"en": "q b"}),
        ("train", {"de": "aa"}),
        ("train-2", {"de": "bb"}),
    ]


def test_how_a_name_writes_its_language_is_kept(tmp_path: Path) -> None:
    write(tmp_path, {"faq.zh_CN.jsonl": [PAIR]})
    assert only(read(tmp_path)).seen.spellings == {"zh": ("zh_CN",)}


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("a.csv", "anchr,positive\nWho?,They.\n", ["a.csv:1", "did you mean anchor for 'anchr'?"]),
        ("a.csv", "Querry,Answr\nWho?,They.\n", ["did you mean query for 'Querry' and answer for 'Answr'?"]),
        ("a.jsonl", '{"query": "q", "poss": ["p"]}\n', ["a.jsonl:1", "did you mean pos for 'poss'?"]),
        ("a.csv", "pair_id,language,qurey,passage\n1,en,q,p\n", ["a.csv:1", "query", "is 'qurey' meant?"]),
        (
            "a.jsonl",
            '{"pair_id": 1, "language": "en", "qurey": "q", "passage": "p"}\n',
            ["no column query", "'qurey' meant?"],
        ),
        (
            "a.csv",
            "Who pays?,You do.\nWhen?,Now.\n",
            ["a.csv:1 is read as the names of the columns, and looks like a row", "query,passage", "text_pairs"],
        ),
        (
            "a.tsv",
            "how do I reset my password\tgo to settings\tno\tother\tmore\n",
            ["a.tsv:1", "looks like a row", "query TAB passage"],
        ),
    ],
)
def test_names_of_columns_that_are_wrong_or_missing_are_told(
    tmp_path: Path, name: str, content: str, parts: list[str]
) -> None:
    write(tmp_path, {name: content})
    said = refused(tmp_path, *parts, language="en")
    assert len(said) < 400


def test_one_record_without_a_language_is_told_with_its_line(tmp_path: Path) -> None:
    rows = [{"pair_id": n, "language": "en", "query": "q", "passage": "p"} for n in range(3)]
    del rows[1]["language"]
    write(tmp_path, {"a.jsonl": rows})
    refused(tmp_path, "a.jsonl:2: nothing says in which language")


def test_the_code_of_a_territory_is_no_language(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": [{**PAIR, "language": "jp"}]})
    refused(tmp_path, "a.jsonl:1: the language is 'jp' (str) (did you mean ja?)")


def test_files_may_be_named_after_nothing_but_their_language(tmp_path: Path) -> None:
    row = {"pair_id": 1, "query": "q", "passage": "p"}
    write(tmp_path, {"de.jsonl": [row], "en.jsonl": [row], "zho_Hans.jsonl": [row]})
    assert only(read(tmp_path)).items[0].query == {"de": "q", "en": "q", "zh": "q"}
    # Three letters may be a word: war is Waray, too.
    write(tmp_path / "words", {"war.jsonl": [row]})
    refused(tmp_path / "words", "--train-language")


def test_one_side_of_a_bitext_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"talks.en": "Good morning.\n"})
    with pytest.raises(UserError, match=r"talks\.en is one side of a bitext by its name: name the other one, too"):
        read(tmp_path, "talks.en")
