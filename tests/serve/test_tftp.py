"""The TFTP server for boot loaders, tested at packet level."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.serve import tftp as tftp_module
from lava_dispatcher_multinode.serve.file_table import FileTable
from lava_dispatcher_multinode.serve.tftp import TftpServer, parse_request


@pytest.fixture
def served():
    """A file table and the address of its server."""
    files = FileTable()
    server = TftpServer(files, "127.0.0.1", 0)
    yield files, ("127.0.0.1", server.port)
    server.close()


@pytest.fixture
def board():
    """A socket as a boot loader has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(20)
        yield made


def _request(name, *options, kind=1):
    words = [name, "octet", *options]
    return struct.pack("!H", kind) + b"".join(w.encode() + b"\0" for w in words)


def _fetch(board, address, request, size=512, lose=()):
    """Fetch a file as a boot loader does; the first copy of each block in `lose` is lost."""
    board.sendto(request, address)
    content, expected, lost, agreed = b"", 1, set(lose), {}
    while True:
        packet, peer = board.recvfrom(4096)
        kind, number = struct.unpack("!HH", packet[:4])
        if kind == 5:
            raise FileNotFoundError(packet[4:-1].decode())
        if kind == 6:
            words = packet[2:-1].decode().split("\0")
            agreed = dict(zip(words[::2], words[1::2], strict=True))
            size = int(agreed.get("blksize", size))
            board.sendto(struct.pack("!HH", 4, 0), peer)
            continue
        if number in lost:
            lost.discard(number)
            continue
        if number == expected:
            content += packet[4:]
            expected = (expected + 1) & 0xFFFF
        board.sendto(struct.pack("!HH", 4, number), peer)
        if len(packet) < size + 4:
            return content, agreed


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 100_000])
def test_files_arrive_whole(served, board, size):
    """Files arrive complete, also empty ones and those that end with a full block."""
    files, address = served
    data = os.urandom(size)
    assert _fetch(board, address, _request(files.publish(data, "k")))[0] == data


def test_options_are_agreed_on(served, board):
    """blksize is limited to a frame, tsize and timeout are accepted, others ignored."""
    files, address = served
    data = os.urandom(10_000)
    request = _request(
        files.publish(data, "k"), "blksize", "8000", "tsize", "0", "timeout", "2", "x", "y"
    )
    content, agreed = _fetch(board, address, request)
    assert content == data
    assert agreed == {"blksize": "1468", "tsize": "10000", "timeout": "2"}


def test_block_numbers_wrap(served, board):
    """A file of more than 65535 blocks (of 8 bytes) arrives."""
    files, address = served
    data = os.urandom(8 * 65_600 + 3)
    assert _fetch(board, address, _request(files.publish(data, "k"), "blksize", "8"))[0] == data


def test_lost_blocks_are_sent_again(served, board, monkeypatch):
    """A lost block is sent again after the timeout."""
    monkeypatch.setattr(tftp_module, "ACK_TIMEOUT_S", 0.1)
    files, address = served
    data = os.urandom(3000)
    assert _fetch(board, address, _request(files.publish(data, "k")), lose=(1, 3))[0] == data


def test_old_acknowledgements_repeat_nothing(served, board):
    """An old acknowledgement does not repeat a block."""
    files, address = served
    board.sendto(_request(files.publish(bytes(2000), "k")), address)
    packet, peer = board.recvfrom(4096)
    for _ in range(3):
        board.sendto(struct.pack("!HH", 4, 1), peer)
    seen = []
    board.settimeout(0.4)
    with contextlib.suppress(TimeoutError):
        while True:
            seen.append(board.recvfrom(4096)[0][2:4])
    assert seen == [b"\0\2"]
    assert packet[2:4] == b"\0\1"


def test_a_file_that_is_not_there_is_refused(served, board):
    """The error packet has a text, which U-Boot prints."""
    _, address = served
    with pytest.raises(FileNotFoundError, match="File not found"):
        _fetch(board, address, _request("../../etc/passwd"))


def test_nonsense_stops_nothing(served, board):
    """After garbage, writes, empty packets and a lost board, the next request is served."""
    files, address = served
    path = files.publish(b"kernel", "k")
    for packet in (b"", b"\0", b"\0\1", b"\0\1\xff\0octet\0", _request(path, kind=2), b"x" * 2000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(packet, address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(_request(path), address)  # and closes before the first block
    assert _fetch(board, address, _request(path))[0] == b"kernel"


def test_closing_ends_transfers_in_progress(board):
    """Closing the server ends a transfer without acknowledgements."""
    files = FileTable()
    server = TftpServer(files, "127.0.0.1", 0)
    board.sendto(
        _request(files.publish(bytes(9000), "k"), "timeout", "10"), ("127.0.0.1", server.port)
    )
    board.recvfrom(4096)
    # In a thread: close() without an end must fail this test, not hold it.
    closing = threading.Thread(target=server.close, daemon=True)
    closing.start()
    closing.join(5)
    assert not closing.is_alive()


@given(st.binary(max_size=60))
def test_requests_are_parsed_or_refused(packet):
    """Parsing any packet raises no exception."""
    found = parse_request(b"\0\1" + packet)
    assert found is None or isinstance(found[0], str)
