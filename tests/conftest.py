"""What holds for every test: the same examples each time, no clock over them, its own signals."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from .needs import require
from .skips import pytest_configure as watch_skips

# A busy machine is no failure, and a change is not blamed for an example that it did not meet.
calm = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, max_examples=50, **calm)
# pytest --hypothesis-profile=explore looks further.
settings.register_profile("explore", max_examples=1000, print_blob=True, **calm)
settings.load_profile("same")

# A job that a shell runs in the background ignores them, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)


def pytest_configure(config):
    """Make the mark `needs` known, and skips fail in CI."""
    config.addinivalue_line("markers", "needs(*names): what of the host; see tests/needs.py")
    watch_skips(config)


def pytest_runtest_setup(item):
    """Skip before any fixture is made."""
    for mark in item.iter_markers("needs"):
        require(*mark.args)


@pytest.fixture(autouse=True)
def handlers():
    """Whatever a command does with signals in this process, the next test finds them as before."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)
