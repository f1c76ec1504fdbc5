"""uImage headers and the zImage magic."""

import contextlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.images import uimage


@given(
    st.binary(max_size=200),
    st.sampled_from([uimage.KERNEL, uimage.RAMDISK]),
    st.integers(0, 0xFFFFFFFF),
)
def test_headers_are_parsed(data, kind, load):
    """Parsing a header returns the fields that it was made from."""
    raw = uimage.make(data, "Linux-3.9", kind, load, load)
    header = uimage.parse(raw)
    assert (header.name, header.kind, header.size, header.load) == (
        "Linux-3.9",
        kind,
        len(data),
        load,
    )
    assert raw[uimage.HEADER :] == data


@given(st.integers(0, 63), st.integers(1, 255))
def test_a_changed_byte_is_detected(at, change):
    """A header with one wrong byte is an error."""
    raw = bytearray(uimage.make(b"data", "name", uimage.KERNEL))
    raw[at] ^= change
    try:
        header = uimage.parse(bytes(raw))
    except ValueError:
        return
    assert header is None


@given(st.binary(max_size=100))
def test_anything_is_parsed_or_refused(raw):
    """Any bytes give a header, None or ValueError."""
    with contextlib.suppress(ValueError):
        uimage.parse(raw)


def test_zimage_magic():
    """Only a zImage has the magic."""
    assert uimage.is_zimage(uimage.make_zimage(b"code"))
    assert not uimage.is_zimage(b"\0" * 64)


@pytest.mark.needs("mkimage")
def test_mkimage_agrees(tmp_path):
    """mkimage of U-Boot reads the header."""
    file = tmp_path / "uImage"
    file.write_bytes(uimage.make(b"x" * 100, "Linux-3.9", uimage.KERNEL, 0x80008000, 0x80008000))
    seen = subprocess.run(["mkimage", "-l", file], capture_output=True, text=True, check=True)
    assert "Linux-3.9" in seen.stdout
