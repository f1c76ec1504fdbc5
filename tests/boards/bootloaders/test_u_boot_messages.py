"""U-Boot's messages, also in recorded output of real boards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lava_dispatcher_multinode.boards.bootloaders import u_boot_messages as messages
from lava_dispatcher_multinode.boards.bootloaders.command_line import lines

RECORDED = Path(__file__).parents[2] / "data" / "consoles"


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("setenv a b", messages.DEFAULT_TIMEOUT_S),
        ("fatload mmc 0:3 0x80200000 uImage", messages.MEDIUM_TIMEOUT_S),
        ("usb start; dhcp; setenv serverip 10.0.2.2", messages.NETWORK_TIMEOUT_S),
        ("if test -n x; then tftp 0x1 y; fi", messages.NETWORK_TIMEOUT_S),
        ("boot", messages.NETWORK_TIMEOUT_S),
        ("bootm 0x1#conf", messages.MEDIUM_TIMEOUT_S),
    ],
)
def test_the_slowest_command_of_a_line_counts(line, seconds):
    """The timeout of a command depends on its kind."""
    assert messages.seconds_for(line) == seconds


@pytest.mark.parametrize(
    "prompt",
    ["Panda # ", "OMAP3 beagleboard.org # ", "BeagleBoard # ", "U-Boot> ", "=> ", "mine$ "],
)
def test_known_prompts_and_the_device_file_s_own(prompt):
    """They match at the start of a line, also after the escape sequences of the EFI menu."""
    pattern = messages.prompt_pattern(["mine$ "])
    for before in (b"\r\n", b"\n\x1b7\x1b[r\x1b[999;999H\x1b[6n\x1b8", b"\r\x1b[0m"):
        found = re.search(pattern, b"text" + before + prompt.encode())
        assert found is not None
        assert found.group().endswith(prompt.encode())
    assert re.search(pattern, b"echo of " + prompt.encode()) is None


@pytest.mark.parametrize("text", ["Hit any key to stop autoboot", "autoboot in", "Stop: 1"])
def test_a_countdown_is_known_by_its_parts_if_it_is_long(text):
    """A short text has to be intact, or other output would match."""
    pattern = messages.countdown_pattern(text)
    assert re.search(pattern, text.encode())
    assert not re.search(
        pattern, b"USB is stopped. Please issue 'usb start' first. any key, boot: 1"
    )


@pytest.mark.parametrize("text", [b"\r\n=> Booting", b"\n=> \r\n", b"\nx => ", b"=>x"])
def test_a_prompt_is_alone_on_the_last_line(text):
    """A message may contain the text of a prompt."""
    assert re.search(messages.prompt_pattern(()), text) is None


@pytest.mark.parametrize("stamp", [b"", b"[    4.878] ", b"[4.878123] ", b"[   4.878]"])
def test_time_stamps_are_no_part_of_a_line(stamp):
    """A build of U-Boot, or the host's side of the console, may stamp each line."""
    output = b"\r\n" + stamp + b"Bad Data CRC\r\n" + stamp + b"\r\n"
    assert messages.errors(output) == lines(output) == [b"Bad Data CRC"]
    assert messages.USAGE.search(b"\n" + stamp + b"Usage:\r\n")
    assert re.search(messages.BANNER, b"\r\n" + stamp + b"U-Boot 2023.01")
    assert re.search(messages.prompt_pattern(()), b"\r\n" + stamp + b"=> ")


def test_the_device_file_s_prompts_can_be_the_only_ones():
    """A known prompt in the output of a script is then none."""
    own = messages.prompt_pattern(["mine$ "], known=False)
    assert re.search(own, b"\r\nmine$ ")
    assert re.search(own, b"\r\n=> ") is None
    assert re.search(messages.prompt_pattern([], known=False), b"\r\n=> \r\n") is None


def test_an_empty_prompt_of_the_device_file_is_none():
    """It would match at the start of every line."""
    assert re.search(messages.prompt_pattern(["", " "]), b"\r\nLoading") is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hit any key to stop autoboot", ["Hit any k", "ey to sto", "p autoboot"]),
        ("Press the SPACE key to abort boot", ["Press the S", "PACE key to", " abort boot"]),
        ("Stop autoboot now", ["Stop aut", "oboot now"]),
        ("autoboot in", ["autoboot in"]),
        ("Stop: ", ["Stop: "]),
    ],
)
def test_any_part_of_a_countdown_is_enough(text, parts):
    """The rest may be garbled; a part of fewer than 8 bytes is not specific enough."""
    pattern = messages.countdown_pattern(text)
    for part in parts:
        assert re.fullmatch(pattern, part.encode())
        assert re.search(pattern, part[1:].encode()) is None


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("fatload mmc 0:3 0x80200000 uImage", True),
        ("setenv gpio 5", True),
        ("mmc init", False),
        (" mmc part 0", False),
        ("if test -n x; then boot; fi", False),
        ("echo a; itest 1 == 2", False),
        ("gpio clear 5", False),
    ],
)
def test_which_status_counts(line, counts):
    """The status of a condition or of an obsolete line does not count."""
    assert messages.status_counts(line) is counts


