"""Writing a board's card behind an SD-mux."""

from __future__ import annotations

import pytest

from lava_dispatcher_multinode.boards.deploy import media
from lava_dispatcher_multinode.boards.deploy.media import write_media
from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, DeployError
from lava_dispatcher_multinode.images.store import Image
from lava_dispatcher_multinode.lab.deploy_sections import Deploy
from lava_dispatcher_multinode.lab.device_model import Device


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
