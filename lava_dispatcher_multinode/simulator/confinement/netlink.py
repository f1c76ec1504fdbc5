"""The rtnetlink requests for the network of boards: links, veth pairs, addresses.

Each call sends one acknowledged request and raises OSError with the errno of the
kernel. The program `ip` would do the same, but not every host has it.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct

_NEWLINK, _DELLINK, _NEWADDR = 16, 17, 20
_REQUEST, _ACK, _CREATE, _EXCL = 0x1, 0x4, 0x400, 0x200
_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_UP = 0x1
# Attributes, by the names of linux/if_link.h, if_addr.h and veth.h.
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 10, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST = 1, 2, 4


def add_bridge(name: str) -> None:
    """Add a bridge and set it up."""
    info = _attribute(_IFLA_LINKINFO, _attribute(_INFO_KIND, b"bridge"))
    _request(_NEWLINK, _CREATE | _EXCL, _LINK.pack(0, 0, 0, _UP, _UP) + _name(name) + info)


def add_veth(name: str, bridge: str, peer: str, peer_mac: str, peer_namespace: int) -> None:
    """Add a veth pair: `name` on `bridge`, and `peer` in the namespace of a descriptor."""
    mac = bytes.fromhex(peer_mac.replace(":", ""))
    other = (
        _LINK.pack(0, 0, 0, 0, 0)
        + _name(peer)
        + _attribute(_IFLA_ADDRESS, mac)
        + _attribute(_IFLA_NET_NS_FD, struct.pack("=I", peer_namespace))
    )
    info = _attribute(
        _IFLA_LINKINFO,
        _attribute(_INFO_KIND, b"veth") + _attribute(_INFO_DATA, _attribute(_VETH_PEER, other)),
    )
    master = _attribute(_IFLA_MASTER, struct.pack("=I", socket.if_nametoindex(bridge)))
    body = _LINK.pack(0, 0, 0, _UP, _UP) + _name(name) + master + info
    _request(_NEWLINK, _CREATE | _EXCL, body)


def set_up(name: str) -> None:
    """Set an interface up."""
    _request(_NEWLINK, 0, _LINK.pack(0, 0, socket.if_nametoindex(name), _UP, _UP))


def delete(name: str) -> None:
    """Delete an interface, if it exists."""
    try:
        index = socket.if_nametoindex(name)
        _request(_DELLINK, 0, _LINK.pack(0, 0, index, 0, 0))
    except OSError:
        if name in (other for _, other in socket.if_nameindex()):
            raise


def add_address(name: str, address: str) -> None:
    """Add an IPv4 address, in the form 10.0.0.1/16, to an interface."""
    interface = ipaddress.IPv4Interface(address)
    packed = interface.ip.packed
    head = _ADDRESS.pack(
        socket.AF_INET, interface.network.prefixlen, 0, 0, socket.if_nametoindex(name)
    )
    broadcast = interface.network.broadcast_address.packed
    _request(
        _NEWADDR,
        _CREATE | _EXCL,
        head
        + _attribute(_IFA_LOCAL, packed)
        + _attribute(_IFA_ADDRESS, packed)
        + _attribute(_IFA_BROADCAST, broadcast),
    )


def _attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + b"\0" * (-size % 4)


def _name(name: str) -> bytes:
    return _attribute(_IFLA_IFNAME, name.encode() + b"\0")


def _request(kind: int, flags: int, body: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.bind((0, 0))
        size = _HEADER.size + len(body)
        netlink.send(_HEADER.pack(size, kind, _REQUEST | _ACK | flags, 1, 0) + body)
        answer = netlink.recv(65536)
    _, kind, _, _, _ = _HEADER.unpack_from(answer)
    error = struct.unpack_from("=i", answer, _HEADER.size)[0] if kind == _ERROR else 0
    if error:
        raise OSError(-error, os.strerror(-error))
