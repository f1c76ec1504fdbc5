"""The table of the calls, and what a call may contain."""

import math
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.multinode import api
from lava_dispatcher_multinode.multinode.api import Api, Call

ROOT = Path(__file__).parents[2]


def test_the_documents_have_the_table():
    """The headings of the reference are the usages of the calls, in the same order."""
    text = (ROOT / "docs" / "reference" / "multinode-api.md").read_text("utf-8")
    assert re.findall("(?m)^### (lava-.*)", text) == [each.usage for each in Api]
    requests = re.findall(
        r"(?m)^\| `(lava_\w+)`", (ROOT / "docs/reference/coordinator.md").read_text()
    )
    assert list(dict.fromkeys(requests)) == [each.request for each in Api]


@pytest.mark.parametrize("each", list(Api))
def test_the_boards_commands_have_the_table(each):
    """Each call has its command, which has the usage of the table."""
    done = subprocess.run(
        ["sh", ROOT / "overlays" / "bin" / each.command, "--bad"],
        env={"PATH": "/usr/bin:/bin", "LAVA_DIR": str(ROOT / "overlays"), "LAVA_HOSTNAME": "a"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (2, f"usage: {each.usage}\n")


def test_the_table():
    """What is derived from a row: names, parameters, and lists of commands."""
    assert [each.request for each in Api] == [
        "lava_send",
        "lava_wait",
        "lava_wait_all",
        "lava_sync",
    ]
    assert [sorted(each.spec.parameters) for each in Api] == [
        [],
        ["next", "timeout"],
        ["role", "timeout"],
        ["timeout"],
    ]
    assert [each for each in Api if each.spec.takes_data] == [Api.SEND]
    assert api.commands(sending=True) == ["lava-send", "lava-sync"]
    assert api.commands(waiting=True) == ["lava-wait", "lava-wait-all", "lava-sync"]
    assert api.commands(taking="role") == ["lava-wait-all"]
    assert api.commands() == [each.command for each in Api]


@pytest.mark.parametrize("name", ["a", "ünï/c:ode=<>%", "x" * 256, "ü" * 128])
def test_good_names(name):
    """IDs are free text without white space."""
    assert api.name_problem("message ID", name) == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"),
        ("a b", "white space"),
        ("a\n", "white space"),
        ("\x1b[0m", "control"),
        ("a\x85b", "white"),
        ("x" * 257, "257 bytes"),
        ("ü" * 129, "258 bytes"),
    ],
)
def test_bad_names(name, why):
    """A name that cannot be typed, shown or stored is refused with the reason."""
    assert why in api.name_problem("message ID", name)


@given(st.text(st.characters(exclude_characters="\n\0", codec="utf-8")), st.binary(max_size=20))
def test_any_text_of_one_line_is_a_value(text, raw):
    """Spaces, =, <, >, quotes, %, UTF-8, bytes that are not UTF-8, empty text."""
    odd = raw.replace(b"\n", b"").replace(b"\0", b"").decode("utf-8", "surrogateescape")
    assert api.data_problem({"k": text, "odd": odd}) == ""


@pytest.mark.parametrize("value", ["a\nb", "\n", "a\0"])
def test_lines_and_nul_are_no_values(value):
    """A value with two lines could forge another key of the cache file."""
    assert "'k'" in api.data_problem({"k": value})


@pytest.mark.parametrize("half", [chr(0xD800), chr(0xDC7F), chr(0xDD00)])
def test_half_a_character_is_no_text(half):
    """JSON can hold a lone surrogate, but no board can receive it."""
    assert "half of a character" in api.data_problem({"k": half})
    assert "half of a character" in api.name_problem("message ID", half)


@pytest.mark.parametrize("key", ["", "a b", "a=b", "ü", "a\n", "a:b"])
def test_bad_keys(key):
    """Keys consist of the documented characters."""
    assert "key" in api.data_problem({key: "v"})


def test_sixty_kilobytes_and_not_one_more():
    """The bound counts UTF-8 bytes of `key=value` lines."""
    fits = api.MAX_DATA_BYTES - len("k=\n")
    assert api.data_problem({"k": "x" * fits}) == ""
    assert "at most 61440" in api.data_problem({"k": "x" * (fits + 1)})
    assert "at most 61440" in api.data_problem({"k": "ü" * (fits // 2 + 1)})


@pytest.mark.parametrize(
    "call",
    [
        Call(Api.WAIT, "x", role="r"),
        Call(Api.SYNC, "x", role="r"),
        Call(Api.SYNC, "x", next=True),
        Call(Api.WAIT, "x", timeout=-1),
        Call(Api.WAIT, "x", timeout=math.nan),
        Call(Api.WAIT, ""),
        Call(Api.WAIT_ALL, "x", role="a b"),
        Call(Api.SEND, "x", {"k k": "v"}),
    ],
)
def test_calls_that_make_no_sense(call):
    """Every field of a call is checked."""
    assert api.call_problem(call)


def test_good_calls():
    """Valid calls pass."""
    for call in (
        Call(Api.SEND, "x", {"k": "v"}),
        Call(Api.WAIT, "x", next=True, timeout=0),
        Call(Api.WAIT_ALL, "x", role="r", timeout=math.inf),
        Call(Api.SYNC, "x"),
    ):
        assert api.call_problem(call) == ""
