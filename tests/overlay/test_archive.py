"""Unpacking of untrusted archives."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.overlay import archive
from lava_dispatcher_multinode.overlay.archive import unpack
from lava_dispatcher_multinode.overlay.definition_source import BadSource


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_compression(make_tar, tmp_path, mode):
    """The format is detected by content, not by name."""
    unpack(io.BytesIO(make_tar([("a/b.yaml", b"x")], mode)), tmp_path / "out")
    assert (tmp_path / "out/a/b.yaml").read_bytes() == b"x"


def link(name, target, kind=tarfile.SYMTYPE):
    """Return a member that is a link."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "members",
    [
        [("../escaped", b"x")],
        [("a/../../escaped", b"x")],
        [link("l", "/etc"), ("l/escaped", b"x")],
        [link("l", "..")],
        [link("l", "../../etc/passwd", tarfile.LNKTYPE)],
        [link("dev", "", tarfile.CHRTYPE)],
        [link("fifo", "", tarfile.FIFOTYPE)],
    ],
)
def test_nothing_is_written_outside(make_tar, tmp_path, members):
    """Nor do links lead there, nor are there devices."""
    with pytest.raises(BadSource):
        unpack(io.BytesIO(make_tar(members)), tmp_path / "deep/out")
    assert not (tmp_path / "deep/escaped").exists()
    assert not (tmp_path / "escaped").exists()


def test_absolute_names_lose_their_slash(make_tar, tmp_path):
    """As tar itself does it."""
    unpack(io.BytesIO(make_tar([(f"{tmp_path}/escaped", b"x")])), tmp_path / "out")
    assert not (tmp_path / "escaped").exists()


def test_bounds(make_tar, tmp_path, monkeypatch):
    """A small archive that holds much is refused before it fills the disk."""
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    with pytest.raises(BadSource, match="more than"):
        unpack(io.BytesIO(make_tar([("a", bytes(2 << 20))])), tmp_path / "a")
    sparse = tarfile.TarInfo("s")
    sparse.pax_headers = {
        "GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "s",
        "GNU.sparse.size": str(1 << 40), "GNU.sparse.map": f"{1 << 40},0",
    }  # fmt: skip
    with pytest.raises(BadSource, match="member of more than"):
        unpack(io.BytesIO(make_tar([sparse])), tmp_path / "s")
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    with pytest.raises(BadSource, match="members"):
        unpack(io.BytesIO(make_tar([(f"f{i}", b"") for i in range(4)])), tmp_path / "m")


def pax(**headers):
    """Return a member with an extended header."""
    info = tarfile.TarInfo("a")
    info.pax_headers = {name.replace("_", "."): value for name, value in headers.items()}
    return info


@pytest.mark.parametrize(
    "member",
    [
        pax(path="a\0b"),
        pax(mtime="1e300"),
        pax(mtime="nan"),
        link("a", "a", tarfile.LNKTYPE),
        link("a", "nowhere", tarfile.LNKTYPE),
        ("d/" * 1500 + "f", b""),
    ],
)
def test_what_makes_no_sense_is_refused(make_tar, tmp_path, member):
    """Times beyond all clocks, links to themselves, directories without end are no bug of ours."""
    with pytest.raises(BadSource):
        unpack(io.BytesIO(make_tar([member])), tmp_path / "out")


@given(st.binary(max_size=2000), st.sampled_from([b"", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0"]))
def test_noise_is_no_archive(tmp_path_factory, noise, magic):
    """Whatever the bytes, nothing comes of them but a sentence; zeros are an empty archive."""
    target = tmp_path_factory.mktemp("noise") / "out"
    with contextlib.suppress(BadSource):
        unpack(io.BytesIO(magic + noise + b"x"), target)
    assert not list(target.iterdir())


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_half_an_archive_is_refused(make_tar, tmp_path, pack):
    """A second member that is damaged at its beginning is no garbage behind the first."""
    tar = make_tar([(f"{number}.yaml", b"x" * 3000) for number in range(9)], "w")
    first, second = pack(tar[:8192]), pack(tar[8192:])
    unpack(io.BytesIO(first + second), tmp_path / "whole")
    assert len(list((tmp_path / "whole").iterdir())) == 9
    with pytest.raises(BadSource, match="not a tar archive: ."):
        unpack(io.BytesIO(first + second[:20] + b"????" + second[24:]), tmp_path / "half")


@pytest.mark.parametrize("damage", [lambda tar: tar[: 3 * 4096 + 100], lambda tar: tar[:8000]])
def test_a_tar_that_is_cut_short_is_refused(make_tar, tmp_path, damage):
    """Damage in a member or in a header, which tarfile treats as the end."""
    tar = make_tar([(f"{number}.yaml", b"x" * 3584) for number in range(9)], "w")
    with pytest.raises(BadSource):
        unpack(io.BytesIO(damage(tar)), tmp_path / "half")
    header = tar[: 3 * 4096] + b"?" * 512 + tar[3 * 4096 + 512 :]
    with pytest.raises(BadSource, match="cut short at byte 12288 of the tar"):
        unpack(io.BytesIO(header), tmp_path / "damaged")


def test_zstd_is_named(tmp_path):
    """An unsupported format is named in the error."""
    with pytest.raises(BadSource, match="compressed with zstd: use gzip"):
        unpack(io.BytesIO(b"\x28\xb5\x2f\xfd" + bytes(100)), tmp_path / "out")
