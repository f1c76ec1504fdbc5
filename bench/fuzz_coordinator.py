"""Fuzz the coordinator without its sockets: bytes -> frames -> requests -> the rules -> replies.

    python bench/fuzz_coordinator.py [-max_total_time=SECONDS] [-runs=N] [CORPUS]

Options are libFuzzer's. Without atheris, the program prints a note and exits. It checks that
arbitrary bytes raise `ProtocolError` only; that requests, ends of connections and devices and the
clock raise nothing; that no request gets two replies; that every reply can be sent; and that no
call is waiting after the group is aborted.
"""

from __future__ import annotations

import json
import logging
import sys

try:
    import atheris
except ImportError:
    print("atheris is not installed (pip install atheris): nothing was fuzzed")
    sys.exit(0)

with atheris.instrument_imports(include=["lava_dispatcher_multinode", "json"]):
    from lava_dispatcher_multinode import console_frames
    from lava_dispatcher_multinode.coordinator import protocol
    from lava_dispatcher_multinode.coordinator.service import Service
    from lava_dispatcher_multinode.multinode.group import Group

KINDS = [*protocol.APIS, "cancel", "group_data", "clear_group", "aggregate", "complete"]
KINDS += ["?", "", 5, None]
NAMES = ["a", "b", "c", "d", "e", "", "a b", "x" * 300, 1, None, ["a"]]
WORDS = ["m", "n", "", "r", "s", " ", "x" * 300, "\udcff", 0, -1, 1e308, True, None, [], {}]
DATA = [None, {}, {"k": "v"}, {"k": 1, "l": None}, {"k": []}, {"k\n": "v"}, {"k": "\n"}, "text", 7]
LINE_WORDS = [
    b"send", b"wait", b"wait-all", b"sync", b"next", b"timeout=1", b"timeout=nan", b"role=r",
    b"role=", b"k=v", b"=", b"", b"\xff=\xff", b"x" * 300,
]  # fmt: skip
TIMES = [0, 0.5, 3, 40, -1, float("inf"), float("nan"), "soon", None]
FIELDS = {
    "request": KINDS,
    "client_name": NAMES,
    "group_name": ["g", "h", None],
    "role": ["r", "s", "", None, 3],
    "hostname": ["", "h", 5],
    "secret": ["right", "wrong", None, 5],
    "messageID": WORDS,
    "waitrole": WORDS,
    "message": DATA,
    "present": [True, False, None, 1],
    "hold": [True, False, None, 1],
    "next": [True, False, None, "yes"],
    "timeout": TIMES,
    "poll_delay": TIMES,
    "group_size": [4, 3, -1, True, "4", None],
    "id": [1, "x", None, [], "y" * 200],
    "bundle": ["ff", None, 3],
    "call": [1, "x", None, [], True],
    "sub_id": ["1.0", "1.1", None, 3],
}


class Peer:
    """A connection, handled as by `server_loop.ServerLoop`, without a socket."""

    def __init__(self) -> None:
        self.node: str | None = None
        self.frames = protocol.FrameReader(4096)
        self.requests = self.replies = 0
        self.leaving = False

    def write(self, frame) -> None:
        self.replies += 1
        if frame.startswith(b"<"):
            assert frame.startswith((b"<LAVA_MN R ", b"<LAVA_MN A "))
            self.replies -= frame.startswith(b"<LAVA_MN A ")
            assert frame.endswith(b">\n")
        else:
            assert int(frame[: protocol.HEADER_BYTES], 16) == len(frame) - protocol.HEADER_BYTES
            assert json.loads(frame[protocol.HEADER_BYTES :])["response"]

    def hang_up(self) -> None:
        self.leaving = True


