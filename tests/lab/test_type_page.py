"""The device types that ship with the package, and the page about them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lava_dispatcher_multinode import device_types
from lava_dispatcher_multinode.job.schema_check import SchemaChecker
from lava_dispatcher_multinode.job.source import load
from lava_dispatcher_multinode.lab import device_checks, type_page
from lava_dispatcher_multinode.lab.device_model import device_schema

PAGE = Path(__file__).parents[2] / "docs/reference/device-types.md"
FILES = sorted(device_types.DIRECTORY.glob("*.yaml"))


def test_the_page_has_the_types_of_the_package():
    """A new type, alias or head comment changes the page."""
    assert type_page.with_table(PAGE.read_text()) == PAGE.read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_type_is_valid_and_says_on_what_it_was_tried(file):
    """The package's own files are not checked when they are read."""
    document = load(file)
    assert SchemaChecker(device_schema()).problems(document) == []
    device_checks.check_boot_loader(document.data, [document], str(file))
    head = file.read_text().partition("\n")[0]
    text = next(row for row in type_page.table().splitlines() if f"| `{file.stem}` |" in row)
    assert head.startswith("# ")
    assert re.search(r"[Tt]ried", text)


def test_no_alias_is_the_name_of_another_type():
    """One name has one meaning."""
    names = [file.stem for file in FILES]
    aliases = [alias for name in names for alias in device_types.defaults(name).get("aliases", ())]
    assert len({*names, *aliases}) == len(names) + len(aliases)
