"""Events of a run in progress: all of them, in order, until it ends or dies."""

import fcntl
import os
import threading

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.report.follow import follow_events, is_running
from lava_dispatcher_multinode.run.events import encode

STEP = {"t": 1, "event": "step", "node": "a", "text": "x"}
END = {"t": 2, "event": "job_finished"}


@pytest.fixture
def held(tmp_path):
    """A run directory that a run holds; close it and the run is dead."""
    (tmp_path / "events.jsonl").write_bytes(encode(STEP))
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield descriptor
    os.close(descriptor)


def append(directory, data):
    """Write as the run does."""
    with open(directory / "events.jsonl", "ab") as file:
        file.write(data)


def test_events_come_as_they_are_written(tmp_path, held):
    """Also one that is written in two pieces; the end ends it."""
    events = follow_events(tmp_path, threading.Event())
    assert next(events) == STEP
    line = encode({**STEP, "text": "y"})
    append(tmp_path, line[:9])
    threading.Timer(0.3, append, (tmp_path, line[9:] + encode(END))).start()
    assert next(events)["text"] == "y"
    assert list(events) == [END]


def test_it_ends_when_the_run_has_died(tmp_path, held):
    """Killed: no end in the file, a torn line, and a lock that is free."""
    append(tmp_path, encode(STEP) + b'{"t":')
    events = follow_events(tmp_path, threading.Event())
    assert next(events) == STEP
    assert is_running(tmp_path)
    fcntl.flock(held, fcntl.LOCK_UN)
    assert not is_running(tmp_path)
    assert list(events) == [STEP]


def test_it_can_be_stopped(tmp_path, held):
    """`stop` ends the display during a silent run."""
    stop = threading.Event()
    events = follow_events(tmp_path, stop)
    next(events)
    stop.set()
    assert list(events) == []


def test_damaged_line_does_not_end_it(tmp_path, held):
    """What cannot be read is passed over; the rest is not lost."""
    append(tmp_path, b"\xff\n[]\n" + encode(END))
    assert [event["event"] for event in follow_events(tmp_path, threading.Event())] == [
        "step",
        "",
        "",
        "job_finished",
    ]


def test_another_run_in_the_directory_ends_it(tmp_path, held):
    """A truncated file ends the display: it belongs to another run."""
    events = follow_events(tmp_path, threading.Event())
    next(events)
    (tmp_path / "events.jsonl").write_bytes(b"")
    assert list(events) == []


def test_what_is_no_run_is_an_error(tmp_path):
    """The directory is named."""
    with pytest.raises(InvalidJob, match=r"events\.jsonl"):
        next(follow_events(tmp_path, threading.Event()))
