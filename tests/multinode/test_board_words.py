"""Calls and answers as words of the board's scripts."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.multinode import board_words
from lava_dispatcher_multinode.multinode.api import Api, Call, Cause, Outcome, Status, refused


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (["send", "id"], Call(Api.SEND, "id")),
        (["send", "id", "a=b=c", "d="], Call(Api.SEND, "id", {"a": "b=c", "d": ""})),
        (["wait", "id", "next", "timeout=1.5"], Call(Api.WAIT, "id", next=True, timeout=1.5)),
        (["wait-all", "id", "role=r=s"], Call(Api.WAIT_ALL, "id", role="r=s")),
        (["sync", "id"], Call(Api.SYNC, "id")),
    ],
)
def test_calls(words, call):
    """Each call's words make that call."""
    assert board_words.parse_call([word.encode() for word in words]) == call


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["send"],
        ["shout", "id"],
        ["send", "id", "word"],
        ["wait", "id", "colour=red"],
        ["wait", "id", "timeout=x"],
        ["wait", "id", "timeout=-1"],
        ["wait", "id", "timeout=nan"],
        ["wait", "id", "timeout=inf"],
        ["wait", "id", "word"],
    ],
)
def test_nonsense(words):
    """Other words are an error with a sentence."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        board_words.parse_call([word.encode() for word in words])


def test_answers():
    """Answers carry the exit code, the sentence, and a line for each datum."""
    call = Call(Api.WAIT, "x")
    done = Outcome(Status.DONE, (("b", {"k": "v w"}), ("a", {}), ("c", {"m": ""})))
    assert board_words.format_reply(call, done) == [b"0", b"", b"b:k=v w", b"c:m="]
    lost = Outcome(Status.NEVER, (), Cause.ABORTED, {"text": "gone\nfor good"})
    assert board_words.format_reply(call, lost) == [b"4", b"lava-wait x: gone for good"]
    received = Outcome(Status.NEVER, (), Cause.DEADLOCK, {"sentence": "lava-wait x: deadlock: a"})
    assert board_words.format_reply(call, received)[1] == b"lava-wait x: deadlock: a"
    assert board_words.format_reply(call, refused("no")) == [b"1", b"lava-wait x: no"]
    assert board_words.format_reply(call, Outcome(Status.TIMEOUT))[0] == b"3"


def test_bytes_that_are_no_text():
    """Bytes that are not UTF-8 pass unchanged in both directions."""
    call = board_words.parse_call([b"send", b"id", b"k=\xff\xc3"])
    answer = board_words.format_reply(call, Outcome(Status.DONE, (("a", call.data),)))
    assert answer[2] == b"a:k=\xff\xc3"


def test_result_names():
    """Results are named as LAVA names them."""
    assert board_words.result_name(Call(Api.WAIT_ALL, "Ready")) == "multinode-wait_all-ready"
    assert board_words.result_name(Call(Api.SEND, "a-B")) == "multinode-send-a-b"