@pytest.mark.parametrize(
    ("line", "puts"),
    [
        ("fatload mmc 0:3 0x80200000 uImage", True),
        ("setenv autoload no; dhcp", True),
        ("loadx 0x80200000", True),
        ("setenv loadaddr 0x80200000", False),
        ("bootm 0x80200000", False),
    ],
)
def test_commands_that_load_into_memory(line, puts):
    """Commands count, not variables with similar names."""
    assert messages.loads(line) is puts


def test_errors_that_a_line_handles_are_no_failures():
    """`||` and `if` handle errors, and the lines of 2013 may be unknown."""
    output = b"\r\nUnknown command 'mmc init' - try 'help'\r\n"
    error = output.strip()
    assert messages.failures("mmc init", output) == []
    assert messages.failures("mmc init", b"Bad Data CRC\r\n") == [b"Bad Data CRC"]
    assert messages.failures("mmc rescan", output * 2) == [error]
    assert messages.failures("mmc rescan || true", output) == []
    assert messages.failures("if mmc rescan; then boot; fi", output) == []


def test_what_a_line_sets_and_executes():
    """Quotes are not part of a value; a removed variable has no value."""
    assert messages.setting("setenv bootargs 'console=tty0 quiet'") == (
        "bootargs",
        "console=tty0 quiet",
    )
    assert messages.setting(" setenv -f a b") == ("a", "b")
    assert messages.setting("setenv a") is None
    assert [messages.variable(line) for line in ("boot", "run x ", "bootm 0x1", "run")] == [
        "bootcmd",
        "x",
        None,
        None,
    ]


def test_a_restart_is_a_banner_and_a_countdown():
    """The command `version` prints the banner alone."""
    pattern = messages.restarted_pattern("Hit any key")
    banner = b"\r\nU-Boot 2023.01 (Jan 01 2023)\r\n"
    assert re.search(pattern, banner + b"x" * 4000 + b"Hit any key")
    assert re.search(pattern, banner + b"=> ") is None
    assert re.search(pattern, b"Hit any key" + banner) is None


def test_arguments_of_the_kernel_are_no_error():
    """`timeout=5` is no error, U-Boot's TIMEOUT is one."""
    assert re.search(messages.ERROR_PATTERN, b"panic=1 rootdelay=1 tftp_timeout=5") is None
    assert re.search(messages.ERROR_PATTERN, b"Waiting for PHY auto negotiation... TIMEOUT !")


def test_a_recorded_u_boot_has_its_prompts_found_and_only_those():
    """Output of a real U-Boot 2023.01; seven prompts follow an empty line or Ctrl-C."""
    data = (RECORDED / "u-boot-quirks.raw").read_bytes()
    data = data[: data.index(b"Starting kernel")]
    pattern = re.compile(messages.prompt_pattern(()))
    ends = [match.end() for match in re.finditer(rb"\n=> ", data)]
    # As the output comes: a prompt is its end.
    found = [end for end in ends if pattern.search(data[:end], end - 8)]
    assert (found, len(found)) == (ends, 22)
    assert pattern.search(data) is None


def test_a_recorded_boot_without_success_complains_and_comes_back():
    """The escape sequences of the EFI boot manager are ignored."""
    data = (RECORDED / "u-boot-nothing-to-boot.raw").read_bytes()
    assert b"\x1b[6n" in data
    (prompt,) = re.finditer(messages.prompt_pattern(()), data)
    assert prompt.end() == len(data)
    assert re.search(messages.countdown_pattern("Hit any key to stop autoboot"), data)


@pytest.mark.parametrize("name", ["u-boot-quirks.raw", "linux-boot.raw"])
def test_a_recorded_boot_that_worked_has_no_fatal_error(name):
    """No output of a successful boot matches a fatal error."""
    data = (RECORDED / name).read_bytes()
    assert (
        re.search(messages.FATAL_PATTERN, re.sub(rb"Unknown command 'frobnicate'", b"", data))
        is None
    )


@pytest.mark.parametrize(
    "line",
    [
        b"The remote end did not respond in time.",
        b"phy not connected",
        b"*** ERROR: `ipaddr' not set",
        b"No ethernet found.",
    ],
)
def test_failures_of_the_network_are_errors(line):
    """A board with Ethernet on USB prints one of these; no kernel has been loaded."""
    output = b"Waiting for Ethernet connection... \r\n" + line + b"\r\n"
    assert messages.errors(output) == [line]
    assert messages.failures("dhcp", output) == [line]
