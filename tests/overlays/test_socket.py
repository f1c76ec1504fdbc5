"""The socket channel: every shell and every tool, against a live coordinator."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.coordinator.client import GroupClient
from lava_dispatcher_multinode.coordinator.server import Coordinator
from lava_dispatcher_multinode.errors import ConsoleError
from lava_dispatcher_multinode.multinode.api import Api, Call
from lava_dispatcher_multinode.testshell.session import ShellSession

from ..needs import require

NODES = {"panda01": "client", "panda02": "client", "beaglexm01": "server"}
SECRETS = {name: f"secret-of-{name}" for name in NODES}
TOOLS = ("bash", "socat", "nc.traditional", "nc.openbsd", "busybox")


class Wired:
    """A board, its group's coordinator and the connection between them."""

    def __init__(self, board):
        self.board = board
        self.told = []  # (event, fields) of the coordinator
        self.news = threading.Condition()
        self.session = None
        self.coordinator = Coordinator(
            group="g", nodes=NODES, secrets=SECRETS, timeout=60, deadlock_grace=60,
            observer=self.observe, on_reply=self.answered,
        ).start()  # fmt: skip
        self.members = {
            name: GroupClient(
                self.coordinator.address,
                group="g", node=name, role=role, secret=SECRETS[name],
            )
            for name, role in NODES.items()
        }  # fmt: skip
        self.on_console = []  # calls that came over the console
        self.point(self.coordinator.address)

    def point(self, address):
        """Write the coordinator's address to the board."""
        words = console_frames.encode([b"panda01", SECRETS["panda01"].encode()]).decode()
        file = self.board.lava / "socket"
        file.write_text(f"{address[0]} {address[1]} {words}\n")
        file.chmod(0o600)

    def observe(self, event, **fields):
        """Record an event of the coordinator."""
        with self.news:
            self.told.append((event, fields))
            self.news.notify_all()

    def answered(self, node, call, outcome):
        """As `actions.socket_channel.SocketChannels`."""
        assert node == "panda01"
        assert self.session.record_socket_call(call, outcome)

    def until(self, event, count=1, timeout=30):
        """Wait until `event` has been recorded `count` times."""
        with self.news:
            assert self.news.wait_for(
                lambda: [name for name, _ in self.told].count(event) >= count, timeout
            )

    def submit(self, call, on_outcome):
        """Make a call for the node, as over the console."""
        with self.news:
            self.on_console.append(call)
            self.news.notify_all()
        self.members["panda01"].submit(call, on_outcome)

    def run(self, steps, **options):
        """Run `steps` as a definition; return the output."""
        self.session = ShellSession(
            self.board.console,
            node="panda01",
            submit=self.submit,
            emit=self.board.emit,
            clock=time.monotonic,
        )
        return self.board.run(steps, session=self.session, **options)

    def send(self, id_, data=None, node="panda02"):
        """Send a message as another board."""
        self.members[node].call(Call(Api.SEND, id_, data or {}))

    def close(self):
        """Stop everything."""
        for member in self.members.values():
            member.close()
        self.coordinator.close()

    def only(self, tool):
        """Leave the board no network tool but `tool`."""
        if tool:
            require(tool)
        program = tool and shutil.which(tool)
        tools = self.board.root / "few"
        tools.mkdir()
        own = self.board.root / "tools" / "sh"
        for folder in ("/usr/bin", "/bin"):
            for name in os.listdir(folder):
                if name not in {"bash", "socat", "nc", "busybox", "sh"}:
                    (tools / name).unlink(missing_ok=True)
                    (tools / name).symlink_to(f"{folder}/{name}")
        (tools / "sh").symlink_to(os.readlink(own))
        if tool:
            (tools / ("nc" if tool.startswith("nc") else tool)).symlink_to(program)
        self.board.path = str(tools)


@pytest.fixture
def wired(board):
    """A board of each shell on the network of its coordinator."""
    wired = Wired(board)
    yield wired
    wired.close()


@pytest.fixture
def wired_dash(dash_board):
    """A board with dash, for what does not depend on the shell."""
    wired = Wired(dash_board)
    yield wired
    wired.close()


AWKWARD = "  a b=c <d> 'e' \"f\" %45 \\n $g `h` * ü\t,"


