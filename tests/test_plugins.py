"""Plug-ins by entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import ClassVar, Protocol

import pytest

from lava_dispatcher_multinode import plugins
from lava_dispatcher_multinode.errors import InvalidJob


class Dist:
    """A distribution with a name and a version."""

    def __init__(self, name):
        self.name, self.version = name, "1.0"


def entry(name, value, package=None):
    """Return an entry point, of `package` if given."""
    point = EntryPoint(name, value, plugins.ACTIONS)
    if package:
        vars(point)["dist"] = Dist(package)
    return point


@pytest.fixture
def install(monkeypatch):
    """Return a function that makes its arguments the only installed entry points."""
    plugins.entries.cache_clear()

    def install(*points):
        monkeypatch.setattr(plugins, "entry_points", lambda group: points)

    yield install
    plugins.entries.cache_clear()


def test_entries_by_name(install):
    """An action is found by its command."""
    install(entry("a", "json:JSONDecoder"), entry("b", "json:JSONEncoder"))
    assert sorted(plugins.entries(plugins.ACTIONS)) == ["a", "b"]
    assert plugins.load(plugins.ACTIONS, "b").__name__ == "JSONEncoder"


def test_an_action_is_made_anew_each_time(install):
    """Each call returns a new instance: nodes share no state."""
    install(entry("a", "collections:OrderedDict"))
    assert plugins.action("a") is not plugins.action("a")


def test_an_unknown_name_is_a_key_error(install):
    """An unknown action is a KeyError: the caller knows the position for the message."""
    install()
    with pytest.raises(KeyError):
        plugins.load(plugins.ACTIONS, "a")


def test_two_packages_with_one_name_are_an_error_naming_both(install):
    """Two entries with one name are an error."""
    install(entry("a", "one:A", "pkg-one"), entry("a", "two:A", "pkg-two"))
    with pytest.raises(InvalidJob) as caught:
        plugins.entries(plugins.ACTIONS)
    assert "'a' comes from two packages: pkg-one 1.0 (one:A) and pkg-two 1.0 (two:A)" in str(
        caught.value
    )


def test_one_package_seen_twice_is_no_conflict(install):
    """The same entry found twice (editable install and build directory) is no conflict."""
    install(entry("a", "one:A", "pkg"), entry("a", "one:A", "pkg"))
    assert list(plugins.entries(plugins.ACTIONS)) == ["a"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_module:A", "ModuleNotFoundError"),
        ("json:NoSuchName", "AttributeError"),
        ("broken_plugin:needs", "TypeError"),
        ("leaving_plugin:A", "SystemExit: 0"),  # a script: the command must not end with it
    ],
)
def test_what_does_not_load_is_the_packages_fault(install, value, reason, tmp_path, monkeypatch):
    """A plug-in that does not load is an error with its package and the reason."""
    (tmp_path / "broken_plugin.py").write_text("def needs(argument): pass")
    (tmp_path / "leaving_plugin.py").write_text("raise SystemExit(0)")
    monkeypatch.syspath_prepend(tmp_path)
    install(entry("a", value, "broken-pkg"))
    with pytest.raises(InvalidJob) as caught:
        plugins.action("a")
    assert f"'a' of broken-pkg 1.0 ({value}) does not load: {reason}" in str(caught.value)


class Needs(Protocol):
    """What the entries of these tests have to be like."""

    kind: ClassVar[str]
    size: int

    def work(self):
        """Do it."""


def test_a_class_that_lacks_a_member_is_refused(install, tmp_path, monkeypatch):
    """The error names the package and the member; attributes of instances are not looked for."""
    (tmp_path / "partial_plugin.py").write_text(
        "class Half:\n    kind = 'x'\nclass Whole(Half):\n    def work(self): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    install(
        entry("half", "partial_plugin:Half", "some-pkg"), entry("whole", "partial_plugin:Whole")
    )
    assert plugins.load(plugins.ACTIONS, "whole", Needs).__name__ == "Whole"
    with pytest.raises(InvalidJob) as caught:
        plugins.load(plugins.ACTIONS, "half", Needs)
    assert "'half' of some-pkg 1.0 (partial_plugin:Half) lacks 'work'" in str(caught.value)
