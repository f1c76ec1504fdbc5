"""The entries of LAVA's log, one document per line."""

import pytest

from lava_dispatcher_multinode.lava.jobs.lava_entries import (
    MAX_LINE_BYTES,
    failure_reason,
    parse_entry,
    parse_number,
)


@pytest.mark.parametrize(
    "line",
    [
        b'{"dt": "2026-01-01T00:00:00", "lvl": "info", "msg": "a"}\n',
        b"{dt: '2026-01-01T00:00:00', lvl: info, msg: a}\n",  # not JSON
    ],
)
def test_an_entry_is_read(line):
    """LAVA writes YAML; JSON is parsed faster."""
    entry = parse_entry(line)
    assert (entry["lvl"], entry["msg"]) == ("info", "a")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"Traceback (most recent call last):\n",
        b'  {"lvl": "info"}\n',
        b"{\n",
        b"{lvl: info\n",
        b'{"msg": "no level"}\n',
        b"{}\n",
        b"{lvl: [unclosed}\n",
        b"{lvl: !!python/object/apply:os.system [x]}\n",
        b"\x00\xff\n",
        b"{" * 5000 + b"\n",
        b'{"lvl": ' * 5000 + b"\n",
        b"{lvl: 2026-13-45}\n",  # an invalid date
    ],
)
def test_what_is_no_entry_is_none(line):
    """Other lines of a library or a board cannot end the reader, nor run anything."""
    assert parse_entry(line) is None


def test_a_line_that_is_too_long_is_not_parsed():
    """LAVA's own limit is far lower; lines up to this limit are parsed."""
    start, end = b'{"lvl": "', b'"}'
    fits = start + b"x" * (MAX_LINE_BYTES - len(start + end)) + end
    assert len(fits) == 1048576
    assert parse_entry(fits) is not None
    assert parse_entry(fits.replace(b"x", b"xx", 1)) is None


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"extra": {"fail": "no such file"}}, "no such file"),
        ({"extra": {"fail": ""}}, "LAVA gives no reason"),
        ({"extra": {}}, "LAVA gives no reason"),
        ({"extra": "a path"}, "LAVA gives no reason"),
        ({}, "LAVA gives no reason"),
    ],
)
def test_why_an_action_has_failed(result, said):
    """LAVA's reason is a file name, a mapping, or missing."""
    assert failure_reason(result) == said


@pytest.mark.parametrize(
    ("value", "is_"),
    [("3.5", 3.5), (4, 4.0), ("1e3", 1000.0), (None, None), ("fast", "fast"), ([1], "[1]")],
)
def test_a_measurement(value, is_):
    """A number as text becomes a number; other text stays as it is."""
    assert parse_number(value) == is_
    assert type(parse_number(value)) is type(is_)
