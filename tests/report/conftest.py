"""Events for reports: the story of a run, and a strategy for any others."""

import pytest
from hypothesis import strategies as st

NODES = {
    "panda01": {"role": "server", "device_type": "panda"},
    "panda02": {"role": "client", "device_type": "panda"},
    "beaglexm01": {"role": "client", "device_type": "beaglexm"},
}


class Story:
    """Builds the events of a run; `at` sets the time of the next ones."""

    def __init__(self):
        self.events = []
        self.time = 0.0

    def at(self, time):
        """Set the time of what comes."""
        self.time = time
        return self

    def add(self, event, **fields):
        """Add any event."""
        self.events.append({"t": self.time, "event": event, **fields})
        return self

    def start(self, nodes=None):
        """Start the job."""
        job = {"name": "ping", "id": "42", "file": "ping.json"}
        nodes = NODES if nodes is None else nodes
        return self.add("job_started", job=job, started="2026-11-22T14:00:00Z", nodes=nodes)

    def action(self, node, command="lava_test_shell", status="pass", error=None, index=0):
        """Start and finish an action."""
        tests = command == "lava_test_shell"
        self.add("action_started", node=node, index=index, command=command, tests=tests)
        return self.add(
            "action_finished",
            node=node,
            index=index,
            command=command,
            status=status,
            seconds=1.5,
            error=error,
        )

    def case(self, node, case="ping", result="pass", **more):
        """Record a test case."""
        fields = dict.fromkeys(("measurement", "units", "set", "start", "end"))
        fields |= {"node": node, "definition": "0_smoke", "case": case, "result": result} | more
        return self.add("test_case", **fields)

    def wait(self, node, outcome="done", reason="", api="wait", id="ready", cause="peer-lost"):  # noqa: A002
        """Wait for two seconds."""
        asked = self.time
        self.add("wait_started", node=node, api=api, id=id, role=None, missing=["panda01"])
        self.at(asked + 2)
        return self.add(
            "wait_finished",
            node=node,
            api=api,
            id=id,
            role=None,
            asked=asked,
            outcome=outcome,
            cause="satisfied" if outcome == "done" else cause,
            reason=reason,
        )

    def message(self, sender, id="ready", **data):  # noqa: A002
        """Send a message."""
        return self.add("message", id=id, data=data, **{"from": sender})

    def end(self, node, status="pass", error_type=None, error=None):
        """Finish a node."""
        return self.add(
            "node_finished", node=node, status=status, error_type=error_type, error=error
        )

    def finish(self, code=0):
        """Finish the job."""
        return self.add(
            "job_finished", status="pass", exit_code=code, finished="2026-11-22T14:01:00Z"
        )


@pytest.fixture
def story():
    """An empty run."""
    return Story()


DEADLOCK = "deadlock: " + "; ".join(f"{name} waits for 'x' from another" for name in NODES)


@pytest.fixture
def deadlock():
    """A run of three boards that wait for each other, in two calls."""
    told = Story().start()
    for name, what in zip(NODES, "aab", strict=True):
        told.at(1).wait(name, "never", DEADLOCK, id=what, cause="deadlock")
        told.case(name, f"multinode-wait-{what}", "fail").action(name)
    for name in NODES:
        told.end(name)
    return told.finish(1).events


@pytest.fixture
def whole_story():
    """A run of three boards: one passes, one fails a case, one dies."""
    told = Story().start()
    for name in NODES:
        told.at(told.time + 0.5).action(name, "deploy_linaro_image")
    told.at(3).message("panda01", ip="10.0.0.1").wait("panda02")
    told.at(6).case("panda01", measurement=3.5, units="ms", start=5.0, end=5.25)
    told.case("panda02").case("panda02", "iperf <b>", "fail", set="net").case(
        "panda02", "usb", "skip"
    )
    told.at(7).action("panda01", index=1).action("panda02", index=1, status="fail")
    told.action("beaglexm01", index=1, status="error", error="kernel panic\nCPU: 0")
    told.at(8).end("panda01").end("panda02", "fail")
    told.end("beaglexm01", "error", "infrastructure", "lava_test_shell: kernel panic\nCPU: 0")
    return told.at(9).finish(3).events


