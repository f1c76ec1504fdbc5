"""What U-Boot says, told apart: on what real ones printed, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards import u_boot_words as words

RECORDED = Path(__file__).parents[1] / "data" / "consoles"


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("setenv a b", words.QUICK),
        ("fatload mmc 0:3 0x80200000 uImage", words.MEDIUM),
        ("usb start; dhcp; setenv serverip 10.0.2.2", words.NETWORK),
        ("if test -n x; then tftp 0x1 y; fi", words.NETWORK),
        ("boot", words.NETWORK),
        ("bootm 0x1#conf", words.MEDIUM),
    ],
)
def test_the_slowest_command_of_a_line_counts(line, seconds):
    """A command's limit is that of its kind."""
    assert words.seconds_for(line) == seconds


@pytest.mark.parametrize(
    "prompt",
    ["Panda # ", "OMAP3 beagleboard.org # ", "BeagleBoard # ", "U-Boot> ", "=> ", "mine$ "],
)
def test_known_prompts_and_the_device_file_s_own(prompt):
    """At the start of a line, also right after the escape sequences of the EFI menu."""
    pattern = words.prompt_pattern(["mine$ "])
    for before in (b"\r\n", b"\n\x1b7\x1b[r\x1b[999;999H\x1b[6n\x1b8", b"\r\x1b[0m"):
        found = re.search(pattern, b"text" + before + prompt.encode())
        assert found is not None
        assert found.group().endswith(prompt.encode())
    assert re.search(pattern, b"echo of " + prompt.encode()) is None


@pytest.mark.parametrize("text", ["Hit any key to stop autoboot", "autoboot in", "Stop: 1"])
def test_a_countdown_is_known_by_its_parts_if_it_is_long(text):
    """A short one has to come whole, or other words would be taken for it."""
    pattern = words.countdown_pattern(text)
    assert re.search(pattern, text.encode())
    assert not re.search(
        pattern, b"USB is stopped. Please issue 'usb start' first. any key, boot: 1"
    )


def test_arguments_of_the_kernel_are_no_error():
    """`timeout=5` is none, where U-Boot's TIMEOUT is one."""
    assert re.search(words.ERROR_PATTERN, b"panic=1 rootdelay=1 tftp_timeout=5") is None
    assert re.search(words.ERROR_PATTERN, b"Waiting for PHY auto negotiation... TIMEOUT !")


def test_a_recorded_u_boot_has_its_prompts_found_and_only_those():
    """The ones of a real U-Boot 2023.01, seven of which come after an empty line or Ctrl-C."""
    data = (RECORDED / "u-boot-quirks.raw").read_bytes()
    data = data[: data.index(b"Starting kernel")]
    found = re.findall(words.prompt_pattern(()), data)
    assert len(found) == data.count(b"\n=> ")


def test_a_recorded_boot_without_success_complains_and_comes_back():
    """The EFI boot manager's escape sequences on the way are passed over."""
    data = (RECORDED / "u-boot-nothing-to-boot.raw").read_bytes()
    assert b"\x1b[6n" in data
    (prompt,) = re.finditer(words.prompt_pattern(()), data)
    assert prompt.end() == len(data)
    assert re.search(words.countdown_pattern("Hit any key to stop autoboot"), data)


@pytest.mark.parametrize("name", ["u-boot-quirks.raw", "linux-boot.raw"])
def test_a_recorded_boot_that_worked_has_no_fatal_error(name):
    """Nothing of what a U-Boot and a kernel print on their way is taken for the end."""
    data = (RECORDED / name).read_bytes()
    assert (
        re.search(words.FATAL_PATTERN, re.sub(rb"Unknown command 'frobnicate'", b"", data)) is None
    )
