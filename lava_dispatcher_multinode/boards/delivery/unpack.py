"""Unpacking on a board, with what tools it has."""

from __future__ import annotations

import gzip
import shlex
import tarfile
from typing import TYPE_CHECKING

from ...errors import DeployError

if TYPE_CHECKING:
    from ..shell import Shell
    from .bundle import Parcel

UNPACK_WAIT = 600.0  # seconds: a slow card, a large overlay
#: Each of these unpacks the file in its braces below the directory in its braces.
#: The status of a pipe is that of tar, which takes half an archive for a whole one.
WAYS = (
    "tar -xzf {file} -C {root}",
    "gzip -t < {file} && gzip -dc < {file} | tar -xf - -C {root}",
    "zcat {file} > /dev/null && zcat {file} | tar -xf - -C {root}",
)


def unpack(shell: Shell, packed: str, root: str) -> bool:
    """Unpack the gzip tar `packed`, a path on the board, below `root`; whether it could."""
    quoted = {"file": shlex.quote(packed), "root": shlex.quote(f"{root}/")}
    return any(
        shell.run(f"{way.format(**quoted)} 2>/dev/null", timeout=UNPACK_WAIT)[0] == 0
        for way in WAYS
    )


def put_unpacked(shell: Shell, parcel: Parcel) -> None:
    """Type every file by itself, for a board that has no tar."""
    with gzip.open(parcel.archive) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
        for member in tar:
            path = shlex.quote(f"{parcel.root}/{member.name}")
            if member.isdir():
                _must(shell, f"mkdir -p {path}")
            elif member.issym():
                _must(shell, f"rm -f {path}; ln -s {shlex.quote(member.linkname)} {path}")
            elif member.islnk():
                _must(shell, f"ln -f {shlex.quote(f'{parcel.root}/{member.linkname}')} {path}")
            else:
                content = tar.extractfile(member)
                assert content is not None  # the overlay has nothing else
                shell.put(content.read(), f"{parcel.root}/{member.name}")
                if member.mode & 0o100:
                    _must(shell, f"chmod {member.mode:o} {path}")


def _must(shell: Shell, command: str) -> None:
    code, output = shell.run(command)
    if code:
        raise DeployError(f"'{command}' on the board exited with {code}: {output}")
