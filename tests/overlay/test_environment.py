"""The environment of a node, sourced by a shell."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.overlay.environment import environment, quote

SHELL = shutil.which("dash") or "/bin/sh"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def source(text, command):
    """Return what `command` prints after the environment was sourced by a clean shell."""
    env = {"PATH": "/usr/bin:/bin"}
    script = (text + command).encode()
    done = subprocess.run([SHELL, "-c", script], env=env, check=True, capture_output=True)
    assert not done.stderr
    return done.stdout.decode()


def test_what_is_exported():
    """The names that on-board scripts and published definitions rely on."""
    group = [("panda01", "client"), ("panda02", "server")]
    text = environment(job_id="7", node="panda01", role="client", group=group, extra={"X": "y z"})
    variables = dict(
        line.split("=", 1) for line in source(text, "env").splitlines() if "=" in line
    )
    assert variables["LAVA_JOB_ID"] == "7"
    assert variables["LAVA_DIR"] == "/lava-7"
    assert variables["LAVA_TEST_BIN"] == "/lava-7/bin"
    assert variables["LAVA_RESULT_DIR"] == "/lava-7/results"
    assert variables["LAVA_HOSTNAME"] == "panda01"
    assert variables["TARGET_ROLE"] == "client"
    assert variables["LAVA_MULTI_NODE_CACHE"] == "/tmp/lava_multi_node_cache.txt"
    assert variables["X"] == "y z"
    assert source(text, 'printf %s "$LAVA_GROUP"') == "panda01\tclient\npanda02\tserver"


def test_a_jobs_variable_does_not_take_the_place_of_one_of_these():
    """As in LAVA: scripts rely on them."""
    text = environment(job_id="7", node="a", role="b", group=[], extra={"LAVA_JOB_ID": "8"})
    assert source(text, 'printf %s "$LAVA_JOB_ID"') == "7"


def test_sourcing_twice_does_not_lengthen_path():
    """Scripts source it whenever their variables are not there."""
    text = environment(job_id="7", node="a", role="b", group=[])
    once = source(text, 'printf %s "$PATH"')
    assert once.startswith("/lava-7/bin:")
    assert source(text * 2, 'printf %s "$PATH"') == once


@given(role=TEXT, value=TEXT)
def test_values_are_text_and_nothing_else(role, value):
    """A role is the job author's; it must not become a command on the board."""
    text = environment(job_id="7", node="a", role=role, group=[("a", role)], extra={"V": value})
    printed = source(text, 'printf "%s|%s|%s" "$TARGET_ROLE" "$V" "$LAVA_GROUP"')
    assert printed.encode() == f"{role}|{value}|a\t{role}".encode()


def test_a_nul_is_refused():
    """No shell can hold it, so it cannot get there unnoticed."""
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")
