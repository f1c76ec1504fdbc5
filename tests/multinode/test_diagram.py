"""The diagrams in the documents."""

from pathlib import Path

import pytest

from lava_dispatcher_multinode.coordinator import (
    access,
    lava_polling,
    observer,
    protocol,
    server_loop,
)
from lava_dispatcher_multinode.multinode import api, diagram, rules, topics
from lava_dispatcher_multinode.multinode.transitions import CALL_TRANSITIONS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_diagrams_are_current():
    """Run `python -m lava_dispatcher_multinode.multinode.diagram` on the file if this fails."""
    text = (DOCS / "explanation" / "coordinator.md").read_text("utf-8")
    assert diagram.updated(text) == text


def test_every_transition_is_shown():
    """With its event; a final state has an arrow out."""
    text = diagram.mermaid(*diagram.DIAGRAMS["a call"])
    for (before, event), after in CALL_TRANSITIONS.items():
        assert f"    {before} --> {after}: {event}\n" in text
    assert "    done --> [*]" in text
    assert "    waiting --> [*]" not in text


def test_a_document_without_the_place_is_an_error():
    """A document without the markers would lose the diagram."""
    with pytest.raises(ValueError, match="diagram: a call"):
        diagram.updated("# nothing")


@pytest.mark.parametrize(
    "bound",
    [
        api.MAX_DATA_BYTES,
        protocol.MAX_REQUEST_BYTES,
        topics.MAX_MESSAGES,
        rules.MAX_WAITS,
        api.MAX_NAME_BYTES,
        access.MAX_CONNECTIONS_PER_MEMBER,
        access.MAX_STRANGERS,
        server_loop.MAX_REQUESTS_IN_A_ROW,
        observer.MAX_LOGGED_REFUSALS,
        lava_polling.POLL_GRACE_DELAYS,
    ],
)
def test_the_documented_bounds_are_the_real_ones(bound):
    """The numbers in the reference are those of the program."""
    assert f"{bound:,}" in (DOCS / "reference" / "coordinator.md").read_text("utf-8")
