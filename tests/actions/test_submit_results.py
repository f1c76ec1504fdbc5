"""`submit_results`: a warning."""

from __future__ import annotations

from lava_dispatcher_multinode.actions.submit_results import SubmitResults


def test_submitting_says_that_nothing_is_sent(make_node, events):
    """The server address of an old job may contain a password, so the log omits it."""
    SubmitResults().run(make_node(), {"server": "http://me:secret@old/RPC2", "stream": "/x/"})
    ((event, fields),) = events
    assert (event, fields["level"]) == ("log", "WARNING")
    assert "nothing is sent" in fields["text"]
    assert "secret" not in str(fields)
