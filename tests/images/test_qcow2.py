"""qcow2 headers of qemu-img, and those that name other files of this host."""

from __future__ import annotations

import io
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import qcow2

from ..needs import program, require


@pytest.fixture
def create(tmp_path):
    """A function that makes a qcow2 by qemu-img and returns its content."""
    require("qemu-img")

    def make(*words, size="8M"):
        command = [program("qemu-img"), "create", "-q", "-f", "qcow2", *words, "x.qcow2", size]
        subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
        return bytearray((tmp_path / "x.qcow2").read_bytes())

    return make


def read(content):
    """Return the header in `content`."""
    return qcow2.read_header(io.BytesIO(content))


@pytest.mark.parametrize(("compat", "version"), [("0.10", 2), ("1.1", 3)])
def test_disks_of_qemu_img(create, compat, version):
    """Both versions are read, with the virtual size."""
    assert read(create("-o", f"compat={compat}")) == (version, 8 << 20)


def test_other_files_are_refused(create, tmp_path):
    """A backing file and an external data file would be opened by qemu-img."""
    (tmp_path / "base").write_bytes(bytes(1 << 20))
    with pytest.raises(DeployError, match="backing file.*qemu-img convert"):
        read(create("-b", "base", "-F", "raw"))
    content = create("-o", "data_file=outside.raw")
    with pytest.raises(DeployError, match="external data file"):
        read(content)
    (features,) = struct.unpack_from(">Q", content, 72)
    struct.pack_into(">Q", content, 72, features & ~4)  # only the name is left
    with pytest.raises(DeployError, match="external data file"):
        read(content)


@pytest.mark.parametrize(
    ("at", "form", "value", "message"),
    [
        (4, ">I", 4, "version 4"),
        (24, ">Q", 1 << 60, "virtual size of 1152921504606846976"),
        (24, ">Q", 0, "virtual size of 0"),
        (32, ">I", 1, "encrypted"),
        (72, ">Q", 2, "corrupt"),
        (72, ">Q", 1 << 40, "unknown features"),
    ],
)
def test_unusable_headers(create, at, form, value, message):
    """Each reason is named."""
    content = create()
    struct.pack_into(form, content, at, value)
    with pytest.raises(DeployError, match=message):
        read(content)


@given(st.binary(max_size=400))
def test_any_header_is_read_or_refused(content):
    """Any bytes after the magic number give a header or a DeployError."""
    try:
        found = read(qcow2.MAGIC + content)
    except DeployError:
        return
    assert 0 < found.virtual_bytes <= qcow2.MAX_VIRTUAL_BYTES
