"""What every boot loader with a command line shares, with a script for the boot loader."""

from __future__ import annotations

import re

import pytest

from lava_dispatcher_multinode.boards.bootloaders import command_line
from lava_dispatcher_multinode.boards.bootloaders.command_line import CommandLineLoader, joined
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.device_sections import Boot

PROMPT = rb"(?:^|[\r\n])toy> ?"
# One character at a time, echoed, until the carriage return: $line.
READ = (
    "line=; while c=$(dd bs=1 count=1 2>/dev/null; echo x); c=${c%x}; "
    '[ "$c" != "$(printf \'\\r\')" ]; do line=$line$c; printf %s "$c"; done; '
)


class Toy(CommandLineLoader):
    """A boot loader with a prompt only."""

    name = "the toy"

    def run(self, command):
        """Return the output of `command`."""
        limit = self._type(command)
        return self._expect_prompt([self._prompt], command, limit).before


def toy(console_of, script, **boot):
    """Return the dialogue with `script`, which acts as the boot loader."""
    console = console_of(f"stty raw -echo; {script}; sleep 60")
    return Toy(Dialogue(console), Boot(**boot), Deadline(30, "test"), PROMPT)


def test_the_output_of_a_command_ends_at_the_prompt(console_of):
    """The echo is not part of the output."""
    made = toy(console_of, f"{READ} printf '\\r\\nran: %s\\r\\ntoy> ' \"$line\"")
    assert made.run("a long command, in two pieces").strip() == (
        b"ran: a long command, in two pieces"
    )


def test_a_garbled_prompt_is_asked_for_again(console_of, monkeypatch):
    """The probe is echoed at the prompt; Ctrl-C drops it and the prompt comes again."""
    monkeypatch.setattr(command_line, "PROBE_AFTER_S", 0.3)
    script = (
        f"{READ} printf '\\r\\ndone\\r\\nt#y> '; printf %s \"$(dd bs=1 count=1 2>/dev/null)\"; "
        "[ \"$(dd bs=1 count=1 2>/dev/null)\" = \"$(printf '\\003')\" ] && printf '\\r\\ntoy> '"
    )
    assert b"done" in toy(console_of, script).run("x")


def test_a_line_that_is_never_echoed_right_is_not_run(console_of, monkeypatch):
    """Without an end of line, nothing runs; the error names the key that helps."""
    monkeypatch.setattr(command_line, "MAX_TYPING_ATTEMPTS", 2)
    monkeypatch.setattr(command_line, "PROMPT_TIMEOUT_S", 0.1)
    script = (
        "while c=$(dd bs=1 count=1 2>/dev/null); do "
        '[ "$c" = "$(printf \'\\r\')" ] && printf RAN; printf z; done'
    )
    made = toy(console_of, script)
    with pytest.raises(
        BootError, match=r"the toy: 'x' was echoed wrongly 2 times.*delay"
    ) as error:
        made.run("x")
    assert "RAN" not in str(error.value)


@pytest.mark.parametrize(
    ("boot", "limit"), [({"command_timeout": 0.2}, "boot.command_timeout"), ({}, "such commands")]
)
def test_a_command_that_does_not_end_names_its_limit(console_of, monkeypatch, boot, limit):
    """The limit is the key's, or the boot loader's."""
    monkeypatch.setattr(Toy, "seconds_for", staticmethod(lambda _: 0.2))
    with pytest.raises(Exception, match=f"waited for the toy's prompt after 'x'.*{limit}"):
        toy(console_of, f"{READ} printf '\\r\\nruns'").run("x")


@pytest.mark.parametrize("line", ["", "  ", "a\tb", "a\nb", "a\x03"])
def test_a_line_with_control_characters_is_refused(line):
    """They are commands of the line editor."""
    with pytest.raises(BootError, match=re.escape(repr(line))):
        CommandLineLoader.check_command(line)


def test_an_error_has_the_last_lines_of_output():
    """A long output does not hide the cause, which comes last."""
    assert joined([b"1", b"2", b"3", b"4\x1b"]) == "2; 3; 4\\x1b"
