"""Imports LAVA's deploy blocks for devices that this package drives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ...actions.action import DEPLOY_IMAGE, DEPLOY_KERNEL
from ...images.terms import CHECKSUM_KEYS, DIGEST_DIGITS, TERMS, Terms
from ...job.hints import nearest
from .deploy_keys import BLOCK, ENTRY, NO_EFFECT, OBEYED, PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Path = tuple[str | int, ...]

#: LAVA's name of a compression -> file suffix here.
PACKED = {"bz2": ".bz2", "gz": ".gz", "xz": ".xz", "zstd": ".zst"}
#: Files that a boot loader fetches. A ramdisk may stay compressed, the others would not boot.
_FILES = ("kernel", "ramdisk", "dtb")
#: What HTTP allows in the name and value of a header, and names that the download itself sets.
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
_OWN_HEADERS = frozenset(
    ("accept-encoding", "connection", "content-length", "host", "if-match", "if-modified-since",
     "if-none-match", "if-range", "if-unmodified-since", "range", "transfer-encoding")
)  # fmt: skip


class Step(NamedTuple):
    """One action of this package; `refused` says why a block is none, `at` where in the block.

    `wrong`: LAVA refuses it, too.
    """

    command: str
    parameters: Mapping[str, Any] = {}
    refused: str = ""
    timeout: Mapping[str, Any] | None = None
    at: tuple[str | int, ...] = ()
    wrong: bool = False


def refuse(what: str, why: str, at: tuple[str | int, ...] = ()) -> Step:
    """Return the step for a block, or a key in it, that only LAVA's dispatcher supports."""
    return Step(what, refused=why, at=at)


def import_deploy(block: Mapping[str, Any]) -> Iterator[Step]:
    """Yield the action of the block, nothing, or the reasons why it is refused."""
    to = str(block.get("to"))
    if to not in PLACES:
        places = ", ".join(sorted(PLACES))
        yield refuse(f"deploy to {to}", f"only LAVA supports it; supported here: {places}")
        return
    refused = [*_refused(to, block), *_wrong(to, block)]
    if refused:
        yield from refused
    elif to != "overlay":  # the image stays; the overlay is delivered anyway
        yield _tftp(block) if to == "tftp" else _image(to, block)


