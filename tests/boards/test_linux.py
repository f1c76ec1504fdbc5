"""From the kernel to a shell: logins, passwords, and texts that resemble prompts.

The console is a script that acts as getty and then runs a real shell.
"""

from __future__ import annotations

import os
import re
import time

import pytest

from lava_dispatcher_multinode.boards import linux
from lava_dispatcher_multinode.boards.linux import kernel_pattern, log_in, wait_for_kernel
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.device_sections import Boot, Login

pytestmark = pytest.mark.slow

SHELL = "PS1='root@board:~# ' exec dash -i"


def _log_in(console, login=None):
    return log_in(Dialogue(console), login or Login(), Deadline(60, "test"))


def test_a_login_without_password(console_of):
    """The user is typed once, and the shell answers."""
    console = console_of(
        f"stty sane; printf 'Debian 12 board ttyO2\\r\\n\\r\\nboard login: '; read user; "
        f"echo user=$user; {SHELL}"
    )
    assert _log_in(console).run("echo hello") == (0, "hello")


def test_a_login_with_password(console_of):
    """The password is typed at its prompt."""
    console = console_of(
        f"stty sane; printf 'board login: '; read user; printf 'Password: '; read word; "
        f"[ $user:$word = me:secret ] || exit; {SHELL}"
    )
    assert _log_in(console, Login(user="me", password="secret")).run("true")[0] == 0


def test_a_shell_without_login(console_of):
    """A board may boot straight to a shell."""
    assert _log_in(console_of(f"stty sane; {SHELL}")).run("true")[0] == 0


def test_a_missing_password_names_the_key(console_of):
    """The error names the key of the device file."""
    console = console_of(
        "stty sane; printf 'b login: '; read user; printf 'Password: '; read word"
    )
    with pytest.raises(BootError, match=r"password of 'root': set login\.password"):
        _log_in(console)


def test_a_refused_login_is_reported(console_of):
    """A refused login fails at once."""
    console = console_of(
        "stty sane; printf 'b login: '; read user; printf '\\r\\nLogin incorrect\\r\\n'; sleep 9"
    )
    with pytest.raises(BootError, match="refused the login of 'root'"):
        _log_in(console)


def test_a_board_that_repeats_its_login_prompt_fails(console_of, monkeypatch):
    """A getty that restarts without `Login incorrect` fails after a few logins."""
    monkeypatch.setattr(linux, "PROMPT_SILENCE_S", 0.1)
    console = console_of("stty sane; while printf 'b login: ' && read user; do :; done")
    with pytest.raises(BootError, match=r"asked 6 times for a user: set login\.user"):
        _log_in(console)


def test_a_refusal_before_any_login_does_not_count(console_of):
    """A boot script may print it about something else."""
    console = console_of(
        f"stty sane; printf 'agent: Login incorrect\\r\\n'; printf 'b login: '; read user; {SHELL}"
    )
    assert _log_in(console).run("true")[0] == 0


def test_a_prompt_hidden_by_a_late_message_is_requested_again(console_of, monkeypatch):
    """A kernel message on the prompt's line costs a newline, not the boot."""
    monkeypatch.setattr(linux, "NUDGE_AFTER_S", 0.3)
    console = console_of(
        "stty sane; printf 'b login: [  9.1] late message\\r\\n'; read empty; "
        f"printf 'b login: '; read user; {SHELL}"
    )
    assert _log_in(console).run("true")[0] == 0


def test_nothing_is_typed_into_a_boot_that_still_prints(console_of, monkeypatch):
    """A newline is for silence only: at the prompt it would be the answer."""
    monkeypatch.setattr(linux, "NUDGE_AFTER_S", 1.0)
    console = console_of(
        "stty sane; n=0; while [ $n -lt 12 ]; do printf 'started %s\\r\\n' $n; sleep 0.1; "
        f"n=$((n + 1)); done; printf 'b login: '; read user; [ $user = root ] || exit; {SHELL}"
    )
    assert _log_in(console).run("true")[0] == 0


