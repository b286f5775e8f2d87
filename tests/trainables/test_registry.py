import pytest

from trainables.errors import UserError
from trainables.registry import Registry


def test_names_keep_their_order_and_are_taken_once() -> None:
    found = Registry("colour", str.lower, ["Red", "Blue"])
    assert found.register("Green") == "Green"
    assert list(found) == ["red", "blue", "green"]
    same = found["red"]
    found.register(same)
    with pytest.raises(UserError, match="two of the colour 'red'"):
        found.register("RED")
    assert (len(found), found["red"]) == (3, "Red")


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match="Unknown colour 'rde': did you mean red"):
        Registry("colour", str.lower, ["Red", "Blue"]).find("rde")
