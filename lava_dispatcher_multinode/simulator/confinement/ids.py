"""Which of the host's users a board's users are."""

from __future__ import annotations

import os
from pathlib import Path

WANTED = 65536  # ids of a board


def mapping(kind: str) -> tuple[int, int]:
    """Return the host's first id for a board's ids from 0, and how many there are.

    Root gets ids that mean nothing on the host, so that what belongs to the
    host's root (in /proc, above all) is out of the boards' reach. Anybody else
    has only the own id to give.
    """
    own = os.geteuid() if kind == "uid" else os.getegid()
    if os.geteuid() != 0:
        return own, 1
    with open(f"/proc/self/{kind}_map", encoding="ascii") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    first, _, count = max(ranges, key=lambda item: item[2])
    if count >= 4 * WANTED:
        return first + count // 2, WANTED
    return (first + count - 2, 1) if count > 2 else (own, 1)


def map_ids(child: int, uid: tuple[int, int], gid: tuple[int, int]) -> None:
    """Give the user namespace of the process `child` its ids."""
    if os.geteuid() != 0:
        Path(f"/proc/{child}/setgroups").write_text("deny", encoding="ascii")
    for kind, (first, count) in (("gid", gid), ("uid", uid)):
        path = f"/proc/{child}/{kind}_map"
        Path(path).write_text(f"0 {first} {count}\n", encoding="ascii")


def be_root() -> None:
    """Become the root of the user namespace."""
    # Below an ordinary user's namespace groups stay as they are; elsewhere they have to go.
    if Path("/proc/self/setgroups").read_text(encoding="ascii") != "deny\n":
        os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
