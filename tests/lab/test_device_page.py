"""The reference of device files, whose tables come from the model."""

from pathlib import Path

import pytest

from lava_dispatcher_multinode.lab.device_page import main, table_of, with_tables
from lava_dispatcher_multinode.lab.device_sections import Network

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "device-file.md"


def test_the_page_has_the_tables_of_the_model():
    """After a change of a key: python -m lava_dispatcher_multinode.lab.device_page PAGE."""
    text = PAGE.read_text()
    assert with_tables(text) == text


def test_a_table_has_a_row_for_each_key():
    """Key, description, default."""
    clients = "a DHCP client of the board: `udhcpc`, `dhclient` or `dhcpcd`"
    assert table_of(Network).splitlines()[2:] == [
        "| `interface` | the network interface | the first Ethernet |",
        f"| `commands` | list of shell commands that bring the network up | {clients} |",
    ]


def test_the_page_is_rewritten_in_place(tmp_path, capsys):
    """The program changes the tables and nothing else."""
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text().replace("| the first Ethernet |", "| eth0 |"))
    assert main([str(page)]) == 0
    assert page.read_text() == PAGE.read_text()
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().err


def test_a_section_without_a_table_is_an_error():
    """A new section needs a heading, which only a writer can place."""
    text = PAGE.read_text().replace("### login\n", "### log in\n")
    with pytest.raises(ValueError, match="no table of 'login'"):
        with_tables(text)