def test_a_line_of_the_boot_that_ends_like_a_prompt_is_none(console_of):
    """A '# ' that goes on was no prompt: nothing is typed into the boot."""
    console = console_of(
        "stty sane; printf 'step # '; sleep 0.1; printf 'one of two\\r\\n'; sleep 0.1; "
        f"printf 'b login: '; read user; [ $user = root ] || exit; {SHELL}"
    )
    assert _log_in(console).run("true")[0] == 0


def test_no_login_at_all_names_the_keys(console_of):
    """The message says what was waited for, which limit it was, and how to change it."""
    with pytest.raises(
        BootError, match=r"0\.5 s \(login\.timeout\): check login\.prompt .* and login\."
    ):
        _log_in(console_of("sleep 60"), Login(timeout=0.5))


def test_a_kernel_that_stays_silent_has_a_hint(console_of):
    """The usual reasons, wrong kernel and wrong console=, are named."""
    boot = Boot(kernel_timeout=0.2)
    with pytest.raises(
        BootError, match=r"console= names this port.* 0\.2 s \(boot\.kernel_timeout\)"
    ):
        wait_for_kernel(Dialogue(console_of("sleep 60")), boot, Deadline(60, "test"))


def test_a_user_becomes_root(console_of):
    """login.commands are typed after the login, with the password where they ask for it."""
    console = console_of(
        "stty sane; printf 'b login: '; read user; printf 'Password: '; read word; "
        "printf '\\r\\nb:~$ '; read command; printf '[sudo] password for me: '; read again; "
        f"[ \"$command:$word$again\" = 'sudo su:xx' ] || exit; {SHELL}"
    )
    login = Login(user="me", password="x", commands=("sudo su",))
    assert _log_in(console, login).run("true")[0] == 0


def test_a_refused_sudo_is_reported(console_of):
    """The command that was refused is named."""
    console = console_of(
        "stty sane; printf 'b:~$ '; read command; printf 'Password: '; read again; "
        "printf '\\r\\nsu: Authentication failure\\r\\n'; sleep 60"
    )
    with pytest.raises(BootError, match="refused 'su' of login.commands"):
        _log_in(console, Login(password="x", commands=("su",)))


def test_the_user_of_a_shell_is_known(console_of):
    """Tests need root, so a shell knows its user."""
    shell = _log_in(console_of(f"stty sane; {SHELL}"))
    assert shell.uid == os.getuid()


@pytest.mark.parametrize("every", ["0.2", "1"])
@pytest.mark.parametrize(
    "hidden",
    ["b login: Found WiFi ID0 = 0\\r\\n", "b log[    9.123456] usb 1-1: new device\\r\\nin: "],
    ids=["text behind it", "a message in it"],
)
def test_a_hidden_prompt_is_requested_while_the_board_prints(
    console_of, monkeypatch, hidden, every
):
    """Other lines may go on for ever; what counts is that no prompt came."""
    monkeypatch.setattr(linux, "NUDGE_AFTER_S", 0.5)
    console = console_of(
        f"stty sane; (while echo still here; do sleep {every}; done) & printf '{hidden}'; "
        f"read empty; kill $!; printf 'b login: '; read user; [ $user = root ] || exit; {SHELL}"
    )
    assert _log_in(console).run("true")[0] == 0


def test_no_line_end_is_a_password(console_of, monkeypatch):
    """A slow board prints its password prompt late: an empty line would be the answer."""
    monkeypatch.setattr(linux, "NUDGE_AFTER_S", 0.5)
    console = console_of(
        "stty sane; printf 'b login: '; read user; sleep 0.8; printf 'Password: '; read word; "
        f"[ $user:$word = root:secret ] || exit; {SHELL}"
    )
    assert _log_in(console, Login(password="secret")).run("true")[0] == 0


def test_a_localised_password_prompt_is_a_key(console_of):
    """A board may ask in its own language."""
    console = console_of(
        "stty sane; printf 'b login: '; read user; printf 'Mot de passe : '; read word; "
        f"[ $user:$word = root:secret ] || exit; {SHELL}"
    )
    login = Login(password="secret", password_prompt="Mot de passe :")
    assert _log_in(console, login).run("true")[0] == 0


