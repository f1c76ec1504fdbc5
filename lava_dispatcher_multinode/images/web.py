"""Opening URLs: http and https and nothing else, whatever a server redirects to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..redaction import split_login

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse


def open_url(
    url: str,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    private: Mapping[str, str] | None = None,
) -> HTTPResponse:
    """Return the answer to a GET of `url`, to be closed by the caller.

    `timeout` is in seconds without a byte. `private` are headers for the server of `url` alone:
    a redirection takes them along only where it stays there. Raises what urllib does: `OSError`
    (an `HTTPError` is one), `ValueError`, `http.client.HTTPException`.
    """
    from urllib import request

    own = dict(private or {})

    class Redirections(request.HTTPRedirectHandler):
        def redirect_request(self, req: Any, *args: Any) -> request.Request | None:
            following = super().redirect_request(req, *args)
            if following is not None and _stays(req.full_url, following.full_url):
                for name, value in own.items():
                    following.add_unredirected_header(name, value)
            else:
                own.clear()  # nor to where the other server leads back
            return following

    # Not urlopen: a redirection must not lead to file: or ftp:.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler,
        request.HTTPDefaultErrorHandler, Redirections,
        request.HTTPErrorProcessor, request.UnknownHandler,
    ):  # fmt: skip
        opener.add_handler(handler())
    address, login = split_login(url)
    wanted = request.Request(address, headers=dict(headers or {}))  # noqa: S310 - see above
    for name, value in {**own, **login}.items():  # not for another server
        wanted.add_unredirected_header(name, value)
    answer: Any = opener.open(wanted, timeout=timeout)
    return answer  # type: ignore[no-any-return]


def _stays(url: str, other: str) -> bool:
    """Return whether `other` is on the server of `url`, and no less encrypted."""
    before, after = urlsplit(url), urlsplit(other)
    return before.netloc.lower() == after.netloc.lower() and (
        after.scheme in {before.scheme, "https"}
    )