class World:
    """A group of four members with connections and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        group = Group({"a": "r", "b": "r"}, size=4, timeout=30, deadlock_grace=5)
        self.service = Service(
            "g", group, {"a": "right", "b": "right"}, lambda *_args, **_fields: None, 2.0
        )
        self.peers = [Peer() for _ in range(5)]

    def receive(self, number: int, data: bytes) -> None:
        peer = self.peers[number]
        peer.frames.feed(data)
        try:
            while not peer.leaving and (body := peer.frames.read_next()) is not None:
                peer.requests += 1
                self.service.handle_input(peer, body, self.now)
        except protocol.ProtocolError as error:
            peer.requests += 1
            self.service.errors.refuse_malformed(peer, error)
            peer.hang_up()
        for other in self.peers:
            assert other.replies <= other.requests, "two replies to one request"
        if peer.leaving:
            self.replace(number)

    def replace(self, number: int) -> None:
        peer, self.peers[number] = self.peers[number], Peer()
        self.service.peer_closed(peer, self.now)
        assert not self.service.awaits_reply(peer)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        due = self.service.next_deadline()
        if due is not None and due <= self.now:
            self.service.expire(self.now)
            due = self.service.next_deadline()
            assert due is None or due > self.now, "something stays due"

    def end(self) -> None:
        self.service.abort("the end", self.now)
        assert not any(self.service.awaits_reply(peer) for peer in self.peers)


def one_input(data: bytes) -> None:
    """Run the operations encoded in `data`."""
    choice = atheris.FuzzedDataProvider(data)
    world = World()
    while choice.remaining_bytes():
        number = choice.ConsumeIntInRange(0, 4)
        kind = choice.ConsumeIntInRange(0, 9)
        if kind == 0:
            world.receive(number, choice.ConsumeBytes(choice.ConsumeIntInRange(0, 60)))
        elif kind == 1:
            body = choice.ConsumeBytes(choice.ConsumeIntInRange(0, 200))
            world.receive(number, b"%08X%b" % (len(body), body))
        elif kind == 2:
            world.replace(number)
        elif kind == 3:
            world.wait(choice.PickValueInList([0.1, 3.0, 6.0, 31.0]))
        elif kind == 4:
            name = choice.PickValueInList(["a", "b", "c", "z"])
            if choice.ConsumeBool():
                world.service.node_failed(name, "why", world.now)
            else:
                world.service.node_finished(name, world.now)
        elif kind == 5:
            world.receive(number, line(choice, number))
        else:
            body = json.dumps(request(choice, number)).encode()
            world.receive(number, b"%08X%b" % (len(body), body))
    world.end()


def line(choice, number: int) -> bytes:
    """Return a board's line, valid or with invalid words."""
    tag = choice.PickValueInList([b"1-1", b"1-2", b"1-3"])
    # Often a name that another connection uses, too: a reconnected board.
    name = choice.PickValueInList([NAMES[number].encode(), b"a", b"b"])
    words = [name, choice.PickValueInList([b"right", b"right", b"right", b"wrong"])]
    words += [choice.PickValueInList(LINE_WORDS[:4]), choice.PickValueInList([b"m", b"n"])]
    for _ in range(choice.ConsumeIntInRange(0, 2)):
        words.append(choice.PickValueInList(LINE_WORDS))
    text = console_frames.encode(words)
    if choice.ConsumeBool():
        text += choice.ConsumeBytes(10)
    return console_frames.DataFrame(b"Q", tag, 1, 1, text).line()


def request(choice, number: int) -> dict:
    """Return a valid request with up to three changed fields."""
    document = {
        "request": choice.PickValueInList(KINDS[:9]),
        "client_name": NAMES[number],
        "group_name": "g",
        "role": "r",
        "messageID": choice.PickValueInList(["m", "n"]),
        "hold": choice.ConsumeBool(),
        "secret": "right",
    }
    for _ in range(choice.ConsumeIntInRange(0, 3)):
        field = choice.PickValueInList(list(FIELDS))
        document[field] = choice.PickValueInList(FIELDS[field])
    return document


if __name__ == "__main__":
    logging.disable()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
