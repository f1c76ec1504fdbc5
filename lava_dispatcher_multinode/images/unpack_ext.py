"""Run under fakeroot: the files of an ext file system into a gzip tar, by debugfs.

unpack_ext.py DEBUGFS TAR IMAGE?offset=N DIRECTORY TARGET: run by its path, with nothing but the
standard library. What goes wrong is on standard error.
"""

import os
import re
import shutil
import stat
import subprocess
import sys

_ASKED = re.compile(r'debugfs: stat "(.*)"')
_MODE = re.compile(r"Mode: +(\d+)")
_UNFIT = re.compile(r"[\x00-\x1f\x7f]")
ROOT = 2  # its inode
DIRECTORIES = 1 << 20
SPARE = 256 << 20  # bytes of disk that must stay free
SPECIAL = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


def main(debugfs: str, tar: str, where: str, directory: str, target: str) -> None:
    """Check, unpack, mend, pack."""
    check(debugfs, where, shutil.disk_usage(directory).free - SPARE)
    subprocess.run([debugfs, "-R", f'rdump / "{directory}"', where], check=True)
    mend(debugfs, where, directory)
    subprocess.run(
        [tar, "-C", directory, "--exclude=./lost+found", "--numeric-owner", "-I", "gzip -1",
         "-cf", target, "."],
        check=True,
    )  # fmt: skip


def check(debugfs: str, where: str, room: int) -> None:
    """Exit unless debugfs would write below its directory only, and no more than `room` bytes.

    It takes names and sizes as they are in the image, which need not come from a kernel.
    """
    level, seen, size = [ROOT], {ROOT}, 0
    while level:
        said = _ask(debugfs, where, [f"ls -p <{inode}>" for inode in level])
        level, names = [], set[str]()
        for line in said.split("\n"):
            if line.startswith("debugfs: "):
                names = set()  # of the next directory
            elif line:
                # /inode/mode/user/group/name/size/; a name with a slash makes more of it.
                fields = line.split("/")
                name = fields[5] if len(fields) == 8 else ""
                if len(fields) != 8 or name in names or _UNFIT.search(name):
                    sys.exit(f"a name that no file can have, or twice in a directory: {line!r}")
                inode, kind = int(fields[1]), int(fields[2], 8)
                if inode == 0:
                    continue  # no entry
                names.add(name)
                size += int(fields[6] or 0) if stat.S_ISREG(kind) else 0
                if stat.S_ISDIR(kind) and name not in {".", ".."}:
                    level.append(inode)
        if size > room or len(seen) + len(level) > DIRECTORIES:
            sys.exit(f"too large for the free space here, {room} bytes")
        if len(seen) + len(level) != len(seen.union(level)):
            sys.exit("its directories go in a circle")
        seen.update(level)


def mend(debugfs: str, where: str, directory: str) -> None:
    """Give programs back what they lost: debugfs sets the mode first, then the owner."""
    paths = [
        "/" + os.path.relpath(os.path.join(folder, name), directory)
        for folder, _, names in os.walk(directory)
        for name in names
    ]
    programs = [path for path in paths if _is_program(directory + path) and '"' not in path]
    said = _ask(debugfs, where, [f'stat "{path}"' for path in programs])
    asked = ""
    for line in said.split("\n"):
        if found := _ASKED.match(line):
            asked = found[1]
        elif asked and (found := _MODE.search(line)):
            if int(found[1], 8) & SPECIAL:
                os.chmod(directory + asked, int(found[1], 8))
            asked = ""


def _ask(debugfs: str, where: str, commands: list[str]) -> str:
    """Return what debugfs prints."""
    return subprocess.run(
        [debugfs, "-f", "-", where],
        input="".join(f"{command}\n" for command in commands),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        errors="surrogateescape",
        check=True,
        env={**os.environ, "DEBUGFS_PAGER": "cat"},
    ).stdout


def _is_program(path: str) -> bool:
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) and bool(mode & 0o111)


if __name__ == "__main__":
    main(*sys.argv[1:])
