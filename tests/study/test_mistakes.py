"""Every mistake of a user's is one sentence on standard error, exit status 2, and leaves nothing behind."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from study.checks import check_shards
from study.run import main
from study.settings import StudySettings
from tests.disks import small_disk
from tests.trainables.corpora.retrieval.toy_files import beir_folder
from tests.trainables.toy_run import toy_config
from trainables.errors import UserError

MISTAKES = [
    (["--space", "dynamic_vs_statik"], "Unknown space 'dynamic_vs_statik': did you mean dynamic_vs_static"),
    (["--model", "mini-z"], "--model is 'mini-z': unknown encoder 'mini-z': did you mean mini-"),
    (["--evaluate", "xquadr"], "did you mean xquad-r"),
    (["--train", "nowhere.jsonl", "--evaluate", "atlas"], "nowhere.jsonl"),
    (["--train", "mine.jsonl"], "--train mine.jsonl: nothing is named to judge what is trained; give --evaluate"),
    (["--train-language", "English"], "--train-language English: 'English' is no code of a language"),
    (["--train-layout", "tevatrn"], "Unknown layout of training files 'tevatrn': did you mean tevatron"),
    (["--seeds", "0"], "--seeds is '0': input should be greater than or equal to 1"),
    (["--objective", "multilingual/mpa"], "Unknown objective 'multilingual/mpa': did you mean multilingual/map"),
    (["--time-budget", "soon"], "--time-budget soon: must be a time above zero"),
    (["--workers-per-trial", "64"], "One trial asks for 64 workers"),
    (["--gpus-per-worker", "8"], "lower --workers-per-trial, --cpus-per-worker or --gpus-per-worker"),
    (["--batch-size", "5000"], "--batch-size"),
    (["--address", "127.0.0.1:9"], "--address 127.0.0.1:9: nothing answers there"),
    (["--address", "ray://127.0.0.1:10001"], "Ray Client cannot run a study"),
    (
        ["--gradient-accumulation", "100"],
        "gradient_accumulation is 100, but a batch of 48 pairs has no more chunks than pairs",
    ),
    (
        ["--set", "compute.trim_vocabulary=perhaps"],
        "compute.trim_vocabulary is 'perhaps': input should be a valid boolean, unable to interpret input, or input "
        "should be 'auto'.\n",
    ),
    (
        ["--model", "mini-xs", "--set", "encoder.lora.rank=4"],
        "encoder.lora is set, which the encoder that was chosen has not: leave it out.\n",
    ),
    (["--set", "compute.parallel=sharded"], "set both to float32 or both to bfloat16.\n"),
    (
        ["--temperature", "0.1", "--search-temperature"],
        "--temperature is to be fixed and searched: an option is one of them",
    ),
    (["--space", "static_ratio", "--search-temperature"], "add --sampler tpe to search loss.temperature"),
    (["--until-separable", "4"], "--until-separable 4: the first look is at 5 seeds"),
    (["--until-separable", "9", "--repeat-search", "2"], "a verdict needs more searches, not more seeds"),
    (
        ["--repeat-search", "2", "--objective", "overall/map", "--objective", "multilingual/map"],
        "--repeat-search 2: every search would have a Pareto front of its own",
    ),
    (["--repeat-search", "0"], "--repeat-search is '0'"),
    (["--seeds", "1", "--until-separable", "2"], "--until-separable 2: the first look is at 3 seeds"),
    (
        ["--early-stopping", "halving", "--objective", "multilingual/map", "--objective", "bias/rank_distance"],
        "--early-stopping halving judges by one objective",
    ),
    (["--search-seed", "3"], "--search-seed is '3': input should be greater than or equal to 100000"),
    (["--learning-rate", "inf"], "--learning-rate is 'inf'"),
    (["--storage", "foo://bar"], "is no folder or URI that can be opened"),
    (["--resume", "nowhere"], "There is no folder"),
    (["--resume", "."], "is not a study"),
    (["--config", "nowhere.yaml"], "--config nowhere.yaml: there is no such file"),
    (["--evaluate", "xquad-r", "--data-dir", "."], "xquad-r"),
    (["--evaluate", "atlas", "--evaluate", "atlas"], "--evaluate atlas is given twice"),
    (["--gpus-per-worker", "0.5", "--workers-per-trial", "2"], "workers of one trial cannot share a GPU"),
    (
        ["--gradient-accumulation", "40", "--workers-per-trial", "2"],
        "--gradient-accumulation 40: a worker has 24 pairs",
    ),
    (
        ["--model", "mini-t5-xs", "--set", "compute.packing=on"],
        "compute.packing is on, but texts of 'mini-t5-xs' are not",
    ),
    (
        ["--set", "compute.packing=on", "--factor", "compute.rectangles=1,4"],
        "compute.rectangles changes nothing where texts are packed: set compute.packing to off",
    ),
    (
        ["--dry-run", "--gpu", "t4-16", "--set", "compute.packing=on", "--set", "compute.precision=bfloat16"],
        "compute.packing is on, but attention without padding takes bfloat16 on GPUs of compute capability 8.0 and "
        "more: set compute.packing to auto.",
    ),
    (
        ["--dry-run", "--gpu", "a100-40", "--set", "compute.rectangles=4"],
        "compute.rectangles changes nothing where texts are packed",
    ),
    (["--set", "ratio.strat=1"], "Unknown option of a trial 'ratio.strat': did you mean ratio.start"),
    (["--set", "seed=3"], "Unknown option of a trial 'seed'"),
    (["--set", "ratio=linear(0,1)"], "--set ratio: every arm of a space has a ratio of its own"),
    (["--factor", "ratio.start=0.1,0.9", "--arms", "X-Y"], "--factor ratio.start: no strategy or family"),
    (["--arms", "X-Z"], "Unknown arm of the space 'X-Z': did you mean X-Y"),
    (["--space", "closed_loop", "--arms", "excess"], "excess follows the losses of X-X-mono and X-Y"),
    (["--arm", "linear: ratio=linear(0,1)"], "--arm linear: the space has an arm of this name"),
    (["--search", "loss.symmetric"], "--search loss.symmetric: it has no usual range"),
    (["--search", "loss.temperature=1..0"], "--search loss.temperature=1..0: the range is [1.0, 0.0]"),
    (
        ["--model", "mini-xs", "--model", "xlm-r-base", "--search-factor", "encoder=mini-xs,mini-s"],
        "an option is one of them",
    ),
    (["--storage", "~nobody-here/x"], "~nobody-here/x begins with the home folder of a user, and there is none"),
    (["--model", "~nobody-here/x"], "--model is '~nobody-here/x': ~nobody-here/x begins with the home folder"),
    (["--train", "~nobody-here/x", "--evaluate", "atlas"], "~nobody-here/x begins with the home folder of a user"),
    (["--evaluate", "~nobody-here/x"], "~nobody-here/x begins with the home folder of a user"),
    (["--cache-dir", "~nobody-here/x"], "~nobody-here/x begins with the home folder of a user"),
    (["--resume", "~nobody-here/x"], "~nobody-here/x begins with the home folder of a user"),
    (["--plugin", "no_such_module"], "--plugin no_such_module cannot be imported"),
    (["--evalute", "atlas"], "unrecognized arguments: --evalute atlas (did you mean --evaluate?); see --help."),
    (["--objective", "bilingual/mpa"], "Unknown objective 'bilingual/mpa': did you mean bilingual/map"),
    (["--measure", "ndgc@10"], "Unknown measure 'ndgc@10'"),
]


Refusal = Callable[..., str]


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Calls the command line in an empty folder; returns what it says as it refuses."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> str:
        assert main(arguments) == 2
        return capsys.readouterr().err

    return call


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_a_mistake_is_one_sentence_and_leaves_nothing(arguments: list[str], sentence: str, refusal: Refusal) -> None:
    said = refusal(*arguments)
    assert sentence in said
    assert said.startswith("study.run: ")
    assert len(said.strip().splitlines()) == 1
    assert list(Path.cwd().iterdir()) == [], "something was left behind"


@pytest.mark.slow
def test_checkpoints_of_sharded_weights_need_a_folder_that_all_machines_share() -> None:
    whole, sharded = toy_config(checkpoints=4), toy_config(parallel="sharded", checkpoints=4)
    remote, here = StudySettings(storage="s3://bucket/studies"), StudySettings(storage="studies")
    with pytest.raises(UserError, match=r"--storage s3://bucket/studies with compute.parallel=sharded: .* share, or"):
        check_shards([whole, sharded], remote)
    check_shards([sharded], here)
    check_shards([whole, toy_config(parallel="sharded", checkpoints=0)], remote)


@pytest.mark.slow
@pytest.mark.parametrize(
    "flag",
    [
        "--storage",
        "--resume",
        *(pytest.param(one, marks=pytest.mark.nightly) for one in ("--verify", "--confirm-only")),
    ],
)
def test_storage_that_does_not_answer_is_said_before_anything_else(flag: str, refusal: Refusal) -> None:
    said = refusal(flag, "s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http&region=x")
    assert "does not answer" in said
    assert "check the name, the region, the credentials and the connection" in said


def test_a_batch_that_workers_cannot_share_is_said(tmp_path: Path, refusal: Refusal) -> None:
    assert "--batch-size 15 is no multiple of --workers-per-trial 2" in refusal(
        "--workers-per-trial", "2", "--batch-size", "15"
    )


def test_a_study_that_exists_is_not_overwritten(tmp_path: Path, refusal: Refusal) -> None:
    (tmp_path / "studies" / "mine").mkdir(parents=True)
    (tmp_path / "studies" / "mine" / "study.json").write_text(json.dumps({"format": 1}))
    assert "already holds a study" in refusal("--name", "mine")


def test_a_file_in_the_place_of_a_folder_is_said(tmp_path: Path, refusal: Refusal) -> None:
    (tmp_path / "file").write_text("no folder")
    assert "/file (it is no folder); give another one" in refusal("--storage", "file", "--name", "x")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"format": 1, "name": "s"}, "study.json is damaged (it lacks data)"),
        ({"format": 2, "name": "s"}, "study.json is damaged (it has no checksum)"),
        ({"format": 3}, "study.json has format 3, this version reads 2: use the version that wrote it"),
        ([1], "study.json has format None"),
    ],
)
def test_a_study_that_cannot_be_understood_is_said(
    tmp_path: Path, refusal: Refusal, content: object, sentence: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "study.json").write_text(json.dumps(content))
    assert sentence in refusal("--resume", "mine")


def test_a_malformed_training_file_names_file_and_line(tmp_path: Path, refusal: Refusal) -> None:
    (tmp_path / "pairs.jsonl").write_text('{"id": "a", "query": {"en": "q"}, "passage": {"en": "p"}}\n{"id": "b"\n')
    assert "pairs.jsonl:2" in refusal("--train", "pairs.jsonl", "--evaluate", "atlas")


def test_a_full_disk_is_said(tmp_path: Path, refusal: Refusal) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        assert "no space left" in refusal("--storage", str(disk / "studies"))
        assert list(disk.iterdir()) == []


def test_a_benchmark_of_ones_own_without_a_language_is_asked_for_it(tmp_path: Path, refusal: Refusal) -> None:
    beir_folder(tmp_path / "own")
    sentence = refusal("--evaluate", "own")
    assert "own/queries.jsonl:1: nothing says in which language this is" in sentence
    assert "own:en), or in a column" in sentence


@pytest.mark.parametrize("more", [("--dry-run",), ("--arm", "mine: ratio=gap(0.5)")], ids=["plan", "run"])
def test_a_controller_that_follows_what_the_dev_set_lacks_is_said(refusal: Refusal, more: tuple[str, ...]) -> None:
    """Images that search captions have no monolingual pairs; the bias among captions can be followed."""
    images = ("--train", "pictograms", "--evaluate", "pictograms", "--model", "mini-image-xs")
    said = refusal(*images, "--objective", "multilingual/map", "--space", "closed_loop", *more)
    mine = " and mine (dev/loss/mono)" if "--arm" in more else ""
    assert (
        "gap (dev/loss/mono, dev/monolingual/map) and look-ahead (dev/loss/mono)"
        f"{mine} would follow what the dev set pictograms-image-to-text-dev (queries: image; candidates: ar, " in said
    )
    assert "it has dev/bias, dev/cross-lingual, dev/loss/cross, dev/multilingual; leave gap and look-ahead" in said
    assert len(said.splitlines()) == 1
    assert list(Path.cwd().iterdir()) == []


def test_an_objective_that_the_dev_set_cannot_have_is_said(tmp_path: Path, refusal: Refusal) -> None:
    """The items in both languages come in two groups, too large to be held out: nothing crosses languages in dev."""
    both = [
        {"id": f"b{i}", "group": str(i % 2), "query": {"de": f"f {i}", "en": f"q {i}"}, "passage": {"de": f"a {i}"}}
        for i in range(100)
    ]
    own = [
        {
            "id": f"{language}{i}",
            "query": {language: f"{language} query {i}"},
            "passage": {language: f"{language} passage {i}"},
        }
        for language in ("de", "en")
        for i in range(100)
    ]
    for name, items in (("both", both), ("own", own)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    train = ("--train", "both.jsonl", "--train", "own.jsonl", "--evaluate", "atlas", "--batch-size", "2")
    said = refusal(*train, "--objective", "cross-lingual/map")
    assert "--objective cross-lingual/map: the dev set (languages de, en) has no such value; give one of" in said
    assert "monolingual/map" in said
