"""Opening URLs: http and https and nothing else, whatever a server redirects to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..discretion import split_login

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse


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
    address, login = split_login(url)
    wanted = request.Request(address, headers=dict(headers or {}))  # noqa: S310 - see above
    for name, value in login.items():  # not for whoever it is redirected to
        wanted.add_unredirected_header(name, value)
    answer: Any = opener.open(wanted, timeout=timeout)
    return answer  # type: ignore[no-any-return]
