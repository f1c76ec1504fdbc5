"""The firmware of simulated boards, a section of device-types/NAME.yaml."""

from dataclasses import dataclass

from .device_keys import key


@dataclass(frozen=True)
class SimulatedFirmware:
    """The texts, memory and environment of a simulated board's U-Boot and kernel."""

    prompt: str = key("=> ", "prompt of U-Boot", minLength=1)
    spl: str = key("\nU-Boot SPL 2012.10\n", "output of U-Boot's first stage")
    banner: str = key(
        "\n\nU-Boot 2012.10\n\nDRAM:  512 MiB\nUsing default environment\n\n",
        "output of U-Boot from its version to its environment",
        pattern="U-Boot ",
    )
    last_lines: str = key("Net:   No ethernet found.\n", "output before the countdown")
    memory: int = key(512, "MiB of memory, from 0x80000000", minimum=64, maximum=1024)
    memory_line: str = key("Memory: 512MB", "the kernel's log line about its memory")
    machine: str = key("Board", "name of the machine in the kernel's log", minLength=1)
    environment: dict[str, str] = key(
        {},
        "variables of U-Boot, in addition to those of every simulated board",
        additionalProperties={"type": "string"},
    )
    saves_env: bool = key(False, "`true`: `saveenv` has storage to write to")
