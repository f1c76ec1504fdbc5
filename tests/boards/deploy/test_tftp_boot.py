"""The files served for a boot over the network, and U-Boot's commands that fetch them."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from lava_dispatcher_multinode.boards.bootloaders.u_boot import UBootLoader
from lava_dispatcher_multinode.boards.delivery.bundle import OverlayBundle
from lava_dispatcher_multinode.boards.deploy.tftp_boot import (
    BootFiles,
    NetworkBoot,
    ServedFile,
    dictionary_lines,
    serve_boot_files,
)
from lava_dispatcher_multinode.errors import DeployError, ImageError
from lava_dispatcher_multinode.images import cpio, uimage
from lava_dispatcher_multinode.images.store import Image
from lava_dispatcher_multinode.lab.deploy_sections import Deploy, LoadAddresses, Tftp
from lava_dispatcher_multinode.lab.device_model import Device
from lava_dispatcher_multinode.serve.servers import Servers

KERNELS = {
    "zImage": uimage.make_zimage(b"kernel"),
    "uImage": uimage.make(b"kernel", "Linux", uimage.KERNEL),
    "fit": uimage.FDT_MAGIC + bytes(60),
}
ROOT = gzip.compress(cpio.make_archive([("init", cpio.PROGRAM, b"#!/bin/sh")]))


@pytest.fixture
def image(tmp_path):
    """Return a function: name, content -> image."""

    def make(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return Image(str(path), path, path)

    return make


@pytest.fixture
def bundle(tmp_path):
    """An overlay of one file."""
    path = tmp_path / "overlay.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("lava-1/bin/lava-self")
        member.size, member.mode = 4, 0o755
        tar.addfile(member, io.BytesIO(b"self"))
    return OverlayBundle(path, "/lava-1", b"a=1\n")


def _commands(folder, files, bundle=None, steps=None, **tftp):
    settings = {
        "setup": ("dhcp",),
        "kernel": "0x1",
        "ramdisk": "0x2",
        "dtb": "0x3",
        "bootargs": "console=x",
        "host": "10.0.0.1",
        "directory": str(folder),
    }
    device = Device("b1", "panda", deploy=Deploy("tftp", tftp=Tftp(**{**settings, **tftp})))
    with Servers() as servers:
        network, in_ramdisk = serve_boot_files(
            device, files, bundle, servers, (steps if steps is not None else []).append
        )
        served = {p.name: p.read_bytes() for p in folder.glob("lava-*/*")}
    assert not list(folder.glob("lava-*"))  # removed with the servers
    return UBootLoader.network_commands(network), in_ramdisk, served


@pytest.mark.parametrize(
    ("kind", "start"), [("zImage", "bootz"), ("uImage", "bootm"), ("fit", "bootm")]
)
def test_each_kind_of_kernel_has_its_command(image, tmp_path, kind, start):
    """The first bytes decide; the command has an address for each file."""
    (tmp_path / "srv").mkdir()
    kernel = image(kind, KERNELS[kind])
    lines, _, served = _commands(tmp_path / "srv", BootFiles(kernel))
    assert [line.split()[0] for line in lines] == ["dhcp", "setenv", "tftpboot", "setenv", start]
    assert lines[1] == "setenv serverip 10.0.0.1"
    assert lines[-2:] == ("setenv bootargs 'console=x'", f"{start} 0x1")
    assert served == {"kernel": KERNELS[kind]}
    dtb = image("dtb", uimage.FDT_MAGIC)
    assert _commands(tmp_path / "srv", BootFiles(kernel, None, dtb))[0][-1] == f"{start} 0x1 - 0x3"


@pytest.mark.parametrize("wrap", [bytes, lambda data: uimage.make(data, "rd", uimage.RAMDISK)])
def test_the_overlay_goes_into_the_ramdisk(image, bundle, tmp_path, wrap):
    """It follows the original archive, under one header."""
    (tmp_path / "srv").mkdir()
    files = BootFiles(image("k", KERNELS["zImage"]), image("rd", wrap(ROOT)))
    lines, in_ramdisk, served = _commands(tmp_path / "srv", files, bundle)
    assert in_ramdisk
    assert lines[-1] == "bootz 0x1 0x2"
    header = uimage.parse(served["ramdisk"])
    assert header is not None
    assert header.kind == uimage.RAMDISK
    bare = served["ramdisk"][uimage.HEADER :]
    assert bare.startswith(ROOT)
    more = gzip.decompress(bare[-(-len(ROOT) // 4) * 4 :])
    for word in (b"lava-1/bin/lava-self\0", b"self", b"lava-1/environment\0", b"a=1\n"):
        assert word in more
    assert bundle.checksum.encode() in more


def test_a_ramdisk_that_is_cut_short_is_named(image, bundle, tmp_path):
    """A kernel would not find the overlay behind it."""
    files = BootFiles(image("zImage", KERNELS["zImage"]), image("root.gz", ROOT[:-12]))
    with pytest.raises(ImageError, match=r"root\.gz: decompression failed: the file is truncated"):
        _commands(tmp_path, files, bundle)


def test_a_ramdisk_of_another_kind_stays_as_it_is(image, bundle, tmp_path):
    """The overlay needs another method; the log says why."""
    (tmp_path / "srv").mkdir()
    steps: list[str] = []
    files = BootFiles(image("k", KERNELS["zImage"]), image("rd", b"an ext2 of 1999"))
    _, in_ramdisk, served = _commands(tmp_path / "srv", files, bundle, steps)
    assert not in_ramdisk
    assert served["ramdisk"].endswith(b"an ext2 of 1999")
    assert "not a cpio archive" in steps[0]


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        (b"#!/bin/sh", {}, "is neither zImage, uImage nor FIT image"),
        (uimage.make(b"x", "x", uimage.SCRIPT), {}, "but not of a kernel"),
        (KERNELS["uImage"][:20] + b"?" + KERNELS["uImage"][21:], {}, "header is damaged"),
        (KERNELS["zImage"], {"kernel": None}, r"deploy\.tftp\.kernel is missing"),
        (KERNELS["zImage"], {"host": None}, r"deploy\.tftp\.host or dispatcher_ip"),
        (
            KERNELS["zImage"],
            {"directory": "/nowhere"},
            r"writing to deploy\.tftp\.directory failed",
        ),
    ],
    ids=["script", "u-boot script", "broken", "address", "host", "directory"],
)
def test_files_that_cannot_boot_are_refused(image, tmp_path, content, changes, message):
    """The error comes before power-on."""
    with pytest.raises(DeployError, match=message):
        _commands(tmp_path, BootFiles(image("k", content)), **changes)


def test_another_port_is_set_in_u_boot(image, tmp_path):
    """Some versions of U-Boot read the variable."""
    lines, _, _ = _commands(tmp_path, BootFiles(image("k", KERNELS["zImage"])), port=6969)
    assert "setenv tftpdstp 6969" in lines


LAVAS_LINES = (
    "dhcp",
    "setenv serverip {SERVER_IP}",
    "tftp {KERNEL_ADDR} {KERNEL}",
    "tftp {RAMDISK_ADDR} {RAMDISK}",
    "tftp {TEE_ADDR} {TEE}",
    "setenv initrd_size ${filesize}",
    "tftp {DTB_ADDR} {DTB}",
    "{BOOTX}",
)
ADDRESSES = {
    "bootm": LoadAddresses("0x10", "0x20", "0x30"),
    "bootz": LoadAddresses("0x11", "0x21", "0x31"),
    "booti": LoadAddresses("0x12", "0x22", "0x32"),
}


def _network(kernel_type, names, **tftp):
    files = {name: ServedFile(f"d/{name}", "") for name in names}
    settings = Tftp(commands=LAVAS_LINES, **{**ADDRESSES, **tftp})
    return NetworkBoot(settings, "10.0.0.1", kernel_type, files)


@pytest.mark.parametrize(
    ("kernel_type", "start", "digit"),
    [("Image", "booti", 2), ("zImage", "bootz", 1), ("uImage", "bootm", 0), ("FIT", "bootm", 0)],
)
def test_lavas_words_get_the_values_for_the_kernel(kernel_type, start, digit):
    """Addresses and command are those of the kernel's kind; U-Boot's variables stay."""
    network = _network(kernel_type, ("kernel", "ramdisk", "dtb"))
    assert dictionary_lines(network) == (
        "dhcp",
        "setenv serverip 10.0.0.1",
        f"tftp 0x1{digit} d/kernel",
        f"tftp 0x2{digit} d/ramdisk",
        "setenv initrd_size ${filesize}",
        f"tftp 0x3{digit} d/dtb",
        f"{start} 0x1{digit} 0x2{digit} 0x3{digit}",
    )


def test_lines_without_a_file_are_left_out():
    """As in LAVA, the start has the address of a device tree that a line may load."""
    lines = dictionary_lines(_network("zImage", ("kernel",)))
    assert lines[2:] == (
        "tftp 0x11 d/kernel",
        "setenv initrd_size ${filesize}",
        "bootz 0x11 - 0x31",
    )


def test_a_ramdisk_without_header_has_its_size():
    """U-Boot reads the size of a ramdisk from its header, or else from the command."""
    lines = dictionary_lines(
        _network("Image", ("kernel", "ramdisk"), ramdisk_header="none", port=6969)
    )
    assert lines[0] == "setenv tftpdstp 6969"
    assert lines[-1] == "booti 0x12 0x22:${initrd_size} 0x32"


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        (bytes(56) + b"ARM\x64" + bytes(8), "booti"),
        (bytes(56) + b"RSC\x05" + bytes(8), "booti"),
        (KERNELS["zImage"], "bootz"),
    ],
)
def test_an_image_is_started_by_booti(image, tmp_path, kernel, kind):
    """The magic number of arm64 and RISC-V decides, without LAVA's lines, too."""
    (tmp_path / "srv").mkdir()
    lines, _, _ = _commands(tmp_path / "srv", BootFiles(image("kernel", kernel)), **ADDRESSES)
    assert lines[-1] == f"{kind} {ADDRESSES[kind].kernel}"


