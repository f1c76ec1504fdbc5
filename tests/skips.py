"""Fails a session in CI if a test is skipped for a reason not listed in `.ci/allowed-skips`."""

from __future__ import annotations

import os
from pathlib import Path

ALLOWED = Path(__file__).parents[1] / ".ci" / "allowed-skips"


def allowed(text):
    """Return the reasons of a list: one per line; two blanks and a # start its explanation."""
    lines = (line.partition("  #")[0].strip() for line in text.splitlines())
    return {line for line in lines if line and not line.startswith("#")}


class Skips:
    """pytest plug-in: records the skips that are not allowed and fails the session."""

    def __init__(self, reasons):
        self._reasons = reasons
        self._found = []

    def pytest_runtest_logreport(self, report):
        """Check the report of a test."""
        self._check_report(report)

    def pytest_collectreport(self, report):
        """Check the report of a collected module."""
        self._check_report(report)

    def pytest_sessionfinish(self, session):
        """Set the exit code to failure if skips were found."""
        if self._found and session.exitstatus in {0, 5}:
            session.exitstatus = 1

    def pytest_terminal_summary(self, terminalreporter):
        """Print each skip."""
        for name, reason in self._found:
            terminalreporter.write_line(
                f"SKIP NOT ALLOWED {name}: {reason} (allow it in .ci/allowed-skips)", red=True
            )

    def _check_report(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = str(report.longrepr[2]).removeprefix("Skipped: ")
            if reason not in self._reasons:
                self._found.append((report.nodeid, reason))


def pytest_configure(config):
    """Register the plug-in if the variable CI is set."""
    if os.environ.get("CI"):
        text = ALLOWED.read_text() if ALLOWED.exists() else ""
        config.pluginmanager.register(Skips(allowed(text)), "skips")
