"""The sections of device files, one class each; their fields are the keys.

The texts of the keys are the reference's; see `device_keys` and `device_page`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from .device_keys import Key

_TIMEOUT = {"exclusiveMinimum": 0}
_SERIAL = {
    "pattern": r"^(?!\w+:/)|^(socket|rfc2217)://(\[[0-9A-Fa-f:.]+\]|[^/?#:\[\]]+):\d{1,5}([/?#]|$)"
    r"|^telnet://[^/?#]|^(alt|hwgrep|spy)://",
    "errorMessage": "'serial' must be a path, such as /dev/ttyUSB0, or rfc2217://HOST:PORT, "
    "telnet://HOST:PORT or socket://HOST:PORT",
}


@dataclass(frozen=True)
class QemuMachine:
    """The QEMU machine of an emulated board."""

    machine: Annotated[
        Literal["virt", "orangepi-pc"],
        Key(
            "`virt`, which boots fastest, or `orangepi-pc`, whose boot ROM loads U-Boot from the "
            "card"
        ),
    ] = "virt"
    memory: Annotated[
        int | None, Key("MiB", "256 (`virt`), 1024 (`orangepi-pc`)", minimum=256, maximum=3072)
    ] = None
    firmware: Annotated[str | None, Key("file of the boot loader", "Debian's U-Boot")] = None
    arguments: Annotated[
        tuple[str, ...], Key("list of further arguments of `qemu-system-arm`")
    ] = ()


@dataclass(frozen=True)
class ConsoleConnection:
    """The console: exactly one of command, serial, simulated and qemu."""

    command: Annotated[
        str | None, Key("shell command whose standard input and output are the console")
    ] = None
    serial: Annotated[
        str | None,
        Key(
            "path of a serial device, or a port of a console server: `rfc2217://HOST:PORT`, "
            "`telnet://HOST:PORT`, `socket://HOST:PORT` (raw TCP)",
            **_SERIAL,
        ),
    ] = None
    simulated: Annotated[bool, Key("`true`: a simulated board")] = False
    qemu: Annotated[
        QemuMachine | None,
        Key("a board that QEMU emulates, with a real U-Boot and a real Linux"),
    ] = None
    baud: Annotated[
        int,
        Key(
            "bits per second, of a serial device and of `rfc2217://`; other console servers use "
            "their own setting",
            minimum=50,
            maximum=50000000,
        ),
    ] = 115200
    fifo: Annotated[
        int,
        Key(
            "size of the FIFO of the board's UART, in bytes (usually 16), for a line without flow "
            "control that drops input: while tests run, no more bytes are sent without an "
            "acknowledgement",
            "0: no limit",
            minimum=0,
            maximum=4096,
        ),
    ] = 0
    character_delay: Annotated[
        float,
        Key(
            "seconds between two typed characters, for boards that drop some",
            "0",
            minimum=0,
            maximum=10,
        ),
    ] = 0.0
    reconnect: Annotated[
        float,
        Key("seconds for which a dropped console may be reopened; 0: never", "30", minimum=0),
    ] = 30.0

    @property
    def is_virtual(self) -> bool:
        """Whether the board exists for one run only: simulated or emulated."""
        return self.simulated or self.qemu is not None


@dataclass(frozen=True)
class PduDaemon:
    """A port of a pdudaemon."""

    url: Annotated[str, Key("address of the daemon", pattern="^https?://")] = (
        "http://localhost:16421"
    )
    hostname: Annotated[str | None, Key("name of the PDU in the daemon's configuration")] = None
    port: Annotated[
        str | None, Key("outlet of the PDU", type=["string", "integer", "null"], minLength=0)
    ] = None
    alias: Annotated[
        str | None, Key("alias in the daemon's configuration, instead of `hostname` and `port`")
    ] = None


@dataclass(frozen=True)
class Power:
    """The power switch: shell commands, a pdudaemon, a person, or that of a simulated board."""

    on: Annotated[str | None, Key("shell command that switches on")] = None
    off: Annotated[str | None, Key("shell command that switches off")] = None
    cycle: Annotated[
        str | None, Key("shell command that switches off and on again", "`off`, a pause, `on`")
    ] = None
    pdudaemon: Annotated[
        PduDaemon | None, Key("a port of a [pdudaemon](../how-to/use-pdudaemon.md)")
    ] = None
    manual: Annotated[
        bool,
        Key(
            "`true`: the dispatcher prompts the user to switch the power and to press Enter; "
            "needs a terminal"
        ),
    ] = False
    simulated: Annotated[bool, Key("`true`: the switch of the simulated board")] = False
    settle: Annotated[float, Key("seconds between off and on", "1", minimum=0)] = 1.0
    timeout: Annotated[float, Key("timeout of one command, in seconds", "60", **_TIMEOUT)] = 60.0
    retries: Annotated[int, Key("number of attempts per command", minimum=1, maximum=100)] = 2


@dataclass(frozen=True)
class Boot:
    """The dialogue with the boot loader, and its limits."""

    prompts: Annotated[
        tuple[str, ...],
        Key("list of literal texts; each is a prompt of the boot loader", "the device type's"),
    ] = ()
    interrupt: Annotated[
        str,
        Key("text that the boot loader prints when its countdown can be interrupted", minLength=1),
    ] = "Hit any key to stop autoboot"
    interrupt_command: Annotated[
        str,
        Key(
            "text that interrupts the countdown, such as a stop string; sent with a carriage "
            "return",
            "empty",
        ),
    ] = ""
    commands: Annotated[
        tuple[str, ...],
        Key(
            "list of lines typed at the prompt, the last of which boots; none longer than 510 "
            "characters",
            "the device type's",
        ),
    ] = ()
    kernel_start: Annotated[str, Key("text that shows that the kernel runs", minLength=1)] = (
        "Linux version"
    )
    retries: Annotated[int, Key("number of boot attempts", minimum=1, maximum=100)] = 3
    timeout: Annotated[
        float, Key("seconds for one attempt, from power-on to the shell", "300", **_TIMEOUT)
    ] = 300.0
    autoboot_timeout: Annotated[
        float, Key("seconds from power-on to the prompt", "60", **_TIMEOUT)
    ] = 60.0
    command_timeout: Annotated[
        float | None,
        Key(
            "seconds for one of `commands`",
            "300 over the network and for `boot` and `run`, 120 for `bootm` and loads from a "
            "medium, otherwise 30",
            **_TIMEOUT,
        ),
    ] = None
    kernel_timeout: Annotated[
        float, Key("seconds from `Starting kernel` to `kernel_start`", "60", **_TIMEOUT)
    ] = 60.0


@dataclass(frozen=True)
class Login:
    """The way from the kernel to a root shell."""

    prompt: Annotated[str, Key("text of the login prompt", minLength=1)] = "login:"
    user: Annotated[str, Key("user to log in")] = "root"
    password: Annotated[str | None, Key("password of the user", "none", minLength=0)] = None
    commands: Annotated[
        tuple[str, ...],
        Key("list of lines typed after the login; one that asks for a password gets `password`"),
    ] = ()
    shell_prompts: Annotated[
        tuple[str, ...],
        Key("list of literal texts with which a prompt of the shell ends"),
    ] = ("# ", "$ ")
    timeout: Annotated[
        float, Key("seconds from the kernel's first line to the shell", "240", **_TIMEOUT)
    ] = 240.0


@dataclass(frozen=True)
class Network:
    """How Linux on the board gets an address, if the image does not."""

    interface: Annotated[str | None, Key("the network interface", "the first Ethernet")] = None
    commands: Annotated[
        tuple[str, ...],
        Key(
            "list of shell commands that bring the network up",
            "a DHCP client of the board: `udhcpc`, `dhclient` or `dhcpcd`",
        ),
    ] = ()


@dataclass(frozen=True)
class Lava:
    """How LAVA's own dispatcher runs the board; only with `host: lava`."""

    device: Annotated[
        Path | None,
        Key(
            "LAVA's device dictionary: the rendered YAML that `lava-run` takes as `--device`",
            "required",
        ),
    ] = None
    dispatcher: Annotated[
        Path | None, Key("LAVA's `dispatcher.yaml`", "one with `dispatcher_ip`")
    ] = None
    env_dut: Annotated[Path | None, Key("LAVA's `env-dut.yaml`", "none")] = None
    path: Annotated[
        Path | None,
        Key(
            "directory of LAVA's Python packages: a clone of its repository, or an unpacked "
            "Debian package's `usr/lib/python3/dist-packages`",
            "`$LAVA_DISPATCHER_PATH`, or the installed ones",
        ),
    ] = None
    python: Annotated[
        str | None,
        Key(
            "the interpreter for LAVA's dispatcher",
            "`/usr/bin/python3`, then this package's own: the first that can import it",
        ),
    ] = None
    device_type: Annotated[
        str | None, Key("LAVA's name of the type, for exported jobs", "`device_type`")
    ] = None
    deploy: Annotated[
        dict[str, Any],
        Key(
            "LAVA's deploy block, or parts of it, for jobs that are not in LAVA's format",
            "from the device dictionary",
        ),
    ] = field(default_factory=dict)
    boot: Annotated[
        dict[str, Any],
        Key(
            "LAVA's boot block, or parts of it, for the same jobs",
            "from the device dictionary, `login` and its prompts",
        ),
    ] = field(default_factory=dict)
