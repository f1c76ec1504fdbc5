"""Compact JSON in printable ASCII."""

from __future__ import annotations

import json
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_encode_escaped = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def encode(document: Any) -> bytes:
    """Return `document` as JSON; every character outside printable ASCII is escaped.

    A terminal that shows the text obeys nothing in it, and a reader may split it anywhere.
    """
    try:
        text = _encode(document)
    except UnicodeEncodeError:  # a lone surrogate, which stands for a byte that is not UTF-8
        text = b"\x7f"
    if text.isascii() and b"\x7f" not in text:
        return text
    return _encode_escaped(document).encode("ascii")
