"""In CI a skip is a failure, unless its reason is in `.ci/allowed-skips`."""

from __future__ import annotations

import os
from pathlib import Path

ALLOWED = Path(__file__).parents[1] / ".ci" / "allowed-skips"


def allowed(text):
    """Return the reasons of a list: one a line, each with why behind two blanks and a #."""
    lines = (line.partition("  #")[0].strip() for line in text.splitlines())
    return {line for line in lines if line and not line.startswith("#")}


class Skips:
    """A plug-in of pytest: keeps the skips that are not allowed, and fails the session."""

    def __init__(self, reasons):
        self._reasons = reasons
        self._found = []

    def pytest_runtest_logreport(self, report):
        """Take a test's."""
        self._take(report)

    def pytest_collectreport(self, report):
        """Take a module's."""
        self._take(report)

    def pytest_sessionfinish(self, session):
        """Let the exit code say it."""
        if self._found and session.exitstatus in {0, 5}:
            session.exitstatus = 1

    def pytest_terminal_summary(self, terminalreporter):
        """Name each."""
        for name, reason in self._found:
            terminalreporter.write_line(
                f"SKIP NOT ALLOWED {name}: {reason} (allow it in .ci/allowed-skips)", red=True
            )

    def _take(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = str(report.longrepr[2]).removeprefix("Skipped: ")
            if reason not in self._reasons:
                self._found.append((report.nodeid, reason))


def pytest_configure(config):
    """Watch for skips where the variable CI is set."""
    if os.environ.get("CI"):
        text = ALLOWED.read_text() if ALLOWED.exists() else ""
        config.pluginmanager.register(Skips(allowed(text)), "skips")
