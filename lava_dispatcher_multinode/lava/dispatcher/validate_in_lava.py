"""Asks LAVA whether devices can run jobs. A program of its own, run by LAVA's Python.

Standard input is JSON: `pairs`, a list of [device dictionary, definition] as lava-run takes them,
and `submission`, the job as its server takes it, or null. Standard output is one line of JSON.
`refusals` has for each pair null or [index of the refused block from 0, reason, whether this host
lacks something]. `violations` is what LAVA's schema finds in the submission: [index of the block
or null, key, message, whether a server accepts it nevertheless].

LAVA builds its pipeline to answer: it uses no device and fetches nothing.
"""

from __future__ import annotations

import copy
import json
import logging
import sys
import types
from typing import Any

#: Modules that LAVA always imports and that are not used here: see member.py.
UNUSED_MODULES = ("guestfs", "sentry_sdk")
SELF = "127.0.0.1"  # without it, LAVA asks `ip` for this host's address


def main() -> None:
    """Answer all questions of standard input."""
    for name in UNUSED_MODULES:
        sys.modules.setdefault(name, types.ModuleType(name))
    asked = json.load(sys.stdin)
    refusals = [first_refusal(device, definition) for device, definition in asked["pairs"]]
    found = schema_violations(asked["submission"]) if asked["submission"] else []
    print(json.dumps({"refusals": refusals, "violations": found}))  # noqa: T201


def schema_violations(submission: dict[str, Any]) -> list[tuple[int | None, str, str, bool]]:
    """Return the first violation of LAVA's schema in the job as a whole, and in each block."""
    try:
        from lava_common.schemas import validate
        from voluptuous import Invalid
    except ImportError:  # the dispatcher can be installed without these
        return []
    parts: list[tuple[int | None, dict[str, Any]]] = [(None, submission)]
    for index, action in enumerate(submission["actions"]):
        parts.append((index, {"visibility": "public", **submission, "actions": [action]}))
    found: list[tuple[int | None, str, str, bool]] = []
    for number, part in parts:
        for strict in (False, True):
            try:
                validate(copy.deepcopy(part), strict=strict)
            except Invalid as error:
                path = [str(step) for step in error.path] or [""]
                if path[0].startswith("actions") == (number is not None):
                    found.append((number, path[-1], error.msg, strict))
                    break
            except Exception:  # noqa: BLE001 - the parser reports it
                break
    return found


def first_refusal(
    device: dict[str, Any], definition: dict[str, Any]
) -> tuple[int, str, bool] | None:
    """Return index, reason and host flag of the first refused block; None if LAVA accepts all."""
    if _refused(device, definition) is None:
        return None
    # LAVA does not name the block, so find the first one with which the pipeline fails.
    actions = definition["actions"]
    for count in range(1, len(actions) + 1):
        why = _refused(device, {**definition, "actions": actions[:count]})
        if why is not None:
            return count - 1, *why
    return None


def _refused(device: dict[str, Any], definition: dict[str, Any]) -> tuple[str, bool] | None:
    from lava_common.exceptions import ConfigurationError, InfrastructureError, JobError
    from lava_dispatcher.device import NewDevice
    from lava_dispatcher.parser import JobParser

    try:
        JobParser().parse(
            content=json.dumps(definition),
            device=NewDevice(copy.deepcopy(device)),
            job_id="1",
            logger=logging.getLogger("fit"),
            dispatcher_config=json.dumps({"dispatcher_ip": SELF}),
        )
    except (ConfigurationError, JobError) as error:
        return str(error), False
    except InfrastructureError as error:
        return str(error), True
    except Exception as error:  # noqa: BLE001 - a bug of LAVA with unchecked input
        return f"{type(error).__name__}: {error}", False
    return None


if __name__ == "__main__":
    main()
