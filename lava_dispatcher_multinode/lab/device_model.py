"""What a device file says, layered and checked: plain frozen data.

The keys of the file are the fields below, with the same names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: As `host`: LAVA's own dispatcher runs the board.
LAVA = "lava"

#: Device types that simulator can be.
SIMULATED_TYPES = ("panda", "beaglexm")


@dataclass(frozen=True)
class QemuMachine:
    """Which machine an emulated board is; its layer says what differs on it."""

    machine: str = "virt"  # | orangepi-pc
    memory: int | None = None  # MiB; None: as the machine has it
    firmware: str | None = None  # a file; None: Debian's U-Boot
    arguments: tuple[str, ...] = ()  # further words for QEMU


@dataclass(frozen=True)
class Connection:
    """How to reach the console: exactly one of command, serial, simulated, qemu."""

    command: str | None = None  # a shell command whose stdin and stdout are the console
    serial: str | None = None  # a device path, or socket://, telnet://, rfc2217://HOST:PORT
    baud: int = 115200
    simulated: bool = False
    qemu: QemuMachine | None = None  # a board that is a QEMU process
    character_delay: float = 0.0  # seconds between characters typed at the board
    fifo: int = 0  # bytes that may be on their way to a test, unacknowledged; 0: no limit
    reconnect: float = 30.0  # seconds in which a console that drops is opened again

    @property
    def is_virtual(self) -> bool:
        """Whether the board exists for one run only: simulated or emulated."""
        return self.simulated or self.qemu is not None


@dataclass(frozen=True)
class PduDaemon:
    """A port of a pdudaemon: `hostname` and `port`, or an `alias` of its configuration."""

    url: str = "http://localhost:16421"
    hostname: str | None = None
    port: str | None = None
    alias: str | None = None


@dataclass(frozen=True)
class Power:
    """How to switch the board: shell commands, pdudaemon, somebody's hand, or a process."""

    on: str | None = None
    off: str | None = None
    cycle: str | None = None
    pdudaemon: PduDaemon | None = None
    manual: bool = False  # whoever sits at the terminal is asked
    simulated: bool = False
    settle: float = 1.0  # seconds between off and on of a cycle made of both
    timeout: float = 60.0  # seconds for one command
    retries: int = 2  # tries of one command


@dataclass(frozen=True)
class Master:
    """The image that deploys another onto the same board."""

    commands: tuple[str, ...] = ()  # typed at U-Boot to boot it; none: it boots by itself
    testboot: str | None = None  # the partitions' devices; None: found by their labels
    testrootfs: str | None = None


@dataclass(frozen=True)
class Tftp:
    """How U-Boot fetches: addresses as it takes them, and where from."""

    setup: tuple[str, ...] = ("setenv autoload no", "dhcp")  # lines that bring its network up
    kernel: str | None = None  # load addresses
    ramdisk: str | None = None
    dtb: str | None = None
    bootargs: str = ""
    host: str | None = None  # the server as the board knows it; None: dispatcher_ip
    port: int = 69
    directory: str | None = None  # of a TFTP server that runs already


@dataclass(frozen=True)
class Deploy:
    """How an image gets onto the board.

    `media`: the dispatcher writes to `path`, a file or block device, between
    the shell commands `to_host` and `to_board`, which switch an SD-mux.
    `layout`: `image` writes the image as it is; `master` makes the card of
    2013, with the image's partitions 1 and 2 as testboot (3) and testrootfs (5),
    and its boot loader on partition 1.
    `master`: the board's own master image fetches both partitions over HTTP.
    `tftp`: U-Boot fetches kernel, ramdisk and device tree (deploy_linaro_kernel).
    `none`: the image is on the board already.
    """

    method: str | None = None  # media | master | tftp | none; None: not configured
    path: str | None = None
    to_host: str | None = None
    to_board: str | None = None
    layout: str = "master"
    root_partition: int = 2  # of an image that is written as it is
    master: Master = Master()
    tftp: Tftp = Tftp()


@dataclass(frozen=True)
class Boot:
    """The U-Boot dialogue: what to wait for, what to send."""

    prompts: tuple[str, ...] = ()  # literal texts; any of them is the prompt
    interrupt: str = "Hit any key to stop autoboot"
    interrupt_command: str = ""  # sent with one carriage return
    commands: tuple[str, ...] = ()
    kernel_start: str = "Linux version"
    retries: int = 3
    timeout: float = 300.0  # seconds for one try, from power-on to the shell
    autoboot_timeout: float = 60.0  # seconds from power-on to U-Boot's prompt
    command_timeout: float | None = None  # seconds for one command; None: by its kind
    kernel_timeout: float = 60.0  # seconds from "Starting kernel" to `kernel_start`


@dataclass(frozen=True)
class Login:
    """How to get from the kernel to a root shell; `commands` are typed after the login."""

    prompt: str = "login:"
    user: str = "root"
    password: str | None = None
    commands: tuple[str, ...] = ()  # such as "sudo su", for a user who is not root
    shell_prompts: tuple[str, ...] = ("# ", "$ ")  # literal ends of a line
    timeout: float = 240.0  # seconds from the kernel's first line to the shell


@dataclass(frozen=True)
class Network:
    """How Linux on the board gets an address, where the image does not see to it."""

    interface: str | None = None  # None: the first Ethernet
    commands: tuple[str, ...] = ()  # instead of a DHCP client


@dataclass(frozen=True)
class Lava:
    """How LAVA's own dispatcher runs the board; only with `host: lava`.

    `deploy` and `boot` are blocks of LAVA's for jobs that do not bring their
    own; what they leave out comes from the device dictionary.
    """

    device: Path | None = None  # LAVA's device dictionary: the rendered YAML that lava-run takes
    dispatcher: Path | None = None  # dispatcher.yaml
    env_dut: Path | None = None  # env-dut.yaml
    path: Path | None = None  # where LAVA's Python packages are; None: where they are installed
    python: str | None = None  # the interpreter that runs them
    device_type: str | None = None  # LAVA's name of the type; None: the same
    deploy: Mapping[str, Any] = field(default_factory=dict)
    boot: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Device:
    """One board."""

    name: str
    device_type: str
    tags: frozenset[str] = frozenset()
    host: str = "own"  # own | lava: who runs the board's node
    bootloader: str = "u-boot"
    aliases: tuple[str, ...] = ()  # of the device type
    connection: Connection = Connection()
    power: Power = Power()
    deploy: Deploy = Deploy()
    boot: Boot = Boot()
    login: Login = Login()
    network: Network = Network()
    overlay: tuple[str, ...] = ("image", "http", "console")  # ways to deliver it, in order
    death: tuple[str, ...] = ()  # further death strings, regular expressions on one line
    panic: str = "infrastructure"  # whose failure a death string is: infrastructure | test
    silence: float = 600.0  # seconds without a byte, while tests run; 0: no limit
    multinode: str = "console"
    dispatcher_ip: str | None = None  # the address under which the board reaches this host
    lava: Lava = Lava()
    simulated: Mapping[str, Any] = field(default_factory=dict)  # faults; see simulator
    file: Path | None = None  # the device file, for messages

    @property
    def place(self) -> str:
        """What messages name: the device file, or the device where there is none."""
        return str(self.file or self.name)
