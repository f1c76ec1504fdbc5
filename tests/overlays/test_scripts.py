"""The other on-board tools, under every shell, and what the dispatcher makes of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import TestError
from lava_dispatcher_multinode.polling import wait_readable
from lava_dispatcher_multinode.testshell.matcher import Pattern

OVERLAYS = Path(__file__).parents[2] / "overlays"
SCRIPTS = sorted([*OVERLAYS.glob("bin/*"), *OVERLAYS.glob("lib/*")])


@pytest.mark.needs("Debian's shellcheck")
def test_debians_shellcheck_finds_nothing():
    """Debian's release has checks that the newest one, which `tox -e lint` runs, dropped."""
    words = ["/usr/bin/shellcheck", "-s", "sh", *SCRIPTS]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_no_check_is_disabled():
    """The scripts disable no shellcheck warnings."""
    assert not [script for script in SCRIPTS if "shellcheck disable" in script.read_text()]


def test_scripts_are_small():
    """The scripts stay small, because they may be sent over the console."""
    content = b"".join(script.read_bytes() for script in SCRIPTS)
    assert len(zlib.compress(content, 9)) < 13_000


def test_every_script_says_what_it_is():
    """Each command is executable, uses POSIX sh and starts with its usage."""
    for script in OVERLAYS.glob("bin/*"):
        text = script.read_text()
        assert re.match(rf"#!/bin/sh\n# {script.name}\b", text), script
        assert script.stat().st_mode & 0o111, script


def test_no_helper_outlives_the_runner(board):
    """A helper that remained would hold the console, and pile up with each test block."""
    for _ in range(5):  # yash left one of three
        board.run("lava-test-case a --result pass")
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if not link.readlink().is_relative_to(board.root):
                continue
            process = os.pidfd_open(int(link.parent.name))
        except OSError:
            continue  # it has ended
        command = (link.parent / "cmdline").read_bytes()
        with os.fdopen(process, "rb", 0):  # the timer may be in its last sleep of 0.1 s
            assert wait_readable([process], 10.0), command


def test_results(board):
    """lava-test-case, in all its forms, becomes test_case events with every field."""
    board.run(
        "lava-test-case yes --shell true\n"
        "lava-test-case no --shell 'echo some; exit 3'\n"
        "lava-test-case words --shell test 'a b' = 'a b'\n"
        "lava-test-set start first\n"
        "lava-test-case speed --result pass --measurement 12.5 --units MB/s\n"
        "lava-test-set stop\n"
        "echo text >out; lava-test-case file --result skip --output out\n"
        "lava-test-reference ref --result FAIL --reference https://example.org/a?b=c\n"
        "lava-test-case loud --result PASS\n"  # as in scripts of other harnesses
    )
    cases = {e["case"]: e for e in board.events if e["event"] == "test_case"}
    assert {name: e["result"] for name, e in cases.items()} == {
        "yes": "pass",
        "no": "fail",
        "words": "pass",
        "speed": "pass",
        "file": "skip",
        "ref": "fail",
        "loud": "pass",
    }
    assert {e["definition"] for e in cases.values()} == {"0_test"}
    speed = cases["speed"]
    assert (speed["measurement"], speed["units"], speed["set"]) == (12.5, "MB/s", "first")
    assert cases["file"]["set"] is None
    assert cases["no"]["start"] <= cases["no"]["end"]
    assert cases["ref"]["reference"] == "https://example.org/a?b=c"


def test_foreign_signals_count(board):
    """Signals printed by a definition count once, as do those of the on-board commands."""
    board.run(
        "echo '<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=own RESULT=pass>'\n"
        "lava-test-case ours --result pass | tee log\ncat log\n"
        "echo '<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=own RESULT=pass>'\n"
    )
    cases = [e["case"] for e in board.events if e["event"] == "test_case"]
    assert cases == ["own", "ours", "own"]


def test_wrong_results_are_refused(board):
    """A result that the dispatcher could not read is a usage error, not a lost result."""
    text = board.run(
        "\n".join(
            f"{line} || echo rc=$?"
            for line in (
                "lava-test-case",
                "lava-test-case a",
                "lava-test-case a --result good",
                "lava-test-case 'a>b' --result pass",
                "lava-test-case a --shell",
                "lava-test-set go",
                "lava-test-set start",
                "lava-test-reference a --result pass",
                "lava-test-raise",
                "lava-test-case a --result pass --units",
                "lava-test-feedback",
            )
        )
    )
    assert text.count("rc=2\n") == 11
    assert board.results() == {}


