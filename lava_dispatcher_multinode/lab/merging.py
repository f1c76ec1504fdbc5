"""Layers of keys laid over one another: mappings key by key, null takes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Groups of keys that exclude each other: a layer with one takes back the others below it.
ALTERNATIVES: Mapping[tuple[str, ...], tuple[tuple[str, ...], ...]] = {
    ("connection",): (("command",), ("serial",), ("simulated",), ("qemu",)),
    ("power",): (("on", "off", "cycle"), ("pdudaemon",), ("manual",), ("simulated",)),
}


def laid(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
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


def with_hostname(data: Any, name: str) -> Any:
    """Return `data` with the device's name for each `%(hostname)s`, as in 2013."""
    if isinstance(data, str):
        return data.replace("%(hostname)s", name)
    if isinstance(data, Mapping):
        return {key: with_hostname(value, name) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [with_hostname(value, name) for value in data]
    return data
