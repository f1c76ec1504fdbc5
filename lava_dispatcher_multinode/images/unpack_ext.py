"""Run under fakeroot: the files of an ext file system into a gzip tar, by debugfs.

unpack_ext.py DEBUGFS TAR IMAGE?offset=N DIRECTORY TARGET: run by its path, with nothing but the
standard library. What goes wrong is on standard error.
"""

import os
import re
import stat
import subprocess
import sys

_ASKED = re.compile(r'debugfs: stat "(.*)"')
_MODE = re.compile(r"Mode: +(\d+)")
SPECIAL = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


def main(debugfs: str, tar: str, where: str, directory: str, target: str) -> None:
    """Unpack, mend, pack."""
    subprocess.run([debugfs, "-R", f"rdump / {directory}", where], check=True)
    mend(debugfs, where, directory)
    subprocess.run(
        [tar, "-C", directory, "--exclude=./lost+found", "--numeric-owner", "-I", "gzip -1",
         "-cf", target, "."],
        check=True,
    )  # fmt: skip


def mend(debugfs: str, where: str, directory: str) -> None:
    """Give programs back what they lost: debugfs sets the mode first, then the owner."""
    paths = [
        "/" + os.path.relpath(os.path.join(folder, name), directory)
        for folder, _, names in os.walk(directory)
        for name in names
    ]
    programs = [path for path in paths if _is_program(directory + path) and '"' not in path]
    said = subprocess.run(
        [debugfs, "-f", "-", where],
        input="".join(f'stat "{path}"\n' for path in programs),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="surrogateescape",
        check=True,
        env={**os.environ, "DEBUGFS_PAGER": "cat"},
    ).stdout
    asked = ""
    for line in said.splitlines():
        if found := _ASKED.match(line):
            asked = found[1]
        elif asked and (found := _MODE.search(line)):
            if int(found[1], 8) & SPECIAL:
                os.chmod(directory + asked, int(found[1], 8))
            asked = ""


def _is_program(path: str) -> bool:
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) and bool(mode & 0o111)


if __name__ == "__main__":
    main(*sys.argv[1:])