def test_words_of_a_fixupdict(board):
    """lava-test-case accepts exactly the words of fixupdict; lava-test-reference accepts none."""
    text = board.run(
        "export LAVA_RESULT_WORDS='good\nnot ok\n*'\n"
        "lava-test-case a --result good\n"
        "lava-test-case b --result 'not ok' --measurement 2\n"
        "lava-test-case c --result skip\n"
        + "\n".join(
            f"lava-test-case d --result {word} || echo rc=$?"
            for word in ("GOOD", "ok", "not", "''", "'good\nnot ok'", "'*d'")
        )
        + "\nlava-test-reference e --result good --reference http://x || echo rc=$?\n",
        fixups={"0_test": {"good": "pass", "not ok": "fail", "*": "skip"}},
    )
    assert text.count("rc=2\n") == 7
    assert "or a word of the fixupdict, not 'GOOD'" in text
    assert board.results() == {"a": "pass", "b": "fail", "c": "skip"}


def test_call_inside_a_case(board):
    """lava-test-case x --shell lava-send y records both results."""
    board.run("lava-test-case x --shell lava-send y\nlava-test-case z --shell 'lava-send y a=b'")
    assert board.results() == {"x": "pass", "z": "pass", "multinode-send-y": "pass"}


def test_raise_ends_the_session(board):
    """lava-test-raise ends the run as a test error; results until then are kept."""
    with pytest.raises(TestError, match="lava-test-raise: no way on"):
        board.run("lava-test-case a --result pass\nlava-test-raise no way on\nsleep 5")
    assert board.results() == {"a": "pass"}
    assert board.events[-1]["event"] == "definition_finished"


