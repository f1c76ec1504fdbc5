"""LAVA's deploy and boot blocks for a kind of device, which this package's jobs leave out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ...images.store import locate
from ...lab.device_sections import Login
from ..dictionary import load_dictionary, methods

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ...lab.device_model import Device

#: Suffix of an image -> LAVA's name of its compression.
COMPRESSION = {".bz2": "bz2", ".gz": "gz", ".xz": "xz", ".zip": "zip", ".zst": "zstd"}
#: Boot method -> name of its action, for MultiNode calls before the device starts.
BOOT_ACTIONS = {"minimal": "minimal-boot", "qemu": "boot-image-retry", "u-boot": "uboot-action"}
#: What was deployed -> LAVA's name of the boot loader commands that start it.
_COMMANDS = {"kernel": "ramdisk", "nfs": "nfs"}


@dataclass(frozen=True)
class LavaBlocks:
    """The deploy and boot blocks for the devices of one role.

    `device_type` is LAVA's name. `image` and `boot` are the keys that every such block has.
    `remarks` are for the reader of the exported job.
    """

    device_type: str
    image_to: str = "flasher"
    image: Mapping[str, Any] = field(default_factory=dict)
    boot: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def deploy_image(self, parameters: Mapping[str, Any], directory: Path) -> dict[str, Any]:
        """Return the block that deploys a disk image."""
        if self.image_to == "overlay":
            return {"to": "overlay", **self.image}
        name = "rootfs" if self.image_to == "tmpfs" else "image"
        entry = _url(parameters["image"], directory)
        if "image_sha256" in parameters:
            entry["sha256sum"] = parameters["image_sha256"]
        if self.image_to == "tmpfs":
            entry["image_arg"] = "-drive format=raw,file={rootfs}"
        return {"to": self.image_to, "images": {name: entry}, **self.image}

    def deploy_kernel(self, parameters: Mapping[str, Any], directory: Path) -> dict[str, Any]:
        """Return the block that deploys files for the boot loader."""
        block: dict[str, Any] = {"to": "tftp"}
        for key in ("kernel", "ramdisk", "dtb"):
            if key in parameters:
                block[key] = _url(parameters[key], directory)
        name = parameters["kernel"].rpartition("/")[2].lower()
        kind = next((kind for kind in ("zimage", "uimage") if kind in name), "image")
        block["kernel"]["type"] = kind
        if "rootfs" in parameters:
            block["nfsrootfs"] = _url(parameters["rootfs"], directory)
        return block

    def boot_block(self, deployed: str) -> dict[str, Any]:
        """Return the block that boots what was deployed: "image", "kernel", or "nfs"."""
        block = dict(self.boot)
        if deployed in _COMMANDS and block.get("method") == "u-boot":
            block["commands"] = _COMMANDS[deployed]
        return block


def blocks_of_type(device_type: str, defaults: Mapping[str, Any]) -> LavaBlocks:
    """Return the blocks for a type with `defaults` here: its boot commands, literally.

    For a type without `defaults`, or without commands, the blocks are a guess.
    """
    lava_name = defaults.get("lava", {}).get("device_type", device_type)
    boot = {"method": "minimal", **_login(Login())}
    if commands := list(defaults.get("boot", {}).get("commands", ())):
        boot |= {"method": "u-boot", "commands": commands}
        remark = (
            f"images are written by the lab's 'flasher' for {lava_name}; "
            "the boot commands are this package's own, for its card layout"
        )
    elif defaults:
        remark = "how the board boots is not known here; method 'minimal' is a guess"
    else:
        remark = "how LAVA deploys to it and boots it is a guess; see the lab's own jobs"
    return LavaBlocks(lava_name, boot=boot, remarks=(f"{device_type}: {remark}",))


def blocks_of_dictionary(device: Device) -> LavaBlocks:
    """Return the blocks that the dictionary of a device under LAVA allows.

    `lava.deploy` and `lava.boot` of the device file override them.
    """
    dictionary = load_dictionary(device)
    deploy, boot = methods(dictionary, "deploy"), methods(dictionary, "boot")
    own_deploy, own_boot = dict(device.lava.deploy), dict(device.lava.boot)
    if "qemu" in boot:
        default, image_to = {"method": "qemu", "media": "tmpfs"}, "tmpfs"
    elif "u-boot" in boot:
        default, image_to = {"method": "u-boot", "commands": "ramdisk"}, "flasher"
    else:
        default, image_to = {"method": "minimal"}, "flasher"
    if image_to not in {*deploy, "tmpfs"}:
        image_to = "overlay"
    image_to = own_deploy.pop("to", image_to)
    same = own_boot.get("method", default["method"]) == default["method"]
    # A device file that sets the prompts also decides whether there is a login.
    login = {} if "prompts" in own_boot else _login(device.login)
    block = {**(default if same else {}), **login, **own_boot}
    return LavaBlocks(device.device_type, image_to, own_deploy, block)


def _login(login: Login) -> dict[str, Any]:
    prompts = [_literal(prompt) for prompt in login.shell_prompts]
    automatic = {"login_prompt": _literal(login.prompt), "username": login.user}
    if login.password is not None:
        automatic |= {"password_prompt": "Password:", "password": login.password}
    return {"prompts": prompts, "auto_login": automatic}


def _literal(text: str) -> str:
    """Return a regular expression for the literal text; more readable than that of `re.escape`."""
    return re.sub(r"[.^$*+?{}\[\]\\|()]", r"\\\g<0>", text)


def _url(text: str, directory: Path) -> dict[str, Any]:
    url = locate(text, directory)
    if url.startswith("/"):
        url = f"file://{quote(url)}"
    suffix = next((s for s in COMPRESSION if url.lower().endswith(s)), None)
    return {"url": url, **({"compression": COMPRESSION[suffix]} if suffix else {})}
