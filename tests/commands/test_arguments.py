"""Arguments that several commands have."""

from __future__ import annotations

import argparse

import pytest

from lava_dispatcher_multinode.commands.arguments import positive_seconds, seconds
from lava_dispatcher_multinode.commands.lava_multinode import build_parser


@pytest.mark.parametrize("text", ["0", "1.5", "1e3"])
def test_seconds(text):
    """Any number from 0 is valid."""
    assert seconds(text) == float(text)


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf"])
def test_no_seconds(text):
    """Negative, infinite and other values are rejected."""
    with pytest.raises(argparse.ArgumentTypeError, match="is not a number of seconds"):
        seconds(text)


def test_an_interval_is_positive():
    """An interval of 0 s would be a busy loop."""
    assert positive_seconds("0.5") == 0.5
    with pytest.raises(argparse.ArgumentTypeError, match="above 0"):
        positive_seconds("0")


def test_the_message_names_the_value(capsys):
    """argparse would name the type function."""
    with pytest.raises(SystemExit, match="2"):
        words = ["submit", "job", "--server", "s", "--interval", "soon"]
        build_parser(["submit"]).parse_args(words)
    assert "--interval: 'soon' is not a number of seconds" in capsys.readouterr().err
