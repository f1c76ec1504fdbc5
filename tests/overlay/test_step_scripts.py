"""install.sh and run.sh, run by a real shell."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess

import pytest

from lava_dispatcher_multinode.overlay.definition import TestDefinition
from lava_dispatcher_multinode.overlay.load import Definition
from lava_dispatcher_multinode.overlay.step_scripts import install_script, run_script

SHELL = shutil.which("dash") or "/bin/sh"


def definition(parameters=None, **parts):
    """Return a definition with these parts."""
    return Definition(TestDefinition("t", **parts), b"", "here", parameters or {})


def run(script, directory):
    """Return exit code and output of a script."""
    (directory / "uuid").write_text("the-uuid\n")
    (directory / "run.sh").write_text(script)
    command = [SHELL, "-e", str(directory / "run.sh")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return done.returncode, done.stdout


def test_steps_run(tmp_path):
    """In the definition's directory, one shell for all steps, TESTRUN_ID exported."""
    script = run_script(
        definition(steps=("A=1", "pwd", 'echo "$A"', 'sh -c "echo \\$TESTRUN_ID"')),
        "0_t",
    )
    code, output = run(script, tmp_path)
    assert code == 0
    assert output.splitlines() == [str(tmp_path), "1", "0_t"]


def test_a_failing_step_ends_the_definition(tmp_path):
    """As in LAVA: what comes after relies on it."""
    script = run_script(definition(steps=("echo x | grep -q y", "echo x")), "0_t")
    code, output = run(script, tmp_path)
    assert code == 1
    assert output == ""


@pytest.mark.parametrize(
    ("steps", "finished"),
    [
        (("echo a", "exit 0", "echo b"), False),
        (("echo a", "echo b"), True),
        (("echo a", "exit 0"), True),
        (("for i in 1 2; do", "echo $i", "done"), True),
    ],
)
def test_an_exit_on_the_way_is_not_the_end(tmp_path, steps, finished):
    """Exit code 0 before the last step leaves the mark that the runner looks for."""
    code, _ = run(run_script(definition(steps=steps), "0_t"), tmp_path)
    assert code == 0
    assert (tmp_path / "run.sh.unfinished").exists() is not finished


@pytest.mark.parametrize(
    "value", ["a b", "it's", "$(touch x)", "`id`", "\\", "", "ü", "a\nb", "*"]
)
def test_parameters_are_values_not_commands(tmp_path, value):
    """Parameters are text, not commands."""
    made = definition({"P": value}, steps=('printf "[%s]" "$P"', "echo"))
    _, output = run(run_script(made, "0_t"), tmp_path)
    assert f"[{value}]\n" in output


def test_words_for_results(tmp_path):
    """lava-test-case finds the words of the fixupdict, a line each; there is nothing without."""
    steps = ('sh -c \'printf "[%s]" "${LAVA_RESULT_WORDS-none}"\'',)
    for words, found in (({"it's": "pass", "$(no)": "fail"}, "[it's\n$(no)]"), ({}, "[none]")):
        code, output = run(run_script(definition(steps=steps, fixupdict=words), "0_t"), tmp_path)
        assert (code, output) == (0, found)


def test_install_script(tmp_path, monkeypatch):
    """Keys, sources, packages, steps, in this order; nothing if there is nothing to install."""
    assert install_script(definition()) is None
    release = platform.freedesktop_os_release()["ID"]
    made = definition(
        {"P": "1"},
        keys=("k",),
        sources=("deb x y",),
        dependencies=("curl", "a b"),
        distribution_dependencies={release: ("here",), "another": ("there",), "none": ()},
        install_steps=('echo "$P"',),
    )
    script = install_script(made)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("lava-add-keys", "lava-add-sources", "lava-install-packages"):
        (tools / name).write_text('#!/bin/sh\nprintf "<%s>" "${0##*/}" "$@"\necho\n')
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    code, output = run(script, tmp_path)
    assert code == 0
    assert output.splitlines() == [
        "<lava-add-keys><k>",
        "<lava-add-sources><deb x y>",
        "<lava-install-packages><curl><a b>",
        "<lava-install-packages><here>",
        "1",
    ]


def test_scripts_of_any_steps_parse(tmp_path):
    """Several lines in one step, comments and here-documents stay what they are."""
    steps = ("cat <<END\nin $P here\nEND", "# nothing", "for i in 1 2; do\n  echo $i\ndone")
    script = run_script(definition({"P": "it"}, steps=steps), "0_t")
    _, output = run(script, tmp_path)
    assert output == "in it here\n1\n2\n"
