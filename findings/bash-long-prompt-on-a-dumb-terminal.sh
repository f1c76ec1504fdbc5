#!/bin/bash
# bash 5.2.15 (Debian 12): no prompt on a dumb terminal.
#
# With TERM=dumb, bash prints no prompt if PS1 has invisible characters (between \[ and \]) and the
# visible ones are more than the terminal's columns. The shell works otherwise. A console program
# that waits for a prompt waits forever. With TERM=vt220, as getty sets it, the prompt comes; it
# also comes if PS1 is shorter, or has no invisible characters.
# Output with bash 5.2.15-2+b13:
#     dumb, 60 characters: prompt
#     dumb, 90 characters: prompt
#     dumb, 60 characters and a mark: prompt
#     dumb, 90 characters and a mark: no prompt
#     vt220, 60 characters: prompt
#     vt220, 90 characters: prompt
#     vt220, 60 characters and a mark: prompt
#     vt220, 90 characters and a mark: prompt
# The script fails if the behaviour changes. It needs Debian's apt and python3, and works in a
# temporary directory.
set -eu
version=5.2.15-2+b13
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download "bash=$version"
dpkg -x ./bash_*.deb bash

cat >prompts.py <<'EOF2'
import os
import pty
import sys


def prints_prompt(term, visible, mark):
    """Return whether bash prints a prompt of `visible` characters before it runs a command."""
    child, terminal = pty.fork()
    if child == 0:
        text = "p" * visible + ("\\[\\e]133;B\\e\\\\\\]" if mark else "")
        variables = {"PS1": text, "TERM": term, "HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}
        os.execve(sys.argv[1], ["bash", "--norc", "--noprofile", "-i"], variables)
    os.write(terminal, b"echo alive-$((1 + 1))\n")
    output = b""
    while b"alive-2" not in output:
        output += os.read(terminal, 4096)
    os.close(terminal)
    os.waitpid(child, 0)
    return b"p" * 20 in output


for term in ("dumb", "vt220"):
    for mark in (False, True):
        for visible in (60, 90):
            found = "prompt" if prints_prompt(term, visible, mark) else "no prompt"
            print(f"{term}, {visible} characters{' and a mark' if mark else ''}: {found}")
EOF2
timeout 60 python3 prompts.py bash/bin/bash | tee output
diff output - <<'EOF2'
dumb, 60 characters: prompt
dumb, 90 characters: prompt
dumb, 60 characters and a mark: prompt
dumb, 90 characters and a mark: no prompt
vt220, 60 characters: prompt
vt220, 90 characters: prompt
vt220, 60 characters and a mark: prompt
vt220, 90 characters and a mark: prompt
EOF2
