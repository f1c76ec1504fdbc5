"""The command language of U-Boot."""

import contextlib

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
        ("echo ${none:-y z}", ["echo", "y", "z"]),
        ('echo "${a:-y}"', ["echo", "1 2"]),
        ("echo ${a:+set} ${none:+set}", ["echo", "set"]),
    ],
)
def test_words(raw, wanted):
    """Words are split at spaces, variables expanded, quotes removed."""
    assert words(raw) == wanted


def joined(statements):
    """Return a block of these statements, each pair with one of the separators."""
    return st.lists(
        st.tuples(st.sampled_from([";", "&&", "||"]), statements), min_size=1, max_size=3
    ).map(lambda block: [(";", block[0][1]), *block[1:]])


def control_flow(statements):
    """Return control flow around these statements."""
    block = joined(statements)
    branches = st.lists(st.tuples(block, block), min_size=1, max_size=2)
    return (
        st.builds(hush.If, branches, st.just([]) | block)
        | st.builds(hush.For, st.just("x"), st.sampled_from(["", "a b"]), block)
        | st.builds(hush.Loop, st.booleans(), block, block)
    )


def written(block):
    """Return a block as it is typed."""
    text = ""
    for after, statement in block:
        separator = after if text else ""
        text += f"{separator} {_written(statement)} "
    return text


def _written(statement):
    if isinstance(statement, str):
        return statement
    if isinstance(statement, hush.For):
        return f"for x in {statement.raw}; do {written(statement.body)}; done"
    if isinstance(statement, hush.Loop):
        word = "until" if statement.until else "while"
        return f"{word} {written(statement.condition)}; do {written(statement.body)}; done"
    branches = [f"if {written(one)}; then {written(two)}; " for one, two in statement.branches]
    otherwise = f"else {written(statement.otherwise)}; " if statement.otherwise else ""
    return "el".join(branches) + otherwise + "fi"


@given(joined(st.recursive(st.sampled_from(["true", "echo 'if' a"]), control_flow, max_leaves=8)))
def test_control_flow_is_parsed_as_it_is_written(block):
    """Each command keeps its place, at any depth."""
    assert hush.parse(written(block)) == block


@given(st.text() | st.lists(st.sampled_from([*hush._RESERVED, "x in", ";", "&&"])).map(" ".join))
def test_any_line_is_parsed_or_is_an_error(line):
    """No input ends the parser otherwise."""
    with contextlib.suppress(ValueError):
        hush.parse(line)


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
