"""The MultiNode API: the table of its calls, a call, its outcome, and the limits of a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from msgspec import Struct


class CallSpec(NamedTuple):
    """The parameters and effects of a call; the words are those of its usage message."""

    options: tuple[str, ...] = ()
    operands: tuple[str, ...] = ("ID",)  # optional ones in brackets
    sends: bool = False  # a message under its ID
    waits: bool = False  # for messages of other devices
    needs_all: bool = False  # waits for every device (of a role), not for any one
    counts: bool = False  # needs as many messages of each as the caller has sent

    @property
    def parameters(self) -> frozenset[str]:
        """The fields of `Call` that the command line can set, without ID and data."""
        words = (*self.options, *self.operands[1:])
        return frozenset(word.split()[0].strip("[-]").lower() for word in words if "=" not in word)

    @property
    def takes_data(self) -> bool:
        """True if KEY=VALUE pairs follow the ID."""
        return "=" in self.operands[-1]


class Api(StrEnum):
    """The calls that travel; lava-self, lava-role and lava-group never leave the board.

    This is the table of the calls. The command line of the board, the requests of LAVA's
    protocol, the `multinode` action, the flow check, the schemas and
    docs/reference/multinode-api.md follow it.
    """

    SEND = "send", CallSpec((), ("ID", "[KEY=VALUE...]"), sends=True)
    WAIT = "wait", CallSpec(("--next", "--timeout SECONDS"), waits=True)
    WAIT_ALL = (
        "wait-all",
        CallSpec(("--timeout SECONDS",), ("ID", "[ROLE]"), waits=True, needs_all=True),
    )
    SYNC = (
        "sync",
        CallSpec(("--timeout SECONDS",), sends=True, waits=True, needs_all=True, counts=True),
    )

    spec: CallSpec

    def __new__(cls, name: str, spec: CallSpec) -> Api:
        """Make the member `name`."""
        api = str.__new__(cls, name)
        api._value_ = name
        api.spec = spec
        return api

    @property
    def command(self) -> str:
        """The command on the board: `lava-wait-all`."""
        return f"lava-{self.value}"

    @property
    def request(self) -> str:
        """The request of LAVA's protocol: `lava_wait_all`."""
        return self.command.replace("-", "_")

    @property
    def result(self) -> str:
        """The prefix of the names of its results: `multinode-wait_all`."""
        return f"multinode-{self.value.replace('-', '_')}"

    @property
    def usage(self) -> str:
        """The command line: `lava-wait-all [--timeout SECONDS] ID [ROLE]`."""
        options = (f"[{option}]" for option in self.spec.options)
        return " ".join([self.command, *options, *self.spec.operands])


def commands(*, taking: str = "", sending: bool = False, waiting: bool = False) -> list[str]:
    """Return the commands that take a parameter, send, or wait, in the order of the table."""
    return [
        api.command
        for api in Api
        if (not taking or taking in api.spec.parameters)
        and (not sending or api.spec.sends)
        and (not waiting or api.spec.waits)
    ]


class Status(StrEnum):
    """The outcome of a call."""

    DONE = "done"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    NEVER = "never"  # can never be satisfied: peer lost, peer finished, deadlock


class Cause(StrEnum):
    """The reason why a call ended, or why it waits."""

    SATISFIED = "satisfied"
    NOT_YET = "not-yet"
    NOT_ALLOWED = "not-allowed"  # or malformed
    UNKNOWN_ROLE = "unknown-role"
    TIMEOUT = "timeout"
    PEER_LOST = "peer-lost"
    DEADLOCK = "deadlock"
    CALLER_LOST = "caller-lost"  # the run of the calling device has ended
    CALLER_GONE = "caller-gone"  # the caller closed its connection
    ABORTED = "aborted"
    #: The caller has lost the coordinator: set by the client, so it is in no event.
    DISCONNECTED = "disconnected"


#: What the on-board script exits with; 2 is usage, decided on the board.
SCRIPT_EXIT = {Status.DONE: 0, Status.REFUSED: 1, Status.TIMEOUT: 3, Status.NEVER: 4}


#: What is sent with no data; and the fields of an outcome that needs none.
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Call(Struct, frozen=True, gc=False):
    """One call of the API by one node."""

    api: Api
    id: str
    data: Mapping[str, str] = NOTHING  # of a call that sends
    role: str | None = None  # wait-all only
    next: bool = False  # wait only: consume
    timeout: float | None = None  # seconds; None: the job's
    #: The board's ID of its request: the same ID is the same call, on any route.
    request_id: str | None = None


#: (sender, data) of each, oldest sender first.
Data = tuple[tuple[str, "Mapping[str, str]"], ...]


