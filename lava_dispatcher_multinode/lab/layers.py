"""Layers of device files: finds, checks and merges them into a `Device`.

The layers, lowest first: the defaults of the device type, `device-defaults.yaml`,
`device-types/<type>.yaml` and `devices/<name>.yaml`, the files from every directory of the
search path in its order. An emulated board has the layer `machines/<machine>.yaml` above the
defaults of its type.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import device_types
from ..errors import InvalidJob
from ..job.schema_check import SchemaChecker
from ..job.source import load
from . import device_checks
from .device_dictionary import with_dictionary
from .device_keys import merge_layers, with_hostname
from .device_model import device_schema, make_device
from .device_sections import QemuMachine
from .stand_ins import stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..job.source import Document
    from .device_model import Device

APPLICATION = "lava-dispatcher"
TYPES = "device-types"  # the directory of their files
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
        file = self.file(name)
        shown = str(file or name)
        if not DEVICE_NAME.fullmatch(name):
            hint = "letters, digits, '.', '_' and '-', at most 63 of them"
            raise InvalidJob.about(shown, f"'{name}' cannot be a device's name", hint)
        forced = forced or {}
        own, notes = with_dictionary(list(self._documents(f"devices/{name}.yaml")))
        device_type = device_checks.proper_type(own, forced, shown, self.types())
        files = [
            *self._documents("device-defaults.yaml"),
            *self._type_documents(device_type),
            *own,
        ]
        defaults = device_types.defaults(device_type)
        above = [*(document.data for document in files), forced, {"device_type": device_type}]
        merged = merge_layers([defaults, *above])
        if (qemu := merged.get("connection", {}).get("qemu")) is not None:
            machine = qemu.get("machine", QemuMachine.machine)
            layer = [document.data for document in self._documents(f"machines/{machine}.yaml")]
            merged = merge_layers([defaults, *layer, *above])
        if merged.get("connection", {}).get("simulated") and "simulated_firmware" not in merged:
            merged = merge_layers([merged, stand_in(merged)])
        merged = with_hostname(merged, name)
        device_checks.check_connection(merged, own, shown)
        device_checks.check_socket(merged, files, shown)
        device_checks.check_boot_loader(merged, files, shown)
        return make_device(name, merged, file, notes)

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
        problems = self._checker.problems(document) or [*device_checks.bad_expressions(document)]
        if path.parent.name != TYPES:
            problems = problems or [*device_checks.misplaced_aliases(document)]
        return InvalidJob(problems) if problems else document


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a directory that is closed to this user
        return False
