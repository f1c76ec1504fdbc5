"""Writing a board's card behind an SD-mux."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile

import pytest

from lava_dispatcher_multinode.boards.delivery.bundle import OverlayBundle
from lava_dispatcher_multinode.boards.deploy import media
from lava_dispatcher_multinode.boards.deploy.media import write_media
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, DeployError
from lava_dispatcher_multinode.images.store import Image, ImageStore
from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_model import Device

from ...needs import PATH, program, require


def _write(tmp_path, image, card="card.img", **deploy):
    device = Device("b1", "panda", deploy=Deploy(method="media", layout="image", **deploy))
    target = card if card is None or card.startswith("/") else str(tmp_path / card)
    return write_media(device, target, _image(image), None, Deadline(60, "test"), lambda _: None)


def _image(path):
    return Image(str(path), path, path.with_suffix(".unpacked"))


def test_the_mux_is_switched_around_the_writing(tmp_path, example_images):
    """The mux switches to the host before the write, and to the board after it."""
    log = tmp_path / "log"
    card = tmp_path / "card.img"
    _write(
        tmp_path,
        example_images / "panda.img",
        to_host=f"test ! -e {card} && echo host >> {log}",
        to_board=f"test -s {card} && echo board >> {log}",
    )
    assert log.read_text() == "host\nboard\n"
    assert card.read_bytes() == (example_images / "panda.img").read_bytes()


def test_the_card_goes_back_to_the_board_after_a_failure(tmp_path):
    """After an error of the image the card goes back to the board."""
    (tmp_path / "empty.img").write_bytes(b"")
    mark = tmp_path / "mark"
    with pytest.raises(DeployError, match="image is empty"):
        _write(tmp_path, tmp_path / "empty.img", to_board=f"touch {mark}")
    assert mark.exists()


def test_the_card_goes_back_when_the_mux_or_the_card_fails(tmp_path, example_images, monkeypatch):
    """It goes back after a failure of the mux, and if the card does not appear."""
    monkeypatch.setattr(media, "CARD_TIMEOUT_S", 0.3)
    mark = tmp_path / "mark"
    for more in ({"to_host": "false"}, {"card": "/dev/no-such-card"}):
        with pytest.raises(DeployError):
            _write(tmp_path, example_images / "panda.img", to_board=f"touch {mark}", **more)
        assert mark.exists()
        mark.unlink()


def test_the_card_goes_back_when_the_time_is_over(tmp_path, example_images):
    """The deadline of the action ends the write, not the switch to the board."""
    mark = tmp_path / "mark"
    deploy = Deploy(method="media", layout="image", to_board=f"touch {mark}")
    deadline = Deadline(0.0, "test")
    with pytest.raises(ActionTimeout):
        write_media(
            Device("b1", "panda", deploy=deploy),
            str(tmp_path / "card.img"),
            _image(example_images / "panda.img"),
            None,
            deadline,
            lambda _: None,
        )
    assert mark.exists()


@pytest.mark.parametrize(
    ("deploy", "card", "message"),
    [
        (
            {"to_host": "echo no mux; exit 5"},
            "card.img",
            r"b1: deploy\.to_host .* exited with 5: no mux",
        ),
        ({}, None, r"b1: deploy\.path is missing"),
        ({}, "/dev/no-such-card", "b1: /dev/no-such-card does not exist: check that the card"),
        ({}, "/dev/null", "b1: /dev/null is not a block device$"),
        ({}, "no/such/directory", "writing the card"),
    ],
)
def test_a_card_that_cannot_be_written_is_an_error(
    tmp_path, example_images, monkeypatch, deploy, card, message
):
    """The error names device, key and reason."""
    monkeypatch.setattr(media, "CARD_TIMEOUT_S", 0.1)
    with pytest.raises(DeployError, match=message):
        _write(tmp_path, example_images / "panda.img", card, **deploy)


MIB = 1 << 20
#: Start and size of the partitions of `gpt_image`, in MiB: EFI system, /boot, root.
PLACES = ((1, 4), (5, 6), (11, 8))


def _run(*words, stdin=None):
    require(words[0])
    words = [program(words[0]), *map(str, words[1:])]
    return subprocess.run(words, input=stdin, check=True, capture_output=True, text=True,
                          env={"PATH": PATH}).stdout  # fmt: skip


@pytest.fixture
def gpt_image(tmp_path):
    """An image with a GPT whose types do not say which of two ext4 is the root."""
    path = tmp_path / "x.wic"
    with path.open("wb") as file:
        file.truncate(20 * MIB)
    table = [f"start={start * 2048}, size={size * 2048}" for start, size in PLACES]
    _run("sfdisk", "-q", path, stdin="\n".join(["label: gpt", *table]))
    for name, (start, size) in (("boot", PLACES[1]), ("root", PLACES[2])):
        tree = tmp_path / name
        for folder in ("etc", "bin") if name == "root" else ("extlinux",):
            (tree / folder).mkdir(parents=True)
        _run("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, "-E", f"offset={start * MIB}",
             path, f"{size}m")  # fmt: skip
    return path


@pytest.fixture
def bundle(tmp_path):
    """An overlay with one file."""
    archive = tmp_path / "overlay.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("lava-1/bin/run")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"run"))
    return OverlayBundle(archive, "/lava-1", b"A=1\n")


def _deploy(tmp_path, image, bundle, name="", **deploy):
    """Write `image` with the overlay; return whether it is in the card, and the steps."""
    steps = []
    settings = Deploy(method="media", layout="image", **deploy)
    device = Device("b1", "raspberrypi4", deploy=settings, overlay=("image", "console"))
    got = Image(name or str(image), image, tmp_path / "unpacked")
    card = str(tmp_path / "card.img")
    done = write_media(device, card, got, bundle, Deadline(60, "test"), steps.append)
    return done, steps


def test_the_overlay_is_put_into_the_root_of_a_gpt(tmp_path, gpt_image, bundle):
    """The root is the ext4 with the directories of a root, not the /boot before it."""
    packed = tmp_path / "x.wic.gz"
    packed.write_bytes(gzip.compress(gpt_image.read_bytes()))
    done, steps = _deploy(tmp_path, packed, bundle)
    assert done, steps
    where = f"{tmp_path}/card.img?offset={PLACES[2][0] * MIB}"
    assert _run("debugfs", "-R", "cat /lava-1/bin/run", where) == "run"


def test_a_partition_of_the_device_file(tmp_path, gpt_image, bundle):
    """`deploy.root_partition` rules; for one that is missing, the card's numbers are given."""
    done, _ = _deploy(tmp_path, gpt_image, bundle, root_partition=2)
    assert done
    where = f"{tmp_path}/card.img?offset={PLACES[1][0] * MIB}"
    assert _run("debugfs", "-R", "cat /lava-1/bin/run", where) == "run"
    done, steps = _deploy(tmp_path, gpt_image, bundle, root_partition=7)
    assert not done
    assert "no partition 7 (it has 1, 2, 3): set deploy.root_partition" in steps[-1]


