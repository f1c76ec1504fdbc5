"""The sections of device files, one class each; their fields are the keys.

The texts of the keys are the reference's; see `device_keys` and `device_page`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .device_keys import key

_TIMEOUT = {"exclusiveMinimum": 0}
_SERIAL = {
    "pattern": r"^(?!\w+:/)|^(socket|rfc2217)://(\[[0-9A-Fa-f:.]+\]|[^/?#:\[\]]+):\d{1,5}([/?#]|$)"
    r"|^telnet://[^/?#]|^(alt|hwgrep|spy)://",
    "errorMessage": "'serial' must be a path, such as /dev/ttyUSB0, or rfc2217://HOST:PORT, "
    "telnet://HOST:PORT or socket://HOST:PORT",
}
_SSH = {
    "pattern": r"^[^@\s-][^@\s]*@(\[[0-9A-Fa-f:.]+\]|[^-@:/\s][^@:/\s]*)(:\d{1,5})?$",
    "errorMessage": "'ssh' must be USER@HOST or USER@HOST:PORT",
}


@dataclass(frozen=True)
class QemuMachine:
    """The QEMU machine of an emulated board."""

    arch: Literal["arm", "aarch64", "riscv64", "x86_64"] = key(
        "arm",
        "architecture; all but `arm` start the kernel of `deploy_linaro_kernel` without a boot "
        "loader",
    )
    machine: Literal["virt", "orangepi-pc"] = key(
        "virt",
        "of `arm`: `virt`, which boots fastest, or `orangepi-pc`, whose boot ROM loads U-Boot "
        "from the card",
    )
    accel: Literal["auto", "kvm", "tcg"] = key(
        "auto",
        "`kvm`: the host's processor runs the board; `tcg`: QEMU emulates its processor; "
        "`auto`: KVM if a small guest runs with it, otherwise TCG",
    )
    memory: int | None = key(
        None,
        "MiB",
        "256 (`virt`), 1024 (`orangepi-pc`), 512 (other architectures)",
        minimum=256,
        maximum=3072,
    )
    firmware: str | None = key(None, "of `arm`: file of the boot loader", "Debian's U-Boot")
    bootargs: str = key(
        "",
        "words added to the command line of a kernel that QEMU starts; the board's `console=` "
        "comes first, and `root=/dev/vda rw` if the job has a `rootfs`",
    )
    arguments: tuple[str, ...] = key((), "list of further arguments of QEMU")

    @property
    def model(self) -> str:
        """The name of the machine among those of all architectures."""
        return self.machine if self.arch == "arm" else self.arch


@dataclass(frozen=True)
class ConsoleConnection:
    """The console: exactly one of command, serial, ssh, simulated and qemu."""

    command: str | None = key(
        None, "shell command whose standard input and output are the console"
    )
    serial: str | None = key(
        None,
        "path of a serial device, or a port of a console server: `rfc2217://HOST:PORT`, "
        "`telnet://HOST:PORT`, `socket://HOST:PORT` (raw TCP)",
        **_SERIAL,
    )
    ssh: str | None = key(
        None,
        "`USER@HOST` or `USER@HOST:PORT` of the board's own SSH server; `login.password`, if any, "
        "is the password",
        **_SSH,
    )
    ready: str | None = key(
        None,
        "text that the console prints once it is attached, or seconds until then: nothing is "
        "typed and no power is switched before",
        "at once",
        type=["string", "number", "null"],
        minLength=1,
        minimum=0,
        maximum=60,
    )
    simulated: bool = key(False, "`true`: a simulated board")
    qemu: QemuMachine | None = key(
        None, "a board that QEMU emulates, with a real U-Boot and a real Linux"
    )
    baud: int = key(
        115200,
        "bits per second, of a serial device and of `rfc2217://`; other console servers use "
        "their own setting",
        minimum=50,
        maximum=50000000,
    )
    fifo: int = key(
        0,
        "size of the FIFO of the board's UART, in bytes (usually 16), for a line without flow "
        "control that drops input: while tests run, no more bytes are sent without an "
        "acknowledgement",
        "0: no limit",
        minimum=0,
        maximum=4096,
    )
    character_delay: float = key(
        0.0,
        "seconds between two typed characters, for boards that drop some",
        "0",
        minimum=0,
        maximum=10,
    )
    reconnect: float | None = key(
        None,
        "seconds for which a dropped console may be reopened, from power-on if the board powers "
        "it; 0: never",
        "30; 300 with `ssh`",
        minimum=0,
    )

    @property
    def reconnect_timeout(self) -> float:
        """`reconnect` in seconds, or its default: a board behind ssh has to boot meanwhile."""
        if self.reconnect is not None:
            return self.reconnect
        return 30.0 if self.ssh is None else 300.0

    @property
    def is_virtual(self) -> bool:
        """True if the board exists for one run only: simulated or emulated."""
        return self.simulated or self.qemu is not None


@dataclass(frozen=True)
class PduDaemon:
    """A port of a pdudaemon."""

    url: str = key("http://localhost:16421", "address of the daemon", pattern="^https?://")
    hostname: str | None = key(None, "name of the PDU in the daemon's configuration")
    port: str | None = key(
        None, "outlet of the PDU", type=["string", "integer", "null"], minLength=0
    )
    alias: str | None = key(
        None, "alias in the daemon's configuration, instead of `hostname` and `port`"
    )


@dataclass(frozen=True)
class Power:
    """The power switch: shell commands, a pdudaemon, a person, or that of a simulated board."""

    on: str | None = key(None, "shell command that switches on")
    off: str | None = key(None, "shell command that switches off")
    cycle: str | None = key(
        None, "shell command that switches off and on again", "`off`, a pause, `on`"
    )
    pdudaemon: PduDaemon | None = key(None, "a port of a [pdudaemon](../how-to/use-pdudaemon.md)")
    manual: bool = key(
        False,
        "`true`: the dispatcher prompts the user to switch the power and to press Enter; "
        "needs a terminal",
    )
    simulated: bool = key(False, "`true`: the switch of the simulated board")
    settle: float = key(1.0, "seconds between off and on", "1", minimum=0)
    timeout: float = key(60.0, "timeout of one command, in seconds", "60", **_TIMEOUT)
    retries: int = key(2, "number of attempts per command", minimum=1, maximum=100)


@dataclass(frozen=True)
class Boot:
    """The dialogue with the boot loader, and its limits."""

    prompts: tuple[str, ...] = key(
        (), "list of literal texts; each is a prompt of the boot loader", "the device type's"
    )
    known_prompts: bool = key(
        True,
        "`false`: only `prompts` count, not also the usual prompts of the boot loader",
        "`true`",
    )
    prompt_patterns: tuple[str, ...] = key(
        (),
        "list of regular expressions; text at the end of the output is a prompt if its line "
        "begins with a match of one",
        "none",
        items={"type": "string", "format": "regex", "minLength": 1},
    )
    interrupt: str = key(
        "Hit any key to stop autoboot",
        "text that the boot loader prints when its countdown can be interrupted",
        minLength=1,
    )
    interrupt_command: str = key(
        "",
        "text that interrupts the countdown, such as a stop string; sent with a carriage return",
        "empty",
    )
    commands: tuple[str, ...] = key(
        (),
        "list of lines typed at the prompt, the last of which boots; none longer than 510 "
        "characters",
        "the device type's",
    )
    kernel_start: str = key("Linux version", "text that shows that the kernel runs", minLength=1)
    retries: int = key(3, "number of boot attempts", minimum=1, maximum=100)
    timeout: float = key(
        300.0, "seconds for one attempt, from power-on to the shell", "300", **_TIMEOUT
    )
    autoboot_timeout: float = key(60.0, "seconds from power-on to the prompt", "60", **_TIMEOUT)
    command_timeout: float | None = key(
        None,
        "seconds for one of `commands`",
        "300 over the network and for `boot` and `run`, 120 for `bootm` and loads from a "
        "medium, otherwise 30",
        **_TIMEOUT,
    )
    kernel_timeout: float = key(
        60.0, "seconds from `Starting kernel` to `kernel_start`", "60", **_TIMEOUT
    )


@dataclass(frozen=True)
class Login:
    """The way from the kernel to a root shell."""

    prompt: str = key("login:", "text of the login prompt", minLength=1)
    user: str = key("root", "user to log in")
    password: str | None = key(None, "password of the user", "none", minLength=0)
    password_prompt: str | None = key(
        None,
        "text of the password prompt, for a board that speaks another language",
        "`Password:`, also `password for USER:`",
    )
    commands: tuple[str, ...] = key(
        (), "list of lines typed after the login; one that asks for a password gets `password`"
    )
    shell_prompts: tuple[str, ...] = key(
        ("# ", "$ "), "list of literal texts with which a prompt of the shell ends"
    )
    timeout: float = key(
        240.0, "seconds from the kernel's first line to the shell", "240", **_TIMEOUT
    )


@dataclass(frozen=True)
class Network:
    """The way in which Linux on the board gets an address, if the image does not set one."""

    interface: str | None = key(None, "the network interface", "the first Ethernet")
    commands: tuple[str, ...] = key(
        (),
        "list of shell commands that bring the network up",
        "a DHCP client of the board: `udhcpc`, `dhclient` or `dhcpcd`",
    )


@dataclass(frozen=True)
class Lava:
    """The settings with which LAVA's own dispatcher runs the board; only with `host: lava`."""

    device: Path | None = key(
        None,
        "LAVA's device dictionary: the rendered YAML that `lava-run` takes as `--device`",
        "required",
    )
    dispatcher: Path | None = key(None, "LAVA's `dispatcher.yaml`", "one with `dispatcher_ip`")
    env_dut: Path | None = key(None, "LAVA's `env-dut.yaml`", "none")
    path: Path | None = key(
        None,
        "directory of LAVA's Python packages: a clone of its repository, or an unpacked "
        "Debian package's `usr/lib/python3/dist-packages`",
        "`$LAVA_DISPATCHER_PATH`, or the installed ones",
    )
    python: str | None = key(
        None,
        "the interpreter for LAVA's dispatcher",
        "`/usr/bin/python3`, then this package's own: the first that can import it",
    )
    device_type: str | None = key(
        None, "LAVA's name of the type, for exported jobs", "`device_type`"
    )
    deploy: dict[str, Any] = key(
        {},
        "LAVA's deploy block, or parts of it, for jobs that are not in LAVA's format",
        "from the device dictionary",
    )
    boot: dict[str, Any] = key(
        {},
        "LAVA's boot block, or parts of it, for the same jobs",
        "from the device dictionary, `login` and its prompts",
    )


@dataclass(frozen=True)
class SimulatedFirmware:
    """The texts, memory and environment of a simulated board's U-Boot and kernel.

    It describes a type, so it belongs in `device-types/NAME.yaml`.
    """

    boot_loader: Literal["u-boot", "grub", "barebox"] = key(
        "u-boot", "the boot loader; the next four keys are for `u-boot`"
    )
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
    serial_port: str = key(
        "ttyO2", "name of the serial port in Linux, for `console=`", pattern="^tty[A-Za-z]+[0-9]+$"
    )
    environment: dict[str, str] = key(
        {},
        "variables of U-Boot, in addition to those of every simulated board",
        additionalProperties={"type": "string"},
    )
    saves_env: bool = key(False, "`true`: `saveenv` has storage to write to")
