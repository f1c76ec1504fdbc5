"""A kernel's modules: which others each needs, as its file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Modules:
    """The modules of an unpacked kernel package."""

    def __init__(self, package: Path) -> None:
        self.directory = next((package / "lib" / "modules").iterdir())
        self.version = self.directory.name  # of the kernel
        self._files = {_plain(path.stem): path for path in self.directory.rglob("*.ko")}
        built_in = (self.directory / "modules.builtin").read_text().split()
        self._built_in = {_plain(line.rpartition("/")[2].removesuffix(".ko")) for line in built_in}

    def in_order(self, wanted: Iterable[str]) -> list[Path]:
        """Return the files of `wanted` and of all that they need, in the order of loading.

        Raise `InfrastructureError` for a module that the kernel does not have.
        """
        order: dict[str, Path] = {}
        for name in wanted:
            self._add(_plain(name), order)
        return list(order.values())

    def _add(self, name: str, order: dict[str, Path]) -> None:
        if name in order or name in self._built_in:
            return
        if name not in self._files:
            raise InfrastructureError(f"the kernel {self.version} has no module {name}")
        path = self._files[name]
        for other in needs(path.read_bytes()):
            self._add(_plain(other), order)
        order[name] = path

    def table(self, files: Iterable[Path]) -> str:
        """Return a modules.dep for `files`, which lie side by side.

        modprobe looks no further than at a module's own line, and loads its last one first.
        """
        lines = []
        for path in files:
            *others, _ = self.in_order([path.stem])
            names = " ".join(other.name for other in reversed(others))
            lines.append(f"{path.name}: {names}".rstrip())
        return "".join(f"{line}\n" for line in lines)


def needs(module: bytes) -> list[str]:
    """Return the names after `depends=` in a module's own description of itself."""
    start = module.find(b"\0depends=")
    if start < 0:
        return []
    text = module[start + 9 : module.index(b"\0", start + 9)].decode("ascii")
    return [name for name in text.split(",") if name]


def _plain(name: str) -> str:
    """Return the one of its spellings by which the kernel knows a module."""
    return name.replace("-", "_")
