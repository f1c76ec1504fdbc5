"""Boot times of a Cubieboard and a Raspberry Pi 2 in QEMU, both with Debian's U-Boot for them.

    python bench/real_boards.py

Both boards run one job with a barrier, with the device files of a user. Then the same cards
boot at the same time without the dispatcher, by a key and `run bootcmd`. Seconds count from the
power-on of each board; the job's include the checks of what was typed and the login.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
sys.path.insert(0, str(CHECKOUT))

from tests.e2e.soc_boards import (  # noqa: E402
    job,
    make_cubieboard,
    make_image,
    make_raspberry_pi,
)

COMMAND = Path(sys.executable).parent / "lava-dispatch"
LIMIT_S = 600.0
STAGES = ("U-Boot's prompt", "shell")
COUNTDOWN, SHELL = b"Hit any key to stop autoboot", b"root@board:"


def run(top, boards):
    """Run the job; return the seconds to each stage by board."""
    lab = top / "lab"
    (lab / "devices").mkdir(parents=True)
    for name, board in boards.items():
        (lab / "devices" / f"{name}.yaml").write_text(board.device_file())
    (top / "job.json").write_text(json.dumps(job(top / "image.img", boards)))
    words = ["--config-dir", lab, "--output-dir", top / "out", top / "job.json"]
    done = subprocess.run(
        [COMMAND, "-q", *words],
        check=False,
        env=os.environ | {"XDG_CONFIG_HOME": str(top), "LAVA_LOCK_DIR": str(top / "locks")},
    )
    if done.returncode:
        sys.exit(f"the job failed: exit code {done.returncode}")
    lines = (top / "out" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return {name: times([e for e in events if e.get("node") == name]) for name in boards}


def times(events):
    """Return the seconds from the last power-on of a node to each stage."""
    steps = [e for e in events if e["event"] == "step"]
    texts = [e["text"] for e in steps]
    first = len(texts) - 1 - texts[::-1].index("switching the power on")
    typed = next(e for e in steps[first:] if e["text"].startswith("U-Boot: "))
    finished = next(e for e in events if e["event"] == "boot_finished")
    return [e["t"] - steps[first]["t"] for e in (typed, finished)]


def boot_bare(board):
    """Boot a board by a key and `run bootcmd`; return the seconds to each stage."""
    with socket.socket(socket.AF_UNIX) as server:
        board.console.unlink(missing_ok=True)
        server.bind(str(board.console))
        server.listen()
        start = time.monotonic()
        try:
            subprocess.run(["sh", "-c", board.power_on], check=True)
            with server.accept()[0] as line:
                heard = expect(line, COUNTDOWN, b"")
                line.sendall(b" ")
                heard = expect(line, f"\n{board.prompt}".encode(), heard)
                prompt = time.monotonic() - start
                line.sendall(b"run bootcmd\r")
                expect(line, SHELL, heard)
                return [prompt, time.monotonic() - start]
        finally:
            subprocess.run(["sh", "-c", board.power_off], check=True)


def expect(line, text, heard):
    """Read until `text`; return what follows it."""
    end = time.monotonic() + LIMIT_S
    while text not in heard:
        ready, _, _ = select.select([line], [], [], max(0, end - time.monotonic()))
        data = line.recv(65536) if ready else b""
        if not data:
            sys.exit(f"no {text!r}: {heard[-500:]!r}")
        heard += data
    return heard.partition(text)[2]


def main():
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        make_image(top / "image.img")
        boards = {
            "cubie01": make_cubieboard(top / "cubie01"),
            "rpi01": make_raspberry_pi(top / "rpi01"),
        }
        print(f"{'':16}" + "".join(f"{name:>18}" for name in STAGES))
        try:
            print_rows("job", run(top, boards))
        finally:
            for board in boards.values():
                subprocess.run(["sh", "-c", board.power_off], check=True)
        with ThreadPoolExecutor() as pool:
            print_rows(
                "bare", dict(zip(boards, pool.map(boot_bare, boards.values()), strict=True))
            )


def print_rows(way, found):
    """Print the seconds of each board."""
    for name, seconds in found.items():
        print(f"{name:9}{way:7}" + "".join(f"{t:>16.1f} s" for t in seconds), flush=True)


if __name__ == "__main__":
    main()
