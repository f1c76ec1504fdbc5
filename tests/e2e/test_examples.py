"""The examples run as printed."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow


def test_the_seed_s_job(dispatch, examples):
    """Two pandas and a beaglexm deploy, boot, synchronise and pass."""
    run = dispatch("--simulate", examples / "seed.json")
    assert run.code == 0, run.err
    results = run.results
    assert results["status"] == "pass"
    nodes = results["nodes"]
    assert {name: node["role"] for name, node in nodes.items()} == {
        "panda01": "omap4",
        "panda02": "omap4",
        "beaglexm01": "omap3",
    }
    for name, node in nodes.items():
        commands = [(action["command"], action["status"]) for action in node["actions"]]
        assert commands == [("deploy_linaro_image", "pass"), ("lava_test_shell", "pass")]
        assert run.cases(name)["multinode-sync-booted"] == "pass"
        assert run.cases(name)["kernels-of-the-others"] == "pass"
        console = run.console(name)
        assert console.index(b"U-Boot") < console.index(b"Linux version")
    assert b"fatload mmc 0:3 0x80200000 uImage" in run.console("panda01")
    assert b"fatload mmc 0:3 0x80000000 uImage" in run.console("beaglexm01")
    assert (run.directory / "results.xml").read_text().startswith("<?xml")
    assert "panda02" in (run.directory / "report.html").read_text()


def test_no_result_stands_before_the_message_that_brought_it(dispatch, examples):
    """Events are written in causal order."""
    run = dispatch("--simulate", examples / "seed.json")
    happened, results = set(), 0
    for line in (run.directory / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "message":
            happened.add((event["from"], f"multinode-send-{event['id']}"))
        elif event["event"] == "wait_finished":
            api = event["api"].replace("-", "_")
            happened.add((event["node"], f"multinode-{api}-{event['id']}"))
        elif event["event"] == "test_case" and event["case"].startswith("multinode-"):
            assert (event["node"], event["case"]) in happened
            results += 1
    assert results == 21


@pytest.mark.parametrize(
    ("name", "role", "measured"),
    [
        ("client-server", "client", 1),
        ("variable-clients", "client", 3),
    ],
)
def test_client_and_server(dispatch, examples, name, role, measured):
    """Clients transfer data to the server, by address and by name."""
    run = dispatch("--simulate", examples / f"{name}.json")
    assert run.code == 0, run.err
    speeds = [
        case["measurement"]
        for node in run.results["nodes"].values()
        if node["role"] == role
        for case in node["results"]
        if case["case"] == "throughput"
    ]
    assert len(speeds) == measured
    assert all(speed > 0 for speed in speeds)


def test_peer_to_peer(dispatch, examples):
    """Every peer fetches the data of every other peer."""
    run = dispatch("--simulate", examples / "peer-to-peer.json")
    assert run.code == 0, run.err
    names = list(run.results["nodes"])
    assert len(names) == 3
    for name in names:
        fetched = {case for case, result in run.cases(name).items() if result == "pass"}
        assert {f"data-of-{other}" for other in names if other != name} <= fetched
