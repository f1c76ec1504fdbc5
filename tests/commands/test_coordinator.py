"""`lava-multinode coordinator`: the verb, as a process of its own."""

import json
import os
import queue
import signal
import subprocess
import sys

import pytest

from lava_dispatcher_multinode.commands.lava_multinode import build_parser
from lava_dispatcher_multinode.coordinator.client import GroupClient
from lava_dispatcher_multinode.multinode.api import Api, Call, Status

pytestmark = pytest.mark.slow

MAIN = """
import sys
from lava_dispatcher_multinode.commands.lava_multinode import main
sys.exit(main())
"""


@pytest.fixture
def start():
    """Start the command; it is killed at the end if it is still there."""
    started = []

    def run(*words, **options):
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "coordinator", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **options,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def client(port, name, group="g"):
    """Return a member."""
    return GroupClient(("127.0.0.1", port), group=group, node=name, role="r")


def parse(*words):
    """Return the parsed command line."""
    return build_parser(["coordinator"]).parse_args(["coordinator", *words])


def test_members_meet_there(start, tmp_path):
    """Port 0 is any free one, told in the port file; SIGTERM ends it tidily."""
    port_file = tmp_path / "port"
    process = start("--group", "g", "--size", "2", "--port-file", str(port_file), "--json")
    listening = json.loads(process.stdout.readline())
    port = int(port_file.read_text())
    assert (listening["event"], listening["port"], listening["host"]) == (
        "listening",
        port,
        "127.0.0.1",
    )
    with client(port, "a") as a, client(port, "b") as b, client(port, "c", "other") as other:
        assert a.call(Call(Api.SEND, "x", {"k": "größe"})).status is Status.DONE
        assert b.call(Call(Api.WAIT, "x")).data == (("a", {"k": "größe"}),)
        assert other.call(Call(Api.SEND, "x")).status is Status.REFUSED
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert err == ""
    assert not port_file.exists()
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["data"] for event in events if event["event"] == "message"] == [{"k": "größe"}]
    (finished,) = (event for event in events if event["event"] == "wait_finished")
    assert 0 <= finished["asked"] <= finished["t"]
    assert "seconds" not in finished
    assert [event["event"] for event in events if event.get("level") == "WARNING"]


def test_ctrl_c(start):
    """An interrupt ends waiting calls, with exit code 130 and text in any locale."""
    environment = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    process = start("--group", "g", "--size", "1", env=environment)
    line = process.stdout.readline()
    port = int(line.split("127.0.0.1:")[1].split()[0])
    with client(port, "ü") as member:
        assert member.call(Call(Api.SEND, "x", {"k": "é"})).status is Status.DONE
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "ü sent x k=é" in out
    assert err == ""


@pytest.mark.parametrize(
    ("wait", "line"),
    [
        (
            Call(Api.WAIT_ALL, "x", role="zzz"),
            "a refused with lava-wait-all x zzz (no device of the group has the role 'zzz'; ",
        ),
        (
            Call(Api.WAIT, "x", next=True, timeout=0),
            "a timeout with lava-wait x (timed out after 0 s, waiting for ",
        ),
    ],
)
def test_text_names_the_call_once(start, wait, line):
    """The output names device, call and reason, once each."""
    process = start("--group", "g", "--size", "2")
    port = int(process.stdout.readline().split("127.0.0.1:")[1].split()[0])
    with client(port, "a") as a, client(port, "b") as b:
        assert b.call(Call(Api.SEND, "y")).status is Status.DONE
        assert a.call(wait).status is not Status.DONE
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    (told,) = (each for each in out.splitlines() if " with lava-" in each)
    assert line in told


# Of two that are there at once the kernel gives the lower number first: no SIGINT after SIGTERM.
@pytest.mark.parametrize(
    ("first", "then", "code"),
    [
        (signal.SIGTERM, signal.SIGTERM, 0),
        (signal.SIGINT, signal.SIGINT, 130),
        (signal.SIGINT, signal.SIGTERM, 130),
    ],
)
def test_signals_while_it_stops(first, then, code, start, tmp_path):
    """A second signal does not change the exit code, and the port file is removed."""
    port_file = tmp_path / "port"
    process = start("--group", "g", "--size", "1", "--port-file", str(port_file))
    process.stdout.readline()
    process.send_signal(first)
    while process.poll() is None:  # as often as can be, up to its last moment
        process.send_signal(then)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (code, "", "")
    assert not port_file.exists()


def test_closed_output_is_an_order_to_stop(start):
    """`lava-multinode coordinator | head -1` does not go on for ever."""
    process = start("--group", "g", "--size", "1")
    port = int(process.stdout.readline().split("127.0.0.1:")[1].split()[0])
    process.stdout.close()
    process.stdout = None
    with client(port, "a") as member:
        member.call(Call(Api.SEND, "x"))
    assert process.wait(20) == 0


