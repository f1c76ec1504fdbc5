"""A console that takes time to attach: nothing is typed before it is ready."""

from __future__ import annotations

import time

import pytest

from lava_dispatcher_multinode.console import ready
from lava_dispatcher_multinode.console.open import open_console
from lava_dispatcher_multinode.errors import ConsoleError
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection

#: A console client that drops its input until it is attached.
CLIENT = "stty raw -echo; sleep 0.5; printf '[Enter `^Ec?\\'\\'' for help]\\r\\n'; exec cat"
CLIENT = CLIENT.replace("\\'\\''", "")


def _open(command, **keys):
    return open_console(ConsoleConnection(command=command, **keys), "b1")


def _read(transport, count):
    got = b""
    while len(got) < count:
        got += transport.read()
    return got


@pytest.mark.parametrize("text", ["for help]", "[Enter"])
def test_a_text_is_waited_for(opened, text):
    """The text, and what came before it, are output like any other."""
    started = time.monotonic()
    transport = opened(_open(CLIENT, ready=text))
    assert time.monotonic() - started >= 0.5
    transport.write(b"typed")
    expected = b"[Enter `^Ec? for help]\r\ntyped"
    assert _read(transport, len(expected)) == expected


@pytest.mark.parametrize("seconds", ["1", 1.0])
def test_seconds_are_waited_for(opened, seconds):
    """For a client that prints nothing."""
    started = time.monotonic()
    opened(_open("exec cat", ready=seconds))
    assert time.monotonic() - started >= 1


def test_a_text_that_does_not_come_is_an_error(monkeypatch):
    """The error has the key, and what came instead."""
    monkeypatch.setattr(ready, "READY_TIMEOUT_S", 0.5)
    said = r"connection\.ready 'attached' has not come within 0 s; last output 'busy'"
    with pytest.raises(ConsoleError, match=said):
        _open("echo busy; exec sleep 60", ready="attached")


def test_a_client_that_ends_is_an_error_at_once():
    """Its last output explains the end."""
    with pytest.raises(ConsoleError, match=r"the command has ended; last output 'no console b1'"):
        _open("echo no console b1; exit 1", ready="attached")
