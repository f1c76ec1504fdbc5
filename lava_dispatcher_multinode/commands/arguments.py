"""Arguments that several commands have, and their types."""

from __future__ import annotations

import argparse
import math
from contextlib import suppress
from pathlib import Path


def add_job(parser: argparse.ArgumentParser) -> None:
    """Add the argument JOB."""
    parser.add_argument("job", metavar="JOB", help="job file, JSON or YAML; - is standard input")


def add_config_dir(
    parser: argparse.ArgumentParser,
    purpose: str = "device files instead of /etc/lava-dispatcher and ~/.config/lava-dispatcher",
) -> None:
    """Add --config-dir."""
    parser.add_argument("--config-dir", metavar="DIR", type=Path, help=purpose)


def seconds(text: str) -> float:
    """Return a number of seconds, 0 or more; raise `ArgumentTypeError`."""
    with suppress(ValueError):
        number = float(text)
        if 0 <= number < math.inf:
            return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")


def positive_seconds(text: str) -> float:
    """Return a number of seconds above 0; raise `ArgumentTypeError`."""
    if number := seconds(text):
        return number
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
