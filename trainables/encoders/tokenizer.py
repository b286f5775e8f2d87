"""Tokenizers: loaded from a checkpoint, or trained on the training text.

>>> tokenizer = train_tokenizer(["the capital of France is Paris"] * 20, vocabulary=1000)
>>> tokenizer.decode(tokenizer("The capital is Rome")["input_ids"], skip_special_tokens=True)
'The capital is Rome'
"""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from trainables.encoders.folder import remedy
from trainables.encoders.modules import TOKENIZER_FILE
from trainables.encoders.quiet import quiet
from trainables.encoders.seeds import LONGEST, SPACE, count_words, repeated_substrings
from trainables.errors import UserError, one_line

SAMPLE = 50_000
"""Training reads at most this many texts, spread evenly over those given."""

_SEED_CHARACTERS = 1_000_000
# A piece that is seen less often learns little in a few hundred steps; in the atlas, taking pieces from two
# occurrences on costs a fifth of the monolingual mAP and a quarter of the cross-lingual one.
_FEWEST = 10
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
_MASK = "<mask>"


def load_tokenizer(
    folder: Path, source: str, *, trust_remote_code: bool = False, lower_case: bool = False, pool_prompt: bool = True
) -> PreTrainedTokenizerBase:
    """Returns the tokenizer of a checkpoint.

    One without a padding token pads with its end token, which the mask hides.

    Args:
        folder: where it lies.
        source: what messages call the checkpoint.
        trust_remote_code: whether code that the checkpoint brings may run.
        lower_case: whether it lower-cases what it reads.
        pool_prompt: see `pools_prompt`.

    Raises:
        UserError: there is none that loads, it has nothing to pad with, or draws how it cuts.
    """
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except Exception as error:
        # Libraries below raise anything from KeyError to a bare Exception for a broken file.
        raise UserError(f"The tokenizer of {source!r} does not load ({one_line(error)}): {remedy(source)}.") from error
    _check_no_draws(tokenizer, source)
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise UserError(f"The tokenizer of {source!r} has no padding token: set pad_token in its folder.")
        tokenizer.pad_token = tokenizer.eos_token
    if lower_case:
        _add_lower_case(tokenizer, source)
    tokenizer.pools_prompt = pool_prompt
    return tokenizer


def _check_no_draws(tokenizer: PreTrainedTokenizerBase, source: str) -> None:
    """Raises UserError for a tokenizer that cuts a text differently every time: by BPE-dropout (arXiv 1910.13267) or by
    the sampling of sentencepiece (arXiv 1804.10959)."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    dropout = getattr(backend.model, "dropout", None) if backend is not None else None
    sampling = tokenizer.init_kwargs.get("sp_model_kwargs")
    if dropout:
        how, off = f"dropout {dropout:g} in its tokenizer.json", "null"
    elif isinstance(sampling, dict) and sampling.get("enable_sampling"):
        how, off = "enable_sampling in the sp_model_kwargs of its tokenizer_config.json", "false"
    else:
        return
    raise UserError(f"The tokenizer of {source!r} draws how it cuts a text ({how}): set that to {off}.")


def load_plain_tokenizer(file: Path, source: str, *, lower_case: bool = False) -> PreTrainedTokenizerFast:
    """Returns the tokenizer of a table of token vectors: it adds no special tokens, and leaves an empty text empty.

    Args:
        file: tokenizer.json.
        source: what messages call the checkpoint.
        lower_case: whether it lower-cases what it reads.

    Raises:
        UserError: it does not load, has no tokens, or draws how it cuts.
    """
    try:
        backend = Tokenizer.from_file(str(file))
    except Exception as error:
        # The library raises a bare Exception for a broken file.
        raise UserError(f"The tokenizer of {source!r} does not load ({one_line(error)}): {remedy(source)}.") from error
    ids = backend.get_vocab().values()
    if not ids:
        raise UserError(f"The tokenizer of {source!r} has no tokens: {remedy(source)}.")
    backend.post_processor = None
    backend.no_padding()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    _check_no_draws(tokenizer, source)
    # Any token does, since the mask hides it. Named afterwards, it stays what it is: a special one would be found in
    # texts before they are cut.
    tokenizer.pad_token = backend.id_to_token(min(ids))
    tokenizer.nothing_id = max(ids) + 1
    if lower_case:
        _add_lower_case(tokenizer, source)
    return tokenizer


def nothing_id(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The id, which is that of no token, of a text without tokens; None where such a text needs one."""
    return getattr(tokenizer, "nothing_id", None)


