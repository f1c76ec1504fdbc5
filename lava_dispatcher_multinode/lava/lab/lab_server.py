"""A LAVA server's XML-RPC API, for submitting and following jobs.

The connection comes from lavacli, LAVA's own client, which the extra `lab` installs. Tokens are
read from lavacli's configuration only.
"""

from __future__ import annotations

import os
import xmlrpc.client
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

import yaml

from ...errors import InfrastructureError, InvalidJob
from ...redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ANSWER_TIMEOUT_S = 60.0  # for one answer
UNAUTHORIZED = 401
REFUSAL_STATUSES = frozenset({400, 401, 403, 404})


class Unreachable(InfrastructureError):
    """The server does not answer at the moment; a retry may succeed."""


@dataclass(frozen=True)
class Identity:
    """Credentials for a server; `uri` is its XML-RPC endpoint."""

    uri: str
    username: str | None = None
    token: str | None = field(default=None, repr=False)
    proxy: str | None = None
    verify: bool = True


class JobState(NamedTuple):
    """The state of one job on a server."""

    state: str  # Submitted, Scheduling, Scheduled, Running, Canceling, Finished
    health: str  # Unknown, Complete, Incomplete, Canceled
    device: str | None
    error_type: str
    error: str


class LavaServer:
    """Calls one server. Raises `InfrastructureError` on a failure, `InvalidJob` on a refusal."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._proxy = _connect(identity)

    def submit(self, definition: str) -> list[str]:
        """Submit a job; return the job ID of each node."""
        found = self._call(lambda proxy: proxy.scheduler.jobs.submit(definition))
        return [str(job) for job in found] if isinstance(found, list) else [str(found)]

    def get_state(self, job: str) -> JobState:
        """Return the state of a job."""
        found = self._call(lambda proxy: proxy.scheduler.jobs.show(job))
        device = found.get("device")
        return JobState(
            str(found.get("state")),
            str(found.get("health")),
            str(device) if device else None,
            str(found.get("error_type") or ""),
            str(found.get("error_msg") or found.get("failure_comment") or ""),
        )

    def get_log(self, job: str, start: int) -> list[bytes]:
        """Return the lines of a job's log from line `start`, counted from 0."""
        _, data = self._call(lambda proxy: proxy.scheduler.jobs.logs(job, start))
        lines: list[bytes] = bytes(data.data).splitlines()
        return [line[2:] for line in lines if line.startswith(b"- ")]

    def cancel(self, job: str) -> None:
        """Ask the server to cancel a job."""
        self._call(lambda proxy: proxy.scheduler.jobs.cancel(job))

    def page_url(self, job: str) -> str:
        """Return the URL of a job's web page."""
        parts = urlsplit(self._identity.uri)
        return f"{parts.scheme}://{parts.netloc}/scheduler/job/{job}"

    def _call(self, ask: Callable[[Any], Any]) -> Any:
        server = self._identity.uri
        try:
            return ask(self._proxy)
        except xmlrpc.client.Fault as fault:
            text = f"the server refused the request: {fault.faultString} ({fault.faultCode})"
            raise InvalidJob.about(server, text) from fault
        except xmlrpc.client.ProtocolError as error:
            text = f"{server}: {without_secrets(str(error.errmsg))}"
            if error.errcode == UNAUTHORIZED:
                text += f" (user and token are those of {configuration()}: see lavacli identities)"
            kind = InfrastructureError if error.errcode in REFUSAL_STATUSES else Unreachable
            raise kind(text) from None  # the error has the token in its URL
        except (OSError, xmlrpc.client.Error) as error:
            raise Unreachable(f"{server}: {without_secrets(str(error))}") from None


def configuration() -> Path:
    """Return the path of lavacli's configuration file."""
    directory = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(directory).expanduser() / "lavacli.yaml"


def identity_for(server: str) -> Identity:
    """Return the identity for `server`: a URL, or a name in lavacli's configuration.

    A URL that is not in the configuration is used without user and token.
    """
    path = configuration()
    known = _identities(path)
    if server in known:
        return _identity(known[server])
    if "://" not in server:
        names = ", ".join(sorted(known)) or "none"
        message = f"'{server}' is neither a URL nor an identity in {path}"
        raise InvalidJob.about("--server", message, f"identities there: {names}")
    uri = endpoint(server)
    for entry in known.values():
        if endpoint(str(entry.get("uri"))) == uri:
            return _identity(entry)
    return Identity(uri)


def endpoint(url: str) -> str:
    """Return the XML-RPC endpoint of the server at `url`, without the secrets in the URL."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{host}{path if path.endswith('/RPC2') else f'{path}/RPC2'}"


def _identity(entry: Mapping[str, Any]) -> Identity:
    return Identity(
        endpoint(str(entry.get("uri"))),
        entry.get("username"),
        entry.get("token"),
        entry.get("proxy"),
        bool(entry.get("verify_ssl_cert", True)),
    )


def _identities(path: Path) -> dict[str, dict[str, Any]]:
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = getattr(error, "strerror", None) or "it is not YAML"
        raise InvalidJob.about(str(path), f"cannot read it: {reason}") from None
    entries = data.items() if isinstance(data, dict) else ()
    return {str(name): entry for name, entry in entries if isinstance(entry, dict)}


def _connect(identity: Identity) -> Any:
    try:
        from lavacli import RequestsTransport
    except ImportError as error:
        text = f"submitting requires lavacli, LAVA's client ({error})"
        hint = "pip install lavacli"
        raise InvalidJob.about("lava-multinode submit", text, hint) from error
    from requests.adapters import HTTPAdapter

    parts = urlsplit(identity.uri)
    transport = RequestsTransport(parts.scheme, identity.proxy, ANSWER_TIMEOUT_S, identity.verify)
    # If the library retried after a gateway error, a job could be submitted twice.
    for scheme in ("http://", "https://"):
        transport.session.mount(scheme, HTTPAdapter())
    login = ""
    if identity.username and identity.token:
        login = f"{quote(identity.username, safe='')}:{quote(identity.token, safe='')}@"
    uri = f"{parts.scheme}://{login}{parts.netloc}{parts.path}"
    return xmlrpc.client.ServerProxy(uri, allow_none=True, transport=transport)
