"""LAVA's deploy and boot blocks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import Lava
from lava_dispatcher_multinode.lava.export.lava_blocks_out import (
    LavaBlocks,
    _literal,
    blocks_of_dictionary,
    blocks_of_type,
)


def of(deploys, boots, **lava):
    """Return the blocks for a dictionary with these methods."""
    methods = {"deploy": deploys, "boot": boots}
    actions = {kind: {"methods": dict.fromkeys(names)} for kind, names in methods.items()}
    with NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump({"actions": actions}, file)
        file.flush()
        device = Device("d", "t", host="lava", lava=Lava(device=Path(file.name), **lava))
        return blocks_of_dictionary(device)


@pytest.mark.parametrize(
    ("deploy", "boot", "to", "method"),
    [
        (["flasher", "tftp"], ["u-boot"], "flasher", "u-boot"),
        (["image"], ["qemu"], "tmpfs", "qemu"),
        (["overlay"], ["minimal"], "overlay", "minimal"),
        ([], ["u-boot", "minimal"], "overlay", "u-boot"),
    ],
)
def test_what_a_dictionary_allows(deploy, boot, to, method):
    """The target of an image, and the boot method."""
    blocks = of(deploy, boot)
    assert (blocks.image_to, blocks.boot_block("image")["method"]) == (to, method)


def test_the_device_file_has_the_last_word():
    """Also for prompts: a device file that sets them decides whether there is a login."""
    blocks = of(["flasher"], ["minimal"], deploy={"to": "usb"}, boot={"prompts": ["x"]})
    block = blocks.boot_block("image")
    assert (blocks.image_to, block["prompts"]) == ("usb", ["x"])
    assert "auto_login" not in block


def test_loader_commands_fit_what_was_deployed():
    """With LAVA's names, only if the dictionary's U-Boot method has them."""
    blocks = LavaBlocks("t", boot={"method": "u-boot", "commands": ["own"]})
    found = [blocks.boot_block(deployed)["commands"] for deployed in ("image", "kernel", "nfs")]
    assert found == [["own"], "ramdisk", "nfs"]
    assert "commands" not in LavaBlocks("t", boot={"method": "minimal"}).boot_block("kernel")


def test_guesses_are_reported():
    """For a device without boot commands, and for an unknown type."""
    assert "guess" in blocks_of_type("x", {}).remarks[0]
    assert "guess" in blocks_of_type("x", {"lava": {"device_type": "y"}}).remarks[0]
    known = blocks_of_type("x", {"lava": {"device_type": "y"}, "boot": {"commands": ["bootm"]}})
    assert (known.device_type, known.boot["commands"]) == ("y", ["bootm"])


@given(st.text())
def test_a_literal_is_an_expression_for_itself(text):
    """LAVA takes prompts as regular expressions."""
    assert re.fullmatch(_literal(text), text)


def test_an_image_with_its_packing_and_digest(tmp_path):
    """Files of this machine become URLs, also with a blank in their names."""
    block = LavaBlocks("t").deploy_image(
        {"image": "a b.img.xz", "image_sha256": "0" * 64}, tmp_path
    )
    image = block["images"]["image"]
    assert (image["compression"], image["sha256sum"]) == ("xz", "0" * 64)
    assert image["url"] == f"file://{tmp_path}/a%20b.img.xz"
