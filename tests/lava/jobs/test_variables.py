"""Variables and secrets of LAVA jobs, as LAVA's dispatcher passes them to tests."""

from __future__ import annotations

from lava_dispatcher_multinode.lava.jobs.variables import (
    flatten_environment,
    format_secrets,
    invalid_names,
)


def test_what_is_nested_has_joined_names():
    """True becomes 1, as LAVA writes it."""
    given = {"A": "x y", "N": 7, "YES": True, "NO": False, "E": None, "D": {"K": [1, {"L": "m"}]}}
    assert flatten_environment(given) == {
        "A": "x y", "N": "7", "YES": "1", "NO": "0", "E": "", "D_K_0": "1", "D_K_1_L": "m",
    }  # fmt: skip
    assert flatten_environment({}) == {}


def test_what_no_shell_can_hold():
    """A name like an option, a NUL."""
    given = {"OK_1": "x", "a-b": "x", "1A": "x", "N": "a\0b", "A\n": ""}
    assert invalid_names(given) == ["a-b", "1A", "N", "A\n"]


def test_the_file_of_secrets():
    """In LAVA's format; there is none without secrets."""
    assert format_secrets({"secrets": {"TOKEN": "a b", "N": 1}}) == b"TOKEN=a b\nN=1\n"
    assert format_secrets({}) == format_secrets({"secrets": None}) == b""
