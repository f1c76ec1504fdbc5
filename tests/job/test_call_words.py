"""Calls whose words are wrong."""

import subprocess
from pathlib import Path

import pytest

from lava_dispatcher_multinode.job.call_words import slip

OVERLAYS = Path(__file__).parents[2] / "overlays"


@pytest.mark.parametrize(
    ("api", "words", "why"),
    [
        ("sync", "", "the ID is missing"),
        ("wait", "--next", "the ID is missing"),
        ("wait", "--nxt a", "no option '--nxt'"),
        ("wait", "-n a", "no option '-n'"),
        ("sync", "--next a", "no option '--next'"),
        ("sync", "--timeout a", "takes seconds, not 'a'"),
        ("sync", "a --timeout", "takes seconds, not ''"),
        ("wait", "--timeout=5s a", "takes seconds, not '5s'"),
        ("wait", "a b", "'b' is one word too many"),
        ("wait-all", "a b c", "'c' is one word too many"),
        ("send", "", "the ID is missing"),
        ("send", "ip=1", "the ID is missing before 'ip=1'"),
        ("send", "--data a=1", "no option '--data'"),
        ("send", "a b", "'b' is not KEY=VALUE"),
        ("send", "a ip:=1", "'ip:=1' is not KEY=VALUE"),
    ],
)
def test_what_is_warned_of_ends_with_2_on_the_board(api, words, why):
    """A warning must not cry wolf: the board's own commands have the last word."""
    assert why in slip(api, words.split())
    done = subprocess.run(
        ["sh", OVERLAYS / "bin" / f"lava-{api}", *words.split()],
        env={"PATH": "/usr/bin:/bin", "LAVA_DIR": str(OVERLAYS), "LAVA_HOSTNAME": "a"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr


@pytest.mark.parametrize(
    ("api", "words"),
    [
        ("sync", "a"),
        ("wait", "--next --timeout 5 a"),
        ("wait", "a --timeout=.5"),
        ("wait-all", "--timeout 1. a client"),
        ("send", "a"),
        ("send", "a k= x.y-z_1=-=-"),
    ],
)
def test_right_words_are_right(api, words):
    """Options may stand anywhere, and values may be anything."""
    assert slip(api, words.split()) == ""
