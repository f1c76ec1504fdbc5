"""What several commands take."""

from __future__ import annotations

import argparse

import pytest

from lava_dispatcher_multinode.commands.arguments import positive_seconds, seconds
from lava_dispatcher_multinode.commands.lava_multinode import build_parser


@pytest.mark.parametrize("text", ["0", "1.5", "1e3"])
def test_seconds(text):
    """Whatever is a number will do."""
    assert seconds(text) == float(text)


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf"])
def test_no_seconds(text):
    """A limit that is none would be met late, or never."""
    with pytest.raises(argparse.ArgumentTypeError, match="is not a number of seconds"):
        seconds(text)


def test_an_interval_is_no_busy_loop():
    """A server that is asked every 0 s is asked all the time."""
    assert positive_seconds("0.5") == 0.5
    with pytest.raises(argparse.ArgumentTypeError, match="above 0"):
        positive_seconds("0")


def test_what_is_no_number_is_told_as_such(capsys):
    """Not by the name of the function that found it."""
    with pytest.raises(SystemExit, match="2"):
        words = ["submit", "job", "--server", "s", "--interval", "soon"]
        build_parser(["submit"]).parse_args(words)
    assert "--interval: 'soon' is not a number of seconds" in capsys.readouterr().err
