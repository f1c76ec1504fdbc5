"""The test image of this user: made once, kept, and made anew when its recipe changes."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..debian import Packages
from .image_build import build

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[str], None]

APPLICATION = "lava-dispatcher"
#: Seconds since its last use after which another recipe's image goes: another version of
#: this package may be at work beside us.
UNUSED = 24 * 3600.0
_PARTS = (
    "images/cpio.py",
    "images/fat_make.py",
    "images/mbr.py",
    "images/uimage.py",
    "qemu/debian.py",
    "qemu/ext_make.py",
)


def cached_image(step: Step, *, renew: bool = False) -> Path:
    """Return the image, made now if it is not there: Debian's packages are fetched for it.

    `step` is told what takes time. `renew`: make it in any case, of the newest
    packages that there are. Many processes may ask at once. Raise
    `InfrastructureError`.
    """
    from filelock import FileLock

    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    image = directory / f"test-image-{recipe()}.img"
    facts = image.with_suffix(".json")
    with FileLock(directory / "lock"):
        if renew or not image.is_file():
            step("making the test image")
            half = image.with_suffix(".part")
            made_of = build(half, Packages(directory / "debian", step, renew=renew))
            with half.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            text = json.dumps({"packages": made_of, "sha256": digest}, indent=1)
            facts.write_text(f"{text}\n")
            half.rename(image)
            _remove_outdated(directory, image)
        facts.touch()  # when it was last used
    return image


def _remove_outdated(directory: Path, image: Path) -> None:
    """Remove the images of other recipes, but for those that somebody has just used."""
    for facts in directory.glob("test-image-*.json"):
        other = facts.with_suffix(".img")
        if other != image and facts.stat().st_mtime < time.time() - UNUSED:
            other.unlink(missing_ok=True)
            facts.unlink()


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
    parts = [*(here.parents[1] / name for name in _PARTS), *here.glob("*.py")]
    parts += [path for path in here.joinpath("files").rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(parts):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