def test_raise_fails_without_a_dispatcher_too(board):
    """lava-test-raise ends a script under `set -e` outside of a run, too, as in LAVA."""
    done = subprocess.run(
        [board.root / "tools" / "sh", board.lava / "bin" / "lava-test-raise", "no", "way"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "<LAVA_SIGNAL_TESTRAISE no way>\n")


def test_remarks(dash_board):
    """lava-test-event and lava-test-feedback go to the log."""
    dash_board.run("lava-test-event one two\nlava-test-feedback other")
    assert [e["text"] for e in dash_board.events if e["event"] == "log"] == [
        "test event: one two",
        "test feedback: other",
    ]


def test_install_failure(board):
    """A failing install step is a failed result, and its definition does not run."""
    text = board.run("echo it-ran", install="set -e\nfalse\n")
    assert "\nit-ran" not in text
    assert board.results() == {"lava-test-shell-install": "fail"}


def test_pattern(dash_board):
    """A definition's parse.pattern finds results in its output."""
    pattern = Pattern.compile(r"(?P<test_case_id>\w+): (?P<result>\w+)", {"OK": "pass"})
    dash_board.run("echo one: OK; echo two: fail; echo three: else", patterns={"0_test": pattern})
    assert dash_board.results() == {"one": "pass", "two": "fail", "three": "unknown"}


def test_runner_restores_the_terminal(board):
    """After the runner, the terminal is restored and no file of the channel is left."""
    board.interactive = ["-c", "read -r line; stty -g >before; eval $line; stty -g >after"]
    board.run("lava-send a", patience=10)
    assert (board.root / "before").read_text() == (board.root / "after").read_text()
    assert not (board.lava / "channel").exists()


def test_stages(board):
    """A second runner on the same board works like the first, and none runs twice."""
    board.run("lava-send one")
    board.run("lava-send two")
    assert [call.id for call in board.group.calls] == ["one", "two"]
    assert [p.name for p in (board.lava / "0").glob("lava-test-runner*")] == [
        "lava-test-runner.conf.started"
    ]


def test_a_stage_that_is_none(board):
    """A damaged stage name starts and ends nothing; the dispatcher repeats the command line."""
    runner = [board.root / "tools" / "sh", board.lava / "bin" / "lava-test-runner", "/nowhere/0"]
    done = subprocess.run(
        runner, env={"PATH": board.path}, capture_output=True, text=True, timeout=10, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no /nowhere/0/lava-test-runner.conf" in done.stderr


def test_background_process(board):
    """A background process and its children run until stopped; the output is printed."""
    text = board.run(
        "lava-background-process-start server --cmd 'echo hello from it; sleep 300 & wait'\n"
        "sleep 0.2 || sleep 1\n"
        "lava-background-process-start server --cmd true || echo rc=$?\n"
        "lava-background-process-start words --cmd echo several '\"quoted words\"'\n"
        "lava-background-process-start words || echo rc=$?\n"
        "read -r pid _ <$LAVA_DIR/background/server.pid\n"
        "kill -0 $pid && echo it lives\n"
        "echo attached >file; lava-background-process-stop server --attach file text/plain\n"
        "case $(cat /proc/$pid/stat 2>&1) in *\") Z \"* | *'such file'*) echo it ended ;; esac\n"
        "lava-background-process-stop server || echo rc=$?\n"
        "lava-background-process-stop words\n"
    )
    lines = text.split("\n")
    for line in ("hello from it", "it lives", "attached", "it ended", "several quoted words"):
        assert line in lines
    assert lines.count("rc=1") == lines.count("rc=2") + 1 == 2


@pytest.mark.needs("user namespaces")
def test_stopping_an_exited_process_stops_no_other(board):
    """Stopping works for every group number: procps' kill can read -1001 as -1, all processes.

    It runs in a PID namespace, where "all processes" excludes those of this machine.
    """
    script = (
        "sleep 60 & bystander=$!\n"
        "echo 1000 >/proc/sys/kernel/ns_last_pid\n"
        "lava-background-process-start short --cmd true\n"
        "wait $(cut -d ' ' -f 1 $LAVA_DIR/background/short.pid); sleep 1\n"
        "cat $LAVA_DIR/background/short.pid; lava-background-process-stop short\n"
        "kill -0 $bystander && echo bystander lives\n"
    )
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    done = subprocess.run(
        [
            *(shutil.which("env"), "-i", f"PATH={board.path}", f"LAVA_DIR={board.lava}"),
            *(shutil.which(unshare[0]), *unshare[1:], board.root / "tools" / "sh"),
            *("-c", f"PATH=$LAVA_DIR/bin:$PATH\n{script}"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert re.fullmatch(r"1\d{3} group\nbystander lives\n", done.stdout), done


def test_small_tools(board):
    """Tools that query the system or the environment print a value or name what is missing."""
    text = board.run(
        "echo; echo MARK; export LAVA_TARGET_IP=10.1.1.1\n"
        "lava-target-ip; lava-target-mac 2>/dev/null || echo rc=$?\n"
        "lava-echo-config 2>/dev/null || echo rc=$?\n"
        "lava-test-shell --output_dir $LAVA_DIR/o sh -c 'echo $LAVA_RESULT_DIR'\n"
        "LAVA_TARGET_STORAGE='sata\t/dev/sda' lava-target-storage sata\n"
        "lava-echo-ipv4 nothing0 2>/dev/null || echo rc=$?\n"
        "lava-install-packages && echo installed nothing\n"
        "echo MARK; lava-os-build; lava-installed-packages | sed 3q\n"
    )
    assert text.split("MARK\n")[1].split("\n")[:-1] == [
        "10.1.1.1",
        "rc=1",
        "rc=1",
        f"{board.lava}/o",
        "/dev/sda",
        "rc=1",
        "installed nothing",
    ]
    assert text.split("MARK\n")[2].split("\n")[0]


def test_network(board):
    """broadcast sends this board's addresses; collect, query and hosts return the group's."""
    from lava_dispatcher_multinode.multinode.api import Outcome, Status

    peers = (("panda02", {"ipv4": "10.0.0.2", "mac": "02:00:00:00:00:02"}),)
    board.group.answers["network_info"] = lambda call: Outcome(
        Status.DONE, peers if call.api != "send" else ()
    )
    cache = Path("/tmp/lava_multi_node_network_cache.txt")
    mine = board.lava / "network-cache.txt"
    script = board.lava / "bin" / "lava-network"
    script.write_text(script.read_text().replace(str(cache), str(mine)))
    text = board.run(
        "echo; echo MARK; lava-echo-ipv4 lo; lava-network broadcast lo\n"
        "lava-network collect lo client --timeout 7\n"
        "lava-network collect --timeout 8 lo; lava-network collect --timeout=9 lo client\n"
        "lava-network collect --timeout 8 2>/dev/null || echo rc=$?\n"
        "lava-network collect nothing0 2>/dev/null || echo rc=$?\n"
        "lava-network query panda02 mac; lava-network query panda01 netmask\n"
        "lava-network query panda03 mac || echo rc=$?\n"
        "lava-network hosts $LAVA_DIR/hosts\n"
        "lava-network what 2>/dev/null || echo rc=$?; echo MARK\n"
    )
    assert text.split("MARK\n")[1].split("\n")[:-1] == [
        "127.0.0.1",
        "rc=1",
        "rc=1",
        "02:00:00:00:00:02",
        "255.0.0.0",
        "rc=1",
        "rc=2",
    ]
    assert (board.lava / "hosts").read_text() == "10.0.0.2\tpanda02\n127.0.0.1\tpanda01\n"
    sent = board.group.sent("network_info")[0]
    assert (sent["ipv4"], sent["netmask"]) == ("127.0.0.1", "255.0.0.0")
    assert all(sent.values())
    waits = [call for call in board.group.calls if call.api == "wait-all"]
    assert [(call.role, call.timeout) for call in waits] == [
        ("client", 7.0), (None, 8.0), ("client", 9.0),
    ]  # fmt: skip
    assert not re.search("=$", mine.read_text(), re.MULTILINE)  # unknown values are omitted
