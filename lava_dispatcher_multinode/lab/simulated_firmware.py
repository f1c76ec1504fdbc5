"""The firmware of simulated boards, a section of device-types/NAME.yaml."""

from dataclasses import dataclass, field
from typing import Annotated

from .device_keys import Key


@dataclass(frozen=True)
class SimulatedFirmware:
    """The texts, memory and environment of a simulated board's U-Boot and kernel."""

    prompt: Annotated[str, Key("prompt of U-Boot", minLength=1)] = "=> "
    spl: Annotated[str, Key("output of U-Boot's first stage")] = "\nU-Boot SPL 2012.10\n"
    banner: Annotated[
        str, Key("output of U-Boot from its version to its environment", pattern="U-Boot ")
    ] = "\n\nU-Boot 2012.10\n\nDRAM:  512 MiB\nUsing default environment\n\n"
    last_lines: Annotated[str, Key("output before the countdown")] = "Net:   No ethernet found.\n"
    memory: Annotated[int, Key("MiB of memory, from 0x80000000", minimum=64, maximum=1024)] = 512
    memory_line: Annotated[str, Key("the kernel's log line about its memory")] = "Memory: 512MB"
    machine: Annotated[str, Key("name of the machine in the kernel's log", minLength=1)] = "Board"
    environment: Annotated[
        dict[str, str],
        Key(
            "variables of U-Boot, in addition to those of every simulated board",
            additionalProperties={"type": "string"},
        ),
    ] = field(default_factory=dict)
    saves_env: Annotated[bool, Key("`true`: `saveenv` has storage to write to")] = False