def test_calls(wired):
    """Every call has the same output, exit code, cache and results, without the console."""
    if wired.board.shell == "yash":
        wired.board.locale = {"LC_ALL": "C.UTF-8"}
    wired.send("ready", {"ip": "10.0.0.2", "text": AWKWARD, "empty": ""})
    wired.send("ready", {"ip": "10.0.0.3"}, "beaglexm01")
    for name in ("panda02", "beaglexm01"):
        wired.members[name].submit(Call(Api.SYNC, "go"), lambda _: None)
    text = wired.run(
        f"lava-send mine 'text={AWKWARD.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}'\n"
        "lava-wait ready >out\nlava-wait-all ready client >out2\n"
        "cp $LAVA_MULTI_NODE_CACHE cache\nlava-sync go; lava-sync --timeout 0.1 never 2>err || "
        "echo rc=$?; lava-wait-all x ghosts 2>>err || echo rc=$?"
    )
    assert [line for line in text.split("\n") if line.startswith("rc=")] == ["rc=3", "rc=1"]
    place = wired.board.lava / "0" / "tests" / "0_test"
    assert (place / "out").read_text() == f"ip=10.0.0.2\ntext={AWKWARD}\nempty=\nip=10.0.0.3\n"
    assert (place / "out2").read_text().split("\n")[0] == "panda02 ip=10.0.0.2"
    assert (place / "cache").read_text().split("\n")[0] == "panda02:ip=10.0.0.2"
    assert "waiting for panda02 and beaglexm01" in (place / "err").read_text()
    assert wired.members["panda02"].call(Call(Api.WAIT, "mine")).data == (
        ("panda01", {"text": AWKWARD}),
    )
    assert wired.board.results() == {
        "multinode-send-mine": "pass",
        "multinode-wait-ready": "pass",
        "multinode-wait_all-ready": "pass",
        "multinode-sync-go": "pass",
        "multinode-sync-never": "fail",
        "multinode-wait_all-x": "fail",
    }
    assert wired.on_console == []
    assert b"secret-of" not in wired.board.console.seen


def test_existing_ways(wired):
    """Calls work in $( ), pipes, loops, the background and test cases, without stdin."""
    wired.send("ip", {"ip": "10.0.0.2"})
    wired.send("many", {f"k{i}": f"v {i}" for i in range(3)})
    for name in ("panda02", "beaglexm01"):
        wired.members[name].submit(Call(Api.SYNC, "late"), lambda _: None)
    text = wired.run(
        "server=$(lava-wait ip | cut -d = -f 2)\necho server $server\n"
        'lava-wait many | while read -r line; do lava-send got "line=$line" </dev/null; done\n'
        "lava-sync late >late.out 2>&1 & pid=$!\n"
        "lava-send last <&-\nlava-test-case waits --shell lava-wait ip\n"
        "wait $pid; echo late $?; env >env.txt"
    )
    assert "server 10.0.0.2\n" in text
    assert "late 0\n" in text
    assert wired.board.results()["waits"] == "pass"
    assert wired.on_console == []
    environment = (wired.board.lava / "0" / "tests" / "0_test" / "env.txt").read_text()
    assert "secret-of" not in environment


@pytest.mark.parametrize("tool", TOOLS)
def test_tools(wired_dash, tool):
    """With every tool, calls are answered, wait and close the connection."""
    wired_dash.only(tool)
    wired_dash.send("a", {"k": "v" * 5000})
    thread = threading.Thread(
        target=lambda: (wired_dash.until("wait_started"), wired_dash.send("b")), daemon=True
    )
    thread.start()
    text = wired_dash.run("lava-send x; lava-wait a | wc -c; lava-wait b; echo rc=$?")
    thread.join()
    assert "5003\n" in text
    assert "rc=0\n" in text
    assert wired_dash.on_console == []


def test_60_kb_both_ways(wired):
    """The largest message arrives whole and unchanged, bytes that need escapes and all."""
    if wired.board.shell == "yash":  # itself cuts text at what is no character of its locale
        wired.board.locale = {"LC_ALL": "C.UTF-8"}
    value = "".join(chr(33 + i * 7 % 90) + "ü " for i in range(15000))
    wired.send("big", {"k": value})
    wired.run('lava-wait big >out; lava-send back "$(cat out)"')
    place = wired.board.lava / "0" / "tests" / "0_test"
    assert (place / "out").read_text() == f"k={value}\n"
    assert wired.members["panda02"].call(Call(Api.WAIT, "back")).data == (
        ("panda01", {"k": value}),
    )
    assert wired.on_console == []


def test_no_network(wired):
    """Without tool, server, reply or read permission, the call uses the console."""
    refusing = socket.create_server(("127.0.0.1", 0))
    address = refusing.getsockname()
    refusing.close()
    wired.point(address)
    wired.send("a", {"k": "v"})
    assert "k=v" in wired.run("lava-wait a; lava-send b")
    assert [call.id for call in wired.on_console] == ["a", "b"]
    assert wired.board.results() == {"multinode-wait-a": "pass", "multinode-send-b": "pass"}


def test_no_tool(wired_dash):
    """A board without any way to open a connection."""
    wired_dash.only(None)
    wired_dash.run("lava-send b")
    assert [call.id for call in wired_dash.on_console] == ["b"]


