"""A `Device` out of the keys of its device files, merged and checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .device_model import (
    Boot,
    Connection,
    Deploy,
    Device,
    Lava,
    Login,
    Master,
    Network,
    PduDaemon,
    Power,
    QemuMachine,
    Tftp,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def make_device(name: str, data: Mapping[str, Any], file: Path | None) -> Device:
    """Return the device `name` that the merged and checked `data` describes."""
    return Device(
        name=name,
        device_type=data["device_type"],
        bootloader=data.get("bootloader", Device.bootloader),
        tags=frozenset(data.get("tags", ())),
        aliases=tuple(data.get("aliases", ())),
        host=data.get("host", "own"),
        connection=_connection(data.get("connection", {})),
        power=_power(data.get("power", {})),
        deploy=_deploy(data.get("deploy", {})),
        boot=Boot(**_with_tuples(data.get("boot", {}))),
        login=Login(**_with_tuples(data.get("login", {}))),
        network=Network(**_with_tuples(data.get("network", {}))),
        overlay=tuple(data.get("overlay", Device.overlay)),
        death=tuple(data.get("death", ())),
        panic=data.get("panic", "infrastructure"),
        silence=data.get("silence", Device.silence),
        multinode=data.get("multinode", "console"),
        dispatcher_ip=data.get("dispatcher_ip"),
        lava=_lava(data.get("lava", {}), file),
        simulated=dict(data.get("simulated", {})),
        file=file,
    )


def _connection(data: Mapping[str, Any]) -> Connection:
    given = data.get("qemu")
    if given is None:
        return Connection(**data)
    return Connection(**{**data, "qemu": QemuMachine(**_with_tuples(given))})


def _power(data: Mapping[str, Any]) -> Power:
    given = data.get("pdudaemon")
    if given is None:
        return Power(**data)
    if "port" in given:  # a number, mostly; some PDUs name theirs
        given = {**given, "port": str(given["port"])}
    return Power(**{**data, "pdudaemon": PduDaemon(**given)})


def _deploy(data: Mapping[str, Any]) -> Deploy:
    master = Master(**_with_tuples(data.get("master", {})))
    return Deploy(**{**data, "master": master, "tftp": Tftp(**_with_tuples(data.get("tftp", {})))})


def _lava(data: Mapping[str, Any], file: Path | None) -> Lava:
    """Return the section with paths that are absolute; they start where the device file is."""
    base = file.absolute().parent if file else Path.cwd()
    keys = ("device", "dispatcher", "env_dut", "path")
    return Lava(**{**data, **{key: base / data[key] for key in keys if data.get(key)}})


def _with_tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(item) if isinstance(item, list) else item for key, item in data.items()}
