"""The option --web: its port, with and without a number."""

import argparse
import contextlib

import pytest

from lava_dispatcher_multinode.commands import web
from lava_dispatcher_multinode.errors import InvalidJob


@pytest.mark.parametrize(
    ("words", "spelled"),
    [
        (["--web", "job.json"], ["--web=0", "job.json"]),
        (["--web", "8080", "job.json"], ["--web", "8080", "job.json"]),
        (["job.json", "--web"], ["job.json", "--web=0"]),
        (["--web=8080", "x"], ["--web=8080", "x"]),
        ([], []),
    ],
)
def test_web_does_not_swallow_the_job(words, spelled):
    """The next argument is the port only if it is a number."""
    assert web.expand_web_option(words) == spelled


@pytest.mark.parametrize("port", ["65536", "-1", "x"])
def test_port_that_is_none(port, capsys):
    """The message has the range of ports."""
    parser = argparse.ArgumentParser()
    web.add_web_option(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--web={port}"])
    assert "0 to 65535" in capsys.readouterr().err


def test_a_port_in_use_is_reported(tmp_path):
    """A port in use is an error with a hint, before the run."""
    said = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(web.serve_report(0, tmp_path, said.append))
        port = int(said[0].rsplit(":", 1)[1].split("/")[0])
        with pytest.raises(InvalidJob, match=f"cannot serve on port {port}"):
            stack.enter_context(web.serve_report(port, tmp_path, said.append))
