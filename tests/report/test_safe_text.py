"""Text from boards, made safe to show."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.safe_text import (
    clip,
    escape,
    first_line,
    one_line,
    pad,
    width,
    xml_text,
)


@given(st.text())
def test_one_line_commands_no_terminal(text):
    """No control, no change of direction, no line end is left, whatever a board prints."""
    assert one_line(text).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 中", "plain ä 中"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("a\nb\tc", "a b c"),
        ("\u202eexe.txt", "\ufffdexe.txt"),
        ("\x9b2J", "\ufffd2J"),
    ],
)
def test_one_line_keeps_what_is_harmless(text, shown):
    """The text remains readable."""
    assert one_line(text) == shown


@given(st.text())
def test_speakable_text_is_xml(text):
    """Characters that XML forbids are replaced; others remain."""
    element = ET.Element("a")
    element.text = xml_text(text)
    back = ET.fromstring(ET.tostring(element, encoding="utf-8")).text or ""
    assert back == xml_text(text).replace("\r\n", "\n").replace("\r", "\n")


@given(st.text())
def test_escape_leaves_no_markup(text):
    """Neither an element nor a quoted attribute can be left."""
    assert not set("<>\"'") & set(escape(text))


@given(st.text("ab中é\u0301😀"), st.integers(0, 20))
def test_clip_fits_and_keeps_the_beginning(text, columns):
    """A line never wraps, and nothing is cut that would have fitted."""
    clipped = clip(text, columns)
    assert width(clipped) <= columns
    if width(text) <= columns:
        assert clipped == text
    else:
        assert text.startswith(clipped.removesuffix(".."[:columns]))


def test_width_of_wide_and_combining():
    """Columns are not characters."""
    assert width("中a") == 3
    assert width("e\u0301") == 1
    assert pad("中", 4) == "中  "


def test_first_line_is_the_first_that_says_anything():
    """A leading empty line of an error is skipped."""
    assert first_line("\n  \n a b \nc") == "a b"
    assert first_line("") == ""
