"""The site: `tox -e site`, or sphinx-build -W docs build/site."""

import os
import sys
from pathlib import Path

from sphinx.application import Sphinx

from lava_dispatcher_multinode import __version__

# The commands whose help is shown are those of the environment that builds.
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
os.environ["COLUMNS"] = "100"

project = "lava-dispatcher-multinode"
author = "the lava-dispatcher-multinode project"
version = release = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinxcontrib.mermaid",
    "sphinxcontrib.programoutput",
]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "lava-dispatcher-multinode"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
myst_fence_as_directive = ["mermaid"]


def add_verbs(_app: Sphinx, name: str, source: list[str]) -> None:
    """Show the help of every verb there is, below that of the commands."""
    if name == "reference/help":
        from lava_dispatcher_multinode.commands.lava_multinode import VERBS

        for verb in VERBS:
            source[0] += f"\n```{{program-output}} lava-multinode {verb} --help\n```\n"


def setup(app: Sphinx) -> None:
    """Say what changes the pages."""
    app.connect("source-read", add_verbs)
