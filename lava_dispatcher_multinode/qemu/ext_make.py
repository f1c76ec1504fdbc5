"""Making a reproducible ext4 with files, by mke2fs and debugfs, without root."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InfrastructureError
from ..images import ext

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: No journal, so that a power cut leaves none to replay; no features that old U-Boots lack.
FEATURES = "^has_journal,^metadata_csum,^64bit,^orphan_file,^resize_inode"
TIMESTAMP = 1370044800  # 1 June 2013, UTC
PROGRAM_TIMEOUT_S = 600.0  # for either program, on a slow disk
_IDENTITY = "6c617661-2013-4601-8d6e-746573740002"


def make_ext4(
    target: Path, size: int, label: str, entries: Iterable[tuple[str, int, bytes]]
) -> None:
    """Write a file system of `size` bytes to the file `target`.

    `entries` are (path, mode with type bits, content or link target); a directory comes
    before its content. The owner is root. Raise `InfrastructureError`.
    """
    target.unlink(missing_ok=True)
    with target.open("wb") as file:
        file.truncate(size)
    run_program(
        "mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", "-O", FEATURES, "-L", label,
        "-U", _IDENTITY, "-E", f"hash_seed={_IDENTITY},lazy_itable_init=0,nodiscard", "-m", "0",
        str(target),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="lava-ext-", dir=target.parent) as scratch:
        script = Path(scratch, "script")
        script.write_text("".join(f"{line}\n" for line in _commands(entries, Path(scratch))))
        debugfs_errors = run_program("debugfs", "-w", "-f", str(script), str(target))
    if debugfs_errors:
        raise InfrastructureError(f"debugfs failed: {debugfs_errors[0]}")


def _commands(entries: Iterable[tuple[str, int, bytes]], scratch: Path) -> Iterable[str]:
    for number, (path, mode, content) in enumerate(entries):
        if stat.S_ISDIR(mode):
            yield f'mkdir "/{path}"'
        elif stat.S_ISLNK(mode):
            yield f'symlink "/{path}" "{content.decode()}"'
            continue
        else:
            source = scratch / str(number)
            source.write_bytes(content)
            yield f'write "{source}" "/{path}"'
        yield f'set_inode_field "/{path}" mode 0{mode:o}'


def run_program(program: str, *arguments: str) -> Sequence[str]:
    """Run a program of e2fsprogs; return its error lines, as debugfs always exits with 0.

    Raise `InfrastructureError`.
    """
    found = ext.find_program(program)
    if found is None:
        raise InfrastructureError(f"needs the program {program}: apt-get install e2fsprogs")
    # The clock of libext2fs, for reproducible times.
    environ = {**os.environ, "E2FSPROGS_FAKE_TIME": str(TIMESTAMP), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [found, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=environ,
            timeout=PROGRAM_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise InfrastructureError(
            f"{program}: not done within {PROGRAM_TIMEOUT_S:.0f} s"
        ) from None
    errors = ext.debugfs_errors(done.stderr)
    if done.returncode:
        raise InfrastructureError(f"{program} failed: {' '.join(errors)}")
    return errors
