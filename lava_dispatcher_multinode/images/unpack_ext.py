"""A program that packs an ext file system into a gzip tar with debugfs, under fakeroot.

usage: unpack_ext.py DEBUGFS TAR IMAGE?offset=N DIRECTORY TARGET

It is run by path, with the standard library alone. Errors go to standard error.
"""

import os
import re
import shutil
import stat
import subprocess
import sys

_STAT_COMMAND = re.compile(r'debugfs: stat "(.*)"')
_MODE = re.compile(r"Mode: +(\d+)")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
ROOT_INODE = 2
MAX_DIRECTORIES = 1 << 20
MIN_FREE_BYTES = 256 << 20  # of disk after unpacking
SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


def main(debugfs: str, tar: str, where: str, directory: str, target: str) -> None:
    """Check the file system, unpack it, restore mode bits, and pack the files."""
    check_entries(debugfs, where, shutil.disk_usage(directory).free - MIN_FREE_BYTES)
    subprocess.run([debugfs, "-R", f'rdump / "{directory}"', where], check=True)
    restore_mode_bits(debugfs, where, directory)
    subprocess.run(
        [tar, "-C", directory, "--exclude=./lost+found", "--numeric-owner", "-I", "gzip -1",
         "-cf", target, "."],
        check=True,
    )  # fmt: skip


def check_entries(debugfs: str, where: str, max_bytes: int) -> None:
    """Exit with an error if debugfs would write outside its directory or too much.

    debugfs takes names and sizes as they are in the image, and an image can be crafted.
    """
    level, seen, size = [ROOT_INODE], {ROOT_INODE}, 0
    while level:
        output = _run_commands(debugfs, where, [f"ls -p <{inode}>" for inode in level])
        level, names = [], set[str]()
        for line in output.split("\n"):
            if line.startswith("debugfs: "):
                names = set()  # the next directory starts
            elif line:
                # /inode/mode/user/group/name/size/; a name with a slash gives more fields.
                fields = line.split("/")
                name = fields[5] if len(fields) == 8 else ""
                if len(fields) != 8 or name in names or _CONTROL_CHARACTER.search(name):
                    sys.exit(f"invalid or duplicate file name: {line!r}")
                inode, kind = int(fields[1]), int(fields[2], 8)
                if inode == 0:
                    continue  # an unused entry
                names.add(name)
                size += int(fields[6] or 0) if stat.S_ISREG(kind) else 0
                if stat.S_ISDIR(kind) and name not in {".", ".."}:
                    level.append(inode)
        if size > max_bytes or len(seen) + len(level) > MAX_DIRECTORIES:
            sys.exit(f"too large for the free space of {max_bytes} bytes")
        if len(seen) + len(level) != len(seen.union(level)):
            sys.exit("the directories form a cycle")
        seen.update(level)


def restore_mode_bits(debugfs: str, where: str, directory: str) -> None:
    """Restore setuid and setgid bits, which the chown after the chmod of debugfs clears."""
    paths = [
        "/" + os.path.relpath(os.path.join(folder, name), directory)
        for folder, _, names in os.walk(directory)
        for name in names
    ]
    programs = [path for path in paths if _is_program(directory + path) and '"' not in path]
    output = _run_commands(debugfs, where, [f'stat "{path}"' for path in programs])
    path = ""
    for line in output.split("\n"):
        if found := _STAT_COMMAND.match(line):
            path = found[1]
        elif path and (found := _MODE.search(line)):
            if int(found[1], 8) & SPECIAL_BITS:
                os.chmod(directory + path, int(found[1], 8))
            path = ""


def _run_commands(debugfs: str, where: str, commands: list[str]) -> str:
    """Return the output of debugfs."""
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
