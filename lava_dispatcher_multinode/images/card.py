"""Writing a disk image to an SD card: unchanged, or in the master layout of 2013.

The written data is read back and compared before anything else uses the card.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from ..errors import DeployError
from . import card_io, formats, partitions
from .master_layout import ROOT_NUMBER, set_labels, write_master

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .bmap import Bmap

LAYOUTS = ("image", "master")
ROOT_OF_MASTER = ROOT_NUMBER


def write_card(
    image: IO[bytes] | Path,
    target: Path,
    layout: str,
    progress: card_io.Progress | None = None,
    bmap: Bmap | None = None,
) -> tuple[str, ...]:
    """Write `image` to `target`, a new sparse file or a block device.

    Return the boot loader files that the image lacks in the layout "master". `image` may
    be a stream, which is read once. With `bmap`, the layout "image" writes and checks only
    what that maps. `progress(done, total)` gets bytes; the total of a stream is None. Raise
    `DeployError` if the image or the target cannot be used; the target is then not bootable.
    """
    if layout not in LAYOUTS:
        raise DeployError(f"unknown card layout '{layout}': one of {', '.join(LAYOUTS)}")
    report = progress or (lambda _done, _total: None)
    missing: tuple[str, ...] = ()
    try:
        with _open_image(image) as stream:
            source = card_io.ForwardReader(stream)
            formats.refuse_foreign(source.peek(formats.HEAD_BYTES))
            with _open_card(target) as card:
                if layout == "master":
                    copies, missing = write_master(source, card, report)
                elif bmap is not None:
                    copies = _write_mapped(source, card, bmap, report)
                else:
                    copies = [_write_unchanged(source, card, report)]
                card_io.verify(card, copies, report)
                if layout == "master":
                    set_labels(card)
    except OSError as error:
        reason = error.strerror or error
        raise DeployError(f"writing the card {target} failed: {reason}") from error
    return missing


def read_table(card: Path) -> partitions.Table:
    """Return the partition table of a card; raise `DeployError`."""
    with card.open("rb") as disk:
        return partitions.read(disk)


@contextmanager
def _open_image(image: IO[bytes] | Path) -> Iterator[IO[bytes]]:
    if isinstance(image, Path):
        with image.open("rb") as source:
            yield source
    else:
        yield image


@contextmanager
def _open_card(path: Path) -> Iterator[BinaryIO]:
    """Open the card for reading and writing; a file is truncated, a device is not."""
    device = path.exists() and stat.S_ISBLK(path.stat().st_mode)
    with path.open("r+b" if device else "w+b") as card:
        yield card
        card.flush()
        if device:
            os.fsync(card.fileno())


def _write_unchanged(
    image: card_io.ForwardReader, card: BinaryIO, report: card_io.Progress
) -> card_io.Copy:
    if image.size is not None:
        card_io.allocate(card, image.size)
    copy = card_io.copy(image, card, 0, image.size, lambda done: report(done, image.size))
    if copy.size == 0:
        raise DeployError("the image is empty")
    if image.size is None:
        card_io.allocate(card, copy.size)  # the end may be a hole
    return copy


def _write_mapped(
    image: card_io.ForwardReader, card: BinaryIO, bmap: Bmap, report: card_io.Progress
) -> list[card_io.Copy]:
    """Write the mapped ranges; raise `DeployError` if the image is another one."""
    if image.size not in {None, bmap.image_size}:
        raise DeployError(f"{bmap.name}: {bmap.describe_size(image.size)}")
    card_io.allocate(card, bmap.image_size)
    copies: list[card_io.Copy] = []
    done, total = 0, sum(part.size for part in bmap.ranges)
    for part in bmap.ranges:

        def report_part(size: int = 0, before: int = done) -> None:
            report(before + size, total)

        image.skip_to(part.start, report_part)
        summed = bmap.summed(image)
        try:
            copies.append(card_io.copy(summed, card, part.start, part.size, report_part))
        except card_io.TruncatedImage as error:
            raise DeployError(f"{bmap.name}: {bmap.describe_size(image.place)}") from error
        bmap.check(part, summed.digest)
        done += part.size
    # Another size is another image; damage to a compressed one may only show at its end.
    image.skip_to(bmap.image_size, lambda: report(done, total))
    rest = image.read(1)
    if rest or image.place != bmap.image_size:
        raise DeployError(f"{bmap.name}: {bmap.describe_size(image.place)}")
    return copies
