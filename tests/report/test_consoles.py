"""console.log in reports: bounded and without control characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.report import consoles
from lava_dispatcher_multinode.report.consoles import Consoles, LastLines, filter_console, visible
from lava_dispatcher_multinode.shell_markers import QUIET, begin


@pytest.fixture
def record(tmp_path):
    """Write a node's console.log; return what reads it."""

    def record(node, text, **more):
        path = tmp_path / "nodes" / node / "console.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Consoles(tmp_path, **more)

    return record


def lines(count, start=0.0):
    """Return lines of a console, a tenth of a second each."""
    return "".join(f"[{start + n / 10:12.6f}] line {n}\n" for n in range(count))


def test_short_console_is_there_as_it_is(record):
    """Nothing is lost of what fits."""
    (console,) = record("a", lines(9)).of(["a", "without"])
    assert (console.node, console.text, console.left_out) == ("a", lines(9), 0)


def test_long_console_loses_its_middle_and_says_so(record):
    """Both ends are there in whole lines, and the note has the size and a time."""
    text = lines(5000)
    (console,) = record("a", text, total=10_000).of(["a"])
    assert len(console.text) < 10_200
    head, note, tail = console.text.partition("-- ")
    assert text.startswith(head.rpartition("[")[0])
    note, _, tail = tail.partition("\n")
    assert note == f"{console.left_out} bytes left out here; nodes/a/console.log has them --"
    assert text.endswith(tail)
    assert tail.startswith("[")
    assert len(head.rpartition("[")[0]) + len(tail) + console.left_out == len(text)


def test_nodes_share_the_total(record):
    """Forty long consoles are no larger than the total."""
    for number in range(40):
        reader = record(f"n{number}", lines(500), total=40_000)
    texts = [console.text for console in reader.of([f"n{number}" for number in range(40)])]
    assert sum(map(len, texts)) < 40_000 + 40 * 120


def test_words_before_a_time_and_the_last_ones_after(record):
    """The excerpt has the lines before a time, in a console of any length, and the next ones."""
    text = lines(20_000) + "[ 2000.500000] oops\n[ 2009.000000] much later\n"
    found = record("a", text).around("a", 1999.95)
    assert found[-2:] == ["[ 1999.900000] line 19999", "[ 2000.500000] oops"]
    assert len(found) == consoles.LINES_BEFORE + 1
    middle = record("a", text).around("a", 777.7)
    assert middle[consoles.LINES_BEFORE - 1] == "[  777.700000] line 7777"


def test_frames_and_empty_lines_are_left_out(record):
    """Frames of the console channel do not displace the board's output."""
    text = "[    1.000000] real\n[    2.000000] <LAVA_MN A 1 2>\n[    3.000000] \n"
    assert record("a", text).around("a", 9) == ["[    1.000000] real"]


@pytest.mark.parametrize("name", ["../a", "..", "/etc", "a/b", "", "a\0b", "\ud800"])
def test_no_name_leads_elsewhere(record, name):
    """A node's name is a file name, or there is no console."""
    assert record("a", lines(1)).path(name) is None
    assert list(Consoles(None).of([name])) == []


@given(st.binary(max_size=200))
def test_any_bytes_become_harmless_text(data):
    """No control, no turn of direction, nothing hidden; lines stay lines."""
    text = visible(data)
    assert text.count("\n") == data.count(b"\n")
    hidden = {"\u202e", "\u2066", "\u200b", "\ufeff", "\x1b", "\x00", "\x9b", "\r"}
    assert not hidden & set(text)
    text.encode("utf-8")


def test_hidden_characters_are_shown_by_name():
    """Hidden characters become visible escapes."""
    assert visible("a\u202eb\x1b[2Jc\u2029".encode()) == "a\\u202eb\\x1b[2Jc\\u2029"


def test_very_many_failures_have_no_excerpts_after_some(record, monkeypatch):
    """Ten thousand failed cases do not make a report of a gigabyte."""
    monkeypatch.setattr(consoles, "MAX_EXCERPTS", 2)
    excerpt = consoles.Excerpts(record("a", lines(3)))
    assert [bool(excerpt("a", 9)) for _ in range(4)] == [True, True, False, False]


def said(*texts):
    """Return the texts of those lines that are kept, each a line of console.log."""
    data = b"".join(b"[%12.6f] %b\n" % (n, text.encode()) for n, text in enumerate(texts))
    return [line.decode().partition("] ")[2] for line in filter_console(data)]


class Terminal:
    """A dialogue that keeps what is typed, and has no answer."""

    def __init__(self):
        self.typed = b""

    def send(self, data):
        """Record it."""
        self.typed += data

    def expect_or_none(self, patterns, timeout):
        """Return no match."""


