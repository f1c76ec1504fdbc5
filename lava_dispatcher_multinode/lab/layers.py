"""Device files: found, laid over one another, checked, made into a `Device`.

Lowest first: the driver's own defaults, `device-defaults.yaml`,
`device-types/<type>.yaml`, `devices/<name>.yaml`, each of the three from every
directory of the search path in its order. An emulated board has the layer
`machines/<machine>.yaml` above its driver's. Mappings are merged key by key,
anything else replaces what was there, null takes it back.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import plugins
from ..errors import InvalidJob, Problem
from ..job.hints import suggest
from ..job.schema import Checker, shipped
from ..job.source import load
from .device import (
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
    from collections.abc import Iterable, Iterator, Sequence

    from ..job.source import Document

APPLICATION = "lava-dispatcher"
PACKAGE_DEFAULTS = Path(__file__).parent / "defaults"
SCHEMA = "device.schema.json"

#: Groups of keys that exclude each other: a layer with one takes back the others below it.
ALTERNATIVES: Mapping[tuple[str, ...], tuple[tuple[str, ...], ...]] = {
    ("connection",): (("command",), ("serial",), ("simulated",), ("qemu",)),
    ("power",): (("on", "off", "cycle"), ("pdudaemon",), ("manual",), ("simulated",)),
}

LAVA = "lava"  # as `host`

#: A device's name is typed, printed, part of file names and of a hosts file.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def search_path(config_dir: Path | None = None) -> tuple[Path, ...]:
    """Return where device files are looked for, lowest first.

    `config_dir` takes the place of the host's and the user's directory, as
    the historical option does.
    """
    if config_dir is not None:
        return (PACKAGE_DEFAULTS, config_dir)
    from platformdirs import user_config_path

    # In a virtual environment the host's directory is the environment's, as it was in 2013.
    root = sys.prefix if sys.prefix != sys.base_prefix else "/"
    root = os.environ.get("VIRTUAL_ENV", root)
    return (PACKAGE_DEFAULTS, Path(root, "etc", APPLICATION), user_config_path(APPLICATION))


class Layers:
    """The device files of a search path, each read and checked once."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self.directories = tuple(directories)
        self._read: dict[Path, Document | InvalidJob | None] = {}
        self._checker = Checker(shipped("lab", SCHEMA))

    def names(self) -> list[str]:
        """Return the names that have a device file, sorted."""
        return sorted({path.stem for path in self.files("devices", ".yaml")})

    def files(self, folder: str, *suffixes: str) -> Iterator[Path]:
        """Yield what is in `folder` of any directory and has one of the suffixes."""
        for directory in self.directories:
            # What is not there, and what this user may not see, makes no difference.
            with suppress(OSError):
                for path in sorted((directory / folder).iterdir()):
                    if path.suffix in suffixes and not path.name.startswith("."):
                        yield path

    def file(self, name: str) -> Path | None:
        """Return the highest device file of `name`, if there is one."""
        paths = [directory / "devices" / f"{name}.yaml" for directory in self.directories]
        return next((path for path in reversed(paths) if _is_file(path)), None)

    def device_type(self, name: str) -> str | None:
        """Return the proper name of the type that the device files of `name` give, if any.

        Whatever else may be wrong with them: `InvalidJob` only if one cannot be read at all.
        """
        found = host = None
        for directory in self.directories:
            path = directory / "devices" / f"{name}.yaml"
            data = load(path).data if _is_file(path) else None
            if isinstance(data, Mapping):
                found, host = data.get("device_type", found), data.get("host", host)
        known = plugins.device_type_names()
        return str(found) if host == LAVA and found not in known else known.get(str(found))

    def device(self, name: str, forced: Mapping[str, Any] | None = None) -> Device:
        """Return the device `name`; `forced` is a layer above its file.

        Raises `InvalidJob` with what is wrong with it.
        """
        file = self.file(name)
        shown = str(file or name)
        if not NAME.fullmatch(name):
            raise InvalidJob([Problem(
                shown, 0, 0, f"'{name}' cannot be a device's name",
                "letters, digits, '.', '_' and '-', at most 63 of them",
            )])  # fmt: skip
        own = list(self._documents(f"devices/{name}.yaml"))
        forced = forced or {}
        device_type = _proper_type(own, forced, shown)
        files = [
            *self._documents("device-defaults.yaml"),
            *self._type_documents(device_type),
            *own,
        ]
        drivers = plugins.entries(plugins.DEVICE_TYPES)  # any other type is LAVA's
        known = device_type in drivers
        defaults = plugins.load(plugins.DEVICE_TYPES, device_type).defaults if known else {}
        above = [*(document.data for document in files), forced, {"device_type": device_type}]
        merged = _laid([defaults, *above])
        if (qemu := merged.get("connection", {}).get("qemu")) is not None:
            machine = qemu.get("machine", QemuMachine.machine)
            differs = [document.data for document in self._documents(f"machines/{machine}.yaml")]
            merged = _laid([defaults, *differs, *above])
        merged = _with_hostname(merged, name)
        _check_connection(merged, own, shown)
        _check_socket(merged, files, shown)
        return _device(name, merged, file)

    def _type_documents(self, device_type: str) -> Iterator[Document]:
        """Yield the layers of the type, those under an alias of it first."""
        names = plugins.device_type_names()
        aliases = {alias for alias, proper in names.items() if proper == device_type}
        for name in sorted(
            sorted(aliases | {device_type}), key=lambda alias: alias == device_type
        ):
            yield from self._documents(f"device-types/{name}.yaml")

    def _documents(self, relative: str) -> Iterator[Document]:
        """Yield the layers called `relative`, lowest first; raise for a wrong one."""
        for directory in self.directories:
            path = directory / relative
            if path not in self._read:
                self._read[path] = self._load(path) if _is_file(path) else None
            found = self._read[path]
            if isinstance(found, InvalidJob):
                raise found
            if found is not None:
                yield found

    def _load(self, path: Path) -> Document | InvalidJob:
        try:
            document = load(path)
        except InvalidJob as error:
            return error
        problems = self._checker.problems(document) or [*_bad_expressions(document)]
        return InvalidJob(problems) if problems else document


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a directory that is closed to this user, such as root's home
        return False


