"""Measure the coordinator's CPU time per message by stage, without sockets.

    python bench/coordinator_work.py [--members 1000] [--repeats 15]

CPU time of this process for each stage of a barrier's messages, the minimum of several turns,
as other load only increases it. bench/coordinator.py measures the complete server.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from lava_dispatcher_multinode.coordinator.protocol import (
    HEADER_BYTES,
    FrameReader,
    encode_frame,
    parse_call,
    parse_request,
)
from lava_dispatcher_multinode.coordinator.service import Service
from lava_dispatcher_multinode.multinode.group import Group

if TYPE_CHECKING:
    from collections.abc import Callable


class Peer:
    """A connection that discards all replies."""

    node = None

    def write(self, frame: bytes) -> None:
        """Discard a reply."""


def main() -> None:
    """Print all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    size = options.members
    names = [f"n{number}" for number in range(size)]
    base = {"request": "lava_sync", "group_name": "g", "role": "r", "hold": True}
    frames = [encode_frame(base | {"client_name": name, "messageID": "b"}) for name in names]
    bodies = [frame[HEADER_BYTES:] for frame in frames]
    readers = [FrameReader(1 << 20) for _ in names]
    calls = [parse_call(parse_request(body)) for body in bodies]

    def cut() -> None:
        for reader, frame in zip(readers, frames, strict=True):
            reader.feed(frame)
            reader.read_next()
            reader.read_next()

    def read() -> None:
        for body in bodies:
            parse_call(parse_request(body))

    def group() -> Group:
        return Group(dict.fromkeys(names, "r"), size=size, timeout=120, deadlock_grace=30)

    def arrive(group: Group) -> Group:
        for number, name in enumerate(names[:-1]):
            group.call(name, calls[0], number, 0.0)
        return group

    def served() -> tuple[Service, list[Peer]]:
        service, peers = Service("g", group(), {}), [Peer() for _ in names]
        for peer, body in zip(peers, bodies, strict=True):  # authenticates each connection
            service.handle_input(peer, body, 0.0)
        return service, peers

    def ask(world: tuple[Service, list[Peer]]) -> tuple[Service, list[Peer]]:
        for peer, body in zip(world[1][:-1], bodies, strict=False):
            world[0].handle_input(peer, body, 0.0)
        return world

    def last(world: tuple[Service, list[Peer]]) -> None:
        world[0].handle_input(world[1][-1], bodies[-1], 0.0)

    def show(what: str, prepare: Callable, stage: Callable) -> None:
        times = []
        for _ in range(options.repeats):
            given = prepare()
            start = time.process_time()
            stage(given)
            times.append(time.process_time() - start)
        print(f"{what:>45}: {min(times) / size * 1e6:5.2f} us a member", flush=True)

    show("frames cut", lambda: None, lambda _: cut())
    show("requests parsed", lambda: None, lambda _: [parse_request(body) for body in bodies])
    show("requests parsed, and their calls", lambda: None, lambda _: read())
    show("arrivals by the rules", group, arrive)
    show(
        "release by the rules",
        lambda: arrive(group()),
        lambda g: g.call(names[-1], calls[-1], -1, 0.0),
    )
    show("arrivals in all", served, ask)
    show(
        "release in all",
        lambda: ask(served()),
        last,
    )


if __name__ == "__main__":
    main()
