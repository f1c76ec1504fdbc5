"""The JSON Schema of a job for editors, with the parameters of every installed action."""

from __future__ import annotations

from typing import Any

from .. import device_types, plugins
from .actions import COMMON
from .build import SCHEMA_FILE
from .schema_check import load_schema


def job_schema() -> dict[str, Any]:
    """Return the shipped schema, extended with the schema of each action's parameters."""
    schema = load_schema("job", SCHEMA_FILE)
    commands = sorted(plugins.entries(plugins.ACTIONS))
    action = schema["$defs"]["action"]
    action["properties"]["command"]["enum"] = commands
    action["allOf"] = [_case(command) for command in commands]
    types = schema["$defs"]["group_entry"]["properties"]["device_type"]
    types["examples"] = schema["properties"]["device_type"]["examples"] = sorted(
        device_types.names()
    )
    return schema


def _case(command: str) -> dict[str, Any]:
    from jsonschema import Draft202012Validator

    own = plugins.action(command).parameters_schema
    optional = Draft202012Validator(own).is_valid({})
    # $defs/parameters defines role and timeout.
    properties = {**own.get("properties", {}), **dict.fromkeys(COMMON, True)}
    parameters = {**own, "properties": properties}
    return {
        "if": {"properties": {"command": {"const": command}}, "required": ["command"]},
        "then": {
            "properties": {
                "parameters": {"anyOf": [parameters, {"type": "null"}]} if optional else parameters
            },
            **({} if optional else {"required": ["parameters"]}),
        },
    }
