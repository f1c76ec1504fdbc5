"""The keys of LAVA's deploy blocks, and their meaning on devices that this package drives.

The keys are those of LAVA's strict schemas from 2023.01 to 2026.09, for the supported targets. A
text is the reason why a key is refused.
"""

from __future__ import annotations

from typing import Final

OBEYED: Final = "obeyed"
#: Reported as a warning: the key changes nothing that is deployed.
NO_EFFECT: Final = "no effect"

_NOT_APPLIED = "this file would not be deployed"

#: Keys of every block.
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
    "authorize": "ssh keys are not deployed",
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
#: Further keys by target (`to`): these targets are supported.
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
        "type": "only LAVA supports boards without a test shell",
        "uefi": _NOT_APPLIED,
    },
    "usb": _DISK,
}
#: Keys of an entry that names a file: an image, kernel, ramdisk or device tree.
ENTRY = {
    "url": OBEYED,
    "headers": OBEYED,
    "compression": OBEYED,
    "md5sum": OBEYED,
    "sha256sum": OBEYED,
    "sha512sum": OBEYED,
    "overlays": OBEYED,  # `lava` only: the overlay of the tests is delivered anyway
    "format": OBEYED,  # of the file that overlays go into
    "archive": "archives are not unpacked",
    "prefix": "this dispatcher does not serve NFS",
    "sparse": "sparse images are not supported",
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
