"""The key `lava_device` of device files: a LAVA device dictionary as a layer below the file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import InvalidJob
from ..job.source import load
from .device_keys import merge_layers
from .device_model import LAVA
from .dictionary_translation import translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors import Problem
    from ..job.source import Document

KEY = "lava_device"


def with_dictionary(own: Sequence[Document]) -> tuple[list[Document], tuple[Problem, ...]]:
    """Return the files of a device, with the keys of its dictionary as the lowest, and warnings.

    The dictionary is that of the highest file that names one. Raises `InvalidJob`.
    """
    naming = [document for document in own if KEY in document.data]
    if not naming or naming[-1].data[KEY] is None:
        return list(own), ()
    above: dict[str, Any] = merge_layers([document.data for document in own])
    if above.get("host") == LAVA:
        hint = "write lava: {device: FILE} for LAVA's dispatcher, or remove host: lava"
        message = "lava_device is for boards that this package drives"
        raise InvalidJob([naming[-1].problem(message, (KEY,), key=True, hint=hint)])
    file = naming[-1].directory / naming[-1].data[KEY]
    if not file.is_file():
        hint = "lava_device names a rendered device dictionary, relative to this file"
        raise InvalidJob([naming[-1].problem(f"no such file: {file}", (KEY,), hint=hint)])
    dictionary = load(file)
    found = translate(dictionary, above)
    return [replace(dictionary, data=found.keys), *own], found.named
