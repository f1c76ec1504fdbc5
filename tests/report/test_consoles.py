"""console.log as a report shows it: bounded, and without anything that a reader would obey."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report import consoles
from lava_dispatcher_multinode.report.consoles import Consoles, visible


@pytest.fixture
def record(tmp_path):
    """Write a node's console.log; return what reads it."""

    def record(node, text, **more):
        path = tmp_path / "nodes" / node / "console.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Consoles(tmp_path, **more)

    return record


def lines(count, start=0.0):
    """Return lines of a console, a tenth of a second each."""
    return "".join(f"[{start + n / 10:12.6f}] line {n}\n" for n in range(count))


def test_short_console_is_there_as_it_is(record):
    """Nothing is lost of what fits."""
    (console,) = record("a", lines(9)).of(["a", "without"])
    assert (console.node, console.text, console.left_out) == ("a", lines(9), 0)


def test_long_console_loses_its_middle_and_says_so(record):
    """Both ends are there in whole lines, and the note has the size and a time."""
    text = lines(5000)
    (console,) = record("a", text, total=10_000).of(["a"])
    assert len(console.text) < 10_200
    head, note, tail = console.text.partition("-- ")
    assert text.startswith(head.rpartition("[")[0])
    note, _, tail = tail.partition("\n")
    assert note == f"{console.left_out} bytes left out here; nodes/a/console.log has them --"
    assert text.endswith(tail)
    assert tail.startswith("[")
    assert len(head.rpartition("[")[0]) + len(tail) + console.left_out == len(text)


def test_nodes_share_the_total(record):
    """Forty long consoles are no larger than the total."""
    for number in range(40):
        reader = record(f"n{number}", lines(500), total=40_000)
    texts = [console.text for console in reader.of([f"n{number}" for number in range(40)])]
    assert sum(map(len, texts)) < 40_000 + 40 * 120


def test_words_before_a_time_and_the_last_ones_after(record):
    """What a board had said by then, however long its console, and how it ended."""
    text = lines(20_000) + "[ 2000.500000] oops\n[ 2009.000000] much later\n"
    found = record("a", text).around("a", 1999.95)
    assert found[-2:] == ["[ 1999.900000] line 19999", "[ 2000.500000] oops"]
    assert len(found) == consoles.LINES_BEFORE + 1
    middle = record("a", text).around("a", 777.7)
    assert middle[consoles.LINES_BEFORE - 1] == "[  777.700000] line 7777"


def test_frames_and_empty_lines_say_nothing(record):
    """The console channel's own traffic does not push out what the board said."""
    text = "[    1.000000] real\n[    2.000000] <LAVA_MN A 1 2>\n[    3.000000] \n"
    assert record("a", text).around("a", 9) == ["[    1.000000] real"]


@pytest.mark.parametrize("name", ["../a", "..", "/etc", "a/b", "", "a\0b", "\ud800"])
def test_no_name_leads_elsewhere(record, name):
    """A node's name is a file name, or there is no console."""
    assert record("a", lines(1)).path(name) is None
    assert list(Consoles(None).of([name])) == []


@given(st.binary(max_size=200))
def test_any_bytes_become_harmless_text(data):
    """No control, no turn of direction, nothing hidden; lines stay lines."""
    text = visible(data)
    assert text.count("\n") == data.count(b"\n")
    hidden = {"\u202e", "\u2066", "\u200b", "\ufeff", "\x1b", "\x00", "\x9b", "\r"}
    assert not hidden & set(text)
    text.encode("utf-8")


def test_hidden_characters_are_shown_by_name():
    """Who reads it sees that they were there."""
    assert visible("a\u202eb\x1b[2Jc\u2029".encode()) == "a\\u202eb\\x1b[2Jc\\u2029"


def test_very_many_failures_have_no_excerpts_after_some(record, monkeypatch):
    """Ten thousand failed cases do not make a report of a gigabyte."""
    monkeypatch.setattr(consoles, "EXCERPTS", 2)
    excerpt = consoles.Excerpts(record("a", lines(3)))
    assert [bool(excerpt("a", 9)) for _ in range(4)] == [True, True, False, False]
