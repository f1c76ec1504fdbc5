"""An address for Linux on a board, where the image has not seen to it."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from ..errors import DeployError

if TYPE_CHECKING:
    from ..lab.device_sections import Network
    from .shell import Shell

CLIENT_WAIT = 60.0  # seconds for a DHCP client
#: As `ip` and the two kinds of `ifconfig` write it; the loopback's does not count.
_ADDRESS = re.compile(r"inet (?:addr:)?(?!127\.)(\d+\.\d+\.\d+\.\d+)")
LIST = "ip -4 addr show {0} 2>/dev/null || ifconfig {0}"
FIRST = 'for i in /sys/class/net/e*; do [ -e "$i" ] && { echo "${i##*/}"; break; }; done'
UP = "ip link set {0} up 2>/dev/null || ifconfig {0} up"
CLIENTS = {
    "udhcpc": "udhcpc -i {0} -n -q -t 8 -T 2",
    "dhclient": "dhclient -1 {0}",
    "dhcpcd": "dhcpcd -1 -4 -t 30 {0}",
}


def bring_up(shell: Shell, network: Network) -> str:
    """Return the board's address, getting it one if it has none; `DeployError` if it gets none."""
    interface = network.interface or shell.run(FIRST)[1].strip()
    if not interface:
        raise DeployError("the board has no Ethernet: network.interface can name another")
    name = shlex.quote(interface)
    if address := _address(shell, name):
        return address
    if network.commands:
        for command in network.commands:
            code, output = shell.run(command, timeout=CLIENT_WAIT)
            if code:
                raise DeployError(f"network.commands: '{command}' exited with {code}: {output}")
    else:
        _ask(shell, name)
    if address := _address(shell, name):
        return address
    raise DeployError(f"the board has no address on {interface}")


def _address(shell: Shell, name: str) -> str | None:
    found = _ADDRESS.search(shell.run(LIST.format(name))[1])
    return found[1] if found else None


def _ask(shell: Shell, name: str) -> None:
    shell.run(UP.format(name))
    for program, command in CLIENTS.items():
        if shell.has(program):
            code, output = shell.run(f"{command.format(name)} 2>&1", timeout=CLIENT_WAIT)
            if code:
                last = output.splitlines()[-1:] or [""]
                raise DeployError(f"{program} on the board exited with {code}: {last[0]}")
            return
    raise DeployError(f"the board has none of {', '.join(CLIENTS)}: set network.commands")
