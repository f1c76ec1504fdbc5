"""A port of a pdudaemon, over HTTP; pdudaemon supports some sixty kinds of power switches."""

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

MAX_ANSWER_BYTES = 500  # of the daemon's answer, in an error


class PduDaemonSwitch:
    """Sends requests to the daemon, which answers when the switch has switched."""

    slow = True
    worth_checking = True  # the daemon does not know what is connected to its port

    def __init__(self, device: str, power: Power, daemon: PduDaemon) -> None:
        if not daemon.alias and not (daemon.hostname and daemon.port):
            raise PowerError(
                f"{device}: power.pdudaemon needs hostname and port of the PDU, or an alias"
            )
        self._device = device
        self.pause = power.settle
        self._power = power
        self._daemon = daemon

    def cycle(self) -> None:
        """Switch off, pause, switch on: errors of the daemon's own `reboot` name neither."""
        self.off()
        time.sleep(self._power.settle)  # the board's capacitors, not a race
        self.on()

    def on(self) -> None:
        """Switch on."""
        self._request("on")

    def off(self) -> None:
        """Switch off."""
        self._request("off")

    def _request(self, what: str) -> None:
        daemon = self._daemon
        if daemon.alias:
            query = {"alias": daemon.alias}
        else:
            query = {"hostname": str(daemon.hostname), "port": str(daemon.port)}
        base, login = split_login(daemon.url)
        url = f"{base.rstrip('/')}/power/control/{what}?{urlencode(query)}"
        opener = request.build_opener(
            request.ProxyHandler({})
        )  # no proxy: the switch is in the lab
        try:
            with opener.open(
                request.Request(url, headers=dict(login)),  # noqa: S310 - a device file's
                timeout=self._power.timeout,
            ):
                return
        except HTTPError as error:
            with error:
                text = error.read(MAX_ANSWER_BYTES).decode("utf-8", "backslashreplace").strip()
            reason = f"answers {error.code}: {text or error.reason}"
        except TimeoutError:
            reason = f"has not answered within {self._power.timeout:g} s (power.timeout)"
        except (URLError, OSError, ValueError, http.client.HTTPException) as error:
            reason = (
                f"cannot be reached: {getattr(error, 'reason', error) or type(error).__name__}"
            )
        where = daemon.alias or f"{daemon.hostname} port {daemon.port}"
        raise PowerError(f"{self._device}: power {what} ({where}): pdudaemon at {base} {reason}")
