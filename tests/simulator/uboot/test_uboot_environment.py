"""U-Boot's variables."""

import pytest


def test_saveenv_where_there_is_a_place(u_boot):
    """The beaglexm keeps its environment over a reset."""
    u_boot("setenv mine 1", "saveenv", model="beaglexm")
    assert u_boot.board.saved["mine"] == "1"


def test_printenv(u_boot):
    """The whole environment is printed, and how large it is."""
    answer = u_boot("printenv")
    assert "bootdelay=3\n" in answer
    assert "Environment size: " in answer


def test_variables_are_executed(u_boot):
    """run goes through them in order, and boot is what the board boots by itself."""
    assert "a\nb\n" in u_boot("setenv x echo a", "setenv y echo b", "run x y")
    assert "mine\n" in u_boot("setenv bootcmd echo mine", "boot")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("run nothing", '## Error: "nothing" not defined'),
        ("setenv a=b c", "illegal character '='"),
        ("saveenv", "Unknown command 'saveenv'"),
        ("printenv nothing", '## Error: "nothing" not defined'),
    ],
)
def test_failures(u_boot, card, command, answer):
    """A command that fails says what U-Boot says, and its status is not 0."""
    printed = u_boot(command, "echo status $?", card=card)
    assert answer in printed
    assert "\nstatus 1\n" in printed