def test_a_network_that_swallows_everything(wired_dash):
    """The timeout (here one second) elapses once; later calls use the console at once."""
    script = wired_dash.board.lava / "lib" / "lava-socket"
    text = script.read_text()
    assert "for seconds in 10 50" in text
    script.write_text(text.replace("for seconds in 10 50", "for seconds in 1 50"))
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        wired_dash.point(deaf.getsockname())
        start = time.monotonic()
        wired_dash.run("lava-send a; lava-send b; lava-send c")
        assert time.monotonic() - start > 1
        deaf.setblocking(False)
        deaf.accept()[0].close()
        with pytest.raises(BlockingIOError):  # no further attempt
            deaf.accept()
    assert [call.id for call in wired_dash.on_console] == ["a", "b", "c"]


class Relay:
    """A network between board and coordinator that can be cut."""

    def __init__(self, target, news):
        self.target = target
        self.news = news
        self.server = socket.create_server(("127.0.0.1", 0))
        self.pairs = []
        self.threads = []
        self._start(self._accept)

    def _start(self, target, *args):
        self.threads.append(threading.Thread(target=target, args=args, daemon=True))
        self.threads[-1].start()

    def _accept(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            with self.news:
                self.pairs.append((near, far))
                self.news.notify_all()
            for source, sink in ((near, far), (far, near)):
                self._start(self._copy, source, sink)

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            source.close()

    def cut(self, *, for_good):
        """Break open connections; `for_good`: refuse new ones, too."""
        if for_good:
            self.server.shutdown(socket.SHUT_RDWR)
            self.server.close()
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self):
        """Stop the network."""
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.cut(for_good=False)
        for thread in self.threads:
            thread.join(10)


@pytest.mark.parametrize("for_good", [False, True], ids=["and comes back", "for good"])
def test_a_connection_that_breaks(wired, for_good):
    """A connection lost during a wait is replaced, and a barrier still counts once."""
    relay = Relay(wired.coordinator.address, wired.news)
    wired.point(relay.server.getsockname())

    def other():
        wired.until("wait_started")
        time.sleep(0.5)  # the board's shell processes the acknowledgement
        relay.cut(for_good=for_good)
        with wired.news:  # the repeated call, on either path
            assert wired.news.wait_for(lambda: wired.on_console or relay.pairs, 30)
        for name in ("panda02", "beaglexm01"):
            wired.members[name].submit(Call(Api.SYNC, "go"), lambda _: None)

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    text = wired.run("lava-sync go && echo rc=0; lava-sync --timeout 0.1 go || echo rc=$?")
    thread.join()
    assert "rc=0\n" in text
    assert "rc=3\n" in text
    relay.close()
    ids = [call.id for call in wired.on_console]
    assert ids == (["go", "go"] if for_good else [])
    results = [e["result"] for e in wired.board.events if e["event"] == "test_case"]
    assert results == ["pass", "fail"]
    sent = [fields["from"] for event, fields in wired.told if event == "message"]
    assert sent.count("panda01") == 2


@pytest.mark.parametrize("name", ["TERM", "KILL"])
def test_a_killed_caller(wired, name):
    """The wait of a killed caller ends, and no process or file is left."""
    killing = threading.Thread(target=lambda: (wired.until("wait_started"), go.touch()))
    go = wired.board.root / "go"
    killing.start()
    wired.run(
        f"lava-wait never & pid=$!; while ! [ -e {go} ]; do sleep 0.1; done; "
        f"kill -{name} $pid; wait $pid || true; "
        "n=0; while echo $(ls $LAVA_DIR/channel) >$LAVA_RESULT_DIR.left; "
        "grep -q -- - $LAVA_RESULT_DIR.left && [ $n -lt 50 ]; do n=$((n + 1)); sleep 0.1; done"
    )
    killing.join()
    wired.until("wait_finished")
    left = (wired.board.root / "results.left").read_text().split()
    assert sorted(left) == ["interval", "out", "owner", "wake"]
    port = str(wired.coordinator.address[1])
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert port not in commands


def test_a_board_that_was_switched_off(wired_dash):
    """The wait of a board without power ends."""
    console, off = wired_dash.board.console, threading.Event()
    read = console.read

    def read_until_off(timeout):
        if off.is_set():
            raise ConsoleError("switched off")
        return read(timeout)

    def switch_off():
        wired_dash.until("wait_started")
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                status = (process / "environ").read_bytes()
                if f"HOME={wired_dash.board.root}\0".encode() in status:
                    os.kill(int(process.name), signal.SIGKILL)
        wired_dash.until("wait_finished")
        off.set()
        console.wake()

    console.read = read_until_off
    thread = threading.Thread(target=switch_off, daemon=True)
    thread.start()
    with pytest.raises(ConsoleError, match="switched off"):
        wired_dash.run("lava-wait never", timeout=60)
    thread.join(10)
    assert not thread.is_alive()
