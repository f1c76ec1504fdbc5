"""The U-Boot dialogue with a script that prints what some versions of U-Boot print.

Simulated boards cover the usual way; this is for what they never say.
"""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.bootloaders.u_boot import UBootLoader
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.device_sections import Boot

START = "stty raw -echo; printf 'U-Boot 2020\\r\\nHit any key to stop autoboot:  2 '; "
PROMPT = "printf '\\r\\n=> '; "
# One character at a time, echoed, until the carriage return: $line.
READ = (
    "line=; while c=$(dd bs=1 count=1 2>/dev/null; echo x); c=${c%x}; "
    '[ "$c" != "$(printf \'\\r\')" ]; do line=$line$c; printf %s "$c"; done; '
)
#: Answers the question for the status of the last command.
PASSED = READ + "printf '\\r\\nlava_rc=0\\r\\n=> '; "
KEY = "dd bs=1 count=1 >/dev/null 2>&1; "


def u_boot(console_of, script, **boot):
    """Return the dialogue with `script`, which acts as U-Boot."""
    return UBootLoader(Dialogue(console_of(script)), Boot(**boot), Deadline(30, "test"))


def test_a_board_at_its_prompt_needs_no_countdown(console_of):
    """With autoboot off, there is no countdown to stop."""
    u_boot(console_of, f"stty raw -echo; {PROMPT} sleep 60").interrupt()


def test_a_garbled_countdown_is_stopped(console_of):
    """Either half of its text is enough."""
    script = f"stty raw -echo; printf 'Hit Xny key to stop autoboot:  2 '; {KEY} {PROMPT} sleep 60"
    u_boot(console_of, script).interrupt()


def test_a_kernel_that_starts_by_itself_is_an_error(console_of):
    """A wrong boot.interrupt is an error at once, not after the timeout."""
    script = "printf 'autoboot in 2\\r\\nStarting kernel ...\\r\\n'; sleep 60"
    with pytest.raises(BootError, match=r"check that this board prints boot\.interrupt"):
        u_boot(console_of, script).interrupt()


def test_a_complaint_on_the_way_does_not_end_the_boot(console_of):
    """`boot` may fail to find a boot.scr and boot anyway."""
    script = (
        f"{START}{KEY}{PROMPT}{READ}"
        "printf '\\r\\n** Unable to read file boot.scr **\\r\\n'; "
        "printf 'Starting kernel ...\\r\\n'; sleep 60"
    )
    board = u_boot(console_of, script)
    board.interrupt()
    assert board.start("boot") is False


def test_the_complaint_explains_a_prompt_that_came_back(console_of):
    """The error contains U-Boot's message."""
    script = (
        f"{START}{KEY}{PROMPT}{READ}"
        f"printf '\\r\\nreading uImage\\r\\n** Unable to read file uImage **'; {PROMPT} sleep 60"
    )
    board = u_boot(console_of, script)
    board.interrupt()
    with pytest.raises(BootError, match=r"'boot' failed: \*\* Unable to read file uImage"):
        board.start("boot")


RESTART = (
    "printf '\\r\\nFDT and ATAGS support not compiled in\\r\\n\\r\\nresetting ...\\r\\n\\r\\n"
    "U-Boot SPL 2023.01 (May 01 2023)\\r\\nU-Boot 2023.01\\r\\n'; "
    "printf 'Hit any key to stop autoboot:  2 '; "
)


@pytest.mark.parametrize("command", ["fatload mmc 0 0 x", "bootm 0x1"])
def test_a_restart_is_an_error_at_once(console_of, command):
    """Without its environment it would boot something else; the error has its last output."""
    made = u_boot(console_of, f"{START}{KEY}{PROMPT}{READ}{RESTART}{PROMPT}sleep 60")
    made.interrupt()
    words = "failed: the board started again: FDT and ATAGS support not compiled in; resetting"
    with pytest.raises(BootError, match=words):
        (made.start if command.startswith("boot") else made.run)(command)


def test_a_commanded_reset_is_no_error(console_of):
    """After `reset` as the last of boot.commands, the next kernel is the right one."""
    kernel = "printf 'Starting kernel ...\\r\\n'; sleep 60"
    made = u_boot(console_of, f"{START}{KEY}{PROMPT}{READ}{RESTART}{kernel}")
    made.interrupt()
    assert made.start("reset") is False


