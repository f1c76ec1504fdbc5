"""The last console line for the live display."""

from lava_dispatcher_multinode.report.tails import Tails


def test_last_line_that_says_anything(tmp_path):
    """Without its time; frames and empty lines are passed over; what is added is seen."""
    log = tmp_path / "nodes" / "a" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_text("[    1.000000] one\n[    2.000000] \n[    3.000000] <LAVA_MN A 1 2>\n")
    tails = Tails(tmp_path)
    assert tails("a") == "one"
    with open(log, "a", encoding="utf-8") as file:
        file.write("[    4.000000] two\n")
    assert tails("a") == "two"


def test_hostile_line_is_text(tmp_path):
    """No escape reaches the terminal that it is drawn on."""
    log = tmp_path / "nodes" / "a" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"[    1.000000] \x1b]0;owned\x07\xe2\x80\xae\x9b2J\n")
    assert Tails(tmp_path)("a").isprintable()


def test_board_without_a_console_has_none(tmp_path):
    """Nothing was printed yet, or the name is no file's."""
    assert Tails(tmp_path)("a") == ""
    assert Tails(tmp_path)("../a") == ""
