"""A device as its merged and checked device files describe it: plain frozen data.

The keys of device files are the fields of these classes; see `device_keys`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import Problem
from .deploy_sections import Deploy
from .device_keys import Key, key, read_section, schema_of
from .device_sections import (
    Boot,
    ConsoleConnection,
    Lava,
    Login,
    Network,
    Power,
    SimulatedFirmware,
)

#: As `host`: LAVA's own dispatcher runs the board.
LAVA = "lava"

_TEXT = {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Device:
    """One board."""

    name: str
    device_type: str = field(
        metadata={
            "key": Key(
                "required; a [type](device-types.md) of this package, one with a file "
                "`device-types/NAME.yaml`, one that a plug-in adds, or any other name: then only "
                "the device file describes the board",
                minLength=1,
            )
        }
    )
    tags: frozenset[str] = key(
        frozenset(), "list of words by which jobs select boards", items=_TEXT, uniqueItems=True
    )
    host: Literal["own", "lava"] = key(
        "own", "the dispatcher of the board: `own`, this package; `lava`, LAVA's own dispatcher"
    )
    bootloader: str = key(
        "u-boot",
        "the [boot loader](boot-loaders.md): `u-boot`, `barebox`, `grub`, `none` (the board boots "
        "by itself "
        "to a login prompt), or one that a plug-in adds",
        minLength=1,
    )
    aliases: tuple[str, ...] = key(
        (), "only in `device-types/NAME.yaml`: list of other names of the type", items=_TEXT
    )
    connection: ConsoleConnection = key(ConsoleConnection(), "the console")
    power: Power = key(Power(), "the power switch")
    deploy: Deploy = key(Deploy(), "how an image gets onto the board")
    boot: Boot = key(Boot(), "the dialogue with the boot loader")
    login: Login = key(Login(), "the way to a root shell")
    network: Network = key(Network(), "the board's network under Linux")
    overlay: tuple[str, ...] = key(
        ("image", "http", "console"),
        "list of methods that put scripts and test definitions on the board, tried in this "
        "order: `image` (into the root file system while it is deployed, or into the "
        "ramdisk), `http` (fetched from the dispatcher by wget or curl; needs "
        "`dispatcher_ip`), `console` (sent over the console)",
        "`[image, http, console]`",
        type=["array", "null"],
        items={"enum": ["image", "http", "console"]},
        minItems=1,
        uniqueItems=True,
    )
    death: tuple[str, ...] = key(
        (),
        "list of regular expressions; a console line whose start matches one of them ends the "
        "node's run, like a kernel panic",
        items={"type": "string", "format": "regex", "minLength": 1},
    )
    panic: Literal["infrastructure", "test"] = key(
        "infrastructure",
        "how kernel crashes, unexpected restarts and lines of `death` are classified: "
        "`infrastructure` (exit code 3), or `test` (exit code 1) if kernels are under test",
    )
    silence: float = key(
        600.0,
        "seconds without console output during tests before a ping is sent; the board must "
        "answer within the same time (at most 60 s); 0: pings only after a login prompt",
        "600",
        minimum=0,
    )
    multinode: Literal["console", "socket"] = key(
        "console",
        "`console`: MultiNode calls travel over the console; `socket`: from the board's own "
        "network, [directly to the coordinator](socket-channel.md); needs `dispatcher_ip` on "
        "a real board",
    )
    dispatcher_ip: str | None = key(
        None,
        "address of this host in the board's network, for deploys and overlays by HTTP and TFTP",
        "none",
    )
    lava_device: Path | None = key(
        None,
        "LAVA's [device dictionary](lava-device-dictionaries.md), rendered, as the description of "
        "the board; the keys of this file override it",
        "none",
    )
    lava: Lava = key(Lava(), "with `host: lava`")
    simulated: dict[str, Any] = key(
        {}, "a simulated board's faults; see [simulated boards](simulated-boards.md)", "none"
    )
    simulated_firmware: SimulatedFirmware | None = key(
        None, "firmware of the type's simulated boards", "a stand-in"
    )
    file: Path | None = None  # the device file, for messages
    notes: tuple[Problem, ...] = ()  # warnings: what the device's files say without effect

    @property
    def place(self) -> str:
        """The name in messages: the device file, or the device if there is none."""
        return str(self.file or self.name)


def make_device(
    name: str, data: Mapping[str, Any], file: Path | None, notes: Iterable[Problem] = ()
) -> Device:
    """Return the device that the merged and checked keys `data` describe."""
    base = file.absolute().parent if file else Path.cwd()
    return read_section(Device, data, base, name=name, file=file, notes=tuple(notes))


def device_schema() -> dict[str, Any]:
    """Return the JSON Schema of a device file, or of a layer below it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A device file of lava-dispatcher-multinode, or a layer below it",
        "description": "devices/<name>.yaml, device-types/<type>.yaml and device-defaults.yaml. "
        "Every key is optional in every layer; null removes the value of a lower layer.",
        **schema_of(Device),
    }
