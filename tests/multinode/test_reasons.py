"""The sentences."""

from lava_dispatcher_multinode.multinode import reasons
from lava_dispatcher_multinode.multinode.api import Api, Call, Outcome, Status

WAIT, WAIT_ALL = Call(Api.WAIT, "a"), Call(Api.WAIT_ALL, "ready", role="server")


def test_a_command_reads_as_it_was_typed():
    """So that the user finds it in the test definition."""
    assert reasons.command(WAIT_ALL) == "lava-wait-all ready server"
    assert reasons.command(Call(Api.WAIT, "q", next=True)) == "lava-wait --next q"


def test_a_failure_names_its_call_once():
    """Whether the reason does already, or is none."""
    for reason in ("lava-wait a: timed out", "timed out"):
        outcome = Outcome(Status.TIMEOUT, reason=reason)
        assert reasons.failed(WAIT, outcome) == "lava-wait a: timed out"
    assert reasons.failed(WAIT_ALL, Outcome(Status.NEVER)) == "lava-wait-all ready server: never"


def test_lists_of_names_are_bounded():
    """Five hundred boards do not make a line that no terminal holds."""
    assert reasons.names(["a"]) == "a"
    assert reasons.names(["a", "b", "c"], "or") == "a, b or c"
    assert reasons.names([str(n) for n in range(500)]) == "0, 1, 2, 3, 4, 5, 6, 7 and 492 more"
    assert reasons.losses_of(["x died"] * 10).endswith("x died; and 2 more")


def test_what_became_of_a_peer():
    """Failed with its reason, or finished, with what it had sent until then."""
    assert reasons.lost("b", "kernel panic", WAIT, 0) == "b failed: kernel panic"
    assert reasons.lost("b", "", WAIT, 0) == "b failed"
    assert reasons.lost("b", None, WAIT, 0) == "b finished without sending 'a'"
    assert reasons.lost("b", None, WAIT, 1) == "b finished after sending 'a' only once"
    assert reasons.lost("b", None, WAIT, 2) == "b finished after sending 'a' only 2 times"


def test_a_deadlock_names_who_waits_for_whom():
    """The contract's own example."""
    graph = [("panda01", WAIT, ["beaglexm01"]), ("beaglexm01", Call(Api.WAIT, "b"), ["panda01"])]
    assert reasons.deadlock(graph, 2) == (
        "deadlock: panda01 waits for 'a' from beaglexm01; beaglexm01 waits for 'b' from panda01"
    )
    assert reasons.deadlock([("x", WAIT, ["y"])] * 32, 40).endswith("; 8 more waits")


def test_a_timeout_names_who_was_missing():
    """One that any device could have satisfied says "or"."""
    assert reasons.timed_out(30, ["b", "c"], WAIT) == "timed out after 30 s, waiting for b or c"
    assert reasons.timed_out(1.99958, ["b"], WAIT) == "timed out after 2 s, waiting for b"
    assert reasons.timed_out(0.5, ["b"], WAIT_ALL) == "timed out after 0.5 s, waiting for b"
