"""Positions in a text, and the limits of a tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.job import tree
from lava_dispatcher_multinode.job.tree import Lines, ParseError, PositionedValue


@given(st.text(alphabet="ab \n\r\t\u2028é"))
def test_every_place_is_inside_the_text(text):
    """No message points at a line or column that an editor cannot reach."""
    lines = Lines(text)
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for index in range(len(text) + 1):
        line, column = lines.place(index)
        assert 1 <= line <= len(rows)
        assert 1 <= column <= len(rows[line - 1]) + 2  # the line break has a position, too


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_count_from_one_whatever_ends_them(newline):
    """Files of all systems have the same line numbers."""
    text = f"ab{newline}{newline}cd"
    assert Lines(text).place(text.index("d")) == (3, 2)


def test_the_end_of_the_file_is_the_end_of_its_text():
    """A message about a missing part points at the end of the text, not at an empty line below."""
    assert Lines("a\nbc\n\n\n").place(7) == (2, 3)


def test_a_key_given_twice_is_a_fault_that_does_not_stop():
    """Both duplicate keys of an object are reported, with the line of the first."""
    faults = []
    items = [("k", at, PositionedValue(at, at)) for at in (0, 2, 4)]
    found = tree.make_mapping(0, items, faults, Lines("a\nb\nc"))
    assert found.data == {"k": 0}
    assert [(fault.index, fault.hint) for fault in faults] == [
        (2, "first on line 1"), (4, "first on line 1"),
    ]  # fmt: skip


def test_size_counts_shared_parts_each_time():
    """Values that a reader repeats without copying are still limited."""
    part = tree.make_sequence(0, [PositionedValue(1, 0)] * 1000)
    with pytest.raises(ParseError, match="more than 100000 values"):
        tree.make_sequence(0, [part] * 100)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_file_can_hold_is_refused(text):
    """A NUL or half a surrogate pair fails here, not in a later system call."""
    with pytest.raises(ParseError):
        tree.check_text(text, 0)


def test_children_by_key_and_index_only():
    """A path of the wrong kind finds nothing, and a negative index is not the last."""
    leaf = PositionedValue("x", 5)
    assert tree.make_sequence(0, [leaf]).child(0) is leaf
    assert tree.make_sequence(0, [leaf]).child(-1) is None
    assert tree.make_sequence(0, [leaf]).child("0") is None
    assert leaf.child(0) is None


def test_quoted_values_are_short():
    """A message does not repeat a megabyte."""
    assert len(tree.shown("x" * 10_000)) == 60
    assert tree.shown("x" * 10_000).endswith("...'")
