"""Brings up the network of Linux on a board, if the image has not."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from ..errors import DeployError

if TYPE_CHECKING:
    from ..lab.device_sections import Network
    from .shell import Shell

CLIENT_TIMEOUT_S = 60.0  # for a DHCP client
#: An address as `ip` and both kinds of `ifconfig` print it, except that of the loopback.
_ADDRESS = re.compile(r"inet (?:addr:)?(?!127\.)(\d+\.\d+\.\d+\.\d+)")
SHOW_ADDRESS = "ip -4 addr show {0} 2>/dev/null || ifconfig {0}"
FIND_INTERFACE = 'for i in /sys/class/net/e*; do [ -e "$i" ] && { echo "${i##*/}"; break; }; done'
BRING_UP = "ip link set {0} up 2>/dev/null || ifconfig {0} up"
#: DHCP clients, with their commands.
CLIENTS = {
    "udhcpc": "udhcpc -i {0} -n -q -t 8 -T 2",
    "dhclient": "dhclient -1 {0}",
    "dhcpcd": "dhcpcd -1 -4 -t 30 {0}",
}


def bring_up(shell: Shell, network: Network) -> str:
    """Return the board's address, requesting one if it has none; `DeployError` if that fails."""
    interface = network.interface or shell.run(FIND_INTERFACE)[1].strip()
    if not interface:
        raise DeployError("the board has no Ethernet interface: set network.interface")
    name = shlex.quote(interface)
    if address := _address(shell, name):
        return address
    if network.commands:
        for command in network.commands:
            code, output = shell.run(command, timeout=CLIENT_TIMEOUT_S)
            if code:
                raise DeployError(f"network.commands: '{command}' exited with {code}: {output}")
    else:
        _request(shell, name)
    if address := _address(shell, name):
        return address
    raise DeployError(f"the board has no address on {interface}")


def _address(shell: Shell, name: str) -> str | None:
    found = _ADDRESS.search(shell.run(SHOW_ADDRESS.format(name))[1])
    return found[1] if found else None


def _request(shell: Shell, name: str) -> None:
    shell.run(BRING_UP.format(name))
    for program, command in CLIENTS.items():
        if shell.has(program):
            code, output = shell.run(f"{command.format(name)} 2>&1", timeout=CLIENT_TIMEOUT_S)
            if code:
                last = output.splitlines()[-1:] or [""]
                raise DeployError(f"{program} on the board exited with {code}: {last[0]}")
            return
    raise DeployError(f"the board has none of {', '.join(CLIENTS)}: set network.commands")
