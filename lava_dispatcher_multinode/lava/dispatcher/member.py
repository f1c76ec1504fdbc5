"""Makes LAVA's dispatcher a member of the group. A program of its own, run by LAVA's Python.

  member.py SETTINGS lava-run-arguments...

LAVA stays unchanged: `lava-run` runs as installed. This program adds what LAVA itself looks for: a
subclass of its `Protocol`, in place of its MultinodeProtocol. The latter reads the coordinator's
address from a file in /etc and polls it every few seconds; the subclass gets the address from
SETTINGS, and its calls return when they are satisfied. LAVA's scripts for the device are copied
with the names of the group's devices in place of job IDs.

SETTINGS is a JSON file: `address` [host, port], `group`, `name` and `secret` of the node, `ids`
{name: job ID in LAVA}, `roles` {name: role}, `lava_run` (the script), `downloads` (the directory
for LAVA's files), `scripts` (the directory for the copied scripts). It is removed after it has
been read, as it holds secrets, which must not appear in a log.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import signal
import socket
import sys
import types
from pathlib import Path
from typing import Any

ANSWER_GRACE_S = 30.0  # for the coordinator's answer, after a call's timeout
HEADER_BYTES = 8
PR_SET_PDEATHSIG = 1
#: Modules that LAVA always imports, few jobs need, and not every host has.
UNUSED_MODULES = ("guestfs", "sentry_sdk")
#: How LAVA's scripts find the senders in an answer.
SENDER = "([0-9]+:)"


def main(arguments: list[str]) -> None:
    """Run lava-run."""
    # If reaper.py is killed, the device must still be switched off: LAVA does so on SIGTERM.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    path = Path(arguments[0])
    settings = json.loads(path.read_text("utf-8"))
    path.unlink()
    os.environ.pop("PYTHONPATH", None)  # for LAVA, not for its child processes
    for name in UNUSED_MODULES:
        import_lazily(name)
    import lava_common.constants

    lava_common.constants.DISPATCHER_DOWNLOAD_DIR = settings["downloads"]
    log_as_json()
    if use_device_names(Path(settings["scripts"]), settings["name"], settings["roles"]):
        settings["ids"] = {}
    protocol = install_protocol(settings)  # LAVA keeps only weak references to its subclasses
    sys.argv = [settings["lava_run"], *arguments[1:]]
    runpy.run_path(settings["lava_run"], run_name="__main__")
    del protocol


def import_lazily(name: str) -> None:
    """Import a module when it is first used."""

    class Lazy(types.ModuleType):
        def __getattr__(self, attribute: str) -> Any:
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            del sys.modules[name]
            module = __import__(name)
            return getattr(module, attribute)

    sys.modules[name] = Lazy(name)


def log_as_json() -> None:
    """Let LAVA write its log as JSON, which is YAML; formatting YAML takes 70 % of its time.

    The job's secrets are not masked, as that would hide results as well: the reader of the log
    redacts what it keeps and displays.
    """
    from lava_common import log

    original = log.dump

    def dump(data: dict[str, Any], *_secrets: Any) -> str:
        message = data.get("msg")
        if isinstance(message, str) and len(message) < 10_000:
            return json.dumps(data)
        text: str = original(data)
        return text

    log.dump = dump


def use_device_names(directory: Path, own: str, roles: dict[str, str]) -> bool:
    """Let LAVA put scripts with names on the device; return False if its scripts are unknown."""
    import lava_dispatcher
    from lava_dispatcher.actions.deploy.overlay import MultinodeOverlayAction

    source = Path(lava_dispatcher.__file__).parent / "lava_test_shell" / "multi_node"
    try:
        scripts = {path.name: path.read_text("utf-8") for path in source.glob("lava-*")}
        named = replace_ids(scripts, own, roles)
    except (OSError, KeyError):
        return False
    directory.mkdir()
    for name, text in named.items():
        (directory / name).write_text(text, "utf-8")
    original = MultinodeOverlayAction.__init__

    def init(self: Any, *args: Any) -> None:
        original(self, *args)
        self.lava_multi_node_test_dir = str(directory)

    MultinodeOverlayAction.__init__ = init
    return True


def replace_ids(scripts: dict[str, str], own: str, roles: dict[str, str]) -> dict[str, str]:
    """Return LAVA's scripts with names in them; raise `KeyError` if they are unknown."""
    library = scripts["lava-multi-node.lib"]
    if SENDER not in library:
        raise KeyError(SENDER)
    names = "|".join(name.replace(".", "[.]") for name in roles)
    group = "".join(rf"{name}\t{role}\n" for name, role in roles.items())
    # LAVA writes its own values before these.
    return scripts | {
        "lava-multi-node.lib": library.replace(SENDER, f"(({names}):)"),
        "lava-self": f"LAVA_HOSTNAME='{own}'\n{scripts['lava-self']}",
        "lava-group": f"LAVA_GROUP='{group}'\n{scripts['lava-group']}",
    }


