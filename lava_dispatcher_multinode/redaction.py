"""Redaction of passwords: a run's directory is readable by many users."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_USER_OR_QUERY = re.compile(r"(?<=://)[^/@\s]*@|\?[^\s'\"]*")
# A user name without password is not a secret, except in HTTP, where it may be a token.
_LOGIN = re.compile(r"(?<=://)[^/@\s:]*:[^/@\s]*@|(?<=http://)[^/@\s]*@|(?<=https://)[^/@\s]*@")
_SECRET = frozenset({"headers", "secrets", "token"})
HIDDEN = "(not shown)"
_URL = re.compile(r"\w+://\S+")


def without_secrets(text: str) -> str:
    """Return `text` without users, passwords and queries in its URLs."""
    return _USER_OR_QUERY.sub("", text)


def without_logins(data: Any) -> Any:
    """Return a document without passwords in its URLs and without queries in values that are URLs.

    In LAVA's jobs, the values of `secrets`, of a download's `headers` and of a callback's
    `token` are redacted, too.
    """
    if isinstance(data, dict):
        return {
            without_logins(key): _hidden(value) if key in _SECRET else without_logins(value)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [without_logins(value) for value in data]
    if not isinstance(data, str):
        return data
    text = data.partition("?")[0] if _URL.fullmatch(data) else data
    return _LOGIN.sub("", text)


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(item) for key, item in value.items()}
    return HIDDEN if isinstance(value, str | int | float) else without_logins(value)


def program(command: str) -> str:
    """Return the program of a device file's command line, without arguments."""
    words = command.split()
    name = next((word for word in words if "=" not in word), "")
    return name if words == [name] else f"{name} …".lstrip()


def split_login(url: str) -> tuple[str, Mapping[str, str]]:
    """Return `url` without user and password, and the HTTP headers that contain them."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    login = unquote(user)
    encoded = b64encode((login if ":" in login else f"{login}:").encode()).decode()
    return parts._replace(netloc=host).geturl(), {"Authorization": f"Basic {encoded}"}
