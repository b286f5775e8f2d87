"""Event files hold what was reported, one folder per trial; a trial that goes on adds to its own."""

from pathlib import Path

from tensorboardX.proto.event_pb2 import Event

from study.listeners.tensorboard import TensorBoard
from tests.study.listeners.story import OUTCOME, TRIAL, report_at


def points(folder: Path) -> set[tuple[str, int, float]]:
    """The scalars in the event files of a folder: records of an 8-byte length, 4 bytes, the event, 4 bytes."""
    found = set()
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        while content:
            length = int.from_bytes(content[:8], "little")
            event = Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.add((value.tag, event.step, value.simple_value))
    return found


def test_a_trial_that_was_cut_off_and_goes_on_has_all_its_points_in_one_folder(tmp_path: Path) -> None:
    first = TensorBoard("s", "1a2b", tmp_path)
    first.reported(TRIAL, report_at(2))
    first.close()
    second = TensorBoard("s", "1a2b", tmp_path)
    second.reported(TRIAL, report_at(4))
    second.ended(TRIAL, OUTCOME)
    second.close()
    (folder,) = (tmp_path / "tensorboard").iterdir()
    assert folder.name == TRIAL.id
    found = points(folder)
    assert {step for name, step, _ in found if name == "loss"} == {2, 4}
    assert ("loss_cross", 4, 2.0) in found
    assert ("dev/multilingual/map", 2, 0.25) in found
    assert ("dev/multilingual/recall_at_10", 8, 0.5) in found
    assert not [name for name, _, _ in found if name == "loss_mono"]
