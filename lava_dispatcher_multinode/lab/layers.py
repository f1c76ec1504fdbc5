"""Layers of device files: finds, checks and merges them into a `Device`.

The layers, lowest first: the defaults of the device type, `device-defaults.yaml`,
`device-types/<type>.yaml` and `devices/<name>.yaml`, the files from every directory of the
search path in its order. An emulated board has the layer `machines/<machine>.yaml` above the
defaults of its type.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import device_types, plugins
from ..device_types import PLUGIN_HINT
from ..errors import InvalidJob
from ..job.schema_check import SchemaChecker
from ..job.source import from_bytes, load
from . import device_checks
from .device_dictionary import with_dictionary
from .device_keys import merge_layers, with_hostname
from .device_model import Device, device_schema, make_device
from .device_sections import QemuMachine
from .origins import Layer, values
from .stand_ins import stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..errors import Problem
    from ..job.source import Document
    from .origins import Value

APPLICATION = "lava-dispatcher"
TYPES = "device-types"  # the directory of their files
MACHINES = "machines"  # that of the layers of emulated boards
PACKAGE_DEFAULTS = Path(__file__).parent / "defaults"

#: Names of devices are parts of file names and of a hosts file.
DEVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def search_path(config_dir: Path | None = None) -> tuple[Path, ...]:
    """Return the directories of device files, lowest layer first.

    `config_dir` replaces those of the host and of the user, as the historical option does.
    Raises `InvalidJob` if it is not a directory.
    """
    if config_dir is not None:
        if not config_dir.is_dir():
            hint = "--config-dir is the directory above devices/"
            raise InvalidJob.about(str(config_dir), "there is no such directory", hint)
        return (PACKAGE_DEFAULTS, config_dir)
    from platformdirs import user_config_path

    # A virtual environment replaces the host's directory, as in 2013.
    root = sys.prefix if sys.prefix != sys.base_prefix else "/"
    root = os.environ.get("VIRTUAL_ENV", root)
    return (PACKAGE_DEFAULTS, Path(root, "etc", APPLICATION), user_config_path(APPLICATION))


class Layers:
    """The device files of a search path; each is read and checked once."""

    def __init__(self, directories: Sequence[Path], more_types: Sequence[Path] = ()) -> None:
        """Read the files of `directories`, lowest layer first.

        Of `more_types`, only the device types count that nothing else describes.
        """
        self.directories = tuple(directories)
        self._type_directories = (*self.directories, *more_types)
        self._read: dict[Path, Document | InvalidJob | None] = {}
        self._checker = SchemaChecker(device_schema())
        self._checked_plugins: set[str] = set()

    def names(self) -> list[str]:
        """Return the names of the devices that have a file, sorted."""
        return sorted({path.stem for path in self.files("devices", ".yaml")})

    def files(self, folder: str, *suffixes: str) -> Iterator[Path]:
        """Yield the files in `folder` of each directory that have one of the suffixes."""
        directories = self._type_directories if folder == TYPES else self.directories
        for directory in directories:
            # A directory that is missing or closed to this user is empty.
            with suppress(OSError):
                for path in sorted((directory / folder).iterdir()):
                    if path.suffix in suffixes and not path.name.startswith("."):
                        yield path

    def file(self, name: str) -> Path | None:
        """Return the device file of `name` in the highest layer, if any."""
        paths = [directory / "devices" / f"{name}.yaml" for directory in self.directories]
        return next((path for path in reversed(paths) if _is_file(path)), None)

    def device_type(self, name: str) -> str | None:
        """Return the proper name of the type in the device files of `name`, if any.

        Raises `InvalidJob` only if a file cannot be read; other errors do not matter.
        """
        found = None
        for directory in self.directories:
            path = directory / "devices" / f"{name}.yaml"
            data = load(path).data if _is_file(path) else None
            if isinstance(data, Mapping):
                found = data.get("device_type", found)
        return None if found is None else self.types().get(str(found), str(found))

    def types(self) -> Mapping[str, str]:
        """Return each name of a device type, aliases included, with its proper name.

        An invalid file makes a type, too: the devices of the type have its error.
        """
        return device_types.with_aliases(self.type_contents)

    @cached_property
    def type_contents(self) -> Mapping[str, Mapping[str, Any]]:
        """The content of each device type by proper name; the lowest file of a type counts."""
        installed = device_types.names()
        found = {name: device_types.defaults(name) for name in set(installed.values())}
        for path in self.files(TYPES, ".yaml"):
            if path.stem not in installed:
                read = self._document(path)
                known = {} if read is None or isinstance(read, InvalidJob) else read.data
                found.setdefault(path.stem, known)
        return found

    def device(self, name: str, forced: Mapping[str, Any] | None = None) -> Device:
        """Return the device `name`; `forced` is a layer above its file.

        Raises `InvalidJob` with the errors of its files.
        """
        own, notes = self._own(name)
        layers, merged = self._merged(name, own, forced or {})
        shown = str(self.file(name) or name)
        files = [
            layer.document
            for layer in layers
            if layer.document is not None and layer.document.directory.name != MACHINES
        ]
        device_checks.check_connection(merged, own, shown)
        device_checks.check_socket(merged, files, shown)
        device_checks.check_boot_loader(merged, files, shown)
        device_checks.check_prompts(merged, files, shown)
        return make_device(name, merged, self.file(name), notes)

    def values(self, name: str) -> list[Value]:
        """Return the values of the device `name` with their origins, defaults included.

        Raises `InvalidJob` with the errors of its files.
        """
        self.device(name)
        own, _ = self._own(name)
        layers, merged = self._merged(name, own, {})
        kind = merged["device_type"]
        if _is_packaged(kind):
            packaged = device_types.DIRECTORY / f"{kind}.yaml"
            layers[0] = Layer(layers[0].data, load(packaged))
        elif layers[0].data:
            entry = plugins.entries(plugins.DEVICE_TYPES)[kind]
            layers[0] = Layer(layers[0].data, name=plugins.origin(entry))
        return [*values(Device, merged, layers)]

    def _own(self, name: str) -> tuple[list[Document], tuple[Problem, ...]]:
        """Return the device's own files, and the warnings about its LAVA device dictionary."""
        if not DEVICE_NAME.fullmatch(name):
            hint = "letters, digits, '.', '_' and '-', at most 63 of them"
            message = f"'{name}' cannot be a device's name"
            raise InvalidJob.about(str(self.file(name) or name), message, hint)
        return with_dictionary(list(self._documents(f"devices/{name}.yaml")))

    def _merged(
        self, name: str, own: Sequence[Document], forced: Mapping[str, Any]
    ) -> tuple[list[Layer], dict[str, Any]]:
        """Return the layers of a device, lowest first, and its keys.

        The defaults of the type are the first layer; they and those that no file gives have no
        document.
        """
        shown = str(self.file(name) or name)
        device_type = device_checks.proper_type(own, forced, shown, self.types())
        files = [
            *self._documents("device-defaults.yaml"),
            *self._type_documents(device_type),
            *own,
        ]
        defaults = Layer(self._type_defaults(device_type))
        above = [*(Layer(document.data, document) for document in files), Layer(forced)]
        layers = [defaults, *above]
        merged = merge_layers(layer.data for layer in layers)
        if (qemu := merged.get("connection", {}).get("qemu")) is not None:
            arch = qemu.get("arch", QemuMachine.arch)
            machine = qemu.get("machine", QemuMachine.machine) if arch == "arm" else arch
            documents = self._documents(f"{MACHINES}/{machine}.yaml")
            machines = [Layer(document.data, document) for document in documents]
            layers = [defaults, *machines, *above]
            merged = merge_layers(layer.data for layer in layers)
        if merged.get("connection", {}).get("simulated") and "simulated_firmware" not in merged:
            layers.append(Layer(stand_in(merged), name="stand-in"))
            merged = merge_layers([merged, layers[-1].data])
        return layers, with_hostname({**merged, "device_type": device_type}, name)

    def _type_defaults(self, device_type: str) -> Mapping[str, Any]:
        """Return the defaults of the type; those of a plug-in are checked like a file."""
        found = device_types.defaults(device_type)
        if device_type not in self._checked_plugins and found and not _is_packaged(device_type):
            origin = plugins.origin(plugins.entries(plugins.DEVICE_TYPES)[device_type])
            try:
                text = json.dumps(found, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise InvalidJob.about(origin, f"'defaults': {error}", PLUGIN_HINT) from error
            document = from_bytes(text.encode(), "defaults.json", Path())
            if problems := self._problems(document):
                raise InvalidJob(
                    [replace(each, file=origin, line=0, column=0) for each in problems]
                )
            self._checked_plugins.add(device_type)
        return found

    def _type_documents(self, device_type: str) -> Iterator[Document]:
        """Yield the layers of the type; files named by an alias come first."""
        aliases = {alias for alias, proper in self.types().items() if proper == device_type}
        installed = device_type in device_types.names().values()
        directories = self.directories if installed else self._type_directories
        for name in (*sorted(aliases - {device_type}), device_type):
            yield from self._documents(f"{TYPES}/{name}.yaml", directories)

    def _documents(
        self, relative: str, directories: Sequence[Path] | None = None
    ) -> Iterator[Document]:
        """Yield the files at `relative`, lowest first; raise `InvalidJob` for an invalid one."""
        for directory in directories or self.directories:
            path = directory / relative
            if path.parent == device_types.DIRECTORY:
                continue  # device_types.defaults has it
            found = self._document(path)
            if isinstance(found, InvalidJob):
                raise found
            if found is not None:
                yield found

    def _document(self, path: Path) -> Document | InvalidJob | None:
        if path not in self._read:
            self._read[path] = self._load(path) if _is_file(path) else None
        return self._read[path]

    def _load(self, path: Path) -> Document | InvalidJob:
        try:
            document = load(path)
        except InvalidJob as error:
            return error
        problems = self._problems(document)
        if path.parent.name != TYPES:
            problems = problems or [*device_checks.misplaced_aliases(document)]
        return InvalidJob(problems) if problems else document

    def _problems(self, document: Document) -> list[Problem]:
        return self._checker.problems(document) or [*device_checks.bad_expressions(document)]


def _is_packaged(device_type: str) -> bool:
    return (device_types.DIRECTORY / f"{device_type}.yaml").is_file()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a directory that is closed to this user
        return False