def call_coordinator(
    address: tuple[str, int], request: dict[str, Any], timeout: float
) -> dict[str, Any]:
    """Send one request and return the reply; raise `OSError` or `ValueError` if there is none."""
    body = json.dumps(request).encode()
    with socket.create_connection(address, ANSWER_GRACE_S) as connection:
        connection.settimeout(timeout)
        connection.sendall(b"%08X%b" % (len(body), body))
        connection.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while data := connection.recv(65536):
            answer += data
    reply: dict[str, Any] = json.loads(answer[HEADER_BYTES:].decode())
    return reply


def read_reply(request: dict[str, Any], reply: dict[str, Any], ids: dict[str, str]) -> str:
    """Return an accepted reply in the form of LAVA's client: JSON, job IDs for names."""
    if reply["response"] == "group_data":
        roles = {ids.get(name, name): role for name, role in reply["roles"].items()}
        return json.dumps({"response": "group_data", "roles": roles})
    if request["request"] == "lava_sync":
        return json.dumps({"response": "ack", "message": request["messageID"]})
    message = reply.get("message")
    if message is None:
        return json.dumps({"response": "ack"})
    numbered = {ids.get(name, name): data for name, data in message.items()}
    return json.dumps({"response": "ack", "message": numbered})


def install_protocol(settings: dict[str, Any]) -> type:
    """Make LAVA use the returned protocol for every multinode job while it is referenced."""
    from lava_common.exceptions import (
        InfrastructureError,
        MultinodeProtocolTimeoutError,
        TestError,
    )
    from lava_dispatcher.connection import Protocol
    from lava_dispatcher.protocols.multinode import MultinodeProtocol

    address = tuple(settings["address"])
    ids = settings["ids"]
    member = {"client_name": settings["name"], "group_name": settings["group"]}
    member["secret"] = settings["secret"]
    accepts = MultinodeProtocol.__dict__["accepts"].__func__

    class GroupProtocol(MultinodeProtocol, Protocol):  # type: ignore[misc]
        """LAVA finds the direct subclasses of Protocol; hence the second base."""

        name = MultinodeProtocol.name

        @classmethod
        def accepts(cls, parameters: Any) -> bool:
            return bool(accepts(cls, parameters))

        def set_up(self) -> None:
            parameters = self.parameters["protocols"][self.name]
            host, port = address
            self.settings = {"coordinator_hostname": host, "port": port, "poll_delay": 1}
            # LAVA logs its messages, so the group's name and the secret are added only when they
            # are sent.
            self.base_message = {"client_name": self.job_id, "role": parameters["role"]}
            self.initialise_group()
            if self.delayed_start:
                role = parameters["expect_role"]
                self.logger.info("the start waits for lava_start of role %s", role)
                wait = {"request": "lava_wait_all", "messageID": "lava_start", "waitrole": role}
                self._send(wait, True)

        def poll(self, message: str, timeout: float | None = None) -> str:
            seconds = float(timeout or self.poll_timeout.duration)
            request = json.loads(message) | member | {"hold": True, "timeout": seconds}
            request["hostname"] = socket.gethostname()
            try:
                reply = call_coordinator(address, request, seconds + ANSWER_GRACE_S)
                if reply["response"] != "nack":
                    return read_reply(request, reply, ids)
            except (OSError, ValueError, KeyError) as error:
                text = f"the job's coordinator does not answer: {error}"
                raise InfrastructureError(text) from error
            reason = reply.get("reason") or "refused"
            if "messageID" not in request:
                raise InfrastructureError(f"not admitted to the group: {reason}")
            self.logger.error("%s", reason)
            if reply.get("status") == "timeout":
                raise MultinodeProtocolTimeoutError(reason)
            # LAVA would send the board "nack", record a pass, and continue.
            call = request["request"].replace("lava_", "multinode-", 1)
            case = f"{call}-{request['messageID']}".lower()
            self.logger.results({"definition": "lava", "case": case, "result": "fail"})
            raise TestError(reason)

        def collate(self, reply: Any, params: Any) -> Any:
            """Collect what `$key` asks for; 2023.01 treats a call without one as an error."""
            message = params.get("message")
            values = message.values() if isinstance(message, dict) else ()
            asked = any(str(value).startswith("$") for value in values)
            return super().collate(reply, params) if asked else None

        def finalise_protocol(self, device: Any = None) -> None:
            """Send nothing: the dispatcher of the group sees how this process ends."""

    MultinodeProtocol.accepts = classmethod(lambda _cls, _parameters: False)
    return GroupProtocol


if __name__ == "__main__":
    main(sys.argv[1:])
