"""The part that the deploy actions share: the check of their files."""

import pytest

from lava_dispatcher_multinode.actions.action import CheckContext
from lava_dispatcher_multinode.actions.deploy_linaro_kernel import DeployLinaroKernel
from lava_dispatcher_multinode.job.model import ActionSpec, Job, Role


@pytest.fixture
def found(tmp_path):
    """A function that returns the messages and severities for one file."""
    (tmp_path / "there").write_bytes(b"")

    def found(name, *, run_here=True):
        job = Job("j", 60, (Role("r"),), (), directory=tmp_path)
        context = CheckContext(job, None, run_here)
        problems = DeployLinaroKernel().check(ActionSpec("x", {"kernel": name}), context)
        return [(problem.message.partition(" /")[0], problem.warning) for problem in problems]

    return found


def test_files_and_urls_that_may_exist_have_no_problem(found):
    """A URL is fetched only by the run."""
    assert found("there") == found("http://host/x.img") == []


def test_a_missing_file_is_an_error_only_where_the_job_runs(found):
    """The lab may be on another machine."""
    assert found("gone") == [("no such kernel on this machine:", False)]
    assert found("gone", run_here=False) == [("no such kernel on this machine:", True)]


def test_a_directory_and_an_unknown_scheme_are_errors_anywhere(found):
    """No machine can deploy these."""
    assert found(".", run_here=False) == [("not a regular file (kernel):", False)]
    ((message, warning),) = found("ftp://host/x.img", run_here=False)
    assert "cannot fetch ftp:" in message
    assert not warning
