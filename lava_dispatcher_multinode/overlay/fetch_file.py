"""One file by HTTP, bounded in size and time."""

from __future__ import annotations

import http.client
import time
from typing import IO
from urllib.error import HTTPError

from ..errors import InfrastructureError
from ..images.web import open_url
from ..redaction import without_secrets

STALL = 30.0  # seconds without a byte
_BLOCK = 1 << 16


def download(url: str, target: IO[bytes], limit: int, timeout: float) -> None:
    """Write what `url` (http or https) has to `target`, at most `limit` bytes, in `timeout` s.

    Raises `InfrastructureError` if it cannot be had.
    """
    deadline = time.monotonic() + timeout
    size = 0
    try:
        with open_url(url, min(STALL, timeout)) as answer:
            while block := answer.read1(_BLOCK):
                size += len(block)
                if size > limit:
                    raise InfrastructureError(f"{_of(url)} is larger than {limit} bytes")
                if time.monotonic() > deadline:
                    raise InfrastructureError(f"{_of(url)} took more than {timeout:g} seconds")
                target.write(block)
    except HTTPError as error:
        with error:  # it is the answer, too
            raise InfrastructureError(str(error)) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InfrastructureError(str(getattr(error, "reason", error))) from error


def _of(url: str) -> str:
    return without_secrets(url)
