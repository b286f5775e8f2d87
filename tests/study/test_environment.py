"""What a study that goes on elsewhere says of where it began."""

from study.environment import changes_since, git_commit, versions


def test_who_goes_on_where_the_study_began_hears_nothing() -> None:
    assert changes_since(versions(), git_commit()) is None


def test_other_versions_and_another_commit_are_named() -> None:
    known = versions()
    before = {**known, "torch": "0.1", "gone": "2"}
    del before["numpy"]
    said = changes_since(before, "abc")
    assert said is not None
    assert (
        f"gone 2 (now not installed), numpy not recorded (now {known['numpy']}), torch 0.1 (now {known['torch']})"
        in said
    )
    assert f"commit abc (now {git_commit() or 'unknown'})" in said
    assert "may differ" in said
