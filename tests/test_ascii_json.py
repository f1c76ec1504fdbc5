"""Compact JSON in printable ASCII."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode import ascii_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(JSON)
def test_every_document_survives_in_printable_ascii(document):
    """Whatever its texts contain: control characters, other scripts, lone surrogates."""
    text = ascii_json.encode(document)
    assert json.loads(text) == document
    assert all(0x20 <= byte < 0x7F for byte in text)


@pytest.mark.parametrize("document", [{"a": 1, "b": [True, None, "x"]}, {"ü": "\x1b\x7f\udcff"}])
def test_it_has_no_spaces(document):
    """It is what the standard library makes of it without spaces."""
    assert ascii_json.encode(document) == json.dumps(document, separators=(",", ":")).encode()
