"""Formats of files that are no raw disk image: a medium with their bytes does not start."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import DeployError
from .compression import match_magic

HEAD_BYTES = 512  # of a file, enough for all magic numbers


class Format(NamedTuple):
    """A format with its magic number at byte `at`; `remedy` says what to do."""

    name: str
    magic: bytes
    remedy: str
    at: int = 0


_DISK = "convert it: qemu-img convert -O raw IN OUT"
_ARCHIVE = "unpack it, and give the image inside"
QCOW2 = Format("a qcow2 disk", b"QFI\xfb", _DISK)
TAR = Format("a tar archive", b"ustar", _ARCHIVE, 257)
SQUASHFS = b"hsqs"
_FORMATS = (
    Format("an Android sparse image", b"\x3a\xff\x26\xed", "convert it: simg2img IN OUT"),
    Format("an Android boot image", b"ANDROID!", "it is for fastboot, not for a medium"),
    Format("a zip archive", b"PK\x03\x04", _ARCHIVE),
    Format("an lz4 file", b"\x04\x22\x4d\x18", "decompress it: lz4 -d IN OUT"),
    Format("an lz4 file (legacy frame)", b"\x02\x21\x4c\x18", "decompress it: lz4 -d IN OUT"),
    Format("a 7-Zip archive", b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    Format("a RAR archive", b"Rar!\x1a\x07", _ARCHIVE),
    Format("an lzop file", b"\x89LZO\x00\r\n\x1a\n", "decompress it: lzop -d IN"),
    Format("an lzip file", b"LZIP", "decompress it: lzip -d IN"),
    Format("an lzma file", b"]\x00\x00", "decompress it: unlzma IN"),
    Format("a file of compress", b"\x1f\x9d", "decompress it: gzip -d IN"),
    QCOW2,
    Format("a VMDK disk", b"KDMV", _DISK),
    Format("a VMDK disk's description", b"# Disk DescriptorFile", _DISK),
    Format("a VHD disk", b"conectix", _DISK),
    Format("a VHDX disk", b"vhdxfile", _DISK),
    Format("a VirtualBox disk", b"\x7f\x10\xda\xbe", _DISK, 0x40),
    TAR,
    Format("a cpio archive", b"070701", "it is for a kernel, not for a medium"),
    Format("a U-Boot image", b"\x27\x05\x19\x56", "deploy it by deploy_linaro_kernel"),
    Format("a device tree or FIT image", b"\xd0\x0d\xfe\xed", "deploy it by deploy_linaro_kernel"),
    Format("a UBI image", b"UBI#", "it is for raw flash, not for a medium"),
    Format("a web page", b"<!DOCTYPE html", "check the address: does it need a login?"),
    Format("a web page", b"<html", "check the address: does it need a login?"),
)


def find(head: bytes) -> Format | None:
    """Return the format of a file with these first `HEAD_BYTES`; None if it may be raw."""
    lower = head.lower()
    for form in _FORMATS:
        text = lower if form.magic.startswith(b"<") else head
        magic = form.magic.lower() if form.magic.startswith(b"<") else form.magic
        if text.startswith(magic, form.at):
            return form
    suffix = match_magic(head)
    if suffix:
        return Format(f"compressed twice (with {suffix} inside)", b"", "decompress it once")
    return None


def refuse_foreign(head: bytes) -> None:
    """Raise `DeployError` if these first `HEAD_BYTES` are not those of a raw image."""
    form = find(head)
    if form is not None:
        raise DeployError(f"the image is {form.name}, not a raw image: {form.remedy}")
