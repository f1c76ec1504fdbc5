"""Long lines as windows that overlap."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.testshell.windows import CARRIED, Window, Windows, split_window


def test_a_short_line_is_one_window():
    """A short line is one window."""
    assert Windows(8).feed([b"12345678"], ends=True) == [Window("12345678", 0, 0, ends=True)]


def test_a_longer_line_is_several_that_overlap():
    """Half of each is in the next one, with the character before in front of it."""
    assert Windows(4).feed([b"abcdefg"], ends=True) == [
        Window("abcd", 0, 1, ends=False),
        Window("bcdef", CARRIED, 2, ends=False),
        Window("defg", CARRIED, -3, ends=True),
    ]


def test_the_last_window_may_be_full():
    """A line of one window and a half has no third one."""
    assert Windows(4).feed([b"abcdef"], ends=True) == [
        Window("abcd", 0, 1, ends=False),
        Window("bcdef", CARRIED, -1, ends=True),
    ]


def test_lines_are_separate():
    """Lines do not mix; an empty line has no window."""
    assert Windows(8).feed([b"ab", b"", b"c"], ends=True) == [
        Window("ab", 0, 0, ends=True),
        Window("c", 0, 0, ends=True),
    ]


def test_an_open_line_waits_for_its_end():
    """Text that may be part of a match is searched when the rest arrives."""
    windows = Windows(8)
    assert windows.feed([b"ab"], ends=False) == []
    assert windows.feed([b"cd"], ends=True) == [Window("abcd", 0, 0, ends=True)]
    assert windows.feed([b"ef"], ends=True) == [Window("ef", 0, 0, ends=True)]


def test_a_character_in_two_parts_is_one():
    """A read ends anywhere, also within a letter; a line that ends there has a replacement."""
    windows = Windows(8)
    assert windows.feed([b"\xc3"], ends=False) == []
    assert windows.feed([b"\xa4"], ends=True)[0].text == "\N{LATIN SMALL LETTER A WITH DIAERESIS}"
    assert windows.feed([b"\xc3"], ends=True)[0].text == "\N{REPLACEMENT CHARACTER}"
    assert windows.feed([b"x"], ends=True)[0].text == "x"


@pytest.mark.parametrize("length", [0, 7, 8, 9, 12, 13, 800])
def test_no_window_is_longer_than_allowed(length):
    """An expression costs by the length of its text: size characters, and the one in front."""
    found = list(split_window(Window("x" * length, 0, 0, ends=True), 8))
    assert max(len(window.text) for window in found) <= 9
    assert [window.ends for window in found] == [False] * (len(found) - 1) + [True]


@given(st.text("abc", max_size=40), st.integers(4, 12).map(lambda half: 2 * half))
def test_each_stretch_of_half_a_window_is_whole_in_one(text, size):
    """A match of that length is found wherever it stands in the line."""
    found = [window.text for window in split_window(Window(text, 0, 0, ends=True), size)]
    for start in range(len(text)):
        piece = text[start : start + size // 2]
        assert any(piece in window for window in found)
    assert found[0] == text[:size]
    for before, after in pairwise(found):
        assert after[0] in before


def test_what_is_kept_of_an_open_line_is_bounded():
    """A board that prints without a newline for ever does not fill the memory."""
    windows = Windows(16)
    assert len(windows.feed([b"x" * 20], ends=False)) == 1
    assert windows.feed([b""], ends=False) == []
    for _ in range(1000):
        windows.feed([b"x" * 100], ends=False)
    (*_, rest) = windows.feed([b""], ends=True)
    assert len(rest.text) <= 17
