"""The table of LAVA's keys is consistent."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.lab.dictionary_keys import KEYS, METHOD_KEYS, row_for


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("commands.connect", "obeyed"),
        ("commands.connections.uart0.connect", "obeyed"),
        ("constants.u-boot.interrupt-prompt", "obeyed"),
        ("constants.grub.interrupt-prompt", "named"),
        ("actions.boot.methods.u-boot.ramdisk.commands", "obeyed"),
        ("actions.boot.methods.u-boot.nfs.commands", "named"),
        ("actions.boot.methods.grub.ramdisk.commands", "named"),
        ("actions.boot.methods.u-boot.parameters.uboot_altbank", "refused"),
        ("actions.deploy.parameters.other", "named"),
    ],
)
def test_the_first_row_that_fits_counts(path, verdict):
    """The same key means something else for another boot method."""
    row = row_for(path.split("."), "u-boot", "ramdisk")
    assert row is not None
    assert row.verdict == verdict


def test_an_unknown_key_has_no_row():
    """It is named as unknown, not with the reason of another."""
    assert row_for(["actions2"], "u-boot", "ramdisk") is None
    assert row_for(["commands", "new_command"], "u-boot", "ramdisk") is None


@pytest.mark.parametrize("rows", [KEYS, METHOD_KEYS], ids=["KEYS", "METHOD_KEYS"])
def test_no_row_hides_another(rows):
    """Each row is the first that fits its own path."""
    for number, row in enumerate(rows):
        parts = row.path.split(".")
        for earlier in rows[:number]:
            before = earlier.path.split(".")
            fits = all(a in ("*", b) for a, b in zip(before, parts, strict=False))
            assert len(before) > len(parts) or not fits, (earlier.path, row.path)
