"""Configuration of the documentation site: `tox -e docs`, or `sphinx-build -W docs build/site`."""

import os
import sys
from pathlib import Path

from sphinx.application import Sphinx

from lava_dispatcher_multinode import __version__

# The pages show the help of the commands in the environment that builds the site.
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


def add_subcommand_help(_app: Sphinx, name: str, source: list[str]) -> None:
    """Append the help of every subcommand to the page of command-line help."""
    if name == "reference/help":
        from lava_dispatcher_multinode.commands.lava_multinode import VERBS

        for verb in VERBS:
            source[0] += f"\n```{{program-output}} lava-multinode {verb} --help\n```\n"


def setup(app: Sphinx) -> None:
    """Register the change of pages."""
    app.connect("source-read", add_subcommand_help)
