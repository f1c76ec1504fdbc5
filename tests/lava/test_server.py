"""Submitting to a LAVA server and following the jobs there.

The server is a stand-in on loopback: LAVA's XML-RPC methods as its source has
them, with jobs that end when they are asked for often enough. lavacli's
transport and everything above it is the real thing.
"""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import threading
import xmlrpc.client
from pathlib import Path
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

import pytest
import yaml

from lava_dispatcher_multinode.commands.multinode import main
from lava_dispatcher_multinode.errors import InfrastructureError, InvalidJob
from lava_dispatcher_multinode.lava import server as module
from lava_dispatcher_multinode.lava.follow import follow, node_names
from lava_dispatcher_multinode.lava.server import Server, Unreachable, endpoint, identity_for

from .conftest import lava_job, lava_test

pytest.importorskip("lavacli", reason="lavacli (extra lab) is not installed")
COMMAND = Path(sys.executable).parent / "lava-multinode"
SECRET = "0123456789secret"


class Lab:
    """What the stand-in knows: jobs, each with the log that its next looks will show."""

    def __init__(self):
        self.submitted = []
        self.logs = {}
        self.cancelled = []
        self.health = {}
        self.looks = {}
        self.last = 4

    def submit(self, definition):
        """Take a job, as scheduler.jobs.submit does: one ID for each node."""
        job = yaml.safe_load(definition)
        self.submitted.append(job)
        count = sum(r["count"] for r in job["protocols"]["lava-multinode"]["roles"].values())
        return [f"17.{number}" for number in range(count)]

    def show(self, job):
        """Return how a job is; it ends after four looks."""
        if not job.startswith("17."):
            raise xmlrpc.client.Fault(404, f"Job '{job}' was not found.")
        looks = self.looks[job] = self.looks.get(job, 0) + 1
        state = "Submitted" if looks == 1 else "Running" if looks < self.last else "Finished"
        health = self.health.get(job, "Complete") if state == "Finished" else "Unknown"
        return {
            "id": job,
            "state": state,
            "health": health,
            "device": None if looks == 1 else "qemu07",
        }

    def log(self, job, start, _end=None):
        """Return whether it has ended, and lines of its log."""
        looks = self.looks.get(job, 0)
        lines = self.logs.get(job, [])[: max(0, (looks - 1) * 3)]
        text = "".join(f"- {json.dumps(line)}\n" for line in lines[start:]) or "[]"
        return looks >= self.last, xmlrpc.client.Binary(text.encode())

    def cancel(self, job):
        """Note it."""
        self.cancelled.append(job)


def entry(level, message):
    """Return a line of LAVA's log."""
    return {"dt": "2026-01-01T00:00:00", "lvl": level, "msg": message}


def job_log(case, result, job="pass", **more):
    """Return a whole log of a job with one test case."""
    return [
        entry("info", "start: 1 lava-test-retry (timeout 00:01:00) [common]"),
        entry("target", "the board says hello"),
        entry("info", "Starting test lava.0_t (17_1)"),
        entry("results", {"definition": "0_t", "case": case, "result": result}),
        entry("info", "end: 1 lava-test-retry (duration 00:00:01) [common]"),
        entry("results", {"definition": "lava", "case": "job", "result": job, **more}),
    ]


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The stand-in, and lavacli's configuration for it; `lab.url` is its address."""
    known = Lab()
    right = b"Basic " + base64.b64encode(f"ann:{SECRET}".encode())

    class Handler(SimpleXMLRPCRequestHandler):
        rpc_paths = ("/RPC2",)

        def do_POST(self):  # noqa: N802
            if self.headers.get("Authorization", "").encode() != right:
                self.send_error(401, "Unauthorized")
                return
            super().do_POST()

    with SimpleXMLRPCServer(
        ("127.0.0.1", 0), Handler, logRequests=False, allow_none=True
    ) as server:
        for name in ("submit", "show", "cancel"):
            server.register_function(getattr(known, name), f"scheduler.jobs.{name}")
        server.register_function(known.log, "scheduler.jobs.logs")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        known.url = f"http://127.0.0.1:{server.server_address[1]}"
        identity = {"uri": known.url + "/RPC2/", "username": "ann", "token": SECRET}
        (tmp_path / "lavacli.yaml").write_text(yaml.safe_dump({"desk": identity}))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        yield known
        server.shutdown()
        thread.join()


