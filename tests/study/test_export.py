"""An encoder leaves its study as it was trained, with a card whose numbers are those of the report, or not at all."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file

from analysis.render.markdown import escape
from study.export import main
from study.model_card import _without_folders
from study.records import ObjectiveRecord
from study.study_folder import Study, open_study, write_study
from tests.analysis.conftest import edit
from tests.study.planted import BEST_RATE, OBJECTIVE, SETTINGS, Planted, study_in_folder
from trainables.encoders.hugging_face import HuggingFaceEncoder
from trainables.encoders.model import Encoder, save_encoder
from trainables.encoders.registry import resolve_encoder
from trainables.encoders.tokens import pad, tokenise
from trainables.records import RESULT, Result
from trainables.sealed import read_sealed
from trainables.storage import Folder
from trainables.trial import ENCODER, write_result

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed"),
]

ARM, SEEDS = "linear", 3
WORLD = Planted("falling is better", 1)
"""In which the first seed is not the best one."""
TEXTS = ["a question of some words", "another one", "x"]


def vectors(encoder: Encoder, tokenizer: object) -> np.ndarray:
    tokens = tokenise(TEXTS, tokenizer, "", 30)
    with torch.no_grad():
        return encoder.eval()(*pad(tokens, np.arange(len(TEXTS)), tokenizer.pad_token_id)).numpy()


def read_vectors(folder: Path) -> np.ndarray:
    config = resolve_encoder(str(folder))
    tokenizer = config.tokenizer([])
    return vectors(config.build(tokenizer, 0), tokenizer)


@dataclass(frozen=True)
class Kept:
    """A study that kept the encoders of one arm: low-rank adapters on a small checkpoint."""

    folder: Path
    records: Study
    by_seed: dict[int, np.ndarray]

    @property
    def best(self) -> int:
        """The best seed on the dev set."""
        (arm,) = (arm for arm in self.records.arms if arm.arm == ARM)
        runs = self.records.confirm_trials(arm)
        return max(runs, key=lambda run: run.result.metrics[OBJECTIVE.on_dev]).seed


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    place = tmp_path_factory.mktemp("export")
    mini = resolve_encoder("mini-xs")
    tokenizer = mini.tokenizer([f"{text} number {n}" for n in range(400) for text in TEXTS])
    save_encoder(mini.build(tokenizer, 7), tokenizer, place / "checkpoint")
    options = {"encoder": str(place / "checkpoint"), "encoder.lora.rank": 2, "encoder.lora.alpha": 40.0}
    options |= {"optimiser.learning_rate": BEST_RATE}
    settings = SETTINGS.model_copy(
        update={"set": {**SETTINGS.set, **options}, "without": ("base",), "seeds": SEEDS, "keep_encoders": "all"}
    )
    records = study_in_folder(WORLD, place / "study", settings=settings)
    objectives = (ObjectiveRecord(metric=OBJECTIVE.metric, direction=OBJECTIVE.direction),)
    write_study(records.folder, records.info.model_copy(update={"objectives": objectives}))
    by_seed = {}
    for trial in records.trials:
        if trial.record.arm != ARM:
            continue
        encoder = trial.config.encoder.build(tokenizer, trial.seed)
        generator = torch.Generator().manual_seed(trial.seed)
        with torch.no_grad():
            for weight in encoder.parameters():
                if weight.requires_grad:
                    weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
        by_seed[trial.seed] = vectors(encoder, tokenizer)
        save_encoder(encoder, tokenizer, trial.folder.local_path / ENCODER)
        write_result(trial.folder, read_sealed(trial.folder, RESULT, Result))
    assert np.abs(by_seed[0] - by_seed[1]).max() > 0.01
    found = Kept(place / "study", open_study(str(place / "study")), by_seed)
    assert found.best > 0
    return found


@pytest.fixture(scope="module")
def exported(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "mine"
    assert main([str(kept.folder), ARM, str(out)]) == 0
    return out


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(one) for one in arguments]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    return sentence


def test_the_best_seed_on_the_dev_set_is_written_whole_and_gives_its_embeddings(kept: Kept, exported: Path) -> None:
    assert not list(exported.glob("adapter*"))
    np.testing.assert_allclose(read_vectors(exported), kept.by_seed[kept.best], atol=1e-5)
    library = pytest.importorskip("sentence_transformers")
    model = library.SentenceTransformer(str(exported), device="cpu")
    np.testing.assert_allclose(model.encode_query(TEXTS), kept.by_seed[kept.best], atol=1e-5)
    assert model.similarity_fn_name == "cosine"
    modules = json.loads((exported / "modules.json").read_text())
    # The names that version 5 knows, and version 6 still does.
    assert [one["type"] for one in modules] == [
        f"sentence_transformers.models.{name}" for name in ("Transformer", "Pooling", "Normalize")
    ]


def test_the_card_says_where_it_is_from_with_the_numbers_of_the_report(kept: Kept, exported: Path) -> None:
    card = ModelCard.load(exported / "README.md")
    assert card.data.to_dict() == {
        "language": ["de", "en"],
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": card.data.tags,
    }
    from analysis.report import main as report

    assert report([str(kept.folder), "--format", "csv", "--output", str(exported.parent / "report")]) == 0
    row = pd.read_csv(exported.parent / "report" / "tables" / "results.csv").set_index("arm").loc[ARM]
    lines = [line for line in card.text.splitlines() if line.startswith("| planted (mAP)")]
    assert len(lines) == 4
    for line in lines:
        key = "planted_" + line.split(": ")[1].split(" |")[0].lower().replace("-", "_") + "_map"
        assert line.endswith(f"| {row[key]:.3f} [{row[f'{key}_low']:.3f}, {row[f'{key}_high']:.3f}] |")
    for said in (
        "Is what was planted found?",
        f"the run of seed {kept.best}, the best of its arm on the dev set",
        "elmahdy2024synergistic",
        "No training item shared running text",
        '"rank": 2',
    ):
        assert said in card.text
    for file in exported.rglob("*"):
        # Where this machine keeps things is nobody's business.
        assert file.is_dir() or str(kept.folder.parent).encode() not in file.read_bytes(), file


def test_adapters_are_kept_where_asked_and_any_seed_can_be(kept: Kept, tmp_path: Path) -> None:
    other = next(seed for seed in range(SEEDS) if seed != kept.best)
    out = tmp_path / "adapters"
    assert main([str(kept.folder), ARM, str(out), "--seed", str(other), "--adapter"]) == 0
    assert not (out / "model.safetensors").exists()
    np.testing.assert_allclose(read_vectors(out), kept.by_seed[other], atol=1e-5)
    assert f"the run of seed {other}." in (out / "README.md").read_text()


def test_the_average_is_that_of_the_weights_of_all_seeds(kept: Kept, tmp_path: Path) -> None:
    assert main([str(kept.folder), ARM, str(tmp_path / "mean"), "--average"]) == 0
    found = load_file(tmp_path / "mean" / "model.safetensors")
    summed: dict[str, torch.Tensor] = {}
    for trial in kept.records.trials:
        if trial.record.arm == ARM:
            config = resolve_encoder(str(trial.folder.local_path / ENCODER))
            for name, weight in config.build(config.tokenizer([]), 0).transformer.named_parameters():
                summed[name] = summed.get(name, 0) + weight.detach().double() / SEEDS
    assert found.keys() == summed.keys()
    for name, weight in found.items():
        torch.testing.assert_close(weight.double(), summed[name], rtol=0, atol=1e-6)
    card = (tmp_path / "mean" / "README.md").read_text()
    assert "the mean of those of 3 seeds (0, 1, 2)" in card
    assert "was not evaluated itself: these are the numbers of 3 seeds." in card
    assert "| this encoder |" not in card


def test_the_card_of_an_average_says_over_which_seeds_its_numbers_are(kept: Kept, tmp_path: Path) -> None:
    study = Path(shutil.copytree(kept.folder, tmp_path / "study"))
    edit(study / "study.json", lambda info: info | {"settings": info["settings"] | {"other_seeds": 2}})
    lost = {trial.record.arm for trial in kept.records.trials if trial.phase == "confirm"} - {ARM, "hybrid 0.5"}
    assert lost
    for arm in lost:
        shutil.rmtree(study / "trials" / f"confirm-{arm.replace(' ', '-')}-002")
    assert main([str(study), ARM, str(tmp_path / "mean"), "--average"]) == 0
    card = (tmp_path / "mean" / "README.md").read_text()
    assert "the mean of those of 3 seeds (0, 1, 2)" in card
    assert "these are the numbers of 2 seeds, those that all arms of the study have." in card
    assert "| mean over 2 seeds [95 % interval] |" in card


def test_what_cannot_be_exported_is_one_sentence_and_nothing_is_written(kept: Kept, exported: Path, tmp_path, capsys):
    out, study = tmp_path / "out", kept.folder
    for arguments, said in [
        ((study, "linaer", out), "Unknown arm 'linaer': the study has hybrid 0.5, best static, linear"),
        ((study, "hybrid 0.5", out), "No encoder of the arm 'hybrid 0.5' was kept"),
        ((study, ARM, exported), "exists already"),
        ((study, ARM, out, "--seed", 9), "no encoder of this seed of 'linear' was kept; those of 0, 1, 2 were"),
        ((study, ARM, out, "--average", "--adapter"), "adapters are added to their model before they are averaged"),
        ((study, ARM, out, "--average", "--seed", 1), "not allowed with argument"),
        ((study, ARM, out, "--cell", "size=24"), "is in no cell"),
        ((tmp_path, ARM, out), "is not a study"),
        ((study, ARM, out, "--push", "mine"), "is named ORG/NAME"),
        ((study, ARM, out, "--push", "org/mine"), "HF_HUB_OFFLINE is set"),
    ]:
        assert said in refusal(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_code_of_an_encoder_runs_only_if_it_is_asked_for(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, out = tmp_path / "study", tmp_path / "out"
    said = refusal(capsys, kept.folder, ARM, out, "--trust-remote-code")
    assert said == "study.export: --trust-remote-code: this runs no code of the encoder; leave it out."
    shutil.copytree(kept.folder, study)
    for path in study.glob("trials/*/trial.json"):
        edit(path, lambda values: values["config"]["encoder"].update(trust_remote_code=True))
        write_result(Folder(path.parent), read_sealed(Folder(path.parent), RESULT, Result))
    for flags in ((), ("--average",)):
        assert "only if you ask for it: read it, then give --trust-remote-code" in refusal(
            capsys, study, ARM, out, *flags
        )
    assert not out.exists()
    assert main([str(study), ARM, str(out), "--trust-remote-code"]) == 0
    assert main([str(study), ARM, str(tmp_path / "adapter"), "--adapter"]) == 0


def test_a_damaged_study_gives_no_encoder(kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = tmp_path / "study"
    shutil.copytree(kept.folder, study)
    folder = study / "trials" / f"confirm-{ARM}-{kept.best:03d}"
    (folder / ENCODER / "notes.txt").write_text("added")
    assert "notes.txt was not there when the run ended" in refusal(capsys, study, ARM, tmp_path / "out")
    (folder / ENCODER / "notes.txt").unlink()
    weights = folder / ENCODER / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert "adapter_model.safetensors is damaged or missing" in refusal(capsys, study, ARM, tmp_path / "out")
    (study / "arms.json").write_text("{}")
    assert "arms.json is damaged" in refusal(capsys, study, ARM, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["study"]


@contextmanager
def hub() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A hub that takes a model: its address, and what it was given, by name."""
    given: dict[str, bytes] = {}

    class Hub(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/api/repos/create":
                given["created"] = body
                return self.answer(200, {"url": f"{address}/org/mine", "id": "org/mine", "name": "org/mine"})
            if "/preupload/" in self.path:
                files = [
                    {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for one in json.loads(body)["files"]
                ]
                return self.answer(200, {"files": files})
            if "/commit/" in self.path:
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        given[line["value"]["path"]] = b64decode(line["value"]["content"])
                return self.answer(
                    200, {"commitUrl": f"{address}/org/mine/commit/1", "commitOid": "1", "success": True}
                )
            return self.answer(200, {"errors": [], "warnings": []})

        def do_GET(self) -> None:
            self.answer(200, {"id": "org/mine", "sha": "1", "siblings": []})

        def answer(self, status: int, content: object) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield address, given
    finally:
        server.shutdown()
        server.server_close()


def test_the_folder_is_pushed_to_the_hub_as_it_was_written(kept: Kept, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    with hub() as (address, given):
        settings = {"HF_ENDPOINT": address, "HF_TOKEN": "hf_toy", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "study.export", str(kept.folder), ARM, str(out), "--adapter", "--push", "org/mine"],
            env={**os.environ, **settings, "HF_HOME": str(tmp_path / "home")},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    # Nobody sees it until somebody has decided so.
    assert b"private" in given.pop("created")
    assert given == {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert b"SentenceTransformer('org/mine')" in given["README.md"]


def test_a_folder_is_left_out_of_a_card_as_markdown_has_it_too() -> None:
    encoder = HuggingFaceEncoder(name="~/my_encoder", source="/home/me/my_encoder")
    assert _without_folders(escape("The encoder was ~/my_encoder."), encoder) == r"The encoder was my\_encoder."
    assert _without_folders('{"source": "/home/me/my_encoder"}', encoder) == '{"source": "my_encoder"}'
