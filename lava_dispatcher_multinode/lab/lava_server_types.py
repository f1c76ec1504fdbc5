"""The device types of a LAVA server that is installed or unpacked on this host."""

from __future__ import annotations

import os
from pathlib import Path

INSTALLED = Path("/usr/share/lava-server/device-types")
_FROM_PACKAGES = "../../../share/lava-server/device-types"


def lava_server_types() -> dict[str, Path]:
    """Return the template of each device type by name; the first directory that has one counts.

    The directories are that of an installed lava-server, and those beside the packages that
    `LAVA_DISPATCHER_PATH` names. Base templates, which are parts of others, are left out.
    """
    paths = os.environ.get("LAVA_DISPATCHER_PATH", "").split(os.pathsep)
    found: dict[str, Path] = {}
    for directory in (INSTALLED, *(Path(path, _FROM_PACKAGES) for path in paths if path)):
        for template in sorted(directory.glob("*.jinja2")):
            name = template.stem
            if name != "base" and not name.startswith("base-"):
                found.setdefault(name, template)
    return found