def test_an_unknown_password_prompt_names_the_key(console_of):
    """Nothing is accepted yet, and the last line shows the prompt."""
    console = console_of(
        "stty sane; printf 'b login: '; read user; printf 'Passwort: '; read word"
    )
    with pytest.raises(
        BootError,
        match=r"neither a password .* line is 'Passwort:': set .* login\.password_prompt",
    ):
        _log_in(console, Login(password="secret", timeout=1.0))


def test_an_unknown_shell_prompt_after_a_login_names_the_key(console_of):
    """The login was right: the prompt is what is missing, and no password is shown."""
    console = console_of(
        "stty sane; printf 'b login: '; read user; printf 'Password: '; read word; "
        'echo; printf "echo $word\\r\\n$word@board => "; read command'
    )
    with pytest.raises(BootError) as caught:
        _log_in(console, Login(password="secret", timeout=1.0))
    assert "accepted the login of 'root'" in str(caught.value)
    assert "the last line is '(not shown)@board =>': set login.shell_prompts" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("(initramfs) ", "initial ramdisk's shell"),
        ("\\r\\ninitial root: cannot mount /dev/mmcblk0p2\\r\\n~ # ", "initial ramdisk's shell"),
        ("Press Enter for maintenance\\r\\n(or press Control-D to continue): ", "emergency mode"),
        ("You are required to change your password immediately", "requires a new password"),
    ],
)
def test_a_boot_that_ends_elsewhere_is_an_error_at_once(console_of, printed, said):
    """Not after minutes of waiting for a login that will not come."""
    with pytest.raises(BootError, match=said):
        _log_in(console_of(f"stty sane; printf '{printed}'; sleep 60"))


@pytest.mark.parametrize(
    "prompt",
    [
        "root@board:/root# \\033[6n",
        "\\033[01;32mroot@b\\033[00m:\\033[01;34m~\\033[00m# \\033[0m",
        "\\033[?2004h\\033]3008;start="
        + "0" * 260
        + ";cwd=/root\\033\\\\root@b:~# \\033]133;B\\007",
        "root@b\\033]0;" + "x" * 300 + "\\007:~\\033P1$r0m\\033\\\\# \\033_mark\\033\\\\",
    ],
    ids=["busybox", "coloured", "context before, mark behind", "title in it"],
)
def test_a_prompt_with_escape_sequences_is_one(console_of, prompt):
    """BusyBox asks for the cursor's place after its prompt, and bash has colours."""
    console = console_of(f"stty sane; PS1=$(printf '{prompt}') exec dash -i")
    started = time.monotonic()
    assert _log_in(console).run("true")[0] == 0
    assert time.monotonic() - started < linux.NUDGE_AFTER_S


def test_a_quiet_kernel_is_known_by_its_login(console_of):
    """`quiet` leaves its first line out; the prompt is still there for the login."""
    console = console_of(f"stty sane; printf '\\r\\nb login: '; read user; {SHELL}")
    dialogue = Dialogue(console)
    started = time.monotonic()
    wait_for_kernel(dialogue, Boot(), Deadline(60, "test"))
    assert log_in(dialogue, Login(), Deadline(60, "test")).run("true")[0] == 0
    assert time.monotonic() - started < linux.NUDGE_AFTER_S


def test_a_garbled_first_line_is_not_waited_for(console_of):
    """Any time stamp of a kernel says that it runs."""
    console = console_of("printf '\\r\\n[    0.000000] LinuXX version 6.1\\r\\n'; sleep 60")
    wait_for_kernel(Dialogue(console), Boot(), Deadline(60, "test"))


def test_a_kernel_is_known_without_its_first_line():
    """Time stamps show it, and the first line as the text that it is."""
    pattern = kernel_pattern("Linux (6)")
    assert re.search(pattern, b"Starting kernel ...") is None
    assert re.search(pattern, b"\r\n[    0.000000] garbled")
    assert re.search(pattern, b"Linux (6)")
