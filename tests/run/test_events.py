"""The event log: order, durability and failing subscribers."""

import enum
import json
import re
import subprocess
import sys
import threading
from pathlib import PurePosixPath
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.run import events
from lava_dispatcher_multinode.run.events import (
    EventLog,
    clock_from_now,
    encode,
    remove_torn_line,
    time_of_day,
)


class Clock:
    """A clock that advances by one second per call."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        """Return the next second."""
        self.now += 1
        return self.now


def read(path):
    """Return the events of a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_line_has_time_kind_and_fields_in_order(tmp_path):
    """Lines have the documented format."""
    path = tmp_path / "events.jsonl"
    with EventLog(path, Clock()) as log:
        log.emit("step", node="panda01", text="power on")
        expected = b'{"t":1.0,"event":"step","node":"panda01","text":"power on"}\n'
        assert path.read_bytes() == expected  # before close: a killed run has it too


def test_times_are_rounded_to_microseconds():
    """Times are rounded to microseconds; measurements are not."""
    seen = []
    times = {"start": 1.248485554000581, "end": 0.1 + 0.2, "asked": None, "seconds": 1}
    with EventLog(None, lambda: 0.1 + 0.2) as log:
        log.subscribe(seen.append)
        log.emit("test_case", measurement=1.25e-9, **times)
    assert seen == [
        {"t": 0.3, "event": "test_case", "measurement": 1.25e-9}
        | {"start": 1.248486, "end": 0.3, "asked": None, "seconds": 1}
    ]


def test_subscriber_sees_what_the_file_has(tmp_path):
    """Subscribers get the same events as the file."""

    class Result(enum.StrEnum):
        PASS = "pass"

    seen = []
    with EventLog(tmp_path / "e", Clock()) as log:
        log.subscribe(seen.append)
        log.emit(
            "odd",
            result=Result.PASS,
            raw=b"\xff\x1b",
            path=PurePosixPath("/a"),
            pair=(1, 2.5),
            names=frozenset({"b", "a"}),
            data=MappingProxyType({"k": None}),
            nan=float("nan"),
            yes=True,
            text="\udc80 \u2028 ä",
        )
    assert read(tmp_path / "e") == seen
    assert seen[0] | {"text": ""} == {
        "t": 1.0,
        "event": "odd",
        "result": "pass",
        "raw": "\\xff\x1b",
        "path": "/a",
        "pair": [1, 2.5],
        "names": ["a", "b"],
        "data": {"k": None},
        "nan": None,
        "yes": True,
        "text": "",
    }
    assert type(seen[0]["result"]) is str


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.floats(), st.binary(), st.integers())))
def test_any_data_is_one_line_of_ascii(data):
    """Arbitrary data is one line of ASCII, without control characters."""
    seen = []
    with EventLog(None, Clock()) as log:
        log.subscribe(seen.append)
        log.emit("message", data=data)
    line = encode(seen[0])
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert all(byte >= 0x20 for byte in line[:-1])
    assert json.loads(line) == seen[0]


def test_fields_cannot_pose_as_time_or_kind():
    """Fields cannot override the time and the kind of an event."""
    seen = []
    with EventLog(None, Clock()) as log:
        log.subscribe(seen.append)
        log.emit("log", t=99, event="job_finished")
    assert seen == [{"t": 1.0, "event": "log"}]


def test_a_failing_subscriber_is_reported_once_and_stops_nothing(capsys):
    """A failing subscriber is reported once and stops nothing."""
    seen = []

    def broken(event):
        raise OSError(28, "No space left on device")

    with EventLog(None, Clock()) as log:
        log.subscribe(broken)
        log.subscribe(seen.append)
        log.emit("step")
        log.emit("step")
    assert len(seen) == 2
    assert capsys.readouterr().err.count("No space left") == 1


def test_event_of_a_subscriber_comes_after_the_one_that_caused_it(tmp_path):
    """File and subscribers see the same order of events."""
    first, second = [], []
    with EventLog(tmp_path / "e", Clock()) as log:

        def echo(event):
            first.append(event["event"])
            if event["event"] == "cause":
                log.emit("effect")

        log.subscribe(echo)
        log.subscribe(lambda event: second.append(event["event"]))
        log.emit("cause")
    assert first == second == [e["event"] for e in read(tmp_path / "e")] == ["cause", "effect"]


