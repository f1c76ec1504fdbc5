"""Mapping the user and group IDs of boards to IDs of the host."""

from __future__ import annotations

import os
from pathlib import Path

IDS_PER_BOARD = 65536


def choose_range(kind: str) -> tuple[int, int]:
    """Return the first host ID for the IDs of a board, and their number.

    `kind` is "uid" or "gid". As root, the IDs are unused on the host, so that boards
    cannot access files of the host's root (above all in /proc). An ordinary user can
    only map its own ID.
    """
    own = os.geteuid() if kind == "uid" else os.getegid()
    if os.geteuid() != 0:
        return own, 1
    with open(f"/proc/self/{kind}_map", encoding="ascii") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    first, _, count = max(ranges, key=lambda item: item[2])
    if count >= 4 * IDS_PER_BOARD:
        return first + count // 2, IDS_PER_BOARD
    return (first + count - 2, 1) if count > 2 else (own, 1)


def map_ids(child: int, uid: tuple[int, int], gid: tuple[int, int]) -> None:
    """Write the ID maps of the user namespace of the process `child`."""
    if os.geteuid() != 0:
        Path(f"/proc/{child}/setgroups").write_text("deny", encoding="ascii")
    for kind, (first, count) in (("gid", gid), ("uid", uid)):
        path = f"/proc/{child}/{kind}_map"
        Path(path).write_text(f"0 {first} {count}\n", encoding="ascii")


def become_root() -> None:
    """Become root of the user namespace."""
    # In the namespace of an ordinary user, groups cannot change; otherwise they are dropped.
    if Path("/proc/self/setgroups").read_text(encoding="ascii") != "deny\n":
        os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
