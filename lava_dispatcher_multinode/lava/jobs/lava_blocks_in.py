"""Imports LAVA's deploy, boot and test blocks for devices that this package drives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...actions.action import BOOT, CALL, RUN_TESTS
from ...multinode.api import commands
from .deploy import Step, ignored_deploy_keys, import_deploy, refuse
from .submission import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BOOT = ("minimal", "qemu", "u-boot")
_REQUESTS = sorted([*commands(), "lava-start"])


def import_block(kind: str, block: Mapping[str, Any]) -> Iterator[Step]:
    """Yield the actions of the block: none, one, or several.

    The MultiNode calls that the block asks for come first.
    """
    yield from _foreign(kind, block)
    yield from import_calls(kind, block)
    reader = {"deploy": import_deploy, "boot": _boot, "test": _test}.get(kind)
    if reader is None:
        yield refuse(kind, "only LAVA supports such a block")
        return
    for _ in range(block.get("repeat", 1)):
        yield from reader(block)


def ignored_keys(
    kind: str, block: Mapping[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield path and warning for each key without effect on such a device."""
    if kind == "deploy":
        yield from ignored_deploy_keys(block)


def _boot(block: Mapping[str, Any]) -> Iterator[Step]:
    method = block.get("method")
    if method in _BOOT:
        yield Step(BOOT)
    else:
        supported = ", ".join(_BOOT)
        yield refuse(f"boot by {method}", f"only LAVA supports it; supported here: {supported}")


def _test(block: Mapping[str, Any]) -> Iterator[Step]:
    other = next(
        (key for key in ("docker", "interactive", "monitors", "services") if key in block), ""
    )
    if other:
        yield refuse(f"test with {other}", "only LAVA's dispatcher supports it")
    elif not isinstance(block.get("definitions"), list):
        yield refuse("test", "it has no definitions")
    else:
        yield Step(RUN_TESTS, {"definitions": block["definitions"]})


def _foreign(kind: str, block: Mapping[str, Any]) -> Iterator[Step]:
    for name in block.get("protocols", ()):
        if name != PROTOCOL:
            yield refuse(f"protocol {name} of {kind}", "only LAVA's dispatcher supports it")


def import_calls(kind: str, block: Mapping[str, Any]) -> Iterator[Step]:
    """Yield the MultiNode calls that the block asks for; invalid ones are `refused`."""
    given = block.get("protocols", {}).get(PROTOCOL, [])
    for call in given if isinstance(given, list) else [given]:
        yield _call(kind, call)


def _call(kind: str, call: Any) -> Step:
    request = call.get("request") if isinstance(call, dict) else None
    if request not in _REQUESTS:
        return refuse(f"request of {kind}", f"{request!r} is not one of {', '.join(_REQUESTS)}")
    start = request == "lava-start"
    parameters: dict[str, Any] = {
        "request": "lava-send" if start else request,
        "message_id": "lava_start" if start else str(call.get("messageID", "")),
    }
    if not parameters["message_id"]:
        return refuse(f"{request} of {kind}", "it has no messageID")
    message = call.get("message")
    if isinstance(message, dict) and parameters["request"] == "lava-send":
        parameters["message"] = message
    if request in commands(taking="role") and call.get("role"):
        parameters["waitrole"] = call["role"]
    return Step(CALL, parameters, timeout=_timeout(call))


def _timeout(call: Mapping[str, Any]) -> Mapping[str, Any] | None:
    value = call.get("timeout")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"seconds": value}
    return value if isinstance(value, dict) else None
