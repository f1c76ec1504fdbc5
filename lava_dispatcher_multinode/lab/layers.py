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
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import device_types
from ..errors import InvalidJob
from ..job.schema_check import SchemaChecker
from ..job.source import load
from . import device_checks
from .device_keys import merge_layers, with_hostname
from .device_model import LAVA, device_schema, make_device
from .device_sections import QemuMachine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..job.source import Document
    from .device_model import Device

APPLICATION = "lava-dispatcher"
PACKAGE_DEFAULTS = Path(__file__).parent / "defaults"

#: A device's name is typed, printed, part of file names and of a hosts file.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def search_path(config_dir: Path | None = None) -> tuple[Path, ...]:
    """Return where device files are looked for, lowest first.

    `config_dir` takes the place of the host's and the user's directory, as
    the historical option does. Raises `InvalidJob` where it is no directory.
    """
    if config_dir is not None:
        if not config_dir.is_dir():
            hint = "--config-dir is the directory above devices/"
            raise InvalidJob.about(str(config_dir), "there is no such directory", hint)
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
        self._checker = SchemaChecker(device_schema())

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
        known = self.types()
        return str(found) if host == LAVA and found not in known else known.get(str(found))

    def types(self) -> Mapping[str, str]:
        """Return each name of a device type, aliases included, with its proper name.

        A wrong file makes a type, too: the devices of that type report what is wrong.
        """
        return device_types.with_aliases(self._type_contents)

    @cached_property
    def _type_contents(self) -> Mapping[str, Mapping[str, Any]]:
        """The content of each device type by proper name; of several files, the first."""
        installed = device_types.names()
        found = {name: device_types.defaults(name) for name in set(installed.values())}
        for path in self.files("device-types", ".yaml"):
            if path.stem not in installed:
                read = self._document(path)
                known = {} if read is None or isinstance(read, InvalidJob) else read.data
                found.setdefault(path.stem, known)
        return found

    def _simulated_types(self) -> list[str]:
        contents = self._type_contents.items()
        return sorted(name for name, content in contents if "simulated_firmware" in content)

    def device(self, name: str, forced: Mapping[str, Any] | None = None) -> Device:
        """Return the device `name`; `forced` is a layer above its file.

        Raises `InvalidJob` with what is wrong with it.
        """
        file = self.file(name)
        shown = str(file or name)
        if not NAME.fullmatch(name):
            hint = "letters, digits, '.', '_' and '-', at most 63 of them"
            raise InvalidJob.about(shown, f"'{name}' cannot be a device's name", hint)
        own = list(self._documents(f"devices/{name}.yaml"))
        forced = forced or {}
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
            differs = [document.data for document in self._documents(f"machines/{machine}.yaml")]
            merged = merge_layers([defaults, *differs, *above])
        merged = with_hostname(merged, name)
        device_checks.check_connection(merged, own, shown, self._simulated_types())
        device_checks.check_socket(merged, files, shown)
        device_checks.check_boot_loader(merged, files, shown)
        return make_device(name, merged, file)

    def _type_documents(self, device_type: str) -> Iterator[Document]:
        """Yield the layers of the type, those under an alias of it first."""
        aliases = {alias for alias, proper in self.types().items() if proper == device_type}
        for name in sorted(
            sorted(aliases | {device_type}), key=lambda alias: alias == device_type
        ):
            yield from self._documents(f"device-types/{name}.yaml")

    def _documents(self, relative: str) -> Iterator[Document]:
        """Yield the layers called `relative`, lowest first; raise for a wrong one."""
        for directory in self.directories:
            path = directory / relative
            if path.parent == device_types.DIRECTORY:
                continue  # the lowest layer
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
        if path.parent.name != "device-types":
            problems = problems or [*device_checks.misplaced_aliases(document)]
        return InvalidJob(problems) if problems else document


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a directory that is closed to this user, such as root's home
        return False
