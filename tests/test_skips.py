"""Skips in CI fail the session unless they are allowed; faults of the package never skip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .needs import PROBES, skipped_without
from .skips import ALLOWED, allowed

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest
from tests.needs import require
def test_listed():
    pytest.skip("listed")
def test_unlisted():
    require("no-such-program")
"""


@pytest.fixture
def pytest_in_ci(tmp_path):
    """Return a function that runs tests with allowed skips; it returns exit code and output."""

    def run(reasons, ci="true"):
        (tmp_path / "test_it.py").write_text(TESTS)
        (tmp_path / "conftest.py").write_text(
            "from pathlib import Path\n"
            "from tests import skips\n"
            f"skips.ALLOWED = Path({str(tmp_path)!r}, 'list')\n"
            "pytest_configure = skips.pytest_configure\n"
        )
        (tmp_path / "list").write_text(reasons)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "1", tmp_path],
            env=os.environ | {"PYTHONPATH": str(ROOT), "CI": ci},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout

    return run


def test_a_skip_that_is_not_allowed(pytest_in_ci):
    """A skip that is not allowed fails the session in CI, with its test and reason."""
    code, out = pytest_in_ci("listed  # as an example\n")
    assert code == 1
    (line,) = [line for line in out.splitlines() if line.startswith("SKIP NOT ALLOWED")]
    assert "test_it.py::test_unlisted: no-such-program is not installed" in line
    assert pytest_in_ci("listed  # as an example\n", ci="")[0] == 0


def test_skips_that_are_allowed(pytest_in_ci):
    """Allowed skips do not fail the session."""
    code, out = pytest_in_ci("# heading\nlisted  # x\nno-such-program is not installed  # y\n")
    assert (code, "SKIP NOT ALLOWED" in out) == (0, False)


def test_a_failure_is_a_skip_only_where_the_host_lacks_something():
    """A feature that the host has and the package cannot use is a failure, not a skip."""
    with pytest.raises(ValueError, match="ours"), skipped_without("sh"):
        raise ValueError("ours")
    missing = "no-such-program"
    with pytest.raises(pytest.skip.Exception, match=missing), skipped_without(missing):
        raise ValueError("the host's")


def test_every_allowed_reason_is_one_that_is_given():
    """Each allowed reason exists in tests/needs.py and has an explanation."""
    text = ALLOWED.read_text()
    reasons = {reason for _, reason in PROBES.values()}
    assert {r for r in allowed(text) - reasons if not r.endswith(" is not installed")} == set()
    entries = [line for line in text.splitlines() if not line.startswith("#")]
    assert all("  # " in line for line in entries)


def test_no_test_skips_by_itself():
    """Tests skip only by tests/needs.py."""
    words = ("pytest." + "skip(", "skip" + "if", "import" + "orskip", "x" + "fail(")
    tests = Path(__file__).parent
    kept = {tests / "needs.py", Path(__file__), tests / "test_pytest_plugin.py"}
    found = [
        str(path.relative_to(tests))
        for path in sorted(tests.rglob("*.py"))
        if path not in kept and any(word in path.read_text() for word in words)
    ]
    assert found == []
