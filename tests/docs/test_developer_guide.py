"""The developer guide agrees with the package's layers and files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "lava_dispatcher_multinode"
GUIDE = (ROOT / "docs/onboarding.md").read_text()
IMPORT_LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
LAYERS = [
    [name.strip().removeprefix(f"{PACKAGE}.") for name in re.split("[|:]", layer)]
    for contract in IMPORT_LINTER["contracts"]
    if contract["type"] == "layers"
    for layer in contract["layers"]
]
# A file or a folder, such as `run/job.py` or `lava/`; `NAME.yaml` is a placeholder.
PATH = re.compile(r"`([a-z\d_./-]+(?:\.(?:py|json|cfg|toml|yaml)|/))`")


def diagram(layers):
    """Return the layers as a mermaid flowchart, the highest first."""
    nodes = [f'    layer{number}["{" | ".join(names)}"]' for number, names in enumerate(layers)]
    arrows = " --> ".join(f"layer{number}" for number in range(len(layers)))
    return "\n".join(["flowchart TD", *nodes, f"    {arrows}", ""])


def test_the_diagram_shows_the_layers():
    """The picture is that of the contract that lint-imports enforces on the import graph."""
    (shown,) = re.findall(r"```mermaid\n(.*?)```", GUIDE, re.DOTALL)
    expected = diagram(LAYERS)
    assert shown == expected, f"replace the diagram in docs/onboarding.md by\n{expected}"


def test_every_package_is_in_a_layer_and_in_the_guide():
    """A new package has a layer and, as every top-level module, a row in the guide."""
    packages = {path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py")}
    assert packages <= {name for layer in LAYERS for name in layer}
    modules = {path.name for path in (ROOT / PACKAGE).glob("*.py")} - {"__init__.py"}
    assert {f"{name}/" for name in packages} | modules <= set(PATH.findall(GUIDE))


def test_every_path_exists():
    """A file or folder that the guide names is in the package or the repository."""
    paths = PATH.findall(GUIDE)
    assert len(paths) > 50
    bases = (ROOT / PACKAGE, ROOT)
    assert [path for path in paths if not any((base / path).exists() for base in bases)] == []
