"""A stand-in for a LAVA server on loopback, and `lava-multinode submit` to it."""

from __future__ import annotations

import base64
import json
import threading
import xmlrpc.client
from socketserver import ThreadingMixIn
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

import pytest
import yaml

from lava_dispatcher_multinode.commands.lava_multinode import main

SECRET = "0123456789secret"


class Lab:
    """The state of the stand-in: jobs, each with the log of its next polls."""

    def __init__(self):
        self.submitted = []
        self.logs = {}
        self.cancelled = []
        self.health = {}
        self.errors = {}
        self.looks = {}
        self.last = 4
        self.states = {}
        self.extra = 0
        self.refusal = None
        self.asked_to_cancel = threading.Event()
        self.on_cancel = lambda: None

    def submit(self, definition):
        """Submit a job like scheduler.jobs.submit: one ID for each node."""
        job = yaml.safe_load(definition)
        if self.refusal:
            raise self.refusal
        self.submitted.append(job)
        if "protocols" not in job:
            return "17.0"
        count = sum(r["count"] for r in job["protocols"]["lava-multinode"]["roles"].values())
        return [f"17.{number}" for number in range(count + self.extra)]

    def show(self, job):
        """Return the state of a job; it ends after four polls."""
        if not job.startswith("17."):
            raise xmlrpc.client.Fault(404, f"Job '{job}' was not found.")
        looks = self.looks[job] = self.looks.get(job, 0) + 1
        state = "Submitted" if looks == 1 else "Running" if looks < self.last else "Finished"
        state = self.states.get(job, state)
        health = self.health.get(job, "Complete") if state == "Finished" else "Unknown"
        return {
            "id": job,
            "state": state,
            "health": health,
            "device": None if looks == 1 else "qemu07",
            "error_msg": self.errors.get(job, ""),
        }

    def log(self, job, start, _end=None):
        """Return whether the job has ended, and lines of its log."""
        looks = self.looks.get(job, 0)
        lines = self.logs.get(job, [])[: max(0, (looks - 1) * 3)]
        text = "".join(f"- {json.dumps(line)}\n" for line in lines[start:]) or "[]"
        return looks >= self.last, xmlrpc.client.Binary(text.encode())

    def cancel(self, job):
        """Record the cancellation."""
        self.asked_to_cancel.set()
        self.on_cancel()
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
        entry("info", "Ending test lava.0_t (17_1), duration 0.10"),
        entry("results", {"definition": "lava", "case": "0_t", "result": "pass"}),
        entry("info", "end: 1 lava-test-retry (duration 00:00:01) [common]"),
        entry("results", {"definition": "lava", "case": "job", "result": job, **more}),
    ]


class Threads(ThreadingMixIn, SimpleXMLRPCServer):
    """Like a real server, answers the next request while the last connection is open."""

    daemon_threads = True


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The stand-in, and lavacli's configuration for it; `server.url` is its address."""
    known = Lab()
    right = b"Basic " + base64.b64encode(f"ann:{SECRET}".encode())

    class Handler(SimpleXMLRPCRequestHandler):
        rpc_paths = ("/RPC2",)

        def do_POST(self):  # noqa: N802
            if self.headers.get("Authorization", "").encode() != right:
                self.send_error(401, "Unauthorized")
                return
            super().do_POST()

    with Threads(("127.0.0.1", 0), Handler, logRequests=False, allow_none=True) as threads:
        for name in ("submit", "show", "cancel"):
            threads.register_function(getattr(known, name), f"scheduler.jobs.{name}")
        threads.register_function(known.log, "scheduler.jobs.logs")
        thread = threading.Thread(target=threads.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        known.url = f"http://127.0.0.1:{threads.server_address[1]}"
        identity = {"uri": known.url + "/RPC2/", "username": "ann", "token": SECRET}
        (tmp_path / "lavacli.yaml").write_text(yaml.safe_dump({"desk": identity}))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        yield known
        threads.shutdown()
        thread.join()


@pytest.fixture
def submit(server, tmp_path):
    """A function that runs `lava-multinode submit` on a job; returns code and results."""

    def run(job, to=None):
        (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
        words = [
            "submit",
            "job.yaml",
            "--server",
            to or server.url,
            "-o",
            "out",
            "--interval",
            "0.01",
        ]
        code = main(words)
        return code, json.loads((tmp_path / "out" / "results.json").read_text())

    return run
