"""The server of the live page: only for this host, and only with the right URL."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

from lava_dispatcher_multinode.report.html import live_server
from lava_dispatcher_multinode.report.html.live_server import LiveRun, WebServer


@pytest.fixture
def run(tmp_path, whole_story):
    """A run in progress with one console."""
    log = tmp_path / "nodes" / "panda01" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_text("[    1.000000] hello \x1b[2J\n")
    live = LiveRun(tmp_path)
    for event in whole_story[:-1]:
        live(event)
    return live


@pytest.fixture
def server(run, monkeypatch):
    """Its server."""
    monkeypatch.setattr(live_server, "CLOSE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(live_server, "POLL_INTERVAL_S", 0.05)
    with WebServer(run) as running:
        yield running


def get(server, path="", **headers):
    """Return the answer to one request."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.request("GET", parts.path + path, headers=headers)
    return connection.getresponse()


def events(answer):
    """Yield (kind, data) of an event stream."""
    kind = ""
    for line in answer:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, value


def test_page_is_that_of_now(server, run):
    """It has all events so far; a run in progress is not shown as cut off."""
    answer = get(server)
    page = answer.read().decode()
    assert answer.status == 200
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert 'data-live="events"' in page
    assert "connect-src 'self'" in page
    assert "running" in page
    assert "cut off" not in page
    assert "iperf" in page


@pytest.mark.parametrize("path", ["", "/", "/wrong/", "/wrong/events", "/events"])
def test_without_the_token_there_is_nothing(server, path):
    """Other users of the machine reach the port, too."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert answer.status == 403
    assert b"panda" not in answer.read()


def test_another_host_name_is_refused(server):
    """A page from elsewhere cannot have its own name point here."""
    assert get(server, Host="evil.example:80").status == 403


def test_only_consoles_of_the_run_are_files(server):
    """No path leads out of the directory."""
    assert get(server, "nodes/panda01/console.log").read().startswith(b"[    1.000000] hello")
    for path in ("nodes/..%2Fx/console.log", "nodes/panda01/../../job.json", "job.json"):
        assert get(server, path).status == 404


def test_it_listens_on_loopback_only(server):
    """Nothing is open to the network."""
    host = urlsplit(server.url).hostname
    assert host == "127.0.0.1"
    assert server._server.socket.getsockname()[0] == host


def test_stream_has_consoles_changes_and_the_end(server, run, whole_story, tmp_path):
    """A page gets new console lines before the notice of new events."""
    get(server).read()
    stream = events(get(server, "events"))
    kind, data = next(stream)
    assert (kind, json.loads(data)) == (
        "console",
        {"node": "panda01", "text": "[    1.000000] hello \\x1b[2J\n"},
    )
    assert next(stream)[0] == "changed"
    with open(tmp_path / "nodes" / "panda01" / "console.log", "a", encoding="utf-8") as file:
        file.write("[    2.000000] more\n[    3.000000] half")
    assert json.loads(next(stream)[1])["text"] == "[    2.000000] more\n"
    run(whole_story[-1])
    run.finish()
    assert [next(stream)[0] for _ in range(2)] == ["changed", "end"]
    assert "exit code 3" in get(server).read().decode()


def test_followers_are_bounded(server, monkeypatch):
    """A page above the limit gets an error, so that many pages do not slow down the run."""
    monkeypatch.setattr(live_server, "MAX_FOLLOWERS", 1)
    first = get(server, "events")
    assert first.status == 200
    first.readline()
    assert get(server, "events").status == 503


def test_a_silent_client_does_not_delay_others(server, monkeypatch):
    """A connection without a request does not keep others out, and its number is bounded."""
    parts = urlsplit(server.url)
    silent = [socket.create_connection((parts.hostname, parts.port)) for _ in range(5)]
    assert get(server).status == 200
    for connection in silent:
        connection.close()


def test_taken_port_is_an_error(server, run):
    """A port that is in use is an error."""
    with pytest.raises(OSError, match="in use"):
        WebServer(run, urlsplit(server.url).port)
