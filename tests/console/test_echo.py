"""An echo is what was typed, and nothing else."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.console.echo import is_echo


@pytest.mark.parametrize(
    ("output", "typed", "echo"),
    [
        (b"^C^C^C", b"\x03" * 9, True),
        (b"\x03\x03", b"\x03\x03", True),
        (b"^Creboot || reset\r\n^C", b"\x03reboot || reset\r\x03\x03", True),
        (b"set", b"reset\r", True),
        (b"\\x03^C", b"\x03", True),
        (b"^C\r\n# ", b"\x03", False),
        (b"\r\n", b"\x03", False),
        (b"\0\0\0", b"\x03", False),
        (b"<INTERRUPT>\r\n=> ", b"\x03", False),
        (b"", b"\x03", False),
        (b"text", b"", False),
        (b"reset", b"reset all", False),
    ],
)
def test_only_what_was_typed_is_an_echo(output, typed, echo):
    """A board that reads answers with at least a prompt."""
    assert is_echo(output, typed) is echo
