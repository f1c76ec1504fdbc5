"""`lava-multinode submit`: jobs on a server, which is a stand-in, their results, their end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from lava_dispatcher_multinode.commands.lava_multinode import main

from ..lava.conftest import lava_job, lava_test
from ..lava.stand_in import SECRET, job_log, server, submit

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).parent / "lava-multinode"
JOB = lava_job({"a": {}, "b": {"count": 2}}, lava_test("t", ["a", "b"], "true"))
__all__ = ["server", "submit"]


@pytest.fixture
def lab(server):
    """A stand-in for a LAVA server."""
    return server


def test_results_of_all_sub_jobs(lab, submit, tmp_path):
    """One results.json, the logs and the consoles, as for a local run."""
    lab.logs = {f"17.{n}": job_log(f"case-{n}", "pass") for n in range(3)}
    code, results = submit(JOB)
    assert code == 0
    assert lab.submitted == [JOB]
    assert list(results["nodes"]) == ["a", "b-1", "b-2"]
    assert [n["results"][0]["case"] for n in results["nodes"].values()] == [
        "case-0", "case-1", "case-2",
    ]  # fmt: skip
    assert (tmp_path / "out/nodes/b-1/console.raw").read_text() == "the board says hello\n"
    logged = yaml.safe_load((tmp_path / "out/nodes/a/logs.yaml").read_text())
    assert [line["lvl"] for line in logged] == [line["lvl"] for line in lab.logs["17.0"]]


def test_failures_keep_their_kind(lab, submit):
    """A failed case is 1, a failure of the lab 3; the worst of all nodes is the exit code."""
    lab.logs = {f"17.{n}": job_log("x", "pass") for n in range(3)}
    lab.logs["17.0"] = job_log("x", "fail")
    code, results = submit(JOB)
    assert (code, results["nodes"]["a"]["status"]) == (1, "fail")
    why = {"error_type": "Infrastructure", "error_msg": "no power"}
    lab.logs["17.1"] = job_log("x", "pass", job="fail", **why)
    lab.health["17.1"] = "Incomplete"
    lab.looks = {}
    code, results = submit(JOB)
    assert code == 3
    node = results["nodes"]["b-1"]
    assert (node["error_type"], node["error"]) == ("infrastructure", "LAVA: no power")


def test_a_role_with_the_name_of_a_node(lab, submit, tmp_path):
    """Two roles, three jobs, three nodes: no result replaces another one."""
    lab.logs = {f"17.{n}": job_log(f"case-{n}", "pass") for n in range(3)}
    lab.logs["17.0"] = job_log("case-0", "fail")
    roles = {"client": {"count": 2}, "client-1": {}}
    code, results = submit(lava_job(roles, lava_test("t", list(roles), "true")))
    assert code == 1
    found = {
        name: (node["role"], node["status"], node["results"][0]["case"])
        for name, node in results["nodes"].items()
    }
    assert found == {
        "client-1": ("client", "fail", "case-0"),
        "client-2": ("client", "pass", "case-1"),
        "client-1-1": ("client-1", "pass", "case-2"),
    }
    logs = tmp_path / "out" / "nodes"
    assert '"fail"' in (logs / "client-1" / "logs.yaml").read_text()
    assert '"fail"' not in (logs / "client-1-1" / "logs.yaml").read_text()


def test_an_interruption_cancels_the_jobs(lab, tmp_path):
    """An interrupted client leaves no job on the lab's boards."""
    lab.last = 10**6  # the job never ends by itself
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    words = [COMMAND, "submit", "job.yaml", "--server", lab.url, "-o", "out", "--interval", "0.05"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "running" in line:
                process.send_signal(signal.SIGTERM)
                break
        process.stderr.read()
    assert process.returncode == 130
    assert lab.cancelled == ["17.0", "17.1", "17.2"]
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {node["error_type"] for node in results["nodes"].values()} == {"cancelled"}


def test_a_second_interruption_waits_for_nothing(lab, tmp_path, monkeypatch):
    """If the server is slow to cancel, the error lists the jobs that may still run."""
    lab.last = 10**6
    held = threading.Event()
    lab.on_cancel = held.wait
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    words = [COMMAND, "submit", "job.yaml", "--server", lab.url, "-o", "out", "--interval", "0.05"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if "running" in line:
                process.send_signal(signal.SIGINT)
                break
        assert lab.asked_to_cancel.wait(30)
        process.send_signal(signal.SIGINT)
        process.stderr.read()
    held.set()
    assert process.returncode == 130
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    errors = [node["error"] for node in results["nodes"].values()]
    assert all("NOT canceled" in error and "interrupted again" in error for error in errors)
    assert f"{lab.url}/scheduler/job/17.2" in errors[2]


def test_a_run_that_cannot_be_written_cancels_its_jobs(lab, tmp_path, capsys):
    """Jobs without a client are cancelled."""
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    assert main(["submit", "job.yaml", "--server", lab.url, "-o", "job.yaml/x"]) == 2
    assert "cannot be used as the output directory" in capsys.readouterr().err
    assert lab.cancelled == ["17.0", "17.1", "17.2"]


def test_a_closed_terminal_cancels_them_all(lab, tmp_path):
    """The failed message does not keep the other jobs from being cancelled."""
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    reader, closed = os.pipe()
    os.close(reader)
    words = [COMMAND, "submit", "job.yaml", "--server", lab.url, "-o", "job.yaml/x"]
    done = subprocess.run(words, cwd=tmp_path, stderr=closed, timeout=60)
    os.close(closed)
    assert done.returncode == 2
    assert lab.cancelled == ["17.0", "17.1", "17.2"]


def test_a_job_that_never_starts(lab, tmp_path, capsys):
    """After --wait the job is cancelled, and the error names the nodes without a board."""
    lab.states["17.1"] = "Submitted"
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    words = ["submit", "job.yaml", "--server", lab.url, "-o", "out", "--interval", "0.01"]
    assert main([*words, "--wait", "0.5"]) == 3
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    error = results["nodes"]["b-1"]["error"]
    assert error == "not started within 0.5 s: b-1 (submitted): canceled on the server"
    assert lab.cancelled == ["17.1"]


def test_secrets_of_a_job_stay_on_the_server(lab, submit, tmp_path):
    """Secrets are sent to the server and not written to the run directory."""
    lab.logs = {f"17.{n}": job_log("x", "pass") for n in range(3)}
    callback = {"url": "https://h/", "token": SECRET}
    notify = {"criteria": {"status": "finished"}, "callback": callback}
    assert submit(JOB | {"secrets": {"KEY": SECRET}, "notify": notify})[0] == 0
    assert lab.submitted[0]["secrets"] == {"KEY": SECRET}
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or SECRET not in path.read_text(), path


def test_a_job_for_one_board(lab, submit):
    """The job is submitted unchanged; its node has the name of the role."""
    lab.logs = {"17.0": job_log("x", "pass")}
    job = {key: value for key, value in JOB.items() if key != "protocols"} | {"device_type": "q"}
    job["actions"] = [
        {kind: {key: item for key, item in block.items() if key != "role"}}
        for action in JOB["actions"] for kind, block in action.items()
    ]  # fmt: skip
    code, results = submit(job)
    assert (code, list(results["nodes"])) == (0, ["board"])
    assert lab.submitted == [job]


def test_a_count_of_jobs_that_does_not_fit(lab, tmp_path, capsys):
    """If the server creates another number of jobs, all are cancelled."""
    lab.extra = 1
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    assert main(["submit", "job.yaml", "--server", lab.url, "-o", "out"]) == 3
    assert "4 jobs for 3 nodes" in capsys.readouterr().err
    assert len(lab.cancelled) == 4
