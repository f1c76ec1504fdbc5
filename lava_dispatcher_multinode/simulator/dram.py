"""The memory of a simulated board, allocated page by page on the first write."""

from __future__ import annotations

BASE = 0x8000_0000  # the same on all models
_PAGE_BYTES = 1 << 16


class DataAbort(Exception):
    """An access outside the memory; the argument is the address."""


class Dram:
    """`size` bytes from `BASE`."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pages: dict[int, bytearray] = {}

    def check(self, address: int, length: int) -> None:
        """Raise `DataAbort` unless the whole range is inside the memory."""
        if address < BASE or address + length > BASE + self.size:
            raise DataAbort(address if address < BASE else BASE + self.size)

    def write(self, address: int, data: bytes) -> None:
        """Write `data` at `address`; raise `DataAbort`."""
        self.check(address, len(data))
        view = memoryview(data)
        while view:
            number, at = divmod(address, _PAGE_BYTES)
            page = self._pages.get(number)
            if page is None:
                page = self._pages[number] = bytearray(_PAGE_BYTES)
            part = view[: _PAGE_BYTES - at]
            page[at : at + len(part)] = part
            address += len(part)
            view = view[len(part) :]

    def read(self, address: int, length: int) -> bytes:
        """Return `length` bytes from `address`, zeros if never written; raise `DataAbort`."""
        self.check(address, length)
        parts = []
        while length:
            number, at = divmod(address, _PAGE_BYTES)
            count = min(length, _PAGE_BYTES - at)
            page = self._pages.get(number)
            parts.append(bytes(page[at : at + count]) if page else bytes(count))
            address += count
            length -= count
        return b"".join(parts)