def save_plain_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path, longest: int | None) -> None:
    """Writes a tokenizer of `load_plain_tokenizer`, which cuts texts to so many tokens; None: it cuts none."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_padding()
    backend.no_truncation()
    if longest is not None:
        backend.enable_truncation(longest, direction=tokenizer.truncation_side)
    backend.save(str(folder / TOKENIZER_FILE))


def joined(queries: PreTrainedTokenizerBase, passages: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """Returns a tokenizer of queries that knows that of passages, whose ids begin where those of queries end.

    An id then tells by itself how its text is encoded, wherever it stands.
    """
    ids = {*queries.get_vocab().values(), len(queries) - 1, queries.pad_token_id, nothing_id(queries) or 0}
    passages.first_id = max(ids) + 1
    queries.of_passages = passages
    return queries


def of_passages(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The tokenizer of passages; the same one where queries have none of their own."""
    return getattr(tokenizer, "of_passages", tokenizer)


def first_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """What is added to the ids that a tokenizer gives, which is 0 but for one of passages that was `joined`."""
    return getattr(tokenizer, "first_id", 0)


def pools_prompt(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the tokens of a prompt are pooled like those of the text behind it; they are read in any case."""
    return bool(getattr(tokenizer, "pools_prompt", True))


def with_end_token(tokenizer: PreTrainedTokenizerBase, source: str) -> PreTrainedTokenizerBase:
    """Returns a tokenizer that puts its end token behind every text, exactly once, and keeps it where a text is cut.

    One whose template ends every text by a special token is returned as it is: that of Qwen3 Embedding puts another one
    there than the end token that it names, and the encoder was trained so. Raises UserError if it has no end token, or
    cannot be changed.
    """
    end = tokenizer.eos_token_id
    if end is None:
        raise UserError(f"The tokenizer of {source!r} has no end token: set eos_token, or encoder.end_token to false.")
    last, of_text = (tokenizer("a", add_special_tokens=special)["input_ids"][-1:] for special in (True, False))
    if last == [end]:
        return tokenizer
    if not tokenizer.is_fast:
        raise UserError(
            f"The tokenizer of {source!r} is of an old kind that puts no end token behind a text: save it once as "
            "tokenizer.json, or set encoder.end_token to false."
        )
    backend = tokenizer.backend_tokenizer
    before = _state(backend)
    behind = _with_token_behind(before, tokenizer.eos_token, end)
    if behind is None:
        raise UserError(
            f"The tokenizer of {source!r} ends a text by a {before['type']} without its end token: set "
            "encoder.end_token to false, or another eos_token."
        )
    if last != of_text:
        return tokenizer
    # A post-processor is made by nothing but its constructors and by reading a tokenizer.
    carrier = json.loads(Tokenizer(models.WordLevel({tokenizer.eos_token: 0}, tokenizer.eos_token)).to_str())
    backend.post_processor = Tokenizer.from_str(json.dumps({**carrier, "post_processor": behind})).post_processor
    return tokenizer


def _state(backend: Tokenizer) -> dict[str, Any]:
    """The post-processor of a tokenizer as its file has it; one that does nothing if there is none."""
    state = None if backend.post_processor is None else json.loads(backend.post_processor.__getstate__())
    return state or {"type": "Sequence", "processors": []}


def _with_token_behind(state: Mapping[str, Any], token: str, number: int) -> dict[str, Any] | None:
    """A post-processor that puts one token more behind a text; None where its kind has no place for it.

    Not a template behind a template: the second would take what the first has put in front for a text of its own.
    """
    if state["type"] == "TemplateProcessing":
        last = {"SpecialToken": {"id": token, "type_id": 0}}
        known = {**state["special_tokens"], token: {"id": token, "ids": [number], "tokens": [token]}}
        return {**state, "single": [*state["single"], last], "special_tokens": known}
    if state["type"] == "ByteLevel":
        return _with_token_behind({"type": "Sequence", "processors": [state]}, token, number)
    if state["type"] == "Sequence":
        steps = list(state["processors"])
        if not any(step["type"] == "TemplateProcessing" for step in steps):
            text = {"Sequence": {"id": "A", "type_id": 0}}
            both = [text, {"Sequence": {"id": "B", "type_id": 1}}]
            steps.append({"type": "TemplateProcessing", "single": [text], "pair": both, "special_tokens": {}})
        changed = _with_token_behind(steps[-1], token, number)
        return None if changed is None else {**state, "processors": [*steps[:-1], changed]}
    return None


def _add_lower_case(tokenizer: PreTrainedTokenizerBase, source: str) -> None:
    if not tokenizer.is_fast:
        raise UserError(
            f"The checkpoint {source!r} asks for lower case, which its tokenizer of an old kind cannot do: "
            "save it once as tokenizer.json."
        )
    backend = tokenizer.backend_tokenizer
    steps = [] if backend.normalizer is None else [backend.normalizer]
    backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps])


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Trains a Unigram tokenizer (Kudo 2018) with XLM-R's special tokens and template; equal texts give an equal one.

    Characters that the vocabulary has no room for are spelt as bytes, so no text loses information.

    Args:
        texts: the training texts; at most `SAMPLE` of them are read.
        vocabulary: the largest number of pieces; small text gives fewer.

    Raises:
        ValueError: there is no text.
    """
    normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    sample = [normalizer.normalize_str(text) for text in _spread(list(texts), SAMPLE)]
    sample = [text for text in sample if text]
    if not sample:
        raise ValueError("a tokenizer cannot be trained without any text")
    pieces = [*_train_pieces(sample, vocabulary), (_MASK, 0.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=_SPECIAL.index("<unk>"), byte_fallback=True))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(SPACE, prepend_scheme="always")
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(SPACE, prepend_scheme="always"), decoders.Fuse()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in (*_SPECIAL, _MASK)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token=_MASK,
        model_input_names=["input_ids", "attention_mask"],
    )


