"""Of all who begin a trial, the last one may write, and of its groups of workers the last one."""

import pytest

from trainables.claim import TakenOverError, claimed, take
from trainables.storage import Folder


def may_write(claim) -> bool:
    try:
        claim.check()
    except TakenOverError:
        return False
    return True


def test_the_last_process_may_write_and_of_its_parts_the_last(tmp_path):
    folder = Folder(tmp_path)
    first = take(folder)
    assert may_write(first)
    old, new = first.part(), first.part()
    assert [may_write(one) for one in (first, old, new)] == [True, False, True]
    second = take(folder)
    assert [may_write(one) for one in (first, old, new, second)] == [False, False, False, True]
    with pytest.raises(TakenOverError, match="was begun again by another process"):
        first.part()
    assert may_write(second)


def test_a_block_ends_with_the_loss_of_its_folder_whatever_else_goes_wrong_in_it(tmp_path):
    folder = Folder(tmp_path)
    with pytest.raises(TakenOverError), claimed(folder):
        int(take(folder).mark)
    with pytest.raises(ValueError, match="its own mistake"), claimed(folder):
        raise ValueError("its own mistake")
    process = take(folder)
    with claimed(folder, process.mark) as part:
        part.check()
    with claimed(folder, process.mark):
        assert not may_write(part)


def test_a_folder_without_a_mark_is_nobodys(tmp_path):
    claim = take(Folder(tmp_path))
    (tmp_path / ".claim").unlink()
    assert not may_write(claim)
