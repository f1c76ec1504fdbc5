"""The first device file of `lava-multinode init`: questions on a terminal, checks, text."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidJob
from ..job.schema_check import SchemaChecker
from ..lab.device_model import device_schema
from ..lab.layers import DEVICE_NAME

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

DEFAULT_TYPE = "panda"
ADAPTERS = Path("/dev/serial/by-id")
ANY_ADAPTER = "/dev/ttyUSB0"
#: The boot loaders whose `boot` starts what the board starts by itself.
WITH_DEFAULT_BOOT = frozenset({"u-boot", "barebox"})

HEAD = """\
# yaml-language-server: $schema={schema}
# Keys that are not set have the default of the device type.
device_type: {device_type}
tags: []                            # features that a job may require: [hdmi, sata]
"""
CONNECTION = """
connection:
  serial: {serial}
  # A pyserial URL is possible, too: rfc2217://host:2000
  # command: conmux-console %(hostname)s      instead of serial: uses its stdin and stdout
  baud: 115200
"""
POWER = """
# Shell commands that switch the power.
power:
  on: {on}
  off: {off}
"""
NO_POWER = """
# Shell commands that switch the power. Without them, the board is asked to reboot on its
# console, which fails after a crash.
# power:
#   on: pduclient --hostname pdu01 --port 3 --command on
#   off: pduclient --hostname pdu01 --port 3 --command off
"""
DEPLOY = """
# How an image is written to the board; the example is an SD card behind an SD mux.
# With method: none the board keeps its image.
deploy:
  method: none
  # method: media
  # path: /dev/disk/by-id/usb-sd-mux-01
  # to_host: usbsdmux /dev/usb-sd-mux/id-01 host
  # to_board: usbsdmux /dev/usb-sd-mux/id-01 dut
  # layout: image                   # write the image unchanged
"""
BOOT = """
# Lines typed at the boot loader's prompt.
boot:
  commands: [boot]                  # boots what the board boots by itself
"""
TYPE_S_BOOT = """
# Lines typed at the boot loader's prompt; the default is that of the device type.
# boot:
#   commands: [boot]                # boots what the board boots by itself
"""
LOGIN = """
# login:
#   password: secret                # of root, if the board asks for one
"""


@dataclass(frozen=True)
class FirstBoard:
    """The values of the options; those that are neither given nor asked for are None."""

    device_type: str = DEFAULT_TYPE
    serial: str | None = None
    power_on: str | None = None
    power_off: str | None = None

    def check(self) -> None:
        """Raise `InvalidJob` with the option whose value a device file cannot have."""
        if not self.device_type or not DEVICE_NAME.fullmatch(f"{self.device_type}-01"):
            hint = "letters, digits, '.', '_' and '-', at most 60 of them"
            message = f"'{self.device_type}' is no name for a device type and its boards"
            raise InvalidJob.about("--type", message, hint)
        checker = SchemaChecker(device_schema())
        for option, value, data in (
            ("--serial", self.serial, {"connection": {"serial": self.serial}}),
            ("--power-on", self.power_on, {"power": {"on": self.power_on}}),
            ("--power-off", self.power_off, {"power": {"off": self.power_off}}),
        ):
            for found in checker.findings(data):
                raise InvalidJob.about(option, found.message, found.hint)
            if value is not None and not _is_utf8(value):
                raise InvalidJob.about(option, "is not UTF-8 text")
        for given, option in ((self.power_on, "--power-off"), (self.power_off, "--power-on")):
            if given is not None and None in (self.power_on, self.power_off):
                raise InvalidJob.about(option, "is missing: a power switch has both commands")

    def text(self, schema: str, content: Mapping[str, Any]) -> str:
        """Return the device file; `content` is that of its device type, `schema` a path."""
        given = content.get("connection", {})
        parts = [HEAD.format(schema=schema, device_type=quoted(self.device_type))]
        if self.serial is not None or not given:
            parts.append(CONNECTION.format(serial=quoted(self.serial or ANY_ADAPTER)))
        if self.power_on is not None and self.power_off is not None:
            parts.append(POWER.format(on=quoted(self.power_on), off=quoted(self.power_off)))
        elif not given:
            parts.append(NO_POWER)
        if "qemu" not in given:
            parts.append(DEPLOY)
            parts.append(_boot(content))
        return "".join([*parts, LOGIN])


def asked(args: argparse.Namespace) -> FirstBoard:
    """Return the board of the options; on a terminal, ask for those that are not given."""
    kind, serial, on, off = args.type, args.serial, args.power_on, args.power_off
    if sys.stdin.isatty() and sys.stderr.isatty():
        if kind is None:
            kind = _answer("device type", DEFAULT_TYPE)
        if serial is None:
            serial = _answer("serial device or URL", _first_adapter())
        if on is None:
            on = _answer("command that switches the power on (empty: none)", "") or None
        if off is None and on is not None:
            off = _answer("command that switches the power off", "") or None
    return FirstBoard(DEFAULT_TYPE if kind is None else kind, serial, on, off)


def quoted(value: str) -> str:
    """Return a text as a YAML value of one line."""
    import yaml

    style = '"' if "\n" in value or not value.isprintable() else None
    text: str = yaml.safe_dump(value, default_style=style, width=float("inf"), allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _boot(content: Mapping[str, Any]) -> str:
    """Return the section `boot`: with commands if the type has none and its boot loader asks."""
    if content.get("bootloader", "u-boot") not in WITH_DEFAULT_BOOT:
        return ""
    return TYPE_S_BOOT if content.get("boot", {}).get("commands") else BOOT


def _answer(question: str, default: str) -> str:
    """Ask on the terminal; return the answer, or `default` for an empty line."""
    shown = f"{question} [{default}]: " if default else f"{question}: "
    print(shown, end="", file=sys.stderr, flush=True)  # noqa: T201
    line = sys.stdin.readline()
    if not line:
        raise InvalidJob.about("the terminal", f"no answer to: {question}", "give the options")
    return line.strip() or default


def _first_adapter() -> str:
    """Return the first serial adapter by its lasting name, or the usual name of one."""
    try:
        return next((str(path) for path in sorted(ADAPTERS.iterdir())), ANY_ADAPTER)
    except OSError:
        return ANY_ADAPTER


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
