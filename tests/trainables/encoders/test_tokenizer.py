import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sentencepiece
from tokenizers import Tokenizer, models, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokenizer import load_plain_tokenizer, load_tokenizer, train_tokenizer, with_end_token
from trainables.encoders.tokens import tokenise
from trainables.errors import UserError

_ROOT = Path(__file__).parents[3]


def test_special_tokens_have_the_ids_and_the_template_of_xlm_r(tokenizer) -> None:
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]) == [
        0,
        1,
        2,
        3,
        len(tokenizer) - 1,
    ]
    assert (tokenizer.cls_token_id, tokenizer.pad_token_id, tokenizer.sep_token_id) == (0, 1, 2)
    ids = tokenizer("Peru")["input_ids"]
    assert (ids[0], ids[-1]) == (0, 2)
    assert tokenizer("")["input_ids"] == [0, 2]
    assert tokenizer("Peru", "Ghana")["input_ids"].count(2) == 3


def test_no_text_loses_information(tokenizer, texts) -> None:
    for text in [*texts, "Unseen: 龘 ☃ ᚠ 𝒳 \u200b", "a\tb\n c"]:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        expected = " ".join(tokenizer.backend_tokenizer.normalizer.normalize_str(text).split(" "))
        assert tokenizer.decode(ids, skip_special_tokens=True) == expected


def test_words_of_every_script_become_pieces(tokenizer) -> None:
    pieces = tokenizer.get_vocab()
    for piece in ("▁Währung", "▁currency", "▁валюта", "ใช้สกุลเงินอะไร", "使用什么货币", "▁मुद्रा", "▁العملة", "▁νόμισμα"):
        assert piece in pieces


def test_a_text_gets_its_most_probable_split(texts, tokenizer) -> None:
    scores = _scores(tokenizer)
    for text in texts:
        pieces = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])[1:-1]
        assert sum(scores[piece] for piece in pieces) == pytest.approx(_best("".join(pieces), scores), abs=1e-4)


def _scores(tokenizer) -> dict[str, float]:
    return dict(json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"])


def _best(text: str, scores: dict[str, float]) -> float:
    best = [0.0] + [float("-inf")] * len(text)
    for end in range(1, len(text) + 1):
        for start in range(end):
            if (piece := text[start:end]) in scores:
                best[end] = max(best[end], best[start] + scores[piece])
    return best[-1]


@pytest.mark.slow
def test_another_process_trains_the_same_tokenizer(texts) -> None:
    program = """
import json, sys
from trainables.encoders.tokenizer import train_tokenizer
print(train_tokenizer(json.load(sys.stdin), 1000).backend_tokenizer.to_str())
"""
    many = [text * times for text in texts for times in (1, 2, 3)]
    here = train_tokenizer(many, 1000).backend_tokenizer.to_str()
    there = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(many),
        check=True,
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2"},
    ).stdout.strip()
    assert there == here


@pytest.mark.parametrize("texts", [["a"], ["中"], ["a b"], ["Ghana"] * 500, ["", " ", "x"]])
def test_little_text_gives_a_small_tokenizer(texts: list[str]) -> None:
    tokenizer = train_tokenizer(texts, 8000)
    assert len(tokenizer) < 300
    assert tokenizer.unk_token_id not in tokenizer(texts[-1])["input_ids"]


def test_odd_characters_do_not_stop_training(texts) -> None:
    odd = ["nul \0 nul", "tab\tnewline\nreturn\r", "next\x85line\u2028separator", "▁▁ <s> <0x41> </s>", "\ufeff\u200f"]
    tokenizer = train_tokenizer([*texts, *odd * 12], 1000)
    assert all(len(tokenizer(text)["input_ids"]) >= 2 for text in odd)


def test_more_characters_than_room_are_spelt_as_bytes() -> None:
    rare = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]
    tokenizer = train_tokenizer(["常用 " * 50 + character for character in rare], 1000)
    assert len(tokenizer) <= 1000
    ids = tokenizer(rare[7])["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == rare[7]


def test_no_text_at_all_cannot_train() -> None:
    with pytest.raises(ValueError, match="without any text"):
        train_tokenizer(["", "  "], 1000)


def test_a_saved_tokenizer_loads_with_the_same_ids(checkpoint, tokenizer, texts) -> None:
    loaded = resolve_encoder(str(checkpoint())).tokenizer()
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert loaded(texts)["input_ids"] == tokenizer(texts)["input_ids"]


def test_a_hub_id_that_cannot_be_reached_is_told_in_one_sentence() -> None:
    with pytest.raises(UserError, match="'no-such-org/no-such-model' cannot be fetched") as caught:
        resolve_encoder("no-such-org/no-such-model").tokenizer()
    assert "\n" not in str(caught.value)


def test_a_broken_tokenizer_file_is_told_in_one_sentence(checkpoint) -> None:
    folder = checkpoint()
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match="does not load") as caught:
        resolve_encoder(str(folder)).tokenizer()
    assert "\n" not in str(caught.value)