def test_the_output_of_version_is_no_restart(console_of):
    """Its output is the text of the banner."""
    made = u_boot(
        console_of,
        f"{START}{KEY}{PROMPT}{READ}printf '\\r\\nU-Boot 2023.01\\r\\n'; {PROMPT}{PASSED}sleep 60",
    )
    made.interrupt()
    made.run("version")


def test_a_kernel_without_starting_kernel_is_seen_once(console_of):
    """Its first line is not expected again."""
    script = f"{START}{KEY}{PROMPT}{READ} printf '\\r\\nLinux version 6.1\\r\\n'; sleep 60"
    board = u_boot(console_of, script)
    board.interrupt()
    assert board.start("boot") is True


def test_a_character_too_many_in_the_echo_is_noticed(console_of):
    """Ctrl-C drops the line, which is typed again; no wrong command runs."""
    # The first time a Z comes in before the second piece of 16.
    script = (
        f"{START}{KEY}{PROMPT}"
        "dd bs=1 count=16 2>/dev/null; printf Z; "
        'while [ "$(dd bs=1 count=1 2>/dev/null)" != "$(printf \'\\003\')" ]; do :; done; '
        f"printf '<INTERRUPT>'; {PROMPT}{READ}"
        "printf '\\r\\nran: %s' \"$line\"; " + PROMPT + PASSED + "sleep 60"
    )
    console = console_of(script)
    board = UBootLoader(Dialogue(console), Boot(), Deadline(30, "test"))
    board.interrupt()
    board.run("setenv bootargs console=ttyO2")
    assert "ran: setenv bootargs console=ttyO2" in console.tail()


def typed(console_of, said, answer, command="usb start"):
    """Run `command` on a U-Boot that prints `said`, then `answer` for the status."""
    script = (
        f"{START}{KEY}{PROMPT}{READ}printf '%b' '\\r\\n{said}'; {PROMPT}"
        f"{READ}printf '%b' '\\r\\n{answer}'; {PROMPT}{READ}printf '%b' '\\r\\nlava_rc=7\\r\\n'; "
        f"{PROMPT} sleep 60"
    )
    made = u_boot(console_of, script)
    made.interrupt()
    made.run(command)


def test_a_usb_start_that_failed_with_status_0(console_of):
    """The output of a Panda with 2023.01; only this command has status 0 after a failure."""
    said = (
        "starting USB...\\r\\nBus ehci@c00: EHCI fail to reset\\r\\n"
        "Failed to register EHCI\\r\\nprobe failed, error -1\\r\\nNo working controllers found"
    )
    words = "'usb start' failed: Failed to register EHCI; No working controllers found$"
    with pytest.raises(BootError, match=f"(?m){words}"):
        typed(console_of, said, "lava_rc=0\\r\\n")


@pytest.mark.parametrize(
    "answer", ["lava_rc=$lava_rc\\r\\n", "Unknown command \\0047lava_rc=$?\\0047\\r\\n"]
)
def test_without_a_status_the_error_messages_decide(console_of, answer):
    """U-Boot's parser before hush has no status; its error messages decide."""
    typed(console_of, "42 bytes read", answer, "fatload mmc 0:3 0x1 x")
    with pytest.raises(BootError, match=r"(?m)failed: \*\* Unable to read file x \*\*$"):
        typed(console_of, "** Unable to read file x **", answer, "fatload mmc 0:3 0x1 x")


def test_a_garbled_status_is_requested_again(console_of):
    """The first answer lacks its number; the second one counts."""
    with pytest.raises(BootError, match=r"(?m)'true' failed: status 7, without output$"):
        typed(console_of, "", "lava_r", "true")


@pytest.mark.parametrize(
    ("command", "said", "error"),
    [
        ("boot", "** Unable to read file uEnv.txt **\\r\\n** Invalid partition 3 **",
         r"it found nothing to boot; its last error: \*\* Invalid partition 3 \*\*"),
        ("boot", "** Invalid partition 3 **", r"\*\* Invalid partition 3 \*\*"),
        ("bootz 1", "Bad Linux ARM zImage magic!", "Bad Linux ARM zImage magic!"),
        ("bootz 1", "", "it came back to the prompt without starting a kernel"),
    ],
)  # fmt: skip
def test_the_last_error_is_the_cause(console_of, command, said, error):
    """A search prints an error for each place where it finds nothing."""
    script = f"{START}{KEY}{PROMPT}{READ}printf '%b' '\\r\\n{said}'; {PROMPT} sleep 60"
    made = u_boot(console_of, script)
    made.interrupt()
    with pytest.raises(BootError, match=f"(?m)U-Boot: '{command}' failed: {error}$"):
        made.start(command)


