"""Checks of device files beyond the schema: device types, consoles, boot loaders, addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .. import plugins
from ..errors import InvalidJob, Problem
from ..job.hints import suggest
from .device_keys import ALTERNATIVES
from .device_model import LAVA, Device

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..job.source import Document

#: The keys of `boot` that have no meaning with a boot loader.
_COUNTDOWN = frozenset(
    {"interrupt", "interrupt_command", "known_prompts", "prompt_patterns", "prompts"}
)
WITHOUT_MEANING = {
    "barebox": frozenset({"kernel_timeout"}),  # the limit of the last command includes it
    "grub": _COUNTDOWN,
    "none": _COUNTDOWN | {"command_timeout", "commands"},
}
#: The boot loaders that fetch no files over the network.
WITHOUT_NETWORK = frozenset({"grub", "none"})


def proper_type(
    own: Sequence[Document], forced: Mapping[str, Any], shown: str, known: Mapping[str, str]
) -> str:
    """Return the proper name of the device type that the layers give, described or not.

    `known`: each name of a described type, aliases included -> its proper name.
    """
    given = forced.get("device_type")
    for document in own if given is None else ():
        given = document.data.get("device_type", given)
    if given is None:
        hint = suggest("", known, what="described types")
        raise InvalidJob([Problem(shown, 0, 0, "device_type is missing", hint)])
    return known.get(given, given)


def bad_expressions(document: Document) -> Iterator[Problem]:
    """Yield the death strings that are invalid expressions, or match every line."""
    for index, pattern in enumerate(document.data.get("death") or ()):
        path = ("death", index)
        try:
            matches_empty = re.compile(pattern.encode()).match(b"")  # consoles are bytes
        except (ValueError, re.error, RecursionError, OverflowError) as error:
            yield document.problem(f"not a regular expression: {error}", path)
        else:
            if matches_empty is not None:
                hint = "it would end every run; write the start of the line"
                yield document.problem(f"'{pattern}' matches the empty line", path, hint=hint)


def check_connection(merged: Mapping[str, Any], own: Iterable[Document], shown: str) -> None:
    """Raise unless there is exactly one kind of console, or LAVA's device dictionary."""
    if merged.get("host") == LAVA:
        if not merged.get("lava", {}).get("device"):
            hint = "lava: {device: FILE} names the YAML that lava-run takes as --device"
            message = "host is lava, but lava.device is missing"
            raise _error("host", message, hint, own, shown)
        return
    connection = merged.get("connection", {})
    names = [key for (key,) in ALTERNATIVES["connection",]]
    kinds = [key for key in names if connection.get(key) not in (None, False, "")]
    if len(kinds) == 1:
        return
    message = "it has no connection" if not kinds else f"connection has {' and '.join(kinds)}"
    hint = "set exactly one of command, serial, ssh, simulated and qemu"
    raise _error("connection", message, hint, own, shown)


def check_boot_loader(merged: Mapping[str, Any], files: Sequence[Document], shown: str) -> None:
    """Raise unless the boot loader is installed, and the keys in `files` fit it."""
    name, known = (
        merged.get("bootloader", Device.bootloader),
        plugins.entries(plugins.BOOT_LOADERS),
    )
    if name not in known:
        hint = suggest(name, known)
        raise _error("bootloader", f"unknown boot loader '{name}'", hint, reversed(files), shown)
    if merged.get("connection", {}).get("ssh") and name != "none":
        message, hint = "connection.ssh shows no boot loader", "set bootloader: none"
        raise _error("connection", message, hint, reversed(files), shown)
    own_lines = name != "none" and merged.get("deploy", {}).get("tftp", {}).get("commands")
    problems = []
    for document in files:
        boot, deploy = document.data.get("boot") or {}, document.data.get("deploy") or {}
        for key in sorted(boot.keys() & WITHOUT_MEANING.get(name, frozenset())):
            text = f"boot.{key} has no meaning with 'bootloader: {name}'"
            hint = "remove it, or name the board's boot loader"
            problems.append(document.problem(text, ("boot", key), key=True, hint=hint))
        if deploy.get("method") == "tftp" and name in WITHOUT_NETWORK and not own_lines:
            text = f"with 'bootloader: {name}', no files are deployed over the network"
            problems.append(document.problem(text, ("deploy", "method")))
    if problems:
        raise InvalidJob(problems)


def check_prompts(merged: Mapping[str, Any], files: Sequence[Document], shown: str) -> None:
    """Raise if the usual prompts are off, and no layer gives another one."""
    boot = merged.get("boot") or {}
    if boot.get("known_prompts", True) or boot.get("prompts") or boot.get("prompt_patterns"):
        return
    message = "boot.known_prompts is false, and boot has neither prompts nor prompt_patterns"
    hint = "add the prompt of the boot loader: prompts: ['=> ']"
    path = ("boot", "known_prompts")
    for document in reversed(files):
        if "known_prompts" in (document.data.get("boot") or {}):
            raise InvalidJob([document.problem(message, path, key=True, hint=hint)])
    raise _error("boot", message, hint, reversed(files), shown)


def misplaced_aliases(document: Document) -> Iterator[Problem]:
    """Yield the key `aliases` of a file that describes no device type."""
    if "aliases" in document.data:
        hint = "it belongs in device-types/NAME.yaml"
        yield document.problem("a device has no aliases", ("aliases",), key=True, hint=hint)


def check_socket(merged: Mapping[str, Any], files: Sequence[Document], shown: str) -> None:
    """Raise if the board uses the socket channel and the coordinator's address is missing."""
    if merged.get("multinode") != "socket" or merged.get("dispatcher_ip"):
        return
    connection = merged["connection"]
    if connection.get("simulated") or connection.get("qemu") is not None:
        return
    message = "multinode: socket needs dispatcher_ip"
    hint = "dispatcher_ip is this host's address in the board's network"
    raise _error("multinode", message, hint, reversed(files), shown)


def _error(
    key: str, message: str, hint: str, documents: Iterable[Document], shown: str
) -> InvalidJob:
    """Return an error at the first of `documents` that has `key`, else for the device."""
    for document in documents:
        if key in document.data:
            return InvalidJob([document.problem(message, (key,), key=True, hint=hint)])
    return InvalidJob.about(shown, message, hint)