def ignored_deploy_keys(block: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield path and warning for each key without effect on such a device."""
    for at, fate in _keys(str(block.get("to")), block):
        if fate == NO_EFFECT:
            yield at, f"'{at[-1]}' has no effect on boards that this dispatcher drives"
        elif fate is None:
            known = nearest(str(at[-1]), {**BLOCK, **ENTRY})
            meant = f" (did you mean '{known}'?)" if known else ""
            yield at, f"'{at[-1]}' is not a key of LAVA here, and has no effect{meant}"


def _keys(to: str, block: Mapping[str, Any]) -> Iterator[tuple[Path, str | None]]:
    """Yield the path and the meaning of each key that is set; None for a key unknown to LAVA."""
    if to not in PLACES:
        return
    known = BLOCK | PLACES[to]
    for key in block:
        if block[key] or known.get(key) == OBEYED:
            yield (key,), known.get(key)
    for path, entry in _entries(to, block):
        for key in entry:
            if entry[key] or ENTRY.get(key) == OBEYED:
                yield (*path, key), ENTRY.get(key)


def _entries(to: str, block: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield path and entry of each file to deploy."""
    images = block.get("images")
    found: list[tuple[Path, Any]] = [((name,), block.get(name)) for name in _FILES]
    if to != "tftp":
        found = [(("image",), block.get("image"))] if "image" in PLACES[to] else []
        if isinstance(images, dict) and "images" in PLACES[to]:
            found += [(("images", name), entry) for name, entry in images.items()]
    for path, entry in found:
        if isinstance(entry, dict):
            yield path, entry


def _refused(to: str, block: Mapping[str, Any]) -> Iterator[Step]:
    """Yield what only LAVA's dispatcher supports."""
    for at, fate in _keys(to, block):
        if fate not in {OBEYED, NO_EFFECT, None}:
            yield refuse(f"deploy to {to}", f"'{at[-1]}': {fate}", at)
    for path, entry in _entries(to, block):
        for key, why in _not_here(path, entry):
            yield refuse(f"deploy to {to}", f"'{key}': {why}", (*path, key))


def _wrong(to: str, block: Mapping[str, Any]) -> Iterator[Step]:
    """Yield what LAVA refuses, too."""
    for path, entry in _entries(to, block):
        found = [*_wrong_sums(entry), *(("headers", why) for why in _wrong_headers(entry))]
        for key, why in found:
            at = (*path, key)
            yield Step(f"deploy to {to}", refused=f"'{key}': {why}", at=at, wrong=True)


def _wrong_sums(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, algorithm in CHECKSUM_KEYS.items():
        digits = DIGEST_DIGITS[algorithm]
        wanted = entry.get(key) if key in ENTRY else None
        if wanted is not None and not (
            isinstance(wanted, str) and re.fullmatch(rf"[0-9a-f]{{{digits}}}", wanted)
        ):
            yield key, f"invalid checksum {wanted!r:.140}: use {digits} digits of 0-9 and a-f"


def _not_here(path: Path, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys of an entry whose values are not supported, and why."""
    packed = entry.get("compression")
    if packed and (not isinstance(packed, str) or packed not in PACKED):
        yield "compression", f"{packed!r:.40} is not one of {', '.join(PACKED)}"
    elif packed and path in {("kernel",), ("dtb",)}:
        yield "compression", "a compressed kernel or device tree is not supported"
    overlays = entry.get("overlays")
    if overlays and (not isinstance(overlays, dict) or set(overlays) != {"lava"}):
        yield "overlays", "only the tests' own overlay is supported"
    formats = ("raw", "cpio.newc" if path == ("ramdisk",) else "ext4")
    if entry.get("format", "raw") not in formats:
        yield "format", f"{entry['format']!r:.40} is not one of {', '.join(formats)}"


def _wrong_headers(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of headers; values of headers may be secret."""
    headers = entry.get("headers") or {}
    if not isinstance(headers, dict):
        yield "it must map names to values"
        return
    for name, value in headers.items():
        if not _NAME.fullmatch(str(name)):
            yield f"HTTP has no header {name!r:.100}"
        elif str(name).lower() in _OWN_HEADERS:
            yield f"{name} is set by the dispatcher itself"
        elif not isinstance(value, str) or not _VALUE.fullmatch(value):
            yield f"the value of {name} must be one line of ASCII text"


def _terms(entry: Mapping[str, Any], *, unpacked: bool = False) -> Terms:
    return Terms(
        sums={
            key: entry[key] for key in CHECKSUM_KEYS if key in ENTRY and entry.get(key) is not None
        },
        compression=PACKED[entry["compression"]]
        if unpacked and entry.get("compression")
        else None,
        headers=entry.get("headers") or {},
    )


def _image(to: str, block: Mapping[str, Any]) -> Step:
    found = [entry for _, entry in _entries(to, block)]
    only = found[0] if len(found) == 1 else {}
    if not isinstance(only.get("url"), str):
        return refuse(f"deploy to {to}", "it must have exactly one image with a url")
    terms = {"image": _terms(only, unpacked=True)}
    return Step(DEPLOY_IMAGE, {"image": only["url"], TERMS: terms})


def _tftp(block: Mapping[str, Any]) -> Step:
    entries = {
        str(path[0]): entry
        for path, entry in _entries("tftp", block)
        if isinstance(entry.get("url"), str)
    }
    if "kernel" not in entries:
        return refuse("deploy to tftp", "it has no kernel with a url")
    urls = {name: entry["url"] for name, entry in entries.items()}
    terms = {name: _terms(entry) for name, entry in entries.items()}
    return Step(DEPLOY_KERNEL, {**urls, TERMS: terms})
