"""Bad flags, files, folders and configs: each ends in one sentence and exit status 2, soon, and leaves nothing."""

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import XLMRobertaConfig, XLMRobertaModel

from analysis.compare import main as compare
from analysis.report import main as report
from study.records import STUDY
from study.run import main as study
from tests.faults.attempts import SECONDS, attempt
from trainables.encoders.tokenizer import train_tokenizer

Prepare = Callable[[Path], Sequence[str]]
"""Puts something into a folder, and returns the arguments that name it."""

ESCAPES = "\x1b[31m\u202ex\n"


# Flags.

NUMBERS = {
    "count": ["", "x", "1.5", "-1", "9" * 30, "nan", "0x10", "٣x", "1e3000"],
    "real": ["", "x", "nan", "inf", "-1", "1e999", "1,5", "0..1"],
}
COUNTS = [
    *("trials", "seeds", "until-separable", "trial-budget", "pair-budget", "workers-per-trial"),
    *("max-concurrent-trials", "max-failures", "search-seed", "steps", "batch-size", "evaluations"),
]
REALS = ["cpus-per-worker", "gpus-per-worker", "temperature", "learning-rate"]
WORDS = ["space", "train", "evaluate", "sampler", "early-stopping", "objective", "measure", "draw", "precision"]
OTHER_FLAGS: Sequence[Sequence[str]] = [
    ("--name", "../../x"),
    ("--name", "a/b"),
    ("--name", ""),
    ("--name", "."),
    ("--name", ESCAPES),
    ("--name", "x" * 300),
    ("--resume", ""),
    ("--resume", "../nowhere"),
    ("--verify", ""),
    ("--verify", "nowhere"),
    ("--confirm-only", "nowhere"),
    ("--resume", "a", "--confirm-only", "b"),
    ("--storage", ""),
    ("--storage", "foo://bar"),
    ("--storage", "/proc/nowhere"),
    ("--storage", "/dev/null"),
    ("--address", ""),
    ("--address", "127.0.0.1:9"),
    ("--time-budget", ""),
    ("--time-budget", "0s"),
    ("--time-budget", "-5m"),
    ("--time-budget", "nan"),
    ("--time-budget", "1e400h"),
    ("--plugin", ""),
    ("--plugin", "no such module"),
    ("--plugin", "os.path.nothing"),
    ("--set", ""),
    ("--set", "x"),
    ("--set", "=1"),
    ("--set", "loss.temperature="),
    ("--set", "loss.temperature=x"),
    ("--set", "optimiser.betas=0.9"),
    ("--set", "optimiser.betas=0.9,2"),
    ("--set", "encoder.layers=1000000000"),
    ("--set", "encoder.width=1000000000"),
    ("--set", "encoder.vocabulary=100000000000"),
    ("--set", "encoder.max_query_length=1000000000000"),
    ("--set", "batches.set_weights=atlas"),
    ("--set", "monitoring.reports=0"),
    ("--set", "ratio=linear(0,1)"),
    ("--factor", "loss.temperature"),
    ("--factor", "loss.temperature=0.1"),
    ("--factor", "loss.temperature=0.1,0.1"),
    ("--factor", "loss.temperature=0.1,x"),
    ("--factor", "loss=0.1,0.2"),
    ("--search", "loss.temperature=1..0"),
    ("--search", "loss.temperature=0..1:log"),
    ("--search", "loss.temperature=nan..1"),
    ("--search", "optimiser.decay=0..1"),
    ("--search-factor", "loss.temperature=0.1"),
    ("--arm", "x"),
    ("--arm", "x:"),
    ("--arm", "x: ratio=linear(0,1"),
    ("--arm", "x: ratio=linear(0,7)"),
    ("--arm", "x: ratio=nowhere(0,1)"),
    ("--arm", "x: ratio=" + "(" * 5000),
    ("--arm", ": ratio=linear(0,1)"),
    ("--arms", ""),
    ("--arms", ","),
    ("--arms", "X-X-mono,X-X-mono,nothing"),
    ("--without", "nothing"),
    ("--model", ""),
    ("--model", "nowhere/"),
    ("--model", "/"),
    ("--model", "mini-xs", "--model", "mini-xs"),
    ("--steps", "10", "--steps", "10"),
    ("--data-dir", "nowhere"),
    ("--config", ""),
    ("--config", "nowhere.yaml"),
    ("--config", "."),
    ("--nothing",),
    ("mini-xs",),
    ("--seeds",),
]


