"""The differences between the simulated models: firmware texts, memory, environment."""

from __future__ import annotations

from typing import NamedTuple

_COMMON = {
    "baudrate": "115200",
    "bootdelay": "3",
    "bootfile": "uImage",
    "console": "ttyO2,115200n8",
    "mmcdev": "0",
    "mmcroot": "/dev/mmcblk0p2 rw",
    "mmcrootfstype": "ext3 rootwait",
    "mmcargs": "setenv bootargs console=${console} root=${mmcroot} rootfstype=${mmcrootfstype}",
    "loaduimage": "fatload mmc ${mmcdev} ${loadaddr} ${bootfile}",
    "mmcboot": "echo Booting from mmc${mmcdev} ...; run mmcargs; bootm ${loadaddr}",
    "bootcmd": "mmc rescan; run loaduimage && run mmcboot",
    "stdin": "serial",
    "stdout": "serial",
    "stderr": "serial",
}


class Model(NamedTuple):
    """One model; `dram` is in bytes; `saves_env`: `saveenv` has storage to write to."""

    name: str
    prompt: str
    spl: str
    banner: str
    dram: int
    machine: str  # the name in the kernel log
    environment: dict[str, str]
    saves_env: bool
    memory_line: str


MODELS = {
    "panda": Model(
        name="panda",
        prompt="Panda # ",
        spl="\nU-Boot SPL 2012.10 (Oct 17 2012 - 09:32:45)\nOMAP4430 ES2.2\nOMAP SD/MMC: 0\n"
        "reading u-boot.img\n",
        banner="\n\nU-Boot 2012.10 (Oct 17 2012 - 09:32:45)\n\nCPU  : OMAP4430 ES2.2\n"
        "Board: OMAP4 Panda\nI2C:   ready\nDRAM:  1 GiB\n"
        "WARNING: Caches not enabled\nMMC:   OMAP SD/MMC: 0\n"
        "Using default environment\n\n",
        dram=1 << 30,
        machine="OMAP4 Panda board",
        environment={**_COMMON, "loadaddr": "0x82000000", "usbtty": "cdc_acm", "vram": "16M"},
        saves_env=False,
        memory_line="Memory: 456MB 512MB = 968MB total",
    ),
    "beaglexm": Model(
        name="beaglexm",
        prompt="OMAP3 beagleboard.org # ",
        spl="\nU-Boot SPL 2012.10 (Oct 17 2012 - 09:35:02)\nTexas Instruments Revision detection "
        "unimplemented\nOMAP SD/MMC: 0\nreading u-boot.img\n",
        banner="\n\nU-Boot 2012.10 (Oct 17 2012 - 09:35:02)\n\nOMAP3630/3730-GP ES1.0, "
        "CPU-OPP2, L3-165MHz, Max CPU Clock 1 Ghz\nOMAP3 Beagle board + LPDDR/NAND\n"
        "I2C:   ready\nDRAM:  512 MiB\nNAND:  0 MiB\nMMC:   OMAP SD/MMC: 0\n"
        "*** Warning - readenv() failed, using default environment\n\n",
        dram=512 << 20,
        machine="OMAP3 Beagle Board",
        environment={**_COMMON, "loadaddr": "0x80200000", "buddy": "none", "mpurate": "auto"},
        saves_env=True,
        memory_line="Memory: 512MB = 512MB total",
    ),
}
AFTER_BANNER = "In:    serial\nOut:   serial\nErr:   serial\n"
#: The lines after `AFTER_BANNER`, by model: identity of the chip, network.
LAST_LINES = {
    "panda": "Net:   No ethernet found.\n",
    "beaglexm": "Beagle xM Rev C\nNo EEPROM on expansion board\nDie ID #5d9e000000000000\n"
    "Net:   No ethernet found.\n",
}
