"""The context of an action: a node, and the services of the run."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.errors import Cancelled


def test_a_step_and_a_remark_are_events_of_the_node(make_node, events):
    """The live view and the report show by these events what each board does."""
    node = make_node("b2")
    node.step("running tests")
    node.log("WARNING", "the disk is slow")
    assert events == [
        ("step", {"node": "b2", "text": "running tests"}),
        ("log", {"node": "b2", "level": "WARNING", "text": "the disk is slow"}),
    ]


def test_a_cancelled_run_ends_at_the_next_step(make_node, events):
    """The step is neither recorded nor started."""
    node = make_node()
    node.step("one")
    node.services.cancelled.set()
    with pytest.raises(Cancelled, match="^the run was interrupted$"):
        node.step("two")
    assert [fields["text"] for _, fields in events] == ["one"]


def test_what_happens_while_a_run_ends_is_still_recorded(make_node, events):
    """The reason of a failure must not be lost to the interruption."""
    node = make_node()
    node.services.cancelled.set()
    node.log("ERROR", "the board says nothing")
    assert [event for event, _ in events] == ["log"]


def test_two_runs_share_nothing(make_node):
    """One run's cancellation and servers do not affect another run."""
    one, other = make_node().services, make_node().services
    one.cancelled.set()
    assert not other.cancelled.is_set()
    assert one.servers is not other.servers


def test_a_new_node_has_done_nothing(make_node):
    """The first test boots the board and delivers the overlay; the job is the run's."""
    node = make_node()
    assert (node.booted, node.stages, node.overlay_boot, node.overlay_in_image) == (
        False,
        0,
        0,
        False,
    )
    assert node.job is node.services.job