def flags() -> Iterator[tuple[str, ...]]:
    for kind, names in (("count", COUNTS), ("real", REALS)):
        for name in names:
            for value in NUMBERS[kind]:
                if (name, value) != ("steps", "1e3000"):
                    yield f"--{name}", value
    for name in WORDS:
        yield f"--{name}", ""
        yield f"--{name}", ESCAPES
        yield f"--{name}", "nowhere"
    yield from OTHER_FLAGS  # type: ignore[misc]


# Training files.


def line(**fields: Any) -> str:
    return json.dumps({"id": "a", "query": {"en": "q"}, "passage": {"en": "p"}, **fields}) + "\n"


def packed(content: bytes) -> bytes:
    return gzip.compress(content, 9)


def megabytes(name: str, byte: bytes, count: int) -> Callable[[Path], Path]:
    """A large file of one byte, which is made by the test that needs it and never lies in memory."""

    def prepare(folder: Path) -> Path:
        path = folder / name
        with gzip.open(path, "wb") if name.endswith(".gz") else path.open("wb") as file:
            for _ in range(count):
                file.write(byte * 1_000_000)
        return path

    return prepare


def parquet(folder: Path, **columns: Any) -> Path:
    path = folder / "pairs.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def torn_parquet(folder: Path) -> Path:
    path = parquet(folder, id=["a"] * 1000)
    path.write_bytes(path.read_bytes()[:200])
    return path


def same_text_in_all_rows(folder: Path) -> Path:
    text = pa.array(["x" * 5_000_000])
    column = pa.DictionaryArray.from_arrays(np.zeros(100_000, np.int32), text)
    numbers = [str(n) for n in range(100_000)]
    return parquet(folder, pair_id=numbers, language=["en"] * 100_000, query=column, passage=column)


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pairs.jsonl")
    return folder / "pairs.jsonl"


def link_to(target: str) -> Callable[[Path], Path]:
    def prepare(folder: Path) -> Path:
        (folder / "pairs.jsonl").symlink_to(target)
        return folder / "pairs.jsonl"

    return prepare


def folder_named_like_a_file(folder: Path) -> Path:
    (folder / "pairs.jsonl").mkdir()
    return folder / "pairs.jsonl"


