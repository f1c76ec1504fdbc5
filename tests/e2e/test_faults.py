"""Fault injection: error messages, exit codes and the files of failed runs.

Each row of FAULTS is one run, with a board that fails and a peer that waits for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .conftest import EXAMPLES
from .rack import Drop, Rack

pytestmark = pytest.mark.slow

VICTIM, PEER = "panda01", "panda02"
#: Steps of both boards; the peer waits for the other board, which fails after `now`.
STEPS = (
    "lava-test-case before --shell true",
    f"[ $(lava-self) = {PEER} ] || {{ sleep %d; {{ %s; }}; sleep %d; }}",
    "lava-sync done",
    "lava-test-case after --shell true",
)


@dataclass(frozen=True)
class Fault:
    """A fault of the victim and the expected outcome of the run."""

    name: str
    says: str  # pattern for the victim's error, or for the terminal output
    code: int = 3
    faults: dict[str, Any] = field(default_factory=dict)  # of the simulator
    drop: Drop | None = None
    device: dict[str, Any] = field(default_factory=dict)  # keys of the device file
    before: bool = True  # the victim's results before the fault are kept
    # Outcome of the peer's wait; "": completed; None: not checked, as it times out, too.
    peer: str | None = "never"
    tries: int = 1  # boot attempts of the victim
    timeout: int = 60  # of the job, in seconds
    naps: tuple[int, int] = (0, 1)  # seconds to sleep before and after the fault
    does: str = "echo here-and-now"  # command between the naps


IN_TEST = "text:here-and-now"
FAULTS = (
    Fault(
        "panic in the boot",
        "died while it booted: Kernel panic",
        faults={"panic": "kernel"},
        before=False,
    ),
    Fault(
        "panic at the login",
        "died while it booted: Kernel panic",
        faults={"panic": "login"},
        before=False,
    ),
    Fault(
        "panic in a test",
        "died while tests ran: Kernel panic - not syncing: Fatal",
        faults={"panic": IN_TEST},
    ),
    Fault(
        "panic where kernels are tested",
        "died while tests ran: Kernel panic - not syncing: Fatal",
        code=1,
        faults={"panic": IN_TEST},
        device={"panic": "test"},
    ),
    Fault(
        "hang",
        "board hangs: no output for.*0_test was running",
        faults={"hang": IN_TEST},
        device={"silence": 3},
    ),
    Fault(
        "hang, seen at the deadline",
        "board hangs: no output for",
        faults={"hang": IN_TEST},
        timeout=16,
        peer=None,
    ),
    Fault(
        "hang in the boot",
        r"within 2 s \(login\.timeout\): check login\.prompt \('login:'\)",
        faults={"hang": "login"},
        device={"login": {"timeout": 2}},
        before=False,
    ),
    Fault(
        "hang in U-Boot",
        r"2 s \(boot\.autoboot_timeout\)",
        faults={"hang": "uboot"},
        device={"boot": {"autoboot_timeout": 2}},
        before=False,
    ),
    Fault(
        "the shell dies in a test",
        "lava-test-runner has died.*0_test was running",
        device={"silence": 3},
        does="kill -9 -1",
        naps=(0, 30),
    ),
    Fault(
        "the shell dies in a test, seen at the deadline",
        "lava-test-runner has died.*0_test was running",
        does="kill -9 -1",
        timeout=16,
        naps=(0, 30),
        peer=None,
    ),
    Fault(
        "the runner dies in a test",
        "lava-test-runner has died.*0_test was running",
        device={"silence": 3},
        does='read -r runner _ <"$LAVA_DIR/channel/owner"; kill -9 $runner',
        naps=(0, 30),
    ),
    Fault(
        "a login prompt that a test prints",
        "",
        code=0,
        device={"silence": 3},
        does="printf '\npanda01 login: '; sleep 5; echo; echo 'panda01 login: '",
        peer="",
    ),
    Fault("silent, but alive", "", code=0, device={"silence": 1}, peer="", naps=(0, 6)),
    Fault(
        "restart in a test",
        "the board restarted while tests ran: U-Boot",
        faults={"reboot": IN_TEST},
    ),
    Fault(
        "panic once, tried again",
        "boot attempt 1 of 2 failed",
        code=0,
        faults={"panic": "login", "times": 1},
        device={"boot": {"retries": 2}},
        peer="",
        tries=2,
    ),
    Fault(
        "countdown missed, then pressed from power-on",
        "boot attempt 1 of 3 failed: a kernel started before U-Boot could be stopped",
        code=0,
        faults={"countdown": 1},
        device={
            "deploy": {"layout": "image"},  # U-Boot boots it without commands
            "boot": {
                "retries": 3,
                "interrupt": "never said",
                "commands": [
                    "setenv bootargs console=ttyO2,115200n8 root=/dev/mmcblk0p2",
                    "fatload mmc 0:1 0x80200000 uImage; fatload mmc 0:1 0x81600000 uInitrd",
                    "bootm 0x80200000 0x81600000",
                ],
            },
        },
        peer="",
        tries=2,
    ),
    Fault(
        "console drops and comes back",
        "",
        code=0,
        drop=Drop(b"here-and-now"),
        peer="",
        naps=(3, 1),
    ),
    Fault(
        "console gone for good",
        "panda01: cannot .*; no connection since .* for more than 1 s",
        drop=Drop(b"here-and-now", back=False),
        device={"connection": {"reconnect": 1}},
        naps=(3, 1),
    ),
    Fault(
        "never boots",
        r"boot attempt 2 of 2 failed.*boot\.autoboot_timeout.*the power switch restarts",
        faults={"power": "dead"},
        device={"boot": {"retries": 2, "autoboot_timeout": 1}},
        before=False,
        tries=2,
    ),
    Fault(
        "power switch fails",
        r"power\.on 'exit …' exited with 3",
        device={"power": {"on": "exit 3", "retries": 1}},
        before=False,
    ),
    Fault(
        "power switch does not end",
        r"power\.on 'sleep …' has not ended within 1 s",
        device={"power": {"on": "sleep 60", "timeout": 1, "retries": 1}},
        before=False,
    ),
    Fault(
        "power-off does nothing",
        "still answers on its console 5 s after power-off",
        faults={"power": "stuck"},
        peer="",
    ),
    Fault(
        "U-Boot refuses a command",
        "'frobnicate' failed: Unknown command 'frobnicate'",
        device={"boot": {"commands": ["frobnicate", "boot"]}},
        before=False,
    ),
    Fault(
        "a line too long for U-Boot",
        "would cut the line 'setenv a xxx.*CONFIG_SYS_CBSIZE",
        device={"boot": {"commands": ["setenv a " + 600 * "x", "boot"]}},
        before=False,
    ),
)


@pytest.fixture
def rack(tmp_path):
    """Return a rack without boards."""
    made = Rack(tmp_path / "rack")
    yield made
    made.close()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_board_fails(dispatch, job, rack, fault):
    """A fault is detected and named, the peer's wait ends, both boards are off, files complete."""
    rack.add(VICTIM, faults=fault.faults, drop=fault.drop, device=fault.device)
    rack.add(PEER)
    more = {"timeout": fault.timeout, "multinode": {"deadlock_grace": 5}}
    roles = (("a", 1), ("b", 1))
    first, then = fault.naps
    steps = [step % (first, fault.does, then) if "%" in step else step for step in STEPS]
    run = dispatch(
        "--config-dir",
        rack.config,
        job(*steps, roles=roles, more=more),
    )
    assert run.code == fault.code, run.err
    _seen(run, fault)
    _released(run, fault)
    _on_disk(run, fault)


