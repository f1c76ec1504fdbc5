"""The keys of LAVA's deploy blocks, and what each means on a board of this package's own.

They are those of LAVA's strict schemas from 2023.01 to 2026.09 for the places that such a board
takes. A text is the reason for which a key is refused.
"""

from __future__ import annotations

from typing import Final

OBEYED: Final = "obeyed"
#: Told in a warning: what is deployed is the same without the key.
NO_EFFECT: Final = "no effect"

_NOT_APPLIED = "this file would not reach the board"

#: Keys of a block, wherever it deploys to.
BLOCK = {
    "to": OBEYED,
    "role": OBEYED,
    "protocols": OBEYED,
    "timeout": OBEYED,
    "repeat": OBEYED,
    "timeouts": NO_EFFECT,
    "failure_retry": NO_EFFECT,
    "failure_retry_interval": NO_EFFECT,
    "namespace": NO_EFFECT,
    "connection-namespace": NO_EFFECT,
    "os": NO_EFFECT,
    "overlay_backend": NO_EFFECT,
    "authorize": "a board here gets no key for ssh",
}
_DISK = {
    "image": OBEYED,
    "images": OBEYED,
    "device": NO_EFFECT,
    "download": NO_EFFECT,
    "writer": NO_EFFECT,
    "tool": NO_EFFECT,
    "uniquify": NO_EFFECT,
}
#: Further keys of a block, by where it deploys to: these are the places that boards here take.
PLACES = {
    "flasher": {"images": OBEYED, "uniquify": NO_EFFECT},
    "overlay": {},
    "sd": _DISK,
    "tftp": {
        "kernel": OBEYED,
        "ramdisk": OBEYED,
        "dtb": OBEYED,
        "dtbo": _NOT_APPLIED,
        "extra_files": _NOT_APPLIED,
        "modules": _NOT_APPLIED,
        "preseed": _NOT_APPLIED,
        "tee": _NOT_APPLIED,
        "nfsrootfs": "this dispatcher does not serve NFS",
        "persistent_nfs": "this dispatcher does not serve NFS",
    },
    "tmpfs": {
        "images": OBEYED,
        "type": "a board without a test shell is LAVA's own",
        "uefi": _NOT_APPLIED,
    },
    "usb": _DISK,
}
#: Keys of an entry, which names a file: that of an image, kernel, ramdisk or device tree.
ENTRY = {
    "url": OBEYED,
    "headers": OBEYED,
    "compression": OBEYED,
    "md5sum": OBEYED,
    "sha256sum": OBEYED,
    "sha512sum": OBEYED,
    "overlays": OBEYED,  # `lava` alone: the tests' own overlay, which gets onto the board anyway
    "format": OBEYED,  # of what overlays go into
    "archive": "a file is deployed as it is, not what an archive has in it",
    "prefix": "this dispatcher does not serve NFS",
    "sparse": "a sparse image is not written here",
    "filename": NO_EFFECT,
    "use_cache": NO_EFFECT,
    "overlay_backend": NO_EFFECT,
    "partition": NO_EFFECT,
    "root_partition": NO_EFFECT,
    "image_arg": NO_EFFECT,
    "download": NO_EFFECT,
    "type": NO_EFFECT,
    "header": NO_EFFECT,
    "install_modules": NO_EFFECT,
    "install_overlay": NO_EFFECT,
}
