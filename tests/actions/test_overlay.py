"""The overlay of a node and its secrets, on a real shell, whose terminal is the console."""

from __future__ import annotations

import shlex
import shutil
import time
from types import SimpleNamespace

import pytest

from lava_dispatcher_multinode.actions.context import Node, NodeServices
from lava_dispatcher_multinode.actions.overlay import deliver_overlay, make_bundle, stages_of
from lava_dispatcher_multinode.actions.socket_channel import SocketChannels
from lava_dispatcher_multinode.boards.shell import Shell
from lava_dispatcher_multinode.console.board_console import Console
from lava_dispatcher_multinode.console.expect import Dialogue
from lava_dispatcher_multinode.console.open import open_console
from lava_dispatcher_multinode.console.transcript import Transcript
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.job.model import ActionSpec, Job, Role
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.lab.device_sections import ConsoleConnection
from lava_dispatcher_multinode.overlay.overlay_store import OverlayStore

SECRET = "0123456789abcdef"
#: The programs that a board needs to unpack an overlay; md5sum is its only checksum program.
PROGRAMS = ("base64", "cat", "chmod", "gzip", "md5sum", "mkdir", "od", "rm", "stty", "tar")


def shell_of(name, *roles):
    """Return a lava_test_shell with one definition."""
    definition = {"metadata": {"name": name}, "run": {"steps": ["true"]}}
    parameters = {"definitions": [definition]}
    return ActionSpec("lava_test_shell", parameters, frozenset(roles) or None)


@pytest.fixture
def make_node(tmp_path):
    """A function that makes a node whose board's root is `tmp_path / "root"`."""
    consoles = []

    def make(*specs, without=(), fifo=0):
        programs, root = tmp_path / "bin", tmp_path / "root"
        programs.mkdir()
        (root / "tmp").mkdir(parents=True)
        for name in set(PROGRAMS) - set(without):
            (programs / name).symlink_to(shutil.which(name))
        path = shlex.quote(str(programs))
        command = f"stty sane; PATH={path} exec {shutil.which('dash')} -i"
        transcript = Transcript(tmp_path / "console", time.monotonic)
        console = Console(open_console(ConsoleConnection(command=command), "b1"), transcript)
        consoles.append(console)
        shell = Shell(Dialogue(console), Deadline(60, "test"), fifo)
        shell.prepare()
        job = Job("job", 60, (Role("r"), Role("s")), specs or (shell_of("smoke"),))
        events = []
        services = NodeServices(
            job,
            "1",
            [("b1", "r"), ("b2", "s")],
            None,
            OverlayStore(tmp_path / "overlays", job, "1"),
            lambda event, /, **fields: events.append({"event": event, **fields}),
            time.monotonic,
            SocketChannels(lambda *_, **__: None, time.monotonic),
            lambda *_: None,
        )
        services.socket_channels.allow("b1", ("192.0.2.1", 3079), SECRET)
        device = Device("b1", "panda", overlay=("console",))
        board = SimpleNamespace(device=device, boots=1, shell=shell, root=str(root))
        node = Node("b1", "r", board, None, services, job.actions[0], Deadline(60, "test"))
        node.events = events
        return node

    yield make
    for console in consoles:
        console.close()


@pytest.fixture
def printed(tmp_path):
    """A function that returns the console output so far."""
    return (tmp_path / "console" / "console.raw").read_bytes


def warnings(node):
    """Return the warnings in the node's log."""
    return [event["text"] for event in node.events if event.get("level") == "WARNING"]


def test_stages_are_the_node_s_own_test_shells(make_node):
    """Numbered as the runner numbers them; those of other roles do not count."""
    node = make_node(shell_of("one"), shell_of("other", "s"), shell_of("two", "r"))
    named = {n: [d.test.name for d in found] for n, found in stages_of(node).items()}
    assert named == {0: ["one"], 1: ["two"]}


def test_no_tests_no_overlay(make_node):
    """A board that only deploys gets no overlay."""
    assert make_bundle(make_node(ActionSpec("boot_linaro_image"))) is None


def test_it_is_put_there_once_a_boot(make_node, tmp_path):
    """A second test shell finds it; a new boot may have lost it."""
    node = make_node()
    deliver_overlay(node)
    place = tmp_path / "root" / "lava-1"
    assert (place / "bin" / "lava-self").exists()
    assert "LAVA_HOSTNAME=b1" in (place / "environment").read_text()
    shutil.rmtree(place)
    deliver_overlay(node)
    assert not place.exists()
    node.board.boots += 1
    deliver_overlay(node)
    assert (place / "bin" / "lava-self").exists()


def test_the_secret_is_root_s_and_on_no_console(make_node, tmp_path, printed):
    """Many people can read the console's record."""
    deliver_overlay(make_node())
    file = tmp_path / "root" / "lava-1" / "socket"
    assert SECRET in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert SECRET.encode() not in printed()
    assert (tmp_path / "root" / "lava-1" / "environment").stat().st_mode & 0o044


def test_where_what_is_typed_is_printed_there_is_no_secret(make_node, tmp_path, printed):
    """Without a checksum program, a board prints uploads; its calls use the console."""
    node = make_node(without=("md5sum",))
    deliver_overlay(node)
    assert not (tmp_path / "root" / "lava-1" / "socket").exists()
    assert SECRET.encode() not in printed()
    programs = "cksum, md5sum, sha256sum, sha1sum"
    assert f"a board without {programs} would show the upload" in warnings(node)[0]


def test_where_what_is_typed_is_echoed_there_is_no_secret(make_node, monkeypatch):
    """A line without flow control echoes every piece."""
    monkeypatch.setattr("lava_dispatcher_multinode.boards.shell.FIFO_INTERVAL_S", 0.001)
    monkeypatch.setattr("lava_dispatcher_multinode.actions.overlay.deliver", lambda *_, **__: None)
    node = make_node(fifo=512)
    deliver_overlay(node)
    assert warnings(node) == [
        "multinode: socket is not used: connection.fifo would show the upload in the log"
    ]
