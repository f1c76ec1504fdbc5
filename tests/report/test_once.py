"""Sentences that are many nodes' reason."""

from lava_dispatcher_multinode.report.once import Shared
from lava_dispatcher_multinode.report.results import Results

LONG = "no device of the group has the role 'servers'; its roles: client and server"


def shared(story, *reasons):
    """Return the sentences that nodes share which failed for these reasons."""
    story.start({f"p{number}": {} for number in range(len(reasons))})
    for number, reason in enumerate(reasons):
        story.wait(f"p{number}", "refused", reason)
    return Shared(Results.of(story.events))


def test_sentence_of_many_is_cut_behind_its_first_words(story):
    """What a row leaves of it says what it is; the call before it is its node's own."""
    said = shared(story, f"lava-wait ready: {LONG}", LONG)
    assert said.split(f"lava-wait x: {LONG}") == ("lava-wait x: ", LONG)
    short = "no device of the group has the role 's.."
    assert said.brief(f"lava-wait x: {LONG}") == f"lava-wait x: {short}"
    assert said.brief(LONG) == short


def test_what_one_node_says_is_whole(story):
    """So is what is short, and what nobody waited for."""
    assert shared(story, LONG, "panda01 failed", "panda01 failed").brief(LONG) == LONG


def test_what_is_short_is_whole(story):
    """There is nothing to be gained."""
    assert shared(story, "p9 failed: panic", "p9 failed: panic").brief("p9 failed: panic") == (
        "p9 failed: panic"
    )
