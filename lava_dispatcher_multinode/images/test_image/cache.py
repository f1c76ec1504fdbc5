"""The test image of this user: made once, kept, and made anew when its recipe changes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..debian import Packages
from .build import build

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[str], None]

APPLICATION = "lava-dispatcher"
_PARTS = ("cpio.py", "debian.py", "ext_make.py", "fat_make.py", "mbr.py", "uimage.py")


def cached_image(step: Step) -> Path:
    """Return the image, made now if it is not there: Debian's packages are fetched for it.

    `step` is told what takes time. Many processes may ask at once. Raise
    `InfrastructureError`.
    """
    from filelock import FileLock

    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    image = directory / f"test-image-{recipe()}.img"
    with FileLock(directory / "lock"):
        if not image.is_file():
            step("making the test image")
            half = image.with_suffix(".part")
            made_of = build(half, Packages(directory / "debian", step))
            with half.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            facts = {"packages": made_of, "sha256": digest}
            image.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
            half.rename(image)
    return image


def package(name: str) -> Path:
    """Return the directory of an unpacked armhf package, fetched now if it is not there."""
    from filelock import FileLock

    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / "lock"):
        return Packages(directory / "debian").unpacked(name)


def cache_directory() -> Path:
    """Return where all of it is kept; it may be removed at any time."""
    from platformdirs import user_cache_path

    return user_cache_path(APPLICATION)


def recipe() -> str:
    """Return a digest of what this package puts into the image, and how."""
    here = Path(__file__).parent
    parts = [*(here.parent / name for name in _PARTS), *here.glob("*.py")]
    parts += [path for path in here.joinpath("files").rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(parts):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