TRAINING: Mapping[str, tuple[str, bytes | str] | Callable[[Path], Path]] = {
    "empty": ("pairs.jsonl", ""),
    "only white space": ("pairs.jsonl", "\n \n\t\n"),
    "binary": ("pairs.jsonl", bytes(range(256)) * 40),
    "UTF-16": ("pairs.jsonl", line().encode("utf-16")),
    "latin-1": ("pairs.jsonl", '{"id": "ä"}'.encode("latin-1")),
    "a page of HTML": ("pairs.jsonl", "<!DOCTYPE html><html>not found</html>"),
    "a pointer of Git LFS": ("pairs.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"),
    "a JSON list": ("pairs.jsonl", "[" + line().strip() + "]"),
    "nested 100,000 deep": ("pairs.jsonl", "[" * 100_000 + "\n"),
    "objects nested 100,000 deep": ("pairs.jsonl", '{"a":' * 100_000 + "\n"),
    "a number of 100,000 digits": ("pairs.jsonl", '{"id": ' + "9" * 100_000 + "}\n"),
    "half an object": ("pairs.jsonl", line()[:20]),
    "a key twice": ("pairs.jsonl", '{"id": "a", "id": "b"}\n'),
    "an id twice": ("pairs.jsonl", line() + line()),
    "no id": ("pairs.jsonl", '{"query": {"en": "q"}, "passage": {"en": "p"}}\n'),
    "an id that is a list": ("pairs.jsonl", line(id=[1])),
    "an empty id": ("pairs.jsonl", line(id=" ")),
    "texts without language": ("pairs.jsonl", line(query="q")),
    "no text": ("pairs.jsonl", line(query={})),
    "an empty text": ("pairs.jsonl", line(query={"en": " "})),
    "an invisible text": ("pairs.jsonl", line(query={"en": "\u200b\u200d"})),
    "a text that is a number": ("pairs.jsonl", line(query={"en": 3})),
    "half a character": ("pairs.jsonl", '{"id": "a", "query": {"en": "\\ud800"}, "passage": {"en": "p"}}\n'),
    "no such language": ("pairs.jsonl", line(query={"not a language": "q"})),
    "one language twice": ("pairs.jsonl", line(query={"pt-BR": "a", "pt_br": "b"})),
    "a text of 10 MB": ("pairs.jsonl", line(query={"en": "x " * 5_000_000})),
    "a line of 100 MB": megabytes("pairs.jsonl", b"x", 100),
    "query, pos, neg": ("pairs.jsonl", '{"query": "q", "pos": ["p"], "neg": ["n"]}\n'),
    "one item": ("pairs.jsonl", line()),
    "one language": ("pairs.jsonl", "".join(line(id=str(n), query={"en": f"q {n}"}) for n in range(200))),
    "an unknown suffix": ("pairs.txt", line()),
    "no suffix": ("pairs", line()),
    "a packed file that is plain": ("pairs.jsonl.gz", line()),
    "a packed file cut short": ("pairs.jsonl.gz", packed(line().encode() * 1000)[:-20]),
    "a packed file with a flipped bit": ("pairs.jsonl.gz", packed(line().encode() * 99).replace(b"\x00", b"\x07", 1)),
    "a packed line of 500 MB": megabytes("pairs.jsonl.gz", b"\x00", 500),
    "packed line ends, 600 MB": megabytes("pairs.jsonl.gz", b"\n", 600),
    "a table without columns": ("pairs.csv", "\n\n"),
    "a table with other columns": ("pairs.csv", "a,b,c\n1,2,3\n"),
    "a table with a column twice": ("pairs.csv", "pair_id,language,query,query,passage\n1,en,q,q,p\n"),
    "a table with a stray quote": ("pairs.tsv", 'pair_id\tlanguage\tquery\tpassage\n1\ten\t"q\tp\n2\ten\tq\tp\n'),
    "a table with too few cells": ("pairs.csv", "pair_id,language,query,passage\n1,en,q\n"),
    "a table with a cell of 2 MB": ("pairs.csv", f"pair_id,language,query,passage\n1,en,{'q' * 2_000_000},p\n"),
    "a table with a byte of zero": ("pairs.csv", "pair_id,language,query,passage\n1,en,q\x00\x00,p\n1,en,q,p\n"),
    "a table with a row twice": ("pairs.csv", "pair_id,language,query,passage\n1,en,q,p\n1,en,q,p\n"),
    "Parquet that is text": ("pairs.parquet", "PAR1 no"),
    "an empty Parquet file": ("pairs.parquet", b""),
    "Parquet cut short": torn_parquet,
    "Parquet with other columns": lambda folder: parquet(folder, a=[1, 2], b=["x", "y"]),
    "Parquet of numbers": lambda folder: parquet(folder, pair_id=[1], language=[2], query=[3], passage=[4]),
    "Parquet without rows": lambda folder: parquet(folder, id=pa.array([], pa.string())),
    "Parquet with one text in 100,000 rows": same_text_in_all_rows,
    "a pipe": pipe,
    "a link to an endless device": link_to("/dev/zero"),
    "a link to nothing": link_to("nowhere"),
    "a link to itself": link_to("pairs.jsonl"),
    "a folder named like a file": folder_named_like_a_file,
}


