"""What is sealed is believed only as it was written."""

import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from trainables.inert import inert
from trainables.sealed import plain_json, sealed, unsealed


class Content(BaseModel):
    name: str
    values: dict[str, float]
    inner: list[int]


TEXT = st.text(st.characters(codec="utf-8"))
CONTENTS = st.builds(
    Content,
    name=TEXT,
    values=st.dictionaries(TEXT, st.floats(allow_nan=False, allow_infinity=False)),
    inner=st.lists(st.integers()),
)


@given(CONTENTS)
def test_what_was_sealed_comes_back(content: Content) -> None:
    harmless = Content(
        name=inert(content.name),
        values={inert(name): value for name, value in content.values.items()},
        inner=content.inner,
    )
    assert unsealed(sealed(content), Content) == harmless


def test_no_flipped_bit_is_believed() -> None:
    content = Content(name="naïve", values={"a/b": 0.1, "c": 1e-300}, inner=[1, 2])
    text = sealed(content)
    generator = random.Random(0)
    for _ in range(500):
        place, bit = generator.randrange(len(text)), generator.randrange(8)
        damaged = bytearray(text)
        damaged[place] ^= 1 << bit
        try:
            found = unsealed(bytes(damaged), Content)
        except ValueError:
            continue
        # White space between values means nothing.
        assert found == content


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{}", "it has no checksum"),
        (b"[1]", "it has no checksum"),
        (b'{"a": NaN}', "it holds NaN"),
        (b'{"a": 1, "a": 2}', "it gives a name twice"),
        (b"[" * 100_000, "it is nested too deeply|Expecting value"),
        (b"\xff\xfe", "."),
    ],
)
def test_other_text_is_refused_with_a_reason(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unsealed(text, Content)


def test_what_is_no_number_cannot_be_sealed() -> None:
    with pytest.raises(ValueError, match="JSON"):
        sealed(Content(name="", values={"a": math.nan}, inner=[]))


def test_a_record_of_another_shape_is_told_by_its_field() -> None:
    other = json.loads(sealed(Content(name="", values={}, inner=[])))
    del other["sha256"]

    class Smaller(BaseModel):
        name: str

    text = sealed(Smaller(name="x"))
    with pytest.raises(ValueError, match="it lacks values, inner"):
        unsealed(text, Content)
    assert plain_json(b'{"a": 1e400}') == {"a": math.inf}
