"""lava-multinode and its verbs."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.commands import lava_multinode


def test_help_lists_every_verb(capsys):
    """--help imports no verb."""
    with pytest.raises(SystemExit, match="0"):
        lava_multinode.main(["--help"])
    text = capsys.readouterr().out
    assert all(verb in text for verb in lava_multinode.VERBS)


@pytest.mark.parametrize("verb", lava_multinode.VERBS)
def test_every_verb_has_help_with_an_example(verb, capsys):
    """The example is a command line of that verb."""
    with pytest.raises(SystemExit, match="0"):
        lava_multinode.main([verb, "--help"])
    text = capsys.readouterr().out
    assert "example" in text.lower()
    assert f"lava-multinode {verb}" in text


@pytest.mark.parametrize("verb", sorted(set(lava_multinode.VERBS) - {"completion", "console"}))
def test_every_verb_that_prints_data_has_json(verb, capsys):
    """The other two print a script and the bytes of a console."""
    with pytest.raises(SystemExit, match="0"):
        lava_multinode.main([verb, "--help"])
    assert "--json" in capsys.readouterr().out


def test_without_a_verb_all_are_shown(capsys):
    """Without arguments, the help is printed on stderr; exit 2."""
    with pytest.raises(SystemExit, match="2"):
        lava_multinode.main([])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert all(verb in shown.err for verb in lava_multinode.VERBS)


@pytest.mark.parametrize("words", [["frobnicate"], ["--frobnicate"]])
def test_wrong_words_are_usage(words, capsys):
    """Exit code 2, with the usage."""
    with pytest.raises(SystemExit, match="2"):
        lava_multinode.main(words)
    assert "usage" in capsys.readouterr().err


#: Required arguments of verbs.
REQUIRED = {
    "completion": "bash",
    "console": "panda01",
    "coordinator": "--group g --size 2",
    "export": "job.json",
    "import": "board.dict",
    "power": "panda01 on",
    "report": "run",
    "schema": "job",
    "show": "panda01",
    "submit": "job.json --server https://lava",
    "watch": "run",
}


@pytest.mark.parametrize("verb", lava_multinode.VERBS)
def test_an_unknown_option_shows_the_usage_of_its_verb(verb, capsys):
    """The usage of the command alone would not list the options of the verb."""
    with pytest.raises(SystemExit, match="2"):
        lava_multinode.main([verb, *REQUIRED.get(verb, "").split(), "--lissen"])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"usage: lava-multinode {verb} ")
    assert shown.err.endswith(f"lava-multinode {verb}: error: unrecognized arguments: --lissen\n")
