"""The device files of the how-to guides are valid, and quoted firmware prints what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from lava_dispatcher_multinode.lab.device_files import load_lab

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
OMAP = ROOT / "docs/how-to/debian-12-on-omap-boards.md"
CONSOLE = ROOT / "tests/data/firmware/beaglexm-2023.01.raw"


def _device_files():
    for page in sorted((ROOT / "docs/how-to").glob("*.md")):
        blocks = (block for block in BLOCK.findall(page.read_text()) if "%" not in block)
        texts = [text for text in blocks if re.search(r"^device_type:", text, re.MULTILINE)]
        for number, text in enumerate(texts, 1):
            if "connection" in yaml.safe_load(text):
                yield pytest.param(text, id=f"{page.stem}-{number}")


@pytest.mark.parametrize("text", list(_device_files()))
def test_a_device_file_of_a_guide_is_valid(tmp_path, text):
    """A user copies it: each key exists, and what it needs is there."""
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices/board01.yaml").write_text(text)
    lab = load_lab(tmp_path)
    assert {name: str(bad.error) for name, bad in lab.invalid.items()} == {}
    assert [device.name for device in lab.devices] == ["board01"]


def test_quoted_firmware_is_real():
    """Each quoted line is in the console of that firmware."""
    (quoted,) = re.findall(r"```text\n(.*?)```", OMAP.read_text(), re.DOTALL)
    console = CONSOLE.read_text(errors="replace")
    missing = [line for line in quoted.splitlines() if line not in console]
    assert missing == []


def test_the_boot_commands_are_those_that_booted():
    """The emulated BeagleBoard-xM booted with these load and boot commands."""
    console = CONSOLE.read_text(errors="replace")
    beaglexm = next(text for text in BLOCK.findall(OMAP.read_text()) if "beaglexm" in text)
    commands = yaml.safe_load(beaglexm)["boot"]["commands"]
    typed = [line for line in commands if f"# {line}" in console]
    assert len(typed) == 3, "kernel, device tree, bootz; the ramdisk had another name there"
