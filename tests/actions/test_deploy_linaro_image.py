"""`deploy_linaro_image`: the image is fetched and deployed, and the board must boot again."""

from __future__ import annotations

import gzip

import pytest

from lava_dispatcher_multinode.actions.deploy_linaro_image import DeployLinaroImage
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.lab.deploy_sections import Deploy


def test_the_image_goes_to_the_board(make_node, tmp_path):
    """The path is relative to the job; an earlier boot no longer counts."""
    (tmp_path / "card.img.gz").write_bytes(gzip.compress(b"card"))
    node = make_node()
    node.booted = True
    DeployLinaroImage().run(node, {"image": "card.img.gz"})
    ((what, image),) = node.board.asked
    assert what == "deploy"
    with image.open() as stream:
        assert stream.read() == b"card"
    assert not node.booted


def test_a_board_that_keeps_its_image_is_left_alone(make_node, events):
    """deploy.method none: nothing is fetched, and the log says so."""
    node = make_node(deploy=Deploy(method="none"))
    DeployLinaroImage().run(node, {"image": "nowhere.img"})
    assert node.board.asked == []
    assert "keeps what is on it" in events[-1][1]["text"]


def test_a_missing_image_is_an_error(make_node):
    """Named with its full path."""
    with pytest.raises(DeployError, match="no such image file: /.*nowhere.img"):
        DeployLinaroImage().run(make_node(), {"image": "nowhere.img"})


def test_an_image_that_cannot_be_used_is_named_once(make_node, tmp_path):
    """The message of the image reader names it; for other errors the action adds the name."""

    def read(image, *_):
        with image.open() as stream:
            stream.read()

    def refuse(image, *_):
        raise DeployError(f"{image.path}: no partition 2")  # looks as if it named the image

    packed = gzip.compress(b"card")[:-4]
    for name, deploy, text in (
        ("card.img.gz", read, f"{tmp_path}/card.img.gz: decompression failed: "),
        ("card.img", refuse, f"card.img: {tmp_path}/card.img: no partition 2"),
    ):
        (tmp_path / name).write_bytes(packed)
        node = make_node()
        node.board.deploy = deploy
        with pytest.raises(DeployError) as caught:
            DeployLinaroImage().run(node, {"image": name})
        assert str(caught.value).startswith(text)


def test_a_board_that_takes_no_images_is_refused(make_node, tmp_path):
    """Before anything is fetched; the message names the key."""
    for method in (None, "tftp"):
        with pytest.raises(DeployError, match=r"deploy\.method .*set deploy\.method to 'media'"):
            DeployLinaroImage().run(
                make_node(deploy=Deploy(method=method)), {"image": "nowhere.img"}
            )
