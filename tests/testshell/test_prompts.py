"""Prompts and marks in what a board prints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.testshell.prompts import WINDOW_BYTES, PromptWatch


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"\r\npanda01 login: ", True),
        (b"\nlogin:", True),
        (b"x\r\nlava-runner-ended 137\r\n", True),
        (b"\r\nwhen you log in: ", False),
        (b"see panda01 login: ", False),
        (b"\r\n/runner /0 1 2; echo lava-runner-ended $?", False),
        (b"\r\n# ", False),
    ],
)
def test_what_is_a_prompt(text, found):
    """At the start of a line; the typed mark is none, nor is a word of the tests' output."""
    assert PromptWatch("login:").feed(text) is found


def test_the_device_s_own_prompt():
    """`login.prompt` of the device file, a text rather than a pattern."""
    assert PromptWatch("User+Name: ").feed(b"\r\nboard User+Name: ")
    assert not PromptWatch("User+Name: ").feed(b"\r\nlogin: ")


@given(st.lists(st.binary(max_size=2 * WINDOW_BYTES), max_size=4), st.data())
def test_pieces_make_no_difference(noise, data):
    """A prompt is found once, however the stream is cut."""
    quiet = [piece.replace(b":", b"").replace(b"<", b"") for piece in noise]
    stream = b"".join(quiet) + b"\r\npanda01 login: " + b"".join(quiet)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    watch = PromptWatch("login:")
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert sum(watch.feed(piece) for piece in pieces) == 1
