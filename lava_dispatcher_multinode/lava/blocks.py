"""What LAVA's deploy, boot and test blocks mean on a board of this package's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..images.packed import SUFFIXES as PACKED
from .split import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Places for a whole disk image; the board's own device file says how it gets there.
_IMAGE = ("flasher", "sd", "tmpfs", "usb")
_BOOT = ("minimal", "qemu", "u-boot")
_FILES = {"kernel": "kernel", "ramdisk": "ramdisk", "dtb": "dtb"}
_REQUESTS = ("lava-send", "lava-start", "lava-sync", "lava-wait", "lava-wait-all")


class Step(NamedTuple):
    """One command of this package; `refused` says why a block is none."""

    command: str
    parameters: Mapping[str, Any] = {}
    refused: str = ""
    timeout: Mapping[str, Any] | None = None


def steps(kind: str, block: Mapping[str, Any]) -> Iterator[Step]:
    """Yield what the block is on a board of our own: nothing, one command, or several.

    Calls of the MultiNode API that the block asks for come before it.
    """
    yield from _foreign(kind, block)
    yield from calls(kind, block)
    reader = {"deploy": _deploy, "boot": _boot, "test": _test}.get(kind)
    if reader is None:
        yield _refuse(kind, "such a block is LAVA's own")
        return
    for _ in range(block.get("repeat", 1)):
        yield from reader(block)


def _deploy(block: Mapping[str, Any]) -> Iterator[Step]:
    to = block.get("to")
    if to == "overlay":  # the board keeps what is on it; our tests bring their own overlay
        return
    if to == "tftp":
        yield _tftp(block)
    elif to in _IMAGE:
        yield _image(str(to), block)
    else:
        places = ", ".join(sorted((*_IMAGE, "overlay", "tftp")))
        yield _refuse(f"deploy to {to}", f"only LAVA knows how; boards here take {places}")


def _image(to: str, block: Mapping[str, Any]) -> Step:
    images = block.get("images")
    found = list(images.values()) if isinstance(images, dict) else [block.get("image")]
    only = found[0] if len(found) == 1 else None
    if not isinstance(only, dict) or not isinstance(only.get("url"), str):
        return _refuse(f"deploy to {to}", "it takes one image with a url here")
    url = only["url"]
    packed = only.get("compression")
    if packed and not url.endswith(f".{packed}"):
        names = ", ".join(PACKED)
        return _refuse(f"deploy to {to}", f"what is packed is told by its name here: {names}")
    if only.get("format", "raw") != "raw":
        return _refuse(f"deploy to {to}", f"an image in format {only['format']} is not raw")
    parameters = {"image": url}
    if isinstance(only.get("sha256sum"), str):
        parameters["image_sha256"] = only["sha256sum"]
    return Step("deploy_linaro_image", parameters)


def _tftp(block: Mapping[str, Any]) -> Step:
    other = [key for key in ("nfsrootfs", "persistent_nfs", "modules") if block.get(key)]
    if other:
        return _refuse("deploy to tftp", f"'{other[0]}' is not supported on boards of our own")
    parameters = {
        ours: block[theirs]["url"]
        for theirs, ours in _FILES.items()
        if isinstance(block.get(theirs), dict) and isinstance(block[theirs].get("url"), str)
    }
    if "kernel" not in parameters:
        return _refuse("deploy to tftp", "it has no kernel with a url")
    return Step("deploy_linaro_kernel", parameters)


def _boot(block: Mapping[str, Any]) -> Iterator[Step]:
    method = block.get("method")
    if method in _BOOT:
        yield Step("boot_linaro_image")
    else:
        ours = ", ".join(_BOOT)
        yield _refuse(f"boot by {method}", f"only LAVA knows how; boards here boot by {ours}")


def _test(block: Mapping[str, Any]) -> Iterator[Step]:
    other = next(
        (key for key in ("docker", "interactive", "monitors", "services") if key in block), ""
    )
    if other:
        yield _refuse(f"test with {other}", "only LAVA's dispatcher has it")
    elif not isinstance(block.get("definitions"), list):
        yield _refuse("test", "it has no definitions")
    else:
        yield Step("lava_test_shell", {"definitions": block["definitions"]})


def _foreign(kind: str, block: Mapping[str, Any]) -> Iterator[Step]:
    for name in block.get("protocols", ()):
        if name != PROTOCOL:
            yield _refuse(f"protocol {name} of {kind}", "only LAVA's dispatcher has it")


def calls(kind: str, block: Mapping[str, Any]) -> Iterator[Step]:
    """Yield the calls of the MultiNode API that the block asks for; what is none is `refused`."""
    given = block.get("protocols", {}).get(PROTOCOL, [])
    for call in given if isinstance(given, list) else [given]:
        yield _call(kind, call)


def _call(kind: str, call: Any) -> Step:
    request = call.get("request") if isinstance(call, dict) else None
    if request not in _REQUESTS:
        return _refuse(f"request of {kind}", f"{request!r} is not one of {', '.join(_REQUESTS)}")
    start = request == "lava-start"
    parameters: dict[str, Any] = {
        "request": "lava-send" if start else request,
        "message_id": "lava_start" if start else str(call.get("messageID", "")),
    }
    if not parameters["message_id"]:
        return _refuse(f"{request} of {kind}", "it has no messageID")
    message = call.get("message")
    if isinstance(message, dict) and parameters["request"] == "lava-send":
        parameters["message"] = message
    if request == "lava-wait-all" and call.get("role"):
        parameters["waitrole"] = call["role"]
    return Step("multinode", parameters, timeout=_timeout(call))


def _timeout(call: Mapping[str, Any]) -> Mapping[str, Any] | None:
    value = call.get("timeout")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"seconds": value}
    return value if isinstance(value, dict) else None


def _refuse(what: str, why: str) -> Step:
    return Step(what, refused=why)
