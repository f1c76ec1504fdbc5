"""Countdowns that are slow, garbled, repeated, silent or missed."""

from __future__ import annotations

import re
import time

import pytest

from lava_dispatcher_multinode.boards.bootloaders import autoboot
from lava_dispatcher_multinode.boards.bootloaders.autoboot import Autoboot
from lava_dispatcher_multinode.boards.bootloaders.u_boot_messages import prompt_pattern
from lava_dispatcher_multinode.boards.driver import CountdownMissed
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.device_sections import Boot

RAW = "stty raw -echo; "
COUNTDOWN = "printf 'Hit any key to stop autoboot:  2 '; "
PROMPT = "printf '\\r\\n=> '; "
KEY = "dd bs=1 count=1 2>/dev/null | od -An -tx1; "


def stop(console, spam=False, seconds=30.0, **boot):
    """Stop the countdown of the script behind `console`; return the console's last lines."""
    limit = Deadline(seconds, "boot.autoboot_timeout")
    Autoboot(Dialogue(console), Boot(**boot), prompt_pattern(())).stop(limit, spam=spam)
    return "\n".join(console.tail())


def test_a_countdown_in_pieces(console_of):
    """A slow line brings it a few characters at a time."""
    pieces = (
        "for p in 'Hit any' ' key to st' 'op auto' 'boot:  2'; do printf %s \"$p\"; sleep .05; "
    )
    assert "0d" in stop(console_of(f"{RAW}{pieces} done; {KEY}{PROMPT} sleep 60"))


@pytest.mark.parametrize(
    "text",
    [
        "Xit any key to stop autoboot",
        "Hit anyQkey to st\\370p autoboot",
        "Hit ny k y to sop autoboot",
    ],
)
def test_noise_in_the_countdown(console_of, text):
    """One intact third of the text is enough."""
    stop(console_of(f"{RAW} printf '{text}:  2 '; {KEY}{PROMPT} sleep 60"))


def test_a_countdown_that_comes_again_is_stopped_again(console_of, monkeypatch):
    """A first stage has its own countdown, or the board restarted."""
    monkeypatch.setattr(autoboot, "SAME_COUNTDOWN_S", 0.0)
    script = f"{RAW}{COUNTDOWN}{KEY} sleep .1; {COUNTDOWN}{KEY}{PROMPT} sleep 60"
    assert "03" in stop(console_of(script)), "the second key repeats no command"


def test_a_stop_string_is_sent(console_of):
    """AUTOBOOT_KEYED: only the stop string stops the countdown."""
    script = (
        f"{RAW} printf 'Autoboot in 3 seconds, type lolo'; "
        '[ "$(dd bs=1 count=4 2>/dev/null)" = lolo ] || exit; ' + KEY + PROMPT + "sleep 60"
    )
    said = stop(
        console_of(script), interrupt="Autoboot in", interrupt_command="lolo", autoboot_timeout=9
    )
    assert "0d" in said


def test_a_silent_boot_loader_gets_a_key(console_of, monkeypatch):
    """CONFIG_SILENT_CONSOLE: without output, Ctrl-C gets the prompt."""
    monkeypatch.setattr(autoboot, "SILENCE_S", 0.1)
    assert "03" in stop(console_of(f"{RAW}{KEY}{PROMPT} sleep 60"))


def test_after_a_missed_countdown_keys_come_from_the_start(console_of):
    """Only the prompt is needed; surplus keys are dropped."""
    keys = "dd bs=1 count=2 >/dev/null 2>&1; "
    script = f"{RAW} sleep .3; {keys}{PROMPT}{KEY} printf '<INTERRUPT>'; {PROMPT} sleep 60"
    assert "03" in stop(console_of(script), spam=True)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Starting kernel ...", "check that this board prints boot.interrupt"),
        ("[    0.000000] Booting Linux on physical CPU 0x0", "prints boot.interrupt"),
        ("\\r\\nboard01 login: ", "check that the power switch restarts the board"),
    ],
)
def test_a_missed_countdown_is_an_error_at_once(console_of, said, why):
    """A power cycle can then retry the boot."""
    with pytest.raises(CountdownMissed, match=why):
        stop(console_of(f"{RAW} printf '{said}\\r\\n'; sleep 60"))


def test_nothing_at_all_names_limit_and_keys(console_of):
    """The error has the texts, the limit with its key, and the keys to check."""
    with pytest.raises(
        BootError, match=r"0\.2 s \(boot\.autoboot_timeout\): check that the power switch"
    ):
        stop(console_of("sleep 60"), seconds=0.2)


@pytest.mark.parametrize(
    "line",
    [
        "SPL: failed to boot from all boot devices",
        "### ERROR ### Please RESET the board ###",
        "Loading Environment from FAT... ### ERROR ### Please RESET the board ###",
        "X-Loader hangs",
        "Could not read bootloader!",
    ],
)
@pytest.mark.parametrize("spam", [False, True])
def test_firmware_that_gives_up_ends_the_attempt_with_its_line(console_of, line, spam):
    """It hangs, so waiting for a countdown is of no use."""
    started = time.monotonic()
    with pytest.raises(BootError, match=re.escape(f"firmware cannot start: '{line}': check")):
        stop(console_of(f"{RAW} printf 'U-Boot SPL 2023.01\\r\\n{line}\\r\\n'; sleep 60"), spam)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "line",
    ["MMC init failed", "u-boot.bin not found or blank nand contents - attempting serial boot"],
)
@pytest.mark.parametrize("spam", [False, True])
def test_a_medium_that_fails_is_the_cause_unless_another_one_boots(
    console_of, monkeypatch, line, spam
):
    """X-Loader looks for U-Boot on the card, then in NAND."""
    monkeypatch.setattr(autoboot, "FAILED_S", 1.0)
    failed = f"{RAW} printf 'Texas Instruments X-Loader 1.4.4\\r\\n{line}\\r\\n'; "
    with pytest.raises(BootError, match=re.escape(f"firmware cannot start: '{line}'")):
        stop(console_of(f"{failed} while sleep .1; do printf .; done"), spam, seconds=20)
    nand = f"printf '\\r\\nU-Boot 2010.03\\r\\n'; sleep 2; {COUNTDOWN}{KEY}{PROMPT} sleep 60"
    stop(console_of(failed + nand), spam)


def test_a_message_with_the_text_of_a_prompt_is_none(console_of):
    """A prompt is the last text on its line."""
    script = (
        f"{RAW} printf '\\r\\n=> '; sleep .1; printf 'Booting\\r\\n=> Booting\\r\\n'; {COUNTDOWN}"
    )
    assert "0d" in stop(console_of(f"{script}{KEY}{PROMPT} sleep 60"))
