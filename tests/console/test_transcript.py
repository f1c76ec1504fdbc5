"""The transcript: console.raw is every byte, console.log is for people."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.console.transcript import MAX_LINE, Transcript, printable


def _ticking():
    ticks = iter(range(10**9))
    return lambda: float(next(ticks))


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_raw_is_every_byte(tmp_path_factory, chunks):
    """Whatever the pieces, console.raw is their sum, and console.log has stamped lines only."""
    directory = tmp_path_factory.mktemp("transcript")
    transcript = Transcript(directory, _ticking())
    for chunk in chunks:
        transcript.feed(chunk)
    transcript.close()
    assert (directory / "console.raw").read_bytes() == b"".join(chunks)
    log = (directory / "console.log").read_bytes().decode("utf-8")
    assert all(re.match(r"\[ *\d+\.\d{6}\] ", line) for line in log.split("\n")[:-1])


def test_a_line_has_the_time_of_its_first_byte(tmp_path):
    """A prompt that waited an hour for its answer is stamped when it was printed."""
    transcript = Transcript(tmp_path, _ticking())
    transcript.feed(b"slow")
    transcript.feed(b"ly\r\nnext\r\n")
    transcript.close()
    assert (tmp_path / "console.log").read_text().splitlines() == [
        "[    0.000000] slowly",
        "[    1.000000] next",
    ]


def test_an_endless_line_is_continued(tmp_path):
    """No line of console.log is longer than an editor can stand, and none is lost."""
    transcript = Transcript(tmp_path, _ticking())
    transcript.feed(b"y" * (3 * MAX_LINE + 5))
    transcript.close()
    lines = (tmp_path / "console.log").read_text().splitlines()
    assert [len(line.split("] ")[1]) for line in lines] == [MAX_LINE, MAX_LINE, MAX_LINE, 5]


def test_notes_end_the_line_that_was_open(tmp_path):
    """What the dispatcher did stands on a line of its own."""
    transcript = Transcript(tmp_path, _ticking())
    transcript.feed(b"cut o")
    transcript.note("power off")
    transcript.close()
    lines = (tmp_path / "console.log").read_text().splitlines()
    assert lines == ["[    0.000000] cut o", "[    1.000000] -- power off --"]


def test_control_bytes_do_not_reach_a_terminal():
    """An escape sequence of the board's is shown, not obeyed."""
    assert printable(b"a\x1b[2Jb\x07\xc2\x9b1m\xff") == "a\\x1b[2Jb\\x07\\x9b1m\\xff"
    assert printable("grün\t".encode()) == "grün\t"