def training_case(made: tuple[str, bytes | str] | Callable[[Path], Path]) -> Prepare:
    def prepare(folder: Path) -> Sequence[str]:
        if callable(made):
            path = made(folder)
        else:
            name, content = made
            path = folder / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return "--train", path.name, "--evaluate", "atlas", "--model", "mini-xs", "--dry-run"

    return prepare


# Configs.

CONFIGS: Mapping[str, bytes | str] = {
    "a list": "- a\n- b\n",
    "a text": "seeds\n",
    "no such setting": "sedes: 3\n",
    "a setting twice": "seeds: 3\nseeds: 4\n",
    "a tab": "seeds:\n\t3\n",
    "an open bracket": "arms: [a, b\n",
    "seeds as a text": "seeds: many\n",
    "seeds as a list": "seeds: [1, 2]\n",
    "seeds as yes": "seeds: yes\n",
    "seeds as true": "seeds: true\n",
    "seeds as a date": "seeds: 2024-01-01\n",
    "seeds in hexadecimal": "seeds: 0x10\n",
    "seeds of 5,000 digits": f"seeds: {'9' * 5000}\n",
    "an infinite rate": "learning_rate: .inf\n",
    "a setting that is a number": "3: 4\n",
    "a setting that is null": "~: 4\n",
    "a setting that is a list": "? [a, b]\n: 4\n",
    "a Python object": "seeds: !!python/object/apply:os.system ['true']\n",
    "an unknown tag": "seeds: !count 3\n",
    "binary that is none": "seeds: !!binary '%'\n",
    "a set": "set: !!set {a, b}\n",
    "an alias": "trials: &a 3\nseeds: *a\n",
    "aliases of aliases": "a: &a [x, x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)),
    "an alias of nothing": "seeds: *nothing\n",
    "an alias of itself": "set: &a {x: *a}\n",
    "nested 10,000 deep": "set: " + "[" * 10_000 + "\n",
    "nested 10,000 deep, and closed": "set: " + "[" * 10_000 + "]" * 10_000 + "\n",
    "binary": bytes(range(256)),
    "latin-1": "name: ä\n".encode("latin-1"),
    "two documents": "seeds: 3\n---\nseeds: 4\n",
    "2 MB": "# " + "x" * 2_000_000 + "\nseeds: 3\n",
    "merged": "<<: 3\n",
    "an arm without options": "arm: mine\n",
    "an arm that is a list": "arm: [a]\n",
    "an empty arms list": "arms: ['']\n",
    "set as a number": "set: 3\n",
    "set of unknown": "set: {loss: {temprature: 1}}\n",
    "factor as a text": "factor: x\n",
    "both spellings": "time-budget: 3m\ntime_budget: 4m\n",
    "control characters": 'name: "a\\e[31m"\n',
}


