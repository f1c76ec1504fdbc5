"""Signals become an exception before there are nodes, and news from then on."""

from __future__ import annotations

import os
import signal

import pytest

from lava_dispatcher_multinode.run.interruptions import SIGNALS, Interruptions


def _kill(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_before_hold_it_is_a_keyboard_interrupt(number):
    """While boards are being started there is nobody to be told yet."""
    with Interruptions(), pytest.raises(KeyboardInterrupt):
        _kill(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_after_hold_it_is_news(number):
    """No exception cuts the main thread short, however often it is asked."""
    with Interruptions() as interruptions:
        interruptions.hold()
        _kill(number)
        _kill(number)
        assert interruptions.news.get() is None
        assert interruptions.news.get() is None


def test_handlers_are_put_back():
    """Whoever called us gets its signals back."""
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interruptions():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_what_is_ignored_stays_ignored():
    """nohup means it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruptions():
            _kill(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