@pytest.mark.parametrize("line", ["größe 1\n", "größe 1\r\nanother\n", "größe 1"])
@pytest.mark.parametrize("by", ["file", "standard input"])
def test_the_name_in_a_file(line, by, start, tmp_path):
    """The first line without its end: it has not to be where all users can see it."""
    file = tmp_path / "group"
    file.write_bytes(line.encode())
    with file.open() as stdin:
        words = ("--group-file", str(file) if by == "file" else "-", "--size", "1", "--json")
        process = start(*words, stdin=stdin)
        listening = process.stdout.readline()
    with client(json.loads(listening)["port"], "a", "größe 1") as member:
        assert member.call(Call(Api.SEND, "x")).status is Status.DONE
    assert "größe" not in listening


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read it: No such file or directory"),
        (b"", "the name is empty; it must be hard to guess"),
        (b" \nname\n", "the name is empty; it must be hard to guess"),
        (b"secret\xff\n", "the first line is not text in UTF-8"),
        (b"secret" * 1000, "the first line has more than 4096 bytes"),
    ],
)
def test_a_file_without_a_name(content, reason, start, tmp_path):
    """Exit code 2 and one sentence, which does not show what may be the name."""
    if content is not None:
        (tmp_path / "group").write_bytes(content)
    process = start("--group-file", "group", "--size", "1", cwd=tmp_path)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err == f"--group-file group: {reason}\n"


def test_one_name_is_needed(capsys):
    """By one way: the other would be ignored."""
    for words in ((), ("--group", "g", "--group-file", "group")):
        with pytest.raises(SystemExit, match="2"):
            parse("--size", "1", *words)
        assert "--group-file" in capsys.readouterr().err.rpartition("error:")[2]


def test_a_port_in_use(start, tmp_path):
    """Exit code 3, one sentence, no port file."""
    first = start("--group", "g", "--size", "1")
    port = first.stdout.readline().split("127.0.0.1:")[1].split()[0]
    words = ("--listen", f"127.0.0.1:{port}", "--port-file", str(tmp_path / "port"))
    second = start("--group", "g", "--size", "1", *words)
    out, err = second.communicate(timeout=20)
    assert (second.returncode, out) == (3, "")
    assert err.startswith(f"lava-multinode: cannot listen on 127.0.0.1:{port}: ")
    assert list(tmp_path.iterdir()) == []


def test_a_port_file_that_cannot_be_written(start, tmp_path):
    """Also one sentence, and nothing keeps running."""
    words = ("--port-file", str(tmp_path / "no" / "port"))
    process = start("--group", "g", "--size", "1", *words)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 3
    assert "cannot write the port to" in err


@pytest.mark.parametrize(
    "words",
    [
        ("--size", "0"),
        ("--size", "x"),
        ("--group", " "),
        ("--size", "-1"),
        ("--listen", "3079"),
        ("--listen", "host:99999"),
        ("--listen", "host:²"),
        ("--timeout", "nan"),
        ("--timeout", "soon"),
        ("--deadlock-grace", "-1"),
        ("--lost-grace", "x"),
    ],
)
def test_wrong_words(words, capsys):
    """Usage, exit code 2, and the word that is wrong."""
    with pytest.raises(SystemExit) as caught:
        parse("--group", "g", "--size", "2", *words)
    assert caught.value.code == 2
    assert words[1] in capsys.readouterr().err


def test_the_command_line():
    """Loopback and any free port unless told otherwise; IPv6 in brackets."""
    options = parse("--group", "g", "--size", "3")
    assert (options.listen, options.size) == (("127.0.0.1", 0), 3)
    assert parse("--group", "g", "--size", "3", "--listen", "[::1]:3079").listen == ("::1", 3079)


def test_help_has_an_example(capsys):
    """As every verb's."""
    with pytest.raises(SystemExit):
        parse("--help")
    assert "example:\n  lava-multinode coordinator --group" in capsys.readouterr().out


def test_killed_and_started_again(start):
    """Waiting calls fail at once when the coordinator is killed; a new one starts empty."""
    process = start("--group", "g", "--size", "2", "--json")
    port = json.loads(process.stdout.readline())["port"]
    outcomes = queue.Queue()
    with client(port, "a") as a:
        assert a.call(Call(Api.SEND, "x")).status is Status.DONE
        a.submit(Call(Api.WAIT, "y"), outcomes.put)
        while json.loads(process.stdout.readline())["event"] != "wait_started":
            pass
        process.kill()
        outcome = outcomes.get(timeout=20)
        assert outcome.status is Status.REFUSED
        assert "the coordinator" in outcome.fields["text"]
    again = start("--group", "g", "--size", "2", "--listen", f"127.0.0.1:{port}", "--json")
    assert json.loads(again.stdout.readline())["port"] == port
    with client(port, "a") as a, client(port, "b") as b:
        assert b.call(Call(Api.WAIT, "x", timeout=0)).status is Status.TIMEOUT
        assert a.call(Call(Api.SEND, "x")).status is Status.DONE
        assert b.call(Call(Api.WAIT, "x")).status is Status.DONE


def test_a_member_whose_process_dies(start):
    """Waits for a lost member fail after the grace period."""
    process = start("--group", "g", "--size", "2", "--lost-grace", "0.05", "--json")
    port = json.loads(process.stdout.readline())["port"]
    with client(port, "a") as a, client(port, "b") as b:
        assert b.call(Call(Api.SEND, "x")).status is Status.DONE
        b.close()
        assert "b failed: its connection" in a.call(Call(Api.WAIT_ALL, "y")).fields["sentence"]