PROMPTS = ("", "root@panda01:~# ", "[root@arm /]# ", "/ # ", "arm login: ")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_dispatcher_s_input_is_not_shown(prompt):
    """The board echoes input until the first command disables that."""
    terminal = Terminal()
    Shell(terminal, Deadline(1, "test")).try_run(QUIET, 0.001)
    lines = terminal.typed.decode().splitlines()
    assert len(lines) > 2
    assert said("Welcome", *(prompt + line for line in lines), "more") == ["Welcome", "more"]


@pytest.mark.parametrize("columns", range(60, 100))
def test_echo_that_is_wrapped(columns):
    """A shell with an editor of its own breaks the line where the terminal ends."""
    line = f"root@board:/root# {begin(1)}{QUIET}"
    pieces = [line[at : at + columns] for at in range(0, len(line), columns)]
    assert said("Welcome", *pieces, "unset", "2") == ["Welcome", "unset", "2"]


def test_replies_are_not_shown():
    """Checksums, IDs and marks that the dispatcher requested are dropped."""
    dialogue = ("<lava-begin 7>", "3863814351 14489", "0", "f" * 32 + "  -", "<lava-end 7 0>")
    octal = ("<lava-begin 8>", "0000000 037 213 010", "0000003", "<lava-end 8 0>")
    silent = ("<lava-begin 9>", "<lava-end 9 0>")
    assert said("up", *dialogue, *octal, *silent, "down") == ["up", "down"]


def test_frames_and_power_are_not_shown():
    """The channel's traffic and the dispatcher's own remarks are none of the board's words."""
    frames = (
        "<LAVA_MN A 1 2>",
        "lava-runner-ended 137",
        "<LAVA_SIGNAL_STARTRUN 0_a u>~~~~",
        "<lava-ready 3>",
        "",
    )
    assert said("up", *frames, "-- power cycle --", "down") == ["up", "down"]


TYPED = f"root@a:~# {begin(1)}stty -ec"


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        # A test's cksum.
        (["2390074938 14406", "0"], ["2390074938 14406", "0"]),
        (
            ["<lava-begin 3>", "Internal error: Oops: 17 [#1] SMP ARM", "<lava-end 3 0>"],
            ["Internal error: Oops: 17 [#1] SMP ARM"],
        ),
        # A kernel's line.
        (["<lava-begin 3>", "[   12.5] 4", "<lava-end 3 0>"], ["[   12.5] 4"]),
        (
            ["<lava-begin 3>", "12 34", "No space left on device", "<lava-end 3 1>"],
            ["12 34", "No space left on device"],
        ),
        # The board dies: its last line counts.
        (["<lava-begin 3>", "12 34"], ["12 34"]),
        (["<lava-begin 3>", "12 34", "<lava-end 4 0>"], ["12 34"]),
        (
            ["<lava-ohm 3>", "<lava-test>", "-- results --", "-- 3 --"],
            ["<lava-ohm 3>", "<lava-test>", "-- results --", "-- 3 --"],
        ),
        (
            ["the console responds", "-- the console is back after 2.0 s --"],
            ["the console responds", "-- the console is back after 2.0 s --"],
        ),
        (
            [f"{TYPED}[   12.3] Kernel panic - not syncing: x"],
            [f"{TYPED}[   12.3] Kernel panic - not syncing: x"],
        ),
        ([TYPED, "Kernel panic - not syncing: x"], ["Kernel panic - not syncing: x"]),
        (["lava_code=$? is what I type"], ["lava_code=$? is what I type"]),
    ],
)
def test_output_of_the_kernel_and_of_tests_is_shown(lines, kept):
    """Output of a kernel or a test is always kept: it may be the reason."""
    assert said(*lines) == kept


def test_last_line_that_says_anything(tmp_path):
    """Without its time; frames and empty lines are passed over; what is added is seen."""
    log = tmp_path / "nodes" / "a" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_text("[    1.000000] one\n[    2.000000] \n[    3.000000] <LAVA_MN A 1 2>\n")
    last_lines = LastLines(tmp_path)
    assert last_lines("a") == "one"
    with open(log, "a", encoding="utf-8") as file:
        file.write("[    4.000000] two\n")
    assert last_lines("a") == "two"


def test_hostile_line_is_text(tmp_path):
    """No escape reaches the terminal that it is drawn on."""
    log = tmp_path / "nodes" / "a" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"[    1.000000] \x1b]0;owned\x07\xe2\x80\xae\x9b2J\n")
    assert LastLines(tmp_path)("a").isprintable()


def test_board_without_a_console_has_none(tmp_path):
    """Nothing was printed yet, or the name is no file's."""
    assert LastLines(tmp_path)("a") == ""
    assert LastLines(tmp_path)("../a") == ""