class Outcome(NamedTuple):
    """The answer to a `Call`.

    `data` has one entry per sender (wait, wait-all, sync). `fields` are the facts behind
    `cause`, as the functions of reasons.py take them; reasons.py makes the sentence.
    """

    status: Status
    data: Data = ()
    cause: Cause = Cause.SATISFIED
    fields: Mapping[str, Any] = NOTHING


class Missing(NamedTuple):
    """The devices that a call waits for; of very many only the first are named."""

    names: tuple[str, ...] = ()
    more: int = 0  # devices that are not named
    not_joined: int = 0  # devices that have yet to join the group


class Loss(NamedTuple):
    """A device that will send nothing more; `failure` is None if its run has finished."""

    name: str
    failure: str | None
    sent: int  # messages under the ID in question


@dataclass(frozen=True, eq=False)
class WaitGraph:
    """The waits of a deadlock: (member, its call, the devices that it waits for)."""

    waits: tuple[tuple[str, Call, Missing], ...]
    more: int  # waits that are not listed


def refused(text: str, cause: Cause = Cause.NOT_ALLOWED) -> Outcome:
    """Return the outcome of a call that is refused for the reason `text`."""
    return Outcome(Status.REFUSED, (), cause, {"text": text})


# What a call may contain. Every check returns a sentence, or "" when all is well.

#: The data of one message: bytes of its `key=value` lines, as UTF-8, newlines counted.
MAX_DATA_BYTES = 60 * 1024
#: A message ID, a role or a device name: bytes as UTF-8.
MAX_NAME_BYTES = 256

_KEY = re.compile(r"[A-Za-z0-9_.-]+\Z")
_NOT_IN_NAMES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_NOT_IN_VALUES = re.compile(r"[\n\x00]")
#: Surrogates, but for those that stand for bytes which are not UTF-8: JSON can hold them,
#: but they cannot be sent to a board.
_NO_CHARACTER = re.compile("[\ud800-\udc7f\udd00-\udfff]")
#: The parameters that only some calls take, as an error message calls them.
_PARAMETERS = {"role": "a role", "next": "--next"}


def byte_count(text: str) -> int:
    """Return the length of `text` in bytes, lone surrogates (undecodable bytes) included."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def name_problem(what: str, name: str) -> str:
    """Check a message ID, a role or a device name; `what` says which."""
    if len(name) > MAX_NAME_BYTES:  # nothing long is kept in a cache
        return f"the {what} has {byte_count(name)} bytes; at most {MAX_NAME_BYTES} are allowed"
    return _short_name_problem(what, name)


@lru_cache(maxsize=1024)  # the members of a barrier all name the same
def _short_name_problem(what: str, name: str) -> str:
    if not name:
        return f"the {what} is empty"
    if byte_count(name) > MAX_NAME_BYTES:
        return f"the {what} has {byte_count(name)} bytes; at most {MAX_NAME_BYTES} are allowed"
    if _NO_CHARACTER.search(name):
        return f"the {what} {name!r} contains half of a character"
    if _NOT_IN_NAMES.search(name):
        return f"the {what} {name!r} contains white space or a control character"
    return ""


def data_size(data: Mapping[str, str]) -> int:
    """Return the bytes of `data` as `key=value` lines."""
    return sum(byte_count(key) + byte_count(value) + 2 for key, value in data.items())


def data_problem(data: Mapping[str, str]) -> str:
    """Check the key-value pairs of a message."""
    for key, value in data.items():
        if not _KEY.match(key):
            return f"the key {key[:80]!r} is not made of letters, digits, '_', '.' and '-'"
        if _NOT_IN_VALUES.search(value):
            return f"the value of '{key}' has more than one line, or a NUL"
        if _NO_CHARACTER.search(value):
            return f"the value of '{key}' contains half of a character"
    if data and (total := data_size(data)) > MAX_DATA_BYTES:
        return f"the data has {total} bytes; at most {MAX_DATA_BYTES} are allowed in a message"
    return ""


def call_problem(call: Call) -> str:
    """Check everything about `call` that does not depend on the group."""
    if problem := name_problem("message ID", call.id):
        return problem
    if call.role is not None and (problem := name_problem("role", call.role)):
        return problem
    for name, text in _PARAMETERS.items():
        if getattr(call, name) and name not in call.api.spec.parameters:
            return f"only {' and '.join(commands(taking=name))} takes {text}"
    if call.timeout is not None and not call.timeout >= 0:  # a NaN, too
        return "the timeout is not a number of seconds from 0 up"
    return data_problem(call.data) if call.data else ""
