"""Prompts by regular expression: whole prompts, parts of prompts, and banners."""

from __future__ import annotations

import re

import pytest

from lava_dispatcher_multinode.boards.bootloaders.prompt_expressions import with_expressions

NONE = rb"(?!)"


@pytest.mark.parametrize(
    ("expression", "output"),
    [
        ("U-Boot", b"autoboot:  0\r\nU-Boot# "),
        ("=>", b"=> "),
        ("barebox", b"\r\nbarebox@Phytec phyCARD-i.MX27:/ "),
        ("Jetson TK1", b"\r\nTegra124 (Jetson TK1) # "),
        (r"snow \#", b"\r\nSMDK5250 snow # "),
        ("A>|B>", b"\r\nB> "),
    ],
)
def test_a_part_of_a_prompt_is_enough(expression, output):
    """LAVA's dictionaries have the start, the middle or an expression of a prompt."""
    assert re.search(with_expressions(NONE, [expression]), output)


@pytest.mark.parametrize(
    "output",
    [
        b"\r\nU-Boot 2012.10 (Oct 17 2012 - 09:",
        b"\r\nU-Boot SPL 2012.10 (Oct",
        b"\r\nU-Boot 2023.01 (git/",
        b"\r\nU-Boot# x\r\n",
        b"\r\nreading U-Boot.img from a medium\r\n",
    ],
)
def test_a_banner_is_no_prompt(output):
    """A cut banner, or a line that has ended, is output."""
    assert not re.search(with_expressions(NONE, ["U-Boot"]), output)


def test_the_known_prompts_stay():
    """The expressions are an addition; without any, the pattern is as it was."""
    assert re.search(with_expressions(rb"Panda # ", ["=>"]), b"Panda # ")
    assert with_expressions(rb"Panda # ", ()) == rb"Panda # "
