"""A LAVA device dictionary as keys of a device file: what it says is obeyed, named or refused."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import InvalidJob, Problem
from .dictionary_boot import (
    BootMethod,
    Refusal,
    choose,
    command_lines,
    control_characters,
    drop_grub_menu,
    literal,
    literal_start,
)
from .dictionary_keys import row_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..job.source import Document

_ARCHITECTURES = ("arm", "arm64", "mips", "ppc", "riscv", "x86", "x86_64")
_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_MIN_KERNEL_START = 4  # characters of a text that shows a kernel
HINT = "it is the rendered YAML: lavacli devices dict get --render NAME"


@dataclass(frozen=True)
class Translation:
    """The keys of a device file, and a warning for each key of the dictionary without effect."""

    keys: dict[str, Any]
    named: tuple[Problem, ...] = ()


class RefusedDictionary(InvalidJob):
    """A dictionary that cannot drive a board here; `reason` is a word for counts."""

    def __init__(self, problem: Problem, reason: str) -> None:
        super().__init__([problem])
        self.reason = reason


def translate(document: Document, own: Mapping[str, Any] | None = None) -> Translation:
    """Return the keys that the dictionary means; those in `own`, of the device file, override it.

    A value that cannot be obeyed is refused unless `own` has its key. Raises `InvalidJob`.
    """
    if not isinstance(document.data, dict) or not isinstance(document.data.get("actions"), dict):
        raise InvalidJob(
            [document.problem("not a device dictionary: it has no 'actions'", hint=HINT)]
        )
    try:
        return _Translator(document, own or {}).run()
    except Refusal as refusal:
        problem = document.problem(refusal.message, refusal.path, key=True, hint=refusal.hint)
        raise RefusedDictionary(problem, refusal.reason) from None


@dataclass
class _Translator:
    document: Document
    own: Mapping[str, Any]
    keys: dict[str, Any] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)

    def run(self) -> Translation:
        loader = self.own.get("bootloader")
        method = choose(self._section("actions", "boot", "methods"), loader)
        self._set("bootloader", method.loader)
        name = self._get("devicetype") or self._get("device_type")
        if name:
            self._set("device_type", str(name))
        self._connection()
        self._power()
        self._limits(method)
        if method.loader != "none":
            self._prompts(method)
            if method.loader == "grub":
                path = ("actions", "boot", "methods", method.name)
                for text in drop_grub_menu(self.keys["boot"]):
                    self.notes.append(self.document.problem(text, path, key=True, warning=True))
            self._network_boot(method)
        else:
            self._set("deploy.method", "none")
        return Translation(self.keys, (*self.notes, *self._named(method)))

    def _named(self, method: BootMethod) -> Iterator[Problem]:
        """Yield a warning for keys without effect; raise `Refusal` for a refused one.

        Keys of one section with one reason share a warning, at the first of them.
        """
        groups: dict[tuple[tuple[str, ...], str], dict[str, None]] = {}
        for path, value in _leaves(self.document.data):
            row = row_for(path, method.name, method.commands)
            if row is not None and row.verdict == "obeyed":
                continue
            if row is not None and row.verdict == "refused":
                if value:
                    raise Refusal(path, path[-1], f"{'.'.join(path)}: {row.meaning}", _ELSEWHERE)
                continue
            if value in (False, "", [], {}):
                continue
            inside = path[:4] == ("actions", "boot", "methods", method.name) and 4
            length = len(row.path.split(".")) + inside if row else len(path)
            *section, name = path[:length]
            reason = row.meaning if row else "this package does not know it"
            groups.setdefault((tuple(section), reason), {})[name] = None
        for (parents, reason), names in groups.items():
            first = next(iter(names))
            where = "".join(f"{each}." for each in parents)
            text = f"{where}{', '.join(names)}: no effect here: {reason}"
            yield self.document.problem(text, (*parents, first), key=True, warning=True)

    def _section(self, *path: str) -> dict[str, Any]:
        found = self._get(*path)
        return found if isinstance(found, dict) else {}

    def _get(self, *path: str) -> Any:
        found: Any = self.document.data
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def _set(self, name: str, value: Any) -> None:
        """Set a dotted key of the device file."""
        *sections, last = name.split(".")
        here = self.keys
        for section in sections:
            here = here.setdefault(section, {})
        here[last] = value

    def _overridden(self, name: str) -> bool:
        here: Any = self.own
        for step in name.split("."):
            here = here.get(step) if isinstance(here, dict) else None
        return here is not None

    def _refuse(self, name: str, path: tuple[str, ...], reason: str, message: str) -> None:
        """Raise `Refusal` unless the device file has the key `name`."""
        if not self._overridden(name):
            raise Refusal(path, reason, f"{'.'.join(path)}: {message}", f"set {name}")

    def _shell(self, path: tuple[str, ...]) -> str | None:
        """Return command lines, which LAVA runs without a shell, as one line for a shell."""
        value = self._get(*path)
        lines = value if isinstance(value, list) else [value]
        try:
            return " && ".join(shlex.join(shlex.split(str(one))) for one in lines if one) or None
        except ValueError as error:
            hint = "LAVA splits it into words as a shell does"
            raise Refusal(path, "a command", f"{'.'.join(path)}: {error}", hint) from None

    def _connection(self) -> None:
        command = self._shell(("commands", "connect"))
        for name, entry in self._section("commands", "connections").items() if not command else ():
            if isinstance(entry, dict) and "primary" in (entry.get("tags") or ()):
                command = self._shell(("commands", "connections", name, "connect"))
                break
        if command:
            self._set("connection.command", command)
        elif "connection" not in self.own:
            raise Refusal(
                ("commands",),
                "no connection",
                "the dictionary has no connection_command, and no connection with the tag primary",
                "set connection in the device file",
            )
        delays = [self._get("character_delays", name) or 0 for name in ("boot", "test")]
        if seconds := max(delays) / 1000:
            self._set("connection.character_delay", seconds)

    def _power(self) -> None:
        before = self._shell(("commands", "pre_power_command"))
        for key, name in (("on", "power_on"), ("off", "power_off"), ("cycle", "hard_reset")):
            if command := self._shell(("commands", name)):
                first = before if before and key != "off" else ""
                self._set(f"power.{key}", f"{first} && {command}" if first else command)
        names = ("power-off", "power-on", "pdu-reboot")
        if limits := [limit for name in names if (limit := self._seconds(name))]:
            self._set("power.timeout", max(limits))

    def _seconds(self, action: str) -> float | None:
        """Return the timeout of one of LAVA's actions in seconds."""
        section = self._section("timeouts", "actions", action)
        total = sum(_UNITS.get(unit, 0) * number for unit, number in section.items() if number)
        return total or None

    def _limits(self, method: BootMethod) -> None:
        for key, action in (
            ("boot.autoboot_timeout", "bootloader-interrupt"),
            ("boot.command_timeout", "bootloader-commands"),
            ("login.timeout", "auto-login-action"),
        ):
            if method.loader == "none" and key.startswith("boot."):
                continue
            if seconds := self._seconds(action):
                self._set(key, seconds)
        retries = self._get("constants", "boot_retry")
        if isinstance(retries, int) and retries > 0:
            self._set("boot.retries", retries)
        pattern = self._get("constants", "kernel-start-message")
        if isinstance(pattern, str) and pattern:
            text = literal_start(pattern).strip()
            if len(text) >= _MIN_KERNEL_START:
                self._set("boot.kernel_start", text)
            else:
                path = ("constants", "kernel-start-message")
                message = "an expression whose matches do not begin with one text"
                self._refuse("boot.kernel_start", path, "kernel-start-message", message)

    def _prompts(self, method: BootMethod) -> None:
        path = ("actions", "boot", "methods", method.name, "parameters")
        constants = ("constants", method.name)
        given = self._section(*path)
        prompt = given.get("bootloader_prompt")
        if isinstance(prompt, str) and prompt:
            try:
                re.compile(prompt)
            except re.error as error:
                self._refuse(
                    "boot.prompts",
                    (*path, "bootloader_prompt"),
                    "bootloader_prompt",
                    f"not a regular expression: {error}",
                )
            else:
                self._set("boot.prompt_patterns", [prompt])
        interrupt = given.get("interrupt_prompt") or self._get(*constants, "interrupt-prompt")
        if given.get("needs_interrupt") is False:
            interrupt = prompt
        if interrupt:
            text = literal(str(interrupt))
            if text is None:
                self._refuse(
                    "boot.interrupt",
                    (*path, "interrupt_prompt"),
                    "interrupt_prompt",
                    "an expression that matches more than one text",
                )
            else:
                self._set("boot.interrupt", text)
        names = given.get("interrupt_ctrl_list") or self._get(*constants, "interrupt_ctrl_list")
        char = given.get("interrupt_char", given.get("interrupt_character"))
        if char is None:
            char = self._get(*constants, "interrupt-character")
        keys = control_characters(names) if isinstance(names, list) and names else str(char or "")
        self._set("boot.interrupt_command", keys.rstrip("\n"))

    def _network_boot(self, method: BootMethod) -> None:
        path = ("actions", "boot", "methods", method.name, method.commands, "commands")
        mac = str(self._get(*path[:4], "parameters", "lava_mac") or "")
        if not self._overridden("deploy.tftp.commands"):
            self._set("deploy.tftp.commands", command_lines(self._get(*path), path, mac))
        if "tftp" in self._section("actions", "deploy", "methods"):
            self._set("deploy.method", "tftp")
        else:
            self._refuse(
                "deploy.method",
                ("actions", "deploy", "methods"),
                "no tftp",
                "the boot loader fetches a kernel, and LAVA may not deploy by tftp",
            )
        for start in ("bootm", "bootz", "booti"):
            section = self._section("parameters", start)
            for name in ("kernel", "ramdisk", "dtb"):
                if section.get(name) not in (None, ""):
                    self._set(f"deploy.tftp.{start}.{name}", _address(section[name]))
        given = self._section("actions", "deploy", "parameters")
        for key, name in (("append_dtb", "append_dtb"), ("execute_in_place", "use_xip")):
            if given.get(name):
                self._set(f"deploy.tftp.{key}", True)
        self._set("deploy.tftp.ramdisk_header", self._header(method))

    def _header(self, method: BootMethod) -> str:
        """Return the architecture of the ramdisk's header, or "none"."""
        path = ("actions", "deploy", "parameters")
        given = self._section(*path)
        kind = given.get("add_header")
        if method.loader != "u-boot" or kind == "raw":
            return "none"
        arch = given.get("mkimage_arch") or self._get(
            "actions", "boot", "methods", method.name, "parameters", "mkimage_arch"
        )
        if kind != "u-boot" or arch not in _ARCHITECTURES:
            message = f"add_header is '{kind}' and mkimage_arch '{arch}'"
            self._refuse(
                "deploy.tftp.ramdisk_header",
                path,
                "add_header",
                f"{message}: LAVA gives the kernel no ramdisk, or one that it cannot read",
            )
            return "none"
        return str(arch)


_ELSEWHERE = "host: lava runs such a board by LAVA's own dispatcher"


def _address(value: Any) -> str:
    return hex(value) if isinstance(value, int) else str(value)


def _leaves(
    data: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and value of each key that has no keys below it."""
    for name, value in data.items():
        here = (*path, str(name))
        if isinstance(value, dict) and value:
            yield from _leaves(value, here)
        else:
            yield here, value
