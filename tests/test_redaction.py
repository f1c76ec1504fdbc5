"""Redaction of URLs, jobs and commands."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.redaction import (
    program,
    split_login,
    without_logins,
    without_secrets,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:pass@host/x.img?token=1", "http://host/x.img"),
        ("cannot fetch 'https://t@h/x?y' twice", "cannot fetch 'https://h/x' twice"),
        ("/a path/x?.img", "/a path/x"),
    ],
)
def test_secrets_are_left_out(text, shown):
    """User, password and query are removed from every URL in a text."""
    assert without_secrets(text) == shown


def test_a_job_is_kept_without_its_passwords():
    """Other text is unchanged: ssh users, question marks in shell commands."""
    job = {
        "image": "https://me:pass@h/x.img?token=1",
        "repos": ["ssh://git@h/x", "https://token@h/x", "a && b $? http://u:p@h/y?z"],
        "timeout": 5,
    }
    assert without_logins(job) == {
        "image": "https://h/x.img",
        "repos": ["ssh://git@h/x", "https://h/x", "a && b $? http://h/y?z"],
        "timeout": 5,
    }


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("snmpset -c secret pdu 1", "snmpset …"),
        ("TOKEN=secret curl x", "curl …"),
        ("uhubctl", "uhubctl"),
        ("A=b", "…"),
    ],
)
def test_of_a_command_its_program_is_named(command, shown):
    """A command's arguments, which may contain secrets, are not shown."""
    assert program(command) == shown


def test_a_login_as_headers():
    """A token in a URL is sent as a user without a password."""
    assert split_login("http://h/x") == ("http://h/x", {})
    assert split_login("http://a%40b:c@h/x") == ("http://h/x", {"Authorization": "Basic YUBiOmM="})
    assert split_login("https://token@h/x")[1] == {"Authorization": "Basic dG9rZW46"}


def test_what_lava_calls_secret_is_not_shown():
    """A job's secrets and callback token are redacted; the rest is unchanged."""
    job = {"secrets": {"KEY": "abc"}, "notify": {"callback": {"url": "u", "token": "abc"}}}
    found = without_logins(job | {"secret": "open"})
    assert "abc" not in str(found)
    assert found["secrets"].keys() == {"KEY"}
    assert (found["notify"]["callback"]["url"], found["secret"]) == ("u", "open")