@pytest.mark.parametrize("line", ["dhcp; bootz 0x1", "fatload mmc 0:3 0x1 k; bootm 0x1"])
def test_a_kernel_after_a_load_that_failed_is_not_the_job_s(console_of, line):
    """It is left in memory by an earlier boot."""
    script = (
        f"{START}{KEY}{PROMPT}{READ}"
        f"printf '\\r\\nNo ethernet found.\\r\\n'; printf 'Starting kernel ...\\r\\n'; sleep 60"
    )
    made = u_boot(console_of, script)
    made.interrupt()
    with pytest.raises(BootError, match=r"failed: No ethernet found\."):
        made.start(line)


SCRIPT = "printf '\\r\\n=> '; sleep .1; printf 'Booting from mmc 0 ...\\r\\n=> Booting\\r\\n'; "


def test_a_script_that_prints_a_prompt_boots_all_the_same(console_of):
    """A prompt is the last text on its line, and answers."""
    stall = "printf '=> '; dd bs=1 count=1 >/dev/null 2>&1; sleep 2; "
    kernel = "printf 'Starting kernel ...\\r\\n'; sleep 60"
    made = u_boot(console_of, f"{START}{KEY}{PROMPT}{READ}{SCRIPT}{stall}{kernel}")
    made.interrupt()
    assert made.start("boot") is False


def test_a_command_that_prints_a_prompt_has_its_errors_found(console_of):
    """All of its output counts, before the apparent prompt and after it."""
    made = u_boot(
        console_of,
        f"{START}{KEY}{PROMPT}{READ}printf '\\r\\nBad Data CRC'; {SCRIPT}{PROMPT}{PASSED}sleep 60",
    )
    made.interrupt()
    with pytest.raises(BootError, match="'run x' failed: Bad Data CRC"):
        made.run("run x")


@pytest.mark.parametrize("known", [True, False])
def test_the_device_file_s_prompts_can_be_the_only_ones(console_of, known):
    """With `known_prompts: false`, the text of a known prompt is no prompt."""
    script = (
        f"{START}{KEY}printf '\\r\\nmine> '; {READ}{PROMPT}"
        f"{'' if not known else KEY}"
        "printf '~'; sleep 2; printf '\\r\\nStarting kernel ...\\r\\n'; sleep 60"
    )
    made = u_boot(console_of, script, prompts=("mine>",), known_prompts=known)
    made.interrupt()
    if not known:
        assert made.start("boot") is False
        return
    with pytest.raises(BootError, match="it came back to the prompt"):
        made.start("boot")


def stamped(text):
    """Return a command that prints `text` on a line with a time stamp."""
    return f"printf '\\r\\n[    4.878] {text}'; "


def test_lines_with_time_stamps(console_of):
    """A stamp before the echo, the status or the prompt is no character that was typed."""
    echo = "c=$(dd bs=1 count=1 2>/dev/null); printf '[    4.878] %s' \"$c\"; "
    script = f"{START}{KEY}{stamped('=> ')}"
    for said in ("hello", "lava_rc=0", "Bad Data CRC", "lava_rc=1"):
        script += f"{echo}{READ}{stamped(said)}{stamped('=> ')}"
    made = u_boot(console_of, f"{script} sleep 60")
    made.interrupt()
    made.run("echo hello")
    with pytest.raises(BootError, match=r"'true' failed: Bad Data CRC \(status 1\)"):
        made.run("true")


def test_a_kernel_that_is_too_large_names_the_reason(console_of):
    """U-Boot prints the reason on the line before."""
    said = "   Uncompressing Kernel Image\\r\\nuncompressed: uncompress error -28\\r\\n"
    said += "Must RESET board to recover\\r\\n"
    script = f"{START}{KEY}{PROMPT}{READ}printf '\\r\\n{said}'; sleep 60"
    made = u_boot(console_of, script)
    made.interrupt()
    words = r"'bootm 0x1' failed: uncompressed: uncompress error -28; Must RESET board to recover$"
    with pytest.raises(BootError, match=f"(?m){words}"):
        made.start("bootm 0x1")
