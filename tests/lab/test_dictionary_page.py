"""The reference of device dictionaries has the tables of `dictionary_keys`."""

from __future__ import annotations

from pathlib import Path

import pytest

from lava_dispatcher_multinode.lab.dictionary_page import main, with_key_tables

PAGE = Path(__file__).parents[2] / "docs/reference/lava-device-dictionaries.md"


def test_the_reference_has_each_key():
    """The page is what its generator makes of it."""
    text = PAGE.read_text("utf-8")
    assert with_key_tables(text) == text


def test_the_page_is_rewritten_in_place(tmp_path, capsys):
    """A changed table is replaced, the text around it stays."""
    text = PAGE.read_text("utf-8")
    page = tmp_path / "page.md"
    page.write_text(text.replace("| obeyed |", "| ignored |"), "utf-8")
    assert main([str(page)]) == 0
    assert page.read_text("utf-8") == text
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_a_page_without_the_tables_is_an_error():
    """A page that lost a table is not taken for complete."""
    with pytest.raises(ValueError, match="two tables"):
        with_key_tables("# Keys\n")