def config_case(content: bytes | str) -> Prepare:
    def prepare(folder: Path) -> Sequence[str]:
        (folder / "study.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
        return "--config", "study.yaml", "--dry-run"

    return prepare


def config_pipe(folder: Path) -> Sequence[str]:
    os.mkfifo(folder / "study.yaml")
    return "--config", "study.yaml", "--dry-run"


def config_device(folder: Path) -> Sequence[str]:
    return "--config", "/dev/zero", "--dry-run"


# Encoders.


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint that is whole."""
    folder = tmp_path_factory.mktemp("encoder") / "small"
    tokenizer = train_tokenizer(["What is the capital of Peru?", "Was ist die Hauptstadt von Peru?"] * 20, 1000)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=80, pad_token_id=1, **shape)
    XLMRobertaModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def holding(name: str, content: str | bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def saying(**values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


def weights(changed: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        save_file(changed(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})

    return change


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def named_pipe(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")


FOREIGN_MODULE = json.dumps(
    [
        {"idx": 0, "name": "0", "path": "", "type": "some.where.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Odd", "type": "sentence_transformers.models.WeightedLayerPooling"},
    ]
)

ENCODERS: Mapping[str, Callable[[Path], None]] = {
    "empty": emptied,
    "no config.json": without("config.json"),
    "no weights": without("model.safetensors"),
    "no tokenizer": without("tokenizer.json"),
    "config.json is text": holding("config.json", "not found"),
    "config.json is a list": holding("config.json", "[]"),
    "config.json is nested 100,000 deep": holding("config.json", "[" * 100_000),
    "config.json is binary": holding("config.json", bytes(range(256))),
    "config.json without kind": holding("config.json", "{}"),
    "config.json is a pipe": named_pipe,
    "a kind that nobody knows": saying(model_type="no-such-model"),
    "a kind that is a number": saying(model_type=3),
    "an encoder-decoder": saying(model_type="mt5"),
    "a decoder": saying(model_type="gpt2"),
    "1e9 layers": saying(num_hidden_layers=10**9),
    "1e12 components": saying(hidden_size=10**12),
    "1e12 pieces": saying(vocab_size=10**12),
    "layers as a text": saying(num_hidden_layers="many"),
    "minus one layer": saying(num_hidden_layers=-1),
    "layers as true": saying(num_hidden_layers=True),
    "heads that do not divide": saying(num_attention_heads=5),
    "more layers than weights": saying(num_hidden_layers=2),
    "another vocabulary": saying(vocab_size=9),
    "an unknown activation": saying(hidden_act="no-such"),
    "weights cut short": cut,
    "weights that are a pointer": holding("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"),
    "weights that are empty": holding("model.safetensors", b""),
    "weights with an endless header": holding("model.safetensors", b"\xff" * 4096),
    "weights that are a pickle": pickled,
    "a weight that is not a number": weights(lambda found: {name: w * float("nan") for name, w in found.items()}),
    "weights of other names": weights(lambda found: {f"odd.{name}": w for name, w in found.items()}),
    "weights of other shapes": weights(lambda found: {name: w[:1].contiguous() for name, w in found.items()}),
    "no weight at all": weights(lambda found: {"x": torch.zeros(1)}),
    "tokenizer.json is text": holding("tokenizer.json", "not found"),
    "tokenizer.json is an object": holding("tokenizer.json", "{}"),
    "tokenizer_config.json is a list": holding("tokenizer_config.json", "[]"),
    "modules.json is text": holding("modules.json", "not found"),
    "modules.json is an object": holding("modules.json", "{}"),
    "modules that nobody knows": holding("modules.json", FOREIGN_MODULE),
    "an adapter": holding("adapter_config.json", "{}"),
    "encoder.json with other fields": holding("encoder.json", '{"a": 1}'),
    "encoder.json with a wrong length": holding(
        "encoder.json",
        '{"pooling": "mean", "query_prefix": "", "passage_prefix": "", "max_query_length": -3, '
        '"max_passage_length": 5}',
    ),
}


# Studies.


def study_of(content: str | bytes) -> Callable[[Path], None]:
    return holding(STUDY, content)


def study_pipe(folder: Path) -> None:
    os.mkfifo(folder / STUDY)


def study_folder(folder: Path) -> None:
    (folder / STUDY).mkdir()


def study_link(folder: Path) -> None:
    (folder / STUDY).symlink_to("/etc/passwd")


def study_loop(folder: Path) -> None:
    (folder / STUDY).symlink_to(STUDY)


STUDIES: Mapping[str, Callable[[Path], None]] = {
    "empty": lambda folder: None,
    "study.json is empty": study_of(""),
    "study.json is text": study_of("no"),
    "study.json is binary": study_of(bytes(range(256))),
    "study.json is a list": study_of("[1]"),
    "study.json is a number": study_of("3"),
    "study.json is NaN": study_of('{"format": NaN}'),
    "study.json is nested 100,000 deep": study_of('{"format": 2, "a": ' + "[" * 100_000),
    "study.json of no format": study_of("{}"),
    "study.json of a later format": study_of('{"format": 99}'),
    "study.json of format 2 without seal": study_of('{"format": 2, "name": "x"}'),
    "study.json of format 1 that is not whole": study_of('{"format": 1, "name": "x"}'),
    "study.json gives a name twice": study_of('{"format": 2, "format": 2}'),
    "study.json is a folder": study_folder,
    "study.json is a pipe": study_pipe,
    "study.json is a link": study_link,
    "study.json is a link to itself": study_loop,
}

COMMANDS: Mapping[str, tuple[Callable[[Sequence[str]], int], Callable[[str], Sequence[str]]]] = {
    "resume": (study, lambda path: ("--resume", path)),
    "verify": (study, lambda path: ("--verify", path)),
    "confirm": (study, lambda path: ("--confirm-only", path, "--seeds", "3")),
    "report": (report, lambda path: (path,)),
    "compare": (compare, lambda path: (path, "X-Y", "linear")),
}


def study_case(made: Callable[[Path], None], arguments: Callable[[str], Sequence[str]]) -> Prepare:
    def prepare(folder: Path) -> Sequence[str]:
        (folder / "mine").mkdir()
        made(folder / "mine")
        return arguments("mine")

    return prepare


CASES: dict[str, tuple[Callable[[Sequence[str]], int], Prepare]] = {
    **{
        f"flag {' '.join(given)!r:.60} {n}": (study, lambda folder, given=given: (*given, "--dry-run"))
        for n, given in enumerate(flags())
    },
    **{f"training file: {name}": (study, training_case(made)) for name, made in TRAINING.items()},
    **{f"config: {name}": (study, config_case(content)) for name, content in CONFIGS.items()},
    "config: a pipe": (study, config_pipe),
    "config: an endless device": (study, config_device),
    **{
        f"study: {name}, {command}": (main, study_case(made, arguments))
        for name, made in STUDIES.items()
        for command, (main, arguments) in COMMANDS.items()
    },
}


def contents(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.lstat().st_size for path in folder.rglob("*")}


def check(main: Callable[[Sequence[str]], int], prepare: Prepare, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    arguments = prepare(folder)
    before = contents(folder)
    ended = attempt(main, arguments, folder, tmp_path / "said")
    assert ended.status == 2, ended.said[-2000:]
    lines = ended.said.rstrip("\n").split("\n")
    assert len(lines) == 1, ended.said[-2000:]
    assert lines[0].startswith(("study.run: ", "analysis.report: ", "analysis.compare: ")), lines[0]
    assert len(lines[0]) < 2000
    assert not set(lines[0]) & set("\x1b\u202e\r"), "text that steers the terminal"
    assert ended.processor_seconds < SECONDS
    assert ended.grown_mib < 2048 - 700, "an empty process has 700 MiB"
    assert contents(folder) == before, "something was left behind"


@pytest.mark.nightly
@pytest.mark.parametrize(("main", "prepare"), CASES.values(), ids=CASES.keys())
def test_bad_input_is_one_sentence(main: Callable[[Sequence[str]], int], prepare: Prepare, tmp_path: Path) -> None:
    check(main, prepare, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("change", ENCODERS.values(), ids=ENCODERS.keys())
def test_a_bad_encoder_folder_is_one_sentence(change: Callable[[Path], None], encoder: Path, tmp_path: Path) -> None:
    def prepare(folder: Path) -> Sequence[str]:
        shutil.copytree(encoder, folder / "small")
        change(folder / "small")
        return "--model", "./small", "--dry-run"

    check(study, prepare, tmp_path)
