"""Streams out of compressed files, and what is told of broken ones."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess

import pytest

from lava_dispatcher_multinode.errors import ImageError
from lava_dispatcher_multinode.images.compression import SUFFIXES, opened, suffix_of

from ..needs import require

DATA = bytes(range(256)) * 9000
PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, "": bytes}


def _pack(path, suffix):
    if suffix == ".zst":
        require("zstd")
        done = subprocess.run(["zstd", "-qc"], input=DATA, capture_output=True, check=True)
        path.write_bytes(done.stdout)
    else:
        path.write_bytes(PACK[suffix](DATA))


@pytest.mark.parametrize("suffix", [*SUFFIXES, ""])
def test_content_comes_as_a_stream(tmp_path, suffix):
    """Whole, in pieces; leaving early is no error."""
    _pack(tmp_path / "x", suffix)
    with opened(tmp_path / "x", suffix, "x") as stream:
        assert b"".join(iter(lambda: stream.read(100_000), b"")) == DATA
    with opened(tmp_path / "x", suffix, "x") as stream:
        assert stream.read(10) == DATA[:10]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("damage", [lambda data: data[:-30], lambda data: b"?" + data[1:]])
def test_a_broken_file_is_told(tmp_path, suffix, damage):
    """Cut off or something else: found by whoever reads it to its end, by name."""
    _pack(tmp_path / "x", suffix)
    (tmp_path / "x").write_bytes(damage((tmp_path / "x").read_bytes()))
    with (
        pytest.raises(ImageError, match="card: cannot be unpacked"),
        opened(tmp_path / "x", suffix, "card") as stream,
    ):
        while stream.read(100_000):
            pass


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_that_does_not_say_it(tmp_path, suffix):
    """The file's first bytes do; where the name says something, it is believed."""
    _pack(tmp_path / "x", suffix)
    assert suffix_of("download", tmp_path / "x") == suffix
    assert suffix_of("card.IMG.GZ", tmp_path / "x") == ".gz"
    (tmp_path / "x").write_bytes(b"")
    assert suffix_of("card.img", tmp_path / "x") == ""
