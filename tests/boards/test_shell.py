"""The board's shell: exit codes and output over a terminal."""

from __future__ import annotations

import os

import pytest

from lava_dispatcher_multinode.boards import shell as shell_module
from lava_dispatcher_multinode.boards.linux import log_in
from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import BootError, DeployError
from lava_dispatcher_multinode.lab.device_sections import Login

from ..needs import OSC_CONTEXT


def test_commands_have_exit_code_and_output(shell):
    """Prompt and echo are not part of the output."""
    assert shell.run("echo one; echo two; (exit 3)") == (3, "one\ntwo")
    assert shell.run("true") == (0, "")


def test_a_command_that_does_not_end_is_an_error(shell):
    """The error has the command."""
    with pytest.raises(BootError, match="'sleep 30' on the board has not ended within"):
        shell.run("sleep 30", timeout=0.2)


def test_a_terminal_that_is_no_shell_is_an_error(console_of, monkeypatch):
    """A console without an answer is an error."""
    monkeypatch.setattr(shell_module, "ANSWER_TIMEOUT_S", 0.05)
    console = console_of("exec cat > /dev/null")
    with pytest.raises(BootError, match="the shell does not answer"):
        Shell(Dialogue(console), Deadline(60, "test")).prepare()


#: Start-up files with hooks that print around prompts and commands, by shell.
TITLE = r"printf '\033]0;board\007'"
CONTEXT = r"printf '\033]3008;start=%0180d\033\\' 1"
MARKED = r"PS1=$(printf '\033]133;A\033\\root@b:~# \033]133;B\033\\')"
HOOKS = {
    "bash": {
        "none": "PS1='root@b:~# '",
        "title": f"PS1='root@b:~# '; PROMPT_COMMAND={TITLE!r}",
        "context": f'PS1="root@b:~# "; f() {{ {CONTEXT}; }}; PROMPT_COMMAND=f',
        "marks": r"PS1='\u@\h:\w# \[\e]133;B\e\\\]'; PS0='\e]133;C\e\\'",
        "text": "PS1='b# ' PS0='ps0\\n'; PROMPT_COMMAND='echo 1 hook'; trap 'echo trap' DEBUG",
        "exported": "export PS1='b# ' PS0='ps0\\n' PROMPT_COMMAND='echo 1 hook'",
        "read-only": "PS1='b# '; readonly PROMPT_COMMAND='echo hook'; export PROMPT_COMMAND",
        "systemd": f"TERM=vt220 USER={'operator-' * 20}; PS1='root@b:~# '; . {OSC_CONTEXT}",
    },
    "zsh": {
        "none": "PS1='root@b:~# '",
        "title": f"PS1='root@b:~# '; precmd() {{ {TITLE}; }}; preexec() {{ {TITLE}; }}",
        "marks": MARKED,
        "text": "PS1='b# '; precmd() { echo 1; }; preexec() { echo hook; }",
        "line editor": "PS1='b# '; zle-line-finish() { echo hook; }; zle -N zle-line-finish",
    },
    **{
        name: {"none": "PS1='root@b:~# '", "marks": MARKED}
        for name in ("dash", "busybox", "mksh", "yash", "posh")
    },
    "fish": {"text": f"function fish_prompt; {TITLE}; echo -n 'root@b ~# '; end"},
}
STARTS = {
    "bash": "bash --rcfile {file} -i",
    "zsh": "ZDOTDIR={directory} zsh -i",
    "busybox": "ENV={file} busybox ash -i",
    "fish": "HOME={directory} fish --no-config -C 'source {file}'",
}
HOOKED = [
    pytest.param(
        shell,
        text,
        id=f"{shell}: {name}",
        marks=pytest.mark.needs(shell, *(["OSC context"] if name == "systemd" else [])),
    )
    for shell, hooks in HOOKS.items()
    for name, text in hooks.items()
]


@pytest.mark.parametrize(("name", "hooks"), HOOKED)
def test_hooks_of_a_login_shell_are_no_output(console_of, tmp_path, name, hooks):
    """Titles, marks and texts that a shell prints around its prompt change no answer."""
    file = tmp_path / ".zshrc"
    file.write_text(f"{hooks}\n")
    start = STARTS.get(name, f"ENV={{file}} {name} -i").format(file=file, directory=tmp_path)
    # As getty sets it: on a dumb terminal, readline prints no prompt of marks that is long.
    console = console_of(
        f"stty sane; unset PS1 PROMPT_COMMAND PS0; cd {tmp_path}; exec env TERM=vt220 {start}"
    )
    shell = log_in(Dialogue(console), Login(timeout=30), Deadline(60, "test"))
    assert shell.uid == os.getuid()
    assert shell.run("echo one; echo two; (exit 3)") == (3, "one\ntwo")
    assert shell.run("printf 'no end of line'") == (0, "no end of line")
    assert shell.run("true") == (0, "")
    assert shell.run(f"cat {file}")[1] == "\n".join(map(str.rstrip, hooks.splitlines()))
    assert shell.has("cat")
    assert not shell.has("no-such-program")
    assert shell.run("echo $ENV$PROMPT_COMMAND$PS0") == (0, "")


def test_a_line_that_loses_characters_is_named(console_of, monkeypatch):
    """A board that drops typed characters never answers; the keys for that are named."""
    monkeypatch.setattr(shell_module, "ANSWER_TIMEOUT_S", 0.2)
    lossy = 'stty sane -echo -isig; while read -r line; do echo "${line#?????}" | sh; done'
    made = Shell(Dialogue(console_of(lossy)), Deadline(60, "test"))
    keys = r"does not answer: .* set connection\.fifo or connection\.character_delay"
    with pytest.raises(BootError, match=keys):
        made.prepare()
    with pytest.raises(DeployError, match=keys):
        made.has("cat")
