"""Unpacks an archive on a board with the programs that the board has."""

from __future__ import annotations

import gzip
import shlex
import tarfile
from typing import TYPE_CHECKING

from ...errors import DeployError

if TYPE_CHECKING:
    from ..shell import Shell
    from ..shell_files import ShellUploader
    from .bundle import OverlayBundle

UNPACK_TIMEOUT_S = 600.0  # for a slow card and a large overlay
#: Shell commands that unpack {file} below {root}. The exit code of a pipe is that of tar, which
#: accepts a truncated archive; so gzip checks the archive first.
COMMANDS = (
    "tar -xzf {file} -C {root}",
    "gzip -t < {file} && gzip -dc < {file} | tar -xf - -C {root}",
    "zcat {file} > /dev/null && zcat {file} | tar -xf - -C {root}",
)


def unpack(shell: Shell, packed: str, root: str) -> bool:
    """Unpack the gzip tar `packed`, a path on the board, below `root`; False if that fails."""
    quoted = {"file": shlex.quote(packed), "root": shlex.quote(f"{root}/")}
    return any(
        shell.run(f"{command.format(**quoted)} 2>/dev/null", timeout=UNPACK_TIMEOUT_S)[0] == 0
        for command in COMMANDS
    )


def upload_members(uploader: ShellUploader, bundle: OverlayBundle) -> None:
    """Type each file of the archive by itself, for a board without tar."""
    shell = uploader.shell
    with gzip.open(bundle.archive) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
        for member in tar:
            path = shlex.quote(f"{bundle.root}/{member.name}")
            if member.isdir():
                _run(shell, f"mkdir -p {path}")
            elif member.issym():
                _run(shell, f"rm -f {path}; ln -s {shlex.quote(member.linkname)} {path}")
            elif member.islnk():
                _run(shell, f"ln -f {shlex.quote(f'{bundle.root}/{member.linkname}')} {path}")
            else:
                content = tar.extractfile(member)
                assert content is not None  # an overlay has no other kinds of members
                uploader.upload(content.read(), f"{bundle.root}/{member.name}")
                if member.mode & 0o100:
                    _run(shell, f"chmod {member.mode:o} {path}")


def _run(shell: Shell, command: str) -> None:
    code, output = shell.run(command)
    if code:
        raise DeployError(f"'{command}' on the board exited with {code}: {output}")
