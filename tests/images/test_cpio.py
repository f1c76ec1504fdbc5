"""Archives for initial ramdisks."""

from __future__ import annotations

import subprocess

import pytest

from lava_dispatcher_multinode.images import cpio


@pytest.mark.needs("busybox")
def test_busybox_reads_archives(tmp_path):
    """The cpio of BusyBox finds paths, modes, contents and links."""
    archive = cpio.make_archive(
        [
            ("etc", cpio.DIRECTORY, b""),
            ("etc/odd", cpio.FILE, b"12345"),
            ("run", cpio.PROGRAM, b"#!/bin/sh\n"),
            ("link", cpio.LINK, b"etc/odd"),
        ]
    )
    subprocess.run(["busybox", "cpio", "-i"], input=archive, cwd=tmp_path, check=True)
    assert (tmp_path / "link").read_bytes() == b"12345"
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "etc" / "odd").stat().st_mode & 0o777 == 0o644


def test_every_entry_starts_at_a_multiple_of_four():
    """Entries are aligned, as the kernel requires."""
    archive = cpio.make_archive([("a" * n, cpio.FILE, b"b" * n) for n in range(1, 9)])
    assert len(archive) % 4 == 0
    at = 0
    for _ in range(9):
        assert archive[at : at + 6] == b"070701"
        size, name = int(archive[at + 54 : at + 62], 16), int(archive[at + 94 : at + 102], 16)
        at += -(-(110 + name) // 4) * 4 + -(-size // 4) * 4
    assert at == len(archive)
