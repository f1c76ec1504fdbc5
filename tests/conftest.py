"""Settings for every test: reproducible hypothesis examples without deadline, clean signals."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from .needs import require
from .skips import pytest_configure as watch_skips

# Load must not fail a test, and a change must not fail because of a newly drawn example.
calm = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, max_examples=50, **calm)
# pytest --hypothesis-profile=explore draws more, and new, examples.
settings.register_profile("explore", max_examples=1000, print_blob=True, **calm)
settings.load_profile("same")

# A shell's background jobs ignore these signals, and the tests' child processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)


def pytest_configure(config):
    """Register the mark `needs`, and fail on unexpected skips in CI."""
    config.addinivalue_line("markers", "needs(*names): features of the host; see tests/needs.py")
    watch_skips(config)


def pytest_runtest_setup(item):
    """Skip a test whose needs the host lacks, before its fixtures are set up."""
    for mark in item.iter_markers("needs"):
        require(*mark.args)


@pytest.fixture(autouse=True)
def handlers():
    """Restore the signal handlers after each test."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
