"""A LAVA server: connection, refusals, and other servers; the server is a stand-in."""

from __future__ import annotations

import sys
import threading
import xmlrpc.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from lava_dispatcher_multinode.commands.lava_multinode import main
from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.lava.lab import lab_server as module
from lava_dispatcher_multinode.lava.lab.lab_server import LavaServer, endpoint, identity_for

from ..conftest import lava_job, lava_test
from ..stand_in import SECRET, job_log

COMMAND = Path(sys.executable).parent / "lava-multinode"


@pytest.fixture
def lab(server):
    """The stand-in, in place of a lab's device files."""
    return server


JOB = lava_job({"a": {}, "b": {"count": 2}}, lava_test("t", ["a", "b"], "true"))


def test_an_identity_by_name_and_none_at_all(lab, submit, tmp_path, capsys):
    """lavacli's names work; without a token the hint after the refusal says where it belongs."""
    lab.logs = {f"17.{n}": job_log("x", "pass") for n in range(3)}
    assert submit(JOB, "desk")[0] == 0
    (tmp_path / "lavacli.yaml").unlink()
    assert main(["submit", "job.yaml", "--server", lab.url, "-o", "o2"]) == 3
    said = capsys.readouterr().err
    assert "401" in said
    assert "lavacli.yaml" in said
    assert main(["submit", "job.yaml", "--server", "desk", "-o", "o2"]) == 2
    assert "neither a URL nor an identity" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, "<html><body>Log in<br></body></html>", "check your endpoint URL"),
        (200, "", "endpoint URL"),
        (404, "gone", "404"),
        (500, "oops", "500"),
        (502, "busy", "502"),
    ],
)
def test_what_is_no_lava_server(tmp_path, monkeypatch, capsys, status, body, said):
    """HTML, nothing, an error: address and answer, exit code 3, no second submission."""
    asked = []

    class Page(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        code = main(["submit", "job.yaml", "--server", url, "-o", "out"])
        server.shutdown()
        thread.join()
    text = capsys.readouterr().err
    assert code == 3, text
    assert said in text
    assert url in text
    assert asked == ["/RPC2"]
    assert not (tmp_path / "out").exists()


def test_a_server_without_tls(lab, tmp_path, capsys):
    """https:// to a port that speaks http: named as such, exit code 3."""
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    url = lab.url.replace("http:", "https:")
    assert main(["submit", "job.yaml", "--server", url, "-o", "out"]) == 3
    assert "SSL" in capsys.readouterr().err


def test_the_servers_refusal_of_a_job(lab, tmp_path, capsys):
    """The server's own message, exit code 2."""
    lab.refusal = xmlrpc.client.Fault(400, "Decoding job submission failed: no such type")
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    assert main(["submit", "job.yaml", "--server", lab.url, "-o", "out"]) == 2
    assert "no such type" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_token_is_in_no_message(lab, tmp_path, capsys):
    """Also if the server cannot be reached."""
    identity = {"uri": "http://127.0.0.1:1/RPC2", "username": "ann", "token": SECRET}
    (tmp_path / "lavacli.yaml").write_text(yaml.safe_dump({"gone": identity}))
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(JOB))
    assert main(["submit", "job.yaml", "--server", "gone"]) == 3
    said = capsys.readouterr()
    assert "127.0.0.1:1" in said.err
    assert SECRET not in said.err + said.out
    assert SECRET not in repr(identity_for("gone"))


def test_a_refusal_is_the_jobs_fault(lab):
    """With the server's message."""
    with pytest.raises(InvalidJob, match="was not found"):
        LavaServer(identity_for(lab.url)).get_state("99")


def test_without_lavacli_it_says_how_to_get_it(monkeypatch):
    """A hint what to install, no traceback."""
    monkeypatch.setitem(__import__("sys").modules, "lavacli", None)
    with pytest.raises(InvalidJob, match="pip install lavacli"):
        LavaServer(module.Identity("http://x/RPC2"))


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
    """A configured server is found, and no password of a URL is kept."""
    assert endpoint(url) == "https://l.example/RPC2"