def _strategy():
    # What breaks a terminal, XML, HTML, TAP, a line or an encoder, and some letters.
    odd = "ab \x00\t\n\r\x1b\x7f\x85\x9b[]<>&\"'#\\\u2028\u202e\ud800\udfff\ufffe\u4e2d\U0001f600"
    text = st.one_of(st.sampled_from(list(NODES)), st.text(odd, max_size=12))
    number = st.one_of(st.integers(-9, 10**6), st.floats(), st.none())
    value = st.one_of(st.none(), st.booleans(), number, text, st.lists(text, max_size=3))
    status = st.sampled_from(["pass", "fail", "error", "skipped", "odd"])
    fields = {
        "node": st.sampled_from([*NODES, "stranger"]),
        "index": st.integers(0, 3),
        "command": st.sampled_from(["lava_test_shell", "boot_linaro_image"]),
        "status": status,
        "seconds": number,
        "tests": st.one_of(st.none(), st.booleans(), value),
        "error": st.one_of(st.none(), text),
        "error_type": st.sampled_from([None, "test", "infrastructure", "bug", "cancelled", "odd"]),
        "text": text,
        "definition": text,
        "case": text,
        "result": st.sampled_from(["pass", "fail", "skip", "unknown", "odd"]),
        "measurement": value,
        "units": value,
        "set": value,
        "start": number,
        "end": number,
        "id": text,
        "from": st.sampled_from(list(NODES)),
        "data": st.one_of(st.dictionaries(text, text, max_size=3), value),
        "api": st.sampled_from(["send", "wait", "wait-all", "sync"]),
        "role": st.one_of(st.none(), text),
        "attempt": number,
        "of": number,
        "senders": st.one_of(st.none(), st.lists(text, max_size=3)),
        "missing": st.one_of(st.none(), st.lists(text, max_size=3)),
        "missing_more": number,
        "not_joined": number,
        "cause": st.one_of(st.none(), text),
        "asked": number,
        "outcome": st.sampled_from(["done", "refused", "timeout", "never", "odd"]),
        "reason": text,
        "level": st.sampled_from(["info", "warning", "error"]),
        "job": st.one_of(st.fixed_dictionaries({"name": text, "id": text, "file": text}), value),
        "nodes": st.one_of(st.just(NODES), st.dictionaries(text, value, max_size=2)),
        "started": st.one_of(st.none(), text),
        "finished": st.one_of(st.none(), text),
        "exit_code": st.sampled_from([None, 0, 1, 3, 70, 99, "3"]),
    }
    kinds = {
        "job_started": "job started nodes",
        "action_started": "node index command tests",
        "action_finished": "node index command status seconds error",
        "step": "node text",
        "definition_started": "node definition",
        "definition_finished": "node definition",
        "test_case": "node definition case result measurement units set start end",
        "message": "id from data",
        "wait_started": "node api id role missing missing_more not_joined",
        "wait_finished": "node api id role asked outcome cause reason senders",
        "boot_started": "node attempt of",
        "boot_finished": "node attempt of status error",
        "node_finished": "node status error_type error",
        "log": "node level text",
        "job_finished": "status exit_code finished",
        "of_the_future": "node text",
    }
    return st.lists(
        st.one_of(
            *(
                st.fixed_dictionaries(
                    {"t": st.floats(0, 10**5), "event": st.just(kind)},
                    optional={name: fields[name] for name in names.split()},
                )
                for kind, names in kinds.items()
            )
        ),
        max_size=30,
    )


@pytest.fixture(scope="session")
def event_lists():
    """A strategy: events of every kind, in any order, cut anywhere, with odd values."""
    return _strategy()
