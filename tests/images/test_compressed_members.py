"""Compressed files, as the formats' own tools read them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.errors import ImageError
from lava_dispatcher_multinode.images.card import write_card
from lava_dispatcher_multinode.images.compression import opened

from ..needs import require

pytestmark = pytest.mark.slow

TOOLS = {
    ".gz": ["gzip", "-dc"],
    ".bz2": ["bzip2", "-dc"],
    ".xz": ["xz", "-dc"],
    ".zst": ["zstd", "-dc", "--long=31"],
}


def _zstd(data, *options):
    return subprocess.run(
        ["zstd", "-qc", *options], input=data, capture_output=True, check=True
    ).stdout


PACK = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _zstd,
}
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0????"  # a frame of zstd that holds no data
ONE, TWO = b"one" * 400, bytes(range(256)) * 300


def by_tool(suffix, packed):
    """Return what the format's tool gives of `packed`; None where it refuses it."""
    command = TOOLS[suffix]
    require(command[0])
    done = subprocess.run(command, input=packed, capture_output=True, check=False)
    return None if done.returncode else done.stdout


def by_us(suffix, packed, folder):
    """Return what the package reads of it; None where it refuses it by name."""
    (folder / "x").write_bytes(packed)
    try:
        with opened(folder / "x", suffix, "disk.img") as stream:
            return b"".join(iter(lambda: stream.read(1000), b""))
    except ImageError as error:
        text = str(error)
    assert re.match("disk.img: cannot be unpacked: .", text)
    return None


