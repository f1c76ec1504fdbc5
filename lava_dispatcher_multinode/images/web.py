"""Opening URLs: http and https and nothing else, whatever a server redirects to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse

_USER_OR_QUERY = re.compile(r"(?<=://)[^/@\s]*@|\?[^\s'\"]*")


def without_secrets(text: str) -> str:
    """Return `text` with no user, password or query in the URLs in it."""
    return _USER_OR_QUERY.sub("", text)


def open_url(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> HTTPResponse:
    """Return the answer to a GET of `url`, to be closed by the caller.

    `timeout` is in seconds without a byte. Raises what urllib does: `OSError`
    (an `HTTPError` is one), `ValueError`, `http.client.HTTPException`.
    """
    from urllib import request

    # Not urlopen: a redirection must not lead to file: or ftp:.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler,
        request.HTTPDefaultErrorHandler, request.HTTPRedirectHandler,
        request.HTTPErrorProcessor, request.UnknownHandler,
    ):  # fmt: skip
        opener.add_handler(handler())
    address, login = _split(url)
    wanted = request.Request(address, headers=dict(headers or {}))  # noqa: S310 - see above
    if login:  # not for whoever it is redirected to
        wanted.add_unredirected_header("Authorization", login)
    answer: Any = opener.open(wanted, timeout=timeout)
    return answer  # type: ignore[no-any-return]


def _split(url: str) -> tuple[str, str]:
    """Return `url` without user and password, and those as HTTP's header wants them."""
    from base64 import b64encode
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, ""
    login = b64encode(unquote(user).encode()).decode()
    return parts._replace(netloc=host).geturl(), f"Basic {login}"
