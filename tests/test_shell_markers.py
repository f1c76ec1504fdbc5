"""Markers around commands, in a real shell."""

import subprocess

import pytest

from lava_dispatcher_multinode.shell_markers import KEEP_CODE, QUIET, begin, begun, end, ended

SHELLS = [
    pytest.param(argv, id=argv[0], marks=pytest.mark.needs(argv[0]))
    for argv in (["dash"], ["busybox", "ash"], ["bash", "--posix"], ["mksh"])
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("command", "code"), [("echo out", 0), ("echo out; (exit 3)", 3)])
def test_the_marks_stand_around_the_output(shell, command, code):
    """The markers delimit the output, and the last contains the command's exit code."""
    script = f"{begin(7)}{command}\n{KEEP_CODE}\n{end(7)}\n"
    done = subprocess.run(shell, input=script, capture_output=True, text=True, check=True)
    assert done.stdout == f"<lava-begin 7>\nout\n<lava-end 7 {code}>\n"
    assert done.stdout.splitlines() == [begun(7), "out", ended(7, code)]


def test_asked_again_the_exit_code_is_still_the_commands():
    """A last marker lost to noise can be requested again."""
    script = f"(exit 3)\n{KEEP_CODE}\n{end(1)}\n{end(1)}\n"
    done = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    assert done.stdout == "<lava-end 1 3>\n<lava-end 1 3>\n"


@pytest.mark.parametrize("number", [1, 1234567])
def test_an_echo_is_no_mark(number):
    """The echo of the input does not match a marker."""
    typed = begin(number) + end(number)
    assert begun(number) not in typed
    assert "<lava-end" not in typed
    assert "<lava-begin" not in typed


@pytest.mark.parametrize("shell", SHELLS)
def test_the_first_command_succeeds_in_each_shell(shell):
    """Shells without line editing or terminal ignore the command that disables it."""
    script = f"{QUIET}\necho alive\n"
    done = subprocess.run(shell, input=script, capture_output=True, text=True, check=True)
    assert done.stdout == "alive\n"
