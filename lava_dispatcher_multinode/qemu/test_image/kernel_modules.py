"""Kernel modules and their dependencies."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING

from ...errors import InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class KernelModules:
    """The modules of an unpacked kernel package."""

    def __init__(self, package: Path) -> None:
        # In /lib up to Debian 12, in /usr/lib and compressed since.
        self.directory = next(path for path in package.glob("**/lib/modules/*"))
        self.version = self.directory.name  # of the kernel
        self._files = {
            _normalise(module_name(path).removesuffix(".ko")): path
            for pattern in ("*.ko", "*.ko.xz")
            for path in self.directory.rglob(pattern)
        }
        built_in = (self.directory / "modules.builtin").read_text().split()
        self._built_in = {
            _normalise(line.rpartition("/")[2].removesuffix(".ko")) for line in built_in
        }

    def resolve(self, wanted: Iterable[str]) -> list[Path]:
        """Return the files of `wanted` and their dependencies in loading order.

        Raise `InfrastructureError` for a module that the kernel does not have.
        """
        order: dict[str, Path] = {}
        for name in wanted:
            self._add_with_dependencies(_normalise(name), order)
        return list(order.values())

    def _add_with_dependencies(self, name: str, order: dict[str, Path]) -> None:
        if name in order or name in self._built_in:
            return
        if name not in self._files:
            raise InfrastructureError(f"the kernel {self.version} has no module {name}")
        path = self._files[name]
        for other in read_dependencies(read_module(path)):
            self._add_with_dependencies(_normalise(other), order)
        order[name] = path

    def make_table(self, files: Iterable[Path]) -> str:
        """Return the modules.dep for `files` in one directory.

        modprobe only reads the line of a module, and loads its dependencies from last to first.
        """
        lines = []
        for path in files:
            *others, _ = self.resolve([module_name(path).removesuffix(".ko")])
            names = " ".join(module_name(other) for other in reversed(others))
            lines.append(f"{module_name(path)}: {names}".rstrip())
        return "".join(f"{line}\n" for line in lines)


def module_name(path: Path) -> str:
    """Return the file name of a module without its compression."""
    return path.name.removesuffix(".xz")


def read_module(path: Path) -> bytes:
    """Return the content of a module, decompressed: not every kernel decompresses it."""
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def read_dependencies(module: bytes) -> list[str]:
    """Return the dependencies of a module from its `depends=` entry."""
    start = module.find(b"\0depends=")
    if start < 0:
        return []
    text = module[start + 9 : module.index(b"\0", start + 9)].decode("ascii")
    return [name for name in text.split(",") if name]


def _normalise(name: str) -> str:
    """Return a module name in the spelling of the kernel, with underscores."""
    return name.replace("-", "_")