def test_threads_never_mix_lines_and_times_never_go_back(tmp_path):
    """Lines of concurrent threads stay intact, with increasing times."""
    seen = []
    barrier = threading.Barrier(4)
    with EventLog(tmp_path / "e", clock_from_now()) as log:
        log.subscribe(seen.append)

        def work(node):
            barrier.wait()
            for number in range(100):
                log.emit("step", node=node, text="x" * number)

        threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert read(tmp_path / "e") == seen
    assert len(seen) == 400
    times = [event["t"] for event in seen]
    assert times == sorted(times)
    for node in "0123":
        assert [len(e["text"]) for e in seen if e["node"] == node] == list(range(100))


def test_the_time_of_day_is_of_one_zone():
    """The time of day is in UTC."""
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time_of_day())


def test_nothing_after_close(tmp_path):
    """An event after the end neither fails nor is written."""
    seen = []
    log = EventLog(tmp_path / "e", Clock())
    log.subscribe(seen.append)
    log.emit("step")
    log.close()
    log.close()
    log.emit("step")
    assert len(seen) == len(read(tmp_path / "e")) == 1


def test_new_log_replaces_an_old_one(tmp_path):
    """A new log in the same directory replaces the old one."""
    for kind in ("old", "new"):
        with EventLog(tmp_path / "e", Clock()) as log:
            log.emit(kind)
    assert [event["event"] for event in read(tmp_path / "e")] == ["new"]


@pytest.mark.needs("/dev/full")
def test_a_full_disk_is_reported_once_and_the_run_goes_on(capsys):
    """A full disk ends the file, not the events of subscribers."""
    from pathlib import Path

    seen = []
    with EventLog(Path("/dev/full"), Clock()) as log:
        log.subscribe(seen.append)
        log.emit("step")
        log.emit("step")
        assert isinstance(log.failure, OSError)
    assert len(seen) == 2
    assert capsys.readouterr().err.count("cannot write the event log") == 1


def test_remarks_without_end_are_counted_out(monkeypatch):
    """The number of log messages per node and level is limited."""
    monkeypatch.setattr(events, "MAX_LOG_EVENTS", 3)
    seen = []
    with EventLog(None, Clock()) as log:
        log.subscribe(seen.append)
        for number in range(9):
            level = ("warning", "WARNING")[number % 2]
            log.emit("log", node="loud", level=level, text=f"{number}")
        log.emit("log", node="loud", level="ERROR", text="it cannot be switched off")
        log.emit("log", node="other", level="warning", text="heard")
        log.emit("step", node="loud", text="on")
    assert [event["text"] for event in seen] == [
        *("0", "1", "2"),
        "limit of 3 log events reached; the rest is dropped",
        *("it cannot be switched off", "heard", "on"),
    ]


def test_level_has_one_form():
    """Levels of log messages are normalised."""
    seen = []
    with EventLog(None, Clock()) as log:
        log.subscribe(seen.append)
        for level in ("warning", "WARNING", "Warning"):
            log.emit("log", node="a", level=level, text="hot")
    assert [event["level"] for event in seen] == ["WARNING"] * 3


def test_killed_process_leaves_every_event(tmp_path):
    """After SIGKILL, all earlier events are in the file."""
    path = tmp_path / "e"
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from lava_dispatcher_multinode.run.events import EventLog, clock_from_now\n"
        "log = EventLog(Path(sys.argv[1]), clock_from_now())\n"
        "log.emit('step', text='a' * 60000)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    assert len(read(path)[0]["text"]) == 60000


@given(lines=st.lists(st.binary(max_size=90000).map(lambda b: b.replace(b"\n", b"")), max_size=3))
def test_mend_takes_the_torn_line_only(tmp_path_factory, lines):
    """Only an incomplete last line is removed, of any length."""
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    whole = b"".join(line + b"\n" for line in lines[:-1])
    path.write_bytes(whole + (lines[-1] if lines else b""))
    remove_torn_line(path)
    assert path.read_bytes() == whole


def test_append_goes_on_after_what_is_there(tmp_path):
    """An appended log keeps the earlier events."""
    path = tmp_path / "events.jsonl"
    for kind, append in (("one", False), ("two", True)):
        with EventLog(path, Clock(), append=append) as log:
            log.emit(kind)
    assert [event["event"] for event in read(path)] == ["one", "two"]
