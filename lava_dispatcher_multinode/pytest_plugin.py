"""The pytest plug-in: `--lava-job JOB` collects test cases; `lava_group` provides boards.

A job runs once, during collection. Each test case of each node becomes an item with the result
of the case; a failed item shows the console output. With pytest-xdist one worker runs the job,
and the others read its results.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .errors import ExitCode, MultinodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .report.results import Results
    from .report.run_model import CaseRecord, NodeRecord
    from .run.board_selection import BoardSelection
    from .run.python_api import BoardGroup


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all with the prefix --lava."""
    group = parser.getgroup("lava", "lava-dispatcher-multinode")
    group.addoption(
        "--lava-job",
        action="append",
        default=[],
        metavar="JOB",
        help="run JOB and collect its test cases; may be repeated",
    )
    group.addoption(
        "--lava-group", metavar="JOB", help="job for the boards of the fixture lava_group"
    )
    group.addoption("--lava-simulate", action="store_true", help="run on simulated boards")
    group.addoption("--lava-emulate", action="store_true", help="run on boards emulated by QEMU")
    group.addoption("--lava-config-dir", metavar="DIR", help="directory of device files")
    group.addoption(
        "--lava-output-dir", metavar="DIR", help="directory for results, one subdirectory per job"
    )
    group.addoption(
        "--lava-wait",
        metavar="SECONDS",
        default="0",
        help="time to wait for busy boards (default 0)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the jobs to the collected paths; without other paths, collect only them."""
    jobs = config.getoption("lava_job")
    if jobs and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = []
    config.args += [str(Path(job).resolve()) for job in jobs if job not in config.args]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return a collector for a job of --lava-job; None for other files."""
    jobs = {Path(job).resolve() for job in parent.config.getoption("lava_job")}
    if file_path.resolve() in jobs:
        return JobFile.from_parent(parent, path=file_path)
    return None


@pytest.fixture(scope="session")
def lava_group(pytestconfig: pytest.Config) -> Iterator[BoardGroup]:
    """The booted boards of --lava-group: `group["panda01"].run("uname -r")`.

    See lava_dispatcher_multinode.run.python_api. The boards are powered off after the session.
    """
    from .run.python_api import open_group

    job = pytestconfig.getoption("lava_group")
    if job is None:
        pytest.skip("lava_group requires --lava-group JOB")
    with open_group(
        job, _selection(pytestconfig), output=_output(pytestconfig, Path(job))
    ) as group:
        yield group


class JobFile(pytest.File):
    """A job; its test cases are known after its run."""

    def collect(self) -> Iterator[NodeCases]:
        """Run the job; return a collector for each node."""
        if self.config.option.collectonly:
            return
        directory = _run_once(self.config, self.path)
        from .report.files import read_results

        results = read_results(directory)
        for name in results.nodes:
            yield NodeCases.from_parent(self, name=name, results=results, directory=directory)


class NodeCases(pytest.Collector):
    """A node of a finished job."""

    def __init__(self, *, results: Results, directory: Path, **others: Any) -> None:
        super().__init__(**others)
        self.node: NodeRecord = results.nodes[self.name]
        self.directory = directory

    def collect(self) -> Iterator[pytest.Item]:
        """Return an item for each test case, and one for the end of the node."""
        seen: dict[str, int] = {}
        for case in self.node.cases:
            name = f"{case.definition}::{case.case}"
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1:
                name += f"[{seen[name]}]"
            yield CaseItem.from_parent(
                self, name=name, case=case, node=self.name, directory=self.directory
            )
        yield NodeItem.from_parent(self, name="node", node=self.node)


class BoardFailure(Exception):
    """A test case or a node failed on the board."""


class LavaItem(pytest.Item):
    """An item with a known result; its failure is shown as text, without a traceback."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the text of the failure."""
        if isinstance(excinfo.value, BoardFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the location and the headline of the item."""
        parent = self.parent.name if self.parent else ""
        return self.path, None, f"{parent}::{self.name}"


class CaseItem(LavaItem):
    """A test case of a node."""

    def __init__(self, *, case: CaseRecord, node: str, directory: Path, **others: Any) -> None:
        super().__init__(**others)
        self.case = case
        self.node = node
        self.directory = directory
        if case.measurement is not None:
            self.user_properties.append(("measurement", f"{case.measurement} {case.units or ''}"))

    def runtest(self) -> None:
        """Pass, skip or fail like the test case on the board."""
        if self.case.result == "skip":
            pytest.skip("skipped on the board")
        if self.case.result == "unknown":  # not a failure, as in the reports
            pytest.skip("the result is unknown")
        if self.case.result != "pass":
            raise BoardFailure(f"the result is '{self.case.result}'{self._excerpt()}")

    def _excerpt(self) -> str:
        """Return the console output at the end of the case."""
        from .report.consoles import Consoles

        lines = Consoles(self.directory).around(self.node, self.case.time or 0.0)
        return "\n".join(["", f"the console of {self.node}:", *lines]) if lines else ""


class NodeItem(LavaItem):
    """The end of a node, apart from its test cases."""

    def __init__(self, *, node: NodeRecord, **others: Any) -> None:
        super().__init__(**others)
        self.node = node

    def runtest(self) -> None:
        """Fail with the error of the node, unless it is only a failed test case."""
        from .report.verdict import of_node

        verdict = of_node(self.node)
        if verdict.status == "error" or (verdict.status == "fail" and verdict.error):
            raise BoardFailure(f"{verdict.error_type}: {verdict.error}")


def _run_once(config: pytest.Config, job: Path) -> Path:
    """Run the job in one of pytest-xdist's workers; return the run directory in each."""
    run_id = getattr(config, "workerinput", {}).get("testrunuid")
    if run_id is None:
        return _run(config, job)
    from filelock import FileLock

    key = hashlib.sha256(f"{run_id} {job}".encode()).hexdigest()[:20]
    result = Path(tempfile.gettempdir(), f"lava-pytest-{key}")
    with FileLock(f"{result}.lock"):
        if not result.exists():
            result.write_text(str(_run(config, job)))
    return Path(result.read_text())


def _run(config: pytest.Config, job: Path) -> Path:
    """Run the job; return the run directory. Raise `UsageError` if there is no run."""
    from .report.verdict import exit_code
    from .run.job import run_job
    from .run.run_session import load_job, prepare_run

    output = _output(config, job) or Path(tempfile.mkdtemp(prefix="lava-run-"))
    try:
        loaded = load_job(str(job), _selection(config))
        with prepare_run(loaded, output=output) as prepared:
            outcome = run_job(prepared)
    except MultinodeError as error:
        raise pytest.UsageError(f"{job}: the job cannot be run:\n{error}") from error
    if exit_code(outcome.results) is ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    return output


def _output(config: pytest.Config, job: Path) -> Path | None:
    directory = config.getoption("lava_output_dir")
    return Path(directory, job.stem) if directory else None


def _selection(config: pytest.Config) -> BoardSelection:
    from .run.board_selection import BoardSelection

    lab = config.getoption("lava_config_dir")
    return BoardSelection(
        config.getoption("lava_simulate"),
        config.getoption("lava_emulate"),
        Path(lab) if lab else None,
        float(config.getoption("lava_wait")),
    )
