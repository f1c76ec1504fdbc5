"""The checksum is cksum(1)'s."""

from __future__ import annotations

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.cksum import cksum


def test_a_known_value():
    """The value that POSIX implementations print for nothing at all."""
    assert cksum(b"") == 4294967295


@given(st.binary(max_size=600))
def test_it_agrees_with_the_real_one(data):
    """Boards compute it with their own cksum; both must agree on every input."""
    printed = subprocess.run(["cksum"], input=data, capture_output=True, check=True).stdout
    assert cksum(data) == int(printed.split()[0])
