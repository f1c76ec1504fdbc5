"""Hints for unknown names."""

import pytest

from lava_dispatcher_multinode.job.hints import join_words, nearest, suggest


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("device_typ", "did you mean 'device_type'?"),
        ("Role", "did you mean 'role'?"),
        ("zzzz", "known: device_type, role"),
    ],
)
def test_the_nearest_name_or_all(word, hint):
    """A misspelling gets the nearest name, anything else the list."""
    assert suggest(word, ["role", "device_type"]) == hint


def test_the_name_that_was_meant():
    """In any case; None if no name is near."""
    assert [nearest(word, ["Role"]) for word in ("role", "rolle", "zz")] == ["Role", "Role", None]


def test_long_lists_are_cut():
    """A hint fits on a line."""
    assert suggest("zzz", [f"n{index:02}" for index in range(50)]).endswith("n11, ...")
    assert suggest("x", []) == ""


def test_lists_read_as_sentences():
    """One, two and three words."""
    assert [join_words(["a", "b", "c"][:n]) for n in (1, 2, 3)] == ["a", "a or b", "a, b or c"]
    assert join_words(["a", "b"], "and") == "a and b"
