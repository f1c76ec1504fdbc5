"""The transcript: every byte in console.raw, readable lines in console.log."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.console import transcript as transcript_module
from lava_dispatcher_multinode.console.transcript import MAX_LINE_BYTES, Transcript, printable


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


@pytest.mark.parametrize(("longest", "spare"), [(5000, 0), (1 << 40, 1 << 80)])
def test_a_board_that_prints_without_end_does_not_fill_the_disk(
    tmp_path, monkeypatch, longest, spare
):
    """Recording ends, with a note, at the limit or on an almost full disk; reading continues."""
    for name, value in {
        "MAX_CONSOLE_BYTES": longest,
        "MIN_FREE_DISK_BYTES": spare,
        "DISK_CHECK_BYTES": 5000,
    }.items():
        monkeypatch.setattr(transcript_module, name, value)
    transcript = Transcript(tmp_path, _ticking())
    for number in range(2000):
        transcript.feed(b"line %d\r\n" % number)
    transcript.note("power off")
    assert transcript.tail()[-1] == "line 1999"
    transcript.close()
    assert (tmp_path / "console.raw").stat().st_size < 5000
    log = (tmp_path / "console.log").read_text()
    assert log.count("recording ends") == 1
    assert log.endswith("-- power off --\n")


def test_an_endless_line_is_continued(tmp_path):
    """No line of console.log is longer than an editor can stand, and none is lost."""
    transcript = Transcript(tmp_path, _ticking())
    transcript.feed(b"y" * (3 * MAX_LINE_BYTES + 5))
    transcript.close()
    lines = (tmp_path / "console.log").read_text().splitlines()
    assert [len(line.split("] ")[1]) for line in lines] == [
        MAX_LINE_BYTES,
        MAX_LINE_BYTES,
        MAX_LINE_BYTES,
        5,
    ]


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


def _expected(chunks):
    """Return console.log as it should be, made line by line."""
    out, line, started = [], b"", 0.0
    for now, chunk in enumerate(chunks):
        for byte in chunk:
            if len(line) == MAX_LINE_BYTES and byte != 10:
                out.append((started, line))
                line = b""
            if not line:
                started = float(now)
            if byte == 10:
                out.append((started, line))
                line = b""
            else:
                line += bytes([byte])
    if line:
        out.append((started, line))
    return b"".join(
        b"[%12.6f] %s\n" % (time, printable(text.strip(b"\r")).encode()) for time, text in out
    )


_long = st.sampled_from([(b"y", 5000), (b"z", MAX_LINE_BYTES), (b"ok\r\n", 2000)]).map(
    lambda part: part[0] * part[1]
)
_texts = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([b"\n", b"\r\n", b"\r\r\n", b"\n\r", b"\r"]),
        _long,
        st.sampled_from(["grün\x9b\u2028\n".encode(), b"\x1b[0;32m OK\r\n"]),
    ),
    max_size=12,
)


@given(_texts)
def test_the_log_is_as_if_made_line_by_line(tmp_path_factory, chunks):
    """Working on whole pieces makes no difference: ends, continuations, controls, times."""
    directory = tmp_path_factory.mktemp("transcript")
    transcript = Transcript(directory, _ticking())
    for chunk in chunks:
        transcript.feed(chunk)
    transcript.close()
    assert (directory / "console.log").read_bytes() == _expected(chunks)


def test_bytes_that_come_one_at_a_time(tmp_path):
    """A slow line is written like a fast one, and is the tail before it ends."""
    transcript = Transcript(tmp_path, lambda: 0.0)
    for byte in b"one\r\ntwo\r\nthr":
        transcript.feed(bytes([byte]))
    assert transcript.tail() == ["one", "two", "thr"]
    assert (tmp_path / "console.log").read_text().split("\n")[-2].endswith("] two")
    transcript.close()


def test_the_tail_is_bounded(tmp_path):
    """The last lines are kept, and no more of them than a message can show."""
    transcript = Transcript(tmp_path, lambda: 0.0)
    for number in range(10000):
        transcript.feed(b"line %d\r\n" % number)
    assert transcript.tail() == [f"line {number}" for number in range(9988, 10000)]
    transcript.feed(b"w" * 1_000_000)
    assert transcript.tail() == ["w" * 200]
    assert len(transcript._recent) <= 40000
    transcript.close()


def test_the_tail_from_a_text_on(tmp_path):
    """A tail starts at the last line with a text, or at the first kept one."""
    transcript = Transcript(tmp_path, lambda: 0.0)
    transcript.feed(b"panic\r\nold\r\n\r\n[1.0] panic: x\r\ntrace\r\n")
    assert transcript.tail_from("panic") == ["[1.0] panic: x", "trace"]
    assert len(transcript.tail_from("oops")) == 4
    transcript.close()


@pytest.mark.parametrize("name", ["console.raw", "console.log"])
def test_a_full_disk_is_reported_once(tmp_path, name):
    """A full disk is an error of `feed`; notes and closing still work."""
    (tmp_path / name).symlink_to("/dev/full")
    transcript = Transcript(tmp_path, lambda: 0.0)
    with pytest.raises(OSError, match="No space"):
        transcript.feed(b"x\n")
    transcript.note("power off")
    transcript.close()
    transcript.note("after the end")
