"""Dialogues: the right pattern, one deadline, an error that shows the console."""

from __future__ import annotations

import threading
import time

import pytest
from pexpect.expect import Expecter

from lava_dispatcher_multinode.console import expect as expect_module
from lava_dispatcher_multinode.console.expect import WINDOW_BYTES, Dialogue
from lava_dispatcher_multinode.errors import BootError


def test_the_first_pattern_that_comes_is_found(wire):
    """The index tells which pattern it was, `before` what was printed until then."""
    dialogue = Dialogue(wire.console)
    wire.print(b"hello\r\n=> ")
    found = dialogue.expect([rb"never", rb"\n=> "], timeout=10, step="prompt")
    assert (found.index, found.before) == (1, b"hello\r")


def test_what_follows_a_match_is_kept(wire):
    """Two prompts in one read are two matches."""
    dialogue = Dialogue(wire.console)
    wire.print(b"=> => ")
    for _ in range(2):
        dialogue.expect([b"=> "], timeout=10, step="prompt")
    assert dialogue.expect_or_none([b"=> "], timeout=0.05) is None


def test_a_wait_that_fails_shows_step_and_console(wire):
    """The error has the expected step and the last output."""
    wire.print(b"Bad image\r\n")
    with pytest.raises(BootError) as caught:
        Dialogue(wire.console).expect([b"login:"], timeout=0.3, step="waited for the login")
    assert "waited for the login: no match within" in str(caught.value)
    assert "Bad image" in str(caught.value)


def test_a_silent_console_is_reported_as_such(wire):
    """The commonest first mistake, the wrong port, is named."""
    with pytest.raises(BootError, match="check its port and speed"):
        Dialogue(wire.console).expect([b"x"], timeout=0.05, step="waited")


def test_garbage_has_a_hint_about_the_speed(wire):
    """A wrong baud rate prints, and never what is waited for."""
    wire.print(bytes(range(0x80, 0x100)) * 3 + b"x\xf8\x00\xe0U-\xfe" * 20)
    with pytest.raises(BootError, match=r"unreadable: check its speed \(baud\)"):
        Dialogue(wire.console).expect([b"login:"], timeout=0.3, step="waited")


def test_waking_does_not_end_a_wait(wire):
    """A wake-up does not end a wait."""
    dialogue = Dialogue(wire.console)
    threading.Timer(0.02, wire.console.wake).start()
    threading.Timer(0.2, wire.print, [b"done"]).start()
    assert dialogue.expect([b"done"], timeout=10, step="x").index == 0


def test_megabytes_before_the_pattern_are_searched_once(wire, monkeypatch):
    """A noisy boot is linear: what pexpect searches is a few times what came, not its square."""
    searched = []
    search = Expecter.do_search

    def counting(self, window, freshlen):
        searched.append(len(window))
        return search(self, window, freshlen)

    monkeypatch.setattr(Expecter, "do_search", counting)
    dialogue = Dialogue(wire.console)
    line = b"noise " * 600 + b"\r\n"

    def talk():
        for _ in range(800):
            wire.print(line)
        wire.print(b"login: ")

    talker = threading.Thread(target=talk)
    talker.start()
    dialogue.expect([b"login: "], timeout=100, step="login")
    talker.join()
    came = 800 * len(line)
    # A console that is read often gives it in pieces, and each is searched with a window before.
    assert came / 2 < sum(searched) <= came * 2 + len(searched) * WINDOW_BYTES
    assert max(searched) <= 2 * WINDOW_BYTES


def test_forget_drops_what_came(wire):
    """After a power cycle an old prompt is not taken for the new one."""
    dialogue = Dialogue(wire.console)
    wire.print(b"xx=> yy=> ")
    dialogue.expect([b"xx"], timeout=10, step="x")
    dialogue.forget()
    assert dialogue.expect_or_none([b"=> "], timeout=0.05) is None


def test_a_prompt_far_before_the_end_of_a_piece_is_found(wire):
    """Output between a prompt and the next wait does not disturb the dialogue."""
    wire.print(b"=> ")
    for _ in range(20):
        wire.print(b"n" * 3000 + b"\r\n")
    wire.print(b"mark\r\n")
    deadline = time.monotonic() + 10
    while "mark" not in wire.console.tail() and time.monotonic() < deadline:
        time.sleep(0.01)  # all of it is in the console's buffer now
    dialogue = Dialogue(wire.console)
    assert dialogue.expect([rb"=> "], timeout=10, step="prompt").before == b""
    assert dialogue.expect([rb"mark"], timeout=10, step="mark").before.count(b"n") == 60000


def test_what_comes_before_a_match_is_bounded(wire, monkeypatch):
    """A wait of hours on a board that talks costs no memory; the end of it is kept."""
    monkeypatch.setattr(expect_module, "MAX_BEFORE_BYTES", 10000)
    dialogue = Dialogue(wire.console)

    def talk():
        for number in range(200):
            wire.print(b"%04d" % number * 250)
        wire.print(b"login: ")

    talker = threading.Thread(target=talk)
    talker.start()
    found = dialogue.expect([b"login: "], timeout=30, step="login")
    talker.join()
    assert 10000 <= len(found.before) <= 40000
    assert found.before.endswith(b"0199")