@pytest.mark.parametrize(("header", "number"), [("arm64", 22), ("arm", 2), ("none", None)])
def test_the_ramdisk_has_the_header_of_its_board(image, tmp_path, header, number):
    """U-Boot refuses a ramdisk of another architecture; GRUB and barebox take none with one."""
    (tmp_path / "srv").mkdir()
    files = BootFiles(image("k", KERNELS["zImage"]), image("r", ROOT))
    _, _, served = _commands(tmp_path / "srv", files, ramdisk_header=header)
    if number is None:
        assert served["ramdisk"] == ROOT
    else:
        assert served["ramdisk"][29] == number


@pytest.mark.parametrize(("in_place", "entry"), [(False, 0x8000), (True, 0x8040)])
def test_a_zimage_becomes_a_uimage_where_only_bootm_has_an_address(
    image, tmp_path, in_place, entry
):
    """As LAVA does for old boards: with load address, and the device tree behind the kernel."""
    (tmp_path / "srv").mkdir()
    steps: list[str] = []
    lines, _, served = _commands(
        tmp_path / "srv",
        BootFiles(image("k", KERNELS["zImage"]), dtb=image("d", uimage.FDT_MAGIC + b"tree")),
        steps=steps,
        kernel=None,
        bootm=LoadAddresses("0x8000"),
        append_dtb=True,
        execute_in_place=in_place,
    )
    assert lines[-1].startswith("bootm 0x8000 ")
    header = uimage.parse(served["kernel"])
    assert header is not None
    assert (header.kind, header.load, header.entry) == (uimage.KERNEL, 0x8000, entry)
    assert served["kernel"][uimage.HEADER :] == KERNELS["zImage"] + uimage.FDT_MAGIC + b"tree"
    assert "making a uImage of the zImage" in steps[0]


def test_a_variable_is_no_load_address_of_a_uimage(image, tmp_path):
    """The header is made here, where U-Boot's variables have no value."""
    (tmp_path / "srv").mkdir()
    with pytest.raises(DeployError, match=r"bootm\.kernel .*is no number"):
        _commands(
            tmp_path / "srv",
            BootFiles(image("k", KERNELS["zImage"])),
            kernel=None,
            bootm=LoadAddresses("${loadaddr}"),
        )