def _laid(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return all of `layers`, lowest first, laid over one another."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = merge(merged, layer)
    return merged


def merge(
    below: Mapping[str, Any], above: Mapping[str, Any], path: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return `above` laid over `below`; neither is changed."""
    result = dict(below)
    for group in ALTERNATIVES.get(path, ()):
        if any(above.get(key) not in (None, False) for key in group):
            others = [key for other in ALTERNATIVES[path] if other != group for key in other]
            for key in others:
                result.pop(key, None)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            under = result.get(key)
            nested = under if isinstance(under, Mapping) else {}
            result[key] = merge(nested, value, (*path, key))
        else:
            result[key] = value
    return result


def _proper_type(own: Sequence[Document], forced: Mapping[str, Any], shown: str) -> str:
    """Return the proper name of the device type that the layers give."""
    known = plugins.device_type_names()
    given = forced.get("device_type")
    line = column = 0
    for document in own if given is None else ():
        if "device_type" in document.data:
            given = document.data["device_type"]
            place = document.position(("device_type",))
            shown, line, column = place.file, place.line, place.column
    if given in known:
        return known[given]
    if isinstance(given, str) and any(document.data.get("host") == LAVA for document in own):
        return given  # of LAVA's 200 types none needs a driver here
    hint = suggest(str(given or ""), known, what="known types")
    message = "device_type is missing" if given is None else f"unknown device type '{given}'"
    raise InvalidJob([Problem(shown, line, column, message, hint)])


def _bad_expressions(document: Document) -> Iterator[Problem]:
    """Yield the death strings that are no regular expressions, or fit every line."""
    for index, pattern in enumerate(document.data.get("death") or ()):
        path = ("death", index)
        try:
            fits_nothing = re.compile(pattern.encode()).match(b"")  # consoles are bytes
        except (ValueError, re.error, RecursionError, OverflowError) as error:
            yield document.problem(f"not a regular expression: {error}", path)
        else:
            if fits_nothing is not None:
                hint = "it would end every run; write what the line begins with"
                yield document.problem(f"'{pattern}' fits the empty line", path, hint=hint)


def _check_connection(merged: Mapping[str, Any], own: Iterable[Document], shown: str) -> None:
    """Raise unless there is exactly one way to the console, or LAVA's device dictionary."""
    if merged.get("host") == LAVA:
        if not merged.get("lava", {}).get("device"):
            hint = "lava: {device: FILE} names the YAML that lava-run takes as --device"
            message = "host is lava, and LAVA's device dictionary is not named"
            for document in own:
                if "host" in document.data:
                    raise InvalidJob([document.problem(message, ("host",), key=True, hint=hint)])
            raise InvalidJob([Problem(shown, 0, 0, message, hint)])
        return
    connection = merged.get("connection", {})
    ways = [key for (key,) in ALTERNATIVES["connection",]]
    kinds = [key for key in ways if connection.get(key) not in (None, False, "")]
    if len(kinds) == 1:
        return
    message = "it has no connection" if not kinds else f"connection has {' and '.join(kinds)}"
    hint = "exactly one of command, serial, simulated and qemu says how to reach the console"
    for document in own:
        if "connection" in document.data:
            raise InvalidJob([document.problem(message, ("connection",), key=True, hint=hint)])
    raise InvalidJob([Problem(shown, 0, 0, message, hint)])


def _check_socket(merged: Mapping[str, Any], files: Sequence[Document], shown: str) -> None:
    """Raise if the board is to reach the coordinator and nobody says under which address."""
    if merged.get("multinode") != "socket" or merged.get("dispatcher_ip"):
        return
    connection = merged["connection"]
    if connection.get("simulated") or connection.get("qemu") is not None:
        return
    message = "multinode: socket without a dispatcher_ip"
    hint = "dispatcher_ip is the address under which the board reaches this host"
    for document in reversed(files):
        if "multinode" in document.data:
            raise InvalidJob([document.problem(message, ("multinode",), key=True, hint=hint)])
    raise InvalidJob([Problem(shown, 0, 0, message, hint)])


def _with_hostname(data: Any, name: str) -> Any:
    """Return `data` with the device's name for each `%(hostname)s`, as in 2013."""
    if isinstance(data, str):
        return data.replace("%(hostname)s", name)
    if isinstance(data, Mapping):
        return {key: _with_hostname(value, name) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_with_hostname(value, name) for value in data]
    return data


def _device(name: str, data: Mapping[str, Any], file: Path | None) -> Device:
    """Return the device that the merged and checked `data` describes."""
    return Device(
        name=name,
        device_type=data["device_type"],
        tags=frozenset(data.get("tags", ())),
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
