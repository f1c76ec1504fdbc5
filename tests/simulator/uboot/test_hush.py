"""The command language of U-Boot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.simulator.uboot import hush

VALUES = {"a": "1 2", "kernel": "0x80200000", "?": "0"}


def words(raw):
    """Return the words, expanded with VALUES."""
    return hush.words(raw, lambda name: VALUES.get(name, ""))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("mmc init; mmc part 0", [(";", "mmc init"), (";", "mmc part 0")]),
        ("a && b || c", [(";", "a"), ("&&", "b"), ("||", "c")]),
        ("setenv x 'a; b && c'", [(";", "setenv x 'a; b && c'")]),
        ('echo "a;b"; c', [(";", 'echo "a;b"'), (";", "c")]),
        (";; ;", []),
        ("echo a # comment; b", [(";", "echo a")]),
        ("echo a#b", [(";", "echo a#b")]),
    ],
)
def test_split(line, wanted):
    """Commands end at ; && || outside quotes."""
    assert list(hush.split(line)) == wanted


@pytest.mark.parametrize("line", ["echo 'a", 'echo "a', '"'])
def test_open_quote(line):
    """An unclosed quote is an error."""
    with pytest.raises(ValueError, match="quote"):
        list(hush.split(line))


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("bootm ${kernel} -", ["bootm", "0x80200000", "-"]),
        ("echo $kernel", ["echo", "0x80200000"]),
        ("echo ${a}", ["echo", "1", "2"]),
        ('echo "${a}"', ["echo", "1 2"]),
        ("echo '${a}'", ["echo", "${a}"]),
        ("echo x${a}y", ["echo", "x1", "2y"]),
        ("echo ${none}", ["echo"]),
        ('echo ""', ["echo", ""]),
        ("echo a\\ b", ["echo", "a b"]),
        ('echo "a\\"b"', ["echo", 'a"b']),
        ("setenv x ' lead'", ["setenv", "x", " lead"]),
        ("echo $?", ["echo", "0"]),
    ],
)
def test_words(raw, wanted):
    """Words are split at spaces, variables expanded, quotes removed."""
    assert words(raw) == wanted


@given(st.text())
def test_any_line(line):
    """Any line is split into commands and words, or is an error."""
    try:
        commands = list(hush.split(line))
    except ValueError:
        return
    for command in commands:
        words(command.raw)


@given(st.text(alphabet=st.characters(exclude_characters="'\n", codec="ascii")))
def test_single_quotes_keep_everything(text):
    """Text in single quotes is one word, unchanged."""
    (command,) = hush.split(f"echo '{text}'")
    assert words(command.raw) == ["echo", text]
