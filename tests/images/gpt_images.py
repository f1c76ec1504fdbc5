"""GPT images, made by the real tools."""

from __future__ import annotations

import subprocess

from ..needs import PATH, program, require

MIB = 1 << 20
SIZE = 32 * MIB
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
ARM64_ROOT = "b921b045-1df0-41c3-af44-4c6f280d3fae"
#: Number, first MiB, MiB, type; number 2 is not used.
PARTITIONS = ((1, 1, 4, ESP), (3, 5, 10, LINUX), (4, 16, 8, ARM64_ROOT))


def run(*words, stdin=None):
    """Run a program; return its output."""
    require(words[0])
    words = [program(words[0]), *map(str, words[1:])]
    done = subprocess.run(words, input=stdin, capture_output=True, check=True, text=True,
                          env={"PATH": PATH, "LC_ALL": "C"})  # fmt: skip
    return done.stdout


def make(path, partitions=PARTITIONS):
    """Write an image with `partitions` by sfdisk."""
    with path.open("wb") as file:
        file.truncate(SIZE)
    lines = ["label: gpt"]
    lines += [
        f"{number}: start={first * 2048}, size={size * 2048}, type={kind}"
        for number, first, size, kind in partitions
    ]
    run("sfdisk", "-q", path, stdin="\n".join(lines))
    return path