@pytest.fixture
def submit(lab, tmp_path):
    """A function that runs `lava-multinode submit` on a job; returns code and results."""

    def run(job, server=None):
        (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
        words = [
            "submit",
            "job.yaml",
            "--server",
            server or lab.url,
            "-o",
            "out",
            "--interval",
            "0.01",
        ]
        code = main(words)
        return code, json.loads((tmp_path / "out" / "results.json").read_text())

    return run


JOB = lava_job({"a": {}, "b": {"count": 2}}, lava_test("t", ["a", "b"], "true"))


def test_results_of_all_sub_jobs(lab, submit, tmp_path):
    """One results.json, as if they had run here; the log and the board's lines too."""
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
    """A failed case is 1, a lab's trouble 3; the worst counts, and each node has its own."""
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


def test_an_identity_by_name_and_none_at_all(lab, submit, tmp_path, capsys):
    """lavacli's names work; without a token the server's refusal says where it belongs."""
    lab.logs = {f"17.{n}": job_log("x", "pass") for n in range(3)}
    assert submit(JOB, "desk")[0] == 0
    (tmp_path / "lavacli.yaml").unlink()
    assert main(["submit", "job.yaml", "--server", lab.url, "-o", "o2"]) == 3
    said = capsys.readouterr().err
    assert "401" in said
    assert "lavacli.yaml" in said
    assert main(["submit", "job.yaml", "--server", "desk", "-o", "o2"]) == 2
    assert "neither a URL nor an identity" in capsys.readouterr().err


def test_an_interruption_cancels_the_jobs(lab, tmp_path):
    """Other people's boards are not kept busy for a run that nobody waits for."""
    lab.last = 10**6  # it never ends by itself
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


def test_the_token_is_in_no_message(lab, tmp_path, capsys):
    """Not even when the server cannot be reached."""
    identity = {"uri": "http://127.0.0.1:1/RPC2", "username": "ann", "token": SECRET}
    (tmp_path / "lavacli.yaml").write_text(yaml.safe_dump({"gone": identity}))
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    assert main(["submit", "job.yaml", "--server", "gone"]) == 3
    said = capsys.readouterr()
    assert "127.0.0.1:1" in said.err
    assert SECRET not in said.err + said.out
    assert SECRET not in repr(identity_for("gone"))


def test_a_server_that_is_gone_for_a_while_is_asked_again():
    """And for too long is a failure."""
    times = iter(range(0, 10_000, 100))
    events = []

    class Away:
        def show(self, job):
            raise Unreachable("away")

    with pytest.raises(InfrastructureError, match="away"):
        follow(
            Away(), [type("Job", (), {"ended": False, "job": "1"})()],
            lambda event, **fields: events.append(fields["text"]), 1,
            sleep=lambda _: None, clock=lambda: next(times),
        )  # fmt: skip
    assert len(events) > 2


def test_a_refusal_is_the_jobs_fault(lab):
    """With the server's sentence."""
    with pytest.raises(InvalidJob, match="was not found"):
        Server(identity_for(lab.url)).show("99")


def test_without_lavacli_it_says_how_to_get_it(monkeypatch):
    """The extra's name, not a traceback."""
    monkeypatch.setitem(__import__("sys").modules, "lavacli", None)
    with pytest.raises(InvalidJob, match=r"pip install 'lava-dispatcher-multinode\[lab\]'"):
        Server(module.Identity("http://x/RPC2"))


@pytest.mark.parametrize(
    "url",
    [
        "https://l.example",
        "https://l.example/",
        "https://me:t@L.example/RPC2/",
        "https://l.example/RPC2",
    ],
)
def test_one_endpoint_for_every_way_to_write_it(url):
    """What is configured is found, and no password of a URL is kept."""
    assert endpoint(url) == "https://l.example/RPC2"


def test_nodes_are_named_by_role():
    """Numbered where a role has more than one; none where it has none."""
    job = lava_job({"a": {}, "b": {"count": 2}, "c": {"count": 0}})
    assert node_names(job) == [("a", "a"), ("b-1", "b"), ("b-2", "b")]
