"""Streams from compressed files, compared with the tools of the formats."""

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
from lava_dispatcher_multinode.images.compression import SUFFIXES, detect_suffix, open_decompressed

from ..needs import require

DATA = bytes(range(256)) * 9000
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


def _pack(path, suffix):
    if suffix == ".zst":
        require("zstd")
    path.write_bytes(PACK[suffix](DATA) if suffix else DATA)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ""])
def test_content_comes_as_a_stream(tmp_path, suffix):
    """The content is complete; stopping early is no error."""
    _pack(tmp_path / "x", suffix)
    with open_decompressed(tmp_path / "x", suffix, "x") as stream:
        assert b"".join(iter(lambda: stream.read(100_000), b"")) == DATA
    with open_decompressed(tmp_path / "x", suffix, "x") as stream:
        assert stream.read(10) == DATA[:10]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("damage", [lambda data: data[:-30], lambda data: b"?" + data[1:]])
def test_damaged_files(tmp_path, suffix, damage):
    """Reading a truncated or damaged file to its end raises an error with its name."""
    _pack(tmp_path / "x", suffix)
    (tmp_path / "x").write_bytes(damage((tmp_path / "x").read_bytes()))
    with (
        pytest.raises(ImageError, match="card: decompression failed"),
        open_decompressed(tmp_path / "x", suffix, "card") as stream,
    ):
        while stream.read(100_000):
            pass


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_names_without_a_suffix(tmp_path, suffix):
    """The magic number decides, unless the name has a suffix."""
    _pack(tmp_path / "x", suffix)
    assert detect_suffix("download", tmp_path / "x") == suffix
    assert detect_suffix("card.IMG.GZ", tmp_path / "x") == ".gz"
    (tmp_path / "x").write_bytes(b"")
    assert detect_suffix("card.img", tmp_path / "x") == ""


def by_tool(suffix, packed):
    """Return the output of the format's tool for `packed`; None if it fails."""
    command = TOOLS[suffix]
    require(command[0])
    done = subprocess.run(command, input=packed, capture_output=True, check=False)
    return None if done.returncode else done.stdout


def by_us(suffix, packed, folder):
    """Return the output of the package for `packed`; None if it reports damage."""
    (folder / "x").write_bytes(packed)
    try:
        with open_decompressed(folder / "x", suffix, "disk.img") as stream:
            return b"".join(iter(lambda: stream.read(1000), b""))
    except ImageError as error:
        text = str(error)
    assert re.match("disk.img: decompression failed: .", text)
    return None


#: What follows a member; `member` is another one.
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


@pytest.mark.slow
@pytest.mark.parametrize("suffix", TOOLS)
@pytest.mark.parametrize("tail", TAILS)
def test_what_follows_a_member(tmp_path, suffix, tail):
    """The output is that of the tool, or an error where the tool fails; never a part."""
    end = TAILS[tail](PACK[suffix](TWO))
    packed = PACK[suffix](ONE) + (PACK[suffix](b"") if end is None else end)
    assert by_us(suffix, packed, tmp_path) == by_tool(suffix, packed)


@pytest.mark.slow
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
    """The same with fixed values, for hosts without the tools."""
    assert by_us(suffix, PACK[suffix](b"one") + tail, tmp_path) == content


@pytest.mark.slow
@pytest.mark.parametrize("suffix", TOOLS)
@pytest.mark.parametrize("packed", [b"", b"x", bytes(1000), b"no such format" * 9])
def test_other_content(tmp_path, suffix, packed):
    """Empty files and other content are errors."""
    assert by_tool(suffix, packed) is None
    assert by_us(suffix, packed, tmp_path) is None


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
@given(data=st.data())
def test_any_damage(suffix, data):
    """A changed byte or a truncation anywhere gives the result of the tool."""
    packed = bytearray(PACK[suffix](ONE) + PACK[suffix](TWO))
    at = data.draw(st.integers(0, len(packed) - 1))
    if data.draw(st.booleans()):
        del packed[at:]
    else:
        packed[at] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        ours = by_us(suffix, bytes(packed), Path(folder))
    assert ours == by_tool(suffix, bytes(packed))


@pytest.mark.slow
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
    """Damage after the last partition is detected too."""
    data = panda.getvalue()
    require(TOOLS[suffix][0])
    half = 5 << 19
    packed = PACK[suffix](data[:half]) + PACK[suffix](data[half:]) + tail(PACK[suffix](TWO))
    (tmp_path / "x").write_bytes(packed)

    def write():
        with open_decompressed(tmp_path / "x", suffix, "disk.img") as stream:
            write_card(stream, tmp_path / "card", layout)

    if suffix not in accepted:
        with pytest.raises(ImageError, match=r"^disk\.img: decompression failed: ."):
            write()
        return
    write()
    write_card(panda, tmp_path / "plain", layout)
    assert (tmp_path / "card").read_bytes() == (tmp_path / "plain").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["image", "master"])
def test_xz_with_padding_between_its_streams(tmp_path, panda, layout):
    """The card gets the content of both streams."""
    data = panda.getvalue()
    (tmp_path / "x").write_bytes(
        lzma.compress(data[: 1 << 20]) + bytes(8) + lzma.compress(data[1 << 20 :])
    )
    with open_decompressed(tmp_path / "x", ".xz", "x") as stream:
        write_card(stream, tmp_path / "card", layout)
    write_card(panda, tmp_path / "plain", layout)
    assert (tmp_path / "card").read_bytes() == (tmp_path / "plain").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["image", "master"])
def test_damage_explains_a_missing_partition_table(tmp_path, panda, layout):
    """The error names the damage, which only shows at the end of the file."""
    packed = bytearray(gzip.compress(panda.getvalue(), 0))
    packed[15 + 510] = 0
    (tmp_path / "x").write_bytes(packed)
    with (
        pytest.raises(ImageError, match="^x: decompression failed: .*incorrect data check"),
        open_decompressed(tmp_path / "x", ".gz", "x") as stream,
    ):
        write_card(stream, tmp_path / "card", layout)


@pytest.mark.slow
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
    """The error of zstd is passed on; a long window is accepted."""
    require("zstd")
    packed = _zstd(panda.getvalue(), "--long=31", "--ultra", "-1")
    (tmp_path / "x").write_bytes(packed)
    with open_decompressed(tmp_path / "x", ".zst", "x") as stream:
        write_card(stream, tmp_path / "card", layout)
    (tmp_path / "x").write_bytes(damage(packed))
    with (
        pytest.raises(ImageError, match=f"^x: decompression failed: .*{reason}"),
        open_decompressed(tmp_path / "x", ".zst", "x") as stream,
    ):
        write_card(stream, tmp_path / "card", layout)