def test_a_tokenizer_without_padding_pads_with_its_end_or_is_refused(checkpoint) -> None:
    folder = checkpoint()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    config = HuggingFaceEncoder(name="x", source=str(folder))
    assert config.tokenizer().pad_token_id == tokenizer.eos_token_id
    tokenizer.eos_token = None
    tokenizer.save_pretrained(folder)
    with pytest.raises(UserError, match="no padding token"):
        config.tokenizer()


def test_a_tokenizer_of_sentencepiece_that_draws_how_it_cuts_is_refused(texts, tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("\n".join(texts * 3))
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "corpus"), model_prefix=str(tmp_path / "spiece"), vocab_size=300, hard_vocab_limit=False
    )
    for draws in (True, False):
        settings = {
            "tokenizer_class": "BertGenerationTokenizer",
            "sp_model_kwargs": {"enable_sampling": draws, "nbest_size": -1, "alpha": 0.1},
        }
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
        if draws:
            with pytest.raises(UserError, match=r"'it' draws how it cuts a text \(enable_sampling in"):
                load_tokenizer(tmp_path, "it")
        else:
            assert load_tokenizer(tmp_path, "it")("Peru") == load_tokenizer(tmp_path, "it")("Peru")


def test_a_tokenizer_that_draws_how_it_cuts_is_refused(tmp_path: Path) -> None:
    """Token ids are kept, so that every text would have been cut once for all."""
    backend = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")], dropout=0.5))
    PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="b").save_pretrained(tmp_path)
    for load in (
        lambda: load_tokenizer(tmp_path, "it"),
        lambda: load_plain_tokenizer(tmp_path / "tokenizer.json", "it"),
    ):
        with pytest.raises(UserError, match=r"'it' draws how it cuts a text \(dropout 0\.5 in its tokenizer.json\)"):
            load()


def test_a_tokenizer_that_cannot_read_a_text_is_told_in_one_sentence() -> None:
    """Of a word that it does not know, without a token for such words."""
    backend = Tokenizer(models.WordLevel({"a": 0}, unk_token="[UNK]"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="a")
    assert len(tokenise(["a"], tokenizer, "", 8).ids) == 1
    with pytest.raises(UserError, match=r"cannot read a text \(WordLevel error: Missing \[UNK\]"):
        tokenise(["other"], tokenizer, "", 8)


TEMPLATE = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
BYTES = processors.ByteLevel(trim_offsets=False)


@pytest.mark.parametrize(
    ("before", "starts"),
    [
        (None, []),
        (BYTES, []),
        (TEMPLATE, [0]),
        (processors.Sequence([BYTES, TEMPLATE]), [0]),
        (processors.Sequence([BYTES]), []),
    ],
    ids=str,
)
def test_an_end_token_is_put_behind_whatever_a_tokenizer_does(texts, before, starts: list[int]) -> None:
    tokenizer = train_tokenizer(texts, 1000)
    tokenizer.backend_tokenizer.post_processor = before
    plain = tokenizer("Peru")["input_ids"]
    assert plain[: len(starts)] == starts
    ended = with_end_token(tokenizer, "x")
    assert ended("Peru")["input_ids"] == [*plain, 2]
    assert ended("")["input_ids"] == [*starts, 2]
    cut = ended("Ghana " * 20, truncation=True, max_length=8)["input_ids"]
    assert (len(cut), cut[-1], cut.count(2)) == (8, 2, 1)
    again = with_end_token(ended, "x")
    assert again("Peru")["input_ids"] == [*plain, 2]


@pytest.mark.parametrize("bytes_first", [False, True])
def test_a_template_that_ends_in_another_special_token_than_the_named_one_is_kept(texts, bytes_first: bool) -> None:
    """Qwen3 Embedding puts <|endoftext|> behind a text and names <|im_end|>, which it was never trained to pool."""
    tokenizer = train_tokenizer(texts, 1000)
    own = processors.TemplateProcessing(single="$A <s>", special_tokens=[("<s>", 0)])
    tokenizer.backend_tokenizer.post_processor = processors.Sequence([BYTES, own]) if bytes_first else own
    before = tokenizer("Peru")["input_ids"]
    assert before[-1] == 0 != tokenizer.eos_token_id
    assert with_end_token(tokenizer, "x")("Peru")["input_ids"] == before


def test_an_end_token_that_has_no_place_is_refused(texts) -> None:
    tokenizer = train_tokenizer(texts, 1000)
    tokenizer.backend_tokenizer.post_processor = processors.BertProcessing(("<mask>", 4), ("<s>", 0))
    with pytest.raises(UserError, match="ends a text by a BertProcessing without its end token"):
        with_end_token(tokenizer, "x")
    tokenizer.eos_token = None
    with pytest.raises(UserError, match="has no end token"):
        with_end_token(tokenizer, "x")