#: What is behind a member: `member` is another one.
TAILS = {
    "nothing": lambda member: b"",
    "another": lambda member: member,
    "padding of 4": lambda member: bytes(4),
    "padding of 512": lambda member: bytes(512),
    "padding of 2": lambda member: bytes(2),
    "padding of 4 between": lambda member: bytes(4) + member,
    "padding of 2 between": lambda member: bytes(2) + member,
    "padding of 100000 between": lambda member: bytes(100_000) + member,
    "padding between, and behind": lambda member: bytes(8) + member + bytes(4),
    "garbage": lambda member: b"garbage",
    "garbage behind padding": lambda member: bytes(4) + b"garbage",
    "half of another": lambda member: member[: len(member) // 2],
    "the first byte of another": lambda member: member[:1],
    "the beginning of another": lambda member: member[:4],
    "another, damaged early": lambda member: member[:30] + b"????????" + member[38:],
    "another, damaged late": lambda member: member[:-14] + b"?" + member[-13:],
    "an empty one": lambda member: None,
    "a skippable frame": lambda member: SKIPPABLE + member,
}


@pytest.mark.parametrize("suffix", TOOLS)
@pytest.mark.parametrize("tail", TAILS)
def test_what_follows_a_member(tmp_path, suffix, tail):
    """All of what the tool gives, or a refusal where the tool refuses: never the first half."""
    end = TAILS[tail](PACK[suffix](TWO))
    packed = PACK[suffix](ONE) + (PACK[suffix](b"") if end is None else end)
    assert by_us(suffix, packed, tmp_path) == by_tool(suffix, packed)


@pytest.mark.parametrize(
    ("suffix", "tail", "content"),
    [
        (".xz", bytes(4) + PACK[".xz"](b"two"), b"onetwo"),
        (".xz", bytes(4), b"one"),
        (".xz", bytes(2), None),
        (".xz", bytes(2) + PACK[".xz"](b"two"), None),
        (".xz", b"more", None),
        (".gz", PACK[".gz"](b"two"), b"onetwo"),
        (".gz", bytes(3), b"one"),
        (".gz", b"more", None),
        (".bz2", PACK[".bz2"](b"two"), b"onetwo"),
        (".bz2", PACK[".bz2"](b"two")[:-4], None),
        (".bz2", b"more", b"one"),
    ],
)
def test_right_values(tmp_path, suffix, tail, content):
    """The same without the tools, for hosts that do not have them."""
    assert by_us(suffix, PACK[suffix](b"one") + tail, tmp_path) == content


@pytest.mark.parametrize("suffix", TOOLS)
@pytest.mark.parametrize("packed", [b"", b"x", bytes(1000), b"no such format" * 9])
def test_what_is_none(tmp_path, suffix, packed):
    """An empty file is no compressed one either."""
    assert by_tool(suffix, packed) is None
    assert by_us(suffix, packed, tmp_path) is None


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
@given(data=st.data())
def test_any_damage(suffix, data):
    """A changed byte or a cut anywhere: what the tool says, and never something else."""
    packed = bytearray(PACK[suffix](ONE) + PACK[suffix](TWO))
    at = data.draw(st.integers(0, len(packed) - 1))
    if data.draw(st.booleans()):
        del packed[at:]
    else:
        packed[at] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        ours = by_us(suffix, bytes(packed), Path(folder))
    assert ours == by_tool(suffix, bytes(packed))


@pytest.mark.parametrize("layout", ["image", "master"])
@pytest.mark.parametrize("suffix", TOOLS)
@pytest.mark.parametrize(
    ("tail", "accepted"),
    [
        (lambda member: b"", (".gz", ".bz2", ".xz", ".zst")),
        (lambda member: bytes(4), (".gz", ".bz2", ".xz")),
        (lambda member: bytes(2), (".gz", ".bz2")),
        (lambda member: member[:-9], ()),
    ],
)
def test_both_layouts_read_to_the_end(tmp_path, panda, layout, suffix, tail, accepted):
    """Also where the partitions of the image end before: half of a file is no pass."""
    data = panda.getvalue()
    require(TOOLS[suffix][0])
    half = 5 << 19
    packed = PACK[suffix](data[:half]) + PACK[suffix](data[half:]) + tail(PACK[suffix](TWO))
    (tmp_path / "x").write_bytes(packed)

    def write():
        with opened(tmp_path / "x", suffix, "disk.img") as stream:
            write_card(stream, tmp_path / "card", layout)

    if suffix not in accepted:
        with pytest.raises(ImageError, match=r"^disk\.img: cannot be unpacked: ."):
            write()
        return
    write()
    write_card(panda, tmp_path / "plain", layout)
    assert (tmp_path / "card").read_bytes() == (tmp_path / "plain").read_bytes()


@pytest.mark.parametrize("layout", ["image", "master"])
def test_xz_with_padding_between_its_streams(tmp_path, panda, layout):
    """The card gets both, not what is before the padding."""
    data = panda.getvalue()
    (tmp_path / "x").write_bytes(
        lzma.compress(data[: 1 << 20]) + bytes(8) + lzma.compress(data[1 << 20 :])
    )
    with opened(tmp_path / "x", ".xz", "x") as stream:
        write_card(stream, tmp_path / "card", layout)
    write_card(panda, tmp_path / "plain", layout)
    assert (tmp_path / "card").read_bytes() == (tmp_path / "plain").read_bytes()


@pytest.mark.parametrize("layout", ["image", "master"])
def test_a_damaged_file_is_named_as_that(tmp_path, panda, layout):
    """The partition table that is not there has a reason, which comes at the file's end only."""
    packed = bytearray(gzip.compress(panda.getvalue(), 0))
    packed[15 + 510] = 0
    (tmp_path / "x").write_bytes(packed)
    with (
        pytest.raises(ImageError, match="^x: cannot be unpacked: .*incorrect data check"),
        opened(tmp_path / "x", ".gz", "x") as stream,
    ):
        write_card(stream, tmp_path / "card", layout)


@pytest.mark.parametrize("layout", ["image", "master"])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda packed: packed[:40] + b"????" + packed[44:], r"Restored data doesn't match check"),
        (lambda packed: packed[: len(packed) // 2], "Read error .* premature end"),
        (lambda packed: b"?" + packed[1:], "unsupported format"),
    ],
)
def test_zstd_gives_its_own_reason(tmp_path, panda, layout, damage, reason):
    """A damaged file is no image without a partition table; a long window is no damage."""
    require("zstd")
    packed = _zstd(panda.getvalue(), "--long=31", "--ultra", "-1")
    (tmp_path / "x").write_bytes(packed)
    with opened(tmp_path / "x", ".zst", "x") as stream:
        write_card(stream, tmp_path / "card", layout)
    (tmp_path / "x").write_bytes(damage(packed))
    with (
        pytest.raises(ImageError, match=f"^x: cannot be unpacked: .*{reason}"),
        opened(tmp_path / "x", ".zst", "x") as stream,
    ):
        write_card(stream, tmp_path / "card", layout)