def _seen(run, fault):
    """Check the error on the terminal and in the results."""
    assert re.search(fault.says, run.err + run.out, re.DOTALL)
    victim = run.results["nodes"][VICTIM]
    if fault.code:
        assert re.search(fault.says, victim["error"], re.DOTALL)
    kinds = {0: ("pass", None), 1: ("fail", "test"), 3: ("error", "infrastructure")}
    assert (victim["status"], victim["error_type"]) == kinds[fault.code]


def _released(run, fault):
    """Check that the peer's wait ended with the reason and that its results are kept."""
    assert run.cases(PEER)["before"] == "pass"
    waits = [w for w in run.results["waits"] if w["node"] == PEER]
    if fault.peer is None:
        return
    if fault.peer:
        assert [w["outcome"] for w in waits] == [fault.peer]
        assert f"{VICTIM} failed: " in run.err
    else:
        assert [w["outcome"] for w in waits] == ["done"]
        assert run.cases(PEER)["after"] == "pass"


def _on_disk(run, fault):
    """Check console logs, events, reports and boot attempts."""
    assert run.results["exit_code"] == fault.code
    assert run.events[-1]["event"] == "job_finished"
    assert (run.cases(VICTIM).get("before") == "pass") is fault.before
    for name in ("results.xml", "report.html"):
        assert (run.directory / name).stat().st_size > 0
    for name in (VICTIM, PEER):
        log = (run.directory / "nodes" / name / "console.log").read_text()
        # Output that was already in transit may follow.
        off = any("-- power off --" in line for line in log.splitlines()[-3:])
        assert off or fault.name.startswith(("power", "console"))
    boots = [e for e in run.events if e["event"] == "boot_finished" and e["node"] == VICTIM]
    too_long = "too long" in fault.name
    assert len(boots) == (0 if too_long else fault.tries)


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "server gone"])
def test_the_next_holder_s_board_stays_as_it_is(dispatch, job, rack, taken):
    """A board keeps its power if another client holds its console, not if the server is dead."""
    drop = Drop(b"here-and-now", back=taken, taken=taken)
    rack.add(VICTIM, drop=drop, device={"connection": {"reconnect": 1}})
    steps = ("sleep 3; echo here-and-now; sleep 30",)
    run = dispatch("--config-dir", rack.config, job(*steps, roles=(("a", 1),)))
    assert run.code == 3, run.err
    node = run.results["nodes"][VICTIM]
    assert (node["status"], node["error_type"]) == ("error", "infrastructure")
    if taken:
        assert "another client holds the port ('Port already in use')" in node["error"]
        assert "another client uses the console: the power is not switched" in run.err
        assert rack.switches[VICTIM].asked == ["off", "off", "on"]
    else:
        assert rack.switches[VICTIM].asked == ["off", "off", "on", "off"]


def test_tests_that_cannot_begin_have_not_passed(dispatch, job):
    """A test runner that exits at once (full disk, for example) is an infrastructure error."""
    spoil = 'f=$(dirname "$(command -v lava-self)")/mkfifo; echo exit 1 >"$f"; chmod +x "$f"'

    def tests(name, *steps):
        definition = {"metadata": {"name": name}, "run": {"steps": steps}}
        return {"command": "lava_test_shell", "parameters": {"definitions": [definition]}}

    image = {"image": str(EXAMPLES / "images" / "panda.img.gz")}
    actions = [
        {"command": "deploy_linaro_image", "parameters": image},
        tests("first", "lava-test-case one --shell true", spoil),
        tests("second", "lava-test-case two --shell true"),
    ]
    run = dispatch("--simulate", job(actions=actions))
    assert run.code == 3, run.err
    error = run.results["nodes"]["panda01"]["error"]
    assert error.startswith("lava-test-runner exited without running 0_second\n")
    assert "cannot make FIFOs" in error  # from the console's last lines
    assert run.cases("panda01") == {"one": "pass"}


def test_the_readme_counts_the_rows():
    """The README states the current number of faults."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert f"{len(FAULTS)} faults of boards, consoles and power switches" in readme
