"""The memory of a board."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.simulator.dram import BASE, DataAbort, Dram

SIZE = 1 << 20


@given(st.lists(st.tuples(st.integers(0, SIZE - 1), st.binary(max_size=200_000)), max_size=4))
def test_like_an_array(writes):
    """Memory behaves like an array of zeros with the writes applied."""
    dram, model = Dram(SIZE), bytearray(SIZE)
    for at, data in writes:
        fitting = data[: SIZE - at]
        dram.write(BASE + at, fitting)
        model[at : at + len(fitting)] = fitting
    assert dram.read(BASE, SIZE) == model


@pytest.mark.parametrize(
    ("address", "length", "fault"),
    [
        (BASE - 1, 1, BASE - 1),
        (BASE + SIZE, 1, BASE + SIZE),
        (BASE + SIZE - 1, 2, BASE + SIZE),
        (0, 4, 0),
        (0xFFFFFFFF, 1, BASE + SIZE),
    ],
)
def test_outside(address, length, fault):
    """An access outside the memory raises `DataAbort`."""
    dram = Dram(SIZE)
    with pytest.raises(DataAbort) as abort:
        dram.write(address, b"x" * length)
    assert abort.value.args == (fault,)
    with pytest.raises(DataAbort):
        dram.read(address, length)
