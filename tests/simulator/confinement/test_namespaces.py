"""Boards confined by namespaces."""

import os
import sys

import pytest


@pytest.mark.needs("Python outside /usr")
def test_python_of_the_dispatcher(other_host, operator):
    """If the host has no other Python, boards get this one, read-only."""
    prefix = os.path.realpath(sys.base_prefix)
    with other_host(f"rootfs.python_of_this_process = lambda: {prefix!r}") as lab:
        board = operator(lab=lab).boot()
        command = "/usr/local/bin/python3 -c 'import ssl, sys; print(sys.base_prefix)'"
        assert board.run(command) == (f"{prefix}\n", 0)
        assert board.run(f"touch {prefix}/new 2>/dev/null")[1] != 0
