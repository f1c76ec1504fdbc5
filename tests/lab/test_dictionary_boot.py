"""The choice of a boot method, lists of commands, and texts of regular expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.lab.dictionary_boot import (
    Refusal,
    choose,
    command_lines,
    control_characters,
    literal,
    literal_start,
)

LIST = {"ramdisk": {"commands": ["boot"]}}


@pytest.mark.parametrize(
    ("methods", "loader", "chosen"),
    [
        ({"minimal": None, "u-boot": LIST, "grub": LIST}, None, ("u-boot", "ramdisk", "u-boot")),
        ({"u-boot": {"parameters": {}}, "grub": LIST}, None, ("grub", "ramdisk", "grub")),
        ({"grub-efi": LIST}, None, ("grub-efi", "ramdisk", "grub")),
        ({"barebox": {"tftp": LIST["ramdisk"]}}, None, ("barebox", "tftp", "barebox")),
        ({"minimal": None, "ssh": None}, None, ("minimal", "", "none")),
        ({"minimal": None, "fastboot": None}, "none", ("minimal", "", "none")),
        ({"minimal": None, "u-boot": LIST}, "none", ("minimal", "", "none")),
    ],
)
def test_the_first_method_that_starts_a_kernel_of_the_job(methods, loader, chosen):
    """Or the one that belongs to the boot loader of the device file."""
    assert tuple(choose(methods, loader)) == chosen


@pytest.mark.parametrize(
    ("methods", "loader", "reason"),
    [
        ({"fastboot": None, "minimal": None, "u-boot": {"parameters": {}}}, None, "fastboot"),
        ({"docker": None, "ssh": None}, None, "docker"),
        ({"depthcharge": LIST, "minimal": None}, None, "depthcharge"),
        ({"u-boot": {"nfs": {"commands": ["boot"]}}}, None, "no list of commands"),
        ({}, None, "no boot method"),
        ({"u-boot": LIST}, "grub", "bootloader"),
    ],
)
def test_other_methods_are_refused_by_name(methods, loader, reason):
    """A board that is flashed by fastboot does not become one that boots what is on it."""
    with pytest.raises(Refusal) as caught:
        choose(methods, loader)
    assert caught.value.reason == reason


def test_lines_keep_the_words_that_have_a_value():
    """A word of U-Boot's own stays; the address of the network interface is filled in."""
    lines = ["tftp {KERNEL_ADDR} {KERNEL}", "setenv a ${filesize}", "set {LAVA_MAC}", " ", "{TEE}"]
    assert command_lines(lines, (), "00:11") == [*lines[:2], "set 00:11", "{TEE}"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a {NFSROOTFS}"], "line 1 has {NFSROOTFS}"),
        (["a", "b {LAVA_MAC}"], "line 2 has {LAVA_MAC}"),
        (["a", {"setenv b": "c"}], "line 2 is no text"),
    ],
)
def test_a_line_without_meaning_is_refused(lines, said):
    """LAVA would type the bare word, or fail."""
    with pytest.raises(Refusal, match=said) as caught:
        command_lines(lines, ("commands",), "")
    assert caught.value.path == ("commands", len(lines) - 1)


@pytest.mark.parametrize(
    ("pattern", "start", "whole"),
    [
        ("Linux version [0-9]", "Linux version ", None),
        ("Hit any key to stop autoboot", "Hit any key to stop autoboot", "="),
        (r"Press \<s\>", "Press <s>", "="),
        ("snow \\\\#".replace("\\\\", "\\"), "snow #", "="),
        ("ab*", "a", None),
        ("a|b", "", None),
        ("ab(c|d)", "", None),
        (r"\d+ boots", "", None),
        ("stop.", "stop", None),
    ],
)
def test_literal_texts_of_expressions(pattern, start, whole):
    """Boot loaders here wait for texts, LAVA for expressions."""
    assert literal_start(pattern) == start
    assert literal(pattern) == (start if whole else None)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_an_escaped_text_is_the_text(text):
    """`literal` inverts `re.escape`, whatever the text."""
    assert literal(re.escape(text)) == text


@given(st.text("ab.*?|()\\+^$", max_size=8), st.text("ab", max_size=6))
def test_every_match_begins_with_the_start(pattern, text):
    """A wait for the start never misses what the expression would find."""
    try:
        found = re.fullmatch(pattern, text)
    except re.error:
        return
    if found:
        assert text.startswith(literal_start(pattern))


def test_control_characters():
    """`c` is Ctrl-C, `[` is escape."""
    assert control_characters(["c", "C", "["]) == "\x03\x03\x1b"
