"""From the kernel to a shell: logins, passwords, prompts that are none.

The other end is a script that plays getty and then becomes a real shell.
"""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards import linux
from lava_dispatcher_multinode.boards.linux import log_in, wait_for_kernel
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError
from lava_dispatcher_multinode.lab.device import Boot, Login

SHELL = "PS1='root@board:~# ' exec dash -i"


def _log_in(console, login=None):
    return log_in(Dialogue(console), login or Login(), Deadline(60, "test"))


def test_a_login_without_password(console_of):
    """The user's name is typed once, and the shell answers."""
    console = console_of(
        f"stty sane; printf 'Debian 12 board ttyO2\\r\\n\\r\\nboard login: '; read user; "
        f"echo user=$user; {SHELL}"
    )
    assert _log_in(console).run("echo hello") == (0, "hello")


def test_a_login_with_password(console_of):
    """The password goes where it is asked for."""
    console = console_of(
        f"stty sane; printf 'board login: '; read user; printf 'Password: '; read word; "
        f"[ $user:$word = me:secret ] || exit; {SHELL}"
    )
    assert _log_in(console, Login(user="me", password="secret")).run("true")[0] == 0


def test_a_shell_without_login(console_of):
    """A board that boots straight to a prompt is as good."""
    assert _log_in(console_of(f"stty sane; {SHELL}")).run("true")[0] == 0


def test_a_missing_password_says_which_key(console_of):
    """The device file's key is named, not only the failure."""
    console = console_of(
        "stty sane; printf 'b login: '; read user; printf 'Password: '; read word"
    )
    with pytest.raises(BootError, match=r"password of 'root': set login\.password"):
        _log_in(console)


def test_a_refused_login_says_so(console_of):
    """Wrong credentials are not retried for minutes."""
    console = console_of(
        "stty sane; printf 'b login: '; read user; printf '\\r\\nLogin incorrect\\r\\n'; sleep 9"
    )
    with pytest.raises(BootError, match="refused the login of 'root'"):
        _log_in(console)


def test_a_prompt_hidden_by_a_late_message_is_asked_for_again(console_of, monkeypatch):
    """A kernel message on the prompt's line costs a newline, not the boot."""
    monkeypatch.setattr(linux, "NUDGE", 0.3)
    console = console_of(
        "stty sane; printf 'b login: [  9.1] late message\\r\\n'; read empty; "
        f"printf 'b login: '; read user; {SHELL}"
    )
    assert _log_in(console).run("true")[0] == 0


def test_a_line_of_the_boot_that_ends_like_a_prompt_is_none(console_of):
    """A '# ' that goes on was no prompt: nothing is typed into the boot."""
    console = console_of(
        "stty sane; printf 'step # '; sleep 0.1; printf 'one of two\\r\\n'; sleep 0.1; "
        f"printf 'b login: '; read user; [ $user = root ] || exit; {SHELL}"
    )
    assert _log_in(console).run("true")[0] == 0


def test_no_login_at_all_names_the_keys(console_of, monkeypatch):
    """The message says what was waited for and how to change it."""
    monkeypatch.setattr(linux, "USER_SPACE_WAIT", 0.5)
    with pytest.raises(BootError, match=r"set login\.prompt or login\.shell_prompts"):
        _log_in(console_of("sleep 60"))


def test_a_kernel_that_stays_silent_has_a_hint(console_of, monkeypatch):
    """The usual reasons, wrong kernel and wrong console=, are named."""
    monkeypatch.setattr(linux, "KERNEL_WAIT", 0.2)
    with pytest.raises(BootError, match="its console= the port"):
        wait_for_kernel(Dialogue(console_of("sleep 60")), Boot(), Deadline(60, "test"))
