"""The cache of the test image, which is rebuilt when its recipe changes."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..debian import DebianPackages
from .image_build import build_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Step = Callable[[str], None]

APPLICATION = "lava-dispatcher"
#: An image of another recipe is removed when unused for so long: another version of this
#: package may be in use.
MAX_UNUSED_S = 24 * 3600.0
_RECIPE_FILES = (
    "images/cpio.py",
    "images/fat_make.py",
    "images/mbr.py",
    "images/uimage.py",
    "qemu/debian.py",
    "qemu/ext_make.py",
)


def cached_image(step: Step, *, renew: bool = False) -> Path:
    """Return the image; build it from Debian's packages if there is none.

    `step` gets texts that describe the progress. `renew`: build it again, from the newest
    packages. Safe for concurrent processes. Raise `InfrastructureError`.
    """
    with locked_cache() as directory:
        image = directory / f"test-image-{recipe()}.img"
        facts = image.with_suffix(".json")
        if renew or not image.is_file():
            step("making the test image")
            half = image.with_suffix(".part")
            made_of = build_image(half, DebianPackages(directory / "debian", step, renew=renew))
            with half.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            text = json.dumps({"packages": made_of, "sha256": digest}, indent=1)
            facts.write_text(f"{text}\n")
            half.rename(image)
            _remove_outdated(directory, image)
        facts.touch()  # records the last use
    return image


def _remove_outdated(directory: Path, image: Path) -> None:
    """Remove the images of other recipes, unless used recently."""
    for facts in directory.glob("test-image-*.json"):
        other = facts.with_suffix(".img")
        if other != image and facts.stat().st_mtime < time.time() - MAX_UNUSED_S:
            other.unlink(missing_ok=True)
            facts.unlink()


def unpack_package(name: str) -> Path:
    """Return the directory of an unpacked armhf package, fetched if necessary.

    Raise `InfrastructureError`.
    """
    with locked_cache() as directory:
        return DebianPackages(directory / "debian").unpack(name)


@contextmanager
def locked_cache() -> Iterator[Path]:
    """Give a context with the cache directory, in which no other process uses it."""
    from filelock import FileLock

    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / "lock"):
        yield directory


def cache_directory() -> Path:
    """Return the cache directory, which may be removed at any time."""
    from platformdirs import user_cache_path

    return user_cache_path(APPLICATION)


def recipe() -> str:
    """Return a digest of the code and the files that define the image."""
    here = Path(__file__).parent
    sources = [*(here.parents[1] / name for name in _RECIPE_FILES), *here.glob("*.py")]
    sources += [path for path in here.joinpath("files").rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