def _spread(texts: Sequence[str], most: int) -> Sequence[str]:
    if len(texts) <= most:
        return texts
    return [texts[number * len(texts) // most] for number in range(most)]


def _train_pieces(sample: Sequence[str], vocabulary: int) -> list[tuple[str, float]]:
    """Returns (piece, log probability) in order of id.

    The Unigram trainer of sentencepiece with one thread is used because that of `tokenizers` gives another vocabulary
    in every process. It starts from our own substrings, because its own search (0.2.3) finds hardly any whole word in
    text made from few wordings, least of all in Thai; in the atlas that costs a third of the monolingual mAP.
    """
    substrings = repeated_substrings(count_words(sample), _SEED_CHARACTERS, _FEWEST)
    model = io.BytesIO()
    with NamedTemporaryFile("w", encoding="utf-8", suffix=".tsv") as seeds:
        seeds.writelines(f"{substring}\t{count}\n" for substring, count in substrings.items())
        seeds.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sample),
            model_writer=model,
            model_type="unigram",
            seed_sentencepieces_file=seeds.name,
            max_sentencepiece_length=LONGEST,
            vocab_size=vocabulary - 1,
            hard_vocab_limit=False,
            character_coverage=_coverage(sample, vocabulary // 2),
            byte_fallback=True,
            normalization_rule_name="identity",
            bos_id=0,
            pad_id=1,
            eos_id=2,
            unk_id=3,
            bos_piece=_SPECIAL[0],
            pad_piece=_SPECIAL[1],
            eos_piece=_SPECIAL[2],
            unk_piece=_SPECIAL[3],
            num_threads=1,
            shuffle_input_sentence=False,
            max_sentence_length=1 << 16,
            minloglevel=2,
        )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [(processor.id_to_piece(piece), processor.get_score(piece)) for piece in range(processor.get_piece_size())]


def _coverage(sample: Sequence[str], characters: int) -> float:
    """Returns the share of the text that its `characters` most frequent characters make up."""
    counts = Counter(character for text in sample for character in text)
    kept = sum(count for _, count in counts.most_common(characters))
    return kept / counts.total()
