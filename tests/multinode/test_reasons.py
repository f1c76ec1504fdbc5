"""The sentences of outcomes."""

import pytest

from lava_dispatcher_multinode.multinode import reasons
from lava_dispatcher_multinode.multinode.api import (
    Api,
    Call,
    Cause,
    Loss,
    Missing,
    Outcome,
    Status,
    WaitGraph,
    refused,
)

WAIT, WAIT_ALL = Call(Api.WAIT, "a"), Call(Api.WAIT_ALL, "ready", role="server")


def never(cause, **fields):
    """Return an outcome of a call that can never be satisfied."""
    return Outcome(Status.NEVER, (), cause, fields)


def timed_out(seconds, *names, **numbers):
    """Return the outcome of a call that waited for these devices."""
    fields = {"seconds": seconds, "missing": Missing(names, **numbers)}
    return Outcome(Status.TIMEOUT, (), Cause.TIMEOUT, fields)


def test_a_command_reads_as_it_was_typed():
    """The user can find it in the test definition."""
    assert reasons.command(WAIT_ALL) == "lava-wait-all ready server"
    assert reasons.command(Call(Api.WAIT, "q", next=True)) == "lava-wait --next q"


def test_a_failure_names_its_call_once():
    """Also when the sentence comes over the wire, or when there is no explanation."""
    assert reasons.sentence(WAIT, refused("too long")) == "lava-wait a: too long"
    received = never(Cause.ABORTED, sentence="lava-wait a: stopped")
    assert reasons.sentence(WAIT, received) == "lava-wait a: stopped"
    assert reasons.sentence(WAIT_ALL, Outcome(Status.NEVER)) == "lava-wait-all ready server: never"
    done = Outcome(Status.DONE)
    assert (reasons.sentence(WAIT, done), reasons.explanation(WAIT, done)) == ("", "")


def test_every_cause_has_a_sentence():
    """The one that cannot end a call, and the one of a success, need none."""
    fields = {
        Cause.NOT_ALLOWED: {"text": "no"},
        Cause.UNKNOWN_ROLE: {"role": "t", "known": ("r", "s")},
        Cause.TIMEOUT: {"seconds": 5, "missing": Missing(("b",))},
        Cause.PEER_LOST: {"losses": (Loss("b", "panic", 0),)},
        Cause.DEADLOCK: {"graph": WaitGraph((("a", WAIT, Missing(("b",))),), 0)},
        Cause.CALLER_LOST: {"name": "a", "state": "finished", "failure": None},
        Cause.CALLER_GONE: {"name": "a"},
        Cause.ABORTED: {"text": "stopped"},
        Cause.DISCONNECTED: {"text": "gone"},
    }
    assert {
        cause: reasons.explanation(WAIT_ALL, never(cause, **fields[cause])) for cause in fields
    } == {
        Cause.NOT_ALLOWED: "no",
        Cause.UNKNOWN_ROLE: "no device of the group has the role 't'; its roles: r and s",
        Cause.TIMEOUT: "timed out after 5 s, waiting for b",
        Cause.PEER_LOST: "b failed: panic",
        Cause.DEADLOCK: "deadlock: a waits for 'a' from b",
        Cause.CALLER_LOST: "a itself has finished",
        Cause.CALLER_GONE: "a closed its connection before the reply",
        Cause.ABORTED: "stopped",
        Cause.DISCONNECTED: "gone",
    }
    assert set(fields) == set(Cause) - {Cause.SATISFIED, Cause.NOT_YET}


def test_lists_of_names_are_bounded():
    """A sentence stays short with five hundred boards."""
    assert reasons.names(["a"]) == "a"
    assert reasons.names(["a", "b", "c"], "or") == "a, b or c"
    assert reasons.names([str(n) for n in range(500)]) == "0, 1, 2, 3, 4, 5, 6, 7 and 492 more"
    lost = never(Cause.PEER_LOST, losses=(Loss("x", "", 0),) * 8)
    assert reasons.explanation(WAIT_ALL, lost) == "; ".join(["x failed"] * 8)
    lost = never(Cause.PEER_LOST, losses=(Loss("x", "", 0),) * 10)
    assert reasons.explanation(WAIT_ALL, lost).endswith("x failed; and 2 more")


def test_numbers_stand_after_the_names_of_missing_devices():
    """Devices that are not named, and devices that have yet to join."""
    assert reasons.missing_words(Missing(("a", "b"), 3, 1)) == [
        "a",
        "b",
        "3 more",
        "1 not yet joined",
    ]
    assert reasons.explanation(WAIT_ALL, timed_out(1, "b", not_joined=2)) == (
        "timed out after 1 s, waiting for b and 2 not yet joined"
    )
    assert reasons.explanation(WAIT_ALL, timed_out(1, *"abcdefgh", more=4)) == (
        "timed out after 1 s, waiting for a, b, c, d, e, f, g, h and 4 more"
    )


@pytest.mark.parametrize(
    ("lost", "text"),
    [
        (Loss("b", "kernel panic", 0), "b failed: kernel panic"),
        (Loss("b", "", 0), "b failed"),
        (Loss("b", None, 0), "b finished without sending 'a'"),
        (Loss("b", None, 1), "b finished after sending 'a' only once"),
        (Loss("b", None, 2), "b finished after sending 'a' only 2 times"),
    ],
)
def test_what_became_of_a_peer(lost, text):
    """It failed, with the reason, or finished, with the number of its messages."""
    assert reasons.loss(lost, WAIT) == text


def test_a_wait_without_a_sender_left():
    """All other devices are lost, or there never was one."""
    lost = never(Cause.PEER_LOST, losses=(Loss("b", "", 0), Loss("c", None, 0)))
    assert reasons.explanation(WAIT, lost) == (
        "no device is left that could send it: b failed; c finished without sending 'a'"
    )
    alone = never(Cause.PEER_LOST, losses=())
    assert reasons.explanation(WAIT, alone) == "there is no other device in the group"


def test_a_deadlock_is_the_wait_graph():
    """The example of the contract."""
    waits = (
        ("panda01", WAIT, Missing(("beaglexm01",))),
        ("beaglexm01", Call(Api.WAIT, "b"), Missing(("panda01",))),
    )
    assert reasons.explanation(WAIT, never(Cause.DEADLOCK, graph=WaitGraph(waits, 0))) == (
        "deadlock: panda01 waits for 'a' from beaglexm01; beaglexm01 waits for 'b' from panda01"
    )
    many = never(Cause.DEADLOCK, graph=WaitGraph(waits, 8))
    assert reasons.explanation(WAIT, many).endswith("; 8 more waits")


def test_a_timeout_names_the_missing_devices():
    """A call that any device can satisfy has "or"."""
    assert reasons.explanation(WAIT, timed_out(30, "b", "c")) == (
        "timed out after 30 s, waiting for b or c"
    )
    assert reasons.explanation(WAIT, timed_out(1.99958, "b")) == (
        "timed out after 2 s, waiting for b"
    )
    assert reasons.explanation(WAIT_ALL, timed_out(0.126, "b")) == (
        "timed out after 0.13 s, waiting for b"
    )
    assert reasons.explanation(WAIT, timed_out(1)) == (
        "timed out after 1 s, waiting for other devices"
    )
