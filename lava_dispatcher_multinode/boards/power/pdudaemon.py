"""A port of a pdudaemon, over HTTP: some sixty kinds of power switches in one."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

from ...errors import PowerError
from ...redaction import split_login

if TYPE_CHECKING:
    from ...lab.device_sections import PduDaemon, Power

ANSWER = 500  # bytes of the daemon's answer that an error shows


class PduDaemonSwitch:
    """Asks the daemon, which answers when the switch has done it."""

    worth_checking = True  # the daemon knows its port, and not what is plugged in there

    def __init__(self, device: str, power: Power, daemon: PduDaemon) -> None:
        if not daemon.alias and not (daemon.hostname and daemon.port):
            raise PowerError(
                f"{device}: power.pdudaemon needs hostname and port of the PDU, or an alias"
            )
        self._device = device
        self._power = power
        self._daemon = daemon

    def cycle(self) -> None:
        """Off, a pause, on: the daemon's own `reboot` would not say which of them failed."""
        self.off()
        time.sleep(self._power.settle)  # the board's capacitors, not a race
        self.on()

    def on(self) -> None:
        """On."""
        self._ask("on")

    def off(self) -> None:
        """Off."""
        self._ask("off")

    def _ask(self, what: str) -> None:
        daemon = self._daemon
        if daemon.alias:
            query = {"alias": daemon.alias}
        else:
            query = {"hostname": str(daemon.hostname), "port": str(daemon.port)}
        base, login = split_login(daemon.url)
        url = f"{base.rstrip('/')}/power/control/{what}?{urlencode(query)}"
        opener = request.build_opener(request.ProxyHandler({}))  # a lab's switch is no web page
        try:
            with opener.open(
                request.Request(url, headers=dict(login)),  # noqa: S310 - a device file's
                timeout=self._power.timeout,
            ):
                return
        except HTTPError as error:
            with error:
                text = error.read(ANSWER).decode("utf-8", "backslashreplace").strip()
            reason = f"answers {error.code}: {text or error.reason}"
        except TimeoutError:
            reason = f"has not answered within {self._power.timeout:g} s (power.timeout)"
        except (URLError, OSError, ValueError, http.client.HTTPException) as error:
            reason = f"cannot be asked: {getattr(error, 'reason', error) or type(error).__name__}"
        where = daemon.alias or f"{daemon.hostname} port {daemon.port}"
        raise PowerError(f"{self._device}: power {what} ({where}): pdudaemon at {base} {reason}")
