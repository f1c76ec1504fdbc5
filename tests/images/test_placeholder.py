"""Images that have no kernel in them."""

from __future__ import annotations

from lava_dispatcher_multinode.images import example_images
from lava_dispatcher_multinode.images.placeholder import is_placeholder


def test_the_examples_are_placeholders(tmp_path):
    """Both of them, for both boards."""
    for board in example_images.KERNEL_AT:
        image = tmp_path / board
        image.write_bytes(example_images.example_image(board))
        assert is_placeholder(image)


def test_everything_else_is_deployed_as_it_is(tmp_path, monkeypatch):
    """A user's own image is never replaced, whatever is wrong with it."""
    image = tmp_path / "image"
    image.write_bytes(b"")
    assert not is_placeholder(image)
    image.write_bytes(b"x" * 5000)
    assert not is_placeholder(image)
    monkeypatch.setattr(example_images, "KERNEL_NAME", "Linux-3.9-real")
    image.write_bytes(example_images.example_image("panda"))
    assert not is_placeholder(image)
