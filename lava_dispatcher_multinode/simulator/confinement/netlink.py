"""As much rtnetlink as a board's network needs: links, veth pairs, addresses.

One request a call, each acknowledged; OSError carries the kernel's errno. It is
here so that nothing has to be installed: `ip` is not on every host.
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
    """Make a bridge and switch it on."""
    info = _nested(_IFLA_LINKINFO, _attribute(_INFO_KIND, b"bridge"))
    _ask(_NEWLINK, _CREATE | _EXCL, _LINK.pack(0, 0, 0, _UP, _UP) + _name(name) + info)


def add_veth(name: str, bridge: str, peer: str, peer_mac: str, peer_namespace: int) -> None:
    """Plug `name` into `bridge`; its other end is `peer` in the namespace of that descriptor."""
    mac = bytes.fromhex(peer_mac.replace(":", ""))
    other = (
        _LINK.pack(0, 0, 0, 0, 0)
        + _name(peer)
        + _attribute(_IFLA_ADDRESS, mac)
        + _attribute(_IFLA_NET_NS_FD, struct.pack("=I", peer_namespace))
    )
    info = _nested(
        _IFLA_LINKINFO,
        _attribute(_INFO_KIND, b"veth") + _nested(_INFO_DATA, _nested(_VETH_PEER, other)),
    )
    master = _attribute(_IFLA_MASTER, struct.pack("=I", socket.if_nametoindex(bridge)))
    request = _LINK.pack(0, 0, 0, _UP, _UP) + _name(name) + master + info
    _ask(_NEWLINK, _CREATE | _EXCL, request)


def set_up(name: str) -> None:
    """Switch an interface on."""
    _ask(_NEWLINK, 0, _LINK.pack(0, 0, socket.if_nametoindex(name), _UP, _UP))


def delete(name: str) -> None:
    """Remove an interface; nothing if there is none of that name."""
    try:
        index = socket.if_nametoindex(name)
        _ask(_DELLINK, 0, _LINK.pack(0, 0, index, 0, 0))
    except OSError:
        if name in (other for _, other in socket.if_nameindex()):
            raise


def add_address(name: str, address: str) -> None:
    """Give an interface an IPv4 address in the form 10.0.0.1/16."""
    interface = ipaddress.IPv4Interface(address)
    packed = interface.ip.packed
    head = _ADDRESS.pack(
        socket.AF_INET, interface.network.prefixlen, 0, 0, socket.if_nametoindex(name)
    )
    broadcast = interface.network.broadcast_address.packed
    _ask(
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


def _nested(kind: int, value: bytes) -> bytes:
    return _attribute(kind, value)


def _name(name: str) -> bytes:
    return _attribute(_IFLA_IFNAME, name.encode() + b"\0")


def _ask(kind: int, flags: int, body: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.bind((0, 0))
        size = _HEADER.size + len(body)
        netlink.send(_HEADER.pack(size, kind, _REQUEST | _ACK | flags, 1, 0) + body)
        answer = netlink.recv(65536)
    _, kind, _, _, _ = _HEADER.unpack_from(answer)
    error = struct.unpack_from("=i", answer, _HEADER.size)[0] if kind == _ERROR else 0
    if error:
        raise OSError(-error, os.strerror(-error))