def test_a_damaged_gpt_is_named(tmp_path, gpt_image, bundle):
    """A damaged GPT gets no overlay; the reason is given."""
    with gpt_image.open("r+b") as file:
        os.pwrite(file.fileno(), b"x", 1024 + 60)
    done, steps = _deploy(tmp_path, gpt_image, bundle)
    assert not done
    assert "the GPT is damaged: wrong checksum of the table" in steps[-1]


def test_a_block_map_beside_the_image_is_used(tmp_path, gpt_image):
    """Only mapped blocks are written; one of another image is an error with its name."""
    _run("bmaptool", "create", "-o", f"{gpt_image}.bmap", gpt_image)
    store = ImageStore(tmp_path / "store")
    deadline, steps = Deadline(60, "test"), []
    device = Device("b1", "panda", deploy=Deploy(method="media", layout="image"))

    def write():
        image = store.get(str(gpt_image), base=tmp_path, deadline=deadline, step=print)
        write_media(device, str(tmp_path / "card.img"), image, None, deadline, steps.append)

    write()
    assert steps[0].startswith("writing the ")
    assert steps[0].endswith(f" of 21.0 MB that {gpt_image}.bmap maps")
    assert (tmp_path / "card.img").read_bytes() == gpt_image.read_bytes()
    with gpt_image.open("r+b") as file:
        os.pwrite(file.fileno(), b"x", 1024 + 60)
    with pytest.raises(DeployError, match=r"x.wic.bmap: the sha256 of bytes .* block map"):
        write()


def test_a_disk_without_partitions_gets_the_overlay(tmp_path, bundle):
    """An ext4 as a whole disk, as boards in QEMU have, is the root itself."""
    path = tmp_path / "root.img"
    _run("mke2fs", "-q", "-t", "ext4", path, "16M")
    done, steps = _deploy(tmp_path, path, bundle)
    assert done, steps
    assert _run("debugfs", "-R", "cat /lava-1/bin/run", tmp_path / "card.img") == "run"
