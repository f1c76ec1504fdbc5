"""The tree of tests mirrors the package: each module with behaviour has a test file."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "lava_dispatcher_multinode"

#: Modules without behaviour; CONTRIBUTING.md lists the kinds.
WITHOUT = {
    "emit.py",  # a protocol
    "images/unpack_ext.py",  # a program, run by tests/images/test_partition_tarballs.py
    "lab/deploy_sections.py",  # data
    "lava/jobs/deploy_keys.py",  # data
    "run_id.py",
    "report/inputs.py",  # data
}


def untested(package, tests):
    """Return the modules of `package` that have no test file at the same place in `tests`."""
    modules = (path.relative_to(package) for path in package.rglob("*.py"))
    return {
        str(module)
        for module in modules
        if module.stem not in {"__init__", "__main__"}
        and not (tests / module.parent / f"test_{module.name}").is_file()
    }


def test_each_module_has_its_test_file():
    """A new module has a test file, at the same place in the tree."""
    missing = sorted(untested(PACKAGE, TESTS) - WITHOUT)
    assert not missing, "a test file at the same place in tests/, or a line in WITHOUT"


def test_the_list_has_no_module_that_is_tested():
    """The list has no stale entry, which would hide a new module of that name."""
    stale = sorted(WITHOUT - untested(PACKAGE, TESTS))
    assert not stale, "these have a test file, or do not exist"


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        (["p/a.py"], {"a.py"}),
        (["p/a.py", "t/test_a.py"], set()),
        (["p/r/a.py", "t/test_a.py"], {"r/a.py"}),  # a test of another package
        (["p/r/a.py", "t/r/test_a.py"], set()),
        (["p/r/__init__.py", "p/__main__.py"], set()),
        (["t/test_b.py"], set()),
    ],
)
def test_a_test_file_stands_where_its_module_does(tmp_path, files, missing):
    """A test file of the same name in another folder belongs to another module."""
    for name in ("p/x", "t/x", *files):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert untested(tmp_path / "p", tmp_path / "t") == missing
